"""Buttons record wishes, once, for those who may; the others see why not."""

from __future__ import annotations

import hospital
import hospital_models
import pytest
from pydantic import SecretStr
from streamlit.testing.v1 import AppTest
from visitors import claims, text

from backend.domain.clock import utc_now
from backend.domain.people import GitHubGrant
from backend.domain.promotions import IntentKind, Kind, Phase, Request, Succeeded, Waiting
from backend.promotion import transitions


def button(app, key):
    return next(found for found in app.button if found.key == key)


def alone(page):
    """A piece of a page as somebody who is signed in sees it."""
    app = AppTest.from_function(page)
    app.user.update(claims())
    return app.run()


def connect(world, name="lead"):
    world.store.tokens.put(name, name, GitHubGrant(access=SecretStr("a token of a throw-away world")))


def promotion_under_way(world):
    """v2 at 10 %, observed."""
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    promotion = world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable)
    promotion = world.walk(promotion, Succeeded(output={"traffic": f'{{"{stable}": 100}}', "stable": stable}))
    for _ in range(4):
        promotion = world.walk(promotion, hospital.outcome_of(promotion))
    seen = {"calls": 21, "seconds": 8.0, "errors": 0, "p95_ms": 79.0}
    promotion = world.walk(promotion, Waiting(reason="21 of 30 calls", retry_after=1, output=seen))
    candidate = hospital_models.target(hospital_models.version(2), "").deployment
    hospital.fill_snapshots(world, {stable: 90, candidate: 10})
    return promotion


def confirm(app, verb, promotion, reason):
    """Open the dialog of this button, give the reason, and confirm."""
    button(app, verb).click().run()
    form = f"{verb}_{promotion.id[:12]}"
    app.text_area(key=f"reason_{form}").set_value(reason)
    button(app, f"confirm_{form}").click().run()


def accept_advisories(app):
    """Tick what is advisory; until then the click is refused with its names."""
    assert "Accept what is advisory first" in button(app, "promote").help
    for tick in app.checkbox:
        tick.check()
    app.run()
    assert not button(app, "promote").disabled


def test_one_click_approves_and_promotes_and_the_page_becomes_the_tracker(visit, world):
    app = visit("views/deployments.py", version="2")
    assert button(app, "promote").label == "Approve and promote v2"
    accept_advisories(app)
    button(app, "promote").click().run()
    active = world.wired.backend.promotions.active("diabetes-endpoint")
    assert active is not None
    assert active.target.version == "2"
    assert active.requested_reason == "Reviewed in pull request #14."
    assert app.query_params["promotion"] == active.id
    assert "Live traffic" in text(app)


def test_a_click_on_a_page_that_is_out_of_date_is_refused_with_what_changed(visit, world):
    app = visit("views/deployments.py", version="2")
    accept_advisories(app)
    on_test = hospital_models.target(hospital_models.version(2), world.project.test_endpoint)
    known = hospital_models.robustness(hospital_models.version(2))
    world.store.evidence.freeze("measured-again", known, on_test, "a second test")
    button(app, "promote").click().run()
    assert world.wired.backend.promotions.active("diabetes-endpoint") is None
    said = text(app)
    assert "What you looked at has changed since: evidence " in said
    assert " → " in said
    assert "Nothing was done; look again." in said


def test_another_threshold_is_chosen_by_the_slider_and_tested(visit, world):
    app = visit("views/models.py", version="2")
    assert "is tested at 0.29 already" in button(app, "choose_threshold").help
    app.slider(key="threshold_2").set_value(0.4).run()
    assert button(app, "choose_threshold").label == "Test v2 at 0.4"
    button(app, "choose_threshold").click().run()
    test = world.wired.backend.promotions.active(world.project.test_endpoint)
    assert (test.target.version, test.target.threshold) == ("2", 0.4)
    assert "approvals for another threshold are void" in text(app)


def test_the_clicks_of_a_double_click_are_one_wish(empty_world):
    def page():
        import streamlit as st

        from console.session import attempt

        wishes = st.session_state.setdefault("wishes", [])
        st.button("Go", key="go", on_click=lambda: attempt("form", wishes.append, "Recorded."))

    app = alone(page)
    app.button(key="go").click().run()
    app.button(key="go").click().run()
    assert len(app.session_state["wishes"]) == 1


