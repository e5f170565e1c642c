"""Anchors as tags of the repository, over the wire: written once, read again, and what they betray."""

from __future__ import annotations

import pytest
from gateways_world import settings_of
from github_lab import close_lab, open_lab, refusal
from pydantic import SecretStr

from backend.domain.ledger_chain import entry_hash
from backend.errors import Conflict, RemoteUnavailable
from backend.gateways.github.client import GitHubReader, GitHubWriter
from backend.gateways.github.contents import Contents
from backend.gateways.github.rulesets import Rulesets, differences, tags_for_ever
from backend.gateways.github.tags import Tag, Tags
from backend.operations.anchoring import Anchoring
from backend.setup.declaration import read_declaration
from backend.store.audit import Note
from tests.recovery.hospital import PROJECT, Hospital


@pytest.fixture
def lab(sandbox, tmp_path):
    opened = open_lab(sandbox, tmp_path)
    opened.start()
    opened.protect()
    yield opened
    close_lab(opened)


@pytest.fixture
def world(tmp_path):
    hospital = Hospital.after(tmp_path, "1", staged="2")
    yield hospital
    hospital.close()


def tags_of(sandbox, lab, tmp_path):
    """As the worker's installation identity."""
    github = settings_of(sandbox, tmp_path).github
    return Tags(GitHubReader(github.api_url, lab.full_name, github.installation_token, str(sandbox.ca_file)))


def anchoring(world, tags):
    return Anchoring(world.store, tags, Contents(tags._connection), PROJECT, world.clock)


def names(lab):
    return [ref.ref for ref in lab.repo("viewer").get_git_matching_refs("tags/ledger/")]


def rewrite(store, sequence, **changes):
    """As an administrator of the database would: a row, every hash after it, and the head."""
    previous = ""
    with store.database.writing() as connection:
        for entry in reversed(store.audit.entries(limit=10_000)):
            forged = entry.model_copy(update=(changes if entry.sequence == sequence else {}) | {"previous": previous})
            previous = entry_hash(forged)
            connection.exec_driver_sql(
                "UPDATE audit SET reason = ?, previous = ?, hash = ? WHERE sequence = ?",
                (forged.reason, forged.previous, previous, forged.sequence),
            )
        connection.exec_driver_sql("UPDATE audit_head SET hash = ?", (previous,))


def test_an_ended_promotion_is_anchored_once_and_found_by_git(sandbox, lab, world, tmp_path):
    work = anchoring(world, tags_of(sandbox, lab, tmp_path))
    due = work.due()
    work.anchor()
    work.anchor()
    assert names(lab) == [f"refs/tags/ledger/{due.sequence}"]
    clone = lab.clone("viewer")
    message = lab.git(clone, "for-each-ref", "--format=%(contents)", "refs/tags/ledger")
    assert f"sequence: {due.sequence}\nhash: {due.hash}\n" in message
    (row,) = world.store.audit.entries(subject="ledger/*")
    assert (row.actor, row.after) == ("worker", due.hash)
    report = work.compare()
    assert (report.agreeing, report.newest, report.problem, report.unread) == (1, due.sequence, "", "")


@pytest.mark.recovery
@pytest.mark.parametrize("crash", ["after the object", "after the ref"])
def test_a_crashed_anchoring_finds_its_tag_and_writes_no_second(sandbox, lab, world, tmp_path, crash):
    tags = tags_of(sandbox, lab, tmp_path)
    work = anchoring(world, tags)
    due = work.due()
    repo, main = lab.repo("lead"), lab.repo("lead").get_branch("main").commit.sha
    message = f"Ledger of the MLOps Console\n\nsequence: {due.sequence}\nhash: {due.hash}\nat: {due.at.isoformat()}"
    made = repo.create_git_tag(f"ledger/{due.sequence}", message, main, "commit")
    if crash == "after the ref":
        repo.create_git_ref(f"refs/tags/ledger/{due.sequence}", made.sha)
    world.store.audit.append(Note("viewer", "console", "person.signed_in", "person/viewer"))
    work.anchor()
    assert names(lab) == [f"refs/tags/ledger/{due.sequence}"]
    assert len(world.store.audit.entries(subject="ledger/*")) == 1
    assert work.compare().agreeing == 1


