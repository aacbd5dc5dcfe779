"""A feed's life: from its state and what a poll brought, its next state. Pure: time and chance come in as arguments.

When to poll next (`poll_times`), which validators to send, whether a redirect is adopted, when a feed is gone, which
word the desk shows. A feed that fails is asked again for ever, at least once a day; only 410, repeated, ends it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from pipeline.domain.model import FeedState, FeedStatus, Redirect, Validators
from pipeline.scheduling.poll_interval import FeedPolicy, Pace, backed_off, in_time, next_interval_s
from pipeline.scheduling.silence import GAPS, learn_silence

__all__ = ["FeedPolicy", "PollKind", "PollOutcome", "decide_poll", "should_poll_unconditionally"]

NEVER = datetime(9000, 1, 1, tzinfo=UTC)  # a feed that is gone is due then
DAY = timedelta(days=1)

_PERMANENT = frozenset({301, 308})
_BLOCKING = frozenset({401, 402, 403, 407, 451})
_GONE = 410
_MAX_VALIDATOR_CHARS = 1_024  # some servers put 8 KB into an ETag; a request header of that size is refused elsewhere

# An entry dated so long before the last 304 was in the feed by then: outlets print a feed within the hour.
HIDDEN_AFTER = timedelta(hours=1)
_NOT_MODIFIED_BEFORE_DOUBT = 3
_NOT_MODIFIED_BEFORE_CERTAIN = 20  # so many empty answers, then three new entries within one interval: no chance

_FIRST_SILENCE = timedelta(days=3)  # until its own is learnt
_SHOW_MOVE_FOR = timedelta(days=7)


class PollKind(StrEnum):
    """How a poll ended."""

    NOT_MODIFIED = "not_modified"  # 304
    SAME_BODY = "same_body"  # 200 with the body of last time, volatile parts aside
    PARSED = "parsed"
    ERROR = "error"  # no feed was had, for whatever reason


@dataclass(frozen=True, slots=True, kw_only=True)
class PollOutcome:
    """What a poll brought. Counts are of this feed's entries: `new` were not in it before, whoever else showed them."""

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
    hint: str | None = None  # what an operator may do about it: the feeds that a page names, where one should be
    blocked: bool = False  # a bot wall or a rule of the host keeps us out
    retry_at: datetime | None = None  # what Retry-After asks for

    @property
    def known(self) -> int:
        """Entries that the feed had shown before."""
        return self.entries - self.new


def should_poll_unconditionally(
    state: FeedState, now: datetime, draw: float, *, policy: FeedPolicy | None = None
) -> bool:
    """Whether to send no validators this time: one poll in fifty, at least daily, always where they lie.

    `draw` is uniform in [0, 1). Asked without validators, a server cannot hide entries behind 304.
    """
    rules = policy or FeedPolicy()
    if state.validators_lie or state.validators == Validators() or draw < rules.unconditional_share:
        return True
    if state.last_full_at is None:
        return True
    return (now - state.last_full_at).total_seconds() >= rules.unconditional_every_s


def decide_poll(
    state: FeedState, outcome: PollOutcome, *, policy: FeedPolicy, now: datetime, jitter: float
) -> FeedState:
    """The feed's next state after this poll. `jitter` is uniform in [0, 1): it spreads feeds polled at one time."""
    polled = replace(state, last_poll_at=now)
    if outcome.kind is PollKind.ERROR:
        return _after_error(polled, outcome, policy=policy, now=now, jitter=jitter)
    answered = _with_validators(
        replace(
            polled,
            failures=0,
            gone_count=0,
            gone_since=None,
            last_success_at=now,
            last_full_at=state.last_full_at if outcome.kind is PollKind.NOT_MODIFIED else now,
            **asdict(learn_silence(state, has_news=outcome.new > 0, now=now)),
            last_new_entry_at=now if outcome.new else state.last_new_entry_at,
        ),
        outcome,
    )
    moved = _with_move(answered, outcome, policy=policy, now=now)
    pace = _pace(state, outcome, moved, now)
    timed = replace(
        moved,
        interval_s=next_interval_s(pace, policy),
        possible_gaps=state.possible_gaps + pace.has_gap,
    )
    status, reason = _status(timed, outcome, now)
    return replace(
        timed,
        status=status,
        status_reason=reason,
        next_poll_at=in_time(
            now,
            interval_s=timed.interval_s,
            override_s=state.interval_override_s,
            freshness_s=outcome.freshness_s,
            skip_hours=outcome.skip_hours,
            skip_days=outcome.skip_days,
            policy=policy,
            jitter=jitter,
        ),
    )


def _pace(state: FeedState, outcome: PollOutcome, after: FeedState, now: datetime) -> Pace:
    was_fed = state.last_success_at is not None and state.last_new_entry_at is not None
    return Pace(
        interval_s=state.interval_s,
        is_first=state.last_success_at is None,
        known_share=outcome.known / outcome.entries if outcome.kind is PollKind.PARSED and outcome.entries else 1.0,
        has_gap=was_fed and outcome.kind is PollKind.PARSED and outcome.entries > 0 and outcome.known == 0,
        hint_s=max(outcome.ttl_s or 0, outcome.update_period_s or 0),
        silence_s=after.longest_gap_s,
        quiet_s=int((now - after.last_new_entry_at).total_seconds()) if after.last_new_entry_at else None,
    )


# ---------------------------------------------------------------- validators


