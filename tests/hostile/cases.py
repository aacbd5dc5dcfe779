"""The hostile cases of the fetch side: what a server does, and how the fetch must end.

Outcomes follow what a serious ingest needs: a deadline ends what is slow, a cap what is endless, a rule what is
forbidden; what is only odd is read and noted. Reading feeds and pages that came over the wire whole is parse_cases.py.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

import brotli
import zstandard

from pipeline.domain.errors import (
    FetchError,
    FetchTimeout,
    RequestRefused,
    RetryAfter,
    TooLarge,
    TooManyRedirects,
    Unreachable,
)
from pipeline.domain.model import FetchKind, Response, Validators
from tests.hostile.server import Call, Serve

ITEM = (
    "<item><title>Séance {n} du conseil</title><link>http://gazette.test/{n}.html</link>"
    "<description>Le conseil a délibéré pendant {n} heures.</description></item>"
)
FEED = (
    '<?xml version="1.0" encoding="utf-8"?><rss version="2.0"><channel><title>La Gazette</title>'
    + "".join(ITEM.format(n=n) for n in range(10))
    + "</channel></rss>"
).encode()
PAGE = "<!doctype html><html><body><article><p>Le maire a signé l’arrêté.</p></article></body></html>".encode()


# ---------------------------------------------------------------- how a case must end


@dataclass(frozen=True, slots=True)
class Fails:
    """With this error, whose rule, stage or reason contains `word`."""

    error: type[FetchError]
    word: str = ""

    def fault(self, outcome: Response | FetchError) -> str | None:
        """What is wrong with an outcome, or None."""
        if type(outcome) is not self.error:
            return f"expected {self.error.__name__}, got {outcome!r}"
        said = " ".join(str(getattr(outcome, name, "")) for name in ("rule", "stage", "reason"))
        return None if self.word in said else f"expected {self.word!r} in {said!r}"


@dataclass(frozen=True, slots=True)
class Answers:
    """With a response."""

    status: int = 200
    body: bytes | None = FEED
    truncated: bool = False
    note: str = ""
    check: Callable[[Response], bool] = lambda _: True

    def fault(self, outcome: Response | FetchError) -> str | None:
        """What is wrong with an outcome, or None."""
        if isinstance(outcome, FetchError):
            return f"expected {self.status}, got {outcome!r}"
        if (outcome.status, outcome.truncated) != (self.status, self.truncated):
            return f"got {outcome.status}, truncated={outcome.truncated}, notes {outcome.notes}"
        if self.body is not None and outcome.body != self.body:
            return f"another body: {len(outcome.body)} bytes, {outcome.body[:60]!r}"
        if self.note not in " ".join(outcome.notes) or (not self.note and outcome.notes):
            return f"expected the note {self.note!r}, got {outcome.notes}"
        return None if self.check(outcome) else f"the check failed on {outcome}"


@dataclass(frozen=True, slots=True)
class Case:
    """One thing that a server does. `url` overrides the case's own address."""

    name: str
    serve: Serve
    ends: Fails | Answers
    kind: FetchKind = FetchKind.FEED
    url: str | None = None
    validators: Validators = field(default_factory=Validators)
    hangs: bool = False  # it would go on for ever if we let it

    @property
    def address(self) -> str:
        return self.url if self.url is not None else f"http://{self.name}.hostile.test/feed.xml"


# ---------------------------------------------------------------- building answers


def head(*lines: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "", ""]).encode("utf-8")


def whole(body: bytes = FEED, *lines: str, status: str = "200 OK") -> bytes:
    return head(*lines, f"Content-Length: {len(body)}", status=status) + body


def raw(data: bytes, *, close: bool = False) -> Serve:
    """The same bytes to every request."""

    async def serve(call: Call) -> None:
        await call.send(data)
        if close:
            call.close()

    return serve


def raw_later(make: Callable[[], bytes]) -> Serve:
    """Bytes that are costly to make, made when they are asked for."""

    async def serve(call: Call) -> None:
        await call.send(make())

    return serve


