"""Poll interval of a feed, learnt from the overlap of its entries between polls; minimum waits and backoff.

Promises a time within the policy's bounds. After Media Cloud's rule of the share of known entries, which alone
protects against a feed that replaces all its entries between two polls.

Tested by tests/scheduling/test_feed_state.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.scheduling.freshness import MAX_WAIT_S, MIN_WAIT_S

# Shares and factors after Media Cloud.
_FEW_KNOWN = 0.33
_MOST_KNOWN = 0.67
_SHORTEN = 0.6
_LENGTHEN = 1.1  # slowly: an hour too late costs more than a 304 too many
# An article waits half an interval on average. A 48th of the silence learnt (three of the longest usual gaps) is half
# an hour for an outlet that sleeps at night. It is four minutes for one that never does.
_SILENCE_SHARE = 48
_SINCE_NEWEST_SHARE = 24  # the older the newest entry, the later the next one may be seen
_JITTER = 0.1  # feeds polled together drift apart within ten polls
_BACKOFF_JITTER = 0.25  # more, because feeds of one host fail together
_BLOCKED_FIRST_S = 3_600  # a block may be a mistake of the minute; after that the feed is polled once a day


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPolicy:
    """Bounds that an operator sets, and the confirmations for moved and gone feeds. Seconds throughout."""

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
class Arrivals:
    """Arrivals of a feed's entries, from which its next interval is computed."""

    interval_s: int
    is_first: bool  # the first answer: every entry is new, which proves nothing
    known_share: float
    has_gap: bool  # no entry was known: some were probably missed
    hint_s: int = 0  # ttl or syndication period declared by the feed
    silence_s: int | None = None
    since_newest_s: int | None = None


def next_interval_s(arrivals: Arrivals, policy: FeedPolicy) -> int:
    """The interval learnt from this poll, within the policy."""
    if arrivals.has_gap:  # what the feed declares is too slow
        return _bounded(arrivals.interval_s * 0.5, policy)
    interval_s = float(arrivals.interval_s)
    if not arrivals.is_first and arrivals.known_share < _FEW_KNOWN:
        interval_s *= _SHORTEN
    elif arrivals.known_share > _MOST_KNOWN:
        interval_s = max(
            min(interval_s * _LENGTHEN, _longest_s(arrivals, policy)), min(interval_s, policy.max_interval_s) * 0.5
        )
    return _bounded(max(interval_s, arrivals.hint_s), policy)


def next_poll_time(
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
    """The next poll of a feed that answers; an operator's interval overrides the feed's hints."""
    if override_s is not None:
        return now + timedelta(seconds=max(1, override_s) * (1 + _JITTER * jitter))
    floor_s = min(freshness_s, policy.max_interval_s, MAX_WAIT_S)
    wait_s = max(interval_s * (1 + _JITTER * jitter), floor_s)
    return _outside_skipped(now + timedelta(seconds=wait_s), now, skip_hours, skip_days)


def next_retry_time(
    now: datetime,
    *,
    interval_s: int,
    failures: int,
    is_blocked: bool,
    retry_at: datetime | None,
    policy: FeedPolicy,
    jitter: float,
) -> datetime:
    """The next poll of a feed that failed: exponential backoff up to a day, or the time of Retry-After."""
    spread = 1 + _BACKOFF_JITTER * jitter
    if retry_at is not None:
        asked_s = min(max((retry_at - now).total_seconds(), MIN_WAIT_S), MAX_WAIT_S)
        return now + timedelta(seconds=min(max(asked_s, interval_s) * (1 + _JITTER * jitter), MAX_WAIT_S))
    wait_s = float(interval_s) * 2 ** min(failures - 1, 16)
    if is_blocked:
        wait_s = max(wait_s, _BLOCKED_FIRST_S if failures == 1 else MAX_WAIT_S)
    longest_s = policy.max_backoff_s / (1 + _BACKOFF_JITTER)  # feeds stay spread at the cap, too
    return now + timedelta(seconds=min(max(wait_s, MIN_WAIT_S), longest_s) * spread)


def _longest_s(arrivals: Arrivals, policy: FeedPolicy) -> float:
    if arrivals.silence_s is None:
        return policy.max_interval_s
    return max(arrivals.silence_s / _SILENCE_SHARE, (arrivals.since_newest_s or 0) / _SINCE_NEWEST_SHARE)


def _bounded(interval_s: float, policy: FeedPolicy) -> int:
    return int(min(max(interval_s, policy.min_interval_s), policy.max_interval_s))


def _outside_skipped(moment: datetime, now: datetime, hours: frozenset[int], days: frozenset[int]) -> datetime:
    """The first time outside the feed's skipHours and skipDays (UTC), at most a day from now."""
    latest = now + timedelta(seconds=MAX_WAIT_S)
    while moment < latest and (moment.hour in hours or moment.weekday() in days):
        moment = moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min(moment, max(latest, now))
