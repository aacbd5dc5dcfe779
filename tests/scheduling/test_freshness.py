"""What servers write into Retry-After, Cache-Control and Expires, and what we make of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from pipeline.scheduling.feed_state import freshness_floor_s, http_date, retry_after

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)

WAITS = [
    pytest.param("120", 120, id="seconds"),
    pytest.param(" 120 ", 120, id="spaces around"),
    pytest.param("120.5", 120, id="fraction"),
    pytest.param("90s", 90, id="unit written out"),
    pytest.param("120, 300", 120, id="two headers joined"),
    pytest.param("0", 60, id="zero is a minute"),
    pytest.param("-5", 60, id="negative is a minute"),
    pytest.param("317100", 86_400, id="seen in the wild, capped at a day"),
    pytest.param("9" * 200, 86_400, id="absurd"),
    pytest.param("Sun, 01 Mar 2026 12:10:00 GMT", 600, id="date"),
    pytest.param("Sunday, 01-Mar-26 12:10:00 GMT", 600, id="obsolete RFC 850 date"),
    pytest.param("Sun Mar  1 12:10:00 2026", 600, id="asctime date"),
    pytest.param("Sun, 01 Mar 2026 13:10:00 +0100", 600, id="date with a zone"),
    pytest.param("Sat, 01 Mar 2025 12:00:00 GMT", 60, id="date in the past"),
    pytest.param("Sun, 01 Mar 2099 12:00:00 GMT", 86_400, id="date far ahead"),
]


@pytest.mark.parametrize(("header", "seconds"), WAITS)
def test_retry_after_is_clamped_between_a_minute_and_a_day(header: str, seconds: int) -> None:
    assert retry_after(header, NOW) == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize("header", [None, "", "soon", "Sun, 99 Foo", "nan", "1e", "\x00", "Mon, 32 Jan 99999"])
def test_invalid_retry_after_is_none(header: str | None) -> None:
    assert retry_after(header, NOW) is None


FLOORS = [
    pytest.param({}, 0, id="nothing said"),
    pytest.param({"cache-control": "max-age=300"}, 300, id="max-age"),
    pytest.param({"cache-control": 'public, max-age="300"'}, 300, id="quoted"),
    pytest.param({"cache-control": "public,MAX-AGE = 300"}, 300, id="case and spaces"),
    pytest.param({"cache-control": "s-maxage=900"}, 0, id="s-maxage is for shared caches"),
    pytest.param({"cache-control": "max-age=300", "age": "120"}, 180, id="age already spent"),
    pytest.param({"cache-control": "max-age=300", "age": "900"}, 0, id="stale on arrival"),
    pytest.param({"cache-control": "max-age=300", "age": "x²"}, 300, id="age unreadable"),
    pytest.param({"cache-control": "no-cache, max-age=300"}, 0, id="no-cache"),
    pytest.param({"cache-control": "no-store"}, 0, id="no-store"),
    pytest.param({"cache-control": "max-age=99999999999"}, 86_400, id="capped at a day"),
    pytest.param({"expires": "Sun, 01 Mar 2026 12:05:00 GMT"}, 300, id="expires"),
    pytest.param(
        {"expires": "Sun, 01 Mar 2026 14:05:00 GMT", "date": "Sun, 01 Mar 2026 14:00:00 GMT"},
        300,
        id="expires counts from the server's clock",
    ),
    pytest.param({"expires": "0"}, 0, id="expires 0"),
    pytest.param({"expires": "-1"}, 0, id="expires -1"),
    pytest.param(
        {"cache-control": "max-age=60", "expires": "Sun, 01 Mar 2026 18:00:00 GMT"}, 60, id="max-age before expires"
    ),
]


@pytest.mark.parametrize(("headers", "seconds"), FLOORS)
def test_freshness_lifetime_is_read_from_the_headers(headers: dict[str, str], seconds: int) -> None:
    assert freshness_floor_s(headers, NOW) == seconds


def test_http_dates_are_aware_and_in_utc() -> None:
    assert http_date("Sun, 01 Mar 2026 13:00:00 +0100") == NOW
    assert http_date("not a date") is None
