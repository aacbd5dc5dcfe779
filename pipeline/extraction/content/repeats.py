"""Duplicates: paragraphs and headlines that a page shows twice for its layout's sake."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence

from pipeline.extraction.dom.blocks import Block
from pipeline.extraction.metadata.titles import same_words
from pipeline.text.normalize import key_of

__all__ = ["find_duplicates", "has_key", "repeats_title"]

_LEAST_LETTERS = 100  # shorter lines may be said twice on purpose
_LEAST_TITLE_LETTERS = 20  # a shorter headline may stand within a heading of another
_SAME_WORDS = 0.5
_MOST_CRUMBS, _WAY_SIGNS = 40, (" ", "\xa0", ">", "›", "»", "/", "|", "→")
_MOST_SIGNS = 4  # to a letter, blanks and punctuation included
_END_CHARS = 8
_CLOSING = " .!?…»”’\"')]。」"


def find_duplicates(blocks: Sequence[Block], kept: Collection[int], lead: int | None) -> frozenset[int]:
    """Of these blocks all that say the lead again, and the second of two that say the same."""
    leads = {i for i in kept if lead is not None and i != lead and has_key(blocks[i], blocks[lead].key)}
    by_end: defaultdict[str, list[int]] = defaultdict(list)  # to find all letters of all texts takes far longer
    for index in sorted(i for i in kept if i not in leads and len(blocks[i].text) > _LEAST_LETTERS):
        by_end[blocks[index].text.rstrip(_CLOSING)[-_END_CHARS:]].append(index)
    return frozenset(leads.union(*(_second_of(blocks, alike) for alike in by_end.values() if len(alike) > 1)))


def has_key(block: Block, key: str) -> bool:
    """Whether a block says just these letters; a text of many more signs cannot, and need not be looked through."""
    return len(block.text) <= _MOST_SIGNS * len(key) and block.key == key


def repeats_title(block: Block, title: str) -> bool:
    """Whether a block says the headline again."""
    title_key = key_of(title)
    if not title_key:
        return False
    if has_key(block, title_key):
        return True
    if block.tag == "h1" and same_words(block.text, title) > _SAME_WORDS:
        return True
    if len(title_key) > _LEAST_TITLE_LETTERS and _leads_to(block, title):
        return True
    return block.is_heading and len(title_key) > _LEAST_TITLE_LETTERS and title_key in block.key


def _leads_to(block: Block, title: str) -> bool:
    """Whether a line is the way to the page: `Home › News › The quiet harbour`."""
    way = len(block.text) - len(title)
    if not 0 < way <= _MOST_CRUMBS or block.tag == "tr" or not block.text[:way].endswith(_WAY_SIGNS):
        return False
    return block.text.casefold().endswith(title.casefold())


def _second_of(blocks: Sequence[Block], alike: Sequence[int]) -> Iterator[int]:
    by_key: defaultdict[str, list[int]] = defaultdict(list)
    for index in alike:
        by_key[blocks[index].key].append(index)
    for key, indices in by_key.items():
        if len(indices) == 2 and len(key) > _LEAST_LETTERS and blocks[indices[1]].tag != "li":
            yield indices[1]
