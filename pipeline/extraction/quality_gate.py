"""Quality gate: whether an extracted text is an article, else the reason of its rejection.

The phrases of walls are in `boilerplate/walls.toml`. They count only in a text too short to be an article about them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lxml import html

from pipeline.domain.model import Rejection
from pipeline.extraction.boilerplate.walls import walls
from pipeline.extraction.dom.xpath import text_of
from pipeline.extraction.metadata.json_ld import LinkedArticle

LABEL_CHARS = 40
FEW_CHARS = 80  # a news flash of one sentence has more
LINK_SHARE = 0.5  # of a text in links: a list of links
MARKED_LINK_SHARE = 0.8  # the same where the page's JSON-LD declares an article
GARBLED_SAMPLE = 3_000  # characters: garbled text is so from its beginning
GARBLED_SHARE = 0.15  # of characters that prose does not have: random bytes have a quarter, code a tenth
WALL_CHARS = 1_200  # walls and errors are shorter; an article about cookies is longer
GALLERY_TYPES = frozenset({"imagegallery", "mediagallery"})


_NOT_PROSE = re.compile("[{}\\[\\]<>\\\\^~|`@#$=+*_¤§¦¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾×÷†‡‰ƒˆ˜¢£¥\ufffd]")


def judge(
    *,
    title: str,
    paragraphs: Sequence[str],
    link_chars: int,
    body: html.HtmlElement,
    linked: LinkedArticle,
    requires_javascript: bool,
) -> Rejection | None:
    """Why an extracted text and the page around it are no article; None when they may be one."""
    text = "\n".join(paragraphs)
    sample = text[:GARBLED_SAMPLE]
    if len(text) >= FEW_CHARS and (found := len(_NOT_PROSE.findall(sample))) > GARBLED_SHARE * len(sample):
        return Rejection("garbled", f"{found} of {len(sample)} characters are signs that no prose has")
    if len(text) < WALL_CHARS and (rejection := _wall(title, text or text_of(body)[:WALL_CHARS])):
        return rejection
    max_share = MARKED_LINK_SHARE if linked.type else LINK_SHARE
    if len(paragraphs) >= 3 and link_chars > max_share * len(text):
        return Rejection("index_page", "more links than text")
    if len(paragraphs) >= 4 and all(map(_is_label, paragraphs)):
        return Rejection("index_page", "dates and labels, no sentence")
    return _no_text(text, body, linked.types, requires_javascript) if len(text) < FEW_CHARS else None


def _is_label(line: str) -> bool:
    """A few words and no sentence; Japanese and Chinese sentences have no blanks, but they are longer."""
    return len(line) < LABEL_CHARS and len(line.split()) <= 3


def _wall(title: str, shown: str) -> Rejection | None:
    """A wall or an error page by its phrases, in headline and text; without text, in all that the page shows."""
    searched = f"{title}\n{shown}".replace("’", "'")
    lower = searched.lower()
    for wall in walls():
        if not any(trigger in lower for trigger in wall.triggers):
            continue
        found = {match[0].lower() for match in wall.phrases.finditer(searched)}
        if len(found) >= wall.needed + (len(shown) > 500):
            return Rejection(wall.reason, "; ".join(sorted(found))[:200])
    return None


def _no_text(text: str, body: html.HtmlElement, types: frozenset[str], requires_javascript: bool) -> Rejection:
    """The reason for a page without text, by what it has instead."""
    shown = _visible_chars(body)
    images = len(body.findall(".//img"))
    if requires_javascript and shown < 400:
        return Rejection("javascript_required", "no text but a request for JavaScript")
    if types & GALLERY_TYPES or (images >= 6 and shown < 250 * images):
        return Rejection("gallery", f"{images} pictures without text")
    if "videoobject" in types or next(body.iter("video", "amp-video"), None) is not None:
        return Rejection("video_without_text", "a player and no text")
    if shown > 300 and sum(map(_visible_chars, body.iter("a"))) > 0.5 * shown:
        return Rejection("index_page", "links and no text")
    return Rejection("too_short" if text else "empty", f"{len(text)} characters of text")


def _visible_chars(element: html.HtmlElement) -> int:
    return len(" ".join(text_of(element).split()))
