"""Feed state machine: the next state of a feed from its state and the outcome of a poll.

Decides the next poll, the validators to send, when to adopt a redirect, when a feed is gone, and the status that the
desk shows. Pure: time and chance are arguments. A failing feed is polled for ever, at least once a day; only repeated
410 answers end it. Left to others: the usual silence (`silence`). Also: how
long an answer asks to wait, by its caching headers.

The poll interval is learnt from the overlap of the feed's entries between polls. That is Media Cloud's rule of the
share of known entries, which alone protects against a feed that replaces all its entries between two polls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum

from pipeline.domain.model import CacheState, FeedState, FeedStatus, Move, Redirect, Validators
from pipeline.scheduling.silence import SILENCE_FACTOR, learn_silence

MIN_WAIT_S = 60  # an answer of 0 or less allows no immediate retry
MAX_WAIT_S = 86_400  # 317,100 s has been seen in the wild (Media Cloud); a day is the longest wait
_MAX_HEADER_CHARS = 256
_SECONDS = re.compile(r"\s*([+-]?\d{1,12})\d*(?:\.\d*)?\s*(?:s|secs?|seconds?)?\s*(?:,|;|$)", re.IGNORECASE)
_MAX_AGE = re.compile(r"(?:^|[\s,;])max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)
_NOT_FRESH = re.compile(r"(?:^|[\s,;])(?:no-cache|no-store)(?:$|[\s,;])", re.IGNORECASE)
NEVER = datetime(9000, 1, 1, tzinfo=UTC)  # next poll of a feed that is gone

_PERMANENT = frozenset({301, 308})
_BLOCKING = frozenset({401, 402, 403, 407, 451})
_GONE = 410
_MAX_VALIDATOR_CHARS = 1_024  # some servers send an ETag of 8 KB, and refuse a request header of that size

# A new entry dated so long before the last 304 was already in the feed then: outlets publish within the hour.
HIDDEN_AFTER = timedelta(hours=1)
_NOT_MODIFIED_BEFORE_DOUBT = 3  # fewer in a row may be chance
_NOT_MODIFIED_BEFORE_CERTAIN = 20  # so many, then three new entries within one interval, is no chance

_FIRST_SILENCE = timedelta(days=3)  # until the feed's own is learnt
_SHOW_MOVE_FOR = timedelta(days=7)  # an operator who looks once a week sees the move

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


class PollKind(StrEnum):
    """How a poll ended."""

    NOT_MODIFIED = "not_modified"  # 304
    SAME_BODY = "same_body"  # 200 with the last body, except for volatile parts
    PARSED = "parsed"
    ERROR = "error"  # no feed was received, whatever the reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOutcome:
    """What a poll brought. `new` counts entries that this feed did not have before, whatever other feeds had."""

    kind: PollKind
    status: int | None = None  # HTTP's
    validators: Validators = field(default_factory=Validators)
    body_hash: str | None = None
    redirects: tuple[Redirect, ...] = ()
    unconditional: bool = False  # no validators were sent
    truncated: bool = False
    entries: int = 0
    new: int = 0
    changed: int = 0
    hidden: int = 0  # of the new: dated more than `HIDDEN_AFTER` before the last poll
    freshness_s: int = 0  # Cache-Control or Expires
    ttl_s: int | None = None
    update_period_s: int | None = None
    skip_hours: frozenset[int] = frozenset()
    skip_days: frozenset[int] = frozenset()
    error: str | None = None  # a short word: not_a_feed, timed_out, dns, tls, http_500, bot_wall …
    hint: str | None = None  # advice for operators: the feeds that a page links to where a feed is expected
    blocked: bool = False  # by a bot wall or a rule of the host
    retry_at: datetime | None = None  # from Retry-After


def should_poll_unconditionally(
    state: FeedState, now: datetime, draw: float, *, policy: FeedPolicy | None = None
) -> bool:
    """Whether to send no validators: one poll in fifty and at least daily, and always for unreliable validators.

    `draw` is uniform in [0, 1). Without validators, a server cannot hide entries behind 304.
    """
    rules, cache = policy or FeedPolicy(), state.cache
    if cache.validators_lie or cache.validators == Validators() or draw < rules.unconditional_share:
        return True
    return cache.last_full_at is None or (now - cache.last_full_at).total_seconds() >= rules.unconditional_every_s


def decide_poll(
    state: FeedState, outcome: PollOutcome, *, policy: FeedPolicy, now: datetime, jitter: float
) -> FeedState:
    """The feed's next state after this poll. `jitter`, uniform in [0, 1), spreads feeds polled at the same time."""
    polled = state.with_fields(last_poll_at=now)
    if outcome.kind is PollKind.ERROR:
        return _after_error(polled, outcome, policy=policy, now=now, jitter=jitter)
    has_entries = outcome.kind is PollKind.PARSED and outcome.entries > 0
    had_entries = state.health.last_success_at is not None and state.health.last_new_entry_at is not None
    has_gap = had_entries and has_entries and outcome.new == outcome.entries
    known_share = (outcome.entries - outcome.new) / outcome.entries if has_entries else 1.0
    after = replace(
        polled, cache=_next_cache(state.cache, outcome, now), silence=learn_silence(state, outcome.new > 0, now)
    )
    after = _with_move(after, outcome, policy=policy, now=now).with_fields(
        failures=0,
        gone_count=0,
        gone_since=None,
        last_success_at=now,
        last_new_entry_at=now if outcome.new else state.health.last_new_entry_at,
        possible_gaps=state.health.possible_gaps + has_gap,
    )
    if has_gap:  # what the feed declares is too slow
        interval_s = _bounded(state.schedule.interval_s * 0.5, policy)
    else:
        is_first = state.health.last_success_at is None  # every entry is new, which proves nothing
        learnt_s = _learnt_interval_s(after, known_share, is_first=is_first, policy=policy, now=now)
        interval_s = _bounded(max(learnt_s, outcome.ttl_s or 0, outcome.update_period_s or 0), policy)
    next_poll_at = _next_poll_at(after, outcome, interval_s, policy=policy, now=now, jitter=jitter)
    status, reason = _status(after, outcome, now)
    return after.with_fields(status=status, status_reason=reason, interval_s=interval_s, next_poll_at=next_poll_at)