def test_a_ledger_rewritten_whole_is_betrayed_by_its_anchor(sandbox, lab, world, tmp_path):
    work = anchoring(world, tags_of(sandbox, lab, tmp_path))
    due = work.due()
    work.anchor()
    rewrite(world.store, 3, reason="kinder")
    assert world.store.audit.verify().whole
    problem = work.compare().problem
    assert problem == (
        f"the ledger contradicts its anchor ledger/{due.sequence}: the rows up to entry {due.sequence} were rewritten"
    )


@pytest.mark.recovery
def test_a_removed_tag_is_betrayed_by_the_ledger(sandbox, lab, world, tmp_path):
    work = anchoring(world, tags_of(sandbox, lab, tmp_path))
    due = work.due()
    work.anchor()
    lab.repo("lead").get_git_ref(f"tags/ledger/{due.sequence}").delete()
    assert f"the tag ledger/{due.sequence} is gone" in work.compare().problem


@pytest.mark.recovery
def test_under_the_ruleset_of_setup_an_anchor_is_written_and_stays(sandbox, lab, world, tmp_path):
    github = settings_of(sandbox, tmp_path).github
    lead = GitHubWriter(github.api_url, lab.full_name, SecretStr(lab.token("lead")), str(sandbox.ca_file))
    declared = read_declaration().anchors
    Rulesets(lead).ensure(tags_for_ever(declared.name, declared.pattern))
    assert differences(Rulesets(lead).find(declared.name), tags_for_ever(declared.name, declared.pattern)) == ()
    work = anchoring(world, tags_of(sandbox, lab, tmp_path))
    due = work.due()
    work.anchor()
    refused = refusal(lab.repo("lead").get_git_ref(f"tags/ledger/{due.sequence}").delete)
    assert "rule violations" in str(refused.data)
    assert work.compare().agreeing == 1


@pytest.mark.recovery
def test_a_tag_that_tells_of_another_ledger_is_left_as_it_is(sandbox, lab, world, tmp_path):
    tags = tags_of(sandbox, lab, tmp_path)
    due = anchoring(world, tags).due()
    main = lab.repo("lead").get_branch("main").commit.sha
    tags.write(Tag(f"ledger/{due.sequence}", "another ledger"), main, due.at)
    with pytest.raises(Conflict, match="is there already and says something else"):
        anchoring(world, tags).anchor()
    assert tags.find(f"ledger/{due.sequence}").message == "another ledger"
    assert world.store.audit.entries(subject="ledger/*") == ()
    assert "holds no anchor" in anchoring(world, tags).compare().problem


@pytest.mark.recovery
def test_more_tags_than_a_page_are_all_read(sandbox, lab, tmp_path):
    tags = tags_of(sandbox, lab, tmp_path)
    clone = lab.clone("lead")
    for number in range(130):
        lab.git(clone, "tag", f"ledger/{number}", "-m", f"anchor {number}")
    lab.git(clone, "push", "--quiet", "origin", "--tags")
    found = tags.below("ledger/")
    assert {tag.name: tag.message.strip() for tag in found} == {f"ledger/{n}": f"anchor {n}" for n in range(130)}


@pytest.mark.recovery
def test_with_github_away_the_anchors_are_unread_and_nothing_is_recorded(make_sandbox, tmp_path):
    away = make_sandbox()
    world = Hospital.after(tmp_path, "1")
    github = settings_of(away, tmp_path).github
    tags = Tags(GitHubReader(github.api_url, "hospital/diabetes", github.installation_token, str(away.ca_file)))
    work = anchoring(world, tags)
    away.kill()
    with pytest.raises(RemoteUnavailable):
        work.anchor()
    report = work.compare()
    assert "GitHub" in report.unread
    assert (report.problem, report.agreeing) == ("", 0)
    assert world.store.audit.entries(subject="ledger/*") == ()
    assert work.due() is not None
    world.close()
