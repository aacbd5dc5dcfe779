"""The lead (chapô, standfirst): the block beside the headline that sums an article up, no paragraph of its body."""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind
from pipeline.extraction.boilerplate.phrases import phrase_rule
from pipeline.extraction.content.repeats import has_key
from pipeline.extraction.content.structure import BESIDE
from pipeline.extraction.dom.blocks import Block, Mark
from pipeline.text.normalize import key_of
from pipeline.text.stamps import is_time

__all__ = ["find_lead", "find_lone_lead", "find_offers", "is_byline", "rest_of_lead"]

_MOST_BYLINE_CHARS = 200
_MOST_DATE_CHARS = 50
_LEAST_CHARS = 30
_MOST_CHARS = 1_200
_TOLD_SHARE = 0.7  # of the description's words: outlets shorten and mend it
_SENTENCE_ENDS = (".", "!", "?", "…", "”", "»", '"')
_MOST_LEAD_PARTS = 8
_REACH = 30  # blocks before the first paragraph: headline, byline, dates, share buttons, picture stand between
_BOXES = 3  # levels above a caption at which its picture's box stands
_PICTURE = re.compile(r"(?:^|[\s_-])(?:image|img|photo|picture|foto|bild)(?:$|[\s_-])", re.IGNORECASE)
_OFFERING = frozenset({"account", "newsletter", "offer", "paywall"})
_WORD = re.compile(r"\w{3,}")
_BYLINE = re.compile(
    r"^\W*(?:(?:autor|author|auteur|autore|автор)[a-z]*\s?:|"
    r"(?:by|par|von|por|di|door|publié|(?:(?:first|last|originally) )?(?:published|written|updated|posted|modified)|"
    r"mis à jour|veröffentlicht|stand|"
    r"publicado|actualizado|aktualisiert|gepubliceerd)\b[\s:]|\d{1,2}[./]\d{1,2}[./]\d{2,4}\b|le \d{1,2}[/ ]|"
    r"\d{4}[-./年]\s?\d{1,2}[-./月]\s?\d{1,2}日?\W{0,2}\d{1,2}:\d{2}|"
    r"\d{1,2}\.? [^\W\d]{3,12} (?:19|20)\d\d,? (?:um )?\d{1,2}[:.]\d{2}\b|"
    r"(?:\d{1,2}[:.]\d{2}\W+)?\d{1,2}\.? [^\W\d]{3,12} (?:19|20)\d\d(?: [гр]\b|r\b)?\W*(?:\d{1,2}[:.]\d{2}\W*)?$)",
    re.IGNORECASE,
)


_READING_TIME = re.compile(
    r"\W*(?:(?:temps de )?lecture|reading time|lesezeit|(?:tiempo de )?lectura)\W*\d+\s?min\w*\.?$", re.IGNORECASE
)


def is_byline(text: str) -> bool:
    """Whether a line says who wrote it or when it appeared."""
    if len(text) < _MOST_BYLINE_CHARS and text.endswith("min."):
        text = _READING_TIME.sub("", text)
    if len(text) >= _MOST_BYLINE_CHARS or text.endswith((".", "!", "?")):
        return False
    return _BYLINE.match(text) is not None or (len(text) < _MOST_DATE_CHARS and is_time(text))


@lru_cache(maxsize=100)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


def _is_told(block: Block, description: str) -> bool:
    """Whether a block says what the page's description does: in its letters, or in most of its words."""
    beginning = key_of(description)[:60]
    if len(beginning) >= 30 and block.key.startswith(beginning[: max(30, len(beginning) - 5)]):
        return True
    words = _words_of(description)
    if len(words) < 8:
        return False
    spoken = _words_of(block.text)
    return len(words & spoken) >= _TOLD_SHARE * max(len(words), 0.6 * len(spoken))


def find_lead(
    blocks: Sequence[Block],
    kept: set[int],
    apart: frozenset[str],
    *,
    description: str,
    title_key: str,
    barred: frozenset[int] = frozenset(),
) -> int | None:
    """The lead's block: marked so, or told by the description, or alone between headline and text; none of `barred`."""
    if not kept:
        return None
    first = _first_of_body(blocks, kept, title_key)
    headline = _headline(blocks, first, title_key)
    start = max(0, first - _REACH) if headline is None else max(headline + 1, first - _REACH)
    start = start if headline is None or headline < first else 0
    around = _marks_around(blocks, headline)
    usual = _usual_marks(blocks, kept)
    reach = [i for i in range(min(start, first), first + 1) if _has_size_of_lead(blocks[i]) and i not in barred]

    def may_lead(index: int) -> bool:
        return _may_lead(blocks, index, apart - around, title_key)

    tests: tuple[Callable[[Block], bool], ...] = (
        lambda block: _is_marked(block, usual | around),
        lambda block: _is_told(block, description),
    )
    for test in tests:
        for index in reach:
            if test(blocks[index]) and may_lead(index) and not _is_among_paragraphs(blocks, index, kept):
                return index
    if headline is None:
        return None
    alone = [i for i in reach if i < first and _stands_alone(blocks[i], around) and may_lead(i)]
    fresh = [i for i in alone if i not in kept and not any(has_key(blocks[other], blocks[i].key) for other in kept)]
    return _only(blocks, [i for i in fresh if blocks[i].text.endswith(_SENTENCE_ENDS)]) or _only(blocks, alone)