def _learnt_interval_s(
    after: FeedState, known_share: float, *, is_first: bool, policy: FeedPolicy, now: datetime
) -> float:
    interval_s, silence_s = float(after.schedule.interval_s), after.silence.longest_gap_s
    if not is_first and known_share < _FEW_KNOWN:
        return interval_s * _SHORTEN
    if known_share <= _MOST_KNOWN:
        return interval_s
    newest = after.health.last_new_entry_at
    since_newest_s = int((now - newest).total_seconds()) if newest else 0
    longest_s: float = policy.max_interval_s
    if silence_s is not None:
        longest_s = max(silence_s / _SILENCE_SHARE, since_newest_s / _SINCE_NEWEST_SHARE)
    return max(min(interval_s * _LENGTHEN, longest_s), min(interval_s, policy.max_interval_s) * 0.5)


def _bounded(interval_s: float, policy: FeedPolicy) -> int:
    return int(min(max(interval_s, policy.min_interval_s), policy.max_interval_s))


def _next_poll_at(
    state: FeedState, outcome: PollOutcome, interval_s: int, *, policy: FeedPolicy, now: datetime, jitter: float
) -> datetime:
    """The next poll of a feed that answers, outside its skipHours and skipDays (UTC), but within a day.

    An operator's interval overrides the feed's hints.
    """
    spread, override_s = 1 + _JITTER * jitter, state.schedule.interval_override_s
    if override_s is not None:
        return now + timedelta(seconds=max(1, override_s) * spread)
    wait_s = max(interval_s * spread, min(outcome.freshness_s, policy.max_interval_s, MAX_WAIT_S))
    at, latest = now + timedelta(seconds=wait_s), now + timedelta(seconds=MAX_WAIT_S)
    while at < latest and (at.hour in outcome.skip_hours or at.weekday() in outcome.skip_days):
        at = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return min(at, latest)


