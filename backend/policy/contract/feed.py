"""What has changed for callers as feeds: JSON Feed 1.1 (jsonfeed.org) and Atom (RFC 4287). Pure."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

from backend.domain.contract import Release
from backend.domain.json_value import Json, JsonObject
from backend.policy.contract.difference import in_words

JSON_FEED = "https://jsonfeed.org/version/1.1"
ATOM = "http://www.w3.org/2005/Atom"
KINDS = {"promote": "promoted", "roll back": "returned to", "test": "on test"}


def headline(release: Release) -> str:
    """`v12 serves diabetes-endpoint: nothing changes for a caller`."""
    what = f"v{release.version} {'is on' if release.kind == 'test' else 'serves'} {release.endpoint}"
    back = ", returned to" if release.kind == "roll back" else ""
    return f"{what}{back}: {effect(release)}"


def effect(release: Release) -> str:
    """What it means to a caller who changes nothing."""
    if not release.before:
        return "the first version"
    if not release.known:
        return "not known, one of the two has no written contract"
    return in_words(release.changes)


def lines(release: Release) -> tuple[str, ...]:
    """What to read before one's own release, in order."""
    told = [change.sentence for change in release.changes]
    if release.threshold_before is not None and release.threshold_before != release.threshold:
        told.append(f"Decisions are made at {release.threshold:g}, before at {release.threshold_before:g}.")
    return (*told, f"Why: {release.reason}")


def json_feed(title: str, home: str, releases: tuple[Release, ...]) -> JsonObject:
    items: list[Json] = [
        {
            "id": release.id,
            "url": home,
            "title": headline(release),
            "content_text": "\n".join(lines(release)),
            "date_published": release.at.isoformat(),
            "authors": [{"name": release.by}],
            "tags": ["breaking"] if release.breaking else [],
        }
        for release in releases
    ]
    return {"version": JSON_FEED, "title": title, "home_page_url": home, "items": items}


def atom_feed(title: str, home: str, releases: tuple[Release, ...]) -> bytes:
    feed = Xml.Element("feed", xmlns=ATOM)
    newest = releases[0].at.isoformat() if releases else "1970-01-01T00:00:00+00:00"
    for name, text in (("title", title), ("id", home), ("updated", newest)):
        Xml.SubElement(feed, name).text = text
    Xml.SubElement(feed, "link", href=home)
    for release in releases:
        entry = Xml.SubElement(feed, "entry")
        fields = (("title", headline(release)), ("id", f"urn:mlops:{release.id}"), ("updated", release.at.isoformat()))
        for name, text in fields:
            Xml.SubElement(entry, name).text = _xml(text)
        Xml.SubElement(entry, "link", href=home)
        Xml.SubElement(Xml.SubElement(entry, "author"), "name").text = _xml(release.by)
        Xml.SubElement(entry, "content", type="text").text = _xml("\n".join(lines(release)))
    return bytes(Xml.tostring(feed, encoding="utf-8", xml_declaration=True))


def _xml(text: str) -> str:
    """XML 1.0 knows no control characters, escaped or not."""
    return "".join(c for c in text if c in "\n\t" or (c >= " " and not "\ud800" <= c <= "\udfff" and c < "\ufffe"))