def find_lone_lead(blocks: Sequence[Block], *, description: str, title_key: str) -> int | None:
    """The lead of a page that shows nothing else of its article: marked so or told by the description."""
    headline = _headline(blocks, len(blocks) - 1, title_key)
    if headline is None:
        return None
    for i in range(headline + 1, min(len(blocks), headline + _REACH)):
        block = blocks[i]
        is_lead = _has_size_of_lead(block) and (_is_marked(block) or _is_told(block, description))
        if is_lead and _may_lead(blocks, i, frozenset(), title_key):
            return i
    return None


def _only(blocks: Sequence[Block], candidates: Sequence[int]) -> int | None:
    """The one that can be meant: the only one, or the only one that is no heading."""
    plain = [i for i in candidates if not blocks[i].is_heading] or candidates
    return plain[0] if len(plain) == 1 else None


def rest_of_lead(blocks: Sequence[Block], lead: int) -> list[int]:
    """The further paragraphs of a lead that has several: those in the element that calls itself the lead."""
    marks = [mark for mark in blocks[lead].marks if mark.kind is Kind.LEAD and mark.chars < _MOST_CHARS]
    if not marks:
        return []
    return [
        i
        for i in range(lead + 1, min(len(blocks), lead + _MOST_LEAD_PARTS))
        if _is_rest(blocks[i], marks)
        and len(blocks[i].text) >= _LEAST_CHARS
        and blocks[i].link_share < 0.5
        and phrase_rule(blocks[i].text) is None
    ]


def _is_rest(block: Block, lead: Sequence[Mark]) -> bool:
    """Whether a block stands in the lead's element, or in one beside it, and in nothing of another kind there."""
    own = [n for n, mark in enumerate(block.marks) if mark is lead[0] or _is_part(mark, lead[-1])]
    return bool(own) and all(mark.kind not in BESIDE for mark in block.marks[own[0] :])


def _is_part(mark: Mark, lead: Mark) -> bool:
    """Whether a marking is the lead's own, or that of a like element beside it."""
    return mark is lead or (mark.name == lead.name and mark.node.getparent() is lead.node.getparent())


def _first_of_body(blocks: Sequence[Block], kept: set[int], title_key: str) -> int:
    """The first kept block that has a sibling among the kept: one more before it may be the lead."""
    ordered = sorted(kept)
    top = next((i for i, block in enumerate(blocks) if title_key and block.tag == "h1" and block.key == title_key), 0)
    if ordered[0] < top < ordered[-1]:
        ordered = [i for i in ordered if i > top]  # the way to the page stands above its headline
    for index in ordered[:4]:
        if len(blocks[index].text) > _LEAST_CHARS and _is_among_paragraphs(blocks, index, kept):
            return index
    places = Counter(blocks[i].place for i in ordered)  # each in a box of its own
    for index in ordered[:4]:
        if len(blocks[index].text) > _LEAST_CHARS and places[blocks[index].place] > 1:
            return index
    return ordered[min(1, len(ordered) - 1)] if len(ordered) > 2 else ordered[0]


def _headline(blocks: Sequence[Block], before: int, title_key: str) -> int | None:
    found = [i for i in range(before + 1) if blocks[i].tag == "h1" and title_key and title_key in blocks[i].key][:1]
    found = found or [
        i for i in range(before + 1) if blocks[i].tag == "h1" or (len(title_key) > 20 and title_key in blocks[i].key)
    ]
    if not found:  # pages without h1, whose headline is worded otherwise than what they tell machines
        found = [i for i in range(before) if blocks[i].tag == "h2" and _is_in_header(blocks[i])]
    return found[-1] if found else None


def _is_in_header(block: Block) -> bool:
    return any(parent.tag == "header" for parent in block.node.iterancestors())


