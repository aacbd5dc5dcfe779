"""Operator actions on a feed: pause, resume, poll now, reset, accept a move."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.domain.model import FeedState, FeedStatus, Validators
from pipeline.scheduling.operator_actions import FeedAction, apply_action, can_apply
from tests.values import NOW, make_state

LATER = NOW + timedelta(hours=1)
MOVING = make_state(moved_to="http://new.test/rss", validators=Validators('"v"'), body_hash="h", next_poll_at=LATER)


def switch(state: FeedState, kind: FeedAction) -> FeedState:
    return apply_action(state, kind, by="ada", now=NOW)


def test_paused_feed_names_the_operator() -> None:
    paused = switch(make_state(), FeedAction.PAUSE)
    assert (paused.schedule.paused, paused.health.status) == (True, FeedStatus.PAUSED)
    assert paused.health.status_reason == "paused by ada, 2026-11-23 06:00 UTC"


def test_resumed_feed_is_due() -> None:
    resumed = switch(make_state(paused=True, status=FeedStatus.PAUSED, next_poll_at=LATER), FeedAction.RESUME)
    assert (resumed.schedule.paused, resumed.health.status, resumed.schedule.next_poll_at) == (
        False,
        FeedStatus.QUIET,
        None,
    )


def test_poll_now_reactivates_a_gone_feed() -> None:
    asked = switch(make_state(status=FeedStatus.GONE, gone_count=3, next_poll_at=LATER), FeedAction.POLL_NOW)
    assert (asked.health.status, asked.health.gone_count, asked.schedule.next_poll_at) == (FeedStatus.QUIET, 0, None)


def test_reset_removes_validators_and_body_hash() -> None:
    reset = switch(make_state(validators=Validators('"v"'), body_hash="h", validators_lie=True), FeedAction.RESET)
    assert (reset.cache.validators, reset.cache.body_hash, reset.cache.validators_lie) == (Validators(), None, False)


def test_accepted_redirect_is_polled_without_the_old_validators() -> None:
    moved = switch(MOVING, FeedAction.ACCEPT_MOVE)
    assert (moved.url, moved.health.status, moved.cache.validators) == (
        "http://new.test/rss",
        FeedStatus.MOVED,
        Validators(),
    )
    assert (moved.move.moved_since, moved.schedule.next_poll_at) == (NOW, None)


@pytest.mark.parametrize(
    ("state", "kind", "can"),
    [
        pytest.param(make_state(), FeedAction.PAUSE, True, id="pause what is polled"),
        pytest.param(make_state(paused=True), FeedAction.PAUSE, False, id="not what is paused"),
        pytest.param(make_state(), FeedAction.RESUME, False, id="not resume what is polled"),
        pytest.param(make_state(paused=True), FeedAction.POLL_NOW, False, id="not poll what is paused"),
        pytest.param(MOVING, FeedAction.ACCEPT_MOVE, True, id="accept a move that was seen"),
        pytest.param(make_state(), FeedAction.ACCEPT_MOVE, False, id="no move without a redirect"),
    ],
)
def test_actions_without_effect_cannot_be_applied(state: FeedState, kind: FeedAction, can: bool) -> None:
    assert can_apply(state, kind) is can
    assert can or switch(state, kind) == state or kind in (FeedAction.PAUSE, FeedAction.POLL_NOW)
