"""A document as one HTML file: no script, no address outside it, made to be printed.

Its `main` element is the content; the sha256 of those bytes stands below it, and the command that proves it.
"""

from __future__ import annotations

import hashlib
import html

from backend.operations.plain_html import Html

_STYLE = """
:root { color-scheme: light dark; --ink: #16202c; --paper: #fff; --line: #d8dee6; --quiet: #4a5a6b; --bad: #a1260d; }
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6ebf1; --paper: #12181f; --line: #2c3742; --quiet: #a3b1c0; --bad: #ff9a85; } }
body { font: 13px/1.45 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 62rem;
  margin: 2rem auto; padding: 0 1.2rem; }
h1 { font-size: 1.5rem; margin: 0 0 .2rem; } h2 { font-size: 1.05rem; margin: 1.8rem 0 .4rem; } h3 { font-size: .9rem; }
table { border-collapse: collapse; width: 100%; margin: .3rem 0 .8rem; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { font-weight: 600; color: var(--quiet); } .pairs th { width: 13rem; } code { font: 11.5px ui-monospace, monospace; }
ul { margin: 0; padding-left: 1.1rem; } .warning { color: var(--bad); font-weight: 600; }
.alarm { border-left: 4px solid var(--bad); padding-left: .8rem; color: var(--bad); } .alarm th { color: var(--bad); }
footer { border-top: 2px solid var(--ink); margin-top: 2rem; padding-top: .6rem; }
@media print { :root { color-scheme: light; } body { margin: 0; max-width: none; font-size: 10px; }
  section { break-before: auto; } tr { break-inside: avoid; } thead { display: table-header-group; }
  h2, h3 { break-after: avoid; } }
"""


def document(title: str, parts: tuple[Html, ...], note: str) -> bytes:
    """The whole file: `parts` are its content, `note` what the foot says after the hash. Same parts, same bytes."""
    content = "\n".join(("<main>", *parts, "</main>\n"))
    digest = hashlib.sha256(content.encode()).hexdigest()
    return (
        "<!DOCTYPE html>\n<html lang='en'><head><meta charset='utf-8'>\n"
        "<meta name='viewport' content='width=device-width'>\n"
        "<meta http-equiv='Content-Security-Policy' content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{html.escape(title)}</title>\n<style>{_STYLE}</style></head><body>\n"
        f"{content}{_foot(digest, note)}</body></html>\n"
    ).encode()


def _foot(digest: str, note: str) -> str:
    check = r"sed -n '/^&lt;main&gt;$/,/^&lt;\/main&gt;$/p' FILE | sha256sum"
    return (
        f"<footer><p>sha256 of the content: <code>{digest}</code></p>\n"
        f"<p>To check: <code>{check}</code>. {note}</p></footer>\n"
    )
