"""Apply a wrapper to a page: select the blocks of the article, find repeated and usually dropped blocks.

Observations go the other way: what the selected blocks of one page teach its outlet's wrapper.

Tested by tests/extraction/wrapper/test_apply.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import islice, pairwise

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import NON_CONTENT_KINDS, Kind
from pipeline.extraction.content.recover import boxes_of, is_entry_in
from pipeline.extraction.content.structure import chars_of
from pipeline.extraction.dom.blocks import Block, branch_of
from pipeline.extraction.dom.xpath import only_child
from pipeline.extraction.metadata.agencies import agency_credits
from pipeline.extraction.values import Observation, PathCount
from pipeline.extraction.wrapper.skip_regions import SkipRegions
from pipeline.extraction.wrapper.wrapper import Wrapper, key_hash

_MAX_REPEATED_CHARS = 400  # longer texts that return are copies of articles, not boilerplate
_ARTICLE_SHARE = 0.5  # of a path's text, from which on the path is the article's
_KNOWN_SHARE = 0.9  # of the prose on the page must have known paths
_CLEAR_SHARE = 0.9  # of the prose with known paths must be clearly article or clearly not
_CLEARLY_KEPT, _CLEARLY_DROPPED = 0.75, 0.25
_FEW_LINKS = 0.3
_MAX_CREDIT_CHARS = 60
_MIN_REST_CHARS = 120
_CLOSING_REACH = 8  # blocks after the last paragraph
_SHARE_OF_HEADINGS = 0.5
_MAX_REPEATED = 0.3  # of an article's characters
_FEW_WORDS_CHARS, _SHARE_OF_FEW_WORDS = 50, 0.1
_MIN_CHARS, _MIN_SHARE = 250, 0.25  # of an article, absolute and of the outlet's usual length
_PARTED = frozenset({"ul", "ol", "li", "dl", "blockquote", "table", "tbody", "tr"})


def select_by_wrapper(blocks: Sequence[Block], wrapper: Wrapper, repeated: Collection[int]) -> frozenset[int] | None:
    """The blocks whose DOM path is the article's, without those in `repeated`; None where the wrapper is unsure."""
    shares = [wrapper.shares.get(block.dom_path) for block in blocks]
    if not _is_sure(blocks, shares):
        return None
    chosen = {i for i, share in enumerate(shares) if share is not None and share >= _ARTICLE_SHARE}
    chosen.difference_update(repeated)
    if chars_of(blocks, chosen) < max(_MIN_CHARS, _MIN_SHARE * wrapper.usual_chars):
        return None  # a brief, or the outlet has another design for this kind of article
    added = (*_between(blocks, chosen, wrapper), *_entries(blocks, chosen), *_closing(blocks, chosen, wrapper))
    return frozenset(chosen.union(index for index in added if index not in repeated))


def _is_sure(blocks: Sequence[Block], shares: Sequence[float | None]) -> bool:
    """Whether nearly all prose of the page has paths that are clearly the article's or clearly not."""
    prose = known = clear = 0
    for block, share in zip(blocks, shares, strict=True):
        if not block.is_paragraph:
            continue
        size = len(block.text)
        if share is not None:
            prose += size
            known += size
            clear += size if share >= _CLEARLY_KEPT or share <= _CLEARLY_DROPPED else 0
        elif not _is_beside(block):
            prose += size
    return known >= _KNOWN_SHARE * prose and clear >= _CLEAR_SHARE * known


def _between(blocks: Sequence[Block], chosen: set[int], wrapper: Wrapper) -> Iterator[int]:
    """Headings, quotations and lists at unknown paths, between two chosen blocks and next to them in the tree.

    Few pages of an outlet have an intertitle: one that no learnt page had may still belong to the article. So may a
    list where the learnt pages had lists of links.
    """
    for before, after in pairwise(sorted(chosen)):
        for index in range(before + 1, after):
            block = blocks[index]
            is_new = block.dom_path not in wrapper.paths or (block.tag == "li" and block.link_share < _FEW_LINKS)
            if is_new and _is_among(block, blocks[before], blocks[after]):
                yield index


