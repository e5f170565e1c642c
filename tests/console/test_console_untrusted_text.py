"""Outside text is shown as it is: it formats nothing, loads nothing and runs nothing."""

from __future__ import annotations

import hospital
import hospital_models
import hospital_pulls
import pytest
from markdown_it import MarkdownIt
from visitors import claims, text

from backend.domain.promotions import Kind
from console import topics
from console.components.diff import diff
from console.components.labels import literal, spoken
from console.components.markup import Html, escape, fill
from console.viewmodels.text import Untrusted

HOSTILE = {
    "markdown": "**bold** [x](javascript:alert(1)) ![i](http://evil.example/x.png) :red-badge[ok] $x^2$",
    "html": "<img src=x onerror=alert(1)><script>alert(1)</script>",
    "right to left": "approve \u202ereversed\u202c \u2066isolated",
    "control": "bell\x07 null\x00 escape\x1b[31m newline\nsecond",
    "long": "x" * 10_000,
}

SENTENCES = (
    "Subgroups: age under 40, sex female: inconclusive, of 7 bands.",
    "AUC +0.140 (95 % [0.131, 0.149]) against v1: a loss of 0.01 is excluded.",
    "p95 41 ms, 0 errors in 400 requests; limit 110 ms (at_a_time 4).",
)


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_markup_escapes_outside_text(raw):
    made = fill("<p>{text}</p>", text=Untrusted(raw))
    inner = made.removeprefix("<p><bdi>").removesuffix("</bdi></p>")
    assert "<" not in inner
    assert inner.isprintable()
    assert len(inner) <= 160 * 6


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_labels_take_every_meaning_from_markdown(raw):
    label = literal(Untrusted(raw))
    assert label.isprintable()
    assert len(label) <= 400
    for position, character in enumerate(label):
        if character in "*_[]()<>!:$`":
            assert label[position - 1] == "\\"


@pytest.mark.parametrize("raw", [*HOSTILE.values(), *SENTENCES, "1. first", "# head", "a_b_ _c_", "&lt;b&gt; &#42;"])
def test_what_is_read_out_is_shown_literally_too(raw):
    plain = Untrusted(raw).one_line(200)
    (shown,) = MarkdownIt("gfm-like", {"linkify": False}).parse(spoken(raw))[1:-1]
    assert {child.type for child in shown.children} <= {"text", "text_special"}
    assert "".join(child.content for child in shown.children) == plain


@pytest.mark.parametrize("raw", SENTENCES)
def test_a_sentence_in_plain_words_is_read_out_as_it_stands(raw):
    assert spoken(raw) == raw


def test_only_our_own_markup_passes_unescaped():
    assert escape(Html("<b>ours</b>")) == "<b>ours</b>"
    assert escape("<b>theirs</b>") == "&lt;b&gt;theirs&lt;/b&gt;"
    assert escape(Untrusted("<b>")) == "<bdi>&lt;b&gt;</bdi>"


def test_a_patch_is_lines_of_text():
    shown = diff(hospital_pulls.detail(14).files)
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in shown
    assert "<script>" not in shown
    assert "a binary or empty file" in shown


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_title_reaches_no_page_unescaped(visit, world, raw):
    pull = hospital_pulls.pull(14).model_copy(update={"title": raw, "head_ref": raw, "author": raw})
    detail = hospital_pulls.detail(14).model_copy(update={"summary": pull, "body": raw})
    world.wired.snapshots.put(topics.pulls(), (pull,))
    world.wired.snapshots.put(topics.pull(14), detail)
    for app in (visit(), visit("views/pull_requests.py"), visit("views/pull_requests.py", number="14")):
        assert not app.exception
        for markup in (text(app),):
            assert "<img" not in markup
            assert "<script" not in markup
            assert "\u202e" not in markup
        for link in app.main.get("page_link"):
            assert "](" not in link.proto.label.replace("\\]\\(", "")


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_title_is_literal_where_its_author_is_asked_to_mend_it(visit, world, raw):
    pull = hospital_pulls.pull(16).model_copy(update={"title": raw})
    world.wired.snapshots.put(topics.pulls(), (pull,))
    app = visit(user=claims(pull.author, "scientist"))
    labels = [link.proto.label for link in app.main.get("page_link")]
    assert any(label.startswith("Mend") for label in labels)
    for label in labels:
        assert label.isprintable()
        assert "](" not in label.replace("\\]\\(", "")


@pytest.mark.parametrize("raw", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_reason_is_literal_wherever_a_version_stands(visit, world, raw):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.finish(world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable))
    promotions = world.wired.backend.promotions
    reason = f"It missed too many. {raw}"[:1900]
    world.finish(promotions.roll_back(hospital.LEAD, promotions.stable(), reason, "a key"))
    for app in (
        visit(),
        visit("views/models.py"),
        visit("views/models.py", version="2"),
        visit("views/deployments.py"),
        visit("views/deployments.py", version="2"),
        visit("views/audit.py"),
    ):
        assert not app.exception
        assert "It missed too many." in text(app)
        for harm in ("<img", "<script", "\u202e"):
            assert harm not in text(app)