def _marks_around(blocks: Sequence[Block], headline: int | None) -> frozenset[str]:
    """The markings that the headline stands under too, and a teaser's right beside it: they set nothing apart there."""
    if headline is None:
        return frozenset()
    around = {mark.name for mark in blocks[headline].marks}
    home = blocks[headline].node.getparent()
    for block in blocks[headline + 1 : headline + _REACH]:
        around.update(m.name for m in block.marks if m.kind is Kind.RELATED and m.node.getparent() is home)
    return frozenset(around)


def find_offers(blocks: Sequence[Block], reach: range) -> frozenset[int]:
    """The blocks of elements that would be a lead (`intro`, `summary`), did they not offer to register."""
    marks = {
        id(mark)
        for i in reach
        for mark in blocks[i].marks
        if mark.kind is Kind.LEAD and mark.chars < _MOST_CHARS and phrase_rule(blocks[i].text) in _OFFERING
    }
    return frozenset(i for i in reach if marks and any(id(mark) in marks for mark in blocks[i].marks))


def _has_size_of_lead(block: Block) -> bool:
    return _LEAST_CHARS <= len(block.text) <= _MOST_CHARS


def _may_lead(blocks: Sequence[Block], index: int, apart: frozenset[str], title_key: str) -> bool:
    block = blocks[index]
    if block.link_share > 0.5 or block.key == title_key:
        return False
    if block.tag == "h1" or not _is_free(block, apart) or _is_kept_back(block):
        return False
    node = block.node
    if node.tag in {"figcaption", "figure"} or any(
        parent.tag in {"figure", "figcaption"} for parent in node.iterancestors()
    ):
        return False
    if _is_beside_picture(block):
        return False
    return not is_byline(block.text) and phrase_rule(block.text) is None


def _is_beside_picture(block: Block) -> bool:
    """Whether a block stands in a picture's box, by the box's class, without the headline: `newsitem-image`."""
    around = itertools.islice((block.node, *block.node.iterancestors()), _BOXES)
    return any(_PICTURE.search(element.get("class") or "") and _holds_picture(element) for element in around)


def _holds_picture(element: html.HtmlElement) -> bool:
    return next(element.iter("img", "picture"), None) is not None and next(element.iter("h1"), None) is None


def _is_free(block: Block, apart: frozenset[str]) -> bool:
    """Whether no marking sets the block apart; its own marking as a lead outweighs its container's."""
    around = [mark for mark in block.marks if mark.name in apart]
    if block.marks and block.marks[-1].kind is Kind.LEAD:
        return all(mark.kind not in {Kind.COMMENTS, Kind.RELATED, Kind.CAPTION} for mark in around)
    return not around


def _is_kept_back(block: Block) -> bool:
    """Whether a class hides the block until a script shows it: the offers of a paywall, beside its headline."""
    return any("hidden" in (mark.node.get("class") or "").split() for mark in block.marks)


def _is_marked(block: Block, usual: frozenset[str] = frozenset()) -> bool:
    return any(mark.kind is Kind.LEAD and mark.chars < _MOST_CHARS and mark.name not in usual for mark in block.marks)


def _usual_marks(blocks: Sequence[Block], kept: set[int]) -> frozenset[str]:
    """The markings as a lead that elements with most of the text have: `text-description` between advertisements."""
    chars: Counter[str] = Counter()
    elements: dict[str, set[html.HtmlElement]] = {}
    for i in kept:
        for mark in blocks[i].marks:
            if mark.kind is Kind.LEAD:
                chars[mark.name] += len(blocks[i].text)
                elements.setdefault(mark.name, set()).add(mark.node)
    most = sum(len(blocks[i].text) for i in kept) / 2
    return frozenset(name for name, nodes in elements.items() if len(nodes) > 1 and chars[name] > most)


def _stands_alone(block: Block, around: frozenset[str]) -> bool:
    """A sentence or two between headline and text, under no marking but those that the headline stands under too."""
    is_plain = block.marked <= around and block.tag in {"p", "h2", "div", "h3"}
    return is_plain and len(block.text) >= 50 and block.link_share < 0.2


def _is_among_paragraphs(blocks: Sequence[Block], index: int, kept: set[int]) -> bool:
    """Whether a block is just the first of the body's paragraphs: same kind, same parent, same classes."""
    block = blocks[index]
    body_chars = sum(len(blocks[i].text) for i in kept)
    if any(mark.kind is Kind.LEAD and mark.chars < min(_MOST_CHARS, body_chars / 2) for mark in block.marks):
        return False
    parent = block.node.getparent()
    return any(
        i != index
        and (
            blocks[i].node is block.node
            or (
                blocks[i].tag == block.tag
                and blocks[i].node.getparent() is parent
                and blocks[i].node.get("class") == block.node.get("class")
            )
        )
        for i in kept
    )
