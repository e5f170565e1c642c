"""What is removed from an environment, and how several share their files."""

from __future__ import annotations

import os

import pytest

from sandbox.demo.disk import SMALLEST_SHARED, prune, share
from sandbox.demo.environments import STAMP, share_files, stamp

SITE = "lib/python3.12/site-packages"
LARGE = b"x" * SMALLEST_SHARED


@pytest.fixture
def environments(tmp_path):
    made = [tmp_path / name for name in ("console", "runtime")]
    for environment in made:
        for path, content in {
            f"{SITE}/numpy/core.so": LARGE,
            f"{SITE}/numpy/small.py": b"import os",
            f"{SITE}/numpy/linalg/tests/test_linalg.py": b"assert True",
            f"{SITE}/numpy/random/bit_generator.pxd": b"cdef class",
            f"{SITE}/numpy/random/mtrand.pyi": b"def seed() -> None: ...",
            f"{SITE}/check_jsonschema/builtin_schemas/vendor/renovate.json": b"{}",
            f"{SITE}/check_jsonschema/builtin_schemas/vendor/github-workflows.json": b"{}",
            f"{SITE}/ours/tests/data.py": b"kept = True",
            "share/jupyter/nbextensions/index.js": b"alert()",
        }.items():
            (environment / path).parent.mkdir(parents=True, exist_ok=True)
            (environment / path).write_bytes(content)
    return made


def test_only_what_nobody_reads_is_removed(environments):
    prune(environments[0])
    left = sorted(str(path.relative_to(environments[0])) for path in environments[0].rglob("*") if path.is_file())
    schema = "check_jsonschema/builtin_schemas/vendor/github-workflows.json"
    assert left == [f"{SITE}/{kept}" for kept in (schema, "numpy/core.so", "numpy/small.py", "ours/tests/data.py")]


def test_equal_large_files_become_one_and_stay_equal(environments):
    one, other = (environment / SITE / "numpy" / "core.so" for environment in environments)
    assert share(environments) == SMALLEST_SHARED
    assert one.samefile(other)
    assert other.read_bytes() == LARGE
    assert not environments[0].joinpath(SITE, "numpy/small.py").samefile(environments[1] / SITE / "numpy/small.py")
    assert share(environments) == 0


def test_files_that_differ_in_content_or_mode_are_left_alone(environments):
    one, other = (environment / SITE / "numpy" / "core.so" for environment in environments)
    other.chmod(0o755)
    assert share(environments) == 0
    other.chmod(one.stat().st_mode)
    other.write_bytes(LARGE[:-1] + b"y")
    assert share(environments) == 0
    assert one.stat().st_nlink == 1


def test_a_replaced_file_leaves_its_twin_as_it_was(environments):
    """As pip does it: the new version is another file under the old name."""
    one, other = (environment / SITE / "numpy" / "core.so" for environment in environments)
    share(environments)
    one.with_suffix(".new").write_bytes(b"upgraded")
    one.with_suffix(".new").replace(one)
    assert other.read_bytes() == LARGE


def test_environments_are_shared_once_whoever_installed_them_and_again_after_another_install(tmp_path, environments):
    """The first start may have been cut off between an installation and this."""
    (tmp_path / ".venv").mkdir()
    for environment in environments:
        environment.rename(tmp_path / ".venv" / environment.name)
        stamp(tmp_path / ".venv" / environment.name / STAMP, "a lock")
    assert share_files(tmp_path) == SMALLEST_SHARED
    assert share_files(tmp_path) is None
    stamp(tmp_path / ".venv" / "runtime" / STAMP, "another lock")
    assert share_files(tmp_path) == 0


def test_a_copy_by_hard_links_keeps_the_stamp_it_had(environments):
    one, copied = (environment / STAMP for environment in environments)
    stamp(one, "the first lock")
    os.link(one, copied)
    stamp(one, "the second lock")
    assert (one.read_text(), copied.read_text()) == ("the second lock", "the first lock")
    assert [path.name for path in environments[0].glob(f"{STAMP}*")] == [STAMP]
