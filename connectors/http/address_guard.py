"""SSRF protection: which URLs and addresses may be requested; the resolver and the socket factory that enforce it.

Promises: no socket is opened to a forbidden address, whatever name, redirect or notation led there. The resolver drops
forbidden addresses. The socket factory checks the address again just before connecting, so a name whose answer changes
in between (DNS rebinding) gains nothing. The rules follow the IANA special-purpose registries (RFC 6890 and later). An
address that embeds an IPv4 address (mapped, 6to4, NAT64, Teredo) is judged by that one.

A URL is checked before its request: `RequestRefused` has the rule's name (scheme, host, port, address, url). What goes
out is ASCII, without fragment or userinfo. Sending is left to fetcher.py.
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any
from unicodedata import normalize
from urllib.parse import quote, unquote, urljoin, urlsplit

from aiohttp.abc import AbstractResolver, ResolveResult
from yarl import URL

from pipeline.domain.errors import RequestRefused, Unreachable

# The first that holds an address counts. An address is in no network of the other version.
FORBIDDEN = tuple(
    (ip_network(network), rule)
    for rule, networks in (
        # Single addresses that hand out credentials to any process inside a cloud.
        ("metadata", "169.254.169.254/32"),  # AWS, Azure, Google and most others
        ("metadata", "169.254.170.2/32"),  # AWS task credentials
        ("metadata", "100.100.100.200/32"),  # Alibaba
        ("metadata", "168.63.129.16/32"),  # Azure's wire server, a public address that answers only inside
        ("metadata", "192.0.0.192/32"),  # Oracle
        ("this network", "0.0.0.0/8"),
        ("unspecified", "::/128"),
        ("loopback", "127.0.0.0/8 ::1/128"),
        ("private", "10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"),
        ("unique local", "fc00::/7"),
        ("carrier-grade NAT", "100.64.0.0/10"),
        ("link-local", "169.254.0.0/16 fe80::/10"),
        ("site-local", "fec0::/10"),
        ("documentation", "192.0.2.0/24 198.51.100.0/24 203.0.113.0/24 2001:db8::/32 3fff::/20"),
        ("benchmarking", "198.18.0.0/15 2001:2::/48"),
        ("6to4 relay", "192.88.99.0/24"),
        ("local NAT64", "64:ff9b:1::/48"),
        ("discard", "100::/64"),
        ("segment routing", "5f00::/16"),
        ("multicast", "224.0.0.0/4 ff00::/8"),
        ("reserved", "240.0.0.0/4"),
        ("IETF protocol assignments", "192.0.0.0/24 2001::/23"),
    )
    for network in networks.split()
)

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")

# RFC 6761 keeps .test for this: no such name is ever delegated.
NEWSROOM_TLD = ".test"

# getaddrinfo blocks its thread while a name server is silent. Threads of its own keep other work going, and this many
# keep a slow name from delaying other names.
RESOLVER_THREADS = 32

DEFAULT_PORTS = {"http": 80, "https": 443}
# HTTP's own ports, and its registered or customary alternatives. An allow list, because a feed must not make us connect
# to a mail server or a database.
PORTS = frozenset({80, 443, 8000, 8008, 8080, 8443, 8888})
MAX_URL_CHARS = 8000  # RFC 9110 section 4.1 requires servers to accept as much; no outlet comes near

HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")
# Characters of path and query that stay unencoded; `%`, so that encoded ones stay as they are.
SAFE = "!$%&'()*+,-./:;=?@[]_|~"


class AddressForbidden(OSError):
    """A rule forbids every address of a host. An OSError, because aiohttp re-raises those.

    Its text names no address: aiohttp re-raises the first of several errors only when their texts are equal.
    """

    def __init__(self, address: str, rule: str) -> None:
        self.address = address
        self.rule = rule
        super().__init__("address forbidden")


@lru_cache(maxsize=4096)
def forbidden(address: str) -> str | None:
    """The rule that forbids this address, or None when it may be connected to."""
    try:
        ip = ip_address(address)
    except ValueError:
        return "not an address"
    if isinstance(ip, IPv6Address):
        if ip.scope_id is not None:
            return "link-local"  # only such addresses need a zone
        embedded = embedded_ipv4(ip)
        if embedded:
            return next((f"{rule} inside IPv6" for inner in embedded if (rule := forbidden(str(inner)))), None)
    rule = next((rule for network, rule in FORBIDDEN if ip in network), None)
    return rule if rule or isinstance(ip, IPv4Address) or ip in GLOBAL_UNICAST else "not global unicast"


def embedded_ipv4(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address: mapped, 6to4, NAT64 (RFC 6052), Teredo."""
    if single := ip.ipv4_mapped or ip.sixtofour:
        return (single,)
    if ip.teredo is not None:
        return ip.teredo
    if ip in NAT64:
        return (IPv4Address(int(ip) & 0xFFFFFFFF),)
    return ()


ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)\.?$")


