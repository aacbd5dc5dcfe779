"""Feed state machine: the next state of a feed from its state and the outcome of a poll.

Decides the validators to send, when to adopt a redirect, when a feed is gone, and the status that the desk shows. Pure:
time and chance are arguments. A failing feed is polled for ever, at least once a day; only repeated 410 answers end it.
Left to others: the poll interval (`poll_interval`) and the usual silence (`silence`).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pipeline.domain.model import CacheState, FeedState, FeedStatus, Health, Move, Redirect, Validators
from pipeline.scheduling.poll_interval import Arrivals, FeedPolicy, next_interval_s, next_poll_time, next_retry_time
from pipeline.scheduling.silence import SILENCE_FACTOR, learn_silence

__all__ = ["FeedPolicy", "PollKind", "PollOutcome", "decide_poll", "should_poll_unconditionally"]

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

    @property
    def known(self) -> int:
        """Entries that the feed had before."""
        return self.entries - self.new


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
    polled = replace(state, schedule=replace(state.schedule, last_poll_at=now))
    if outcome.kind is PollKind.ERROR:
        return _after_error(polled, outcome, policy=policy, now=now, jitter=jitter)
    after = _with_move(
        replace(
            polled, cache=_next_cache(state.cache, outcome, now), silence=learn_silence(state, outcome.new > 0, now)
        ),
        outcome,
        policy=policy,
        now=now,
    )
    arrivals = _arrivals(state, outcome, after, now)
    health = replace(
        state.health,
        failures=0,
        gone_count=0,
        gone_since=None,
        last_success_at=now,
        last_new_entry_at=now if outcome.new else state.health.last_new_entry_at,
        possible_gaps=state.health.possible_gaps + arrivals.has_gap,
    )
    interval_s = next_interval_s(arrivals, policy)
    next_poll_at = next_poll_time(
        now,
        interval_s=interval_s,
        override_s=state.schedule.interval_override_s,
        freshness_s=outcome.freshness_s,
        skip_hours=outcome.skip_hours,
        skip_days=outcome.skip_days,
        policy=policy,
        jitter=jitter,
    )
    status, reason = _status(replace(after, health=health), outcome, now)
    return replace(
        after,
        health=replace(health, status=status, status_reason=reason),
        schedule=replace(after.schedule, interval_s=interval_s, next_poll_at=next_poll_at),
    )


def _arrivals(state: FeedState, outcome: PollOutcome, after: FeedState, now: datetime) -> Arrivals:
    health = state.health
    newest = now if outcome.new else health.last_new_entry_at
    has_entries = outcome.kind is PollKind.PARSED and outcome.entries > 0
    had_entries = health.last_success_at is not None and health.last_new_entry_at is not None
    return Arrivals(
        interval_s=state.schedule.interval_s,
        is_first=health.last_success_at is None,
        known_share=outcome.known / outcome.entries if has_entries else 1.0,
        has_gap=had_entries and has_entries and outcome.known == 0,
        hint_s=max(outcome.ttl_s or 0, outcome.update_period_s or 0),
        silence_s=after.silence.longest_gap_s,
        since_newest_s=int((now - newest).total_seconds()) if newest else None,
    )


# ---------------------------------------------------------------- validators


def _next_cache(cache: CacheState, outcome: PollOutcome, now: datetime) -> CacheState:
    """Validators and body hash for the next request; those of a truncated body would hide its missing end."""
    if outcome.kind is PollKind.NOT_MODIFIED:
        kept = _newer(cache.validators, outcome.validators)
        return replace(cache, validators=kept, not_modified_in_a_row=cache.not_modified_in_a_row + 1)
    lies = cache.validators_lie or _hid_entries(cache, outcome)
    full = replace(cache, last_full_at=now, not_modified_in_a_row=0, validators_lie=lies)
    if outcome.truncated:
        return full
    return replace(
        full,
        validators=Validators() if lies else _sendable(outcome.validators),
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


def _newer(old: Validators, given: Validators) -> Validators:
    """A 304 repeats its validators or omits them (RFC 9110 section 15.4.5)."""
    given = _sendable(given)
    return Validators(given.etag or old.etag, given.last_modified or old.last_modified)


def _sendable(given: Validators) -> Validators:
    def verbatim(text: str | None) -> str | None:
        return text if text and len(text) <= _MAX_VALIDATOR_CHARS else None

    return Validators(verbatim(given.etag), verbatim(given.last_modified))


# ---------------------------------------------------------------- redirects


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


# ---------------------------------------------------------------- errors


def _after_error(
    state: FeedState, outcome: PollOutcome, *, policy: FeedPolicy, now: datetime, jitter: float
) -> FeedState:
    health = replace(state.health, failures=state.health.failures + 1)
    if outcome.status == _GONE:
        health = replace(health, gone_count=health.gone_count + 1, gone_since=health.gone_since or now)
        if _is_gone(health, policy, now):
            gone = replace(health, status=FeedStatus.GONE, status_reason=f"410 {health.gone_count} times")
            return replace(state, health=gone, schedule=replace(state.schedule, next_poll_at=NEVER))
    blocked = outcome.blocked or outcome.status in _BLOCKING
    status = FeedStatus.PAUSED if state.schedule.paused else FeedStatus.BLOCKED if blocked else FeedStatus.FAILING
    next_poll_at = next_retry_time(
        now,
        interval_s=state.schedule.interval_override_s or state.schedule.interval_s,
        failures=health.failures,
        is_blocked=blocked,
        retry_at=outcome.retry_at,
        policy=policy,
        jitter=jitter,
    )
    return replace(
        state,
        health=replace(health, status=status, status_reason=_reason(outcome, health.failures)),
        schedule=replace(state.schedule, next_poll_at=next_poll_at),
    )


def _is_gone(health: Health, policy: FeedPolicy, now: datetime) -> bool:
    since = health.gone_since or now
    return health.gone_count >= policy.gone_confirmations and (now - since).total_seconds() >= policy.gone_over_s


def _reason(outcome: PollOutcome, failures: int) -> str:
    what = outcome.error or (f"HTTP {outcome.status}" if outcome.status else "no answer")
    if outcome.hint:
        what = f"{what} ({outcome.hint})"
    return what if failures == 1 else f"{what}, {failures} times in a row"


# ---------------------------------------------------------------- status


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
