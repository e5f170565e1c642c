"""Clients to copy: curl, Python and JavaScript, each complete and without a package. Pure.

All three say in their User-Agent which key they use, by the first eight hex digits of its sha256: nobody can come from
there to the key, and the traffic log then tells which of the two is still in use. The tests run them as they are.
"""

from __future__ import annotations

import json

from backend.domain.contract import Contract, Language
from backend.domain.statuses import AGAIN
from backend.policy.contract.schema import example_rows


def client(language: Language, endpoint: str, contract: Contract) -> str:
    """The whole program. It asks about the contract's first example."""
    row = json.dumps(example_rows(contract)[0])
    codes = ", ".join(str(code) for code in sorted(AGAIN))
    text = _CLIENTS[language]
    return text.replace("ENDPOINT", endpoint).replace("ROW", row).replace("CODES", codes)


def environment(scoring_uri: str, endpoint: str, ca_bundle: str) -> str:
    """What a shell needs before one of them: the address, the key, and whose certificates to trust."""
    lines = [
        f"export MLOPS_URL={scoring_uri or '…'}",
        f'export MLOPS_KEY="$(mlops contract key {endpoint} --only)"',
    ]
    if ca_bundle:
        names = ("CURL_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
        lines.append("export " + " ".join(f"{name}={ca_bundle}" for name in names))
    return "\n".join(lines) + "\n"


_CURL = """\
# Asks ENDPOINT about one patient.
mark=$(printf %s "$MLOPS_KEY" | sha256sum | cut -c1-8)
curl --silent --show-error --max-time 10 --retry 3 "$MLOPS_URL" \\
  --header "Authorization: Bearer $MLOPS_KEY" \\
  --header "Content-Type: application/json" \\
  --header "x-request-id: my-app-$(date +%s)" \\
  --user-agent "my-app/1 key/$mark" \\
  --data '{"rows": [ROW]}'
"""

_PYTHON = '''\
"""Asks ENDPOINT about one patient. Python 3.9 or newer, nothing to install."""
import hashlib, json, os, time, urllib.error, urllib.request, uuid

URL, KEY = os.environ["MLOPS_URL"], os.environ["MLOPS_KEY"]
CALLER = "my-app/1 key/" + hashlib.sha256(KEY.encode()).hexdigest()[:8]
AGAIN = {CODES}


class Refused(Exception):
    """The request breaks the contract: `field` and `row` say where. Sending it again gives the same."""

    def __init__(self, error):
        super().__init__(error["message"])
        self.field, self.row = error["field"], error["row"]


def score(rows, tries=3):
    """The answer to these rows: predictions in their order, warnings, model_version, threshold, request_id."""
    request = urllib.request.Request(URL, json.dumps({"rows": rows}).encode(), {
        "Authorization": "Bearer " + KEY,
        "Content-Type": "application/json",
        "User-Agent": CALLER,
        "x-request-id": str(uuid.uuid4()),
    })
    for attempt in range(1, tries + 1):
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            text = error.read().decode()
            if error.code == 424:
                raise Refused(json.loads(text)["error"]) from error
            if error.code not in AGAIN or attempt == tries:
                raise RuntimeError(f"{URL} answered {error.code}: {text}") from error
        time.sleep(2 ** attempt / 2)


if __name__ == "__main__":
    print(json.dumps(score([ROW])))
'''

_JAVASCRIPT = """\
// Asks ENDPOINT about one patient. Node 18 or newer, nothing to install.
// Run it on your server: whoever has the page would have the key.
import { createHash, randomUUID } from "node:crypto";

const { MLOPS_URL: url, MLOPS_KEY: key } = process.env;
const caller = "my-app/1 key/" + createHash("sha256").update(key).digest("hex").slice(0, 8);
const again = new Set([CODES]);

/** The request breaks the contract: `field` and `row` say where. Sending it again gives the same. */
export class Refused extends Error {
  constructor({ message, field, row }) {
    super(message);
    Object.assign(this, { name: "Refused", field, row });
  }
}

/** The answer to these rows: predictions in their order, warnings, model_version, threshold, request_id. */
export async function score(rows, tries = 3) {
  for (let attempt = 1; ; attempt++) {
    const answer = await fetch(url, {
      method: "POST",
      signal: AbortSignal.timeout(10_000),
      headers: {
        Authorization: `Bearer ${key}`,
        "Content-Type": "application/json",
        "User-Agent": caller,
        "x-request-id": randomUUID(),
      },
      body: JSON.stringify({ rows }),
    });
    if (answer.ok) return answer.json();
    const text = await answer.text();
    if (answer.status === 424) throw new Refused(JSON.parse(text).error);
    if (!again.has(answer.status) || attempt === tries) throw new Error(`${url} answered ${answer.status}: ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 2 ** attempt * 500));
  }
}

console.log(JSON.stringify(await score([ROW])));
"""

_CLIENTS = {Language.CURL: _CURL, Language.PYTHON: _PYTHON, Language.JAVASCRIPT: _JAVASCRIPT}
