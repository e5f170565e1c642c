"""The style sheet: every part is served, in lines that can be read, and for what some page draws."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.components.tables import Column, table
from console.styles import PARTS, style_sheet

CONSOLE = Path(__file__).parents[2] / "console"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in (CONSOLE / "styles").glob("*.css")}
PAGES = "\n".join(path.read_text(encoding="utf-8") for path in CONSOLE.rglob("*.py"))
NOT_WRITTEN = re.compile(r"st[A-Z]|(token|string|number|boolean|function|builtin|keyword)$|w\d+$")
"""Classes that Streamlit and its highlighted code have, and a card's width, whose number `card` fills in."""


def test_every_part_is_served_once():
    sheet = style_sheet()
    assert sorted(PARTS) == sorted(FILES)
    assert sheet.startswith("<style>")
    assert sheet.endswith("</style>")
    assert "<" not in sheet[1:-8], "a browser is given no style element that has a tag in it"
    assert sheet.count("{") == sheet.count("}") == sum(text.count("{") for text in FILES.values())


def crammed(text: str) -> list[str]:
    """Lines that are too long, or hold more than a selector, a declaration or a brace."""
    bare = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL).splitlines()
    return [line for line in bare if line.count(";") > 1 or re.search(r"\{.*\S|\S.*\}", line)] + [
        line for line in text.splitlines() if len(line) > 120
    ]


@pytest.mark.parametrize("part", PARTS)
def test_a_line_holds_one_thing(part):
    assert crammed(FILES[part]) == []


@pytest.mark.parametrize("text", [".a { color: red; }", ".a {\n  color: red; margin: 0;\n}", f".{'a' * 120} {{\n}}"])
def test_a_crammed_line_is_noticed(text):
    assert crammed(text)


def named_by_no_page(sheet: str) -> list[str]:
    """Classes of ours, and keys of Streamlit's containers, that occur as a word in no module."""
    bare = re.sub(r"/\*.*?\*/|\{[^{}]*\}", " ", sheet, flags=re.DOTALL)
    names = {*re.findall(r"\.([a-zA-Z][\w-]*)", bare), *re.findall(r'"(st-key-\w+)"', bare)}
    ours = {name.removeprefix("st-key-").rstrip("_") for name in names if not NOT_WRITTEN.match(name)}
    return sorted(name for name in ours if not re.search(rf"(?<![\w-]){name}(?![a-zA-Z-])", PAGES))


def test_every_class_is_drawn_by_a_page():
    assert named_by_no_page(style_sheet()) == []


def test_a_class_of_no_page_is_noticed():
    sheet = '.no-such-thing { margin: .5rem; } @media print { .card [class*="st-key-nosuch_"] a { margin: 0; } }'
    assert named_by_no_page(sheet) == ["no-such-thing", "nosuch"]


def test_a_column_says_itself_that_its_words_break():
    shown = table((Column("Id", breaks=True), Column("n", number=True), Column("Why")), [("a1", 1, "so")])
    assert '<td class="breaks">a1</td><td class="num">1</td><td>so</td>' in shown
    assert "td.breaks" in style_sheet()
    assert "[aria-label" not in style_sheet(), "a table that is known by its label breaks the words of the wrong column"
