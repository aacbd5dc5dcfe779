"""What a decision is made from: the candidate, what the store knows near it, and the thresholds.

Values only. `decide.py` reads them; `connectors/store/sketches.py` and `dedup_lines.py` gather them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from pipeline.dedup.fingerprint import Fingerprint


class Relation(StrEnum):
    """How an article stands to another one."""

    DUPLICATE = "duplicate"  # the same outlet published it before, under another URL
    COPY = "copy"  # carries most of another article's words, or is mostly carried by it
    DIGEST = "digest"  # quotes several articles at length; member of no cluster but its own
    RELATED = "related"  # shares a good part with one other; both stand


class ArticleState(StrEnum):
    """Whether an article's page is still there."""

    LIVE = "live"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Candidate:
    """The article to decide on. `seen_at` is when it was published, else when it was first seen."""

    article_id: str
    outlet_id: str
    domain: str  # registrable
    title: str
    fingerprint: Fingerprint
    seen_at: datetime
    is_live_blog: bool = False
    credits: tuple[str, ...] = ()  # agencies that the text credits (agency.py)
    page_url: str = ""  # where it was read, in canonical form; empty: its id is not doubted
    own_id: str = ""  # its id by the outlet's number, else by `page_url`: whatever other addresses the page names
    repeated: frozenset[int] = frozenset()  # its paragraphs that the fingerprint leaves out: the host repeats them


@dataclass(frozen=True, slots=True)
class KnownArticle:
    """An article of the store as the last revision left it."""

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


@dataclass(frozen=True, slots=True)
class Sightings:
    """What the store knows near a candidate, read at one moment."""

    known: tuple[KnownArticle, ...] = ()  # under its id or one of its aliases; two ids when they prove to be one
    same_hash: tuple[KnownArticle, ...] = ()  # other articles with the same text
    sharing_keys: tuple[KnownArticle, ...] = ()  # other articles with two keys or more in common
    repeated: frozenset[int] = frozenset()  # paragraphs of candidate or known article that the host repeats by now
    named: frozenset[str] = frozenset()  # of `known`: ids that only an address leads to which the page names


@dataclass(frozen=True, slots=True)
class ByTitles:
    """Containment needed, by how much of the shorter headline the other one has."""

    same_titles: float
    like_titles: float
    unlike_titles: float


@dataclass(frozen=True, slots=True)
class DecidePolicy:
    """Thresholds, fixed on labelled news (tests/evaluation/dedup.py); shares are of word-3-grams."""

    min_tokens: int = 40  # below, unrelated one-line notices look alike
    min_tokens_teaser: int = 20  # for what is wholly in another article under the same headline
    same_titles: float = 0.60
    like_titles: float = 0.30
    containment: ByTitles = ByTitles(0.55, 0.68, 0.68)
    one_sided: float = 0.45  # less than this of the longer text is shared: cut, expanded, or only a quote
    containment_one_sided: ByTitles = ByTitles(0.60, 0.85, 0.85)
    unlike_titles_smaller: float = 0.15  # less of the longer text is a quote, unless the headline says otherwise
    containment_same_host: float = 0.75  # templates are one host's
    min_names: int = 2  # fewer in the text that has fewer tell nothing
    names: float = 0.20  # of them in both texts
    names_same_host: float = 0.60
    full_window: timedelta = timedelta(hours=72)  # templates come back after five days and more
    strict_window: timedelta = timedelta(days=30)
    strict_containment: float = 0.90
    strict_titles: float = 0.50
    related_containment: float = 0.35
    digest_share: float = 0.15  # of the candidate, in each of two clusters
    digest_quote: float = 0.30  # of each of the two
    resemblance: float = 0.15  # of the shorter text: less, under unlike headlines, and one address is two articles'
    live_blog_min_gap: timedelta = timedelta(minutes=10)
    live_blog_min_change: float = 0.05


@dataclass(frozen=True, slots=True)
class Considered:
    """A candidate pair that was looked at, for `newswire why`."""

    article_id: str
    containment_of_copy: float
    containment_of_original: float
    jaccard: float
    title_overlap: float
    refusal: str | None  # why it is not a copy of it; None when it is
    needed: float | None = None  # the containment that headlines and sizes ask for; None: no containment would do
