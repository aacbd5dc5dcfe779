"""URL validation before a request: checked against our rules, ASCII, without fragment or userinfo.

Raises `RequestRefused` with the rule's name (scheme, host, port, address, url). Userinfo is dropped and noted. The
addresses behind a name are checked later, when it is resolved and connected (address_guard.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from unicodedata import normalize
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from yarl import URL

from connectors.http.address_guard import forbidden, literal_address
from pipeline.domain.errors import RequestRefused, Unreachable

DEFAULT_PORTS = {"http": 80, "https": 443}
# HTTP's own ports, and its registered or customary alternatives. An allow list, because a feed must not make us connect
# to a mail server or a database.
PORTS = frozenset({80, 443, 8000, 8008, 8080, 8443, 8888})
MAX_URL_CHARS = 8000  # RFC 9110 section 4.1 requires servers to accept as much; no outlet comes near

HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Characters of path and query that stay unencoded; `%`, so that encoded ones stay as they are.
SAFE = "!$%&'()*+,-./:;=?@[]_|~"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The checked URL of a request."""

    url: str
    wire_url: URL
    scheme: str
    host: str
    origin: str
    userinfo_dropped: bool = False


@lru_cache(maxsize=4096)
def parse_target(url: str, *, any_port: bool = False, allowed: frozenset[str] = frozenset()) -> Target:
    """Parse and check a URL. Raises `RequestRefused`."""
    text = CONTROL.sub("", url.strip())
    if len(text) > MAX_URL_CHARS:
        raise RequestRefused(url[:200] + "…", "url", f"longer than {MAX_URL_CHARS} characters")
    try:
        split = urlsplit(text)
        port = split.port
    except ValueError as error:
        raise RequestRefused(url, "url", str(error)) from error
    if split.scheme not in DEFAULT_PORTS:
        raise RequestRefused(url, "scheme", f"{split.scheme or 'no scheme'} is neither http nor https")
    host = wire_host(url, split.hostname or "", allowed)
    port = port if port is not None else DEFAULT_PORTS[split.scheme]
    if port not in PORTS and not any_port:
        raise RequestRefused(url, "port", f"{port} is not a port of the web")
    origin = f"{split.scheme}://{host}" + ("" if port == DEFAULT_PORTS[split.scheme] else f":{port}")
    full = origin + wire_path(split)
    return Target(
        url=full,
        wire_url=URL(full, encoded=True),
        scheme=split.scheme,
        host=host,
        origin=origin,
        userinfo_dropped="@" in split.netloc,
    )


def wire_host(url: str, host: str, allowed: frozenset[str]) -> str:
    """The host in ASCII; an address in canonical form. Raises `RequestRefused` for a forbidden one."""
    plain = normalize("NFKC", unquote(host)).lower()
    try:
        address = literal_address(plain.strip("[]"))
    except ValueError as error:
        raise RequestRefused(url, "host", str(error)) from error
    if address is not None:
        rule = None if address in allowed else forbidden(address)
        if rule is not None:
            raise RequestRefused(url, "address", f"{address} is {rule}", address=address)
        return f"[{address}]" if ":" in address else address
    try:
        ascii_host = plain if plain.isascii() else URL.build(scheme="http", host=plain).raw_host or ""  # IDNA, RFC 5891
    except ValueError as error:
        raise RequestRefused(url, "host", f"{plain!r} is no host name") from error
    if len(ascii_host) > 253 or not HOST.fullmatch(ascii_host):
        raise RequestRefused(url, "host", f"{ascii_host[:80]!r} is no host name")
    return ascii_host


def wire_path(split: SplitResult) -> str:
    """Path and query; non-ASCII characters percent-encoded as UTF-8 (or as the raw bytes of a header)."""
    path = quote(split.path, safe=SAFE, errors="surrogateescape") or "/"
    query = quote(split.query, safe=SAFE, errors="surrogateescape")
    return f"{path}?{query}" if query else path


def redirect_url(base: str, location: str | None) -> str:
    """Resolve a Location against the URL that sent it. Raises `Unreachable` when it is missing or unusable."""
    if not location or not location.strip():
        raise Unreachable(base, "redirect", "no Location")
    try:
        return urljoin(base, CONTROL.sub("", location.strip()))
    except ValueError as error:
        raise Unreachable(base, "redirect", f"unusable Location {location[:200]!r}") from error
