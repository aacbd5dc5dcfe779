"""Article extraction: from a page to its article, or to the reason for its rejection.

    page ─▶ tree ─┬▶ metadata ──────────────┐
                  └▶ blocks ─▶ select ─▶ clean ─▶ quality gate ─▶ article
                                 ▲
         CSS rules (catalogue), wrapper (known outlet) or full selection (unknown outlet, doubt, audit)

Computation only: page and wrapper come in as values; what the page teaches its wrapper goes out as an observation.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from zlib import crc32

from lxml import html

from pipeline.domain.model import Article, Rejection
from pipeline.extraction.content.clean import CleanedContent, clean_blocks
from pipeline.extraction.content.select import apply_rules, paragraphs_of, select_content
from pipeline.extraction.dom.blocks import Block, read_blocks
from pipeline.extraction.dom.page import ParsedPage, parse_page
from pipeline.extraction.dom.xpath import remove_elements
from pipeline.extraction.metadata.authors import Authors, find_signature
from pipeline.extraction.metadata.json_ld import LinkedArticle, read_json_ld
from pipeline.extraction.metadata.resolve import Metadata, PageHead, read_head, read_metadata
from pipeline.extraction.quality_gate import judge
from pipeline.extraction.values import EXTRACTOR, Extraction, FeedHints, Observation, PageInput, SkipRegion, Step
from pipeline.extraction.wrapper.apply import agreement, find_repeated, find_usually_dropped, observe, select_by_wrapper
from pipeline.extraction.wrapper.skip_regions import find_skip_regions
from pipeline.extraction.wrapper.wrapper import Wrapper, needs_full_selection
from pipeline.text.languages import detect_language
from pipeline.text.normalize import key_of

__all__ = ["EXTRACTOR", "Extraction", "FeedHints", "PageInput", "Step", "extract"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """A parsed page and its metadata."""

    input: PageInput
    parsed: ParsedPage
    body: html.HtmlElement
    head: PageHead
    linked: LinkedArticle
    metadata: Metadata
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Text:
    """The extracted text, the method that found it, and what the page teaches."""

    paragraphs: tuple[str, ...]
    lead: str | None
    method: str
    steps: tuple[Step, ...]
    link_chars: int = 0
    is_cut_short: bool = False
    signed: Authors = field(default_factory=Authors)
    observation: Observation | None = None


def extract(page: PageInput, wrapper: Wrapper | None) -> Extraction:
    """The article of a page. The same page and wrapper always give the same answer."""
    regions = wrapper.skip_regions if wrapper is not None and not page.rules.body else ()
    extraction = _extract(page, wrapper, regions=regions)
    if extraction is None and regions:
        extraction = _extract(page, wrapper, regions=())
    assert extraction is not None  # a whole page is always decided
    return extraction


def _extract(page_input: PageInput, wrapper: Wrapper | None, *, regions: Sequence[SkipRegion]) -> Extraction | None:
    """The article or its rejection; None where a skipped region may be needed to decide."""
    parsed = parse_page(page_input.html, regions=regions)
    if isinstance(parsed, Rejection):
        return None if regions else Extraction(None, parsed)
    hints = page_input.hints or FeedHints()
    head, linked = read_head(parsed.root), read_json_ld(parsed.json_ld)
    body = parsed.root.find("body")
    metadata = read_metadata(parsed, head, linked, url=page_input.url, zone=page_input.zone, hints=hints)
    page = _Page(
        input=page_input,
        parsed=parsed,
        body=body if body is not None else parsed.root,
        head=head,
        linked=linked,
        metadata=metadata,
        title=metadata.title.value,
        description=metadata.description or hints.summary,
    )
    text = _find_text(page, wrapper)
    if text is None:
        return None
    rejection = judge(
        title=page.title,
        paragraphs=text.paragraphs,
        link_chars=text.link_chars,
        body=page.body,
        linked=page.linked,
        requires_javascript=parsed.requires_javascript,
    )
    if rejection is not None and parsed.is_cut:
        return None
    return Extraction(
        _article(page, text) if rejection is None else None,
        rejection,
        text.observation if rejection is None else None,
        text.steps,
        metadata.meta_refresh,
        metadata.tdm_reserved,
        metadata.tdm_policy,
    )


def _find_text(page: _Page, wrapper: Wrapper | None) -> _Text | None:
    """By the catalogue's rule, by the outlet's wrapper, or by full selection, which needs the whole page."""
    rules = page.input.rules
    remove_elements(page.body, rules.remove)
    if rules.body:
        blocks = read_blocks(page.body)
        kept, lead = apply_rules(page.body, blocks, rules)
        if kept:
            return _text_of(blocks, _clean(page, blocks, kept), "rule", lead=lead)
    page_hash = crc32(f"{page.input.url} {page.title}".encode())  # archives of several pages share a URL
    # A number in [0, 1) that decides on the audit: the same for the same page, evenly spread over pages.
    draw = crc32(page_hash.to_bytes(4, "big")) / 2**32
    if wrapper is not None and not needs_full_selection(wrapper, draw):
        blocks = read_blocks(page.body, skipped=wrapper.dead_branches)
        repeated = find_repeated(blocks, wrapper)
        selected = select_by_wrapper(blocks, wrapper, repeated)
        if selected is not None:
            return _text_of(blocks, _clean(page, blocks, selected, repeated), f"wrapper v{wrapper.version}")
    return None if page.parsed.is_cut else _select_fully(page, wrapper, page_hash)


def _select_fully(page: _Page, wrapper: Wrapper | None, page_hash: int) -> _Text:
    """The text without trust in the wrapper, which is corrected by what this page teaches."""
    blocks = read_blocks(page.body)
    selection = select_content(
        page.parsed.root,
        blocks,
        about=f"{page.title} {page.description}",
        text=page.linked.body or (page.input.hints or FeedHints()).content,
    )
    if selection.text:  # from JSON-LD, for pages that render their article with JavaScript; the lead is the visible one
        key = key_of(page.description)
        shown = next((block.text for block in blocks if block.key == key), "")
        paragraphs, lead = paragraphs_of(selection.text, title=page.title, description=page.description, shown=shown)
        step = Step("took", "json-ld body", paragraphs[0][:80] if paragraphs else "")
        return _Text(paragraphs=paragraphs, lead=lead, method="json-ld", steps=(step,))
    known = wrapper or Wrapper()
    repeated = find_repeated(blocks, known, selection.kept)
    dropped = find_usually_dropped(blocks, known, selection.kept) if known.is_mature else frozenset()
    cleaned = _clean(page, blocks, selection.kept - repeated - dropped, repeated | dropped)
    agreed = None
    if known.is_mature:
        by_wrapper = select_by_wrapper(blocks, known, repeated)
        own = _clean(page, blocks, by_wrapper, repeated).chosen if by_wrapper is not None else ()
        agreed = agreement(blocks, own, cleaned.chosen)
    observation = observe(
        page_hash,
        page.body,
        blocks,
        cleaned.chosen,
        agreed=agreed,
        regions=find_skip_regions(page.parsed, page.metadata, [blocks[i].node for i in cleaned.chosen], known.regions),
    )
    return _text_of(blocks, cleaned, selection.view, observation=observation)


def _clean(
    page: _Page, blocks: Sequence[Block], kept: frozenset[int], repeated: frozenset[int] = frozenset()
) -> CleanedContent:
    return clean_blocks(
        blocks,
        kept,
        title=page.title,
        description=page.description,
        site=page.metadata.site,
        authors=page.metadata.authors.people,
        barred=repeated,
    )


def _text_of(
    blocks: Sequence[Block],
    cleaned: CleanedContent,
    method: str,
    *,
    lead: int | None = None,
    observation: Observation | None = None,
) -> _Text:
    lead = cleaned.lead if lead is None else lead
    order = list(cleaned.chosen)
    if lead is not None:
        order = [lead, *(i for i in order if i != lead)]
    return _Text(
        paragraphs=tuple(blocks[i].text for i in order),
        lead=blocks[lead].text if lead is not None else None,
        method=method,
        steps=cleaned.steps,
        link_chars=sum(blocks[i].link_chars for i in order),
        is_cut_short=cleaned.is_cut_short,
        signed=find_signature(blocks, cleaned.chosen),
        observation=observation,
    )


def _article(page: _Page, found: _Text) -> Article:
    metadata, linked = page.metadata, page.linked
    authors = metadata.authors
    if found.signed.people and not authors.people:
        authors = replace(found.signed, organisations=authors.organisations)
    text = "\n\n".join(found.paragraphs)
    return Article(
        url=page.input.url,
        canonical_url=metadata.canonical_url,
        title=page.title,
        text=text,
        lead=found.lead,
        title_source=metadata.title.source,
        published=metadata.dates.published,
        modified=metadata.dates.modified,
        authors=authors.people,
        author_organisations=authors.organisations,
        authors_source=authors.source,
        language=detect_language(text, claims=(page.head.language, linked.language, page.input.language or "")),
        section=metadata.section,
        keywords=metadata.keywords,
        image=metadata.image,
        is_accessible_for_free=False if found.is_cut_short else metadata.is_free,
        is_live_blog=linked.type == "liveblogposting",
        aliases=metadata.aliases,
        rights=metadata.rights,
        extractor=f"{EXTRACTOR} {found.method}",
    )
