"""Which addresses may be connected to: the rules, the resolver and the socket factory that hold them.

Promises: no socket of ours is opened to an address that a rule forbids, whatever name, redirect or notation led there.
The resolver drops forbidden addresses, and the socket factory looks once more at the very address that is about to be
connected, so a name that changes its answer between check and connect (DNS rebinding) gains nothing. Rules follow the
IANA special-purpose registries (RFC 6890 and successors); addresses that carry an IPv4 address inside (mapped, 6to4,
NAT64, Teredo) are judged by it. Leaves to others: URLs and ports (targets.py), sending (http.py).
"""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Any

from aiohttp.abc import AbstractResolver, ResolveResult

FORBIDDEN_V4 = tuple(
    (IPv4Network(network), rule)
    for network, rule in (
        # First, single addresses that answer with credentials to whoever asks from inside a cloud.
        ("169.254.169.254/32", "metadata"),  # AWS, Azure, Google and most others
        ("169.254.170.2/32", "metadata"),  # AWS task credentials
        ("100.100.100.200/32", "metadata"),  # Alibaba
        ("168.63.129.16/32", "metadata"),  # Azure's wire server, a public address that only answers inside
        ("192.0.0.192/32", "metadata"),  # Oracle
        ("0.0.0.0/8", "this network"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "carrier-grade NAT"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "IETF protocol assignments"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "6to4 relay"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "benchmarking"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
    )
)

FORBIDDEN_V6 = tuple(
    (IPv6Network(network), rule)
    for network, rule in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("64:ff9b:1::/48", "local NAT64"),
        ("100::/64", "discard"),
        ("2001:2::/48", "benchmarking"),
        ("2001:db8::/32", "documentation"),
        ("2001::/23", "IETF protocol assignments"),
        ("3fff::/20", "documentation"),
        ("5f00::/16", "segment routing"),
        ("fc00::/7", "unique local"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "site-local"),
        ("ff00::/8", "multicast"),
    )
)

GLOBAL_UNICAST = IPv6Network("2000::/3")
NAT64 = IPv6Network("64:ff9b::/96")

# RFC 6761 keeps .test for this: no such name is ever delegated.
NEWSROOM_TLD = ".test"

# getaddrinfo blocks a thread for as long as a name server is silent; with threads of its own a slow name delays no
# other work, and with this many, few other names.
RESOLVER_THREADS = 32


class AddressForbidden(OSError):
    """A rule forbids every address that a host leads to. An OSError, because aiohttp hands those on.

    Its text names no address: of several errors with one text aiohttp raises the first, of several texts a new one.
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
    return forbidden_ipv4(ip) if isinstance(ip, IPv4Address) else forbidden_ipv6(ip)


def forbidden_ipv4(ip: IPv4Address) -> str | None:
    """The IPv4 rule that this address falls under."""
    return next((rule for network, rule in FORBIDDEN_V4 if ip in network), None)


def forbidden_ipv6(ip: IPv6Address) -> str | None:
    """The IPv6 rule that this address, or an IPv4 address inside it, falls under."""
    if ip.scope_id is not None:
        return "link-local"  # only such addresses need a zone
    for inner in embedded_ipv4(ip):
        rule = forbidden_ipv4(inner)
        if rule is not None:
            return f"{rule} inside IPv6"
    if embedded_ipv4(ip):
        return None
    rule = next((rule for network, rule in FORBIDDEN_V6 if ip in network), None)
    return rule if rule or ip in GLOBAL_UNICAST else "not global unicast"


def embedded_ipv4(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that packets to this address may end at: mapped, 6to4, NAT64 (RFC 6052), Teredo."""
    if ip.ipv4_mapped is not None:
        return (ip.ipv4_mapped,)
    if ip.sixtofour is not None:
        return (ip.sixtofour,)
    if ip.teredo is not None:
        return ip.teredo
    if ip in NAT64:
        return (IPv4Address(int(ip) & 0xFFFFFFFF),)
    return ()


