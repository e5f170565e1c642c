"""Pages of a list, and the Link header that leads from one to the next."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from urllib.parse import urlencode

Item = TypeVar("Item")
DEFAULT_PER_PAGE = 30
MAX_PER_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """One page of a longer list; `link` is the header's value, "" where one page holds all."""

    items: list[Item]
    total: int
    link: str


def page_of(items: Sequence[Item], url: str, query: Mapping[str, str]) -> Page[Item]:
    """Cut the page that `page` and `per_page` of the query ask for; `url` is the list's own without a query.

    The header's form (`<url>; rel="next", <url>; rel="last"`) is kept exactly: clients parse it by hand.
    """
    per_page = min(max(_number(query.get("per_page"), DEFAULT_PER_PAGE), 1), MAX_PER_PAGE)
    page = max(_number(query.get("page"), 1), 1)
    last = max((len(items) + per_page - 1) // per_page, 1)
    wanted = []
    if page > 1:
        wanted.append(("prev", min(page - 1, last)))
    if page < last:
        wanted += [("next", page + 1), ("last", last)]
    if page > 1:
        wanted.append(("first", 1))
    link = ", ".join(f'<{url}?{urlencode({**query, "page": str(to)})}>; rel="{name}"' for name, to in wanted)
    return Page(list(items[(page - 1) * per_page : page * per_page]), len(items), link)


def _number(text: str | None, default: int) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else default
