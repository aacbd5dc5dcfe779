"""Inputs of the dedup decision: the candidate, known articles near it, and the thresholds.

Values only. `connectors/store/sketches.py` and `memory_index.py` gather them, `decide.py` reads them.

Tested by tests/dedup/test_decide.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.dedup.fingerprint import Fingerprint


class Relation(StrEnum):
    """Relation of an article to another one."""

    DUPLICATE = "duplicate"  # the same outlet published it before, under another URL
    COPY = "copy"  # contains most of another article's words, or is mostly contained in it
    DIGEST = "digest"  # quotes several articles at length; its own cluster
    RELATED = "related"  # shares a part with one other; both are published


class ArticleState(StrEnum):
    """Whether an article's page still exists."""

    LIVE = "live"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """Article to decide on. `seen_at` is its publication date, else when it was first seen."""

    article_id: str
    outlet_id: str
    domain: str  # registrable
    title: str
    fingerprint: Fingerprint
    seen_at: datetime
    is_live_blog: bool = False
    credits: tuple[str, ...] = ()  # agencies that the text credits
    page_url: str = ""  # canonical URL it was fetched from; empty: its id is certain
    own_id: str = ""  # its id by the outlet's number, else by `page_url`, regardless of other addresses on the page
    repeated: frozenset[int] = frozenset()  # paragraphs that the host repeats; the fingerprint leaves them out


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownArticle:
    """Article of the store after its last revision."""

    article_id: str
    outlet_id: str
    domain: str
    title: str
    fingerprint: Fingerprint
    seen_at: datetime
    revision: int
    cluster_id: str
    last_revised_at: datetime
    state: ArticleState = ArticleState.LIVE
    relation: Relation | None = None
    copy_of: str | None = None
    is_live_blog: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyArticles:
    """Known articles near a candidate, read at one moment."""

    known: tuple[KnownArticle, ...] = ()  # under its id or an alias; several ids when they turn out to be one article
    same_hash: tuple[KnownArticle, ...] = ()  # other articles with the same text
    sharing_keys: tuple[KnownArticle, ...] = ()  # other articles with two keys or more in common
    repeated: frozenset[int] = frozenset()  # paragraphs of either that the host repeats by now
    named: frozenset[str] = frozenset()  # ids of `known` reached only by an address that the page names


@dataclass(frozen=True, slots=True)
class TitleThresholds:
    """Containment needed, by the share of the shorter headline in the other one."""

    same_titles: float
    like_titles: float
    unlike_titles: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DecidePolicy:
    """Thresholds, fixed on labelled news (tests/evaluation/dedup.py); shares are of word-3-grams."""

    min_tokens: int = 40  # below, unrelated one-line notices look alike
    min_tokens_teaser: int = 20  # for a text wholly contained in another article with the same headline
    same_titles: float = 0.60
    like_titles: float = 0.30
    containment: TitleThresholds = TitleThresholds(0.55, 0.68, 0.68)
    one_sided: float = 0.45  # less than this of the longer text is shared: cut, expanded, or only a quote
    containment_one_sided: TitleThresholds = TitleThresholds(0.60, 0.85, 0.85)
    unlike_titles_smaller: float = 0.15  # with less of the longer text it is a quote, unless the headlines agree
    containment_same_host: float = 0.75  # templates are of one host
    min_names: int = 2  # fewer in either text are no evidence
    names: float = 0.20  # share of them in both texts
    names_same_host: float = 0.60
    full_window: timedelta = timedelta(hours=72)  # templates are repeated after five days and more
    strict_window: timedelta = timedelta(days=30)
    strict_containment: float = 0.90
    strict_titles: float = 0.50
    related_containment: float = 0.35
    digest_share: float = 0.15  # of the candidate, in each of two clusters
    digest_quote: float = 0.30  # of each of the two
    resemblance: float = (
        0.15  # share of the shorter text; with less and unlike headlines, one address is of two articles
    )
    live_blog_min_gap: timedelta = timedelta(minutes=10)
    live_blog_min_change: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedArticle:
    """Known article compared with a candidate, for `newswire why`."""

    article_id: str
    containment_of_copy: float
    containment_of_original: float
    jaccard: float
    title_overlap: float
    refusal: str | None  # why it is no copy; None when it is
    needed: float | None = None  # containment needed by headlines and sizes; None: none suffices
