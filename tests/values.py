"""Values that tests begin from: one of each noun, with what a test does not care about filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from pipeline.dedup.decide import Decision, decide
from pipeline.dedup.fingerprint import fingerprint
from pipeline.dedup.model import Candidate, DecidePolicy
from pipeline.delivery.messages import ArticlePage
from pipeline.domain.model import (
    Article,
    Entry,
    Feed,
    FeedState,
    Message,
    Outlet,
    PendingEntry,
    Response,
    Topic,
)
from pipeline.extraction.extract import Extraction
from pipeline.identity.urls import canonicalise
from pipeline.ingest.page_reading import marks_of
from pipeline.ingest.ports import LookupResult, PollDecision, PollRecord, PollResult, Settlement
from pipeline.scheduling.feed_state import PollKind, PollOutcome

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)

FEED = Feed(id="antenne/titres", outlet_id="antenne", url="http://www.antenne.test/titres.rss")
OUTLET = Outlet(
    id="antenne",
    name="Antenne",
    homepage="http://www.antenne.test/",
    country="FR",
    language="fr",
    timezone="Europe/Paris",
    feeds=(FEED, Feed(id="antenne/monde", outlet_id="antenne", url="http://www.antenne.test/monde.rss")),
    hosts=("antenne.test",),
)

TEXT = (
    "Le conseil municipal de Valmer a voté lundi soir la réouverture du marché couvert, fermé depuis deux ans.\n\n"
    "Les travaux, engagés après l'effondrement d'une partie de la verrière, auront coûté 4,2 millions d'euros.\n\n"
    "« Nous tenions à rendre aux habitants ce lieu de vie », a déclaré la maire, Solène Aubrac, à l'issue du vote."
)


def make_state(feed_id: str = FEED.id, **changes: object) -> FeedState:
    """A feed's state."""
    return FeedState(feed_id=feed_id, outlet_id="antenne", url=FEED.url).with_fields(**changes)


def make_entry(number: int = 1, **changes: object) -> Entry:
    """An entry of a feed."""
    entry = Entry(
        identity=f"http://antenne.test/{number}",
        digest=f"digest-{number}",
        title=f"Titre {number}",
        link=f"http://www.antenne.test/{number}.html",
        published=NOW,
    )
    return replace(entry, **changes)  # type: ignore[arg-type]


def make_polled(*entries: Entry) -> PollResult:
    """A poll that showed these entries."""
    outcome = PollOutcome(kind=PollKind.PARSED, status=200)
    return PollResult(at=NOW, outcome=outcome, record=PollRecord(outcome="parsed", http_status=200), entries=entries)


def keep_state(state: FeedState) -> PollDecision:
    """A decision that changes nothing."""
    return PollDecision(state)


def make_response(url: str = "http://www.antenne.test/1.html", body: bytes = b"<html>") -> Response:
    """An answer."""
    return Response(
        url=url, final_url=url, status=200, headers={"content-type": "text/html"}, body=body, fetched_at=NOW
    )


def make_page(url: str = "http://www.antenne.test/1.html", *, title: str = "Titre", text: str = TEXT) -> ArticlePage:
    """An article as it was read."""
    article = Article(url=url, canonical_url=url, title=title, text=text, language="fr", extractor="test/1")
    return ArticlePage(
        article=article,
        extraction=Extraction(article, None),
        marks=marks_of(article),
        response=make_response(url),
        raw_location="2026-11-23/x.warc.gz#0",
    )


def make_candidate(page: ArticlePage, *, outlet_id: str = "antenne", article_id: str = "a1") -> Candidate:
    """The article as the decision sees it."""
    return Candidate(
        article_id=article_id,
        outlet_id=outlet_id,
        domain=f"{outlet_id}.test",
        title=page.article.title,
        fingerprint=fingerprint(page.article.title, page.article.text),
        seen_at=NOW,
    )


def make_settlement(entry: PendingEntry, page: ArticlePage, looked: LookupResult, *messages: Message) -> Settlement:
    """What is decided from a look."""
    decision: Decision = decide(looked.candidate, looked.nearby, now=NOW, policy=DecidePolicy())
    urls = (canonicalise(page.article.canonical_url),)
    return Settlement(entry=entry, looked=looked, page=page, urls=urls, decision=decision, messages=messages, now=NOW)


def make_message(number: int = 1, *, key: str = "a1", topic: Topic = Topic.ARTICLES) -> Message:
    """A message of a topic."""
    return Message(
        topic=topic,
        key=key,
        id=f"{key}.{number}.{topic.value}",
        type="org.newswire.article.published.v1",
        time=NOW,
        source="http://www.antenne.test/",
        subject="http://www.antenne.test/1.html",
        schema="article.v1.json",
        value=b'{"id":"%s","n":%d}' % (key.encode(), number),
    )
