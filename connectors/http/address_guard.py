"""SSRF protection: which addresses may be connected to; the resolver and the socket factory that enforce it.

Promises: no socket is opened to a forbidden address, whatever name, redirect or notation led there. The resolver drops
forbidden addresses. The socket factory checks the address again just before connecting, so a name whose answer changes
in between (DNS rebinding) gains nothing. The rules follow the IANA special-purpose registries (RFC 6890 and later). An
address that embeds an IPv4 address (mapped, 6to4, NAT64, Teredo) is judged by that one. URLs and ports are left to
target_url.py, sending to fetcher.py.
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
        # First, single addresses that hand out credentials to any process inside a cloud.
        ("169.254.169.254/32", "metadata"),  # AWS, Azure, Google and most others
        ("169.254.170.2/32", "metadata"),  # AWS task credentials
        ("100.100.100.200/32", "metadata"),  # Alibaba
        ("168.63.129.16/32", "metadata"),  # Azure's wire server, a public address that answers only inside
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

# getaddrinfo blocks its thread while a name server is silent. Threads of its own keep other work going, and this many
# keep a slow name from delaying other names.
RESOLVER_THREADS = 32


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
    return forbidden_ipv4(ip) if isinstance(ip, IPv4Address) else forbidden_ipv6(ip)


def forbidden_ipv4(ip: IPv4Address) -> str | None:
    """The IPv4 rule that this address falls under."""
    return next((rule for network, rule in FORBIDDEN_V4 if ip in network), None)


def forbidden_ipv6(ip: IPv6Address) -> str | None:
    """The IPv6 rule that this address, or an IPv4 address inside it, falls under."""
    if ip.scope_id is not None:
        return "link-local"  # only such addresses need a zone
    embedded = embedded_ipv4(ip)
    if embedded:
        return next((f"{rule} inside IPv6" for inner in embedded if (rule := forbidden_ipv4(inner))), None)
    rule = next((rule for network, rule in FORBIDDEN_V6 if ip in network), None)
    return rule if rule or ip in GLOBAL_UNICAST else "not global unicast"


def embedded_ipv4(ip: IPv6Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses inside an IPv6 address: mapped, 6to4, NAT64 (RFC 6052), Teredo."""
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
        self.allowed = allowed
        self.newsroom = newsroom_address(newsroom)

    def verdict(self, address: str) -> str | None:
        """The rule that forbids this address here, or None."""
        return None if address in self.allowed else forbidden(address)

    def is_newsroom(self, host: str) -> bool:
        """Whether the test newsroom serves this host."""
        return self.newsroom is not None and host.rstrip(".").endswith(NEWSROOM_TLD)

    def open_socket(self, addr_info: tuple[Any, ...]) -> socket.socket:
        """aiohttp's socket factory: a socket for exactly this address. Raises `AddressForbidden`."""
        family, kind, protocol, _, address = addr_info
        if address[:2] != self.newsroom:
            rule = self.verdict(address[0])
            if rule is not None:
                raise AddressForbidden(address[0], rule)
        return socket.socket(family=family, type=kind, proto=protocol)


def newsroom_address(newsroom: str | None) -> tuple[str, int] | None:
    """Host and port of the setting. Raises ValueError when it is not loopback."""
    if not newsroom:
        return None
    host, _, port = newsroom.rpartition(":")
    if not ip_address(host.strip("[]")).is_loopback:
        raise ValueError(f"the newsroom must be on a loopback address, not {host}")
    return host.strip("[]"), int(port)


class GuardedResolver(AbstractResolver):
    """The system's resolver without the addresses that the guard forbids."""

    def __init__(self, guard: AddressGuard) -> None:
        self.guard = guard
        self.threads = ThreadPoolExecutor(RESOLVER_THREADS, thread_name_prefix="resolve")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The permitted addresses of a host. Raises `AddressForbidden` when there are only others."""
        if self.guard.is_newsroom(host) and self.guard.newsroom is not None:
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
    """An address as aiohttp takes it."""
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
