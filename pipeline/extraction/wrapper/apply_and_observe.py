"""Lessons: what a page's chosen blocks teach its outlet's wrapper, and what a wrapper chooses on a page."""

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

__all__ = ["agreement", "find_repeated", "find_usually_dropped", "observe", "select_by_wrapper"]

_MOST_MARKED_CHARS = 400  # longer texts that return are copies of articles, not furniture
_KNOWN_SHARE = 0.9  # of the prose on the page must stand in known places
_CLEAR_SHARE = 0.9  # of the prose in known places must be clearly article or clearly not
_CLEARLY_KEPT, _CLEARLY_LEFT = 0.75, 0.25
_FEW_LINKS = 0.3
_MOST_CREDIT_CHARS = 60
_LEAST_REST_CHARS = 120
_CLOSING_REACH = 8  # blocks behind the last paragraph
_SHARE_OF_HEADINGS = 0.5
_MOST_REPEATED = 0.3  # of an article's characters
_FEW_WORDS_CHARS, _SHARE_OF_FEW_WORDS = 50, 0.1
_LEAST_CHARS = 250
_LEAST_SHARE = 0.25  # of an article's usual length
_PARTED = frozenset({"ul", "ol", "li", "dl", "blockquote", "table", "tbody", "tr"})


def observe(
    page: int,
    body: html.HtmlElement,
    blocks: Sequence[Block],
    chosen: Sequence[int],
    *,
    agreed: float | None,
    gaps: SkipRegions,
) -> Observation:
    """What this page teaches."""
    kept = set(chosen)
    counts: dict[str, list[int]] = {}
    for index, block in enumerate(blocks):
        counts.setdefault(block.place, [0, 0])[index not in kept] += len(block.text)
    alive, dead = _branches(body, blocks, kept)
    return Observation(
        page=page,
        places=tuple(PathCount(place, *count) for place, count in counts.items()),
        texts=tuple(
            dict.fromkeys(
                key_hash(key) for block in blocks if len(block.text) < _MOST_MARKED_CHARS and (key := block.key)
            )
        ),
        alive=tuple(sorted(alive)),
        dead=tuple(sorted(dead)),
        agreement=agreed,
        gaps=gaps.empty,
        filled=gaps.filled,
    )


def select_by_wrapper(blocks: Sequence[Block], wrapper: Wrapper, repeated: Collection[int]) -> frozenset[int] | None:
    """The blocks that stand where the outlet's articles do and not on other pages too (`repeated`); None where the
    wrapper doubts.
    """
    chosen: set[int] = set()
    prose = known = clear = 0
    share_of = wrapper.shares.get
    for index, block in enumerate(blocks):
        share = share_of(block.place)
        if block.is_paragraph and (share is not None or not _is_beside(block)):
            size = len(block.text)
            prose += size
            if share is not None:
                known += size
                clear += size if share >= _CLEARLY_KEPT or share <= _CLEARLY_LEFT else 0
        if share is not None and share >= 0.5 and index not in repeated:
            chosen.add(index)
    if known < _KNOWN_SHARE * prose or clear < _CLEAR_SHARE * known:
        return None
    if chars_of(blocks, chosen) < max(_LEAST_CHARS, _LEAST_SHARE * wrapper.usual_chars):
        return None  # a brief, or the outlet has another design for this kind of article
    return frozenset(chosen.union(_between(blocks, chosen, wrapper, repeated)))


def _between(blocks: Sequence[Block], chosen: set[int], wrapper: Wrapper, repeated: Collection[int]) -> Iterator[int]:
    """Headings, quotations and lists where none stood before, between two chosen blocks and in a place like theirs.

    Few pages of an outlet have an intertitle: what was on none of the first is not therefore left out, nor is a list
    where the others had lists of links.
    """
    for before, after in pairwise(sorted(chosen)):
        for index in range(before + 1, after):
            block = blocks[index]
            is_new = block.place not in wrapper.places or (block.tag == "li" and block.link_share < _FEW_LINKS)
            if is_new and index not in repeated and _is_among(block, blocks[before], blocks[after]):
                yield index
    for index in (*_entries(blocks, chosen), *_closing(blocks, chosen, wrapper)):
        if index not in repeated:
            yield index


def _closing(blocks: Sequence[Block], chosen: set[int], wrapper: Wrapper) -> Iterator[int]:
    """The quotations and posts that a text ends with where none stood before, in the element of its last paragraph."""
    last = max(chosen, default=len(blocks))
    for index in range(last + 1, min(len(blocks), last + _CLOSING_REACH)):
        block = blocks[index]
        is_quoted = any(mark.kind in {Kind.QUOTE, Kind.EMBED} for mark in block.marks) and not _is_beside(block)
        if is_quoted and block.place not in wrapper.places and _is_among(block, blocks[last], blocks[last]):
            yield index
        elif (wrapper.share_kept(block.place) or 0) > _CLEARLY_LEFT or block.place not in wrapper.places:
            return  # else a box that no article had in its text, such as one that asks for consent to show a post


