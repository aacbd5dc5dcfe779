"""Operator actions on a feed: pause, resume, poll now, reset, accept a move."""

from __future__ import annotations

from datetime import timedelta

import pytest

from pipeline.domain.model import FeedState, FeedStatus, Validators
from pipeline.scheduling.operator_actions import Switch, can_switch, switched
from tests.values import NOW, make_state

LATER = NOW + timedelta(hours=1)
MOVING = make_state(moved_to="http://new.test/rss", validators=Validators('"v"'), body_hash="h", next_poll_at=LATER)


def switch(state: FeedState, kind: Switch) -> FeedState:
    return switched(state, kind, by="ada", now=NOW)


def test_a_paused_feed_says_by_whom() -> None:
    paused = switch(make_state(), Switch.PAUSE)
    assert (paused.paused, paused.status) == (True, FeedStatus.PAUSED)
    assert paused.status_reason == "paused by ada, 2026-11-23 06:00 UTC"


def test_a_resumed_feed_is_due() -> None:
    resumed = switch(make_state(paused=True, status=FeedStatus.PAUSED, next_poll_at=LATER), Switch.RESUME)
    assert (resumed.paused, resumed.status, resumed.next_poll_at) == (False, FeedStatus.QUIET, None)


def test_a_feed_that_was_gone_is_asked_again() -> None:
    asked = switch(make_state(status=FeedStatus.GONE, gone_count=3, next_poll_at=LATER), Switch.POLL_NOW)
    assert (asked.status, asked.gone_count, asked.next_poll_at) == (FeedStatus.QUIET, 0, None)


def test_reset_validators_make_the_next_poll_a_full_one() -> None:
    reset = switch(make_state(validators=Validators('"v"'), body_hash="h", validators_lie=True), Switch.RESET)
    assert (reset.validators, reset.body_hash, reset.validators_lie) == (Validators(), None, False)


def test_an_accepted_move_is_polled_there_without_the_old_validators() -> None:
    moved = switch(MOVING, Switch.ACCEPT_MOVE)
    assert (moved.url, moved.status, moved.validators) == ("http://new.test/rss", FeedStatus.MOVED, Validators())
    assert (moved.moved_since, moved.next_poll_at) == (NOW, None)


@pytest.mark.parametrize(
    ("state", "kind", "can"),
    [
        pytest.param(make_state(), Switch.PAUSE, True, id="pause what is polled"),
        pytest.param(make_state(paused=True), Switch.PAUSE, False, id="not what is paused"),
        pytest.param(make_state(), Switch.RESUME, False, id="not resume what is polled"),
        pytest.param(make_state(paused=True), Switch.POLL_NOW, False, id="not poll what is paused"),
        pytest.param(MOVING, Switch.ACCEPT_MOVE, True, id="accept a move that was seen"),
        pytest.param(make_state(), Switch.ACCEPT_MOVE, False, id="no move without a redirect"),
    ],
)
def test_only_what_would_change_something_is_offered(state: FeedState, kind: Switch, can: bool) -> None:
    assert can_switch(state, kind) is can
    assert can or switch(state, kind) == state or kind in (Switch.PAUSE, Switch.POLL_NOW)
