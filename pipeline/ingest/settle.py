"""From an article to its verdict: identity, known articles near it, decision, one write.

Lookup and decision need no lock, only the write does. All three are repeated when a similar article was settled
meanwhile. So two workers with two copies of one article never both publish it as the original.

Also when an article is visited again. The schedule counts from when it was first seen, so that it does not drift. After
its last step there is no visit any more. A missing page is withdrawn only after a second check two hours later.
Tested by tests/ingest/test_revisit.py, tests/ingest/test_revisit_policy.py and tests/connectors/store/test_articles.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar
from urllib.parse import urlsplit

from pipeline.dedup.decide import Decision, decide
from pipeline.dedup.model import Candidate, DecidePolicy, Relation
from pipeline.delivery.dead_letters import resolutions
from pipeline.delivery.messages import ArticlePage, Publication, Visit, messages_of, words_since
from pipeline.domain.errors import StoreError
from pipeline.domain.model import Outlet, PendingEntry, Verdict, is_backfill_feed
from pipeline.domain.settings import Settings
from pipeline.identity.urls import article_id, article_number, canonicalise, is_section_or_home, registrable_domain
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import (
    KnownQuery,
    LookupResult,
    RepeatedQuery,
    SettledEntry,
    Settlement,
    VisitUpdate,
    WriteResult,
)

T = TypeVar("T")

# Two conflicts are common with a handful of workers on one article, five were never seen.
MAX_CONFLICTS = 20

# 404s come and go with deployments and caches: two hours outlast most of them, and a withdrawal is not that urgent.
CONFIRM_AFTER = timedelta(hours=2)

# Refusals that mean that the article is gone; any other is temporary or our own fault.
MISSING = frozenset({"not_found", "gone", "redirected_to_section"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An article's id and aliases. `own_id` follows from the outlet's article number or from the page's URL alone."""

    article_id: str
    domain: str
    urls: tuple[str, ...]
    page_url: str
    own_id: str


async def settle(entry: PendingEntry, page: ArticlePage, outlet: Outlet, context: RunContext) -> SettledEntry:
    """Decide on an article and write it. Raises StoreError."""

    async def write(settlement: Settlement) -> SettledEntry | None:
        result = await context.grouped.settle(settlement)
        if result is WriteResult.CONFLICT:
            return None
        decision = settlement.decision
        return SettledEntry(
            entry=entry,
            verdict=decision.verdict,
            reason=decision.reason,
            article_id=decision.article_id,
            is_ours=result is WriteResult.WRITTEN,
        )

    return await decide_and_write(entry, page, identify(entry, page, outlet), context, write)


async def decide_and_write(
    entry: PendingEntry,
    page: ArticlePage,
    identity: Identity,
    context: RunContext,
    write: Callable[[Settlement], Awaitable[T | None]],
) -> T:
    """Look up, decide and write; again while `write` returns None, which means a conflict. Raises StoreError."""
    candidate = build_candidate(entry, page, identity)
    shown = RepeatedQuery(identity.domain, page.marks.paragraphs, identity.page_url)
    for _ in range(MAX_CONFLICTS):
        looked = await context.grouped.look_up(KnownQuery(candidate, identity.urls, shown))
        if looked.repeated != candidate.repeated:  # look again without what the host repeats
            without = await context.extractor.fingerprint(page.article, looked.repeated)
            candidate = replace(candidate, fingerprint=without, repeated=looked.repeated)
            continue
        result = await write(await decide_settlement(entry, page, identity, looked, context))
        if result is not None:
            return result
    raise StoreError(f"{page.article.url}: {MAX_CONFLICTS} conflicts with similar articles", retriable=True)


def identify(entry: PendingEntry, page: ArticlePage, outlet: Outlet) -> Identity:
    """An article's id, from the outlet's article number or its canonical URL, and all its URLs in canonical form."""
    article, domain = page.article, registrable_domain(page.response.final_url)
    own = registrable_domain(article.canonical_url) == domain and not is_section_or_home(article.canonical_url)
    chosen = article.canonical_url if own else page.response.final_url
    printed = [chosen, entry.entry.link, page.response.final_url, *article.aliases]
    if (entry.entry.guid or "").startswith(("http://", "https://")):
        printed.append(entry.entry.guid)
    urls = {canonicalise(url): url for url in printed if url and not is_section_or_home(url)}
    rule, page_url = outlet.policy.article_number, canonicalise(page.response.final_url)
    own_number = article_number(page.response.final_url, rule)
    number = own_number or next((n for url in urls.values() if (n := article_number(url, rule))), None)
    return Identity(
        article_id=article_id(outlet.id, number=number, canonical_url=canonicalise(chosen)),
        domain=domain,
        urls=tuple(urls) or (canonicalise(chosen),),
        page_url=page_url,
        own_id=article_id(outlet.id, number=own_number, canonical_url=page_url),
    )


