"""Values of extraction: the page that goes to the extractor, and what comes back.

Values only. They cross from the ingesting process to the extraction workers, so that the first need not load what the
second imports (pipeline/extraction/extract.py). Tested by tests/extraction/test_extract.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from pipeline.domain.model import Article, ExtractRules, Rejection

EXTRACTOR = "newswire/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedHints:
    """Metadata of the article from the feed's entry."""

    title: str = ""
    summary: str = ""
    published: datetime | None = None
    modified: datetime | None = None
    authors: tuple[str, ...] = ()
    content: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageInput:
    """A page to extract, with what is known of it. `url` is the final one, `zone` the outlet's (IANA)."""

    url: str
    html: bytes | str  # bytes are UTF-8: `pipeline.extraction.dom.page.page_in_utf8`
    outlet_id: str = ""
    language: str | None = None
    zone: str = "UTC"
    hints: FeedHints | None = None
    rules: ExtractRules = field(default_factory=ExtractRules)


@dataclass(frozen=True, slots=True)
class Step:
    """One addition to or removal from the text: action, rule, and the first words concerned."""

    action: str
    rule: str
    words: str


@dataclass(frozen=True, slots=True)
class Extraction:
    """An article or a rejection, what the page teaches its outlet's wrapper, and the steps to the text."""

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
    """How many characters at a DOM path were kept and dropped on one page."""

    path: str
    kept: int
    dropped: int


class SkipRegion(NamedTuple):
    """A stretch of markup from the element with one sign to the element with another, or to the page's end.

    A sign is an attribute as the tag has it (`id="comments"`). The prefix `INSIDE` of the first sign lets the region
    begin after that element's tag instead of before it.
    """

    start: str
    stop: str = ""

    @property
    def sign(self) -> str:
        """The first element's sign."""
        return self.start.removeprefix(INSIDE)

    @property
    def is_inside(self) -> bool:
        """Whether it begins after the first element's tag."""
        return self.start.startswith(INSIDE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What one page teaches: `page` and `texts` are hashes, `agreement` is with the text by the wrapper."""

    page: int
    paths: tuple[PathCount, ...]
    texts: tuple[int, ...]
    alive: tuple[str, ...] = ()
    dead: tuple[str, ...] = ()
    agreement: float | None = None
    regions: tuple[SkipRegion, ...] = ()
    filled_regions: tuple[SkipRegion, ...] = ()  # known regions that hold something on this page
