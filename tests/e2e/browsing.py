"""What a person does in the browser, and what the browser had to say about it."""

from __future__ import annotations

from dataclasses import dataclass, field

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as TooLong

MINUTE = 60_000
"""Playwright counts in milliseconds."""
POINTING, POINTINGS = 4_000, 5
LAYOUTS = 30
STOPS = 80
FAULTS = "[role=alert]:not(.st-key-alert_strip [role=alert])"
"""Where a page says that something is wrong with it or its world; that the endpoint's calls fail is no fault of its."""
STANDARDS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
STREAMLITS = {
    "list": "[data-testid=stSidebarNav]",
    "listitem": "[data-testid=stSidebarNav]",
    "target-size": "[data-testid=stDateTimeInput]",
}


@dataclass
class Complaints:
    """What browsers had to say about their visits: equal to `Complaints()` where that was nothing."""

    policy: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def listen(self, context: BrowserContext) -> None:
        """Keep what violates a policy, asks for another machine, or ends in an uncaught script error."""
        context.on("console", lambda said: self.policy.append(said.text) if "Security Policy" in said.text else None)
        context.on("request", lambda asked: self._asked(asked.url))
        context.on("weberror", lambda error: self.errors.append(str(error.error)))
        context.on("page", lambda page: page.on("websocket", lambda socket: self._asked(socket.url)))

    def _asked(self, url: str) -> None:
        if not url.startswith(("http://127.0.0.1:", "ws://127.0.0.1:", "data:", "blob:")):
            self.outside.append(url)


def sign_in(page: Page, url: str, name: str) -> None:
    """Open a page of the console as one of the accounts."""
    page.goto(url)
    page.locator(".st-key-sign_in button").click()
    page.get_by_text(name, exact=True).click()
    settled(page)
    expect(page.locator(".me")).to_be_visible()


def settled(page: Page) -> None:
    """Wait until the script has run to its end."""
    app = page.locator("[data-testid=stApp][data-test-script-state]")
    expect(app).not_to_have_attribute("data-test-script-state", "running")


def sound(page: Page) -> None:
    """Nothing is said to be wrong; what is said otherwise is told."""
    expect(page.locator(FAULTS)).to_have_text([])


def button(page: Page, key: str) -> Locator:
    return page.locator(f".st-key-{key} button").first


def refusal(page: Page, key: str) -> str:
    """Why a button that is visible may not be used, as a person reads it: by pointing at it."""
    expect(button(page, key)).to_be_disabled()
    settled(page)
    said = page.get_by_test_id("stTooltipContent")
    for _ in range(POINTINGS):
        page.locator(f".st-key-{key} [data-testid=stTooltipHoverTarget]").first.hover()
        try:
            said.wait_for(timeout=POINTING)
        except TooLong:
            page.mouse.move(0, 0)  # the page was redrawn under the pointer
            continue
        text = said.inner_text()
        page.mouse.move(0, 0)
        expect(said).to_have_count(0)
        return text
    raise AssertionError(f"The button {key} does not say why it may not be used")


def row_of(page: Page, key: str) -> Locator:
    """The whole row of a list, found by the key of its link."""
    return page.get_by_test_id("stHorizontalBlock").filter(has=page.locator(f".st-key-{key}")).last


def give_reason(page: Page, text: str) -> None:
    """Write into the page's reason and leave the field, so that the page has it before anything is clicked."""
    reason = page.get_by_label("Reason, required")
    reason.fill(text)
    reason.press("Tab")
    settled(page)


def accept_advisories(page: Page) -> None:
    """Tick every advisory gate that did not pass, one after the other: each tick draws the page anew."""
    ticks = page.locator('[class*="st-key-accept_"]')
    for index in range(ticks.count()):
        ticks.nth(index).locator("label").click()
        settled(page)


BLOCKS = (
    ".meta",
    ".strip",
    "section.now-next",
    "section.patients",
    "section.champion",
    ".st-key-card_blockers",
    "section.who",
    "section.why",
    "section.health",
    ".after-click",
    "section.way-back",
    "section.fresh",
    ".st-key-promote",
    ".bound",
)
"""What a lead has to see before the click, in the order of reading; the last two are the click itself."""


