"""Extraction: from a page to its article, or to the reason why it is none.

    text ─▶ tree ─┬▶ metadata ──────────────┐
                  └▶ blocks ─▶ choice ─▶ repair ─▶ gate ─▶ article
                                 ▲
               wrapper (known outlet) or teacher (unknown, in doubt, audited)

Computation only: the page comes in as text, the wrapper as a value; what the page teaches goes out as an observation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from zlib import crc32

from pipeline.blocks import Block, read_blocks
from pipeline.jsonld import LinkedArticle, read_json_ld
from pipeline.languages import settle_language
from pipeline.metadata import FeedHints, Metadata, read_head, read_metadata
from pipeline.model import Article, ExtractRules, Rejection
from pipeline.page import ParsedPage, parse_page
from pipeline.quality import Candidate, judge
from pipeline.repair import Repaired, Step, repair
from pipeline.teacher import ask_teacher
from pipeline.wrapper import Observation, PlaceCount, Wrapper, text_mark

__all__ = ["EXTRACTOR", "Extraction", "FeedHints", "PageInput", "Step", "extract"]

EXTRACTOR = "newswire/1"


@dataclass(frozen=True, slots=True)
class PageInput:
    """A page to extract, with what is known beforehand. `url` is the final one; `zone` the outlet's, as IANA names it."""

    url: str
    html: str
    outlet_id: str = ""
    language: str | None = None
    zone: str = "UTC"
    hints: FeedHints | None = None
    rules: ExtractRules = field(default_factory=ExtractRules)


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


def extract(page: PageInput, wrapper: Wrapper | None) -> Extraction:
    """The article of a page. The same page and wrapper always give the same answer."""
    parsed = parse_page(page.html)
    if isinstance(parsed, Rejection):
        return Extraction(None, parsed)
    hints = page.hints or FeedHints()
    head = read_head(parsed.root)
    linked = read_json_ld(parsed.json_ld)
    metadata = read_metadata(parsed.root, head, linked, url=page.url, zone=page.zone, hints=hints)
    body = parsed.root.find("body")
    blocks = read_blocks(body if body is not None else parsed.root)
    lesson = ask_teacher(parsed.root, blocks, fast=True)
    repaired = repair(
        blocks, lesson.kept, title=metadata.title.value, description=metadata.description or hints.summary
    )
    paragraphs = [blocks[i].text for i in repaired.chosen]
    text = "\n\n".join(paragraphs)
    rejection = judge(_candidate(page, parsed, blocks, metadata, linked, text, len(paragraphs)))
    common = (metadata.meta_refresh, metadata.tdm_reserved, metadata.tdm_policy)
    if rejection is not None:
        return Extraction(None, rejection, None, repaired.steps, *common)
    article = _article(page, metadata, linked, head.language, repaired, blocks, text)
    return Extraction(article, None, _observe(page, blocks, repaired), repaired.steps, *common)


def _candidate(
    page: PageInput,
    parsed: ParsedPage,
    blocks: list[Block],
    metadata: Metadata,
    linked: LinkedArticle,
    text: str,
    paragraphs: int,
) -> Candidate:
    return Candidate(
        url=page.url,
        title=metadata.title.value,
        text=text,
        page_text_chars=sum(len(block.text) for block in blocks),
        link_chars=sum(block.link_chars for block in blocks),
        types=linked.types,
        asks_for_javascript=parsed.asks_for_javascript,
        has_video=parsed.root.find(".//video") is not None,
        images=len(parsed.root.findall(".//img")),
        is_article_marked=bool(linked.type),
        paragraphs=paragraphs,
    )


def _article(
    page: PageInput,
    metadata: Metadata,
    linked: LinkedArticle,
    page_language: str,
    repaired: Repaired,
    blocks: list[Block],
    text: str,
) -> Article:
    return Article(
        url=page.url,
        canonical_url=metadata.canonical_url,
        title=metadata.title.value,
        text=text,
        lead=blocks[repaired.lead].text if repaired.lead is not None else None,
        title_source=metadata.title.source,
        published=metadata.published,
        modified=metadata.modified,
        authors=metadata.authors.people,
        author_organisations=metadata.authors.organisations,
        authors_source=metadata.authors.source,
        language=settle_language(text, told=(page_language, linked.language, page.language or "")),
        section=metadata.section,
        keywords=metadata.keywords,
        image=metadata.image,
        is_accessible_for_free=False if repaired.is_cut_short else metadata.is_free,
        is_live_blog=linked.is_live_blog,
        aliases=metadata.aliases,
        rights=metadata.rights,
        extractor=f"{EXTRACTOR} teacher",
    )


def _observe(page: PageInput, blocks: list[Block], repaired: Repaired) -> Observation:
    kept = set(repaired.chosen)
    counts: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        counts.setdefault(block.place, [0, 0])[index not in kept] += len(block.text)
    return Observation(
        page=crc32(page.url.encode()),
        places=tuple(PlaceCount(place, *count) for place, count in counts.items()),
        texts=tuple(dict.fromkeys(text_mark(block.key) for block in blocks if block.key)),
    )
