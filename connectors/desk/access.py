"""Who comes to the desk, what they may, and that a form was really sent by them.

A request that changes something must come from a page of ours: the browser says so (`Sec-Fetch-Site`, else `Origin`),
and the form carries a token that only a page rendered for this visitor has. Either alone would do; browsers differ.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import urlsplit

from fastapi import Request


@dataclass(frozen=True, slots=True)
class DeskUser:
    """Who asks. `can_edit`: pause feeds, redrive, add; everybody who is let in may look. `can_trigger`: begin runs."""

    name: str
    can_edit: bool
    can_trigger: bool = False


class AccessControl(Protocol):
    """Lets visitors in. Implemented by `airflow_door.py`; a test has one of its own."""

    secret: bytes

    async def authenticate(self, request: Request) -> DeskUser:
        """Who it is. Raises HTTPException 401 or 403."""
        ...


def csrf_token(visitor: DeskUser, secret: bytes) -> str:
    """What a form of this visitor carries."""
    return hmac.new(secret, b"newswire desk\0" + visitor.name.encode(), hashlib.sha256).hexdigest()


def sign_notice(said: str, visitor: DeskUser, secret: bytes) -> str:
    """What shows that the desk itself said this to the visitor: a link of somebody else's could say anything."""
    words = b"\0".join((b"newswire desk said", visitor.name.encode(), said.encode("utf-8", "replace")))
    return hmac.new(secret, words, hashlib.sha256).hexdigest()


def is_signed_notice(said: str, seal: str, visitor: DeskUser, secret: bytes) -> bool:
    """Whether the desk said this to the visitor."""
    return hmac.compare_digest(seal.encode("utf-8", "replace"), sign_notice(said, visitor, secret).encode())


def is_csrf_safe(request: Request, token: str, visitor: DeskUser, secret: bytes) -> bool:
    """Whether a form was sent from a page of ours that was made for this visitor."""
    return is_same_origin(request) and hmac.compare_digest(token.encode(), csrf_token(visitor, secret).encode())


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this very site sent the request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
