"""Digest of a feed's body that ignores noise, so that an unchanged feed is not parsed.

Noise changes at every request: build dates, comment counters, XML comments, media statistics.

Tested by tests/feeds/test_parse.py.
"""

from __future__ import annotations

import hashlib
import re

_HEAD_ONLY = re.compile(
    rb"<(lastBuildDate|pubDate|updated|modified|ttl|feedDate|dc:date|generator|sy:[A-Za-z]{1,30})\b[^>]{0,200}>[^<]{0,500}</\1\s*>",
    re.IGNORECASE,
)
_ANYWHERE = re.compile(
    rb"<(slash:comments|slash:hit_parade|thr:total|lastBuildDate|feedDate)\b[^>]{0,200}>[^<]{0,200}</\1\s*>"
    rb"|<media:(?:statistics|starRating)\b[^>]{0,300}>|\sthr:count=\"\d{0,9}\"|\sthr:updated=\"[^\"]{0,40}\"",
    re.IGNORECASE,
)
_FIRST_ENTRY = re.compile(rb"<(?:[A-Za-z]{1,20}:)?(?:item|entry|url)[\s>]", re.IGNORECASE)
_LAST_ENTRY = re.compile(rb"</(?:[A-Za-z]{1,20}:)?(?:item|entry|url)\s*>", re.IGNORECASE)


def body_digest(body: bytes) -> str:
    """The digest of a feed's body without its volatile parts."""
    bare = _without_comments(body)
    first = _FIRST_ENTRY.search(bare)
    head, rest = (bare[: first.start()], bare[first.start() :]) if first else (bare, b"")
    digest = hashlib.sha256(_HEAD_ONLY.sub(b"", head))
    digest.update(_ANYWHERE.sub(b"", rest))
    return digest.hexdigest()


def _without_comments(body: bytes) -> bytes:
    """Removes XML comments (`<!-- generated in 0.12 s -->`), also inside CDATA sections: both are noise."""
    if b"<!--" not in body:
        return body
    pieces, at = [], 0
    while (begin := body.find(b"<!--", at)) >= 0:
        end = body.find(b"-->", begin)
        if end < 0:
            break
        pieces.append(body[at:begin])
        at = end + 3
    return b"".join([*pieces, body[at:]])
