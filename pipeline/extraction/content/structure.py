"""Content selection by DOM structure: the container that holds the article's paragraphs.

A second selection beside trafilatura's, and the first one where the page's JSON-LD has the text. Which blocks are then
added or dropped is left to clean.py. What all steps ask of a block is here too: prose, sentence, headline.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import NON_CONTENT_KINDS, Kind
from pipeline.extraction.boilerplate.phrases import is_on
from pipeline.extraction.dom.blocks import Block, Blocks
from pipeline.extraction.metadata.titles import same_words
from pipeline.text.normalize import key_of

__all__ = ["chars_of", "ends_sentence", "has_key", "is_prose", "marks_apart", "repeats_title", "select_by_structure"]

_LARGE_PART = 0.3  # of the selected text: what holds so much is the article, whatever its class says
_MANY_POSTS = 3  # similar elements with a comment each: an opinion piece may be marked as a comment too
_MIN_OUTSIDE = 400  # characters outside the comments that are an article
_SENTENCE_CHARS = 30  # of a short sentence that is prose
_MAX_LINK_SHARE = 0.6  # of a block that is not prose
_LEVELS = 4  # how far above its paragraphs a container may stand
_DECAY = 0.8  # so that the lowest container of all paragraphs wins over its wrappers
_USUAL_SHARE = 0.15  # of the prose: a place that holds so much holds the text
_MIN_TITLE_LETTERS = 20  # a shorter headline may stand within a heading of another
_SAME_WORDS = 0.5
_MAX_SIGNS = 4  # to a letter, blanks and punctuation included


def chars_of(blocks: Blocks, indices: Iterable[int]) -> int:
    """Characters of these blocks."""
    return sum(len(blocks[i].text) for i in indices)


def marks_apart(blocks: Blocks, chosen: Collection[int]) -> frozenset[str]:
    """The markings of non-content on this page: those that hold no large part of the selected text, and threads."""
    kinds = frozenset(kind for kind in NON_CONTENT_KINDS if is_on(f"markup {kind}"))
    chars: Counter[str] = Counter()
    for i in chosen:
        chars.update(dict.fromkeys(blocks[i].marked, len(blocks[i].text)))
    names = {mark.name for block in blocks for mark in block.marks if mark.kind in kinds}
    total = chars_of(blocks, chosen)
    apart = frozenset(name for name in names if chars[name] <= _LARGE_PART * total)
    return apart | _threads(blocks, chosen, apart)


def _threads(blocks: Blocks, chosen: Collection[int], apart: frozenset[str]) -> frozenset[str]:
    """The markings of comments that are longer than the article above them."""
    posts = {(mark.name, mark.node) for i in chosen for mark in blocks[i].marks if mark.kind is Kind.COMMENTS}
    counts = Counter(name for name, _ in posts)
    threads = frozenset(name for name, count in counts.items() if count >= _MANY_POSTS)
    if threads <= apart:
        return frozenset()
    outside = [i for i in chosen if blocks[i].is_paragraph and not (threads | apart) & blocks[i].marked]
    return threads if chars_of(blocks, outside) >= _MIN_OUTSIDE else frozenset()


def is_prose(block: Block) -> bool:
    """Whether a block is a paragraph, or a short sentence that is not a heading."""
    is_sentence = len(block.text) > _SENTENCE_CHARS and ends_sentence(block.text)
    return block.is_paragraph or (is_sentence and not block.is_heading)


def ends_sentence(text: str) -> bool:
    """Whether a text ends as sentences do."""
    return text.endswith((".", "!", "?", "…", "»", "”", '"', ".)", "。", "」"))


def has_key(block: Block, key: str) -> bool:
    """Whether a block has just these letters; a text of many more signs cannot, and its key need not be made."""
    return len(block.text) <= _MAX_SIGNS * len(key) and block.key == key


def repeats_title(block: Block, title: str) -> bool:
    """Whether a block repeats the headline."""
    title_key = key_of(title)
    if not title_key or has_key(block, title_key):
        return bool(title_key)
    if block.tag == "h1" and same_words(block.text, title) > _SAME_WORDS:
        return True
    return block.is_heading and len(title_key) > _MIN_TITLE_LETTERS and title_key in block.key


def select_by_structure(blocks: Blocks, unrelated: Collection[int]) -> frozenset[int]:
    """The blocks of the container with most of the page's prose, and of similar ones where the text is in parts.

    `unrelated` is prose of other articles and of comments.
    """
    prose = [i for i, block in enumerate(blocks) if block.is_paragraph and i not in unrelated]
    if not prose:
        return frozenset()
    apart = marks_apart(blocks, prose)
    good = [i for i in prose if not apart & blocks[i].marked] or prose
    here = _in_text(blocks, good)
    text = here.intersection(good)
    return frozenset(
        i
        for i in here.intersection(range(min(text), max(text) + 1))
        if apart.isdisjoint(blocks[i].marked) and (i in text or blocks[i].link_share < _MAX_LINK_SHARE)
    )


def _in_text(blocks: Blocks, good: Sequence[int]) -> set[int]:
    """All blocks in the best container (most prose, less for each level in between), or where much of its prose is."""
    direct: Counter[html.HtmlElement] = Counter()
    for index in good:
        holder = blocks[index].container
        line = (holder, *holder.iterancestors()) if holder is not None else ()
        for level, element in enumerate(line[: _LEVELS + 1]):
            if element.tag != "html":
                direct[element] += int(len(blocks[index].text) * _DECAY**level)
    container = direct.most_common(1)[0][0]
    inside = {i for i, block in enumerate(blocks) if container in block.line}
    chars: Counter[str] = Counter()
    for i in inside.intersection(good):
        chars[blocks[i].dom_path] += len(blocks[i].text)
    usual = {place for place, count in chars.items() if count >= _USUAL_SHARE * chars.total()}
    return inside | {i for i, block in enumerate(blocks) if block.dom_path in usual}
