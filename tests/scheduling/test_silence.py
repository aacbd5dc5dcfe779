"""A feed's silence, learnt from its own weeks: who sleeps at night or rests at weekends is not silent then."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.domain.model import FeedState, FeedStatus
from pipeline.scheduling.feed_state import FeedPolicy, PollKind, PollOutcome, decide_poll
from pipeline.scheduling.silence import LEARNT_AFTER_H, WeeklyActivity, learn_hours, learn_silence
from tests.values import make_state

MONDAY = datetime(2026, 11, 2, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)
POLL_EVERY = timedelta(minutes=20)
QUIET = PollOutcome(kind=PollKind.NOT_MODIFIED, status=304)
NEWS = PollOutcome(kind=PollKind.PARSED, status=200, entries=20, new=1)

Habit = Callable[[datetime], bool]


def around_the_clock(at: datetime) -> bool:
    return at.minute < 20


def by_day(at: datetime) -> bool:
    return 6 <= at.hour < 22 and at.minute < 20


def on_weekdays(at: datetime) -> bool:
    return at.weekday() < 5 and by_day(at)


def each_morning(at: datetime) -> bool:
    return at.hour == 7 and at.minute < 20


def on_fridays(at: datetime) -> bool:
    return at.weekday() == 4 and each_morning(at)


def live(state: FeedState, habit: Habit, since: datetime, until: datetime) -> FeedState:
    """The feed's state after being polled all the while, an arrival whenever its habit says so."""
    now = since
    while now < until:
        outcome = NEWS if habit(now) else QUIET
        # Whatever the interval learnt is, we look at it every twenty minutes.
        state = decide_poll(state, outcome, policy=FeedPolicy(), now=now, jitter=0).with_fields(interval_s=1200)
        now += POLL_EVERY
    return state


def never(_at: datetime) -> bool:
    return False


def grown(habit: Habit, weeks: int = 4) -> FeedState:
    return live(make_state(interval_s=1200), habit, MONDAY, MONDAY + weeks * WEEK)


SILENCES = [
    pytest.param(around_the_clock, 0, 2 * HOUR, FeedStatus.QUIET, id="round the clock: two hours are quiet"),
    pytest.param(around_the_clock, 0, 8 * HOUR, FeedStatus.SILENT, id="round the clock: eight hours are silent"),
    pytest.param(by_day, 2, 5 * HOUR, FeedStatus.FRESH, id="by day: a night is no silence"),
    pytest.param(by_day, 0, 18 * HOUR, FeedStatus.SILENT, id="by day: a day is"),
    pytest.param(on_weekdays, 5, 47 * HOUR, FeedStatus.FRESH, id="weekdays: a weekend is no silence"),
    pytest.param(on_weekdays, 5, 60 * HOUR + 2 * HOUR, FeedStatus.SILENT, id="weekdays: Monday without news is"),
    pytest.param(on_weekdays, 2, 20 * HOUR, FeedStatus.SILENT, id="weekdays: a Wednesday without news is"),
    pytest.param(each_morning, 0, 30 * HOUR, FeedStatus.QUIET, id="each morning: one is missed"),
    pytest.param(each_morning, 0, 5 * DAY, FeedStatus.SILENT, id="each morning: several are"),
    pytest.param(on_fridays, 0, 10 * DAY, FeedStatus.QUIET, id="a weekly: a week late is no silence"),
]


@pytest.mark.parametrize(("habit", "day", "silence", "status"), SILENCES)
def test_silence_follows_the_weekly_activity(habit: Habit, day: int, silence: timedelta, status: FeedStatus) -> None:
    begins = MONDAY + 4 * WEEK + day * DAY
    state = live(grown(habit), habit, MONDAY + 4 * WEEK, begins)
    after = live(state, never, begins, begins + silence)
    assert after.health.status in (
        {FeedStatus.FRESH, FeedStatus.QUIET} if status is not FeedStatus.SILENT else {status}
    )


def test_silence_by_the_clock_alone_would_alarm_each_weekend() -> None:
    state, weekend_s = grown(on_weekdays), 57 * 3600
    assert state.silence.silence_s is not None
    assert state.silence.longest_gap_s is not None
    assert state.silence.longest_gap_s < weekend_s < state.silence.silence_s


def test_silence_is_by_the_clock_for_the_first_two_weeks() -> None:
    state = grown(by_day, weeks=1)
    assert state.silence.silence_s == state.silence.longest_gap_s


def test_hours_without_polls_are_not_learnt() -> None:
    state = grown(by_day)
    away = learn_silence(state, True, MONDAY + 5 * WEEK)
    assert (away.rhythm, away.silence_s) == (state.silence.rhythm, state.silence.silence_s)


def test_weekly_activity_survives_its_text_form() -> None:
    text = grown(on_weekdays).silence.rhythm
    assert WeeklyActivity.from_text(text).to_text() == text


def test_activity_that_stops_is_forgotten() -> None:
    rhythm = learn_hours(WeeklyActivity(), MONDAY, MONDAY + HOUR, MONDAY)
    for week in range(60):
        start = MONDAY + week * WEEK
        rhythm = WeeklyActivity.from_text(learn_hours(rhythm, start + HOUR, start + WEEK + HOUR, None).to_text())
    assert rhythm.shares[0] == 0
    assert rhythm.hours > LEARNT_AFTER_H
