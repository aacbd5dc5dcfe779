"""HTTP fetcher for feeds and pages, with every limit and rule of ours.

Promises: no forbidden address is connected to (address_guard.py), bodies stay within size limits
(decompress.py), every request has a deadline. Hosts are rate limited (rate_limit.py), robots.txt is obeyed for pages
(robots.py), TLS is verified, cookies live for one fetch. A server's fault ends as a `FetchError` with its reason, or as
a note on the response, never silently. What a status means for a feed or an entry is left to others; only 429, and 503
with Retry-After, are handled here, because they hold for the whole host.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import NoReturn, Self

import aiohttp

from connectors.http.address_guard import AddressGuard, GuardedResolver, Target, parse_target, redirect_url
from connectors.http.aiohttp_transport import StrictConnector, StrictResponse, plain_headers, translate_error
from connectors.http.decompress import DecompressedBody, SizeLimitExceeded, SizeLimits, UndecodableBody, decompress
from connectors.http.fetch import DEFAULT_LIMITS, FetchLimits, FetchState, bot_wall
from connectors.http.rate_limit import MemoryPacer, RateLimiter
from connectors.http.robots import RobotsCache, RobotsStore, SiteRules, parse_tdm, read_tdmrep
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
from pipeline.scheduling.feed_state import retry_after

__all__ = ["FetchLimits", "SafeFetcher"]

REDIRECTS = frozenset({301, 302, 303, 307, 308})
HOST_FAILURES = frozenset({"dns", "connect", "tls", "cut"})  # stages that concern the host, not one URL
BODILESS = frozenset({204, 304})

ERROR_BODY_BYTES = 262_144  # of a response other than 200 the beginning is enough: to name a bot wall
ROBOTS_BYTES = 512_000  # RFC 9309 section 2.5: a crawler must read at least 500 KiB
CONNECT_RETRY_S = 0.3  # one more try after a refused or lost connection: a restart, a stale pool
IDLE_CONNECTION_S = 15.0  # a connection stays open so long for the next request to its host
THREAD_ABOVE_BYTES = 65_536  # smaller bodies decompress faster than a thread starts
DECOMPRESSION_THREADS = 2  # large bodies, each up to its limit and once more while it is joined
DNS_CACHE_S = 60  # the feed, its robots.txt and its pages need one lookup per host and run

utc_now = partial(datetime.now, UTC)  # the default clock


@cache
def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Verifies certificates and names, TLS 1.2 or later. Cached: reading the authorities takes 20 ms."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


class SafeFetcher:
    """Implements `pipeline.domain.ports.Fetcher`. An async context manager, one for all requests of a process."""

    def __init__(  # noqa: PLR0913 # all options of a deployment, each by name
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
            pacer=pacer or MemoryPacer(),
            clock=clock,
            per_host=per_host,
            default_spacing_s=default_spacing_s,
            spacing_for=spacing_for,
            max_wait_s=max_wait_s,
        )
        self.robots = RobotsCache(ask=self.fetch_site_rules, clock=clock, store=robots_store)
        self.decompressors = ThreadPoolExecutor(DECOMPRESSION_THREADS, thread_name_prefix="decompress")
        self.slots = asyncio.Semaphore(max_connections)
        self.opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        connector = StrictConnector(
            resolver=self.resolver,
            socket_factory=self.guard.open_socket,
            ssl=tls_context(self.ca_file),
            max_received_bytes=2 * max(limits.wire_bytes for limits in self.limits.values()) + 1_000_000,
            limit=0,  # `slots` limits before the deadline starts; a queue in the pool would use it up
            keepalive_timeout=IDLE_CONNECTION_S,
            ttl_dns_cache=DNS_CACHE_S,
        )
        self.opened = aiohttp.ClientSession(
            connector=connector,
            response_class=StrictResponse,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": self.user_agent},
            auto_decompress=False,
            trust_env=False,  # a proxy would connect for us and bypass the address rules
        )
        return self

    async def __aexit__(self, *_exception: object) -> None:
        if self.opened is not None:
            await self.opened.close()
        await self.resolver.close()
        self.rate_limiter.threads.shutdown(wait=False, cancel_futures=True)
        self.decompressors.shutdown(wait=False, cancel_futures=True)

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The response, whatever its status. Raises a `FetchError` (pipeline/domain/errors.py) when there is none.

        Acquires the concurrency slot just before sending (not while waiting for the host's rate limit). The caller
        releases it.
        """
        obeys_robots = self.obey_robots and request.kind is FetchKind.PAGE
        target, limits = self.target(request.url), self.limits[request.kind]
        state = FetchState(request=request, target=target, limits=limits, obeys_robots=obeys_robots, slot=slot)
        return self.described(state, await self.follow_redirects(state))

    def target(self, url: str) -> Target:
        """Check the URL of a hop. Raises `RequestRefused`."""
        return parse_target(url, any_port=bool(self.allowed_addresses), allowed=self.allowed_addresses)

    async def follow_redirects(self, state: FetchState) -> Response:
        """Send hop by hop until a response is no redirect."""
        while True:
            if state.target.userinfo_dropped:
                state.notes.append("userinfo dropped")
            answer = await self.send_hop(state)
            if answer.status not in REDIRECTS:
                return answer
            self.redirect(state, answer.status)

    async def send_hop(self, state: FetchState) -> Response:
        """Send one hop, when robots.txt allows it and as soon as the host's rate limit permits."""
        target = state.target
        if state.slot is not None:
            state.slot.give_back()  # of the hop before: waiting for a host must not delay other hosts
        crawl_delay_s = await self.check_robots(state) if state.obeys_robots else 0.0
        spaced = target.host not in state.paced
        state.paced.add(target.host)
        async with self.rate_limiter.visit(target.host, target.url, min_spacing_s=crawl_delay_s, spaced=spaced):
            if state.slot is not None:
                await state.slot.take()
            async with self.slots:
                answer = await self.send_in_time(state)
        if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
            await self.hold_host(target, answer)
        self.rate_limiter.answered(target.host)
        return answer

    async def check_robots(self, state: FetchState) -> float:
        """The crawl delay of a site that allows this URL. Raises `RequestRefused`, or `RetryAfter` if unknown."""
        target = state.target
        site = await self.robots.site(target.origin, target.url)
        if not site.allows(target.url, self.user_agent):
            raise RequestRefused(target.url, "robots", f"{target.origin}/robots.txt forbids it to {self.user_agent}")
        state.tdm = site.tdm(target.wire_url.raw_path)
        return site.crawl_delay_s(self.user_agent)

    async def hold_host(self, target: Target, answer: Response) -> NoReturn:
        """Hold the host as long as its response demands. Raises `RetryAfter`."""
        asked = retry_after(answer.headers.get("retry-after"), self.clock())
        wall = bot_wall(answer.status, answer.headers, answer.body)
        reason = f"answered {answer.status}" + (f" (bot wall: {wall})" if wall else "")
        until = await self.rate_limiter.hold(target.host, asked=asked, reason=reason)
        raise RetryAfter(target.url, until, reason)

    async def send_in_time(self, state: FetchState) -> Response:
        """Send within the fetch's remaining time; the rate limiter counts failures of the host. Raises `FetchError`."""
        target, started = state.target, time.monotonic()
        try:
            async with asyncio.timeout(state.left_s) as deadline:
                return await self.send(state)
        except TimeoutError as error:
            limit = f"no answer within {state.limits.total_s:g} s" if deadline.expired() else f"silent: {error}"
            self.rate_limiter.failed(target.host, limit)
            raise FetchTimeout(target.url, limit) from error
        except Unreachable as error:
            if error.stage in HOST_FAILURES:
                self.rate_limiter.failed(target.host, error.reason)
            raise
        finally:
            state.left_s -= time.monotonic() - started

    async def send(self, state: FetchState) -> Response:
        """One request, with one more try after a lost connection or a body under a false coding."""
        headers = state.headers()
        try:
            return await self.exchange(state, headers)
        except Unreachable as error:
            if error.stage == "coding":
                headers["Accept-Encoding"] = "identity"
            elif error.stage == "connect":
                await asyncio.sleep(CONNECT_RETRY_S)
            else:
                raise
        return await self.exchange(state, headers)

    async def exchange(self, state: FetchState, headers: Mapping[str, str]) -> Response:
        """One request and its response. Raises aiohttp's exceptions as a `FetchError`."""
        if self.opened is None:
            raise RuntimeError("SafeFetcher is an async context manager: `async with SafeFetcher(…) as fetcher`")
        url, timeout = state.target.wire_url, state.limits.timeout
        try:
            async with self.opened.get(url, headers=headers, allow_redirects=False, timeout=timeout) as reply:
                assert isinstance(reply, StrictResponse)  # the session's response class
                return await self.read_response(state, reply)
        except TimeoutError:
            raise
        except (aiohttp.ClientError, aiohttp.http_exceptions.HttpProcessingError, OSError, ValueError) as error:
            raise translate_error(state.target.url, error) from error

    async def read_response(self, state: FetchState, reply: StrictResponse) -> Response:
        """The response with its body, within the limits. Raises `TooLarge`, `Unreachable`, `RequestRefused`."""
        status, headers, url = reply.status, plain_headers(reply), state.target.url
        if state.jar is not None or (status in REDIRECTS and "set-cookie" in headers):
            state.jar = state.jar or aiohttp.CookieJar(unsafe=True)  # unsafe: also of bare addresses, as browsers
            state.jar.update_cookies(reply.cookies, reply.url)
        state.location = reply.headers.get("location")
        now, peer = self.clock(), reply.protocol.peer
        answer = Response(
            url=state.request.url, final_url=url, status=status, headers=headers, body=b"", fetched_at=now, peer=peer
        )
        if status in BODILESS or status in REDIRECTS:
            return answer
        if status == 101:
            raise Unreachable(url, "protocol", "switches to another protocol without being asked")
        if status == 206:
            raise RequestRefused(url, "partial", "206, a part, where the whole was asked for")
        wire, clipped = await self.read_wire(state, reply)
        body = await self.decompress(state, wire, headers.get("content-encoding", ""), clipped=clipped)
        notes, truncated = body.notes, body.truncated and not clipped
        if reply.protocol.excess:
            notes, truncated = (*notes, "more bytes than Content-Length"), True
        return replace(answer, body=body.body, wire_bytes=len(wire), truncated=truncated, notes=notes)

    async def read_wire(self, state: FetchState, reply: StrictResponse) -> tuple[bytes, bool]:
        """The body as received, and whether it was clipped. Raises `TooLarge`."""
        is_error = reply.status != 200
        clips = state.clips or is_error
        limit = min(state.limits.wire_bytes, ERROR_BODY_BYTES) if is_error else state.limits.wire_bytes
        if not clips and (reply.content_length or 0) > limit:
            raise TooLarge(state.target.url, f"announces {reply.content_length} bytes, {limit} are allowed")
        pieces: list[bytes] = []
        size = 0
        async for piece in reply.content.iter_any():
            pieces.append(piece)
            size += len(piece)
            if size > limit:
                reply.close()
                if not clips:
                    raise TooLarge(state.target.url, f"more than {limit} bytes")
                return b"".join(pieces)[:limit], True
        return b"".join(pieces), False

    async def decompress(self, state: FetchState, wire: bytes, codings: str, *, clipped: bool) -> DecompressedBody:
        """The body decompressed, in a thread when it is large. Raises `TooLarge`, `Unreachable`."""
        limits = SizeLimits(state.limits.inflated_bytes, state.limits.ratio)
        try:
            if len(wire) > THREAD_ABOVE_BYTES and codings:
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self.decompressors, decompress, wire, codings, limits)
            return decompress(wire, codings, limits)
        except (SizeLimitExceeded, UndecodableBody) as error:
            if clipped:
                return DecompressedBody(b"", truncated=True)
            if isinstance(error, SizeLimitExceeded):
                raise TooLarge(state.target.url, str(error)) from error
            raise Unreachable(state.target.url, "coding", str(error)) from error

    def redirect(self, state: FetchState, status: int) -> None:
        """Take the target of a redirect. Raises `TooManyRedirects`, `RequestRefused`, `Unreachable`."""
        url, before = state.request.url, state.target
        target = state.target = self.target(redirect_url(before.url, state.location))
        state.redirects.append(Redirect(status, before.url, target.url))
        if len(state.redirects) > state.limits.redirects:
            raise TooManyRedirects(url, f"more than {state.limits.redirects} redirects, last to {target.url}")
        state.seen.add((before.url, ""))
        visited = (target.url, state.cookies())
        if visited in state.seen:
            raise TooManyRedirects(url, f"a loop: {target.url} again")
        state.seen.add(visited)
        if before.scheme == "https" and target.scheme == "http":
            state.notes.append("downgrade")

    def described(self, state: FetchState, answer: Response) -> Response:
        """The last hop's response with the whole fetch's redirects, TDM reservation and notes on irregularities."""
        notes = [*state.notes, *answer.notes]
        if answer.status == 304 and state.request.validators == Validators():
            notes.append("304 without validators")
        wall = bot_wall(answer.status, answer.headers, answer.body)
        if wall:
            notes.append(f"bot_wall:{wall}")
        stated = parse_tdm(answer.headers.get("tdm-reservation"), answer.headers.get("tdm-policy"))
        tdm = state.tdm if stated.reserved is None else stated
        return replace(
            answer,
            fetched_at=self.clock(),
            elapsed_s=state.limits.total_s - state.left_s,
            redirects=tuple(state.redirects),
            notes=tuple(notes),
            tdm_reserved=tdm.reserved,
            tdm_policy=tdm.policy,
        )

    async def fetch_site_rules(self, origin: str) -> SiteRules | None:
        """An origin's robots.txt and tdmrep.json. None when robots.txt is unavailable for now."""
        robots = await self.fetch_site_file(f"{origin}/robots.txt")
        if robots is None or robots.status >= 500:
            return None
        tdmrep = await self.fetch_site_file(
            f"{origin}/.well-known/tdmrep.json", paced={self.target(robots.final_url).host}
        )
        return SiteRules(
            robots_text=robots.body.decode("utf-8", "replace") if robots.status == 200 else None,
            tdm_rules=read_tdmrep(tdmrep.body) if tdmrep is not None and tdmrep.status == 200 else (),
            asked_at=self.clock(),
        )

    async def fetch_site_file(self, url: str, paced: Collection[str] = ()) -> Response | None:
        """A small file of the site, clipped; None when there was no response."""
        limits = replace(self.limits[FetchKind.PAGE], wire_bytes=ROBOTS_BYTES, inflated_bytes=ROBOTS_BYTES * 10)
        request, target = Request(url, FetchKind.PAGE), self.target(url)
        state = FetchState(request=request, target=target, limits=limits, clips=True, paced=set(paced))
        try:
            return await self.follow_redirects(state)
        except TooManyRedirects:
            # RFC 9309 section 2.3.1.2
            return Response(url=url, final_url=target.url, status=404, headers={}, body=b"", fetched_at=self.clock())
        except RequestRefused:
            raise
        except FetchError:
            return None
