"""A URL as it goes on the wire: checked against our rules, ASCII, without fragment or userinfo.

Raises `RequestRefused` with the rule's name (scheme, userinfo is dropped and noted, host, port, address, url). What it
does not know is where a name leads: that is judged when it is resolved and connected (addresses.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn
from unicodedata import normalize
from urllib.parse import SplitResult, quote, unquote, urljoin, urlsplit

from yarl import URL

from connectors.http.address_guard import forbidden, literal_address
from pipeline.domain.errors import RequestRefused, Unreachable

DEFAULT_PORTS = {"http": 80, "https": 443}
# HTTP's own ports and those that IANA registered for it or the web knows as its second ones. An allow list, because a
# feed must not be able to make us talk to a stranger's mail server or database.
PORTS = frozenset({80, 443, 8000, 8008, 8080, 8443, 8888})
LONGEST_URL = 8000  # RFC 9110 section 4.1 asks servers for as much; no outlet comes near

HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# What may stand in path and query without being encoded, and `%`, so that what is encoded stays as it is.
SAFE = "!$%&'()*+,-./:;=?@[]_|~"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a request goes."""

    url: str
    wire_url: URL
    scheme: str
    host: str
    origin: str
    userinfo_dropped: bool = False


@lru_cache(maxsize=4096)
def parse_target(url: str, *, any_port: bool = False, allowed: frozenset[str] = frozenset()) -> Target:
    """The target that a URL means. Raises `RequestRefused`."""
    text = CONTROL.sub("", url.strip())
    if len(text) > LONGEST_URL:
        raise RequestRefused(url[:200] + "…", "url", f"longer than {LONGEST_URL} characters")
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
    return Target(full, URL(full, encoded=True), split.scheme, host, origin, "@" in split.netloc)


def wire_host(url: str, host: str, allowed: frozenset[str]) -> str:
    """The host in ASCII; an address in its one usual form. Raises `RequestRefused` for a forbidden one."""
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
    ascii_host = plain if plain.isascii() else idna(url, plain)
    if len(ascii_host) > 253 or not HOST.fullmatch(ascii_host):
        raise RequestRefused(url, "host", f"{ascii_host[:80]!r} is no host name")
    return ascii_host


def idna(url: str, host: str) -> str:
    """An internationalised name as DNS knows it (RFC 5891)."""
    try:
        return URL.build(scheme="http", host=host).raw_host or ""
    except ValueError as error:
        raise RequestRefused(url, "host", f"{host!r} is no host name") from error


def wire_path(split: SplitResult) -> str:
    """Path and query, what is not ASCII percent-encoded as UTF-8 (or as the bytes a header brought)."""
    path = quote(split.path, safe=SAFE, errors="surrogateescape") or "/"
    query = quote(split.query, safe=SAFE, errors="surrogateescape")
    return f"{path}?{query}" if query else path


def redirect_url(base: str, location: str | None) -> str:
    """Where a Location leads, seen from the URL that sent it. Raises `Unreachable` when it leads nowhere."""
    if not location or not location.strip():
        nowhere(base, "no Location")
    try:
        return urljoin(base, CONTROL.sub("", location.strip()))
    except ValueError as error:
        nowhere(base, f"unusable Location {location[:200]!r}", error)


def nowhere(base: str, reason: str, cause: Exception | None = None) -> NoReturn:
    """A redirect that cannot be followed."""
    raise Unreachable(base, "redirect", reason) from cause
