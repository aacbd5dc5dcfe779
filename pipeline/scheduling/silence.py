"""Silence detection: the time after which a feed without new entries is silent, learnt from its own history.

That time is three times the longest usual silence. It is measured by the clock until the feed's weekly activity is
known, then in *busy hours*: an hour counts as much as the share of weeks that brought something in it. So a paper that
rests at weekends is not silent on Sunday, and is by Monday noon. Pure: values and times in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits

from pipeline.domain.model import FeedState, Silence

HOUR = timedelta(hours=1)
WEEK_H = 168
LEARNT_AFTER_H = 2 * WEEK_H  # a single week may have had a holiday
MEMORY_WEEKS = 8  # older weeks count less and less: outlets change their habits with the season
MIN_SILENCE = timedelta(hours=3)  # less alarms operators for nothing
MAX_SILENCE = timedelta(days=30)  # the slowest feeds bring something each month
SILENCE_FACTOR = 3  # silent after so many of the longest usual silences

_FIRST_LEARNT = timedelta(hours=12)  # one silence is no history: start from a night
_DECAY = 0.98  # of what was learnt, per arrival: a holiday is forgotten in a hundred arrivals
_LEVELS = ascii_letters + digits + "-_"  # a share as one of 64 characters: finer than eight weeks can distinguish
_TOP = len(_LEVELS) - 1
_EXACT = 1e-6  # shares are cut, not rounded, so that small ones fade away; a share read is written unchanged


@dataclass(frozen=True, slots=True)
class WeeklyActivity:
    """Share of weeks that brought something, for each hour from Monday 00:00 UTC; and the number of hours learnt."""

    shares: tuple[float, ...] = (0.0,) * WEEK_H
    hours: int = 0

    def busy_hours(self, since: datetime, until: datetime) -> float:
        """Length of a span in busy hours."""
        return sum(self._busy(start, end) for start, end in hours_between(since, until))

    def after_busy_hours(self, since: datetime, busy_h: float, *, latest: datetime) -> datetime:
        """When so many busy hours have passed; at most `latest`."""
        left = busy_h
        for start, end in hours_between(since, latest):
            busy = self._busy(start, end)
            if busy >= left > 0:
                return start + (end - start) * (left / busy)
            left -= busy
        return latest

    def _busy(self, start: datetime, end: datetime) -> float:
        return self.shares[hour_of_week(start)] * (end - start) / HOUR

    def to_text(self) -> str:
        """For the store: `<hours>:<168 characters>`."""
        return f"{self.hours}:" + "".join(_LEVELS[int(share * _TOP + _EXACT)] for share in self.shares)

    @classmethod
    def from_text(cls, text: str | None) -> WeeklyActivity:
        """Read what `to_text` wrote; nothing is learnt from None."""
        if not text:
            return cls()
        hours, _, levels = text.partition(":")
        return cls(tuple(_LEVELS.index(level) / _TOP for level in levels), int(hours))


def learn_silence(state: FeedState, has_news: bool, now: datetime) -> Silence:
    """The usual silences after an answer of the feed.

    Time that we did not observe, because we were away or the feed was broken, is not learnt from.
    """
    learnt, seen_at, newest = state.silence, state.health.last_success_at, state.health.last_new_entry_at
    # A silence since an answer longer ago than this may be due to us.
    observed = max(timedelta(seconds=4 * state.schedule.interval_s), MIN_SILENCE)
    if seen_at is None or now - seen_at > observed or (not has_news and hour_start(seen_at) == hour_start(now)):
        return learnt
    activity = learn_hours(WeeklyActivity.from_text(learnt.rhythm), seen_at, now, newest)
    if not has_news or newest is None:
        return replace(learnt, rhythm=activity.to_text())
    known_s = _DECAY * learnt.longest_gap_s if learnt.longest_gap_s else _FIRST_LEARNT.total_seconds()
    gap_s = max(SILENCE_FACTOR * (now - newest).total_seconds(), known_s, MIN_SILENCE.total_seconds())
    longest_gap_s = silence_s = int(min(gap_s, MAX_SILENCE.total_seconds()))
    busy_h = max(SILENCE_FACTOR * activity.busy_hours(newest, now), _DECAY * (learnt.lull_h or 0.0), MIN_SILENCE / HOUR)
    busy_h = round(busy_h, 3)
    if activity.hours >= LEARNT_AFTER_H:
        ends = activity.after_busy_hours(now, busy_h, latest=now + MAX_SILENCE)
        silence_s = int(max(ends - now, MIN_SILENCE).total_seconds())
    return Silence(silence_s=silence_s, longest_gap_s=longest_gap_s, rhythm=activity.to_text(), lull_h=busy_h)


def learn_hours(
    activity: WeeklyActivity, since: datetime, until: datetime, last_arrival: datetime | None
) -> WeeklyActivity:
    """The activity after the hours that ended between two polls; only the last arrival's hour brought something."""
    shares, hours = list(activity.shares), activity.hours
    first, end = hour_start(since), hour_start(until)
    arrived = hour_start(last_arrival) if last_arrival else None
    while first < end:
        index = hour_of_week(first)
        weight = max(1 / (hours // WEEK_H + 1), 1 / MEMORY_WEEKS)
        shares[index] += weight * ((1.0 if first == arrived else 0.0) - shares[index])
        first, hours = first + HOUR, hours + 1
    return WeeklyActivity(tuple(shares), hours)


def hours_between(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The hours of a span; the first and the last are cut to it."""
    start = since
    while start < until:
        end = min(hour_start(start) + HOUR, until)
        yield start, end
        start = end


def hour_start(moment: datetime) -> datetime:
    """The start of its hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_of_week(moment: datetime) -> int:
    """From 0, Monday 00:00 UTC, to 167."""
    at = moment.astimezone(UTC)
    return at.weekday() * 24 + at.hour
