"""State of one HTTP fetch: its limits, what is left of them, redirects and notes so far, and each hop's response.

Values and small computations only; connectors/http/fetcher.py sends the requests.
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


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchLimits:
    """The limits of one fetch, all its redirects together (bytes: of each body)."""

    total_s: float = 20.0
    idle_s: float = 10.0
    connect_s: float = 8.0
    wire_bytes: int = 15_000_000
    inflated_bytes: int = 15_000_000  # as miniflux; the largest real feed in our corpus has 2 MB
    ratio: float = 200.0  # decompressed to wire, above 1 MB; markup compresses 5 to 30 times
    redirects: int = 5


DEFAULT_LIMITS: Mapping[FetchKind, FetchLimits] = {
    FetchKind.FEED: FetchLimits(),
    # Media Cloud: 10 MB hold more than 99.99 % of pages.
    FetchKind.PAGE: FetchLimits(total_s=30.0, wire_bytes=10_000_000, inflated_bytes=10_000_000),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class HopResponse:
    """One hop's response, its body decompressed."""

    target: Target
    status: int
    headers: Mapping[str, str]
    body: bytes = b""
    location: str | None = None  # as received: some servers send bytes that are not text
    wire_bytes: int = 0
    peer: str | None = None
    truncated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(slots=True, kw_only=True)
class FetchState:
    """One fetch on its way through redirects."""

    url: str
    kind: FetchKind
    limits: FetchLimits
    timeout: aiohttp.ClientTimeout
    validators: Validators
    obeys_robots: bool
    clips: bool = False  # cut a body at the limit instead of refusing it (robots.txt)
    left_s: float = 0.0
    jar: aiohttp.CookieJar | None = None
    redirects: list[Redirect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    paced: set[str] = field(default_factory=set)
    slot: Slot | None = None
    tdm: Tdm = field(default_factory=Tdm)

    def keep_cookies(self, reply: aiohttp.ClientResponse) -> None:
        """Keep the cookies of this hop for the rest of this fetch."""
        if self.jar is None:
            self.jar = aiohttp.CookieJar(unsafe=True)  # unsafe: cookies of bare addresses too, as any browser
        self.jar.update_cookies(reply.cookies, reply.url)

    def cookies(self, target: Target) -> str:
        """The Cookie header for this hop: the cookies of this fetch's earlier hops."""
        if self.jar is None:
            return ""
        return self.jar.filter_cookies(target.wire_url).output(attrs=[], header="", sep=";").strip()

    def headers(self, target: Target) -> dict[str, str]:
        """The request headers of this hop."""
        optional = {
            "If-None-Match": sendable(self.validators.etag),
            "If-Modified-Since": sendable(self.validators.last_modified),
            "Cookie": self.cookies(target),
        }
        headers = {"Accept": ACCEPT[self.kind], "Accept-Encoding": ACCEPT_ENCODING}
        return headers | {name: value for name, value in optional.items() if value}


def sendable(validator: str | None) -> str | None:
    """The validator unchanged if it can be sent, else None."""
    is_sendable = (
        validator and len(validator) <= MAX_VALIDATOR_CHARS and validator.isprintable() and validator.isascii()
    )
    return validator if is_sendable else None
