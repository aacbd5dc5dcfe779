"""Operator actions on a feed: pause, resume, poll now, reset validators, accept a redirect.

Each takes a feed's state and returns the next one. The store writes it apart from the polls (`FeedStore.switch`), which
never undo it. Pure: the operator and the time are arguments.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from pipeline.domain.model import CacheState, FeedState, FeedStatus


class FeedAction(StrEnum):
    """What an operator can do to a feed."""

    PAUSE = "pause"
    RESUME = "resume"
    POLL_NOW = "poll-now"
    RESET = "reset"
    ACCEPT_MOVE = "accept-move"


def apply_action(state: FeedState, action: FeedAction, *, by: str, now: datetime) -> FeedState:
    """The feed's state after this action; the same state where there is nothing to do."""
    return ACTIONS[action](state, f"by {by}, {now:%Y-%m-%d %H:%M} UTC", now)


def can_apply(state: FeedState, action: FeedAction) -> bool:
    """Whether this action would change the feed."""
    match action:
        case FeedAction.RESUME:
            return state.schedule.paused
        case FeedAction.ACCEPT_MOVE:
            return state.move.moved_to is not None and state.move.moved_to != state.url
        case FeedAction.PAUSE | FeedAction.POLL_NOW:
            return not state.schedule.paused
        case FeedAction.RESET:
            return True


def _pause(state: FeedState, by: str, _at: datetime) -> FeedState:
    return state.with_fields(paused=True, status=FeedStatus.PAUSED, status_reason=f"paused {by}")


def _resume(state: FeedState, by: str, _at: datetime) -> FeedState:
    if not state.schedule.paused:
        return state
    return state.with_fields(
        paused=False, status=FeedStatus.QUIET, status_reason=f"resumed {by}", next_poll_at=None, failures=0
    )


def _poll_now(state: FeedState, by: str, _at: datetime) -> FeedState:
    """Due at once; a feed that was gone is polled again."""
    due = state.with_fields(next_poll_at=None)
    if state.health.status is not FeedStatus.GONE:
        return due
    return due.with_fields(
        status=FeedStatus.QUIET, status_reason=f"asked again {by}", gone_count=0, gone_since=None, failures=0
    )


def _reset(state: FeedState, by: str, at: datetime) -> FeedState:
    """Forget validators and body hash: the next poll is a full one."""
    return replace(_poll_now(state, by, at), cache=CacheState(last_full_at=state.cache.last_full_at))


def _accept_move(state: FeedState, by: str, at: datetime) -> FeedState:
    """Adopt the redirect that was seen, without waiting for its confirmations."""
    target = state.move.moved_to
    if target is None or target == state.url:
        return state
    return _reset(state, by, at).with_fields(
        url=target, moved_since=at, status=FeedStatus.MOVED, status_reason=f"moved to {target}, accepted {by}"
    )


ACTIONS: Mapping[FeedAction, Callable[[FeedState, str, datetime], FeedState]] = {
    FeedAction.PAUSE: _pause,
    FeedAction.RESUME: _resume,
    FeedAction.POLL_NOW: _poll_now,
    FeedAction.RESET: _reset,
    FeedAction.ACCEPT_MOVE: _accept_move,
}
