"""The safe fetcher as an outlet meets it: honest, frugal, and the same to everybody."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from connectors.http.aiohttp_transport import MAX_OPEN
from connectors.http.fetch import bot_wall
from connectors.http.fetcher import FetchLimits, SafeFetcher
from pipeline.domain.errors import FetchTimeout, RequestRefused, RetryAfter, Unreachable
from pipeline.domain.model import FetchKind, Request, Validators
from tests.hostile.cases import FEED, PAGE, whole
from tests.hostile.server import Call, HostileServer

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AGENT = "newswire/1 (+mailto:desk@gazette.test)"


class Outlet:
    """A well-behaved server whose answers a test may change."""

    def __init__(self) -> None:
        self.paths: dict[str, bytes] = {"/feed.xml": whole(FEED, "X-Served-By: a", "X-Served-By: b")}
        self.under_way = 0
        self.most_under_way = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.connections: set[object] = set()

    async def serve(self, call: Call) -> None:
        self.connections.add(call.writer.get_extra_info("peername"))
        self.under_way += 1
        self.most_under_way = max(self.under_way, self.most_under_way)
        await self.gate.wait()
        self.under_way -= 1
        await call.send(self.paths.get(call.path, whole(b"", status="404 Not Found")))


@pytest.fixture
def outlet() -> Outlet:
    return Outlet()


@pytest_asyncio.fixture
async def server(outlet: Outlet) -> AsyncIterator[HostileServer]:
    async with HostileServer({"good": outlet.serve}) as running:
        yield running


def a_fetcher(server: HostileServer, **choices: object) -> SafeFetcher:
    options: dict[str, object] = {"default_spacing_s": 0, "newsroom": f"127.0.0.1:{server.port}"} | choices
    return SafeFetcher(user_agent=AGENT, **options)  # type: ignore[arg-type]


def feed(host: str = "gazette.test", validators: Validators | None = None) -> Request:
    return Request(f"http://{host}/feed.xml", FetchKind.FEED, validators or Validators())


def page(path: str = "/une.html", host: str = "gazette.test") -> Request:
    return Request(f"http://{host}{path}", FetchKind.PAGE)


def header(sent: bytes, name: str) -> str | None:
    for line in sent.decode("latin-1").split("\r\n")[1:]:
        key, _, value = line.partition(":")
        if key.lower() == name:
            return value.strip()
    return None


async def test_response_has_request_url_status_headers_and_body(server: HostileServer) -> None:
    async with a_fetcher(server, clock=lambda: NOON) as fetcher:
        response = await fetcher.fetch(feed())
    assert (response.url, response.final_url) == ("http://gazette.test/feed.xml",) * 2
    assert (response.status, response.body, response.wire_bytes) == (200, FEED, len(FEED))
    assert response.headers["x-served-by"] == "a, b"
    assert (response.peer, response.fetched_at) == ("127.0.0.1", NOON)
    assert response.elapsed_s > 0
    assert response.tdm_reserved is None


async def test_requests_send_user_agent_and_accept_headers(server: HostileServer) -> None:
    async with a_fetcher(server) as fetcher:
        await fetcher.fetch(feed())
    (sent,) = server.heads
    assert header(sent, "user-agent") == AGENT
    assert "application/rss+xml" in (header(sent, "accept") or "")
    assert header(sent, "accept-encoding") == "gzip, deflate, br, zstd"
    assert header(sent, "cookie") is header(sent, "if-none-match") is header(sent, "referer") is None


@pytest.mark.parametrize("etag", ['"a"', 'W/"a"', "a-gzip", '"x--gzip"', "Mon, 02 Mar 2026 08:00:00 GMT"])
async def test_validators_are_sent_unchanged(server: HostileServer, etag: str) -> None:
    date = "Sun, 06 Nov 2041 08:49:37 GMT"
    async with a_fetcher(server) as fetcher:
        await fetcher.fetch(feed(validators=Validators(etag, date)))
    assert header(server.heads[0], "if-none-match") == etag
    assert header(server.heads[0], "if-modified-since") == date


@pytest.mark.parametrize("etag", ['"' + "a" * 1025 + '"', '"a\r\nX-Evil: 1"', '"a\x00"', '"caf\udce9"', '"café"'])
async def test_unsendable_validators_are_not_sent(server: HostileServer, etag: str) -> None:
    async with a_fetcher(server) as fetcher:
        assert (await fetcher.fetch(feed(validators=Validators(etag, etag)))).status == 200
    assert b"if-none-match" not in server.heads[0].lower()
    assert b"x-evil" not in server.heads[0].lower()


async def test_refused_requests_are_not_repeated_under_another_identity(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/feed.xml"] = whole(b"non", status="403 Forbidden")
    async with a_fetcher(server) as fetcher:
        assert (await fetcher.fetch(feed())).status == 403
    assert len(server.heads) == 1


async def test_connections_are_reused(server: HostileServer, outlet: Outlet) -> None:
    async with a_fetcher(server) as fetcher:
        for _ in range(5):
            await fetcher.fetch(feed())
    assert len(outlet.connections) == 1


async def test_idle_connections_are_bounded(server: HostileServer, outlet: Outlet) -> None:
    async with a_fetcher(server) as fetcher:
        for n in range(MAX_OPEN + 20):
            await fetcher.fetch(feed(f"h{n}.test"))
        assert len(server.tasks) <= MAX_OPEN + 1


async def test_a_proxy_of_the_environment_is_not_used(server: HostileServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with a_fetcher(server) as fetcher:
        assert (await fetcher.fetch(feed())).status == 200


async def test_cookies_live_for_one_fetch_and_one_host(server: HostileServer, outlet: Outlet) -> None:
    cookie = "Set-Cookie: vu=1; Path=/"
    outlet.paths["/feed.xml"] = whole(b"", cookie, "Location: http://another.test/x", status="302 Found")
    outlet.paths["/x"] = whole(b"", "Location: http://gazette.test/y", status="302 Found")
    outlet.paths["/y"] = whole(FEED)
    async with a_fetcher(server) as fetcher:
        await fetcher.fetch(feed())
        await fetcher.fetch(feed())
    assert [header(sent, "cookie") for sent in server.heads] == [None, None, "vu=1"] * 2


async def test_refused_connection_is_retried_once() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        async with SafeFetcher(user_agent=AGENT, allowed_addresses=frozenset({"127.0.0.1"})) as fetcher:
            with pytest.raises(Unreachable) as caught:
                await fetcher.fetch(Request(url, FetchKind.FEED))
    assert caught.value.stage == "connect"
    assert caught.value.retriable


async def test_unopened_fetcher_raises() -> None:
    with pytest.raises(RuntimeError, match="context manager"):
        await SafeFetcher(user_agent=AGENT).fetch(Request("http://gazette.test/", FetchKind.FEED))


# ---------------------------------------------------------------- several at once


async def eventually(check: object) -> None:
    while not check():  # type: ignore[operator]
        await asyncio.sleep(0)


@pytest.mark.parametrize(("per_host", "hosts", "expected"), [(1, 1, 1), (2, 1, 2), (2, 3, 6), (50, 1, 5)])
async def test_concurrent_requests_are_limited_per_host_and_process(
    server: HostileServer, outlet: Outlet, per_host: int, hosts: int, expected: int
) -> None:
    outlet.gate.clear()
    limit = 5 if per_host == 50 else 100
    async with a_fetcher(server, per_host=per_host, max_connections=limit) as fetcher:
        waiting = [asyncio.create_task(fetcher.fetch(feed(f"h{n % hosts}.test"))) for n in range(20)]
        await eventually(lambda: outlet.under_way == expected)
        outlet.gate.set()
        await asyncio.gather(*waiting)
    assert outlet.most_under_way == expected


async def test_rate_limit_wait_does_not_count_against_the_deadline(server: HostileServer, outlet: Outlet) -> None:
    limits = {FetchKind.FEED: FetchLimits(total_s=0.5)}
    async with a_fetcher(server, per_host=1, limits=limits, default_spacing_s=0.1) as fetcher:
        answers = await asyncio.gather(*(fetcher.fetch(feed()) for _ in range(9)))
    assert [answer.status for answer in answers] == [200] * 9


# ---------------------------------------------------------------- hosts that ask us to wait


async def test_retry_after_holds_this_host_only(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/feed.xml"] = whole(b"", "Retry-After: 600", status="429 Too Many Requests")
    outlet.paths["/une.html"] = whole(PAGE)
    async with a_fetcher(server, clock=lambda: NOON, obey_robots=False) as fetcher:
        for request in (feed(), feed(), page()):
            with pytest.raises(RetryAfter) as caught:
                await fetcher.fetch(request)
            assert caught.value.until == datetime(2026, 3, 2, 12, 10, tzinfo=UTC)
        assert (await fetcher.fetch(page(host="another.test"))).status == 200
    assert len(server.asked("gazette")) == 1


async def test_hold_reason_names_the_bot_wall(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/feed.xml"] = whole(b"", "cf-mitigated: challenge", status="429 Too Many Requests")
    async with a_fetcher(server) as fetcher:
        with pytest.raises(RetryAfter, match="cloudflare"):
            await fetcher.fetch(feed())


# ---------------------------------------------------------------- robots.txt


async def test_robots_txt_is_fetched_once_for_pages_and_never_for_feeds(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/une.html"] = whole(PAGE)
    async with a_fetcher(server) as fetcher:
        await fetcher.fetch(feed())
        assert not any(b"robots.txt" in sent for sent in server.heads)
        await asyncio.gather(*(fetcher.fetch(page()) for _ in range(4)))
    paths = [sent.split(b" ")[1] for sent in server.heads]
    assert paths.count(b"/robots.txt") == paths.count(b"/.well-known/tdmrep.json") == 1
    assert paths.index(b"/robots.txt") < paths.index(b"/une.html")


async def test_robots_txt_of_the_redirect_target_is_checked(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/une.html"] = whole(b"", "Location: http://another.test/x", status="301 Moved")
    outlet.paths["/robots.txt"] = whole(b"User-agent: *\nDisallow: /x")
    async with a_fetcher(server) as fetcher:
        with pytest.raises(RequestRefused) as caught:
            await fetcher.fetch(page())
    assert caught.value.rule == "robots"
    assert "another.test" in caught.value.url


async def test_robots_txt_can_be_switched_off(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/une.html"] = whole(PAGE)
    async with a_fetcher(server, obey_robots=False) as fetcher:
        await fetcher.fetch(page())
    assert len(server.heads) == 1


async def test_tdm_header_overrides_tdmrep_file(server: HostileServer, outlet: Outlet) -> None:
    outlet.paths["/une.html"] = whole(PAGE, "tdm-reservation: 0")
    outlet.paths["/sport.html"] = whole(PAGE)
    outlet.paths["/.well-known/tdmrep.json"] = whole(b'[{"location": "/", "tdm-reservation": 1, "tdm-policy": "p"}]')
    async with a_fetcher(server) as fetcher:
        assert (await fetcher.fetch(page())).tdm_reserved is False
        sport = await fetcher.fetch(page("/sport.html"))
    assert (sport.tdm_reserved, sport.tdm_policy) == (True, "p")


# ---------------------------------------------------------------- bot walls


@pytest.mark.parametrize(
    ("status", "headers", "body", "wall"),
    [
        (403, {"cf-mitigated": "challenge"}, b"", "cloudflare"),
        (503, {}, b"<script src='/cdn-cgi/challenge-platform/h'>", "cloudflare"),
        (403, {"server": "DataDome"}, b"", "datadome"),
        (403, {}, b"<script src='https://ct.captcha-delivery.com/c.js'>", "datadome"),
        (403, {}, b"window._pxAppId = 'PX1'", "perimeterx"),
        (403, {"server": "AkamaiGHost"}, b"Reference #18 https://errors.edgesuite.net/18", "akamai"),
        (403, {}, b"<iframe src='/_Incapsula_Resource?x'>", "imperva"),
        (405, {"x-amzn-waf-action": "captcha"}, b"", "aws-waf"),
        (429, {"x-kpsdk-ct": "1"}, b"", "kasada"),
        (403, {"x-sucuri-block": "x"}, b"", "sucuri"),
        (403, {"server": "nginx"}, b"Forbidden", None),
        (200, {"cf-mitigated": "challenge"}, b"", None),
        (404, {"server": "cloudflare"}, b"/cdn-cgi/challenge-platform/", None),
    ],
)
def test_bot_walls_are_named(status: int, headers: dict[str, str], body: bytes, wall: str | None) -> None:
    assert bot_wall(status, headers, body) == wall


async def test_queue_of_a_failing_host_is_refused_after_three_failures(server: HostileServer, outlet: Outlet) -> None:
    outlet.gate.clear()
    limits = {FetchKind.FEED: FetchLimits(total_s=0.1)}
    async with a_fetcher(server, limits=limits, per_host=1) as fetcher:
        ends = await asyncio.gather(*(fetcher.fetch(feed()) for _ in range(20)), return_exceptions=True)
    assert [type(end) for end in ends] == [FetchTimeout] * 3 + [RetryAfter] * 17
