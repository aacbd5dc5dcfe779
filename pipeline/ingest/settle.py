"""From an article to its verdict: who it is, what is known near it, what is decided, written under a claim.

Looking and deciding need no lock; only the writing does, and all is repeated from the look when somebody settled
something alike meanwhile. So two workers with two copies of one story never both call theirs the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.dedup.decide import Candidate, DecidePolicy, Decision, decide
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.delivery.dead_letters import resolutions
from pipeline.delivery.events import ArticlePage, Publication
from pipeline.delivery.routing import messages_of, words_since
from pipeline.domain.errors import StoreError
from pipeline.domain.model import Outlet, PendingEntry, Verdict
from pipeline.domain.settings import Settings
from pipeline.extraction.metadata.agencies import agency_credits
from pipeline.identity.urls import article_id, article_number, canonicalise, is_section_or_home, registrable_domain
from pipeline.ingest.context import RunContext
from pipeline.ingest.revisit_policy import is_followed, next_revisit
from pipeline.ingest.transactions import LookupResult, SettledEntry, Settlement, WriteResult

# Twice is common with a handful of workers on one story, five times was never seen.
MAX_CONFLICTS = 20


@dataclass(frozen=True, slots=True)
class Identity:
    """Who an article is: its id, and every form under which it may be met again.

    `page_url` is where it was read, `own_id` the id that follows from the outlet's number or from that address alone.
    """

    article_id: str
    domain: str
    urls: tuple[str, ...]
    page_url: str
    own_id: str


async def settle(entry: PendingEntry, page: ArticlePage, outlet: Outlet, context: RunContext) -> SettledEntry:
    """Decide on an article and write it. Raises StoreError."""
    identity = identify(entry, page, outlet)
    candidate = await view(entry, page, identity, context)
    for _ in range(MAX_CONFLICTS):
        looked = await context.in_store(context.articles.look_up, candidate, identity.urls)
        settlement = await decide_settlement(entry, page, identity, looked, context)
        outcome = await context.in_store(context.articles.settle, settlement)
        if outcome is not WriteResult.CONFLICT:
            decision = settlement.decision
            return SettledEntry(entry, decision.verdict, decision.reason, is_ours=outcome is WriteResult.WRITTEN)
    raise StoreError(f"{page.article.url}: others settled something alike {MAX_CONFLICTS} times", retriable=True)


async def view(entry: PendingEntry, page: ArticlePage, identity: Identity, context: RunContext) -> Candidate:
    """The article as the decision sees it, less what its host repeats."""
    hashes = paragraph_hashes(page.article.text)
    url = page.article.canonical_url
    repeated = await context.in_store(context.articles.repeated_paragraphs, identity.domain, hashes, url=url)
    return make_candidate(entry, page, identity, repeated)


def identify(entry: PendingEntry, page: ArticlePage, outlet: Outlet) -> Identity:
    """An article's id, from the outlet's own number or its canonical URL, and all its URLs in canonical form."""
    article, domain = page.article, registrable_domain(page.response.final_url)
    own = registrable_domain(article.canonical_url) == domain and not is_section_or_home(article.canonical_url)
    chosen = article.canonical_url if own else page.response.final_url
    printed = [chosen, entry.entry.link, page.response.final_url, *article.aliases]
    if (entry.entry.guid or "").startswith(("http://", "https://")):
        printed.append(entry.entry.guid)
    urls = {canonicalise(url): url for url in printed if url and not is_section_or_home(url)}
    number = next((n for url in urls.values() if (n := article_number(url, outlet.policy.article_number))), None)
    page_url = canonicalise(page.response.final_url)
    return Identity(
        article_id=article_id(outlet.id, number=number, canonical_url=canonicalise(chosen)),
        domain=domain,
        urls=tuple(urls) or (canonicalise(chosen),),
        page_url=page_url,
        own_id=article_id(outlet.id, number=number, canonical_url=page_url),
    )


def make_candidate(entry: PendingEntry, page: ArticlePage, identity: Identity, repeated: frozenset[int]) -> Candidate:
    """The article as the decision sees it."""
    article = page.article
    published = article.published.value if article.published else entry.entry.published
    return Candidate(
        article_id=identity.article_id,
        outlet_id=entry.outlet_id,
        domain=identity.domain,
        title=article.title,
        fingerprint=fingerprint(article.title, article.text, repeated=repeated),
        repeated=repeated,
        seen_at=min(published or entry.first_seen_at, entry.first_seen_at),
        is_live_blog=article.is_live_blog,
        page_url=identity.page_url,
        own_id=identity.own_id,
        credits=agency_credits(article.text, (*article.authors, *article.author_organisations)),
    )


async def decide_settlement(
    entry: PendingEntry, page: ArticlePage, identity: Identity, looked: LookupResult, context: RunContext
) -> Settlement:
    """What is decided from a look, with the messages that tell of it."""
    now = context.clock()
    outlet = context.outlets[entry.outlet_id]
    decision = decide(looked.candidate, looked.sightings, now=now, policy=decide_policy(outlet))
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
    """When the article is looked at again: by the schedule, and as soon as a change of a live blog is not held back.

    At once where a third id waits to be merged.
    """
    if decision.has_more_to_merge:
        return now
    if not is_followed(entry, decision.relation, copies=settings.copies):
        return None
    planned = next_revisit(entry.first_seen_at, revisit_after_s(outlet, settings), now=now)
    if not decision.debounced:
        return planned
    before = next(known for known in looked.sightings.known if known.article_id == decision.article_id)
    free = max(before.last_revised_at + decide_policy(outlet).live_blog_min_gap, now)
    return min(planned or free, free)


def revisit_after_s(outlet: Outlet, settings: Settings) -> tuple[int, ...]:
    """The ages at which an outlet's articles are looked at again: the catalogue's, else the setting's."""
    own = outlet.policy.revisit_after_s
    return settings.revisits.after_s if own is None else own


def decide_policy(outlet: Outlet) -> DecidePolicy:
    """The measured thresholds, with what the catalogue says of this outlet's live blogs."""
    gap_s = outlet.policy.live_blog_min_gap_s
    return DecidePolicy() if gap_s is None else DecidePolicy(live_blog_min_gap=timedelta(seconds=gap_s))
