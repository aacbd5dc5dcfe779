"""The lead: the block near the headline that sums up the article. Tested by tests/extraction/content/test_clean.py."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import NON_CONTENT_KINDS, Kind
from pipeline.extraction.boilerplate.phrases import phrase_kind
from pipeline.extraction.content.structure import chars_of, has_key
from pipeline.extraction.dom.blocks import Block, Blocks, Mark
from pipeline.text.normalize import key_of
from pipeline.text.tokens import is_time

__all__ = ["find_lead", "find_lead_without_body", "find_offers", "is_byline", "rest_of_lead"]

_MIN_CHARS, _MAX_CHARS = 30, 1_200
_MIN_ALONE_CHARS = 50  # of a block that nothing marks as the lead
_MAX_BYLINE_CHARS, _MAX_DATE_CHARS = 200, 50
_DESCRIPTION_SHARE = 0.7  # of the description's words: outlets shorten and mend it
_MIN_DESCRIPTION_WORDS = 8
_SENTENCE_ENDS = (".", "!", "?", "…", "”", "»", '"')
_MAX_LEAD_PARTS = 8
_REACH = 30  # blocks before the first paragraph: headline, byline, dates, share buttons, picture stand between
_BOX_LEVELS = 3  # above a caption, up to its picture's box
_PICTURE = re.compile(r"(?:^|[\s_-])(?:image|img|photo|picture|foto|bild)(?:$|[\s_-])", re.IGNORECASE)
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
    """Whether a line names the author or the time of publication."""
    if len(text) < _MAX_BYLINE_CHARS and text.endswith("min."):
        text = _READING_TIME.sub("", text)
    if len(text) >= _MAX_BYLINE_CHARS or text.endswith((".", "!", "?")):
        return False
    return _BYLINE.match(text) is not None or (len(text) < _MAX_DATE_CHARS and is_time(text))


@lru_cache(maxsize=100)
def _words_of(text: str) -> frozenset[str]:
    return frozenset(_WORD.findall(text.casefold()))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Page:
    """What the tests for a lead compare a block with."""

    blocks: Blocks
    description: str
    title_key: str
    apart: frozenset[str] = frozenset()  # markings that set text apart, except those that the headline has too
    usual: frozenset[str] = frozenset()  # markings as a lead that most of the text has
    around: frozenset[str] = frozenset()  # markings of the headline

    def is_marked(self, block: Block) -> bool:
        return any(mark.name not in self.usual for mark in _lead_marks(block))

    def is_described(self, block: Block) -> bool:
        """Whether a block repeats the page's description: its beginning, or most of its words."""
        beginning = key_of(self.description)[:60]
        if len(beginning) >= _MIN_CHARS and block.key.startswith(beginning[: max(_MIN_CHARS, len(beginning) - 5)]):
            return True
        words = _words_of(self.description)
        if len(words) < _MIN_DESCRIPTION_WORDS:
            return False
        found = _words_of(block.text)
        return len(words & found) >= _DESCRIPTION_SHARE * max(len(words), 0.6 * len(found))

    def is_alone(self, block: Block) -> bool:
        """Whether a block of a sentence or two has no marking that the headline does not have too."""
        is_plain = block.marked <= self.around and block.tag in {"p", "h2", "div", "h3"}
        return is_plain and len(block.text) >= _MIN_ALONE_CHARS and block.link_share < 0.2

    def may_lead(self, block: Block) -> bool:
        line = block.line
        return (
            _MIN_CHARS <= len(block.text) <= _MAX_CHARS
            and block.link_share <= 0.5
            and block.tag != "h1"
            and block.key != self.title_key
            and self._is_free(block)
            and not any(element.tag in {"figcaption", "figure"} for element in line)
            and not any(map(_is_picture_box, line[:_BOX_LEVELS]))
            and not is_byline(block.text)
            and phrase_kind(block.text) is None
        )

    def _is_free(self, block: Block) -> bool:
        """Whether no marking sets the block apart; its own marking as a lead outweighs its container's."""
        # A class `hidden` hides a paywall's offers beside the headline until a script shows them.
        if any("hidden" in (mark.node.get("class") or "").split() for mark in block.marks):
            return False
        around = [mark for mark in block.marks if mark.name in self.apart]
        if block.marks and block.marks[-1].kind is Kind.LEAD:
            return all(mark.kind not in {Kind.COMMENTS, Kind.RELATED, Kind.CAPTION} for mark in around)
        return not around