def _next_cache(cache: CacheState, outcome: PollOutcome, now: datetime) -> CacheState:
    """Validators and body hash for the next request; those of a truncated body would hide its missing end."""
    if outcome.kind is PollKind.NOT_MODIFIED:  # it repeats its validators or omits them (RFC 9110 section 15.4.5)
        kept = _sendable(outcome.validators, cache.validators)
        return replace(cache, validators=kept, not_modified_in_a_row=cache.not_modified_in_a_row + 1)
    lies = cache.validators_lie or _hid_entries(cache, outcome)
    full = replace(cache, last_full_at=now, not_modified_in_a_row=0, validators_lie=lies)
    if outcome.truncated:
        return full
    return replace(
        full,
        validators=Validators() if lies else _sendable(outcome.validators, Validators()),
        body_hash=outcome.body_hash or cache.body_hash,
    )


def _hid_entries(cache: CacheState, outcome: PollOutcome) -> bool:
    """Whether the 304s before this full answer hid entries.

    Certain when the validators are still the same although entries are new. Else new entries must be older than the
    last 304, or too many for one interval.
    """
    if not (outcome.unconditional and outcome.new and cache.not_modified_in_a_row):
        return False
    if outcome.validators == cache.validators and cache.validators != Validators():
        return True
    in_a_row = cache.not_modified_in_a_row
    if in_a_row >= _NOT_MODIFIED_BEFORE_CERTAIN and outcome.new >= 3:
        return True
    return in_a_row >= _NOT_MODIFIED_BEFORE_DOUBT and outcome.hidden > 0 and outcome.hidden * 2 >= outcome.new


def _sendable(given: Validators, old: Validators) -> Validators:
    """The given validators that are short enough, else the old ones."""
    etag, modified = (
        text if text and len(text) <= _MAX_VALIDATOR_CHARS else None for text in (given.etag, given.last_modified)
    )
    return Validators(etag or old.etag, modified or old.last_modified)


def _with_move(state: FeedState, outcome: PollOutcome, *, policy: FeedPolicy, now: datetime) -> FeedState:
    """Adopt a permanent redirect that was confirmed often enough, over a long enough time."""
    target, move = _permanent_target(state.url, outcome.redirects), state.move
    if target is None:
        return state if move.moved_to == state.url else replace(state, move=Move())
    same = target == move.moved_to
    count = move.moved_count + 1 if same else 1
    since = move.moved_since if same and move.moved_since else now
    if count >= policy.move_confirmations and (now - since).total_seconds() >= policy.move_over_s:
        return replace(state, url=target, move=Move(moved_to=target, moved_count=count, moved_since=now))
    return replace(state, move=Move(moved_to=target, moved_count=count, moved_since=since))


def _permanent_target(url: str, redirects: tuple[Redirect, ...]) -> str | None:
    """The target of the leading 301 and 308 hops; a temporary hop or a loss of TLS is not adopted."""
    target = None
    for hop in redirects:
        if hop.status not in _PERMANENT:
            break
        target = hop.to_url
    if target is None or target == url or (url.startswith("https:") and not target.startswith("https:")):
        return None
    return target


def _after_error(
    state: FeedState, outcome: PollOutcome, *, policy: FeedPolicy, now: datetime, jitter: float
) -> FeedState:
    failures = state.health.failures + 1
    state = state.with_fields(failures=failures)
    if outcome.status == _GONE:
        count, since = state.health.gone_count + 1, state.health.gone_since or now
        state = state.with_fields(gone_count=count, gone_since=since)
        if count >= policy.gone_confirmations and (now - since).total_seconds() >= policy.gone_over_s:
            return state.with_fields(status=FeedStatus.GONE, status_reason=f"410 {count} times", next_poll_at=NEVER)
    blocked = outcome.blocked or outcome.status in _BLOCKING
    status = FeedStatus.PAUSED if state.schedule.paused else FeedStatus.BLOCKED if blocked else FeedStatus.FAILING
    what = outcome.error or (f"HTTP {outcome.status}" if outcome.status else "no answer")
    reason = f"{what} ({outcome.hint})" if outcome.hint else what
    return state.with_fields(
        status=status,
        status_reason=reason if failures == 1 else f"{reason}, {failures} times in a row",
        next_poll_at=_next_retry_at(state, outcome.retry_at, blocked=blocked, policy=policy, now=now, jitter=jitter),
    )


