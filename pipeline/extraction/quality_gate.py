"""Quality gate: whether an extracted text is an article, else the reason of its rejection.

The phrases of walls are in `boilerplate/walls.toml`. They count only in a text too short to be an article about them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import html

from pipeline.domain.model import Rejection
from pipeline.extraction.boilerplate.walls import walls
from pipeline.extraction.dom.xpath import text_of

__all__ = ["GateInput", "judge"]

LABEL_CHARS = 40
FEW_CHARS = 80  # a news flash of one sentence has more
LINK_SHARE = 0.5  # of a text in links: a list of links
MARKED_LINK_SHARE = 0.8  # the same where the page's JSON-LD declares an article
GARBLED_SAMPLE = 3_000  # characters: garbled text is so from its beginning
GARBLED_SHARE = 0.15  # of characters that prose does not have: random bytes have a quarter, code a tenth
WALL_CHARS = 1_200  # walls and errors are shorter; an article about cookies is longer
GALLERY_TYPES = frozenset({"imagegallery", "mediagallery"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """The extracted text and the page around it."""

    url: str
    title: str
    paragraphs: tuple[str, ...]
    link_chars: int
    body: html.HtmlElement
    types: frozenset[str]
    is_article_marked: bool
    requires_javascript: bool

    @property
    def text(self) -> str:
        """The extracted text."""
        return "\n".join(self.paragraphs)


_NOT_PROSE = re.compile("[{}\\[\\]<>\\\\^~|`@#$=+*_¤§¦¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾×÷†‡‰ƒˆ˜¢£¥\ufffd]")


def judge(page: GateInput) -> Rejection | None:
    """Why this is no article; None when it may be one."""
    text = page.text
    if len(text) >= FEW_CHARS and (rejection := _garbled(text[:GARBLED_SAMPLE])):
        return rejection
    if len(text) < WALL_CHARS and (rejection := _wall(page)):
        return rejection
    max_share = MARKED_LINK_SHARE if page.is_article_marked else LINK_SHARE
    if len(page.paragraphs) >= 3 and page.link_chars > max_share * len(text):
        return Rejection("index_page", "more links than text")
    if len(page.paragraphs) >= 4 and all(map(_is_label, page.paragraphs)):
        return Rejection("index_page", "dates and labels, no sentence")
    return _no_text(page) if len(text) < FEW_CHARS else None


def _garbled(sample: str) -> Rejection | None:
    found = len(_NOT_PROSE.findall(sample))
    if found <= GARBLED_SHARE * len(sample):
        return None
    return Rejection("garbled", f"{found} of {len(sample)} characters are signs that no prose has")


def _is_label(line: str) -> bool:
    """A few words and no sentence; Japanese and Chinese sentences have no blanks, but they are longer."""
    return len(line) < LABEL_CHARS and len(line.split()) <= 3


def _wall(page: GateInput) -> Rejection | None:
    """A wall or an error page by its phrases, in headline and text; without text, in all that the page shows."""
    shown = page.text or text_of(page.body)[:WALL_CHARS]
    searched = f"{page.title}\n{shown}".replace("’", "'")
    lower = searched.lower()
    for wall in walls():
        if not any(trigger in lower for trigger in wall.triggers):
            continue
        found = {match[0].lower() for match in wall.phrases.finditer(searched)}
        if len(found) >= wall.needed + (len(shown) > 500):
            return Rejection(wall.reason, "; ".join(sorted(found))[:200])
    return None


def _no_text(page: GateInput) -> Rejection:
    """The reason for a page without text, by what it has instead."""
    shown = _visible_chars(page.body)
    images = len(page.body.findall(".//img"))
    if page.requires_javascript and shown < 400:
        return Rejection("javascript_required", "no text but a request for JavaScript")
    if page.types & GALLERY_TYPES or (images >= 6 and shown < 250 * images):
        return Rejection("gallery", f"{images} pictures without text")
    if "videoobject" in page.types or next(page.body.iter("video", "amp-video"), None) is not None:
        return Rejection("video_without_text", "a player and no text")
    if shown > 300 and sum(map(_visible_chars, page.body.iter("a"))) > 0.5 * shown:
        return Rejection("index_page", "links and no text")
    return Rejection("too_short" if page.text else "empty", f"{len(page.text)} characters of text")


def _visible_chars(element: html.HtmlElement) -> int:
    return len(" ".join(text_of(element).split()))
