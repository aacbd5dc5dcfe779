"""Times as an operator types them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.app.runs import Newswire
from pipeline.domain.errors import SettingsError
from pipeline.domain.settings import Settings
from pipeline.text.time_option import read_time, time_of_option
from tests.values import NOW


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        pytest.param("90s", NOW - timedelta(seconds=90), id="seconds ago"),
        pytest.param("2d", NOW - timedelta(days=2), id="days ago"),
        pytest.param("2026-11-01", datetime(2026, 11, 1, tzinfo=UTC), id="a day is its first moment in UTC"),
        pytest.param("2026-11-01T06:00+01:00", datetime(2026, 11, 1, 5, tzinfo=UTC), id="a zone is heeded"),
    ],
)
def test_a_time_is_read_as_it_is_meant(text: str, meant: datetime) -> None:
    assert read_time(text, now=NOW) == meant


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "-2d", "2 d", "99999999999d", "3000000d"])
def test_what_is_no_time_names_the_option_and_what_is_wanted(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--since '.+': neither 90s, 15m, 6h, 2d nor a time"):
        time_of_option(text, "--since", now=NOW)


def test_an_operators_time_is_counted_from_the_deployments_clock(tmp_path: Path) -> None:
    with Newswire(Settings(home=tmp_path), clock=lambda: NOW) as newswire:
        assert newswire.moment("6h", "--since") == NOW - timedelta(hours=6)
        assert newswire.moment(None, "--since") is None