def _next_retry_at(
    state: FeedState, retry_at: datetime | None, *, blocked: bool, policy: FeedPolicy, now: datetime, jitter: float
) -> datetime:
    """The next poll of a feed that failed: exponential backoff up to a day, or the time of Retry-After."""
    interval_s, failures = state.schedule.interval_override_s or state.schedule.interval_s, state.health.failures
    if retry_at is not None:
        asked_s = min(max((retry_at - now).total_seconds(), MIN_WAIT_S), MAX_WAIT_S)
        return now + timedelta(seconds=min(max(asked_s, interval_s) * (1 + _JITTER * jitter), MAX_WAIT_S))
    wait_s = float(interval_s) * 2 ** min(failures - 1, 16)
    if blocked:
        wait_s = max(wait_s, _BLOCKED_FIRST_S if failures == 1 else MAX_WAIT_S)
    longest_s = policy.max_backoff_s / (1 + _BACKOFF_JITTER)  # feeds stay spread at the cap, too
    return now + timedelta(seconds=min(max(wait_s, MIN_WAIT_S), longest_s) * (1 + _BACKOFF_JITTER * jitter))


def _status(state: FeedState, outcome: PollOutcome, now: datetime) -> tuple[FeedStatus, str | None]:
    """Status and reason of a feed that answers."""
    reason = "truncated: its end was missing" if outcome.truncated else None
    if state.cache.validators_lie:
        reason = "its validators lie: 304 while it had news; polled in full"
    if state.schedule.paused:
        return FeedStatus.PAUSED, state.health.status_reason
    move, newest = state.move, state.health.last_new_entry_at
    if move.moved_to == state.url and move.moved_since and now - move.moved_since < _SHOW_MOVE_FOR:
        return FeedStatus.MOVED, f"moved for good to {state.url}"
    if newest is None:
        return FeedStatus.QUIET, reason
    silent_after = timedelta(seconds=state.silence.silence_s) if state.silence.silence_s else _FIRST_SILENCE
    if now - newest > silent_after:
        return FeedStatus.SILENT, f"nothing new since {newest:%Y-%m-%d %H:%M} UTC"
    return (FeedStatus.FRESH if now - newest <= silent_after / SILENCE_FACTOR else FeedStatus.QUIET), reason


def http_date(text: str | None) -> datetime | None:
    """Parse an HTTP date in any of its three forms (RFC 9110 section 5.6.7); None when invalid."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text[:_MAX_HEADER_CHARS].strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """Parse Retry-After (seconds, fractions too, or an HTTP date), clamped to [60 s, 24 h] from `now`.

    None when the header is absent or invalid.
    """
    if header is None:
        return None
    seconds = _SECONDS.match(header[:_MAX_HEADER_CHARS])
    if seconds:
        return now + timedelta(seconds=_clamp(int(seconds.group(1)), MIN_WAIT_S))
    until = http_date(header)
    return now + timedelta(seconds=_clamp(int((until - now).total_seconds()), MIN_WAIT_S)) if until else None


def freshness_floor_s(headers: Mapping[str, str], now: datetime) -> int:
    """Freshness lifetime of a response in seconds (RFC 9111 section 4.2), in [0, 24 h]; header keys are lower case.

    `max-age` overrides `Expires`. `Expires` counts from the server's `Date`, because its clock may differ from ours.
    """
    control = headers.get("cache-control", "")[:_MAX_HEADER_CHARS]
    if _NOT_FRESH.search(control):
        return 0
    max_age = _MAX_AGE.search(control)
    if max_age:
        age = headers.get("age", "").strip()
        age_s = int(age) if age.isascii() and age.isdigit() and len(age) <= 12 else 0
        return _clamp(int(max_age.group(1)) - age_s, 0)
    sent, expires = http_date(headers.get("date")) or now, http_date(headers.get("expires"))
    return _clamp(int((expires - sent).total_seconds()), 0) if expires else 0


def _clamp(seconds: int, lowest: int) -> int:
    return max(lowest, min(seconds, MAX_WAIT_S))
