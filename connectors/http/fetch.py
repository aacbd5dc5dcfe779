"""State of one HTTP fetch: its limits, what is left of them, the present hop, redirects and notes so far.

Values and small computations only; connectors/http/fetcher.py sends the requests.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp

from connectors.http.address_guard import Target
from connectors.http.robots import Tdm
from pipeline.domain.model import FetchKind, Redirect, Request
from pipeline.domain.ports import Slot

ACCEPT = {
    FetchKind.FEED: "application/rss+xml, application/atom+xml, application/rdf+xml, application/feed+json, "
    "application/xml;q=0.9, text/xml;q=0.9, */*;q=0.5",
    FetchKind.PAGE: "text/html, application/xhtml+xml, */*;q=0.5",
}
ACCEPT_ENCODING = "gzip, deflate, br, zstd"

REFUSALS = frozenset({202, 401, 403, 405, 406, 418, 429, 444, 498, 503, 999})  # statuses that bot walls use
MAX_SCANNED_BYTES = 65_536  # their pages are smaller

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

    @property
    def timeout(self) -> aiohttp.ClientTimeout:
        """The limits of one hop as aiohttp takes them; `total_s` is left to the fetcher."""
        return aiohttp.ClientTimeout(total=None, sock_connect=self.connect_s, sock_read=self.idle_s)


DEFAULT_LIMITS: Mapping[FetchKind, FetchLimits] = {
    FetchKind.FEED: FetchLimits(),
    # Media Cloud: 10 MB hold more than 99.99 % of pages.
    FetchKind.PAGE: FetchLimits(total_s=30.0, wire_bytes=10_000_000, inflated_bytes=10_000_000),
}


@dataclass(slots=True, kw_only=True)
class FetchState:
    """One fetch on its way through redirects."""

    request: Request
    target: Target  # of the present hop
    limits: FetchLimits
    obeys_robots: bool = False
    clips: bool = False  # cut a body at the limit instead of refusing it (robots.txt)
    left_s: float = field(init=False)
    location: str | None = None  # of the last redirect, as received: some servers send bytes that are not text
    jar: aiohttp.CookieJar | None = None
    redirects: list[Redirect] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seen: set[tuple[str, str]] = field(default_factory=set)
    paced: set[str] = field(default_factory=set)
    slot: Slot | None = None
    tdm: Tdm = field(default_factory=Tdm)

    def __post_init__(self) -> None:
        self.left_s = self.limits.total_s

    def cookies(self) -> str:
        """The Cookie header for this hop: the cookies of this fetch's earlier hops."""
        if self.jar is None:
            return ""
        return self.jar.filter_cookies(self.target.wire_url).output(attrs=[], header="", sep=";").strip()

    def headers(self) -> dict[str, str]:
        optional = {
            "If-None-Match": sendable(self.request.validators.etag),
            "If-Modified-Since": sendable(self.request.validators.last_modified),
            "Cookie": self.cookies(),
        }
        headers = {"Accept": ACCEPT[self.request.kind], "Accept-Encoding": ACCEPT_ENCODING}
        return headers | {name: value for name, value in optional.items() if value}


def sendable(validator: str | None) -> str | None:
    """The validator unchanged if it can be sent, else None."""
    is_sendable = (
        validator and len(validator) <= MAX_VALIDATOR_CHARS and validator.isprintable() and validator.isascii()
    )
    return validator if is_sendable else None


def bot_wall(status: int, headers: Mapping[str, str], body: bytes) -> str | None:
    """The name of the bot wall that refused the request, if one did; a normal response of its service has none.

    An operator can then ask the outlet for access. The request is never repeated under another identity.
    """
    if status not in REFUSALS:
        return None
    from pipeline.extraction.boilerplate.walls import service_of  # loaded by the first refusal, not by every run

    return service_of(headers, body[:MAX_SCANNED_BYTES])
