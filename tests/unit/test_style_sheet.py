"""The style sheet: every part is served, in lines that can be read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from console.styles import PARTS, style_sheet

CONSOLE = Path(__file__).parents[2] / "console"
FILES = {path.stem: path.read_text(encoding="utf-8") for path in (CONSOLE / "styles").glob("*.css")}


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
