"""Link lines: headlines of other articles among the paragraphs, told by their form alone."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence

from lxml import html

from pipeline.extraction.boilerplate.phrases import phrase_rule
from pipeline.extraction.dom.blocks import Block

__all__ = ["find_link_lines", "is_closing_link"]

_MAX_CHARS = 220
_LEAST_CHARS = 25  # shorter links are names, sources, list entries
_ALL_LINK, _MOSTLY_LINK, _MOST_ARE = 0.9, 0.7, 0.75
_LEAST_HEADLINES = 3


def find_link_lines(blocks: Sequence[Block], kept: Collection[int], dropped: Collection[int]) -> frozenset[int]:
    """Lines that are a link, alone among paragraphs, in a list of nothing but such, or behind a dropped invitation."""
    link_lists = _in_lists(blocks, kept, {"li"}, _is_link_list)
    link_terms = _in_lists(blocks, kept, {"dt", "dd"}, _is_news_list)
    lines = {i for i in kept if _is_headline(blocks[i]) and (i in link_lists or _is_link_line(blocks[i]))}
    return frozenset(lines | link_terms | _behind_invitations(blocks, kept, dropped))


def _in_lists(
    blocks: Sequence[Block], kept: Collection[int], tags: Collection[str], test: Callable[[Sequence[Block]], bool]
) -> set[int]:
    """The entries, by their tags, of those lists that pass a test."""
    lists: dict[html.HtmlElement | None, list[int]] = {}
    for index in sorted(kept):
        if blocks[index].tag in tags:
            lists.setdefault(blocks[index].node.getparent(), []).append(index)
    return {i for items in lists.values() if test([blocks[i] for i in items]) for i in items}


def is_closing_link(block: Block) -> bool:
    """Whether a last line is nothing but a link: where to read on, what to subscribe to."""
    is_link = block.link_share >= _ALL_LINK and "://" not in block.text
    return is_link and block.tag not in {"li", "tr"}


def _behind_invitations(blocks: Sequence[Block], kept: Collection[int], dropped: Collection[int]) -> set[int]:
    """Lines of links right behind one that invites to read something else: `Don't miss` and two headlines in a row."""
    found: set[int] = set()
    for index in sorted(kept):
        before = index - 1
        is_invited = before in found or (before in dropped and phrase_rule(blocks[before].text) == "related")
        if is_invited and blocks[index].link_share > _MOSTLY_LINK and not blocks[index].is_heading:
            found.add(index)
    return found


def _is_link_list(items: Sequence[Block]) -> bool:
    """Whether a list is of links: each entry for the most part, most of them wholly."""
    links = sum(item.link_share > _MOSTLY_LINK for item in items)
    return _MOST_ARE * len(items) <= links and all(item.link_share > 0.5 for item in items)


def _is_news_list(items: Sequence[Block]) -> bool:
    """Whether a list of terms is one of headlines that are links, with what they are about."""
    headlines = [item for item in items if item.tag == "dt"]
    links = sum(item.link_share > _MOSTLY_LINK and len(item.text) >= _LEAST_CHARS for item in headlines)
    return len(headlines) >= _LEAST_HEADLINES and links >= _MOST_ARE * len(headlines)


def _is_link_line(block: Block) -> bool:
    return block.tag != "li" and block.link_share > _ALL_LINK


def _is_headline(block: Block) -> bool:
    """Whether a line may be another article's headline by its form."""
    return (
        _LEAST_CHARS <= len(block.text) <= _MAX_CHARS
        and not block.is_heading
        and "://" not in block.text
        and not block.text.endswith((".", ":", ","))
    )