def _with_validators(state: FeedState, outcome: PollOutcome) -> FeedState:
    """Validators and body hash to ask with next time; those of a truncated body would hide its missing end."""
    if outcome.kind is PollKind.NOT_MODIFIED:
        kept = _newer(state.validators, outcome.validators)
        return replace(state, validators=kept, not_modified_in_a_row=state.not_modified_in_a_row + 1)
    lies = state.validators_lie or _were_lying(state, outcome)
    if outcome.truncated:
        return replace(state, not_modified_in_a_row=0, validators_lie=lies)
    return replace(
        state,
        validators=Validators() if lies else _sendable(outcome.validators),
        validators_lie=lies,
        body_hash=outcome.body_hash or state.body_hash,
        not_modified_in_a_row=0,
    )


def _were_lying(state: FeedState, outcome: PollOutcome) -> bool:
    """Whether the 304s before this full answer hid entries.

    Sure when the validators are still the same beside new entries; else new entries must be older than the last 304, or
    too many to have come since.
    """
    if not (outcome.unconditional and outcome.new and state.not_modified_in_a_row):
        return False
    if outcome.validators == state.validators and state.validators != Validators():
        return True
    in_a_row = state.not_modified_in_a_row
    if in_a_row >= _NOT_MODIFIED_BEFORE_CERTAIN and outcome.new >= 3:
        return True
    return in_a_row >= _NOT_MODIFIED_BEFORE_DOUBT and outcome.hidden > 0 and outcome.hidden * 2 >= outcome.new


def _newer(old: Validators, given: Validators) -> Validators:
    """A 304 re-states its validators, or says nothing of them (RFC 9110 section 15.4.5)."""
    given = _sendable(given)
    return Validators(given.etag or old.etag, given.last_modified or old.last_modified)


def _sendable(given: Validators) -> Validators:
    def verbatim(text: str | None) -> str | None:
        return text if text and len(text) <= _MAX_VALIDATOR_CHARS else None

    return Validators(verbatim(given.etag), verbatim(given.last_modified))


# ---------------------------------------------------------------- redirects


def _with_move(state: FeedState, outcome: PollOutcome, *, policy: FeedPolicy, now: datetime) -> FeedState:
    """A permanent redirect is adopted when it was confirmed often enough, over long enough a time."""
    target = _permanent_target(state.url, outcome.redirects)
    if target is None:
        return state if state.moved_to == state.url else replace(state, moved_to=None, moved_count=0, moved_since=None)
    same = target == state.moved_to
    count = state.moved_count + 1 if same else 1
    since = state.moved_since if same and state.moved_since else now
    if count >= policy.move_confirmations and (now - since).total_seconds() >= policy.move_over_s:
        return replace(state, url=target, moved_to=target, moved_count=count, moved_since=now)
    return replace(state, moved_to=target, moved_count=count, moved_since=since)


def _permanent_target(url: str, redirects: tuple[Redirect, ...]) -> str | None:
    """Where 301 and 308 lead from the feed's URL; what a temporary hop adds is not adopted, nor a loss of TLS."""
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
    failed = replace(state, failures=state.failures + 1)
    if outcome.status == _GONE:
        failed = replace(failed, gone_count=state.gone_count + 1, gone_since=state.gone_since or now)
        if _is_gone(failed, policy, now):
            return replace(
                failed, status=FeedStatus.GONE, status_reason=f"410 {failed.gone_count} times", next_poll_at=NEVER
            )
    blocked = outcome.blocked or outcome.status in _BLOCKING
    status = FeedStatus.PAUSED if state.paused else FeedStatus.BLOCKED if blocked else FeedStatus.FAILING
    return replace(
        failed,
        status=status,
        status_reason=_reason(outcome, failed.failures),
        next_poll_at=backed_off(
            now,
            interval_s=state.interval_override_s or state.interval_s,
            failures=failed.failures,
            is_blocked=blocked,
            retry_at=outcome.retry_at,
            policy=policy,
            jitter=jitter,
        ),
    )


def _is_gone(state: FeedState, policy: FeedPolicy, now: datetime) -> bool:
    since = state.gone_since or now
    return state.gone_count >= policy.gone_confirmations and (now - since).total_seconds() >= policy.gone_over_s


def _reason(outcome: PollOutcome, failures: int) -> str:
    what = outcome.error or (f"HTTP {outcome.status}" if outcome.status else "no answer")
    if outcome.hint:
        what = f"{what} ({outcome.hint})"
    return what if failures == 1 else f"{what}, {failures} times in a row"


# ---------------------------------------------------------------- status


def _status(state: FeedState, outcome: PollOutcome, now: datetime) -> tuple[FeedStatus, str | None]:
    """The desk's word for a feed that answers, and why."""
    reason = "truncated: its end was missing" if outcome.truncated else None
    if state.validators_lie:
        reason = "its validators lie: 304 while it had news; polled in full"
    if state.paused:
        return FeedStatus.PAUSED, state.status_reason
    if state.moved_to == state.url and state.moved_since and now - state.moved_since < _SHOW_MOVE_FOR:
        return FeedStatus.MOVED, f"moved for good to {state.url}"
    if state.last_new_entry_at is None:
        return FeedStatus.QUIET, reason
    silent_after = timedelta(seconds=state.silence_s) if state.silence_s else _FIRST_SILENCE
    quiet = now - state.last_new_entry_at
    if quiet > silent_after:
        return FeedStatus.SILENT, f"nothing new since {state.last_new_entry_at:%Y-%m-%d %H:%M} UTC"
    return (FeedStatus.FRESH if quiet <= silent_after / GAPS else FeedStatus.QUIET), reason
