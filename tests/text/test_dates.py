"""Dates as feeds print them. The outlet's zone is Paris: an hour or two ahead of UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from pipeline.app.runs import Newswire
from pipeline.domain.errors import SettingsError
from pipeline.domain.settings import Settings
from pipeline.text.dates import read_date, time_of_option, zone_of
from tests.values import NOW

PARIS = ZoneInfo("Europe/Paris")

DATES = [
    # RFC 822 and its relatives
    ("Sun, 01 Mar 2026 12:00:00 GMT", "2026-03-01T12:00", "RFC 822"),
    ("Sun, 1 Mar 2026 12:00:00 +0100", "2026-03-01T11:00", "one digit for the day"),
    ("Sun, 01 Mar 26 12:00 EST", "2026-03-01T17:00", "two digits for the year, American zone"),
    ("Sun, 01 Mar 2026 12:00:00 CET", "2026-03-01T11:00", "European zone"),
    ("01 Mar 2026 12:00:00 -0800", "2026-03-01T20:00", "no weekday"),
    ("Thu,28 Jul 2022 4:35:5 GMT+9", "2022-07-27T19:35:05", "GMT+9 and single digits"),
    ("Sun, 01 March 2026 12:00:00 UTC", "2026-03-01T12:00", "month in full"),
    ("Sunday, 01-Mar-26 12:00:00 GMT", "2026-03-01T12:00", "RFC 850"),
    ("Sun Mar  1 12:00:00 2026", "2026-03-01T11:00", "asctime, no zone"),
    ("Sun Mar  1 12:00:00 CET 2026", "2026-03-01T11:00", "asctime with a zone"),
    ("Wed, 04 Mar 2026 08:00:00 +0000 (UTC)", "2026-03-04T08:00", "comment behind"),
    ("Tue, 03 Mar 2026 24:00:00 +0100", "2026-03-03T23:00", "hour 24"),
    ("Tue, 03 Mar 2026 23:59:60 GMT", "2026-03-04T00:00", "leap second"),
    ("Mon, 03 Mar 2026 10:00:00 GMT", "2026-03-03T10:00", "wrong weekday"),
    # ISO 8601
    ("2026-03-01T12:00:00Z", "2026-03-01T12:00", "ISO in UTC"),
    ("2026-03-01T12:00:00.123+01:00", "2026-03-01T11:00", "fractions of a second"),
    ("2026-03-01T12:00:00+0100", "2026-03-01T11:00", "offset without colon"),
    ("2026-03-01t12:00:00z", "2026-03-01T12:00", "small letters"),
    ("2026-03-01T12:00", "2026-03-01T11:00", "no seconds, no zone"),
    ("2026-07-01T12:00", "2026-07-01T10:00", "no zone, in summer"),
    ("2026-03-01 12:00:00", "2026-03-01T11:00", "a blank for the T"),
    ("2006-01-11 16:42:55 -0800", "2006-01-12T00:42:55", "a blank before the offset"),
    ("20260301T120000Z", "2026-03-01T12:00", "basic form"),
    ("2026-03-01", "2026-02-28T23:00", "a day"),
    ("2026-03", "2026-02-28T23:00", "a month"),
    ("2026", "2025-12-31T23:00", "a year"),
    # French
    ("dim, 05/03/2020 - 11:30", "2020-05-03T09:30", "Marianne: French weekday, American order"),
    ("mar, 05/03/2024 - 11:30", "2024-03-05T10:30", "the weekday says: day first"),
    ("dimanche 3 mai 2020 à 11h30", "2020-05-03T09:30", "in words"),
    ("dim. 3 mai 2020, 11:30", "2020-05-03T09:30", "shortened weekday"),
    ("mar. 3 mars 2026, 12:00", "2026-03-03T11:00", "mardi, not mars"),
    ("1er août 2025 - 08:12", "2025-08-01T06:12", "first of the month"),
    ("15 févr. 2026 08h05", "2026-02-15T07:05", "shortened month"),
    ("31 décembre 2025", "2025-12-30T23:00", "no time"),
    ("Le 3 mai 2020 à 11h30", None, "a sentence is no date"),
    # sloppy
    ("2020/1/10 14:33:00", "2020-01-10T13:33", "feedparser reads November in it"),
    ("2020-1-5 4:3:2", "2020-01-05T03:03:02", "single digits"),
    ("03/05/2020", "2020-05-02T22:00", "ambiguous: day first"),
    ("03/13/2020", "2020-03-12T23:00", "only the month can come first"),
    ("13.03.2020 10:00", "2020-03-13T09:00", "dots"),
    ("12/25/2020 3:04:05 PM", "2020-12-25T14:04:05", "afternoon"),
    ("May 3, 2020 12:30 AM", "2020-05-02T22:30", "midnight in English"),
    ("Sunday, 1st March 2026", "2026-02-28T23:00", "ordinal"),
    ("1700000000", "2023-11-14T22:13:20", "epoch seconds"),
    ("1700000000123", "2023-11-14T22:13:20", "epoch milliseconds"),
    ("  Sun, 01 Mar 2026 12:00:00 GMT \n", "2026-03-01T12:00", "blanks around"),
    # refused
    ("", None, "empty"),
    ("hier", None, "a word"),
    ("1588-01-01", None, "before 1990"),
    ("Thu, 01 Jan 1970 00:00:00 GMT", None, "the epoch"),
    ("-0001-11-30T00:00:00+00:00", None, "year -1"),
    ("0000-00-00 00:00:00", None, "zeros"),
    ("9999-12-31", None, "the end of time"),
    ("+9999", None, "an offset"),
    ("Sat, 31 Feb 2026 10:00:00 GMT", None, "no such day"),
    ("2026-13-01", None, "no such month"),
    ("1 " * 5000, None, "long"),
]


@pytest.mark.parametrize(("printed", "expected", "name"), DATES, ids=[name for _, _, name in DATES])
def test_a_printed_date_is_read(printed: str, expected: str | None, name: str) -> None:
    read = read_date(printed, PARIS)
    moment = datetime.fromisoformat(expected).replace(tzinfo=UTC) if expected else None
    assert (read.value if read else None) == moment


@pytest.mark.parametrize(("printed", "assumed"), [("2026-03-01T12:00", True), ("2026-03-01T12:00Z", False)])
def test_a_date_without_a_zone_says_so(printed: str, assumed: bool) -> None:
    read = read_date(printed, PARIS)
    assert read is not None
    assert read.zone_assumed is assumed


def test_an_unknown_zone_is_utc() -> None:
    assert zone_of("Europe/Paris") == PARIS
    assert zone_of("Mars/Olympus") is UTC
    assert zone_of("../etc") is UTC


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
    assert time_of_option(text, "--since", now=NOW) == meant


@pytest.mark.parametrize("text", ["yesterday", "2026-13-01", "-2d", "2 d", "99999999999d", "3000000d"])
def test_what_is_no_time_names_the_option_and_what_is_wanted(text: str) -> None:
    with pytest.raises(SettingsError, match=r"--since '.+': neither 90s, 15m, 6h, 2d nor a time"):
        time_of_option(text, "--since", now=NOW)


def test_an_operators_time_is_counted_from_the_deployments_clock(tmp_path: Path) -> None:
    with Newswire(Settings(home=tmp_path), clock=lambda: NOW) as newswire:
        assert newswire.moment("6h", "--since") == NOW - timedelta(hours=6)
        assert newswire.moment(None, "--since") is None
