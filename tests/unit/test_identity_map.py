"""One person, four systems: who is taken for whom, and who is known to nobody."""

from __future__ import annotations

import pytest
from test_approval_policy import COMMIT, dossier, rules, written_by

from backend.domain.authorship import CommitAuthors, Submitter
from backend.domain.people import Aliases
from backend.errors import ConfigurationError
from backend.policy.approval import Council
from backend.policy.duty import may_not_approve, may_not_promote, written
from backend.policy.identity import connected_login_problem, names_of, signature, unknown_author, unknown_submitter
from backend.settings import load

PEOPLE = {
    "lead": Aliases(github="Lee-Lead", emails=("Lee@Hospital.example", "lee@home.example"), azure=("Lee Lead",)),
    "scientist": Aliases(),
    "deputy": Aliases(emails=("dana@hospital.example",)),
}
BY_LEE = (
    "lee-lead",
    "LEE-LEAD",
    "Anybody <lee@home.example>",
    "Anybody <LEE@hospital.EXAMPLE>",
    "<lee@home.example>",
    "Anybody <77+lee-lead@users.noreply.github.com>",
    "Anybody <lee-lead@users.noreply.github.com>",
)


@pytest.mark.parametrize("author", BY_LEE)
def test_one_person_is_recognised_by_whatever_git_and_github_call_them(author):
    known = dossier(authorship=written_by("scientist", author), author="scientist")
    names = names_of(PEOPLE, "lead")
    assert written(known, names)
    assert "You wrote commit" in may_not_approve(rules(people=PEOPLE), known, names)
    assert may_not_approve(rules(people=PEOPLE), known, names_of(PEOPLE, "deputy")) == ""
    assert unknown_author(PEOPLE, author) == ""


def test_a_co_author_counts_as_an_author():
    commit = CommitAuthors(commit="c" * 40, authors=("scientist", "Dana <Dana@Hospital.example>"))
    known = dossier(authorship=written_by().model_copy(update={"commits": (commit,)}))
    assert "You wrote commit ccccccc" in may_not_approve(rules(people=PEOPLE), known, names_of(PEOPLE, "deputy"))


@pytest.mark.parametrize(
    ("author", "line"),
    [
        ("stranger", 'github = "stranger"'),
        ("lead", 'github = "lead"'),
        ("Ada Roe <ada@home.example>", 'emails = ["ada@home.example"]'),
        ("Lee Lead <lee@elsewhere.example>", 'emails = ["lee@elsewhere.example"]'),
        ("9+stranger@users.noreply.github.com", 'emails = ["9+stranger@users.noreply.github.com"]'),
        ("Ada <9+stranger@users.noreply.github.com>", 'github = "stranger"'),
        ("Ada Roe", 'emails = ["Ada Roe"]'),
    ],
)
def test_an_author_whom_nobody_declared_blocks_and_says_which_line_is_missing(author, line):
    known = dossier(authorship=written_by("scientist", author))
    sentence = may_not_approve(rules(people=PEOPLE), known, names_of(PEOPLE, "deputy"))
    assert sentence.startswith(f"Commit {'1' * 7} is by {author}, whose account nobody has declared")
    assert sentence.endswith(f"projects.<project>.approval.people.<account> needs {line}.")
    assert may_not_approve(rules(people=PEOPLE, author_may_approve=True), known, names_of(PEOPLE, "deputy")) == ""
    assert may_not_promote(rules(people=PEOPLE), known, names_of(PEOPLE, "deputy")) == ""
    assert line in may_not_promote(rules(people=PEOPLE, author_may_promote=False), known, names_of(PEOPLE, "deputy"))


def test_who_opened_the_pull_request_is_asked_for_too():
    known = dossier(authorship=written_by("scientist"), author="stranger")
    lineage = known.version.lineage.model_copy(update={"pull_request": "14"})
    opened = known.model_copy(update={"version": known.version.model_copy(update={"lineage": lineage})})
    sentence = may_not_approve(rules(people=PEOPLE), opened, names_of(PEOPLE, "deputy"))
    assert sentence.startswith("Pull request #14 is by stranger, ")


@pytest.mark.parametrize("author", ["dependabot[bot]", "Robo <49+renovate[bot]@users.noreply.github.com>"])
def test_a_bot_is_a_program_and_nobody(author):
    known = dossier(authorship=written_by(author))
    assert may_not_approve(rules(people=PEOPLE), known, names_of(PEOPLE, "deputy")) == ""


