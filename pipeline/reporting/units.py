"""Durations as people read them, at a terminal and on the desk."""

from __future__ import annotations

MINUTE, HOUR, DAY = 60, 3600, 86_400


def duration(seconds: float | None) -> str:
    """A duration in at most two units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return two_units(whole // HOUR, "h", whole % HOUR // MINUTE, "min")
    return two_units(whole // DAY, "d", whole % DAY // HOUR, "h")


def two_units(large: int, large_unit: str, small: int, small_unit: str) -> str:
    """`3 h 20 min`, without the small unit when it is 0."""
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"
