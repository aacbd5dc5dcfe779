"""When in the week a feed brings something, learnt from its own arrivals; and which silence that makes unusual.

A silence is measured in *busy hours*: an hour counts as much as the share of weeks in which it brought something. What
passes while the feed usually sleeps counts for nothing, so that a paper that rests at weekends is not silent on Sunday,
and is by Monday noon. Pure: values and times in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from string import ascii_letters, digits

HOUR = timedelta(hours=1)
WEEK_H = 168
LEARNT_AFTER_H = 2 * WEEK_H  # one week may have had a holiday
MEMORY_WEEKS = 8  # an older week counts less and less: outlets change their ways with the season

_LEVELS = ascii_letters + digits + "-_"  # a share as one character: 64 levels are finer than eight weeks can tell
_TOP = len(_LEVELS) - 1
_EXACT = 1e-6  # cut, not rounded, so that a small share fades away; but what was read is written as it was


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Shares of weeks in which an hour brought something, from Monday 00:00 UTC; and from how many hours learnt."""

    shares: tuple[float, ...] = (0.0,) * WEEK_H
    hours: int = 0

    @property
    def is_learnt(self) -> bool:
        """Whether enough weeks were seen to go by it."""
        return self.hours >= LEARNT_AFTER_H

    def share(self, moment: datetime) -> float:
        """Of the weeks, how many brought something in this hour."""
        return self.shares[hour_of_week(moment)]

    def busy_hours(self, since: datetime, until: datetime) -> float:
        """How long a silence is, in hours that usually bring something."""
        return sum(self.share(start) * (end - start) / HOUR for start, end in hours_between(since, until))

    def after_busy_hours(self, since: datetime, busy_h: float, *, latest: datetime) -> datetime:
        """When so many busy hours have passed; `latest` if they have not by then."""
        left = busy_h
        for start, end in hours_between(since, latest):
            weight = self.share(start) * (end - start) / HOUR
            if weight >= left > 0:
                return start + (end - start) * (left / weight)
            left -= weight
        return latest

    def to_text(self) -> str:
        """For the store: `<hours>:<168 characters>`."""
        return f"{self.hours}:" + "".join(_LEVELS[int(share * _TOP + _EXACT)] for share in self.shares)

    @classmethod
    def from_text(cls, text: str | None) -> Rhythm:
        """What `to_text` made; nothing learnt when there is none."""
        if not text:
            return cls()
        hours, _, levels = text.partition(":")
        return cls(tuple(_LEVELS.index(level) / _TOP for level in levels), int(hours))


def learn_hours(rhythm: Rhythm, since: datetime, until: datetime, last_arrival: datetime | None) -> Rhythm:
    """The rhythm after the hours that ended between two polls; only the last arrival's hour brought something."""
    shares, hours = list(rhythm.shares), rhythm.hours
    first, end = hour_start(since), hour_start(until)
    arrived = hour_start(last_arrival) if last_arrival else None
    while first < end:
        index = hour_of_week(first)
        weight = max(1 / (hours // WEEK_H + 1), 1 / MEMORY_WEEKS)
        shares[index] += weight * ((1.0 if first == arrived else 0.0) - shares[index])
        first, hours = first + HOUR, hours + 1
    return replace(rhythm, shares=tuple(shares), hours=hours)


def hours_between(since: datetime, until: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The hours of a span, the first and the last one cut to it."""
    start = since
    while start < until:
        end = min(hour_start(start) + HOUR, until)
        yield start, end
        start = end


def hour_start(moment: datetime) -> datetime:
    """The beginning of its hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hour_of_week(moment: datetime) -> int:
    """From 0, Monday 00:00 UTC, to 167."""
    at = moment.astimezone(UTC)
    return at.weekday() * 24 + at.hour
