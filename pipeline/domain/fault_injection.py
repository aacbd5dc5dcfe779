"""Named points where a test may kill the process, to prove that no moment is a bad one.

Nothing happens at a point unless a test armed it (`arm`); the app arms it from the setting NEWSWIRE_CRASH_AT.
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
    """Do this when the point is reached. Raises ValueError when there is no such point."""
    if point not in FAULT_POINTS:
        raise ValueError(f"no crash point {point!r}; there are {', '.join(FAULT_POINTS)}")
    _armed[point] = action


def crash_point(point: str) -> None:
    """The process is here; nothing happens unless a test armed the point."""
    if point in _armed:
        _armed[point]()
