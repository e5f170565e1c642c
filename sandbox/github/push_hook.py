"""git's `update` hook: refuses a ref that the policy of this push refuses. Runs alone, on the standard library.

`PUSH_POLICY` names a JSON file `{ref: {"code", "title", "review", "always": [..], "forced": [..]}}` written for this
push; `forced` sentences apply when the new commit does not contain the old one. Without a policy everything is refused.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ZERO = "0" * 40


def main(ref: str, old: str, new: str) -> int:
    place = os.environ.get("PUSH_POLICY", "")
    if not place:
        sys.stderr.write("error: this repository accepts pushes over HTTPS only\n")
        return 1
    policy = json.loads(Path(place).read_text(encoding="utf-8")).get(ref)
    if policy is None:
        return 0
    sentences = list(policy["always"])
    if policy["forced"] and ZERO not in {old, new} and not _contains(new, old):
        sentences += policy["forced"]
    if not sentences:
        return 0
    lines = [f"error: {policy['title']}", *policy["review"], *(f"- {sentence}" for sentence in sentences), ""]
    sys.stderr.write("\n".join(lines) + "\n")
    return 1


def _contains(new: str, old: str) -> bool:
    arguments = ["git", "merge-base", "--is-ancestor", old, new]
    return subprocess.run(arguments, check=False, timeout=60).returncode == 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:4]))