def build_candidate(entry: PendingEntry, page: ArticlePage, identity: Identity) -> Candidate:
    """The article as input of the decision, with its whole text."""
    article, marks = page.article, page.marks
    published = article.published.value if article.published else entry.entry.published
    return Candidate(
        article_id=identity.article_id,
        outlet_id=entry.outlet_id,
        domain=identity.domain,
        title=article.title,
        fingerprint=marks.fingerprint,
        seen_at=min(published or entry.first_seen_at, entry.first_seen_at),
        is_live_blog=article.is_live_blog,
        page_url=identity.page_url,
        own_id=identity.own_id,
        credits=marks.credits,
    )


async def decide_settlement(
    entry: PendingEntry, page: ArticlePage, identity: Identity, looked: LookupResult, context: RunContext
) -> Settlement:
    """The decision that follows from a lookup, with its messages."""
    now = context.clock()
    outlet = context.outlets[entry.outlet_id]
    decision = decide(looked.candidate, looked.nearby, now=now, policy=decide_policy(outlet))
    former = None
    if decision.verdict is Verdict.REVISED:
        former = await context.in_store(context.articles.previous_value, decision.article_id)
    publication = Publication(
        entry=entry,
        page=page,
        outlet=outlet,
        decision=decision,
        text_hash=looked.candidate.fingerprint.content_hash,
        credits=looked.candidate.credits,
        words=words_since(former, page.article.text),
        section=next((feed.section for feed in outlet.feeds if feed.id == entry.feed_id), None),
        now=now,
    )
    return Settlement(
        entry=entry,
        looked=looked,
        page=page,
        urls=identity.urls,
        decision=decision,
        messages=(
            *messages_of(publication, copies=context.settings.copies),
            *resolutions(entry, outlet, decision.verdict, article_id=decision.article_id, now=now),
        ),
        now=now,
        next_revisit_at=plan_revisit(entry, looked, decision, outlet, context.settings, now=now),
    )


def plan_revisit(
    entry: PendingEntry, looked: LookupResult, decision: Decision, outlet: Outlet, settings: Settings, *, now: datetime
) -> datetime | None:
    """When to visit the article again: by the schedule, or as soon as a live blog's next revision is allowed.

    At once when a third id waits to be merged.
    """
    if decision.has_more_to_merge:
        return now
    if not is_followed(entry, decision.relation, copies=settings.copies):
        return None
    planned = next_revisit(entry.first_seen_at, revisit_after_s(outlet, settings), now=now)
    if not decision.debounced:
        return planned
    before = next(known for known in looked.nearby.known if known.article_id == decision.article_id)
    allowed = max(before.last_revised_at + decide_policy(outlet).live_blog_min_gap, now)
    return min(planned or allowed, allowed)


def revisit_after_s(outlet: Outlet, settings: Settings) -> tuple[int, ...]:
    """The ages at which an outlet's articles are visited again: from the catalogue, else from the settings."""
    own = outlet.policy.revisit_after_s
    return settings.revisits.after_s if own is None else own


def decide_policy(outlet: Outlet) -> DecidePolicy:
    """The measured thresholds, with the catalogue's minimum gap between revisions of this outlet's live blogs."""
    gap_s = outlet.policy.live_blog_min_gap_s
    return DecidePolicy() if gap_s is None else DecidePolicy(live_blog_min_gap=timedelta(seconds=gap_s))


def is_followed(entry: PendingEntry, relation: Relation | None, *, copies: str) -> bool:
    """Whether an article is visited again: not when it has no messages, nor when it comes from a backfill."""
    if relation is Relation.DUPLICATE or (relation is Relation.COPY and copies == "drop"):
        return False
    return not is_backfill_feed(entry.feed_id)


def next_revisit(first_seen_at: datetime, after_s: Sequence[int], *, now: datetime) -> datetime | None:
    """The next time of the schedule; None after the last one."""
    times = (first_seen_at + timedelta(seconds=seconds) for seconds in sorted(after_s))
    return next((time for time in times if time > now), None)


def is_confirmed(visit: Visit, *, now: datetime) -> bool:
    """Whether a page that is missing now has been missing long enough to count as withdrawn."""
    return visit.missing_since is not None and now - visit.missing_since >= CONFIRM_AFTER


def schedule_confirmation(visit: Visit, *, now: datetime) -> VisitUpdate:
    """When to confirm that a page is missing."""
    since = visit.missing_since or now
    return VisitUpdate(next_revisit_at=max(since + CONFIRM_AFTER, now), missing_since=since)


def within_budget(visits: Sequence[Visit], *, most: int, most_per_host: int) -> tuple[Visit, ...]:
    """The visits of this run, the longest due first; the others stay due."""
    by_host: Counter[str] = Counter()
    chosen: list[Visit] = []
    for visit in visits:
        host = urlsplit(visit.url).hostname or ""
        if by_host[host] < most_per_host and len(chosen) < most:
            by_host[host] += 1
            chosen.append(visit)
    return tuple(chosen)