def test_a_refused_wish_keeps_its_key_for_the_next_try(empty_world):
    def page():
        import streamlit as st

        from backend.errors import Invalid
        from console.session import attempt, tell

        keys = st.session_state.setdefault("keys", [])

        def wish(key):
            keys.append(key)
            if len(keys) == 1:
                raise Invalid("A reason is needed.")

        st.button("Go", key="go", on_click=lambda: attempt("form", wish, "Recorded."))
        tell()

    app = alone(page)
    app.button(key="go").click().run()
    assert "A reason is needed." in app.get("html")[0].proto.body
    app.button(key="go").click().run()
    first, second = app.session_state["keys"]
    assert first == second


def test_a_promotion_without_a_reason_is_refused_where_the_person_looks(visit, world):
    app = visit("views/deployments.py", version="2")
    accept_advisories(app)
    app.text_area(key="reason_2").set_value("no")
    button(app, "promote").click().run()
    assert world.wired.backend.promotions.active("diabetes-endpoint") is None
    assert "A reason of at least 10 characters is needed" in text(app)
    assert app.text_area(key="reason_2").value == "no"


@pytest.mark.parametrize("name", ["scientist", "operator", "viewer"])
def test_who_may_not_promote_sees_the_button_disabled_with_the_reason(visit, world, name):
    app = visit("views/deployments.py", user=claims(name), version="2")
    for key in ("promote", "approve", "reject"):
        assert button(app, key).disabled
        assert "lead" in button(app, key).help


def test_the_author_may_not_approve_their_own_version(visit, world):
    own = claims("scientist", "lead")
    app = visit("views/deployments.py", user=own, version="2")
    assert button(app, "promote").disabled
    assert "another lead must approve v2" in button(app, "promote").help


def test_the_tracker_shows_measured_limit_and_n(visit, world):
    promotion = promotion_under_way(world)
    shown = text(visit("views/deployments.py", promotion=promotion.id))
    for said in ("At 10 %", "candidate · v2", "inconclusive: needs 9 more calls", "≤ 250 ms", "21 / 30", "next: 50 %"):
        assert said in shown
    assert 'class="on-c narrow" style="flex:10 1 0"' in shown


def test_what_is_not_shifted_yet_is_not_said_to_be_reached(visit, world):
    """In a freeze the step to 50 % waits for its end while 10 % are served."""
    promotion = world.walk(promotion_under_way(world), Succeeded(reason="30 of 30 calls"))
    frozen = "Frozen until Fri 27 Nov 12:29 UTC: the records move. The traffic stays as it is."
    promotion = world.walk(promotion, Waiting(reason=frozen, retry_after=1, held=True))
    shown = text(visit("views/deployments.py", promotion=promotion.id))
    for said in ("At 10 %, next 50 %", "v2 at 10 %", "next: 50 %", frozen):
        assert said in shown


def test_an_operator_pauses_and_a_scientist_may_not(visit, world):
    promotion = promotion_under_way(world)
    refused = visit("views/deployments.py", user=claims("scientist"), promotion=promotion.id)
    assert button(refused, "pause").disabled
    assert "operator" in button(refused, "pause").help
    app = visit("views/deployments.py", user=claims("operator"), promotion=promotion.id)
    confirm(app, "pause", promotion, "The ward calls too seldom now.")
    assert world.wired.backend.promotions.get(promotion.id).request is Request.PAUSE
    (newest, *_) = world.wired.backend.ledger.entries(limit=1, subject=f"promotion/{promotion.id}")
    assert (newest.actor, newest.reason) == ("operator", "The ward calls too seldom now.")


def test_a_pause_without_a_reason_is_refused_in_words(visit, world):
    promotion = promotion_under_way(world)
    app = visit("views/deployments.py", user=claims("operator"), promotion=promotion.id)
    confirm(app, "pause", promotion, "")
    assert "at least 10 characters" in text(app)
    assert world.wired.backend.promotions.get(promotion.id).request is not Request.PAUSE


