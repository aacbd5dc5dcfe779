"""Extraction: from a page to its article, or to the reason why it is none.

    text ─▶ tree ─┬▶ metadata ──────────────┐
                  └▶ blocks ─▶ choice ─▶ repair ─▶ gate ─▶ article
                                 ▲
         rule (catalogue), wrapper (known outlet) or teacher (unknown, in doubt, audited)

Computation only: the page comes in as text, the wrapper as a value; what the page teaches goes out as an observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

from lxml import html

from pipeline.domain.model import Article, Rejection
from pipeline.extraction.content.clean import CleanedContent, clean_blocks
from pipeline.extraction.content.css_rules import apply_rules, remove_elements
from pipeline.extraction.content.select import Selection, select_content
from pipeline.extraction.content.structured_text import paragraphs_of
from pipeline.extraction.dom.blocks import Block, read_blocks
from pipeline.extraction.dom.page import ParsedPage, parse_page
from pipeline.extraction.metadata.authors import Authors
from pipeline.extraction.metadata.json_ld import LinkedArticle, read_json_ld
from pipeline.extraction.metadata.resolve import Metadata, PageHead, read_head, read_metadata
from pipeline.extraction.metadata.signatures import find_signature
from pipeline.extraction.quality_gate import Candidate, judge
from pipeline.extraction.values import EXTRACTOR, Extraction, FeedHints, Observation, PageInput, SkipRegion, Step
from pipeline.extraction.wrapper.apply_and_observe import (
    agreement,
    find_repeated,
    find_usually_dropped,
    observe,
    select_by_wrapper,
)
from pipeline.extraction.wrapper.skip_regions import find_skip_regions
from pipeline.extraction.wrapper.wrapper import Wrapper, needs_full_selection
from pipeline.text.languages import detect_language
from pipeline.text.normalize import key_of

__all__ = ["EXTRACTOR", "Extraction", "FeedHints", "PageInput", "Step", "extract"]


@dataclass(frozen=True, slots=True)
class _Reading:
    """A page once parsed: its tree and what it says of itself."""

    page: PageInput
    parsed: ParsedPage
    body: html.HtmlElement
    head: PageHead
    linked: LinkedArticle
    metadata: Metadata
    description: str

    @property
    def title(self) -> str:
        return self.metadata.title.value


@dataclass(frozen=True, slots=True)
class _Text:
    """The text found: its paragraphs and lead, which way, and what the way taught."""

    paragraphs: tuple[str, ...]
    lead: str | None
    way: str
    steps: tuple[Step, ...]
    link_chars: int = 0
    is_cut_short: bool = False
    signed: Authors = field(default_factory=Authors)
    observation: Observation | None = None


def extract(page: PageInput, wrapper: Wrapper | None) -> Extraction:
    """The article of a page. The same page and wrapper always give the same answer."""
    if wrapper is not None and wrapper.skip_regions and not page.rules.body:
        known = _extract(page, wrapper, gaps=wrapper.skip_regions)
        if known is not None:
            return known
    found = _extract(page, wrapper, gaps=())
    assert found is not None  # a whole page is always decided
    return found


def _extract(page: PageInput, wrapper: Wrapper | None, *, gaps: Sequence[SkipRegion]) -> Extraction | None:
    """The article, or why there is none; None where what was cut out may be needed to tell."""
    parsed = parse_page(page.html, gaps=gaps)
    if isinstance(parsed, Rejection):
        return None if gaps else Extraction(None, parsed)
    reading = _read(page, parsed)
    found = _find_text(reading, wrapper)
    if found is None:
        return None
    metadata = reading.metadata
    common = (metadata.meta_refresh, metadata.tdm_reserved, metadata.tdm_policy)
    rejection = judge(_candidate(reading, found))
    if rejection is not None:
        if parsed.is_cut:
            return None
        return Extraction(None, rejection, None, found.steps, *common)
    return Extraction(_article(reading, found), None, found.observation, found.steps, *common)


def _read(page: PageInput, parsed: ParsedPage) -> _Reading:
    hints = page.hints or FeedHints()
    head = read_head(parsed.root)
    linked = read_json_ld(parsed.json_ld)
    metadata = read_metadata(parsed, head, linked, url=page.url, zone=page.zone, hints=hints)
    body = parsed.root.find("body")
    return _Reading(
        page=page,
        parsed=parsed,
        body=body if body is not None else parsed.root,
        head=head,
        linked=linked,
        metadata=metadata,
        description=metadata.description or hints.summary,
    )


def _find_text(reading: _Reading, wrapper: Wrapper | None) -> _Text | None:
    """By the catalogue's rule, by the outlet's wrapper, or by the teacher, who is asked about whole pages only."""
    rules = reading.page.rules
    remove_elements(reading.body, rules.remove)
    if rules.body:
        blocks = read_blocks(reading.body)
        ruled = apply_rules(reading.body, blocks, rules)
        if ruled.kept:
            return _text_of(blocks, _repair(reading, blocks, ruled.kept), "rule", lead=ruled.lead)
    page_mark = crc32(f"{reading.page.url} {reading.title}".encode())  # archives of several pages share a URL
    if wrapper is not None and not needs_full_selection(wrapper, wrapper.pages, _draw(page_mark)):
        blocks = read_blocks(reading.body, skipped=wrapper.dead_branches)
        repeated = find_repeated(blocks, wrapper)
        kept = select_by_wrapper(blocks, wrapper, repeated)
        if kept is not None:
            return _text_of(blocks, _repair(reading, blocks, kept, repeated), f"wrapper v{wrapper.version}")
    return None if reading.parsed.is_cut else _ask_teacher(reading, wrapper, page_mark)


def _ask_teacher(reading: _Reading, wrapper: Wrapper | None, page_mark: int) -> _Text:
    blocks = read_blocks(reading.body)
    hints = reading.page.hints or FeedHints()
    about = f"{reading.title} {reading.description}"
    choice = select_content(reading.parsed.root, blocks, about=about, text=reading.linked.body or hints.content)
    if choice.text:
        return _told_text(choice, reading, blocks)
    repeated = find_repeated(blocks, wrapper, choice.kept) if wrapper is not None else frozenset()
    left = (
        find_usually_dropped(blocks, wrapper, choice.kept) if wrapper is not None and wrapper.is_mature else frozenset()
    )
    repaired = _repair(reading, blocks, choice.kept - repeated - left, repeated | left)
    by_wrapper = select_by_wrapper(blocks, wrapper, repeated) if wrapper is not None else None
    agreed = None
    if wrapper is not None and wrapper.is_mature:
        own = _repair(reading, blocks, by_wrapper, repeated).chosen if by_wrapper is not None else ()
        agreed = agreement(blocks, own, repaired.chosen)
    chosen = [blocks[i].node for i in repaired.chosen]
    observation = observe(
        page_mark,
        reading.body,
        blocks,
        repaired.chosen,
        agreed=agreed,
        gaps=find_skip_regions(reading.parsed, reading.metadata, chosen, wrapper.gaps if wrapper is not None else ()),
    )
    return _text_of(blocks, repaired, choice.view, observation=observation)


def _repair(
    reading: _Reading, blocks: Sequence[Block], kept: frozenset[int], repeated: frozenset[int] = frozenset()
) -> CleanedContent:
    return clean_blocks(
        blocks,
        kept,
        title=reading.title,
        description=reading.description,
        site=reading.metadata.site,
        authors=reading.metadata.authors.people,
        barred=repeated,
    )


def _text_of(
    blocks: Sequence[Block],
    repaired: CleanedContent,
    way: str,
    *,
    lead: int | None = None,
    observation: Observation | None = None,
) -> _Text:
    lead = repaired.lead if lead is None else lead
    order = list(repaired.chosen)
    if lead is not None:
        order = [lead, *(i for i in order if i != lead)]
    return _Text(
        paragraphs=tuple(blocks[i].text for i in order),
        lead=blocks[lead].text if lead is not None else None,
        way=way,
        steps=repaired.steps,
        link_chars=sum(blocks[i].link_chars for i in order),
        is_cut_short=repaired.is_cut_short,
        signed=find_signature(blocks, repaired.chosen),
        observation=observation,
    )


def _told_text(choice: Selection, reading: _Reading, blocks: Sequence[Block]) -> _Text:
    """The text that the page tells machines and shows nobody before its scripts ran, with the lead that it shows."""
    key = key_of(reading.description)
    shown = next((block.text for block in blocks if block.key == key), "")
    told = paragraphs_of(choice.text, title=reading.title, description=reading.description, shown=shown)
    step = Step("took", "json-ld body", told.paragraphs[0][:80] if told.paragraphs else "")
    return _Text(told.paragraphs, told.lead, "json-ld", (step,))


def _draw(page_mark: int) -> float:
    """A page's lot for the audit: always the same for the same page, spread evenly over pages."""
    return crc32(page_mark.to_bytes(4, "big")) / 2**32