def find_lead(
    blocks: Blocks, kept: set[int], apart: frozenset[str], *, description: str, title_key: str, barred: frozenset[int]
) -> int | None:
    """The lead's block: marked as one, or repeating the description, or alone between headline and text."""
    if not kept:
        return None
    first = _first_of_body(blocks, kept, title_key)
    headline = _headline(blocks, first, title_key)
    around = _marks_around(blocks, headline)
    usual = _usual_marks(blocks, kept) | around
    page = _Page(
        blocks=blocks, description=description, title_key=title_key, apart=apart - around, usual=usual, around=around
    )
    start = max(0, first - _REACH)
    if headline is not None:
        start = max(headline + 1, start) if headline < first else 0
    reach = [i for i in range(start, first + 1) if i not in barred]
    for test in (page.is_marked, page.is_described):
        for i in reach:
            if test(blocks[i]) and page.may_lead(blocks[i]) and not _is_among_paragraphs(blocks, i, kept):
                return i
    return _lead_alone(page, kept, reach, first) if headline is not None else None


def _lead_alone(page: _Page, kept: set[int], reach: Sequence[int], first: int) -> int | None:
    """The lead that nothing marks: the only block of its size between headline and text."""
    blocks = page.blocks
    alone = [i for i in reach if i < first and page.is_alone(blocks[i]) and page.may_lead(blocks[i])]
    fresh = [i for i in alone if i not in kept and not any(has_key(blocks[other], blocks[i].key) for other in kept)]
    return _only(blocks, [i for i in fresh if blocks[i].text.endswith(_SENTENCE_ENDS)]) or _only(blocks, alone)


def find_lead_without_body(blocks: Blocks, *, description: str, title_key: str) -> int | None:
    """The lead of a page that shows nothing else of its article: marked as one, or repeating the description."""
    headline = _headline(blocks, len(blocks) - 1, title_key)
    if headline is None:
        return None
    page = _Page(blocks=blocks, description=description, title_key=title_key)
    reach = enumerate(blocks[headline + 1 : headline + _REACH], headline + 1)
    leads = (i for i, block in reach if (page.is_marked(block) or page.is_described(block)) and page.may_lead(block))
    return next(leads, None)


def _only(blocks: Blocks, candidates: Sequence[int]) -> int | None:
    """The only candidate, or the only one that is not a heading."""
    plain = [i for i in candidates if not blocks[i].is_heading] or candidates
    return plain[0] if len(plain) == 1 else None


def rest_of_lead(blocks: Blocks, lead: int | None) -> list[int]:
    """The further paragraphs of a lead that has several: those in the element that calls itself the lead."""
    marks = list(_lead_marks(blocks[lead])) if lead is not None else []
    if lead is None or not marks:
        return []
    reach = range(lead + 1, min(len(blocks), lead + _MAX_LEAD_PARTS))
    parts = (i for i in reach if len(blocks[i].text) >= _MIN_CHARS and blocks[i].link_share < 0.5)
    return [i for i in parts if _is_rest(blocks[i], marks[0], marks[-1]) and phrase_kind(blocks[i].text) is None]


def _is_rest(block: Block, first: Mark, last: Mark) -> bool:
    """Whether a block is in the lead's element or a like one beside it, and there in nothing of another kind."""
    for n, mark in enumerate(block.marks):
        is_like = mark.name == last.name and mark.node.getparent() is last.node.getparent()
        if mark is first or mark is last or is_like:
            return all(mark.kind not in NON_CONTENT_KINDS for mark in block.marks[n:])
    return False


def find_offers(blocks: Blocks, kept: set[int]) -> frozenset[int]:
    """The blocks of elements marked as a lead (`intro`, `summary`) that offer to register, above the text's end."""
    reach = range(max(kept, default=0))
    offers = (i for i in reach if phrase_kind(blocks[i].text) in {"newsletter", "paywall"})
    marks = {id(mark) for i in offers for mark in _lead_marks(blocks[i])}
    return frozenset(i for i in reach if marks and any(id(mark) in marks for mark in blocks[i].marks))


