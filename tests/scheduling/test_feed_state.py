"""A feed's life, poll by poll: tables of what happened and what follows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from pipeline.domain.model import FeedState, FeedStatus, Redirect, Validators
from pipeline.scheduling.feed_state import (
    NEVER,
    FeedPolicy,
    PollKind,
    PollOutcome,
    decide_poll,
    should_poll_unconditionally,
)

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)  # a Monday
POLICY = FeedPolicy()
URL = "https://outlet.example/feed"
MOVED_URL = "https://outlet.example/rss"
ETAG = Validators('"a"', "Mon, 02 Mar 2026 11:00:00 GMT")


def fed_state(**changes: Any) -> FeedState:
    """A feed that has answered before and brings something every now and then."""
    given = {
        "validators": ETAG,
        "body_hash": "old",
        "interval_s": 600,
        "last_poll_at": NOW - timedelta(minutes=10),
        "next_poll_at": NOW,
        "last_success_at": NOW - timedelta(minutes=10),
        "last_full_at": NOW - timedelta(hours=2),
        "last_new_entry_at": NOW - timedelta(minutes=30),
    }
    return FeedState(feed_id="outlet/main", outlet_id="outlet", url=URL).with_fields(**given | changes)


def parsed(**fields: Any) -> PollOutcome:
    """A poll whose body was parsed; 20 entries, one new, unless said otherwise."""
    given = {"kind": PollKind.PARSED, "status": 200, "entries": 20, "new": 1, "validators": ETAG, "body_hash": "new"}
    return PollOutcome(**given | fields)


def error(**fields: Any) -> PollOutcome:
    """A poll that gave no feed."""
    return PollOutcome(**{"kind": PollKind.ERROR} | fields)


NOT_MODIFIED = PollOutcome(kind=PollKind.NOT_MODIFIED, status=304)


def decide(state: FeedState, outcome: PollOutcome, *, now: datetime = NOW, jitter: float = 0.0) -> FeedState:
    return decide_poll(state, outcome, policy=POLICY, now=now, jitter=jitter)


# ---------------------------------------------------------------- intervals

INTERVALS = [
    pytest.param(fed_state(), parsed(entries=20, new=1), 660, id="most known: a tenth longer"),
    pytest.param(fed_state(), NOT_MODIFIED, 660, id="304: a tenth longer"),
    pytest.param(fed_state(), PollOutcome(kind=PollKind.SAME_BODY, status=200), 660, id="same body: a tenth longer"),
    pytest.param(fed_state(), parsed(entries=20, new=10), 600, id="half known: as it is"),
    pytest.param(fed_state(), parsed(entries=20, new=15), 360, id="few known: shorter"),
    pytest.param(fed_state(), parsed(entries=20, new=20), 300, id="no overlap: half"),
    pytest.param(fed_state(interval_s=70), parsed(entries=20, new=20), 60, id="never below the policy's least"),
    pytest.param(fed_state(interval_s=21_000), NOT_MODIFIED, 21_600, id="never above the policy's most"),
    pytest.param(
        fed_state(last_success_at=None, last_new_entry_at=None), parsed(new=20), 600, id="first poll tells nothing"
    ),
    pytest.param(fed_state(), parsed(entries=0, new=0), 660, id="empty feed"),
    pytest.param(fed_state(), parsed(ttl_s=3600), 3600, id="ttl is a floor"),
    pytest.param(fed_state(), parsed(update_period_s=1800), 1800, id="syndication period is a floor"),
    pytest.param(fed_state(), parsed(ttl_s=604_800), 21_600, id="a ttl of a week is held to the policy"),
    pytest.param(fed_state(), parsed(entries=20, new=20, ttl_s=3600), 300, id="a ttl that loses entries is not obeyed"),
    pytest.param(fed_state(longest_gap_s=24_000), NOT_MODIFIED, 500, id="no longer than a 48th of the usual silence"),
    pytest.param(
        fed_state(longest_gap_s=24_000, last_new_entry_at=NOW - timedelta(days=10)),
        NOT_MODIFIED,
        660,
        id="asleep for long",
    ),
]


@pytest.mark.parametrize(("state", "outcome", "interval_s"), INTERVALS)
def test_interval_depends_on_the_share_of_known_entries(
    state: FeedState, outcome: PollOutcome, interval_s: int
) -> None:
    after = decide(state, outcome)
    assert after.schedule.interval_s == interval_s
    assert after.schedule.next_poll_at == NOW + timedelta(seconds=interval_s)


NEXT_POLLS = [
    pytest.param(fed_state(), parsed(freshness_s=1800), 0.0, 1800, id="fresh for half an hour"),
    pytest.param(fed_state(), parsed(freshness_s=86_400), 0.0, 21_600, id="fresh for a day, held to the policy"),
    pytest.param(fed_state(), parsed(), 0.5, 693, id="jitter only adds"),
    pytest.param(fed_state(interval_override_s=30), parsed(freshness_s=1800), 0.0, 30, id="an operator's wins"),
    pytest.param(fed_state(), parsed(skip_hours=frozenset({12, 13})), 0.0, 7200, id="hours to skip"),
    pytest.param(fed_state(), parsed(skip_days=frozenset({0})), 0.0, 43_200, id="days to skip"),
    pytest.param(fed_state(), parsed(skip_hours=frozenset(range(24))), 0.0, 86_400, id="all hours: a day at most"),
]


@pytest.mark.parametrize(("state", "outcome", "jitter", "wait_s"), NEXT_POLLS)
def test_next_poll_respects_the_hints_of_the_feed(
    state: FeedState, outcome: PollOutcome, jitter: float, wait_s: float
) -> None:
    assert decide(state, outcome, jitter=jitter).schedule.next_poll_at == NOW + timedelta(seconds=wait_s)


def test_polls_without_overlap_count_a_possible_gap() -> None:
    assert decide(fed_state(possible_gaps=2), parsed(entries=20, new=20)).health.possible_gaps == 3
    assert decide(fed_state(possible_gaps=2), parsed(entries=20, new=19)).health.possible_gaps == 2
    assert decide(fed_state(last_success_at=None), parsed(entries=20, new=20)).health.possible_gaps == 0


# ---------------------------------------------------------------- validators

OTHER = Validators('W/"b"', None)
VALIDATORS = [
    pytest.param(ETAG, parsed(validators=OTHER), OTHER, id="200: replaced, weak ones to the letter"),
    pytest.param(ETAG, parsed(validators=Validators()), Validators(), id="200 without any: none to send"),
    pytest.param(
        ETAG, PollOutcome(kind=PollKind.SAME_BODY, status=200, validators=OTHER), OTHER, id="same body: replaced too"
    ),
    pytest.param(ETAG, NOT_MODIFIED, ETAG, id="304 that says nothing: kept"),
    pytest.param(
        ETAG,
        PollOutcome(kind=PollKind.NOT_MODIFIED, validators=Validators('"c"')),
        Validators('"c"', ETAG.last_modified),
        id="304 with a new ETag: taken",
    ),
    pytest.param(ETAG, parsed(validators=OTHER, truncated=True), ETAG, id="truncated: not taken"),
    pytest.param(ETAG, parsed(validators=Validators("x" * 8000)), Validators(), id="an ETag of 8 kB is not sent"),
    pytest.param(ETAG, error(status=500, validators=OTHER), ETAG, id="an error's are ignored"),
]


@pytest.mark.parametrize(("before", "outcome", "after"), VALIDATORS)
def test_validators_of_every_answer_are_stored(before: Validators, outcome: PollOutcome, after: Validators) -> None:
    assert decide(fed_state(validators=before), outcome).cache.validators == after


def test_only_a_complete_body_replaces_the_stored_hash() -> None:
    assert decide(fed_state(), parsed(truncated=True)).cache.body_hash == "old"
    assert decide(fed_state(), parsed()).cache.body_hash == "new"
    assert decide(fed_state(), NOT_MODIFIED).cache.body_hash == "old"


LIES = [
    pytest.param(1, parsed(unconditional=True), True, id="new entries under the same validators"),
    pytest.param(3, parsed(unconditional=True, validators=OTHER, hidden=1), True, id="entries older than the last 304"),
    pytest.param(30, parsed(unconditional=True, validators=OTHER, new=3), True, id="three at once after thirty 304s"),
    pytest.param(1, parsed(unconditional=True, validators=OTHER), False, id="new entry, new ETag: it came just now"),
    pytest.param(30, parsed(unconditional=True, validators=OTHER, new=1), False, id="one after thirty 304s"),
    pytest.param(1, parsed(unconditional=True, new=0), False, id="nothing new"),
    pytest.param(0, parsed(unconditional=True), False, id="no 304 before"),
    pytest.param(9, parsed(), False, id="a conditional answer"),
]


@pytest.mark.parametrize(("in_a_row", "outcome", "lies"), LIES)
def test_entries_hidden_behind_304_discredit_the_validators(in_a_row: int, outcome: PollOutcome, lies: bool) -> None:
    after = decide(fed_state(not_modified_in_a_row=in_a_row), outcome)
    assert after.cache.validators_lie is lies
    if lies:
        assert after.cache.validators == Validators()
        assert "lie" in (after.health.status_reason or "")
        assert should_poll_unconditionally(after, NOW, 0.99)


UNCONDITIONAL = [
    pytest.param(fed_state(), 0.99, False, id="usually conditional"),
    pytest.param(fed_state(), 0.01, True, id="one poll in fifty"),
    pytest.param(fed_state(validators=Validators()), 0.99, True, id="nothing to send"),
    pytest.param(fed_state(validators_lie=True), 0.99, True, id="they lie"),
    pytest.param(fed_state(last_full_at=NOW - timedelta(hours=24)), 0.99, True, id="a day of 304s, however many"),
    pytest.param(fed_state(last_full_at=NOW - timedelta(hours=23)), 0.99, False, id="not quite a day of them"),
    pytest.param(fed_state(last_full_at=None), 0.99, True, id="never had in full"),
]


@pytest.mark.parametrize(("state", "draw", "expected"), UNCONDITIONAL)
def test_some_polls_send_no_validators(state: FeedState, draw: float, expected: bool) -> None:
    assert should_poll_unconditionally(state, NOW, draw) is expected


# ---------------------------------------------------------------- redirects


def hop(status: int, to_url: str = MOVED_URL, from_url: str = URL) -> Redirect:
    return Redirect(status, from_url, to_url)


def poll_redirected(hops: tuple[Redirect, ...], *, times: int, every: timedelta) -> FeedState:
    state = fed_state()
    for number in range(times):
        state = decide(state, parsed(redirects=hops), now=NOW + number * every)
    return state


@pytest.mark.parametrize("status", [301, 308])
def test_permanent_redirect_is_adopted_after_five_confirmations_over_a_day(status: int) -> None:
    assert poll_redirected((hop(status),), times=4, every=timedelta(hours=12)).url == URL
    assert poll_redirected((hop(status),), times=20, every=timedelta(hours=1)).url == URL
    adopted = poll_redirected((hop(status),), times=5, every=timedelta(hours=6))
    assert adopted.url == MOVED_URL
    assert adopted.health.status is FeedStatus.MOVED


NOT_ADOPTED = [
    pytest.param((hop(302),), id="302"),
    pytest.param((hop(303),), id="303"),
    pytest.param((hop(307),), id="307"),
    pytest.param((hop(302), hop(301, "https://cdn.example/", MOVED_URL)), id="301 behind a 302"),
    pytest.param((hop(301, "http://outlet.example/rss"),), id="loses TLS"),
    pytest.param((hop(301, "https://outlet.example/a"), hop(301, URL)), id="leads back"),
]


@pytest.mark.parametrize("hops", NOT_ADOPTED)
def test_other_redirects_are_never_adopted(hops: tuple[Redirect, ...]) -> None:
    assert poll_redirected(hops, times=20, every=timedelta(hours=6)).url == URL


def test_permanent_part_of_a_redirect_chain_is_adopted() -> None:
    hops = (hop(301), hop(302, "https://cdn.example/x", MOVED_URL))
    assert poll_redirected(hops, times=6, every=timedelta(hours=6)).url == MOVED_URL


def test_redirect_that_stops_or_changes_resets_its_count() -> None:
    state = poll_redirected((hop(301),), times=4, every=timedelta(hours=12))
    assert decide(state, parsed()).move.moved_count == 0
    assert decide(state, parsed(redirects=(hop(301, "https://outlet.example/other"),))).move.moved_count == 1


def test_adopted_redirect_is_shown_for_a_week() -> None:
    state = poll_redirected((hop(301),), times=5, every=timedelta(hours=6))
    later = NOW + timedelta(days=2)
    assert decide(state.with_fields(last_poll_at=later), parsed(), now=later).health.status is FeedStatus.MOVED
    later = NOW + timedelta(days=9)
    assert decide(state.with_fields(last_poll_at=later), parsed(), now=later).health.status is FeedStatus.FRESH


# ---------------------------------------------------------------- errors

BACKOFFS = [
    pytest.param(0, error(error="timed_out"), 600, id="first failure: one interval"),
    pytest.param(2, error(status=500), 2400, id="third: four intervals"),
    pytest.param(1, error(status=404), 1200, id="404 comes back"),
    pytest.param(50, error(error="dns"), 69_120, id="after months, still within a day"),
    pytest.param(0, error(status=403), 3600, id="403: an hour"),
    pytest.param(1, error(status=403), 69_120, id="403 again: about a day"),
    pytest.param(0, error(error="bot_wall", blocked=True), 3600, id="bot wall"),
    pytest.param(0, error(status=429, retry_at=NOW + timedelta(seconds=1800)), 1800, id="429 says when"),
    pytest.param(0, error(status=503, retry_at=NOW + timedelta(days=9)), 86_400, id="absurd Retry-After"),
    pytest.param(0, error(status=503, retry_at=NOW - timedelta(days=9)), 600, id="Retry-After in the past"),
    pytest.param(9, error(status=429, retry_at=NOW + timedelta(seconds=900)), 900, id="what the server says wins"),
]


@pytest.mark.parametrize(("failures", "outcome", "wait_s"), BACKOFFS)
def test_failing_feed_backs_off_and_is_polled_for_ever(failures: int, outcome: PollOutcome, wait_s: int) -> None:
    after = decide(fed_state(failures=failures), outcome)
    assert after.schedule.next_poll_at == NOW + timedelta(seconds=wait_s)
    assert after.health.failures == failures + 1


@pytest.mark.parametrize("failures", [0, 3, 40])
def test_backoff_has_jitter_and_a_maximum_of_a_day(failures: int) -> None:
    waits = {
        decide(fed_state(failures=failures), error(), jitter=jitter).schedule.next_poll_at
        for jitter in (0.0, 0.5, 0.99)
    }
    assert len(waits) == 3
    assert all(wait and wait <= NOW + timedelta(days=1) for wait in waits)


def test_answer_ends_the_backoff() -> None:
    after = decide(fed_state(failures=7, status=FeedStatus.FAILING), NOT_MODIFIED)
    assert (after.health.failures, after.health.status) == (0, FeedStatus.FRESH)


def test_feed_is_gone_after_three_410_answers_over_two_days() -> None:
    state = fed_state()
    for days in (0, 1):
        state = decide(state, error(status=410), now=NOW + timedelta(days=days))
        assert state.health.status is FeedStatus.FAILING
    assert decide(state, error(status=410), now=NOW + timedelta(days=1, hours=1)).health.status is FeedStatus.FAILING
    gone = decide(state, error(status=410), now=NOW + timedelta(days=2))
    assert (gone.health.status, gone.schedule.next_poll_at) == (FeedStatus.GONE, NEVER)


def test_answer_between_two_410_resets_their_count() -> None:
    state = decide(fed_state(), error(status=410))
    state = decide(state, parsed(), now=NOW + timedelta(days=1))
    assert (state.health.gone_count, state.health.gone_since) == (0, None)


# ---------------------------------------------------------------- status

STATUSES = [
    pytest.param(fed_state(), parsed(new=1), FeedStatus.FRESH, id="something new"),
    pytest.param(fed_state(silence_s=36_000), NOT_MODIFIED, FeedStatus.FRESH, id="within its usual gap"),
    pytest.param(
        fed_state(silence_s=36_000, last_new_entry_at=NOW - timedelta(hours=5)),
        NOT_MODIFIED,
        FeedStatus.QUIET,
        id="quiet",
    ),
    pytest.param(
        fed_state(silence_s=36_000, last_new_entry_at=NOW - timedelta(hours=11)),
        NOT_MODIFIED,
        FeedStatus.SILENT,
        id="longer than its history allows",
    ),
    pytest.param(
        fed_state(last_new_entry_at=NOW - timedelta(days=4)), NOT_MODIFIED, FeedStatus.SILENT, id="nothing learnt yet"
    ),
    pytest.param(fed_state(last_new_entry_at=None), parsed(entries=0, new=0), FeedStatus.QUIET, id="never anything"),
    pytest.param(fed_state(), error(status=500), FeedStatus.FAILING, id="failing"),
    pytest.param(fed_state(), error(error="not_a_feed", status=200), FeedStatus.FAILING, id="an error page"),
    pytest.param(fed_state(), error(status=401), FeedStatus.BLOCKED, id="401"),
    pytest.param(fed_state(), error(status=451), FeedStatus.BLOCKED, id="451"),
    pytest.param(fed_state(paused=True), parsed(), FeedStatus.PAUSED, id="paused, polled by hand"),
    pytest.param(fed_state(paused=True), error(status=500), FeedStatus.PAUSED, id="paused and failing"),
]


@pytest.mark.parametrize(("state", "outcome", "status"), STATUSES)
def test_status_of_a_feed(state: FeedState, outcome: PollOutcome, status: FeedStatus) -> None:
    assert decide(state, outcome).health.status is status


def test_status_reason_holds_the_error_and_its_count() -> None:
    assert decide(fed_state(), error(status=500)).health.status_reason == "HTTP 500"
    assert decide(fed_state(failures=2), error(error="tls")).health.status_reason == "tls, 3 times in a row"


SILENCES = [
    pytest.param(None, timedelta(hours=4), 43_200, id="learnt: three times the gap"),
    pytest.param(86_400, timedelta(hours=1), 84_672, id="what was learnt fades slowly"),
    pytest.param(None, timedelta(minutes=5), 43_200, id="one gap is no history"),
    pytest.param(10_900, timedelta(minutes=5), 10_800, id="three hours at least"),
    pytest.param(None, timedelta(days=20), 2_592_000, id="thirty days at most"),
]


@pytest.mark.parametrize(("before", "gap", "after"), SILENCES)
def test_silence_is_learnt_for_each_feed(before: int | None, gap: timedelta, after: int) -> None:
    state = fed_state(longest_gap_s=before, last_new_entry_at=NOW - gap)
    after_poll = decide(state, parsed(new=1))
    assert (after_poll.silence.silence_s, after_poll.silence.longest_gap_s) == (after, after)


def test_time_without_polls_is_not_learnt_as_silence() -> None:
    away = NOW - timedelta(days=5)
    state = fed_state(silence_s=20_000, last_poll_at=away, last_success_at=away, last_new_entry_at=away)
    assert decide(state, parsed(new=5)).silence.silence_s == 20_000