def test_a_paused_promotion_goes_on_for_a_reason(visit, world):
    promotion = promotion_under_way(world)
    promotions = world.wired.backend.promotions
    world.wired.backend.steering.pause(hospital.LEAD, promotion.id, "The ward calls too seldom now.")
    paused = world.store.promotions.change(
        promotion.id, lambda now: transitions.honour(now, utc_now()), hospital.worker_note
    )
    assert paused.phase is Phase.PAUSED
    app = visit("views/deployments.py", user=claims("operator"), promotion=promotion.id)
    confirm(app, "resume", promotion, "The ward is busy again.")
    assert promotions.get(promotion.id).phase in {Phase.RUNNING, Phase.WAITING}
    (newest, *_) = world.wired.backend.ledger.entries(limit=1, subject=f"promotion/{promotion.id}")
    assert newest.reason == "The ward is busy again."


def test_a_promotion_that_ended_badly_says_why(visit, world):
    from backend.domain.promotions import Failed

    promotion = promotion_under_way(world)
    promotion = world.walk(promotion, Failed(reason="Errors 4.8 % of 21 calls, limit 1.0 %."))
    assert promotion.phase is Phase.ROLLING_BACK
    assert "Errors 4.8 % of 21 calls, limit 1.0 %." in text(visit("views/deployments.py", promotion=promotion.id))


def test_a_dialog_records_the_reason_that_was_given(empty_world):
    def page():
        import streamlit as st

        from console.components.dialogs import confirm_body
        from console.components.markup import Html

        wishes = st.session_state.setdefault("wishes", [])
        confirm_body(
            (("Traffic", "100 % v2-b802", "100 % v1-c9c6"),),
            Html("<p>Takes seconds.</p>"),
            form="roll_back",
            label="Roll back to v1",
            reason="v2-b802 does not do well.",
            done="Production returns to v1.",
            wish=lambda key, reason: wishes.append((key, reason)),
        )

    app = alone(page)
    app.text_area(key="reason_roll_back").set_value("  Rehearse the way back.  ")
    app.button(key="confirm_roll_back").click().run()
    ((key, reason),) = app.session_state["wishes"]
    assert reason == "Rehearse the way back."
    assert key


def test_a_rollback_is_offered_to_the_version_that_served_before(visit, world):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.finish(world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable))
    app = visit("views/deployments.py", user=claims("operator"))
    assert button(app, "roll_back").label == "Roll back to v1…"
    assert not button(app, "roll_back").disabled
    refused = visit("views/deployments.py", user=claims("scientist"))
    assert button(refused, "roll_back").disabled
    assert "operator" in button(refused, "roll_back").help


def test_a_hold_is_shown_with_its_reason_and_the_button_that_lifts_it(visit, world):
    stable = hospital_models.target(hospital_models.version(1), "").deployment
    world.finish(world.begin(Kind.PROMOTE, hospital_models.version(2), stable=stable))
    promotions = world.wired.backend.promotions
    promotions.roll_back(hospital.LEAD, promotions.stable(), "It missed too many patients.", "a key")
    shown = text(visit("views/deployments.py"))
    assert "Promotions are held" in shown
    assert "It missed too many patients." in shown


def test_approve_and_merge_is_recorded_for_the_commit_that_was_seen(visit, world):
    connect(world)
    app = visit("views/pull_requests.py", number="14")
    app.text_area(key="verdict_14").set_value("Better on the same data, and readable.")
    button(app, "approve_and_merge").click().run()
    (intent,) = world.wired.backend.reviews.intents(14)
    assert (intent.kind, intent.head_sha, intent.actor) == (IntentKind.APPROVE_AND_MERGE, hospital_models.SHA, "lead")
    assert "recorded, the worker will do it" in text(app)
    assert button(app, "approve_and_merge").disabled


def test_without_a_github_connection_the_page_offers_one(visit, world):
    app = visit("views/pull_requests.py", number="14")
    assert 'href="/github/connect?ticket=' in text(app)
    assert "Connect GitHub first" in button(app, "approve_and_merge").help


def test_a_failed_required_check_disables_the_merge_and_says_so(visit, world):
    connect(world)
    app = visit("views/pull_requests.py", number="16")
    assert "Check quality-gate: failed" in button(app, "approve_and_merge").help
    assert not button(app, "request_changes").disabled


def test_the_author_may_not_approve_their_own_pull_request(visit, world):
    connect(world, "scientist")
    app = visit("views/pull_requests.py", user=claims("scientist", "lead"), number="14")
    assert "another reviewer" in button(app, "approve").help
