"""Durations are read in at most two units."""

from __future__ import annotations

import pytest

from pipeline.reporting.report import duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "–"),
        (0.04, "0.0 s"),
        (45, "45 s"),
        (12 * 60 + 30, "12 min"),
        (3 * 3600 + 20 * 60, "3 h 20 min"),
        (2 * 86_400 + 4 * 3600, "2 d 4 h"),
        (86_400, "1 d"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text
