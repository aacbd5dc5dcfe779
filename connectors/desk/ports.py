"""Ports of the desk, and access to it: users and their roles, actions, CSRF protection of forms, signed notices.

Implemented by `pipeline/app/desk.py` and, with Airflow, `connectors/desk/airflow_ports.py`.

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

from pipeline.catalogue.catalogue import NewFeed
from pipeline.scheduling.operator_actions import FeedAction


@dataclass(frozen=True, slots=True)
class DeskUser:
    """A user of the desk. Every user can view; `can_edit`: pause feeds, redrive, add; `can_trigger`: start runs."""

    name: str
    can_edit: bool
    can_trigger: bool = False


class AccessControl(Protocol):
    """Authenticates users. Implemented by `connectors/desk/airflow_ports.py`."""

    secret: bytes

    async def authenticate(self, request: Request) -> DeskUser:
        """The user of a request. Raises HTTPException 401 or 403."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of checking a feed: a sentence, and whether it is good."""

    text: str
    is_fine: bool


class RunStarter(Protocol):
    """Makes sure that a run follows an action."""

    def ensure_run(self, outlet_id: str, *, by: DeskUser) -> str:
        """Start a run for an outlet if the user may and it is needed; a sentence that says when it is processed."""


class DeskActions(Protocol):
    """Every action returns a sentence that says what was done. Raises NewswireError."""

    def outlet_name(self, outlet_id: str) -> str:
        """The outlet's name in the catalogue; its id when the catalogue has it no longer."""

    def switch(self, feed_id: str, switch: FeedAction, *, by: str) -> str:
        """Apply an operator action to a feed."""

    def redrive(self, outlet_id: str, *, reason: str | None, entry_id: int | None, by: str) -> str:
        """Make dead letters of an outlet pending again: those with a cause, one entry, or all."""

    def check_feed(self, url: str) -> tuple[Finding, ...]:
        """Describe a feed and what extraction gives for its entries. Writes nothing."""

    def add_feed(self, new: NewFeed, *, by: str) -> str:
        """Add a feed to the catalogue."""


def csrf_token(user: DeskUser, secret: bytes) -> str:
    return hmac.new(secret, b"newswire desk\0" + user.name.encode(), hashlib.sha256).hexdigest()


def sign_notice(notice: str, user: DeskUser, secret: bytes) -> str:
    """Signature of a notice to a user: without it, anybody's link could show any text."""
    signed = b"\0".join((b"newswire desk said", user.name.encode(), notice.encode("utf-8", "replace")))
    return hmac.new(secret, signed, hashlib.sha256).hexdigest()


def is_csrf_safe(request: Request, token: str, user: DeskUser, secret: bytes) -> bool:
    """Whether a form was sent from a page of ours that was rendered for this user."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    if site is not None:
        is_same_origin = site == "same-origin"
    else:
        is_same_origin = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    return is_same_origin and hmac.compare_digest(token.encode(), csrf_token(user, secret).encode())
