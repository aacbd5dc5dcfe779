"""Log lines have the same keys everywhere; quiet polls are for debugging."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import EventDict

from pipeline.domain.model import FeedStatus, Verdict
from pipeline.reporting import logs
from tests.values import make_state

STATE = make_state()


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[EventDict]]:
    """The lines that are written, at every level. Airflow configures structlog in the process of its tests."""
    monkeypatch.setattr(logs, "_configure", [])  # a command that wrote no line leaves its set-up to the next line
    before = logs.LOGGER.level
    configured = structlog.get_config()
    structlog.reset_defaults()
    logs.LOGGER.setLevel(logging.DEBUG)
    with capture_logs() as captured:
        yield captured
    logs.LOGGER.setLevel(before)
    structlog.configure(**configured)


@pytest.mark.parametrize(
    ("outcome", "new", "level"),
    [
        ("not_modified", 0, "debug"),
        ("same_body", 0, "debug"),
        ("parsed", 0, "debug"),
        ("parsed", 3, "info"),
        ("timed_out", 0, "info"),
    ],
)
def test_a_poll_is_logged_at_debug_unless_it_brought_something(
    lines: list[EventDict], outcome: str, new: int, level: str
) -> None:
    logs.log_poll(STATE, outcome, entries=5, new=new)
    (line,) = lines
    assert line["log_level"] == level
    assert (line["feed"], line["outlet"], line["url"]) == (STATE.feed_id, STATE.outlet_id, STATE.url)


def test_a_key_without_a_value_is_left_out(lines: list[EventDict]) -> None:
    logs.log_verdict(Verdict.NEW, feed="a/b", outlet="a", url="https://a.test/1", article="abc")
    assert lines == [
        {
            "event": "verdict",
            "log_level": "info",
            "feed": "a/b",
            "outlet": "a",
            "url": "https://a.test/1",
            "verdict": "new",
            "article": "abc",
        }
    ]


def test_a_feed_state_is_logged_when_the_status_changes(lines: list[EventDict]) -> None:
    logs.log_feed_state(STATE, STATE.with_fields(interval_s=60))
    assert lines == []
    logs.log_feed_state(STATE, STATE.with_fields(status=FeedStatus.FAILING, status_reason="x" * 1_000))
    (line,) = lines
    assert (line["before"], line["status"]) == ("fresh", "failing")
    assert len(line["reason"]) == logs.MAX_REASON_CHARS


def test_a_fenced_lane_is_a_warning(lines: list[EventDict]) -> None:
    logs.log_batch(3, 17, messages=250, seconds=0.12345)
    logs.log_lane_fenced(3, "another process holds it")
    assert [(line["log_level"], line["lane"]) for line in lines] == [("info", 3), ("warning", 3)]
    assert (lines[0]["batch"], lines[0]["seconds"]) == (17, 0.123)


def test_nothing_is_written_below_the_level(lines: list[EventDict]) -> None:
    logs.LOGGER.setLevel(logging.WARNING)
    logs.log_wrapper("a", version=2, pages=12)
    assert lines == []