def _entries(blocks: Sequence[Block], chosen: set[int]) -> Iterator[int]:
    """The entries of lists that stand in the paragraphs' boxes, or between them, up to the list that ends the text."""
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
    """Whether a block's markup says that it is no text: a caption where no page had one raises no doubt."""
    return any(mark.kind in NON_CONTENT_KINDS for mark in block.marks)


def find_usually_dropped(blocks: Sequence[Block], wrapper: Wrapper, kept: frozenset[int]) -> frozenset[int]:
    """What the teacher keeps in places where it kept nothing on the outlet's other pages: comments below a brief.

    Nothing where the text that is left over would be none: then the outlet has another design.
    """
    left = frozenset(i for i in kept if wrapper.is_usually_dropped(blocks[i].place))
    rest = chars_of(blocks, (i for i in kept - left if blocks[i].is_paragraph))
    return left if rest >= _LEAST_REST_CHARS else frozenset()


def find_repeated(blocks: Sequence[Block], wrapper: Wrapper, among: Collection[int] | None = None) -> frozenset[int]:
    """The blocks that other pages of the outlet show too; none where they are much of the article (`among`, else what
    stands where articles do): then the outlet has published it before, under another address.
    """
    seen = wrapper.repeated
    short = (i for i, block in enumerate(blocks) if seen and len(block.text) < _MOST_MARKED_CHARS)
    repeated = frozenset(i for i in short if key_hash(blocks[i].key) in seen and _is_furniture(blocks[i], wrapper))
    if not repeated:
        return repeated
    if among is None:
        among = {i for i in range(len(blocks)) if (wrapper.share_kept(blocks[i].place) or 0) >= 0.5}
    is_article = chars_of(blocks, repeated.intersection(among)) > _MOST_REPEATED * chars_of(blocks, among)
    return frozenset() if is_article else repeated


def _is_furniture(block: Block, wrapper: Wrapper) -> bool:
    """Whether a text that several pages show is none of the article.

    A heading has to be on most pages: `What happens next?` heads the text of many an article. And a few words on more
    than a few: `Why not?` is asked again.
    """
    if block.text.startswith("*"):
        return False  # a footnote: `* Not her real name` ends many an article
    if len(block.text) <= _MOST_CREDIT_CHARS and agency_credits(block.text):
        return False  # `- Avec l'Agence QMI` is the article's, on whichever pages it stands
    mark = key_hash(block.key)
    if _is_set_as_heading(block):
        return wrapper.is_repeated(mark, share=_SHARE_OF_HEADINGS)
    return len(block.text) >= _FEW_WORDS_CHARS or wrapper.is_repeated(mark, share=_SHARE_OF_FEW_WORDS)


def _is_set_as_heading(block: Block) -> bool:
    """Whether a block is a heading, or a line all in bold."""
    child = only_child(block.node)
    return block.is_heading or (child is not None and child.tag in {"b", "strong"})


def _is_among(block: Block, before: Block, after: Block) -> bool:
    """Whether a block stands beside its neighbours, as a part of a list or a quotation beside them, or as they do."""
    if _above(block.place) == _above(before.place) == _above(after.place):
        return True
    if block.node is before.node.getparent() is after.node.getparent():
        return True  # bare between their elements
    parent = _holder(block)
    return parent is not None and parent is _holder(before) is _holder(after)


def _holder(block: Block) -> html.HtmlElement | None:
    """The element that a block's list, quotation or table stands in; a heading's box is part of the heading."""
    parent = block.node.getparent()
    is_heading = block.is_heading and block.tag == block.node.tag
    while parent is not None and (parent.tag in _PARTED or (is_heading and len(parent) == 1)):
        parent = parent.getparent()
    return parent


def _above(place: str) -> str:
    """A place's labels but the last."""
    return place.rpartition("/")[0]


def agreement(blocks: Sequence[Block], one: Sequence[int], other: Sequence[int]) -> float:
    """F1 of two choices by characters."""
    common = chars_of(blocks, set(one) & set(other))
    return 2 * common / max(1, chars_of(blocks, one) + chars_of(blocks, other))


def _branches(body: html.HtmlElement, blocks: Sequence[Block], kept: set[int]) -> tuple[set[str], set[str]]:
    """The branches of the tree that hold kept text, a headline or what may be a lead, and the topmost others."""
    living = {
        element
        for index, block in enumerate(blocks)
        if index in kept or block.tag == "h1"
        for element in (block.node, *block.node.iterancestors())
    }
    alive = {branch_of(element) for element in living if element is not body}
    whole = {blocks[index].node for index in kept}  # a quotation's parts are in its block, not beside it
    homes = {blocks[index].node.getparent() for index in kept}
    holders = homes | {home.getparent() for home in homes if home is not None}  # some set each paragraph in a box
    dead = set()
    for element in living - whole:
        for child in element:
            is_plain = element in holders and not child.get("class")  # links on these pages, a list on the next
            if child not in living and isinstance(child.tag, str) and not is_plain:
                dead.add(branch_of(child))
    alive.update(map(branch_of, _below_headline(blocks, kept)))
    return alive, dead - alive


def _below_headline(blocks: Sequence[Block], kept: set[int]) -> Iterator[html.HtmlElement]:
    """The elements between headline and text: some articles of an outlet have a lead there, others only names."""
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
