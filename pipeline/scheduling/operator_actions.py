"""What an operator changes of a feed by hand: paused, due now, validators dropped, a move accepted.

Each takes a feed's state and gives the next one; the store writes it beside the polls (`FeedStore.switch`), which never
undo what is switched here. Pure: who did it and when come in as arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from pipeline.domain.model import FeedState, FeedStatus, Validators


class Switch(StrEnum):
    """What can be done to a feed."""

    PAUSE = "pause"
    RESUME = "resume"
    POLL_NOW = "poll-now"
    RESET = "reset"
    ACCEPT_MOVE = "accept-move"


@dataclass(frozen=True, slots=True)
class Hand:
    """Who did it, and when."""

    by: str
    at: datetime

    def __str__(self) -> str:
        return f"by {self.by}, {self.at:%Y-%m-%d %H:%M} UTC"


def switched(state: FeedState, switch: Switch, *, by: str, now: datetime) -> FeedState:
    """The feed's state after this switch; the same where there is nothing to do."""
    return SWITCHES[switch](state, Hand(by, now))


def can_switch(state: FeedState, switch: Switch) -> bool:
    """Whether this switch would do something to the feed."""
    match switch:
        case Switch.PAUSE:
            return not state.paused
        case Switch.RESUME:
            return state.paused
        case Switch.ACCEPT_MOVE:
            return state.moved_to is not None and state.moved_to != state.url
        case Switch.POLL_NOW:
            return not state.paused
        case Switch.RESET:
            return True


def _pause(state: FeedState, hand: Hand) -> FeedState:
    return replace(state, paused=True, status=FeedStatus.PAUSED, status_reason=f"paused {hand}")


def _resume(state: FeedState, hand: Hand) -> FeedState:
    if not state.paused:
        return state
    return replace(
        state, paused=False, status=FeedStatus.QUIET, status_reason=f"resumed {hand}", next_poll_at=None, failures=0
    )


def _poll_now(state: FeedState, hand: Hand) -> FeedState:
    """Due at once; a feed that was gone is asked again."""
    due = replace(state, next_poll_at=None)
    if state.status is not FeedStatus.GONE:
        return due
    return replace(
        due, status=FeedStatus.QUIET, status_reason=f"asked again {hand}", gone_count=0, gone_since=None, failures=0
    )


def _reset(state: FeedState, hand: Hand) -> FeedState:
    """Forget what the server gave to ask again with: the next poll is a full one."""
    return replace(
        _poll_now(state, hand),
        validators=Validators(),
        body_hash=None,
        validators_lie=False,
        not_modified_in_a_row=0,
    )


def _accept_move(state: FeedState, hand: Hand) -> FeedState:
    """Adopt the redirect that was seen, without waiting for its confirmations."""
    if state.moved_to is None or state.moved_to == state.url:
        return state
    return replace(
        _reset(state, hand),
        url=state.moved_to,
        moved_since=hand.at,
        status=FeedStatus.MOVED,
        status_reason=f"moved to {state.moved_to}, accepted {hand}",
    )


SWITCHES: Mapping[Switch, Callable[[FeedState, Hand], FeedState]] = {
    Switch.PAUSE: _pause,
    Switch.RESUME: _resume,
    Switch.POLL_NOW: _poll_now,
    Switch.RESET: _reset,
    Switch.ACCEPT_MOVE: _accept_move,
}
