"""Access to the desk: users and their roles, CSRF protection of forms, signed notices.

A request that changes something must come from a page of ours. Both are checked, because browsers differ: the browser's
`Sec-Fetch-Site` (else `Origin`), and a token in the form that only a page rendered for this user has.
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
    """A user of the desk. Every user can view; `can_edit`: pause feeds, redrive, add; `can_trigger`: start runs."""

    name: str
    can_edit: bool
    can_trigger: bool = False


class AccessControl(Protocol):
    """Authenticates users. Implemented by `connectors/desk/airflow_access.py`."""

    secret: bytes

    async def authenticate(self, request: Request) -> DeskUser:
        """The user of a request. Raises HTTPException 401 or 403."""
        ...


def csrf_token(user: DeskUser, secret: bytes) -> str:
    """The token in this user's forms."""
    return hmac.new(secret, b"newswire desk\0" + user.name.encode(), hashlib.sha256).hexdigest()


def sign_notice(notice: str, user: DeskUser, secret: bytes) -> str:
    """Signature of a notice to a user: without it, anybody's link could show any text."""
    signed = b"\0".join((b"newswire desk said", user.name.encode(), notice.encode("utf-8", "replace")))
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def is_signed_notice(notice: str, signature: str, user: DeskUser, secret: bytes) -> bool:
    """Whether the desk wrote this notice to this user."""
    return hmac.compare_digest(signature.encode("utf-8", "replace"), sign_notice(notice, user, secret).encode())


def is_csrf_safe(request: Request, token: str, user: DeskUser, secret: bytes) -> bool:
    """Whether a form was sent from a page of ours that was rendered for this user."""
    return is_same_origin(request) and hmac.compare_digest(token.encode(), csrf_token(user, secret).encode())


def is_same_origin(request: Request) -> bool:
    """Whether the browser says that a page of this site sent the request."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host")
