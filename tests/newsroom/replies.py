"""What the sample newsroom's server can answer, as values; `server.py` puts them on the wire."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer. `slow_s` spreads the body over so many seconds; `cut_bytes` are promised and never sent."""

    status: int = 200
    body: bytes = b""
    content_type: str = "text/html; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None
    last_modified: datetime | None = None
    slow_s: float = 0.0
    cut_bytes: int = 0

    def is_unchanged(self, if_none_match: str | None, if_modified_since: str | None) -> bool:
        """Whether the asker has it already (RFC 9110 section 13.2.2: If-None-Match goes first)."""
        if self.status != 200:
            return False
        if if_none_match is not None:
            return self.etag is not None and self.etag in [tag.strip() for tag in if_none_match.split(",")]
        return self.last_modified is not None and if_modified_since == http_time(self.last_modified)


# Behind a URL stands an answer, or what makes one of the number of the hit (1 for the first).
Answer = Reply | Callable[[int], Reply]


def with_validators(reply_body: bytes, content_type: str, last_modified: datetime) -> Reply:
    """An orderly answer that can be asked for conditionally."""
    return Reply(body=reply_body, content_type=content_type, etag=etag_of(reply_body), last_modified=last_modified)


def etag_of(body: bytes) -> str:
    """A strong entity tag."""
    return f'"{hashlib.sha256(body).hexdigest()[:16]}"'


def http_time(moment: datetime) -> str:
    """An HTTP date."""
    return format_datetime(moment, usegmt=True)


def page_reply(html: str, *, encoding: str = "utf-8", declared: bool = True) -> Reply:
    """An HTML page, which can be asked for conditionally. `declared` False: the header says nothing of the charset."""
    content_type = f"text/html; charset={encoding}" if declared else "text/html"
    body = html.encode(encoding, "xmlcharrefreplace")
    return Reply(body=body, content_type=content_type, etag=etag_of(body))
