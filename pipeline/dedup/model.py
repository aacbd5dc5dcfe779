"""Inputs of the dedup decision: the candidate, the known articles near it, their index in memory, the thresholds.

Values that `decide.py` reads. Two indexes gather them: `MemoryIndex` for a corpus or a batch, and for a store
connectors/store/sketches.py. Both give the same hits: the same text, or two shared keys and more, sorted by shared
keys, then newest first.

Tested by tests/dedup/test_decide.py and tests/connectors/store/test_sketches.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.dedup.fingerprint import Fingerprint

MIN_SHARED_KEYS = 2  # one gives ten times the candidates and half a percent more copies
MAX_PER_KEY = 64  # the first; a key that more articles share is no evidence
MAX_HITS = 16  # the best by shared keys: more never changed an answer


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
    min_tokens_unlike: int = 100  # for one text under unlike headlines of an outlet: a shorter one may be its furniture
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
    resemblance: float = 0.15  # of the shorter text; with less, one address is of two articles
    resemblance_unlike: float = 0.5  # the same under unlike headlines, with the same opening
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


class MemoryIndex:
    """Index of articles by id, text hash and keys."""

    def __init__(self) -> None:
        self._articles: dict[str, KnownArticle] = {}
        self._by_hash: defaultdict[str, list[str]] = defaultdict(list)
        self._by_key: defaultdict[int, list[str]] = defaultdict(list)
        self._seq: dict[str, int] = {}  # as in the store: a revision is newer than every article before it
        self._puts = 0

    def get(self, article_id: str) -> KnownArticle | None:
        """The article with this id, or None."""
        return self._articles.get(article_id)

    def put(self, article: KnownArticle) -> None:
        """Add an article in place of its last revision."""
        if before := self._articles.get(article.article_id):
            self._forget(before)
        self._articles[article.article_id] = article
        self._puts += 1
        self._seq[article.article_id] = self._puts
        self._by_hash[article.fingerprint.content_hash].append(article.article_id)
        for key in article.fingerprint.keys:
            self._by_key[key].append(article.article_id)

    def nearby(self, candidate: Candidate, repeated: frozenset[int] = frozenset()) -> NearbyArticles:
        """Known articles near a candidate."""
        known = self._articles.get(candidate.article_id)
        same = [i for i in self._by_hash.get(candidate.fingerprint.content_hash, ()) if i != candidate.article_id]
        shared = Counter(i for key in candidate.fingerprint.keys for i in self._by_key.get(key, ())[:MAX_PER_KEY])
        shared.pop(candidate.article_id, None)
        found = [(count, self._seq[i], i) for i, count in shared.items() if count >= MIN_SHARED_KEYS]
        sharing = [i for _, _, i in sorted(found, reverse=True)[:MAX_HITS]]
        return NearbyArticles(
            known=(known,) if known else (),
            same_hash=tuple(self._articles[i] for i in same[:MAX_HITS]),
            sharing_keys=tuple(self._articles[i] for i in sharing),
            repeated=repeated,
        )

    def _forget(self, article: KnownArticle) -> None:
        self._by_hash[article.fingerprint.content_hash].remove(article.article_id)
        for key in article.fingerprint.keys:
            self._by_key[key].remove(article.article_id)