def _candidate(reading: _Reading, found: _Text) -> Candidate:
    root = reading.body
    return Candidate(
        url=reading.page.url,
        title=reading.title,
        paragraphs=found.paragraphs,
        link_chars=found.link_chars,
        body=root,
        types=reading.linked.types,
        is_article_marked=bool(reading.linked.type),
        requires_javascript=reading.parsed.requires_javascript,
    )


def _article(reading: _Reading, found: _Text) -> Article:
    page, metadata, linked = reading.page, reading.metadata, reading.linked
    authors = metadata.authors
    if found.signed.people and not authors.people:
        authors = replace(found.signed, organisations=authors.organisations)
    text = "\n\n".join(found.paragraphs)
    return Article(
        url=page.url,
        canonical_url=metadata.canonical_url,
        title=metadata.title.value,
        text=text,
        lead=found.lead,
        title_source=metadata.title.source,
        published=metadata.published,
        modified=metadata.modified,
        authors=authors.people,
        author_organisations=authors.organisations,
        authors_source=authors.source,
        language=detect_language(text, told=(reading.head.language, linked.language, page.language or "")),
        section=metadata.section,
        keywords=metadata.keywords,
        image=metadata.image,
        is_accessible_for_free=False if found.is_cut_short else metadata.is_free,
        is_live_blog=linked.is_live_blog,
        aliases=metadata.aliases,
        rights=metadata.rights,
        extractor=f"{EXTRACTOR} {found.way}",
    )
