"""The column of the click: the reason, the one primary action, the ways of saying no, and what follows."""

from __future__ import annotations

import streamlit as st

from backend.domain.decisions import Decision, Rollout
from backend.domain.gates import FindingState
from backend.domain.people import Actor, Right
from backend.domain.promotions import Promotion
from backend.domain.registry import ModelVersion, VersionState
from console.components.dialogs import action
from console.components.grave import grave_path
from console.components.markup import Html, card_head, draw, fill, join
from console.components.rollback import hold_notice
from console.components.steps import timeline
from console.components.verdicts import hold_button, needs, reject_button, request_changes_button
from console.session import attempt
from console.viewmodels.decision import bound
from console.viewmodels.plan import lasting, planned
from console.viewmodels.stop_rules import StopRule, pauses, stop_rules
from console.viewmodels.text import Untrusted
from console.wiring import Wiring


def click_column(
    wired: Wiring, actor: Actor, decision: Decision, per_hour: float | None, accepted: tuple[str, ...]
) -> None:
    """`accepted` names the advisory gates that are ticked; `per_hour` calls arrive, None where that is not known."""
    version = decision.dossier.version
    draw(card_head("Your decision", f"as {actor.name}"))
    default = f"Reviewed in pull request #{version.lineage.pull_request}." if version.lineage.pull_request else ""
    st.text_area("Reason, required", value=default, key=f"reason_{version.version}", height=68)
    _primary(wired, actor, decision, accepted)
    approve, changes = st.columns(2)
    with approve:
        _approve_only(wired, actor, decision, accepted)
    with changes:
        request_changes_button(wired, actor, decision)
    reject, hold = st.columns(2)
    with reject:
        reject_button(wired, actor, decision)
    with hold:
        hold_button(wired, actor)
    _test_again(wired, actor, decision)
    hold_notice(wired, actor)
    rollout = decision.dossier.rollout
    if rollout is not None:
        draw(_plan(rollout, decision, per_hour))
    draw(_bound(decision))
    grave_path(wired, actor, decision)


def _plan(rollout: Rollout, decision: Decision, per_hour: float | None) -> Html:
    stable = decision.expected_stable
    window = next((f.sentence for f in decision.findings if f.gate == "window"), "")
    return fill(
        '<section class="after-click"><div class="sub">After the click</div>{lines}'
        '<p class="quiet">{lasting} {window}</p>{rules}</section>',
        lines=timeline(planned(rollout, stable, per_hour)),
        lasting=lasting(rollout, per_hour) if stable else "",
        window=Untrusted(window, 200),
        rules=_rules(rollout, decision),
    )


def _rules(rollout: Rollout, decision: Decision) -> Html:
    found = stop_rules(rollout, decision.expected_stable)
    if not found:
        return Html("")
    return fill(
        '<div class="sub">Returns to v{version} by itself beyond</div><ul class="limits">{rules}</ul>'
        '<p class="quiet">{pauses}</p>',
        version=decision.stable_version,
        rules=join(map(_rule, found)),
        pauses=pauses(rollout),
    )


def _rule(rule: StopRule) -> Html:
    return fill(
        '<li title="{when}"><span>{measure}</span> <b>{limit}</b></li>',
        when=rule.when,
        measure=rule.measure,
        limit=rule.limit,
    )


def _bound(decision: Decision) -> Html:
    commit, data, digest = bound(decision)
    return fill(
        '<div class="sub bound">Bound to commit <code>{commit}</code>, data <code>{data}</code>'
        " and digest <code>{digest}</code>. Refused if any of them, or production, changes first.</div>",
        commit=commit,
        data=data,
        digest=digest,
    )


def _refusal(decision: Decision, accepted: tuple[str, ...]) -> str:
    hard = next((b for b in decision.blockers if b.hard), None)
    if decision.refusal:
        return Untrusted(decision.refusal, 300).one_line()
    if hard:
        return Untrusted(f"{hard.what}: {hard.why}", 300).one_line()
    return _unaccepted(decision, accepted)


def _unaccepted(decision: Decision, accepted: tuple[str, ...]) -> str:
    open_ = [b.what for b in decision.blockers if b.gate and b.gate not in accepted]
    if open_ and not decision.dossier.approved:
        return Untrusted(f"Accept what is advisory first: {', '.join(open_)}.", 300).one_line()
    return ""


def _primary(wired: Wiring, actor: Actor, decision: Decision, accepted: tuple[str, ...]) -> None:
    version = decision.dossier.version
    approved = decision.dossier.approved
    form = f"promote/{version.version}/{decision.expected_stable}"
    promotions = wired.backend.promotions

    def promote() -> None:
        reason, stable = _reason(version), decision.expected_stable

        def wish(key: str) -> Promotion:
            if approved:
                return promotions.promote(actor, version, stable, reason, key, decision.seen)
            return promotions.approve_and_promote(actor, version, stable, reason, key, accepted, decision.seen)

        done = f"v{version.version} goes to production by the plan; closing the tab changes nothing."
        attempt(form, wish, done)

    action(
        f"{'Promote' if approved else 'Approve and promote'} v{version.version}",
        key="promote",
        refusal=_refusal(decision, accepted),
        on_click=promote,
        primary=True,
        symbol="check",
        shortcut="ctrl+enter",
    )


def _reason(version: ModelVersion) -> str:
    return str(st.session_state.get(f"reason_{version.version}", "")).strip()


def _approve_only(wired: Wiring, actor: Actor, decision: Decision, accepted: tuple[str, ...]) -> None:
    version = decision.dossier.version

    def approve() -> None:
        reason = _reason(version)
        attempt(
            f"approve/{version.version}",
            lambda key: wired.backend.models.approve(actor, version, reason, key, accepted, decision.seen),
            f"v{version.version} is approved; production is untouched.",
        )

    refusal = Untrusted(decision.approve_refusal, 300).one_line() or _unaccepted(decision, accepted)
    action("Approve", key="approve", refusal=refusal, on_click=approve)


def _test_again(wired: Wiring, actor: Actor, decision: Decision) -> None:
    """Offered where the evidence is missing, failed, or about another champion."""
    version, state = decision.dossier.version, decision.dossier.state
    stale = any(f.state is FindingState.STALE for f in decision.findings)
    if not stale and state is not VersionState.TEST_FAILED:
        return
    refusal = needs(actor, Right.APPROVE)

    def stage() -> None:
        attempt(
            f"stage/{version.version}",
            lambda key: wired.backend.promotions.stage(actor, version, "Fresh evidence is needed for a decision.", key),
            f"v{version.version} is tested again on {wired.settings.project.test_endpoint}.",
        )

    action("Test again", key="test_again", refusal=refusal, on_click=stage, symbol="labs")