def _closing(blocks: Sequence[Block], chosen: set[int], wrapper: Wrapper) -> Iterator[int]:
    """Quotations and embeds at unknown paths after the text, in the element of its last paragraph."""
    last = max(chosen, default=len(blocks))
    for index in range(last + 1, min(len(blocks), last + _CLOSING_REACH)):
        block = blocks[index]
        is_new = block.dom_path not in wrapper.paths
        is_quoted = any(mark.kind in {Kind.QUOTE, Kind.EMBED} for mark in block.marks) and not _is_beside(block)
        if is_quoted and is_new and _is_among(block, blocks[last], blocks[last]):
            yield index
        elif is_new or wrapper.shares.get(block.dom_path, 0) > _CLEARLY_DROPPED:
            return  # else a box that no article had in its text, such as a request for consent to show a post


def _entries(blocks: Sequence[Block], chosen: set[int]) -> Iterator[int]:
    """List entries in the paragraphs' containers, from the first paragraph to the list that ends the text."""
    first, last = min(chosen, default=0), max(chosen, default=0)
    if not any(block.tag == "li" for block in islice(blocks, first, None)):
        return
    boxes = boxes_of({blocks[i].node.getparent() for i in chosen if blocks[i].is_paragraph})
    for index in range(first, len(blocks)):
        is_entry = is_entry_in(blocks[index], boxes)
        if index > last and not is_entry:
            return
        if is_entry:
            yield index


def _is_beside(block: Block) -> bool:
    """Whether a block's markup declares it no text: a caption at an unknown path raises no doubt."""
    return any(mark.kind in NON_CONTENT_KINDS for mark in block.marks)


def find_usually_dropped(blocks: Sequence[Block], wrapper: Wrapper, kept: frozenset[int]) -> frozenset[int]:
    """Kept blocks at paths where the outlet's other pages kept nothing, such as comments below a brief.

    Empty where no text would remain: then the outlet has another design.
    """
    dropped = frozenset(i for i in kept if wrapper.is_usually_dropped(blocks[i].dom_path))
    rest = chars_of(blocks, (i for i in kept - dropped if blocks[i].is_paragraph))
    return dropped if rest >= _MIN_REST_CHARS else frozenset()


def find_repeated(blocks: Sequence[Block], wrapper: Wrapper, among: Collection[int] | None = None) -> frozenset[int]:
    """The blocks that other pages of the outlet show too.

    Empty where they are much of the article (`among`, by default the blocks at the article's paths): then the outlet
    has published it before, at another URL.
    """
    seen = wrapper.repeated
    if not seen:
        return seen
    short = (i for i, block in enumerate(blocks) if len(block.text) < _MAX_REPEATED_CHARS)
    repeated = frozenset(i for i in short if key_hash(blocks[i].key) in seen and _is_boilerplate(blocks[i], wrapper))
    if among is None:
        among = {i for i, block in enumerate(blocks) if wrapper.shares.get(block.dom_path, 0) >= _ARTICLE_SHARE}
    is_article = chars_of(blocks, repeated.intersection(among)) > _MAX_REPEATED * chars_of(blocks, among)
    return frozenset() if is_article else repeated


def _is_boilerplate(block: Block, wrapper: Wrapper) -> bool:
    """Whether a text that several pages show is no part of their articles.

    A heading must be on most pages, since `What happens next?` heads many texts. A few words must be on a tenth of
    them, since `Why not?` is asked again.
    """
    if block.text.startswith("*"):
        return False  # a footnote: `* Not her real name` ends many an article
    if len(block.text) <= _MAX_CREDIT_CHARS and agency_credits(block.text):
        return False  # `- Avec l'Agence QMI` belongs to the article on every page
    text = key_hash(block.key)
    child = only_child(block.node)
    if block.is_heading or (child is not None and child.tag in {"b", "strong"}):  # a line all in bold is set as one
        return wrapper.is_repeated(text, share=_SHARE_OF_HEADINGS)
    return len(block.text) >= _FEW_WORDS_CHARS or wrapper.is_repeated(text, share=_SHARE_OF_FEW_WORDS)


