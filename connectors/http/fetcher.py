"""The safe fetcher: one URL, by every rule we have, for feeds and pages alike.

Promises: nothing forbidden is connected to (addresses.py, targets.py), nothing is read beyond the caps (bodies.py), no
request outlives its deadline, no host is pressed (politeness.py), robots.txt is obeyed for pages (robots.py), TLS is
verified, cookies live for one fetch, and nobody is asked twice under another name. What a server does wrong ends as a
`FetchError` that says why or as a note on the response, never silently. Leaves to others what a status means for a feed
or an entry; only 429, and 503 with Retry-After, are settled here, because they speak for the whole host.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

import aiohttp

from connectors.http.address_guard import AddressGuard, GuardedResolver
from connectors.http.aiohttp_errors import keep_cookies, plain_headers, unreachable
from connectors.http.aiohttp_transport import StrictConnector, StrictResponse
from connectors.http.bot_walls import bot_wall
from connectors.http.decompress import DecompressedBody, SizeLimitExceeded, SizeLimits, UndecodableBody, inflate
from connectors.http.fetch import DEFAULT_LIMITS, Answer, FetchLimits, FetchState
from connectors.http.rate_limit import MemoryPacer, RateLimiter
from connectors.http.robots import RobotsCache, RobotsStore, SiteRules, parse_tdm, read_tdmrep
from connectors.http.target_url import Target, parse_target, redirect_url
from pipeline.domain.errors import (
    FetchError,
    FetchTimeout,
    RequestRefused,
    RetryAfter,
    TooLarge,
    TooManyRedirects,
    Unreachable,
)
from pipeline.domain.model import FetchKind, Redirect, Request, Response, Validators
from pipeline.domain.ports import HostPacer, Slot
from pipeline.scheduling.freshness import retry_after

__all__ = ["FetchLimits", "SafeFetcher"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOST_FAILURES = frozenset({"dns", "connect", "tls", "cut"})  # stages that speak of the host, not of one URL
BODILESS = frozenset({204, 304})

ERROR_BODY_BYTES = 262_144  # of an answer that is no 200 only the beginning is wanted: to name a bot wall
ROBOTS_BYTES = 512_000  # RFC 9309 section 2.5: at least 500 KiB are read, the rest is not
CONNECT_RETRY_S = 0.3  # one more try after a refused or lost connection: a restart, a stale pool
IDLE_CONNECTION_S = 15.0  # a connection is kept for the next request to its host
THREAD_ABOVE_BYTES = 65_536  # smaller bodies inflate faster than a thread starts
INFLATING_AT_ONCE = 2  # large bodies, each up to its cap and once more while it is joined
DNS_CACHE_S = 60


def utc_now() -> datetime:
    """The clock of a fetcher that is given none."""
    return datetime.now(UTC)


@cache
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates and names verified, TLS 1.2 or later; made once, because reading the authorities takes 20 ms."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class SafeFetcher:
    """Implements `pipeline.domain.ports.Fetcher`. An async context manager, one for all requests of a process."""

    def __init__(  # noqa: PLR0913 # every choice a deployment makes of its fetcher, each by name
        self,
        *,
        user_agent: str,
        limits: Mapping[FetchKind, FetchLimits] | None = None,
        pacer: HostPacer | None = None,
        newsroom: str | None = None,
        allowed_addresses: frozenset[str] = frozenset(),
        clock: Callable[[], datetime] = utc_now,
        max_connections: int = 100,
        per_host: int = 2,
        default_spacing_s: float = 1.0,
        spacing_for: Callable[[str], float | None] | None = None,
        max_wait_s: float = 60.0,
        obey_robots: bool = True,
        robots_store: RobotsStore | None = None,
        ca_file: Path | None = None,
        resolver: GuardedResolver | None = None,
    ) -> None:
        """`newsroom`, `allowed_addresses` and `resolver` are for tests: the addresses of our own servers."""
        self.user_agent = user_agent
        self.limits = {**DEFAULT_LIMITS, **(limits or {})}
        self.clock = clock
        self.obey_robots = obey_robots
        self.ca_file = ca_file
        self.allowed_addresses = allowed_addresses
        self.guard = resolver.guard if resolver else AddressGuard(allowed=allowed_addresses, newsroom=newsroom)
        self.resolver = resolver or GuardedResolver(self.guard)
        self.rate_limiter = RateLimiter(
            pacer or MemoryPacer(),
            clock,
            per_host=per_host,
            default_spacing_s=default_spacing_s,
            spacing_for=spacing_for,
            max_wait_s=max_wait_s,
        )
        self.robots = RobotsCache(self.ask_site, clock, robots_store)
        self.inflating = ThreadPoolExecutor(INFLATING_AT_ONCE, thread_name_prefix="inflate")
        self.slots = asyncio.Semaphore(max_connections)
        self.timeouts = {
            kind: aiohttp.ClientTimeout(total=None, sock_connect=limit.connect_s, sock_read=limit.idle_s)
            for kind, limit in self.limits.items()
        }
        self.opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = StrictConnector(
            resolver=self.resolver,
            socket_factory=self.guard.open_socket,
            ssl=tls_context(self.ca_file),
            most_received_bytes=2 * max(limits.wire_bytes for limits in self.limits.values()) + 1_000_000,
            limit=0,  # `slots` counts before the deadline runs; a queue in the pool would eat it up
            keepalive_timeout=IDLE_CONNECTION_S,
            ttl_dns_cache=DNS_CACHE_S,
        )
        self.opened = aiohttp.ClientSession(
            connector=connector,
            response_class=StrictResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.user_agent},
            auto_decompress=False,
            trust_env=False,  # a proxy would connect for us, past the address rules
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.opened is not None:
            await self.opened.close()
        await self.resolver.close()
        self.rate_limiter.close()
        self.inflating.shutdown(wait=False, cancel_futures=True)

    @property
    def session(self) -> aiohttp.ClientSession:
        """The open session."""
        if self.opened is None:
            raise RuntimeError("SafeFetcher is an async context manager: `async with SafeFetcher(…) as fetcher`")
        return self.opened

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The answer, whatever its status. Raises a `FetchError` (pipeline/domain/errors.py) when there is none.

        The slot is taken when the request goes out, never while it waits for its host, and is still held at the end.
        """
        asks_robots = self.obey_robots and request.kind is FetchKind.PAGE
        walk = self.walk(request.url, request.kind, request.validators, asks_robots=asks_robots)
        walk.slot = slot
        answer = await self.go(walk)
        self.note_answer(walk, answer)
        return self.response(walk, answer)

    def walk(self, url: str, kind: FetchKind, validators: Validators, *, asks_robots: bool) -> FetchState:
        """A fetch about to begin."""
        limits = self.limits[kind]
        return FetchState(url, kind, limits, self.timeouts[kind], validators, asks_robots, left_s=limits.total_s)

    async def go(self, walk: FetchState) -> Answer:
        """Hop by hop to the answer that sends us no further."""
        target = self.target(walk, walk.url)
        while True:
            answer = await self.visit(walk, target)
            if answer.status not in REDIRECTS:
                return answer
            target = self.onward(walk, answer)

    def target(self, walk: FetchState, url: str) -> Target:
        """The URL of a hop, by our rules. Raises `RequestRefused`."""
        target = parse_target(url, any_port=bool(self.allowed_addresses), allowed=self.allowed_addresses)
        if target.userinfo_dropped:
            walk.notes.append("userinfo dropped")
        return target

    async def visit(self, walk: FetchState, target: Target) -> Answer:
        """One hop, when robots.txt allows it and the host's turn has come."""
        if walk.slot is not None:
            walk.slot.give_back()  # of the hop before: who waits for a host holds nobody up
        crawl_delay_s = await self.permission(walk, target) if walk.asks_robots else 0.0
        spaced = target.host not in walk.paced
        walk.paced.add(target.host)
        async with self.rate_limiter.visit(target.host, target.url, min_spacing_s=crawl_delay_s, spaced=spaced):
            if walk.slot is not None:
                await walk.slot.take()
            async with self.slots:
                answer = await self.reach(walk, target)
        if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
            await self.wait_as_asked(answer)
        self.rate_limiter.answered(target.host)
        return answer

    async def reach(self, walk: FetchState, target: Target) -> Answer:
        """One hop's answer; a host that cannot be reached is told to politeness."""
        try:
            return await self.spend(walk, target)
        except (FetchTimeout, Unreachable) as error:
            if isinstance(error, FetchTimeout) or error.stage in HOST_FAILURES:
                self.rate_limiter.failed(target.host, error.reason)
            raise

    async def permission(self, walk: FetchState, target: Target) -> float:
        """The crawl delay of a site that allows this URL. Raises `RequestRefused`, or `RetryAfter` if unknown."""
        site = await self.robots.site(target.origin, target.url)
        if not site.allows(target.url, self.user_agent):
            raise RequestRefused(target.url, "robots", f"{target.origin}/robots.txt forbids it to {self.user_agent}")
        walk.tdm = site.tdm(target.wire_url.raw_path)
        return site.crawl_delay_s(self.user_agent)

    async def wait_as_asked(self, answer: Answer) -> NoReturn:
        """Hold the host for as long as its answer asks. Raises `RetryAfter`."""
        target = answer.target
        asked = retry_after(answer.headers.get("retry-after"), self.clock())
        wall = bot_wall(answer.status, answer.headers, answer.body)
        reason = f"answered {answer.status}" + (f" (bot wall: {wall})" if wall else "")
        until = await self.rate_limiter.hold(target.host, asked=asked, reason=reason)
        raise RetryAfter(target.url, until, reason)

    async def spend(self, walk: FetchState, target: Target) -> Answer:
        """Send within what is left of the fetch's time. Raises `FetchTimeout`."""
        started = time.monotonic()
        try:
            async with asyncio.timeout(walk.left_s) as deadline:
                return await self.send(walk, target)
        except TimeoutError as error:
            limit = f"no answer within {walk.limits.total_s:g} s" if deadline.expired() else f"silent: {error}"
            raise FetchTimeout(target.url, limit) from error
        finally:
            walk.left_s -= time.monotonic() - started

    async def send(self, walk: FetchState, target: Target) -> Answer:
        """One request, with one more try after a lost connection or a body under a false coding."""
        headers = walk.headers(target)
        try:
            return await self.exchange(walk, target, headers)
        except Unreachable as error:
            if error.stage == "coding":
                headers["Accept-Encoding"] = "identity"
            elif error.stage == "connect":
                await asyncio.sleep(CONNECT_RETRY_S)
            else:
                raise
        return await self.exchange(walk, target, headers)

    async def exchange(self, walk: FetchState, target: Target, headers: Mapping[str, str]) -> Answer:
        """One request and its answer. Raises what aiohttp raised as a `FetchError`."""
        try:
            async with self.session.get(
                target.wire_url, headers=headers, allow_redirects=False, timeout=walk.timeout
            ) as reply:
                return await self.read(walk, target, reply)
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError) as error:
            if isinstance(error, TimeoutError):
                raise
            raise unreachable(target.url, error) from error

    async def read(self, walk: FetchState, target: Target, reply: aiohttp.ClientResponse) -> Answer:
        """The answer with its body, under the caps. Raises `TooLarge`, `Unreachable`, `RequestRefused`."""
        headers = plain_headers(reply)
        if walk.jar is not None or (reply.status in REDIRECTS and "set-cookie" in headers):
            keep_cookies(walk, reply)
        peer = reply.peer if isinstance(reply, StrictResponse) else None
        answer = Answer(target, reply.status, headers, b"", location=reply.headers.get("location"), peer=peer)
        if reply.status in BODILESS or reply.status in REDIRECTS:
            return answer
        if reply.status == 101:
            raise Unreachable(target.url, "protocol", "switches to another protocol unasked")
        if reply.status == 206:
            raise RequestRefused(target.url, "partial", "206, a part, where the whole was asked for")
        wire, clipped = await self.read_wire(walk, target, reply)
        inflated = await self.inflate(walk, target, wire, headers.get("content-encoding", ""), clipped=clipped)
        notes = inflated.notes
        truncated = inflated.truncated and not clipped
        if isinstance(reply, StrictResponse) and reply.wire is not None and reply.wire.excess:
            notes, truncated = (*notes, "more bytes than Content-Length"), True
        return replace(answer, body=inflated.body, wire_bytes=len(wire), truncated=truncated, notes=notes)

    async def read_wire(self, walk: FetchState, target: Target, reply: aiohttp.ClientResponse) -> tuple[bytes, bool]:
        """The body as it came, and whether it was clipped. Raises `TooLarge`."""
        clips = walk.clips or reply.status != 200
        cap = min(walk.limits.wire_bytes, ERROR_BODY_BYTES) if reply.status != 200 else walk.limits.wire_bytes
        if not clips and (reply.content_length or 0) > cap:
            raise TooLarge(target.url, "wire_bytes", f"announces {reply.content_length} bytes, {cap} are allowed")
        first = b""
        rest: bytearray | None = None
        async for piece in reply.content.iter_any():
            if rest is None and not first:
                first = piece
            elif rest is None:
                rest = bytearray(first + piece)
            else:
                rest += piece
            size = len(first) if rest is None else len(rest)
            if size > cap:
                reply.close()
                if clips:
                    return bytes(first if rest is None else rest)[:cap], True
                raise TooLarge(target.url, "wire_bytes", f"more than {cap} bytes")
        return (first if rest is None else bytes(rest)), False

    async def inflate(
        self, walk: FetchState, target: Target, wire: bytes, codings: str, *, clipped: bool
    ) -> DecompressedBody:
        """The body uncompressed, in a thread when it is large. Raises `TooLarge`, `Unreachable`."""
        caps = SizeLimits(walk.limits.inflated_bytes, walk.limits.ratio)
        try:
            if len(wire) > THREAD_ABOVE_BYTES and codings:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self.inflating, inflate, wire, codings, caps)
            return inflate(wire, codings, caps)
        except SizeLimitExceeded as error:
            if clipped:
                return DecompressedBody(b"", truncated=True)
            raise TooLarge(target.url, error.cap, str(error)) from error
        except UndecodableBody as error:
            if clipped:
                return DecompressedBody(b"", truncated=True)
            raise Unreachable(target.url, "coding", str(error)) from error

    def onward(self, walk: FetchState, answer: Answer) -> Target:
        """The next hop. Raises `TooManyRedirects`, `RequestRefused`, `Unreachable`."""
        from_url = answer.target.url
        target = self.target(walk, redirect_url(from_url, answer.location))
        walk.redirects.append(Redirect(answer.status, from_url, target.url))
        if len(walk.redirects) > walk.limits.redirects:
            raise TooManyRedirects(walk.url, f"more than {walk.limits.redirects} redirects, last to {target.url}")
        walk.seen.add((from_url, ""))
        visited = (target.url, walk.cookies(target))
        if visited in walk.seen:
            raise TooManyRedirects(walk.url, f"a loop: {target.url} again")
        walk.seen.add(visited)
        if answer.target.scheme == "https" and target.scheme == "http":
            walk.notes.append("downgrade")
        return target

    def note_answer(self, walk: FetchState, answer: Answer) -> None:
        """What was odd about the last answer."""
        walk.notes.extend(answer.notes)
        if answer.status == 304 and walk.validators == Validators():
            walk.notes.append("304 without validators")
        wall = bot_wall(answer.status, answer.headers, answer.body)
        if wall:
            walk.notes.append(f"bot_wall:{wall}")

    def response(self, walk: FetchState, answer: Answer) -> Response:
        """What the caller gets."""
        said = parse_tdm(answer.headers.get("tdm-reservation"), answer.headers.get("tdm-policy"))
        tdm = walk.tdm if said.reserved is None else said
        return Response(
            url=walk.url,
            final_url=answer.target.url,
            status=answer.status,
            headers=answer.headers,
            body=answer.body,
            fetched_at=self.clock(),
            elapsed_s=walk.limits.total_s - walk.left_s,
            wire_bytes=answer.wire_bytes,
            redirects=tuple(walk.redirects),
            peer=answer.peer,
            truncated=answer.truncated,
            notes=tuple(walk.notes),
            tdm_reserved=tdm.reserved,
            tdm_policy=tdm.policy,
        )

    async def ask_site(self, origin: str) -> SiteRules | None:
        """What an origin allows: robots.txt and tdmrep.json. None when robots.txt cannot be had for now."""
        robots = await self.side_file(f"{origin}/robots.txt")
        if robots is None or robots.status >= 500:
            return None
        tdmrep = await self.side_file(f"{origin}/.well-known/tdmrep.json", paced={robots.target.host})
        return SiteRules(
            robots_text=robots.body.decode("utf-8", "replace") if robots.status == 200 else None,
            tdm_rules=read_tdmrep(tdmrep.body) if tdmrep is not None and tdmrep.status == 200 else (),
            asked_at=self.clock(),
        )

    async def side_file(self, url: str, paced: set[str] | None = None) -> Answer | None:
        """A small file beside the pages, clipped; None when there was no answer."""
        walk = self.walk(url, FetchKind.PAGE, Validators(), asks_robots=False)
        walk.limits = replace(walk.limits, wire_bytes=ROBOTS_BYTES, inflated_bytes=ROBOTS_BYTES * 10)
        walk.clips = True
        walk.paced |= paced or set()
        try:
            return await self.go(walk)
        except TooManyRedirects:
            return Answer(self.target(walk, url), 404, {}, b"")  # RFC 9309 section 2.3.1.2: as if there were none
        except RequestRefused:
            raise
        except FetchError:
            return None