ENDS_IN_NUMBER = re.compile(r"(?:^|\.)(?:\d+|0[xX][0-9A-Fa-f]*)\.?$")


def literal_address(host: str) -> str | None:
    """The address that a host is a notation of: dotted, short, decimal, octal, hexadecimal, IPv6; None for a name.

    After the WHATWG URL standard's IPv4 parser, which is what browsers and libc agree on. Raises ValueError for a host
    that ends in a number and is no address: nobody can own such a name.
    """
    if ":" in host:
        return str(ip_address(host))
    if not ENDS_IN_NUMBER.search(host):
        return None
    parts = [number(part) for part in host.removesuffix(".").split(".")]
    if len(parts) > 4 or any(part > 255 for part in parts[:-1]) or parts[-1] >= 256 ** (5 - len(parts)):
        raise ValueError(f"{host} ends in a number but is no IPv4 address")
    return str(IPv4Address(parts[-1] + sum(part << 8 * (3 - place) for place, part in enumerate(parts[:-1]))))


def number(part: str) -> int:
    """The value of one part: 0x… is hexadecimal, 0… octal, else decimal."""
    if part[:2] in ("0x", "0X"):
        return int(part[2:] or "0", 16)
    return int(part, 8 if len(part) > 1 and part.startswith("0") else 10)


class AddressGuard:
    """The rules with this process's exceptions: `allowed` addresses and the newsroom's own (tests only)."""

    def __init__(self, *, allowed: frozenset[str] = frozenset(), newsroom: str | None = None) -> None:
        self.allowed = allowed
        self.newsroom = newsroom_address(newsroom)

    def verdict(self, address: str) -> str | None:
        """The rule that forbids this address here, or None."""
        return None if address in self.allowed else forbidden(address)

    def is_newsroom(self, host: str) -> bool:
        """Whether the newsroom answers for this host."""
        return self.newsroom is not None and host.rstrip(".").endswith(NEWSROOM_TLD)

    def open_socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """A socket for exactly this address, just before it is connected. Raises `AddressForbidden`."""
        family, kind, protocol, _, where = addr_info
        if (where[0], where[1]) != self.newsroom:
            rule = self.verdict(where[0])
            if rule is not None:
                raise AddressForbidden(where[0], rule)
        return socket.socket(family=family, type=kind, proto=protocol)


def newsroom_address(newsroom: str | None) -> tuple[str, int] | None:
    """Host and port of the setting; only loopback is taken."""
    if not newsroom:
        return None
    host, _, port = newsroom.rpartition(":")
    if not ip_address(host.strip("[]")).is_loopback:
        raise ValueError(f"the newsroom must be on a loopback address, not {host}")
    return host.strip("[]"), int(port)


class GuardedResolver(AbstractResolver):
    """The system's resolver, less every address that the guard forbids."""

    def __init__(self, guard: AddressGuard) -> None:
        self.guard = guard
        self.threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host that may be connected to. Raises `AddressForbidden` when all are forbidden."""
        if self.guard.is_newsroom(host) and self.guard.newsroom is not None:
            return [resolved(host, *self.guard.newsroom)]
        addresses = await self.look_up(host, port, family)
        refusal = None
        kept = []
        for address in addresses:
            rule = self.guard.verdict(address)
            if rule is None:
                kept.append(resolved(host, address, port))
            else:
                refusal = refusal or AddressForbidden(address, rule)
        if not kept:
            raise refusal or socket.gaierror(socket.EAI_NODATA, "No address for this name")
        return kept

    async def look_up(self, host: str, port: int, family: socket.AddressFamily) -> Sequence[str]:
        """What the system says, in its order. Tests give a fake that changes its mind."""
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(
            self.threads, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, family=family)
        )
        return [str(entry[4][0]) for entry in found]

    async def close(self) -> None:
        """Give the threads back; one still waiting for a name server ends by itself."""
        self.threads.shutdown(wait=False, cancel_futures=True)


def resolved(host: str, address: str, port: int) -> ResolveResult:
    """An address as aiohttp wants it."""
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
