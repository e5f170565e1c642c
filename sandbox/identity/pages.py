"""The pages a person sees while signing in: plain HTML and CSS, no script, light and dark."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from starlette.responses import HTMLResponse

from sandbox.accounts import PEOPLE, Person

STYLE = """
:root { color-scheme: light dark; --ground: #f6f7f9; --card: #ffffff; --ink: #1b2430; --quiet: #5b6776;
  --line: #d9dee5; --accent: #0b62c4; --hover: #eef4fc; --warn: #7a4b00; --warn-ground: #fff6e3; }
@media (prefers-color-scheme: dark) { :root { --ground: #10151c; --card: #18202a; --ink: #e8edf3; --quiet: #9aa7b6;
  --line: #2c3744; --accent: #76b3ff; --hover: #202b38; --warn: #ffd58a; --warn-ground: #33270f; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 30rem; margin: 8vh auto; padding: 2rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 12px; }
main.wide { max-width: 60rem; margin: 4vh auto; }
h1 { font-size: 1.35rem; margin: 0 0 .25rem; } h2 { font-size: 1.05rem; margin: 2rem 0 .5rem; }
p { margin: .5rem 0; } .quiet { color: var(--quiet); } a { color: var(--accent); }
.notice { margin: 1rem 0; padding: .6rem .8rem; border-radius: 8px; background: var(--warn-ground); color: var(--warn);
  font-size: .9rem; }
.account { display: block; width: 100%; margin: .5rem 0; padding: .75rem 1rem; text-align: left; cursor: pointer;
  border: 1px solid var(--line); border-radius: 8px; background: var(--card); color: var(--ink); font: inherit; }
.account:hover, .account:focus-visible { background: var(--hover); border-color: var(--accent); outline: none; }
.account strong { display: block; } .account span { color: var(--quiet); font-size: .9rem; }
.plain { padding: .5rem 1rem; border: 1px solid var(--line); border-radius: 8px; background: transparent;
  color: var(--ink); font: inherit; cursor: pointer; }
.plain:hover, .plain:focus-visible { border-color: var(--accent); outline: none; }
input[type=text] { width: 100%; padding: .6rem .8rem; font: 1.25rem ui-monospace, monospace; letter-spacing: .12em;
  text-transform: uppercase; border: 1px solid var(--line); border-radius: 8px; background: var(--ground);
  color: var(--ink); }
table { width: 100%; border-collapse: collapse; font-size: .9rem; } th { text-align: left; color: var(--quiet); }
th, td { padding: .35rem .75rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top; }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
.row { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .5rem 0; }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'; base-uri 'none'"
NOTICE = "Simulated accounts of a simulated hospital on this machine. No password, no real person, no real patient."


def page(title: str, body: str, *, status: int = 200, wide: bool = False) -> HTMLResponse:
    """A whole page; `body` is HTML that has already been escaped."""
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><style>{STYLE}</style></head>'
        f"<body><main{' class=wide' if wide else ''}><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
    headers = {
        "Cache-Control": "no-store",
        "Content-Security-Policy": POLICY,
        "Referrer-Policy": "same-origin",
    }
    return HTMLResponse(html, status, headers)


def account_buttons(people: Iterable[Person] = PEOPLE) -> str:
    """One big button per account; its form says what choosing it does."""
    return "".join(
        f'<button class="account" name="account" value="{escape(person.login)}"><strong>{escape(person.name)}</strong>'
        f"<span>{escape(person.email)} · role {escape(', '.join(person.roles))}</span>"
        "</button>"
        for person in people
    )


def choose_account(title: str, asking: str, action: str, *, hidden: str = "", deny: bool = False) -> HTMLResponse:
    """The account picker: `asking` says who wants what; `action`, a path, gets the choice as `account`."""
    refusal = '<p><button class="plain" name="account" value="">Cancel</button></p>' if deny else ""
    return page(
        title,
        f'<p class="quiet">{escape(asking)}</p><p class="notice">{NOTICE}</p>'
        f'<form method="post" action="{escape(action)}">{hidden}{account_buttons()}{refusal}</form>',
    )


def device_form(action: str, user_code: str = "", problem: str = "") -> HTMLResponse:
    """Ask for the code a terminal shows."""
    trouble = f'<p class="notice" role="alert">{escape(problem)}</p>' if problem else ""
    return page(
        "Enter code",
        f'<p class="quiet">Type the code that your terminal shows.</p>{trouble}'
        f'<form method="get" action="{escape(action)}"><label for="user_code" class="quiet">Code</label>'
        f'<input type="text" id="user_code" name="user_code" value="{escape(user_code)}" autocomplete="off" required '
        'autofocus><p><button class="plain">Continue</button></p></form>',
        status=400 if problem else 200,
    )


def hidden_field(name: str, value: str) -> str:
    return f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'


def message_page(title: str, message: str) -> HTMLResponse:
    return page(title, f"<p>{escape(message)}</p>")


def error_page(title: str, message: str) -> HTMLResponse:
    return page(
        title, f'<p role="alert">{escape(message)}</p><p class="quiet">Close this page and start again.</p>', status=400
    )
