"""Operator actions on a feed: pause, resume, poll now, reset validators, accept a redirect.

Each takes a feed's state and returns the next one. The store writes it apart from the polls (`FeedStore.switch`), which
never undo it. Pure: the operator and the time are arguments.
"""

from __future__ import annotations

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
    stamp, status = f"by {by}, {now:%Y-%m-%d %H:%M} UTC", FeedStatus.QUIET
    due = state.with_fields(next_poll_at=None)
    if state.health.status is FeedStatus.GONE:
        reason = f"asked again {stamp}"
        due = due.with_fields(status=status, status_reason=reason, gone_count=0, gone_since=None, failures=0)
    # Without validators and body hash the next poll is a full one.
    reset = replace(due, cache=CacheState(last_full_at=state.cache.last_full_at))
    match action:
        case FeedAction.PAUSE:
            return state.with_fields(paused=True, status=FeedStatus.PAUSED, status_reason=f"paused {stamp}")
        case FeedAction.RESUME if can_apply(state, action):
            reason = f"resumed {stamp}"
            return state.with_fields(paused=False, status=status, status_reason=reason, next_poll_at=None, failures=0)
        case FeedAction.POLL_NOW:
            return due
        case FeedAction.RESET:
            return reset
        case FeedAction.ACCEPT_MOVE if can_apply(state, action):  # without waiting for its confirmations
            target = state.move.moved_to
            reason = f"moved to {target}, accepted {stamp}"
            return reset.with_fields(url=target, moved_since=now, status=FeedStatus.MOVED, status_reason=reason)
    return state


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