def test_without_declared_people_a_login_is_the_account_and_an_address_is_nobody():
    by_login = dossier(authorship=written_by("Lead", "stranger"))
    assert may_not_approve(rules(), by_login, names_of({}, "deputy")) == ""
    assert "You wrote" in may_not_approve(rules(), by_login, names_of({}, "lead"))
    by_mail = dossier(authorship=written_by("Lee <lead@hospital.example>"))
    assert "You wrote" in may_not_approve(rules(), by_mail, names_of({}, "lead"))
    assert 'emails = ["lead@hospital.example"]' in may_not_approve(rules(), by_mail, names_of({}, "deputy"))


@pytest.mark.parametrize(
    ("by", "person", "sentence"),
    [
        ("LEE lead", "lead", "You submitted run train-2 by hand"),
        ("Lee Lead", "deputy", ""),
        ("Scientist", "deputy", ""),
        ("Dana Deputy", "deputy", 'needs azure = ["Dana Deputy"].'),
    ],
)
def test_azure_shows_people_by_another_name(by, person, sentence):
    known = dossier(authorship=written_by("scientist", submitter=Submitter(name=by, person=True)))
    said = may_not_approve(rules(people=PEOPLE), known, names_of(PEOPLE, person))
    assert sentence in said
    assert bool(said) == bool(sentence)
    assert may_not_approve(rules(people=PEOPLE, submitter_may_approve=True), known, names_of(PEOPLE, person)) == ""


def test_a_workflow_that_submitted_is_nobody():
    known = dossier(authorship=written_by("scientist", submitter=Submitter(name="mlops-ci-prod", person=False)))
    assert may_not_approve(rules(people=PEOPLE), known, names_of(PEOPLE, "lead")) == ""
    assert unknown_submitter({}, "Anybody") == ""


def test_an_approval_given_before_the_author_was_declared_no_longer_counts_afterwards():
    from test_approval_policy import NOW, approval

    from backend.policy.approval import assent

    known = dossier(approval("lead"), authorship=written_by("Lee <lee@other.example>"))
    declared = {**PEOPLE, "lead": PEOPLE["lead"].model_copy(update={"emails": ("lee@other.example",)})}
    found = assent(known, Council(rules=rules(people=declared), logins={}, delegations=(), now=NOW))
    assert found.counted == ()
    assert "lead wrote commit" in found.set_aside[0].why


@pytest.mark.parametrize(
    ("account", "login", "problem"),
    [
        ("lead", "lee-lead", ""),
        ("Lead", "LEE-LEAD", ""),
        ("lead", "dana", "By the settings lead is Lee-Lead at GitHub"),
        ("deputy", "lee-lead", "The GitHub account lee-lead is lead's by the settings"),
        ("deputy", "dana-at-github", ""),
        ("operator", "scientist", "The GitHub account scientist is scientist's by the settings"),
    ],
)
def test_nobody_connects_the_github_account_of_another(account, login, problem):
    said = connected_login_problem(PEOPLE, account, login)
    assert problem in said
    assert bool(said) == bool(problem)


def test_a_signature_is_read_as_git_writes_it():
    assert signature(COMMIT).login == COMMIT
    assert signature("Ada Roe <ada@x.example>").names == {"ada roe", "ada@x.example", "ada"}
    assert signature("Ada Roe").names == {"ada roe"}


@pytest.mark.parametrize(
    ("second", "problem"),
    [
        ('emails = ["LEE@hospital.example"]', "address name lee@hospital.example"),
        ('github = "lead"', "login name lead"),
        ('azure = ["lee lead"]', "Azure name lee lead"),
        ('emails = ["nobody"]', "must match"),
        ('github = "not a login"', "must match"),
    ],
)
def test_settings_refuse_two_people_of_one_name(monkeypatch, tmp_path, second, problem):
    from test_settings import TEXT

    first = '[projects.diabetes.approval.people.lead]\nemails = ["lee@hospital.example"]\nazure = ["Lee Lead"]\n'
    text = f"{TEXT}\n{first}\n[projects.diabetes.approval.people.other]\n{second}\n"
    monkeypatch.setenv("MLOPS_TOML", text)
    with pytest.raises(ConfigurationError, match=problem):
        load()
