"""One fetch on its way: what it may cost, what is left of that, what was seen, and each hop's answer.

Values and small computations only; http.py moves a walk along.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from connectors.http.robots import Tdm
from connectors.http.target_url import Target
from pipeline.domain.model import FetchKind, Redirect, Validators
from pipeline.domain.ports import Slot

ACCEPT = {
    FetchKind.FEED: "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5",
    FetchKind.PAGE: "text/html, application/xhtml+xml, */*;q=0.5",
}
ACCEPT_ENCODING = "gzip, deflate, br, zstd"

MAX_VALIDATOR_CHARS = 1024  # longer ones are a server's mistake, and some servers answer 400 to their own


@dataclass(frozen=True, slots=True)
class FetchLimits:
    """What one fetch may cost, all its redirects together (bytes: of each body)."""

    total_s: float = 20.0
    idle_s: float = 10.0
    connect_s: float = 8.0
    wire_bytes: int = 15_000_000
    inflated_bytes: int = 15_000_000  # as miniflux; the largest real feed in our corpus has 2 MB
    ratio: float = 200.0  # inflated to wire, above 1 MB; markup compresses 5 to 30 times
    redirects: int = 5


DEFAULT_LIMITS: Mapping[FetchKind, FetchLimits] = {
    FetchKind.FEED: FetchLimits(),
    # Media Cloud: 10 MB hold more than 99.99 % of pages.
    FetchKind.PAGE: FetchLimits(total_s=30.0, wire_bytes=10_000_000, inflated_bytes=10_000_000),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One hop's answer, its body inflated."""

    target: Target
    status: int
    headers: Mapping[str, str]
    body: bytes
    location: str | None = None  # as it came: not every server's bytes are text
    wire_bytes: int = 0
    peer: str | None = None
    truncated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class FetchState:
    """One fetch on its way through redirects: what is left to spend and what was seen."""

    url: str
    kind: FetchKind
    limits: FetchLimits
    timeout: aiohttp.ClientTimeout
    validators: Validators
    asks_robots: bool
    clips: bool = False  # an over-long body is cut at the cap, not refused (robots.txt)
    left_s: float = 0.0
    jar: aiohttp.CookieJar | None = None
    redirects: list[Redirect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    paced: set[str] = field(default_factory=set)
    slot: Slot | None = None
    tdm: Tdm = field(default_factory=Tdm)

    def cookies(self, target: Target) -> str:
        """The Cookie header for this hop: what earlier hops of this fetch set."""
        if self.jar is None:
            return ""
        return self.jar.filter_cookies(target.wire_url).output(attrs=[], header="", sep=";").strip()

    def headers(self, target: Target) -> dict[str, str]:
        """The request headers of this hop."""
        headers = {"Accept": ACCEPT[self.kind], "Accept-Encoding": ACCEPT_ENCODING}
        if self.validators.etag and is_sendable(self.validators.etag):
            headers["If-None-Match"] = self.validators.etag
        if self.validators.last_modified and is_sendable(self.validators.last_modified):
            headers["If-Modified-Since"] = self.validators.last_modified
        cookies = self.cookies(target)
        if cookies:
            headers["Cookie"] = cookies
        return headers


def is_sendable(validator: str) -> bool:
    """Whether a validator may go out: to the letter or not at all."""
    return len(validator) <= MAX_VALIDATOR_CHARS and validator.isprintable() and validator.isascii()
