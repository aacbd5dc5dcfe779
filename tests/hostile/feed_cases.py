"""The hostile cases of the feed side: bodies that come over the wire whole and are not what they should be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

ITEM = "<item><title>Séance {n}</title><link>http://gazette.test/{n}.html</link><guid>http://gazette.test/{n}.html</guid></item>"


def rss(inner: str, *, before: str = "", after: str = "") -> bytes:
    """A feed around these items; lone surrogates stand for bytes that are no UTF-8."""
    text = f'<?xml version="1.0" encoding="utf-8"?>{before}<rss version="2.0"><channel><title>La Gazette</title>{inner}'
    return (text + "</channel></rss>" + after).encode("utf-8", "surrogatepass")


def items(count: int, *, start: int = 0) -> str:
    return "".join(ITEM.format(n=n) for n in range(start, start + count))


def item(inner: str, n: int = 99) -> str:
    return f"<item><title>Le titre</title><link>http://gazette.test/{n}.html</link>{inner}</item>"


@dataclass(frozen=True, slots=True)
class Understood:
    """What a parse came to, small enough to cross from the process that did it."""

    looks_like: str | None = None  # what it is when it is no feed
    entries: int = 0
    truncated: bool = False
    clipped: bool = False
    text: str = ""  # all that was read of title, link, summary and authors, so that a check may look into it
    links: tuple[str | None, ...] = ()
    alternates: tuple[str, ...] = ()
    cpu_s: float = 0.0
    peak_mb: float = 0.0


@dataclass(frozen=True, slots=True)
class FeedCase:
    """One body and what must be understood of it; `entries=None`: it is no feed."""

    name: str
    make: Callable[[], bytes]
    entries: int | None
    truncated: bool = False
    clipped: bool = False
    content_type: str = "application/rss+xml"
    check: Callable[[Understood], bool] = lambda _: True

    def fault(self, understood: Understood) -> str | None:
        """What is wrong with what was understood, or None."""
        count = None if understood.looks_like is not None else understood.entries
        if count != self.entries:
            return f"expected {self.entries} entries, got {count} ({understood.looks_like})"
        if (understood.truncated, understood.clipped) != (self.truncated, self.clipped):
            return f"truncated={understood.truncated}, clipped={understood.clipped}"
        return None if self.check(understood) else f"the check failed: {understood.text[:300]!r} {understood.links[:3]}"


def billion_laughs() -> bytes:
    entities = "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10}">' for n in range(1, 11))
    return rss(f"<item><title>&a10;</title></item>{items(2)}", before=f'<!DOCTYPE rss [<!ENTITY a0 "ha">{entities}]>')


def quadratic_entities() -> bytes:
    return rss(
        f"<item><title>{'&a;' * 50_000}</title></item>{items(2)}",
        before=f'<!DOCTYPE rss [<!ENTITY a "{"a" * 50_000}">]>',
    )


def external_entity(system: str) -> Callable[[], bytes]:
    def make() -> bytes:
        return rss(
            f"<item><title>&x;</title></item>{items(2)}", before=f'<!DOCTYPE rss [<!ENTITY x SYSTEM "{system}">]>'
        )

    return make


def nothing_of_ours(understood: Understood) -> bool:
    return "root:" not in understood.text and "ha" * 100 not in understood.text


def clean(understood: Understood) -> bool:
    """No NUL, no lone surrogate, no other control character that JSON, Kafka or a database would choke on."""
    return not any(ch in "\x00\x01\x08\x0b\x1f" or "\ud800" <= ch <= "\udfff" for ch in understood.text)


def says(word: str) -> Callable[[Understood], bool]:
    return lambda understood: word in understood.text and clean(understood)


def web_links_only(understood: Understood) -> bool:
    return all(link is None or link.startswith(("http://", "https://")) for link in understood.links)


def json_feed(inner: str) -> bytes:
    return ('{"version": "https://jsonfeed.org/version/1.1", "title": "Gazette", "items": [' + inner + "]}").encode()


WALL = (
    b"<!doctype html><html><head><title>Just a moment...</title></head><body>"
    + b"<div>x</div>" * 180_000
    + b"</body></html>"
)
ALTERNATE = (
    b'<html><head><link rel="alternate" type="application/rss+xml" href="/rss.xml"></head><body>une</body></html>'
)

FEED_CASES = (
    # entities and documents
    FeedCase("billion-laughs", billion_laughs, 3, check=nothing_of_ours),
    FeedCase("quadratic-entities", quadratic_entities, 3, check=nothing_of_ours),
    FeedCase("external-entity-file", external_entity("file:///etc/passwd"), 3, check=nothing_of_ours),
    FeedCase("external-entity-http", external_entity("http://127.0.0.1:1/"), 3, check=nothing_of_ours),
    FeedCase("external-dtd", lambda: rss(items(2), before='<!DOCTYPE rss SYSTEM "http://127.0.0.1:1/rss.dtd">'), 2),
    FeedCase("two-documents", lambda: rss(items(2)) + rss(items(2, start=50)), 4),
    FeedCase("warning-before-declaration", lambda: b"<br />\n<b>Warning</b>: mysql\n" + rss(items(2)), 2),
    FeedCase("mark-and-spaces-before", lambda: b"\xef\xbb\xbf \r\n" + rss(items(2)), 2),
    FeedCase("junk-after-root", lambda: rss(items(2), after="<!-- 0.2 s --><script>x()</script>"), 2),
    FeedCase("processing-instructions", lambda: rss("<?php x ?>" * 50_000 + items(2)), 2),
    FeedCase("comment-unclosed", lambda: rss(items(2) + "<!-- " + items(3, start=10)), 2),
    FeedCase("cdata-unclosed", lambda: rss(items(2) + "<item><title><![CDATA[Le ti")[:-16], 3, truncated=True),
    # size
    FeedCase("million-empty-items", lambda: rss("<item/>" * 1_000_000), 1, clipped=True),
    FeedCase("fifty-thousand-entries", lambda: rss(items(50_000)), 2000, clipped=True),
    FeedCase("same-link-1000-times", lambda: rss(ITEM.format(n=1) * 1000), 1),
    FeedCase(
        "ten-megabyte-text",
        lambda: rss(items(2) + item(f"<description>{'mot ' * 2_500_000}</description>")),
        3,
        clipped=True,
    ),
    FeedCase(
        "ten-megabyte-title",
        lambda: rss(items(2) + f"<item><title>{'mot ' * 2_500_000}</title></item>"),
        3,
        clipped=True,
    ),
    FeedCase(
        "five-megabyte-link",
        lambda: rss(items(2) + f"<item><title>t</title><link>http://g.test/{'a' * 5_000_000}</link></item>"),
        3,
    ),
    FeedCase("ten-megabyte-spaces", lambda: rss(items(1) + " " * 10_000_000 + items(1, start=5)), 2, clipped=True),
    FeedCase("five-megabyte-attribute", lambda: rss(items(2) + item(f"<enclosure url='{'a' * 5_000_000}'/>")), 3),
    # depth and width
    FeedCase(
        "deep-nesting", lambda: rss(items(1) + "<a>" * 100_000 + "</a>" * 100_000 + items(1, start=5)), 1, clipped=True
    ),
    FeedCase("deep-nesting-unclosed", lambda: rss(items(2) + "<a>" * 100_000), 2, clipped=True),
    FeedCase("nested-items", lambda: rss("<item><title>a</title>" * 2000 + "</item>" * 2000), 1),
    FeedCase(
        "hundred-thousand-categories", lambda: rss(items(1) + item("<category>a</category>" * 100_000)), 2, clipped=True
    ),
    FeedCase(
        "hundred-thousand-attributes",
        lambda: rss(items(1) + item("<x " + " ".join(f"a{n}='1'" for n in range(100_000)) + "/>")),
        2,
    ),
    FeedCase(
        "hundred-thousand-namespaces",
        lambda: rss(items(1) + item("<x " + " ".join(f"xmlns:a{n}='u{n}'" for n in range(100_000)) + "/>")),
        2,
    ),
    FeedCase(
        "hundred-thousand-entities",
        lambda: rss(items(2) + item(f"<description>{'&eacute;' * 100_000}</description>")),
        3,
    ),
    FeedCase(
        "hundred-thousand-unknown-entities",
        lambda: rss(items(2) + item(f"<description>{'&xyzzy;' * 100_000}</description>")),
        3,
    ),
    # what makes regular expressions slow
    FeedCase("author-quarter-megabyte", lambda: rss(items(2) + item(f"<author>{'a' * 262_144}</author>")), 3),
    FeedCase("author-at-signs", lambda: rss(items(2) + item(f"<author>{'a.@' * 30_000}</author>")), 3),
    FeedCase("escaped-comments", lambda: rss(items(2) + item(f"<description>{'&lt;!--' * 100_000}</description>")), 3),
    FeedCase("escaped-tags", lambda: rss(items(2) + item(f"<description>{'&lt;p&gt;' * 100_000}</description>")), 3),
    FeedCase("angle-brackets", lambda: rss(items(2) + item("<description>" + "<" * 200_000 + "</description>")), 3),
    FeedCase("ampersands", lambda: rss(items(2) + item("<description>" + "& " * 200_000 + "</description>")), 3),
    FeedCase("long-date", lambda: rss(items(2) + item(f"<pubDate>{'1' * 500_000}</pubDate>")), 3),
    FeedCase("date-of-blanks", lambda: rss(items(2) + item(f"<pubDate>Mon,{' ' * 500_000}</pubDate>")), 3),
    # characters
    FeedCase("nul-bytes", lambda: rss(items(2) + item("<description>a\x00b</description>")), 3, check=clean),
    FeedCase("nul-reference", lambda: rss(items(2) + item("<description>a&#0;b</description>")), 3, check=clean),
    FeedCase(
        "surrogate-reference", lambda: rss(items(2) + item("<description>a&#xD800;b</description>")), 3, check=clean
    ),
    FeedCase(
        "reference-beyond-unicode",
        lambda: rss(items(2) + item("<description>&#x110000;b</description>")),
        3,
        check=clean,
    ),
    FeedCase(
        "reference-huge", lambda: rss(items(2) + item(f"<description>&#{'9' * 6000};</description>")), 2, check=clean
    ),
    FeedCase("surrogate-bytes", lambda: rss(items(2) + item("<description>a\ud800b</description>")), 3, check=clean),
    FeedCase(
        "control-characters",
        lambda: rss(items(2) + item("<description>a\x01\x08\x0b\x1fb</description>")),
        3,
        check=clean,
    ),
    FeedCase(
        "latin-1-declared-utf-8",
        lambda: rss(item("<description>café</description>")).decode().encode("latin-1"),
        1,
        check=says("café"),
    ),
    FeedCase(
        "one-broken-byte", lambda: rss(items(2)).replace("Séance 1".encode(), b"S\xe9ance 1"), 2, check=says("Séance 0")
    ),
    FeedCase("utf-8-declared-latin-1", lambda: rss(items(2)).replace(b"utf-8", b"iso-8859-1"), 2, check=says("Séance")),
    FeedCase("charset-unknown", lambda: rss(items(2)).replace(b'"utf-8"', b'"x-klingon"'), 2, check=says("Séance")),
    FeedCase(
        "charset-header-wrong",
        lambda: rss(items(2)),
        2,
        content_type="text/xml; charset=us-ascii",
        check=says("Séance"),
    ),
    FeedCase(
        "utf-16-with-mark",
        lambda: rss(items(2)).decode().replace("utf-8", "utf-16").encode("utf-16"),
        2,
        check=says("Séance"),
    ),
    FeedCase(
        "utf-16-without-mark",
        lambda: rss(items(2)).decode().replace("utf-8", "utf-16").encode("utf-16-le"),
        2,
        check=says("Séance"),
    ),
    # links and identities
    FeedCase(
        "links-of-other-schemes",
        lambda: rss(
            "".join(
                f"<item><title>t{n}</title><link>{link}</link></item>"
                for n, link in enumerate(
                    (
                        "javascript:alert(1)",
                        "data:text/html,x",
                        "file:///etc/passwd",
                        "gopher://g.test/1",
                        "http://gazette.test/a",
                    )
                )
            )
        ),
        5,
        check=web_links_only,
    ),
    FeedCase(
        "base-unusable",
        lambda: rss(items(1) + item("<description xml:base='http://[bad/'>a</description>") + items(1, start=5)),
        3,
        check=lambda u: None not in u.links,
    ),
    FeedCase(
        "link-with-newlines",
        lambda: rss("<item><title>t</title><link>\n http://gazette.test/a\n b </link></item>"),
        1,
        check=web_links_only,
    ),
    FeedCase("no-guid-no-link", lambda: rss("<item><title>a</title></item><item><title>b</title></item>"), 2),
    FeedCase(
        "one-guid-for-all",
        lambda: rss(
            "".join(
                f"<item><title>t{n}</title><link>http://gazette.test/{n}.html</link><guid>1</guid></item>"
                for n in range(5)
            )
        ),
        5,
    ),
    # dates
    FeedCase(
        "dates-out-of-time",
        lambda: rss(
            "".join(
                item(f"<pubDate>{date}</pubDate>", n)
                for n, date in enumerate(
                    (
                        "Mon, 01 Jan -001 00:00:00 GMT",
                        "99999-01-01",
                        "0000-00-00",
                        "1700000000",
                        "Mon, 32 Foo 2026",
                        "2026-03-02T25:61:61+99:99",
                    )
                )
            )
        ),
        6,
    ),
    # no feeds
    FeedCase("empty", lambda: b"", None),
    FeedCase("blank", lambda: b" \r\n\t" * 100, None),
    FeedCase("nul-only", lambda: bytes(10_000), None),
    FeedCase("png", lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50, None, content_type="image/png"),
    FeedCase("pdf", lambda: b"%PDF-1.7\n" + bytes(range(256)) * 50, None, content_type="application/pdf"),
    FeedCase("zip", lambda: b"PK\x03\x04" + bytes(5000), None, content_type="application/zip"),
    FeedCase("json-error", lambda: b'{"error": "rate limit"}', None, content_type="application/json"),
    FeedCase("json-cut", lambda: json_feed('{"id": "1"}')[:-4], None, content_type="application/feed+json"),
    FeedCase("json-deep", lambda: b'{"items":' + b"[" * 200_000, None, content_type="application/feed+json"),
    FeedCase(
        "error-page",
        lambda: b"<html><head><title>503</title></head><body>Oops</body></html>",
        None,
        content_type="text/html",
    ),
    FeedCase(
        "page-with-alternate",
        lambda: ALTERNATE,
        None,
        content_type="text/html",
        check=lambda u: u.alternates == ("http://page-with-alternate.hostile.test/rss.xml",),
    ),
    FeedCase("challenge-page-2-mb", lambda: WALL, None, content_type="text/html"),
    FeedCase("svg", lambda: b"<svg xmlns='http://www.w3.org/2000/svg'><text>rss</text></svg>", None),
    FeedCase("only-lt", lambda: b"<" * 1_000_000, None),
    # JSON Feed
    FeedCase(
        "json-surrogate",
        lambda: json_feed('{"id": "1", "title": "a\\ud800b", "url": "http://gazette.test/1"}'),
        1,
        content_type="application/feed+json",
        check=clean,
    ),
    FeedCase(
        "json-huge-number",
        lambda: json_feed('{"id": ' + "9" * 5000 + ', "title": "a"}, {"id": "2", "title": "b"}'),
        None,
        content_type="application/feed+json",
    ),
    FeedCase(
        "json-wrong-types",
        lambda: json_feed('{"id": {"a": 1}, "title": ["x"], "authors": "y"}, 5, null, "x", {"id": "2", "title": "b"}'),
        2,
        content_type="application/feed+json",
    ),
)