def below_the_fold(page: Page) -> list[str]:
    """The blocks of the decision page that are not wholly on the screen as it opens, with where they end."""
    height = page.viewport_size["height"] if page.viewport_size else 0
    boxes = {block: page.locator(block).first.bounding_box() for block in BLOCKS}
    return [
        f"{block}: {box and round(box['y'] + box['height'])}"
        for block, box in boxes.items()
        if box is None or box["y"] < 0 or box["y"] + box["height"] > height
    ]


def decide_by_keyboard(page: Page, reason: str) -> list[str]:
    """Come to the primary action with Tab alone, ticking and writing on the way; the keys of all stops."""
    page.evaluate("document.activeElement.blur()")
    stops: list[str] = []
    for _ in range(STOPS):
        page.keyboard.press("Tab")
        stops.append(page.evaluate(_STOP))
        if stops[-1].startswith("accept_") and stops[-1] not in stops[:-1]:  # the second stop explains the first
            page.keyboard.press("Space")
            settled(page)
        elif stops[-1].startswith("reason_"):
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.type(reason)
            expect(button(page, "promote")).to_be_enabled()  # what was ticked has been drawn, as a person would see
        elif stops[-1] == "promote":
            return stops
        settled(page)
    raise AssertionError(f"Tab does not come to the primary action: {stops}")


_STOP = """() => {
  const key = document.activeElement.closest('[class*="st-key-"]')?.className.match(/st-key-([\\w-]+)/);
  return key ? key[1] : document.activeElement.tagName.toLowerCase();
}"""


def barriers(page: Page) -> list[str]:
    """What axe-core finds against WCAG 2.2 AA and good practice, as `rule: place`.

    Left out is what Streamlit 1.67 draws and nobody can change from an app: its menu with sections is a list whose
    items stand in boxes, and the parts of its time field are small.
    """
    found = Axe().run(page, options={"runOnly": list(STANDARDS)})
    return [
        f"{rule['id']}: {node['target'][0]}"
        for rule in found.response["violations"]
        for node in rule["nodes"]
        if rule["id"] not in STREAMLITS or not _inside(page, node["target"][0], STREAMLITS[rule["id"]])
    ]


def _inside(page: Page, place: str, whole: str) -> bool:
    return page.locator(whole).filter(has=page.locator(place)).count() > 0


def sideways(page: Page) -> list[str]:
    """What is wider than its place once the page has laid itself out, as `tag.class by N px`.

    What scrolls on purpose is left out.
    """
    for _ in range(LAYOUTS):
        found = list(page.evaluate(_SIDEWAYS))
        if not found:
            return []
        page.wait_for_timeout(100)  # tables and charts follow a change of width by an observer of their own
    return found


_SIDEWAYS = """() => {
  const main = document.querySelector('[data-testid=stMain]');
  const right = main.getBoundingClientRect().right + 1;
  const scrolls = (e) => ['auto', 'scroll', 'hidden', 'clip'].includes(getComputedStyle(e).overflowX);
  const kept = (e) => {
    const up = e.parentElement;
    return up && up !== main && (scrolls(up) || kept(up));
  };
  const name = (e, by) => `${e.tagName.toLowerCase()}.${e.className} by ${Math.round(by)} px`;
  const found = [];
  for (const e of [document.documentElement, main])
    if (e.scrollWidth > e.clientWidth) found.push(name(e, e.scrollWidth - e.clientWidth));
  for (const e of main.querySelectorAll('*')) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > right && !kept(e)) found.push(name(e, box.right - right));
  }
  for (const e of main.querySelectorAll('section.card, .stVerticalBlock[class*=st-key-card_]'))
    if (e.scrollWidth > e.clientWidth + 1) found.push(name(e, e.scrollWidth - e.clientWidth));
  return found.slice(0, 8);
}"""
