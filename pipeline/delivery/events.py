"""What happened to an entry or an article, as delivery needs it: the inputs of the messages.

Plain values; `pipeline/delivery/messages.py` and `dead_letters.py` make messages of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pipeline.dedup.decide import Decision, WordsChanged
from pipeline.domain.model import Article, Outlet, PendingEntry, Response, Validators
from pipeline.extraction.values import Extraction


@dataclass(frozen=True, slots=True)
class ArticlePage:
    """An article as it was read: from which extraction of which response, kept where."""

    article: Article
    extraction: Extraction
    response: Response
    raw_location: str | None


@dataclass(frozen=True, slots=True)
class Publication:
    """A verdict with all that its messages tell."""

    entry: PendingEntry
    page: ArticlePage
    outlet: Outlet
    decision: Decision
    text_hash: str
    credits: tuple[str, ...]  # agencies that the text credits
    words: WordsChanged | None  # since the revision before
    section: str | None  # the feed's
    now: datetime


@dataclass(frozen=True, slots=True)
class Failure:
    """What a dead letter tells: where it failed, why, how often, the last answer and where its body is kept."""

    stage: str  # fetch, page, extract, collect
    reason: str
    detail: str
    attempts: int
    response: Response | None = None
    raw_location: str | None = None


@dataclass(frozen=True, slots=True)
class Visit:
    """An article that is due for another look."""

    article_id: str
    cluster_id: str
    url: str
    canonical_url: str
    title: str
    text_hash: str
    entry: PendingEntry  # that led to it; number 0 when that is forgotten
    validators: Validators
    first_seen_at: datetime
    last_fetched_at: datetime
    revision: int
    is_withdrawn: bool = False
    is_copy: bool = False
    missing_since: datetime | None = None
    due_at: datetime | None = None
