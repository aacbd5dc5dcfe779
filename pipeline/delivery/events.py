"""Events of entries and articles: the inputs of messages. Values only.

pipeline/delivery/messages.py and dead_letters.py turn them into messages. Tested by tests/delivery/test_messages.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.dedup.decide import Decision
from pipeline.domain.model import Article, Outlet, PendingEntry, Response, Validators
from pipeline.extraction.values import Extraction
from pipeline.text.tokens import WordsChanged


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePage:
    """An article with the page it was extracted from: extraction, response, location in the archive."""

    article: Article
    extraction: Extraction
    response: Response
    raw_location: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """A verdict with everything that its messages contain."""

    entry: PendingEntry
    page: ArticlePage
    outlet: Outlet
    decision: Decision
    text_hash: str
    credits: tuple[str, ...]  # agencies that the text credits
    words: WordsChanged | None  # since the revision before
    section: str | None  # the feed's
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What a dead letter contains: stage, reason, attempts, the last response and its location in the archive."""

    stage: str  # fetch, page, extract, collect
    reason: str
    detail: str
    attempts: int
    response: Response | None = None
    raw_location: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A known article that is to be fetched again."""

    article_id: str
    cluster_id: str
    url: str
    canonical_url: str
    title: str
    text_hash: str
    entry: PendingEntry  # that led to it; number 0 when it was deleted
    validators: Validators
    first_seen_at: datetime
    last_fetched_at: datetime
    revision: int
    is_withdrawn: bool = False
    is_copy: bool = False
    missing_since: datetime | None = None
    due_at: datetime | None = None
