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
    large, name, small, small_name = (HOUR, "h", MINUTE, "min") if whole < DAY else (DAY, "d", HOUR, "h")
    rest = whole % large // small
    return f"{whole // large} {name}" + (f" {rest} {small_name}" if rest else "")
