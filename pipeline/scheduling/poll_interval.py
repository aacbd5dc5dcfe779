"""When a feed is polled next: the interval learnt from how its entries overlap between polls, floors, backing off.

Promises a moment within the policy's bounds, never for ever away. After Media Cloud's rule of the share of known
entries, which alone protects against a feed that rolls over between two polls.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MIN_WAIT_S = 60
MAX_WAIT_S = 86_400

_FEW_KNOWN = 0.33
_MOST_KNOWN = 0.67
_SHORTEN = 0.6
_LENGTHEN = 1.1  # slowly: an hour too late costs more than a 304 too many
# An article waits half an interval on average: a 48th of the silence learnt (three of the longest usual gaps) is
# half an hour for an outlet that sleeps at night, and four minutes for one that never does.
_SILENCE_SHARE = 48
_QUIET_SHARE = 24  # the longer nothing came, the longer it may take to see the next
_JITTER = 0.1
_BACKOFF_JITTER = 0.25
_BLOCKED_FIRST_S = 3_600  # a wall may be a mistake of the minute; after that it is asked once a day


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPolicy:
    """What an operator allows, and the confirmations that facts need. Seconds throughout."""

    min_interval_s: int = 60
    max_interval_s: int = 21_600
    max_backoff_s: int = MAX_WAIT_S
    unconditional_share: float = 0.02
    unconditional_every_s: int = 86_400
    move_confirmations: int = 5
    move_over_s: int = 86_400
    gone_confirmations: int = 3
    gone_over_s: int = 172_800


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a feed's entries came, for its next interval."""

    interval_s: int
    is_first: bool  # the first answer: everything is new and tells nothing
    known_share: float
    has_gap: bool  # nothing of it was known: entries were probably missed
    hint_s: int = 0  # ttl and syndication period, as the feed says
    silence_s: int | None = None
    quiet_s: int | None = None


def next_interval_s(pace: Pace, policy: FeedPolicy) -> int:
    """The interval learnt from this poll, within the policy."""
    if pace.has_gap:  # what the feed says of itself is too slow for what it does
        return _bounded(pace.interval_s * 0.5, policy)
    interval_s = float(pace.interval_s)
    if not pace.is_first and pace.known_share < _FEW_KNOWN:
        interval_s *= _SHORTEN
    elif pace.known_share > _MOST_KNOWN:
        interval_s = max(
            min(interval_s * _LENGTHEN, _longest_s(pace, policy)), min(interval_s, policy.max_interval_s) * 0.5
        )
    return _bounded(max(interval_s, pace.hint_s), policy)


def in_time(
    now: datetime,
    *,
    interval_s: int,
    override_s: int | None,
    freshness_s: int,
    skip_hours: frozenset[int],
    skip_days: frozenset[int],
    policy: FeedPolicy,
    jitter: float,
) -> datetime:
    """The next poll of a feed that answers; an operator's own interval wins over what the feed asks for."""
    if override_s is not None:
        return now + timedelta(seconds=max(1, override_s) * (1 + _JITTER * jitter))
    floor_s = min(freshness_s, policy.max_interval_s, MAX_WAIT_S)
    wait_s = max(interval_s * (1 + _JITTER * jitter), floor_s)
    return _outside(now + timedelta(seconds=wait_s), now, skip_hours, skip_days)


def backed_off(
    now: datetime,
    *,
    interval_s: int,
    failures: int,
    is_blocked: bool,
    retry_at: datetime | None,
    policy: FeedPolicy,
    jitter: float,
) -> datetime:
    """The next poll of a feed that failed: twice as late each time, at most a day; when the server says, then."""
    spread = 1 + _BACKOFF_JITTER * jitter
    if retry_at is not None:
        asked_s = min(max((retry_at - now).total_seconds(), MIN_WAIT_S), MAX_WAIT_S)
        return now + timedelta(seconds=min(max(asked_s, interval_s) * (1 + _JITTER * jitter), MAX_WAIT_S))
    wait_s = float(interval_s) * 2 ** min(failures - 1, 16)
    if is_blocked:
        wait_s = max(wait_s, _BLOCKED_FIRST_S if failures == 1 else MAX_WAIT_S)
    longest_s = policy.max_backoff_s / (1 + _BACKOFF_JITTER)  # at the cap, too, feeds stay spread
    return now + timedelta(seconds=min(max(wait_s, MIN_WAIT_S), longest_s) * spread)


def _longest_s(pace: Pace, policy: FeedPolicy) -> float:
    if pace.silence_s is None:
        return policy.max_interval_s
    return max(pace.silence_s / _SILENCE_SHARE, (pace.quiet_s or 0) / _QUIET_SHARE)


def _bounded(interval_s: float, policy: FeedPolicy) -> int:
    return int(min(max(interval_s, policy.min_interval_s), policy.max_interval_s))


def _outside(moment: datetime, now: datetime, hours: frozenset[int], days: frozenset[int]) -> datetime:
    """The first moment from this one on that the feed does not ask to skip (UTC), a day from now at the latest."""
    latest = now + timedelta(seconds=MAX_WAIT_S)
    while moment < latest and (moment.hour in hours or moment.weekday() in days):
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min(moment, max(latest, now))
