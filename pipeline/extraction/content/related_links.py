"""Related-article links among the paragraphs: lines and lists that are links, recognised by their form alone.

Tested by tests/extraction/content/test_clean.py.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from lxml import html

from pipeline.extraction.boilerplate.phrases import phrase_kind
from pipeline.extraction.dom.blocks import Block

__all__ = ["find_related_links", "is_closing_link"]

_MIN_CHARS, _MAX_CHARS = 25, 220  # of a headline: shorter links are names, sources, list entries
_ALL_LINK, _MOSTLY_LINK = 0.9, 0.7
_MOST_ENTRIES = 0.75
_MIN_HEADLINES = 3


def find_related_links(blocks: Sequence[Block], kept: Collection[int], dropped: Collection[int]) -> set[int]:
    """Lines that are a link: alone among paragraphs, in a list of links, or behind a dropped invitation to read on."""
    link_lists = _in_lists(blocks, kept, {"li"}, _is_link_list)
    link_terms = _in_lists(blocks, kept, {"dt", "dd"}, _is_news_list)
    lines = {i for i in kept if _is_headline(blocks[i]) and (i in link_lists or _is_link_line(blocks[i]))}
    return lines | link_terms | _behind_invitations(blocks, kept, dropped)


def is_closing_link(block: Block) -> bool:
    """Whether a last line is only a link: where to read on, what to subscribe to."""
    return block.link_share >= _ALL_LINK and "://" not in block.text and block.tag not in {"li", "tr"}


def _in_lists(
    blocks: Sequence[Block], kept: Collection[int], tags: Collection[str], test: Callable[[Sequence[Block]], bool]
) -> set[int]:
    """The kept entries, by their tags, of the lists that pass a test."""
    lists: dict[html.HtmlElement | None, list[int]] = {}
    for i in sorted(kept):
        if blocks[i].tag in tags:
            lists.setdefault(blocks[i].node.getparent(), []).append(i)
    return {i for items in lists.values() if test([blocks[i] for i in items]) for i in items}


def _behind_invitations(blocks: Sequence[Block], kept: Collection[int], dropped: Collection[int]) -> set[int]:
    """Link lines right behind an invitation to read something else: `Don't miss` and two headlines in a row."""
    found: set[int] = set()
    for i in sorted(kept):
        is_invited = i - 1 in found or (i - 1 in dropped and phrase_kind(blocks[i - 1].text) == "related")
        if is_invited and blocks[i].link_share > _MOSTLY_LINK and not blocks[i].is_heading:
            found.add(i)
    return found


def _is_link_list(items: Sequence[Block]) -> bool:
    links = sum(item.link_share > _MOSTLY_LINK for item in items)
    return links >= _MOST_ENTRIES * len(items) and all(item.link_share > 0.5 for item in items)


def _is_news_list(items: Sequence[Block]) -> bool:
    """Whether the terms of a list are headlines that are links, with what they are about."""
    headlines = [item for item in items if item.tag == "dt"]
    links = sum(item.link_share > _MOSTLY_LINK and len(item.text) >= _MIN_CHARS for item in headlines)
    return len(headlines) >= _MIN_HEADLINES and links >= _MOST_ENTRIES * len(headlines)


def _is_link_line(block: Block) -> bool:
    return block.tag != "li" and block.link_share > _ALL_LINK


def _is_headline(block: Block) -> bool:
    """Whether a line may be another article's headline by its form."""
    has_size = _MIN_CHARS <= len(block.text) <= _MAX_CHARS
    return has_size and not block.is_heading and "://" not in block.text and not block.text.endswith((".", ":", ","))