def literal_address(host: str) -> str | None:
    """Parse a host as an address: dotted, short, decimal, octal, hexadecimal, IPv6; None for a name.

    Follows the IPv4 parser of the WHATWG URL standard, on which browsers and libc agree. Raises ValueError for a host
    that ends in a number and is no address: no such name can be registered.
    """
    if ":" in host:
        return str(ip_address(host))
    if not ENDS_IN_NUMBER.search(host):
        return None
    parts = [parse_part(part) for part in host.removesuffix(".").split(".")]
    if len(parts) > 4 or any(part > 255 for part in parts[:-1]) or parts[-1] >= 256 ** (5 - len(parts)):
        raise ValueError(f"{host} ends in a number but is no IPv4 address")
    return str(IPv4Address(parts[-1] + sum(part << 8 * (3 - place) for place, part in enumerate(parts[:-1]))))


def parse_part(part: str) -> int:
    """Parse one part: 0x… is hexadecimal, 0… octal, else decimal."""
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if len(part) > 1 and part.startswith("0") else 10)


class AddressGuard:
    """The rules with this process's exceptions: `allowed` addresses and the test newsroom's."""

    def __init__(self, *, allowed: frozenset[str] = frozenset(), newsroom: str | None = None) -> None:
        """`newsroom` is host:port. Raises ValueError when it is not loopback."""
        self.allowed = allowed
        self.newsroom: tuple[str, int] | None = None
        if newsroom:
            host, _, port = newsroom.rpartition(":")
            if not ip_address(host.strip("[]")).is_loopback:
                raise ValueError(f"the newsroom must be on a loopback address, not {host}")
            self.newsroom = host.strip("[]"), int(port)

    def verdict(self, address: str) -> str | None:
        """The rule that forbids this address here, or None."""
        return None if address in self.allowed else forbidden(address)

    def open_socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's socket factory: a socket for exactly this address. Raises `AddressForbidden`."""
        family, kind, protocol, _, address = addr_info
        if address[:2] != self.newsroom:
            rule = self.verdict(address[0])
            if rule is not None:
                raise AddressForbidden(address[0], rule)
        return socket.socket(family=family, type=kind, proto=protocol)


class GuardedResolver(AbstractResolver):
    """The system's resolver without the addresses that the guard forbids."""

    def __init__(self, guard: AddressGuard) -> None:
        self.guard = guard
        self.threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The permitted addresses of a host. Raises `AddressForbidden` when there are only others."""
        if self.guard.newsroom is not None and host.rstrip(".").endswith(NEWSROOM_TLD):
            return [resolved(host, *self.guard.newsroom)]
        rules = {address: self.guard.verdict(address) for address in await self.look_up(host, port, family)}
        permitted = [resolved(host, address, port) for address, rule in rules.items() if rule is None]
        if permitted:
            return permitted
        for address, rule in rules.items():
            raise AddressForbidden(address, str(rule))
        raise socket.gaierror(socket.EAI_NODATA, "No address for this name")

    async def look_up(self, host: str, port: int, family: socket.AddressFamily) -> Sequence[str]:
        """The system's answer, in its order. Tests override it."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self.threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        )
        return [str(entry[4][0]) for entry in found]

    async def close(self) -> None:
        """Stop the threads; one that waits for a name server ends by itself."""
        self.threads.shutdown(wait=False, cancel_futures=True)


def resolved(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )


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
    host = wire_host(url, split.hostname, allowed)
    port = port if port is not None else DEFAULT_PORTS[split.scheme]
    if port not in PORTS and not any_port:
        raise RequestRefused(url, "port", f"{port} is not a port of the web")
    origin = f"{split.scheme}://{host}" + ("" if port == DEFAULT_PORTS[split.scheme] else f":{port}")
    # Non-ASCII characters are percent-encoded as UTF-8, or as the raw bytes of a header.
    path, query = (quote(text, safe=SAFE, errors="surrogateescape") for text in (split.path, split.query))
    full = f"{origin}{path or '/'}{'?' if query else ''}{query}"
    return Target(
        url=full,
        wire_url=URL(full, encoded=True),
        scheme=split.scheme,
        host=host,
        origin=origin,
        userinfo_dropped="@" in split.netloc,
    )


def wire_host(url: str, host: str | None, allowed: frozenset[str]) -> str:
    """The host in ASCII; an address in canonical form. Raises `RequestRefused` for a forbidden one."""
    plain = normalize("NFKC", unquote(host or "")).lower()
    try:
        address = literal_address(plain.strip("[]"))
    except ValueError as error:
        raise RequestRefused(url, "host", str(error)) from error
    if address is not None:
        rule = None if address in allowed else forbidden(address)
        if rule is not None:
            raise RequestRefused(url, "address", f"{address} is {rule}")
        return f"[{address}]" if ":" in address else address
    try:
        ascii_host = plain if plain.isascii() else URL.build(scheme="http", host=plain).raw_host or ""  # IDNA, RFC 5891
    except ValueError as error:
        raise RequestRefused(url, "host", f"{plain!r} is no host name") from error
    if len(ascii_host) > 253 or not HOST.fullmatch(ascii_host):
        raise RequestRefused(url, "host", f"{ascii_host[:80]!r} is no host name")
    return ascii_host


def redirect_url(base: str, location: str | None) -> str:
    """Resolve a Location against the URL that sent it. Raises `Unreachable` when it is missing or unusable."""
    if not location or not location.strip():
        raise Unreachable(base, "redirect", "no Location")
    try:
        return urljoin(base, CONTROL.sub("", location.strip()))
    except ValueError as error:
        raise Unreachable(base, "redirect", f"unusable Location {location[:200]!r}") from error