def _lead_marks(block: Block) -> Iterator[Mark]:
    """The markings as a lead of elements no longer than one."""
    return (mark for mark in block.marks if mark.kind is Kind.LEAD and mark.chars < _MAX_CHARS)


def _first_of_body(blocks: Blocks, kept: set[int], title_key: str) -> int:
    """The first kept block that has a sibling among the kept: one more before it may be the lead."""
    ordered = _below_breadcrumbs(blocks, sorted(kept), title_key)
    places = Counter(blocks[i].dom_path for i in ordered)  # for paragraphs with a box each
    long = [i for i in ordered[:4] if len(blocks[i].text) > _MIN_CHARS]
    beside = [i for i in long if _is_among_paragraphs(blocks, i, kept)]
    alike = [i for i in long if places[blocks[i].dom_path] > 1]
    return (beside or alike or (ordered[1:] if len(ordered) > 2 else ordered))[0]


def _below_breadcrumbs(blocks: Blocks, ordered: list[int], title_key: str) -> list[int]:
    """The blocks below the headline, if the headline is one of them: the breadcrumbs stand above it."""
    top = next((i for i, block in enumerate(blocks) if block.tag == "h1" and has_key(block, title_key)), 0)
    return [i for i in ordered if i > top] if ordered[0] < top < ordered[-1] else ordered


def _is_among_paragraphs(blocks: Blocks, index: int, kept: set[int]) -> bool:
    """Whether a block is a paragraph of the body: tag, parent and classes of another, and not marked as a lead."""
    half = chars_of(blocks, kept) / 2
    if any(mark.chars < half for mark in _lead_marks(blocks[index])):
        return False
    one, home = blocks[index], blocks[index].node.getparent()
    beside = [blocks[i] for i in kept if i != index and blocks[i].node.getparent() is home]
    look = one.tag, one.node.get("class")
    return any(other.node is one.node or (other.tag, other.node.get("class")) == look for other in beside)


def _headline(blocks: Blocks, before: int, title_key: str) -> int | None:
    def is_headline(block: Block) -> bool:
        return block.tag == "h1" or (len(title_key) > 20 and title_key in block.key)

    for i in range(before + 1):
        if title_key and blocks[i].tag == "h1" and title_key in blocks[i].key:
            return i
    found = [i for i in range(before + 1) if is_headline(blocks[i])]
    if not found:  # pages without h1, whose headline is worded otherwise than in their metadata
        found = [i for i in range(before) if blocks[i].tag == "h2" and [*blocks[i].node.iterancestors("header")]]
    return max(found, default=None)


def _marks_around(blocks: Blocks, headline: int | None) -> frozenset[str]:
    """The markings of the headline, and of a teaser right beside it: they set nothing apart there."""
    if headline is None:
        return frozenset()
    around = {mark.name for mark in blocks[headline].marks}
    home = blocks[headline].node.getparent()
    for block in blocks[headline + 1 : headline + _REACH]:
        around.update(m.name for m in block.marks if m.kind is Kind.RELATED and m.node.getparent() is home)
    return frozenset(around)


def _usual_marks(blocks: Blocks, kept: set[int]) -> frozenset[str]:
    """Markings as a lead of elements that hold most of the text: `text-description` between advertisements."""
    chars: Counter[str] = Counter()
    elements: dict[str, set[html.HtmlElement]] = {}
    for i in kept:
        for mark in blocks[i].marks:
            if mark.kind is Kind.LEAD:
                chars[mark.name] += len(blocks[i].text)
                elements.setdefault(mark.name, set()).add(mark.node)
    half = chars_of(blocks, kept) / 2
    return frozenset(name for name, nodes in elements.items() if len(nodes) > 1 and chars[name] > half)


def _is_picture_box(element: html.HtmlElement) -> bool:
    """Whether an element is a picture's box by its class, without the headline: `newsitem-image`."""
    if not _PICTURE.search(element.get("class") or "") or next(element.iter("h1"), None) is not None:
        return False
    return next(element.iter("img", "picture"), None) is not None
