"""Extractions: the page that is given to the extractor, and what comes back.

Values only, which cross from the process that walks to the one that reads pages; so that the first need not load what
the second does (pipeline/extraction/extract.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pipeline.domain.model import Article, ExtractRules, Rejection

EXTRACTOR = "newswire/1"


@dataclass(frozen=True, slots=True)
class FeedHints:
    """What the feed's entry said of the article."""

    title: str = ""
    summary: str = ""
    published: datetime | None = None
    modified: datetime | None = None
    authors: tuple[str, ...] = ()
    content: str = ""


@dataclass(frozen=True, slots=True)
class PageInput:
    """A page to extract, with what is known beforehand. `url` is the final one, `zone` the outlet's (IANA)."""

    url: str
    html: bytes | str  # bytes are UTF-8: `pipeline.extraction.dom.page.page_in_utf8`
    outlet_id: str = ""
    language: str | None = None
    zone: str = "UTC"
    hints: FeedHints | None = None
    rules: ExtractRules = field(default_factory=ExtractRules)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that was added to or dropped from the text, by which rule, with the words it begins with."""

    action: str
    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """An article or a rejection, what the page teaches its outlet's wrapper, and how it came about."""

    article: Article | None
    rejection: Rejection | None
    observation: Observation | None = None
    explanation: tuple[Step, ...] = ()
    meta_refresh: str | None = None
    tdm_reserved: bool | None = None
    tdm_policy: str | None = None


INSIDE = ">"


@dataclass(frozen=True, slots=True)
class PathCount:
    """How many characters of a place the teacher kept and left on one page."""

    path: str
    kept: int
    left: int


class SkipRegion(NamedTuple):
    """A stretch of markup from the element with one sign to the element with another, or to the page's end.

    Before the first sign stands `INSIDE` where the gap begins behind that element's tag, not before it.
    """

    start: str
    stop: str = ""

    @property
    def sign(self) -> str:
        """The first element's sign."""
        return self.start.removeprefix(INSIDE)

    @property
    def is_inside(self) -> bool:
        """Whether it begins behind the first element's tag."""
        return self.start.startswith(INSIDE)


@dataclass(frozen=True, slots=True)
class Observation:
    """What one page teaches: places kept and left, marks of its texts, how far the wrapper agreed if it was asked."""

    page: int
    places: tuple[PathCount, ...]
    texts: tuple[int, ...]
    alive: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    agreement: float | None = None
    gaps: tuple[SkipRegion, ...] = ()
    filled: tuple[SkipRegion, ...] = ()  # known gaps that something stood in