def _is_among(block: Block, before: Block, after: Block) -> bool:
    """Whether a block is a sibling of its neighbours, or part of a list or quotation that is one."""
    if len({near.dom_path.rpartition("/")[0] for near in (block, before, after)}) == 1:
        return True
    if block.node is before.node.getparent() is after.node.getparent():
        return True  # bare text between their elements
    parent = _container(block)
    return parent is not None and parent is _container(before) is _container(after)


def _container(block: Block) -> html.HtmlElement | None:
    """The element around a block's list, quotation or table; a heading's box is part of the heading."""
    parent = block.node.getparent()
    is_heading = block.is_heading and block.tag == block.node.tag
    while parent is not None and (parent.tag in _PARTED or (is_heading and len(parent) == 1)):
        parent = parent.getparent()
    return parent


def agreement(blocks: Sequence[Block], one: Sequence[int], other: Sequence[int]) -> float:
    """F1 of two selections by characters."""
    common = chars_of(blocks, set(one) & set(other))
    return 2 * common / max(1, chars_of(blocks, one) + chars_of(blocks, other))


def observe(
    page: int,
    body: html.HtmlElement,
    blocks: Sequence[Block],
    chosen: Sequence[int],
    *,
    agreed: float | None,
    regions: SkipRegions,
) -> Observation:
    """The counts by DOM path, text hashes, empty branches and skip regions of a page with this hash."""
    kept = set(chosen)
    counts: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        counts.setdefault(block.dom_path, [0, 0])[index not in kept] += len(block.text)
    keys = (block.key for block in blocks if len(block.text) < _MAX_REPEATED_CHARS)
    alive, dead = _branches(body, blocks, kept)
    return Observation(
        page=page,
        paths=tuple(PathCount(path, *count) for path, count in counts.items()),
        texts=tuple(dict.fromkeys(key_hash(key) for key in keys if key)),
        alive=tuple(sorted(alive)),
        dead=tuple(sorted(dead)),
        agreement=agreed,
        regions=regions.empty,
        filled_regions=regions.filled,
    )


def _branches(body: html.HtmlElement, blocks: Sequence[Block], kept: set[int]) -> tuple[set[str], set[str]]:
    """The branches of the tree that hold kept text, a headline or a possible lead, and the topmost others."""
    holding = (block.node for index, block in enumerate(blocks) if index in kept or block.tag == "h1")
    living = {above for node in holding for above in (node, *node.iterancestors())}
    alive = {branch_of(element) for element in living if element is not body}
    alive.update(map(branch_of, _below_headline(blocks, kept)))
    return alive, {branch_of(child) for child in _dead_children(living, [blocks[index].node for index in kept])} - alive


def _dead_children(living: set[html.HtmlElement], text: Sequence[html.HtmlElement]) -> Iterator[html.HtmlElement]:
    """The children of living elements that hold none; not those of kept blocks, whose text includes them.

    Plain elements next to paragraphs are left out: they hold links on one page and a list on the next. Some outlets set
    each paragraph in a box.
    """
    homes = {element.getparent() for element in text}
    containers = homes | {home.getparent() for home in homes if home is not None}
    for element in living.difference(text):
        for child in element:
            if child in living or not isinstance(child.tag, str):
                continue
            if element not in containers or child.get("class"):
                yield child


def _below_headline(blocks: Sequence[Block], kept: set[int]) -> Iterator[html.HtmlElement]:
    """The elements between headline and text: some articles of an outlet have a lead there, others only a byline."""
    first = min(kept, default=0)
    headline = next((i for i in range(first - 1, -1, -1) if blocks[i].tag == "h1"), None)
    if headline is None:
        return
    text = {blocks[first].node, *blocks[first].node.iterancestors()}
    for element in (blocks[headline].node, *blocks[headline].node.iterancestors()):
        for sibling in element.itersiblings() if element not in text else ():
            if sibling in text:
                return
            if isinstance(sibling.tag, str):
                yield sibling
