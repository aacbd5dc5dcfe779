"""Fault injection: named points where a test may kill the process, to prove that it may die at any moment.

Nothing happens at a point unless it was armed; a deployment arms the one that NEWSWIRE_CRASH_AT names.
Tested by tests/app/test_kill.py.
"""

from __future__ import annotations

from collections.abc import Callable

FAULT_POINTS = (
    "after_poll_commit",
    "before_settle",
    "after_settle_commit",
    "lane_opened",
    "batch_stamped",
    "transaction_begun",
    "messages_sent",
    "offsets_sent",
    "transaction_committed",
    "before_mark_delivered",
)

_armed: dict[str, Callable[[], None]] = {}


def arm(point: str, action: Callable[[], None]) -> None:
    """Run this action when the point is reached. Raises ValueError when there is no such point."""
    if point not in FAULT_POINTS:
        raise ValueError(f"no crash point {point!r}; there are {', '.join(FAULT_POINTS)}")
    _armed[point] = action


def crash_point(point: str) -> None:
    """The process reached this point; nothing happens unless it was armed."""
    if point in _armed:
        _armed[point]()