def redirect(location: str | bytes, status: str = "302 Found") -> Serve:
    raw_location = location.encode() if isinstance(location, str) else location
    return raw(f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nLocation: ".encode() + raw_location + b"\r\n\r\n")


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


CHUNKED = head("Transfer-Encoding: chunked")

# ---------------------------------------------------------------- slow and endless


async def slow_headers(call: Call) -> None:
    await call.drip(head("X-Slow: " + "a" * 5000))


async def slow_body(call: Call) -> None:
    await call.send(head(f"Content-Length: {len(FEED)}"))
    await call.drip(FEED)


async def slow_chunks(call: Call) -> None:
    await call.send(CHUNKED)
    await call.drip(chunked(*[b"a"] * 1000))


async def silent(call: Call) -> None:
    await call.silence()


async def silent_after_headers(call: Call) -> None:
    await call.send(head(f"Content-Length: {len(FEED)}"))
    await call.silence()


async def silent_mid_body(call: Call) -> None:
    await call.send(head(f"Content-Length: {len(FEED)}") + FEED[:100])
    await call.silence()


def endless(start: bytes, again: bytes) -> Serve:
    async def serve(call: Call) -> None:
        await call.send(start)
        await call.flood(again)

    return serve


async def hundred_megabytes(call: Call) -> None:
    await call.send(CHUNKED)
    for _ in range(1600):
        await call.send(chunked(b"<item/>" * 9000))
    await call.send(b"0\r\n\r\n")


SLOW = (
    Case("slow-headers", slow_headers, Fails(FetchTimeout), hangs=True),
    Case("slow-body", slow_body, Fails(FetchTimeout), hangs=True),
    Case("slow-chunks", slow_chunks, Fails(FetchTimeout), hangs=True),
    Case("silent", silent, Fails(FetchTimeout), hangs=True),
    Case("silent-after-headers", silent_after_headers, Fails(FetchTimeout), hangs=True),
    Case("silent-mid-body", silent_mid_body, Fails(FetchTimeout), hangs=True),
    Case("endless-body-until-close", endless(head(), b"<item/>" * 9000), Fails(TooLarge, "000000 bytes")),
    Case("endless-body-chunked", endless(CHUNKED, chunked(b"<item/>" * 9000)), Fails(TooLarge, "000000 bytes")),
    Case("many-one-byte-chunks", raw(CHUNKED + chunked(*[b"a"] * 50_000, b"")), Answers(body=b"a" * 50_000)),
    Case("endless-chunk-extension", endless(CHUNKED + b"5;", b"a" * 60_000), Fails(Unreachable)),
    Case("endless-trailer", endless(CHUNKED + b"0\r\n", b"X-T: a\r\n" * 1000), Fails(Unreachable)),
    Case("endless-headers", endless(b"HTTP/1.1 200 OK\r\n", b"X-More: a\r\n" * 1000), Fails(Unreachable, "protocol")),
    Case("endless-header-line", endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a" * 60_000), Fails(Unreachable, "protocol")),
    Case("endless-status-line", endless(b"HTTP/1.1 200 ", b"O" * 60_000), Fails(Unreachable, "protocol")),
    Case("endless-continue", endless(b"", head(status="100 Continue") * 1000), Fails(Unreachable, "informational")),
    Case("5000-continue", raw(head(status="100 Continue") * 5000 + whole()), Fails(Unreachable, "informational")),
    Case("three-early-hints", raw(head("Link: </a.css>", status="103 Early Hints") * 3 + whole()), Answers()),
    Case("hundred-megabytes", hundred_megabytes, Fails(TooLarge, "000000 bytes")),
    Case("hundred-megabytes-announced", raw(head("Content-Length: 100000000")), Fails(TooLarge, "announces")),
    Case("exabyte-announced", raw(head("Content-Length: 1000000000000000000")), Fails(TooLarge, "announces")),
)

# ---------------------------------------------------------------- lengths and framing


async def reset_at_once(call: Call) -> None:
    call.reset()


async def reset_mid_body(call: Call) -> None:
    await call.send(head(f"Content-Length: {len(FEED)}") + FEED[:400])
    call.reset()


async def close_at_once(call: Call) -> None:
    call.close()


async def flaky(call: Call) -> None:
    """The first connection is lost, the second is good."""
    if call.number == 1:
        call.close()
    else:
        await call.send(whole())


FRAMING = (
    Case(
        "length-short", raw(head("Content-Length: 400") + FEED), Answers(body=FEED[:400], truncated=True, note="more")
    ),
    Case("length-long", raw(head("Content-Length: 99999") + FEED, close=True), Fails(Unreachable, "body")),
    Case("length-twice", raw(head("Content-Length: 5", "Content-Length: 9") + FEED), Fails(Unreachable, "protocol")),
    Case("length-negative", raw(head("Content-Length: -5") + FEED), Fails(Unreachable, "protocol")),
    Case("length-garbage", raw(head("Content-Length: many") + FEED), Fails(Unreachable, "protocol")),
    Case("length-and-chunked", raw(head("Content-Length: 5", "Transfer-Encoding: chunked")), Fails(Unreachable)),
    Case("no-length-until-close", raw(head() + FEED, close=True), Answers()),
    Case("two-answers-at-once", raw(whole() + whole(b"<rss>smuggled</rss>")), Answers(truncated=True, note="more")),
    Case("chunked-cut-in-chunk", raw(CHUNKED + b"500\r\n" + FEED[:100], close=True), Fails(Unreachable, "body")),
    Case("chunked-no-last-chunk", raw(CHUNKED + chunked(FEED), close=True), Fails(Unreachable, "body")),
    Case("chunked-bad-size", raw(CHUNKED + b"zz\r\n" + FEED), Fails(Unreachable)),
    Case("chunked-size-overflow", raw(CHUNKED + b"F" * 20 + b"\r\n" + FEED), Fails(Unreachable)),
    Case("chunked-wrong-size", raw(CHUNKED + b"5\r\nabcdefgh\r\n0\r\n\r\n"), Fails(Unreachable)),
    Case("chunked-by-bytes", raw(CHUNKED + chunked(*(FEED[n : n + 1] for n in range(len(FEED))), b"")), Answers()),
    Case("coding-unknown-transfer", raw(head("Transfer-Encoding: bzip2") + FEED, close=True), Answers()),
    Case("reset-at-once", reset_at_once, Fails(Unreachable, "cut")),
    Case("reset-mid-body", reset_mid_body, Fails(Unreachable, "body")),
    Case("close-at-once", close_at_once, Fails(Unreachable, "cut")),
    Case("lost-once", flaky, Answers()),
    Case("empty-body", raw(whole(b"")), Answers(body=b"")),
)

# ---------------------------------------------------------------- what is no HTTP/1.1

NO_HTTP = (
    Case("http-zero-nine", raw(FEED, close=True), Fails(Unreachable, "protocol")),
    Case("icy", raw(b"ICY 200 OK\r\nicy-name: radio\r\n\r\n" + FEED, close=True), Fails(Unreachable, "protocol")),
    Case("http2-preface", raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", close=True), Fails(Unreachable, "protocol")),
    Case("http2-frames", raw(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * 10, close=True), Fails(Unreachable, "protocol")),
    Case("http2-goaway", raw(b"\x00\x00\x08\x07" + b"\x00" * 13, close=True), Fails(Unreachable, "protocol")),
    Case("version-3-7", raw(b"HTTP/3.7 200 OK\r\nContent-Length: 2\r\n\r\nok"), Fails(Unreachable, "protocol")),
    Case("status-2000", raw(b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\nok"), Fails(Unreachable, "protocol")),
    Case("status-minus-1", raw(b"HTTP/1.1 -1 OK\r\nContent-Length: 2\r\n\r\nok"), Fails(Unreachable, "protocol")),
    Case("status-missing", raw(b"HTTP/1.1\r\nContent-Length: 2\r\n\r\nok"), Fails(Unreachable, "protocol")),
    Case("ssh-banner", raw(b"SSH-2.0-OpenSSH_9.6\r\n", close=True), Fails(Unreachable, "protocol")),
    Case("smtp-banner", raw(b"220 mail.gazette.test ESMTP\r\n", close=True), Fails(Unreachable, "protocol")),
    Case("tls-alert-on-plain", raw(b"\x15\x03\x01\x00\x02\x02\x46", close=True), Fails(Unreachable, "protocol")),
    Case("random-bytes", raw(bytes(range(256)) * 50, close=True), Fails(Unreachable, "protocol")),
    Case("upgrade-101", raw(head("Upgrade: h2c", "Connection: Upgrade", status="101 Switching")), Fails(Unreachable)),
    Case("line-feeds-only", raw(b"HTTP/1.1 200 OK\nContent-Length: 2\n\nok"), Answers(body=b"ok")),
    Case("header-without-colon", raw(head("no colon here")), Fails(Unreachable, "protocol")),
    Case("header-with-nul", raw(head("X-Nul: a\x00b")), Fails(Unreachable, "protocol")),
    Case("header-name-with-space", raw(head("Bad Name: a")), Fails(Unreachable, "protocol")),
    Case("two-hundred-headers", raw(whole(FEED, *(f"X-{n}: a" for n in range(200)))), Fails(Unreachable, "protocol")),
    Case("header-of-100-kb", raw(whole(FEED, "X-Big: " + "a" * 100_000)), Fails(Unreachable, "protocol")),
    Case("cookies-of-100-kb", raw(whole(FEED, *(f"Set-Cookie: c{n}={'a' * 1000}" for n in range(100)))), Answers()),
    Case(
        "header-not-utf-8",
        raw(b"HTTP/1.1 200 OK\r\nX-Name: caf\xe9\r\nContent-Length: %d\r\n\r\n" % len(FEED) + FEED),
        Answers(check=lambda r: r.header("x-name") == "café"),
    ),
)

# ---------------------------------------------------------------- codings


def gz(body: bytes = FEED) -> bytes:
    return gzip.compress(body, mtime=0)


def bare_deflate(body: bytes = FEED) -> bytes:
    return zlib.compress(body)[2:-4]


@cache
def gzip_bomb() -> bytes:
    return gz(bytes(100_000_000))


@cache
def brotli_bomb() -> bytes:
    return bytes(brotli.compress(bytes(100_000_000), quality=4))


@cache
def zstd_bomb() -> bytes:
    # Without its size in the frame, which alone would give it away.
    return zstandard.ZstdCompressor(write_content_size=False).compress(bytes(100_000_000))


@cache
def zstd_wide_window() -> bytes:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    compressor = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return compressor.compress(FEED) + compressor.flush()


def under(coding: str, make: Callable[[], bytes]) -> Serve:
    return raw_later(lambda: whole(make(), f"Content-Encoding: {coding}"))


async def garbage_unless_identity(call: Call) -> None:
    if call.sent_headers["accept-encoding"] == "identity":
        await call.send(whole())
    else:
        await call.send(whole(b"\x89PNG\x00\x01\x02", "Content-Encoding: gzip"))


CODINGS = (
    Case("gzip", under("gzip", gz), Answers()),
    Case("x-gzip", under("x-gzip", gz), Answers()),
    Case("deflate", under("deflate", lambda: zlib.compress(FEED)), Answers()),
    Case("bare-deflate", under("deflate", bare_deflate), Answers(note="bare deflate")),
    Case("br", under("br", lambda: bytes(brotli.compress(FEED))), Answers()),
    Case("zstd", under("zstd", lambda: zstandard.compress(FEED)), Answers()),
    Case("gzip-then-br", under("gzip, br", lambda: bytes(brotli.compress(gz()))), Answers()),
    Case("gzip-cut", under("gzip", lambda: gz()[:-60]), Answers(body=None, truncated=True, note="gzip cut")),
    Case("gzip-without-crc", under("gzip", lambda: gz()[:-8]), Answers(truncated=True, note="gzip cut")),
    Case("gzip-cut-to-nothing", under("gzip", lambda: gz()[:11]), Fails(Unreachable, "coding")),
    Case(
        "br-cut",
        under("br", lambda: bytes(brotli.compress(FEED * 99))[:-9]),
        Answers(body=None, truncated=True, note="br"),
    ),
    Case("zstd-cut", under("zstd", lambda: zstandard.compress(FEED)[:-9]), Fails(Unreachable, "coding")),
    Case("gzip-damaged", under("gzip", lambda: gz()[:50] + b"\xff" * 9 + gz()[59:]), Fails(Unreachable, "coding")),
    Case("gzip-header-plain-body", under("gzip", lambda: FEED), Answers(note="gzip header, plain body")),
    Case("br-header-plain-body", under("br", lambda: FEED), Answers(note="br header, plain body")),
    Case("gzip-without-header", raw(whole(gz())), Answers(note="gzip without header")),
    Case("gzip-twice", under("gzip", lambda: gz(gz())), Answers(note="gzip twice")),
    Case("gzip-junk", under("gzip", lambda: gz() + b"<!-- 0.2 s -->"), Answers(note="junk after gzip")),
    Case("gzip-zero-padding", under("gzip", lambda: gz() + bytes(512)), Answers()),
    Case("gzip-members", under("gzip", lambda: gz(FEED[:90]) + gz(FEED[90:])), Answers(note="several gzip members")),
    Case("coding-utf-8", under("utf-8", lambda: FEED), Answers(note="unknown coding utf-8")),
    Case("coding-identity", under("identity", lambda: FEED), Answers()),
    Case("coding-on-nothing", under("gzip", lambda: b""), Answers(body=b"")),
    Case("coding-garbage", under("gzip", lambda: b"\x89PNG\x00\x01"), Fails(Unreachable, "coding")),
    Case("coding-garbage-unless-identity", garbage_unless_identity, Answers()),
    Case("three-codings", under("gzip, gzip, gzip", lambda: gz(gz(gz()))), Fails(Unreachable, "coding")),
    Case("gzip-bomb", under("gzip", gzip_bomb), Fails(TooLarge)),
    Case("gzip-bomb-without-header", raw_later(lambda: whole(gzip_bomb())), Fails(TooLarge)),
    Case("gzip-bomb-nested", under("gzip", lambda: gz(gzip_bomb())), Fails(TooLarge)),
    Case("br-bomb", under("br", brotli_bomb), Fails(TooLarge, "200 to 1")),
    Case("zstd-bomb", under("zstd", zstd_bomb), Fails(TooLarge, "200 to 1")),
    Case("zstd-wide-window", under("zstd", zstd_wide_window), Fails(Unreachable, "coding")),
    Case("gzip-empty-members", under("gzip", lambda: gz(b"") * 50_000), Fails(Unreachable, "coding")),
)

# ---------------------------------------------------------------- redirects


def hops(count: int) -> Serve:
    async def serve(call: Call) -> None:
        done = int(call.path.rpartition("/")[2]) if call.path.startswith("/hop/") else 0
        if done == count:
            await call.send(whole())
        else:
            await redirect(f"/hop/{done + 1}")(call)

    return serve


async def ping_pong(call: Call) -> None:
    await redirect("/b" if call.path != "/b" else "/a")(call)


async def cookie_gate(call: Call) -> None:
    """Redirects to itself until the cookie comes back, as consent pages do."""
    if "vu=1" in call.sent_headers.get("cookie", ""):
        await call.send(whole())
    else:
        await call.send(
            head("Location: /feed.xml", "Set-Cookie: vu=1; Path=/", "Content-Length: 0", status="302 Found")
        )


async def cookie_loop(call: Call) -> None:
    """A new cookie at each visit, never satisfied."""
    cookie = f"Set-Cookie: n={call.number}; Path=/"
    await call.send(head("Location: /feed.xml", cookie, "Content-Length: 0", status="302 Found"))


def once(location: str | bytes, status: str = "302 Found") -> Serve:
    """Redirects the first path, and answers every other."""

    async def serve(call: Call) -> None:
        await (redirect(location, status)(call) if call.path == "/feed.xml" else call.send(whole()))

    return serve


REDIRECTS = (
    Case("redirect-to-itself", redirect("/feed.xml"), Fails(TooManyRedirects, "loop")),
    Case("redirect-ping-pong", ping_pong, Fails(TooManyRedirects, "loop")),
    Case("redirect-five-hops", hops(5), Answers(check=lambda r: len(r.redirects) == 5)),
    Case("redirect-six-hops", hops(6), Fails(TooManyRedirects, "more than 5")),
    Case("redirect-cookie-gate", cookie_gate, Answers()),
    Case("redirect-cookie-loop", cookie_loop, Fails(TooManyRedirects)),
    Case("redirect-308", once("/x", "308 Permanent Redirect"), Answers(check=lambda r: r.redirects[0].status == 308)),
    Case("redirect-nowhere", raw(head("Content-Length: 0", status="302 Found")), Fails(Unreachable, "redirect")),
    Case("redirect-empty", redirect(""), Fails(Unreachable, "redirect")),
    Case("redirect-unparsable", redirect("http://[bad/"), Fails(Unreachable, "redirect")),
    Case("redirect-utf-8", once("/séance"), Answers(check=lambda r: r.final_url.endswith("/s%C3%A9ance"))),
    Case("redirect-latin-1", once(b"/s\xe9ance"), Answers(check=lambda r: r.final_url.endswith("/s%E9ance"))),
    Case("redirect-spaces", once(" /a b "), Answers(check=lambda r: r.final_url.endswith("/a%20b"))),
    Case("redirect-percent", once("/a%2Fb?c=%20+d"), Answers(check=lambda r: r.final_url.endswith("/a%2Fb?c=%20+d"))),
    Case("redirect-fragment", once("/x#haut"), Answers(check=lambda r: r.final_url.endswith("/x"))),
    Case("redirect-userinfo", once("http://a:b@good.hostile.test/"), Answers(note="userinfo dropped")),
    Case("redirect-file", redirect("file:///etc/passwd"), Fails(RequestRefused, "scheme")),
    Case("redirect-gopher", redirect("gopher://gazette.test/1"), Fails(RequestRefused, "scheme")),
    Case("redirect-data", redirect("data:text/xml,<rss/>"), Fails(RequestRefused, "scheme")),
    Case("redirect-javascript", redirect("javascript:alert(1)"), Fails(RequestRefused, "scheme")),
    Case("redirect-ftp", redirect("ftp://gazette.test/feed"), Fails(RequestRefused, "scheme")),
    Case("redirect-port-22", redirect("http://good.hostile.test:22/"), Fails(RequestRefused, "port")),
    Case("redirect-port-6379", redirect("http://good.hostile.test:6379/"), Fails(RequestRefused, "port")),
    Case("redirect-port-99999", redirect("http://good.hostile.test:99999/"), Fails(RequestRefused, "url")),
    Case("redirect-no-host", redirect("http:///feed.xml"), Fails(TooManyRedirects, "loop")),
    Case("redirect-backslashes", once("\\\\127.0.0.1\\x"), Answers(check=lambda r: "//redirect-" in r.final_url)),
    Case("redirect-100-kb", redirect("/" + "a" * 100_000), Fails(Unreachable, "protocol")),
    Case(
        "redirect-with-endless-body",
        endless(head("Location: /x", status="302 Found"), b"a" * 9000),
        Fails(TooManyRedirects),
    ),
)

# Every range that must not be reached, and every way to write one that some library or another has fallen for.
FORBIDDEN_HOSTS = {
    "loopback": "127.0.0.1",
    "loopback-other": "127.8.8.8",
    "loopback-short": "127.1",
    "loopback-decimal": "2130706433",
    "loopback-hex": "0x7f000001",
    "loopback-hex-dotted": "0x7f.0x0.0x0.0x1",
    "loopback-octal": "0177.0.0.1",
    "loopback-octal-whole": "017700000001",
    "loopback-mixed": "0x7f.1",
    "loopback-trailing-dot": "127.0.0.1.",
    "loopback-percent": "%31%32%37.0.0.1",
    "loopback-fullwidth": "１２７．０．０．１",
    "loopback-ideographic": "127。0。0。1",
    "loopback-circled": "①②⑦.0.0.1",
    "loopback-userinfo": "gazette.test@127.0.0.1",
    "loopback-with-port": "127.0.0.1:8080",
    "private-10": "10.0.0.1",
    "private-172": "172.16.0.1",
    "private-172-end": "172.31.255.255",
    "private-192": "192.168.1.1",
    "private-hex": "0xc0a80101",
    "cgnat": "100.64.0.1",
    "link-local": "169.254.1.1",
    "metadata": "169.254.169.254",
    "metadata-decimal": "2852039166",
    "metadata-alibaba": "100.100.100.200",
    "metadata-azure": "168.63.129.16",
    "this-network": "0.0.0.0",
    "this-network-short": "0",
    "ietf": "192.0.0.1",
    "benchmarking": "198.18.0.1",
    "documentation": "203.0.113.7",
    "multicast": "224.0.0.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "v6-loopback": "[::1]",
    "v6-loopback-long": "[0:0:0:0:0:0:0:1]",
    "v6-unspecified": "[::]",
    "v6-mapped": "[::ffff:127.0.0.1]",
    "v6-mapped-hex": "[::ffff:7f00:1]",
    "v6-compatible": "[::127.0.0.1]",
    "v6-6to4": "[2002:7f00:1::]",
    "v6-nat64": "[64:ff9b::10.0.0.1]",
    "v6-nat64-local": "[64:ff9b:1::1]",
    "v6-teredo": "[2001:0:4136:e378:8000:63bf:80ff:fffe]",
    "v6-unique-local": "[fd00::8]",
    "v6-metadata": "[fd00:ec2::254]",
    "v6-link-local": "[fe80::1]",
    "v6-site-local": "[fec0::1]",
    "v6-multicast": "[ff02::1]",
    "v6-documentation": "[2001:db8::1]",
    "v6-discard": "[100::1]",
}

FORBIDDEN = tuple(
    Case(f"redirect-to-{name}", redirect(f"http://{host}/latest/meta-data/"), Fails(RequestRefused, "address"))
    for name, host in FORBIDDEN_HOSTS.items()
)

ODD_URLS = (
    Case("url-loopback", raw(whole()), Fails(RequestRefused, "address"), url="http://127.0.0.1/"),
    Case("url-v6-loopback", raw(whole()), Fails(RequestRefused, "address"), url="http://[::1]/"),
    Case("url-idn", raw(whole()), Answers(), url="http://kiosque-à-journaux.hostile.test/é?q=à b"),
    Case("url-userinfo", raw(whole()), Answers(note="userinfo dropped"), url="http://u:p@good.hostile.test/"),
    Case("url-upper-case", raw(whole()), Answers(), url="HTTP://GOOD.HOSTILE.TEST/%7Efeed"),
    Case("url-spaces-around", raw(whole()), Answers(), url="  http://good.hostile.test/a\r\nb  "),
    Case("url-trailing-dot", raw(whole()), Answers(), url="http://good.hostile.test./"),
    Case("url-no-scheme", raw(whole()), Fails(RequestRefused, "scheme"), url="good.hostile.test/feed"),
    Case("url-file", raw(whole()), Fails(RequestRefused, "scheme"), url="file:///etc/passwd"),
    Case("url-feed-scheme", raw(whole()), Fails(RequestRefused, "scheme"), url="feed://good.hostile.test/"),
    Case("url-empty", raw(whole()), Fails(RequestRefused, "scheme"), url=""),
    Case("url-no-host", raw(whole()), Fails(RequestRefused, "host"), url="http:///feed"),
    Case("url-space-in-host", raw(whole()), Fails(RequestRefused, "host"), url="http://good hostile.test/"),
    Case("url-ends-in-number", raw(whole()), Fails(RequestRefused, "host"), url="http://gazette.1234567890123/"),
    Case("url-label-too-long", raw(whole()), Fails(RequestRefused, "host"), url=f"http://{'a' * 300}.test/"),
    Case("url-bad-bracket", raw(whole()), Fails(RequestRefused, "url"), url="http://[::1/"),
    Case("url-port-25", raw(whole()), Fails(RequestRefused, "port"), url="http://good.hostile.test:25/"),
    Case("url-too-long", raw(whole()), Fails(RequestRefused, "url"), url="http://good.hostile.test/" + "a" * 9000),
    Case("url-lone-surrogate", raw(whole()), Answers(), url="http://good.hostile.test/\udce9"),
)

# ---------------------------------------------------------------- statuses


def says(status: str, *lines: str, body: bytes = b"<html>non</html>") -> Serve:
    return raw(whole(body, "Content-Type: text/html", *lines, status=status))


def sent(case: str) -> Serve:
    """304 only for exactly the validator that it sent."""

    async def serve(call: Call) -> None:
        unchanged = call.sent_headers.get("if-none-match") == case
        await call.send(head(f"ETag: {case}", status="304 Not Modified") if unchanged else whole())

    return serve


STATUSES = (
    Case("304-unasked", raw(head('ETag: "a"', status="304 Not Modified")), Answers(304, b"", note="304 without")),
    Case(
        "304-with-body",
        raw(head("Content-Length: 5", status="304 Not Modified") + b"hello"),
        Answers(304, b""),
        validators=Validators('"a"'),
    ),
    Case("etag-weak", sent('W/"a-1"'), Answers(304, b""), validators=Validators('W/"a-1"')),
    Case("etag-unquoted", sent("abc-gzip"), Answers(304, b""), validators=Validators("abc-gzip")),
    Case("etag-huge", sent('"' + "a" * 2000 + '"'), Answers(), validators=Validators('"' + "a" * 2000 + '"')),
    Case("etag-with-newline", raw(whole()), Answers(), validators=Validators('"a\r\nX-Evil: 1"')),
    Case("206-unasked", says("206 Partial Content", "Content-Range: bytes 0-3/99"), Fails(RequestRefused, "partial")),
    Case("226-delta", raw(whole(status="226 IM Used")), Answers(226)),
    Case("204-nothing", raw(head(status="204 No Content")), Answers(204, b"")),
    Case("200-error-page", says("200 OK", body=PAGE), Answers(200, PAGE)),
    Case("500-with-feed", raw(whole(status="500 Oops")), Answers(500)),
    Case("503-plain", says("503 Busy"), Answers(503, None)),
    Case("503-retry-after", says("503 Busy", "Retry-After: 120"), Fails(RetryAfter, "503")),
    Case("429-seconds", says("429 Slow Down", "Retry-After: 120"), Fails(RetryAfter, "429")),
    Case("429-fraction", says("429 Slow Down", "Retry-After: 1.5"), Fails(RetryAfter, "429")),
    Case("429-date", says("429 Slow Down", "Retry-After: Fri, 31 Dec 2100 23:59:59 GMT"), Fails(RetryAfter, "429")),
    Case("429-absurd", says("429 Slow Down", "Retry-After: 99999999999999"), Fails(RetryAfter, "429")),
    Case("429-negative", says("429 Slow Down", "Retry-After: -1"), Fails(RetryAfter, "429")),
    Case("429-without", says("429 Slow Down"), Fails(RetryAfter, "429")),
    Case("429-garbage", says("429 Slow Down", "Retry-After: demain"), Fails(RetryAfter, "429")),
    Case("404", says("404 Not Found"), Answers(404, None)),
    Case("410", says("410 Gone"), Answers(410, None)),
    Case("451", says("451 Unavailable For Legal Reasons"), Answers(451, None)),
    Case("999", says("999 Request Denied"), Answers(999, None)),
    Case("404-endless", endless(head(status="404 Not Found"), b"a" * 60_000), Answers(404, b"a" * 262_144)),
    Case("403-plain", says("403 Forbidden"), Answers(403, None)),
    Case(
        "403-cloudflare",
        says("403 Forbidden", "cf-mitigated: challenge"),
        Answers(403, None, note="bot_wall:cloudflare"),
    ),
    Case("403-datadome", says("403 Forbidden", "X-DataDome: protected"), Answers(403, None, note="bot_wall:datadome")),
    Case(
        "403-perimeterx",
        says("403 Forbidden", body=b"<div id='px-captcha'></div>"),
        Answers(403, None, note="bot_wall:perimeterx"),
    ),
    Case(
        "403-akamai",
        says("403 Forbidden", body=b"Access Denied https://errors.edgesuite.net/18.1"),
        Answers(403, None, note="bot_wall:akamai"),
    ),
    Case(
        "202-aws-waf", says("202 Accepted", "x-amzn-waf-action: challenge"), Answers(202, None, note="bot_wall:aws-waf")
    ),
    Case("200-behind-datadome", raw(whole(FEED, "X-DataDome: protected")), Answers()),
)

# ---------------------------------------------------------------- pages: robots.txt and reservations


def site(robots: Serve, *, page: Serve | None = None, tdmrep: Serve | None = None) -> Serve:
    async def serve(call: Call) -> None:
        if call.path == "/robots.txt":
            await robots(call)
        elif call.path == "/.well-known/tdmrep.json":
            await (tdmrep or says("404 Not Found"))(call)
        else:
            await (page or raw(whole(PAGE)))(call)

    return serve


def rules(text: str) -> Serve:
    return raw(whole(text.encode(), "Content-Type: text/plain"))


def page(name: str, serve: Serve, ends: Fails | Answers, *, hangs: bool = False) -> Case:
    url = f"http://{name}.hostile.test/monde/une.html"
    return Case(name, serve, ends, kind=FetchKind.PAGE, url=url, hangs=hangs)


READ = Answers(body=PAGE)
FIVE_MEGABYTES = "User-agent: *\nDisallow: /monde/\n" + "# blah\n" * 700_000

PAGES = (
    page("robots-none", site(says("404 Not Found")), READ),
    page("robots-forbidden-itself", site(says("403 Forbidden")), READ),
    page("robots-html", site(says("200 OK")), READ),
    page("robots-allows", site(rules("User-agent: *\nDisallow: /sport/")), READ),
    page("robots-disallows", site(rules("User-agent: *\nDisallow: /monde/")), Fails(RequestRefused, "robots")),
    page("robots-disallows-us", site(rules("User-agent: newswire\nDisallow: /")), Fails(RequestRefused, "robots")),
    page("robots-500", site(says("500 Oops")), Fails(RetryAfter, "robots.txt")),
    page("robots-429", site(says("429 Slow Down")), Fails(RetryAfter, "robots.txt")),
    page("robots-cut", site(close_at_once), Fails(RetryAfter, "robots.txt")),
    page("robots-silent", site(silent), Fails(RetryAfter, "robots.txt"), hangs=True),
    page("robots-5-mb", site(rules(FIVE_MEGABYTES)), Fails(RequestRefused, "robots")),
    page("robots-endless", site(endless(head(), b"# blah\n" * 9000)), READ),
    page("robots-bomb", site(under("gzip", gzip_bomb)), Fails(RetryAfter, "robots.txt")),
    page("robots-loop", site(redirect("/robots.txt")), READ),
    page("robots-to-loopback", site(redirect("http://127.0.0.1/")), Fails(RequestRefused, "address")),
    page("robots-stars", site(rules("User-agent: *\nDisallow: /" + "*a" * 3000 + "$")), READ),
    page("robots-not-utf-8", site(raw(whole(b"\xff\xfe\x00User-agent: *\nDisallow: /sport\xe9"))), READ),
    page(
        "page-redirects-to-forbidden",
        site(rules("User-agent: *\nDisallow: /secret"), page=redirect("/secret")),
        Fails(RequestRefused, "robots"),
    ),
    page("page-endless", site(rules(""), page=endless(head(), b"<p>a</p>" * 9000)), Fails(TooLarge, "000000 bytes")),
    page(
        "page-pdf",
        site(rules(""), page=raw(whole(b"%PDF-1.7", "Content-Type: application/pdf"))),
        Answers(body=b"%PDF-1.7"),
    ),
    page(
        "tdm-header",
        site(rules(""), page=raw(whole(PAGE, "TDM-Reservation: 1", "TDM-Policy: http://gazette.test/tdm"))),
        Answers(body=PAGE, check=lambda r: r.tdm_reserved is True and r.tdm_policy == "http://gazette.test/tdm"),
    ),
    page(
        "tdm-file",
        site(rules(""), tdmrep=raw(whole(b'[{"location": "/monde/*", "tdm-reservation": 1}]'))),
        Answers(body=PAGE, check=lambda r: r.tdm_reserved is True),
    ),
    page("tdm-file-nested", site(rules(""), tdmrep=raw(whole(b"[" * 90_000))), READ),
    page(
        "tdm-file-stars",
        site(rules(""), tdmrep=raw(whole(b'[{"location": "' + b"*a" * 900 + b'$", "tdm-reservation": 1}]'))),
        READ,
    ),
)

CASES = (*SLOW, *FRAMING, *NO_HTTP, *CODINGS, *REDIRECTS, *FORBIDDEN, *ODD_URLS, *STATUSES, *PAGES)
SERVED: dict[str, Serve] = {"good": raw(whole())} | {case.name: case.serve for case in CASES}
