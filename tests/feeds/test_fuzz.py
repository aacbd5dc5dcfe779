"""Fuzzing of everything that reads what outlets send: feeds, URLs, headers, dates.

Short by default; `NEWSWIRE_FUZZ_RUNS=1000000` shares that many runs out among the properties (`make fuzz`).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.domain.errors import NotAFeed
from pipeline.domain.model import FeedState, Redirect, Validators
from pipeline.feeds.charset import decode
from pipeline.feeds.parse import body_digest, find_alternates, parse_feed
from pipeline.identity.urls import article_number, canonicalise, host, is_section_or_home, registrable_domain, repair
from pipeline.scheduling.feed_state import (
    NEVER,
    FeedPolicy,
    PollKind,
    PollOutcome,
    decide_poll,
    freshness_floor_s,
    retry_after,
    should_poll_unconditionally,
)
from pipeline.text.dates import EARLIEST, read_date

TOTAL_RUNS = int(os.environ.get("NEWSWIRE_FUZZ_RUNS", "2000"))
NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def runs(share: float) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """So many of all runs; no deadline, for the machine may be busy."""
    return settings(
        max_examples=max(20, round(TOTAL_RUNS * share)),
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


def shuffled(*pieces: str, size: int = 25) -> st.SearchStrategy[str]:
    """Texts made of pieces that mean something to what reads them, and of anything."""
    piece = st.one_of(st.sampled_from(pieces), st.text(max_size=3))
    return st.one_of(st.text(), st.lists(piece, max_size=size).map("".join))


URLS = shuffled(
    *(
        "http://",
        "https:",
        "//",
        "/",
        "\\",
        ":",
        ":80",
        "www.",
        "m.",
        "amp.",
        "x.example",
        "co.uk",
        "[::1]",
        "@",
        "xn--",
    ),
    *(
        "/amp",
        ".amp",
        ".html",
        "index.html",
        "..",
        ".",
        ";jsessionid=1",
        "cdn.ampproject.org/c/s/",
        "google.com/amp/s/",
    ),
    *("?", "&", "&amp;", "%61mp;", "=", "utm_a", "xtor", "ref", "rss", "#", "#!", "%", "%2E", "%2f", "%26", "%C3%A9"),
    *("\u00e9", "\u00df", "\u0130", "\u3002", "\ud800", " ", "\n", "\x00", "+", "'", "<", ">", "feed:", "1234567", "a"),
)
FEEDS = shuffled(
    *(
        '<?xml version="1.0"?>',
        "<rss>",
        '<rss version="2.0">',
        "</rss>",
        "<channel>",
        "</channel>",
        "<item>",
        "</item>",
    ),
    *('<feed xmlns="http://www.w3.org/2005/Atom">', "</feed>", "<entry>", "</entry>", "<rdf:RDF>", "<urlset>", "<url>"),
    *(
        "<title>",
        "</title>",
        "<link>",
        "</link>",
        '<link href="/a"/>',
        "<guid>",
        "</guid>",
        "<description>",
        "<author>",
    ),
    *(
        "<pubDate>",
        "</pubDate>",
        "<updated>",
        "<dc:date>",
        "<category>",
        "<content:encoded>",
        '<x xml:base="http://[b/">',
    ),
    *(
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<!DOCTYPE a [",
        "<!ENTITY a 'b'>",
        "]>",
        "&amp;",
        "&eacute;",
        "&#xD800;",
        "&#0;",
    ),
    *(
        "http://x.example/a",
        "/b",
        "Sun, 01 Mar 2026 12:00:00 GMT",
        "dim, 05/03/2020 - 11:30",
        "\x00",
        "\ud800",
        "\u00e9",
        " ",
    ),
    *(
        '{"version":"https://jsonfeed.org/version/1","items":[',
        '{"id":',
        '"url":',
        "]}",
        "<html>",
        "<svg>",
        "<image>",
        "<source>",
    ),
    size=60,
)
BODIES = st.one_of(
    st.binary(),
    st.tuples(FEEDS, st.sampled_from(["utf-8", "utf-16", "cp1252", "utf-32-le"])).map(
        lambda pair: pair[0].encode(pair[1], "ignore")
    ),
    FEEDS.map(lambda text: ("<rss><channel><item>" + text).encode("utf-8", "ignore")),
    FEEDS.map(lambda text: ('<feed xmlns="http://www.w3.org/2005/Atom"><entry>' + text).encode("utf-8", "ignore")),
)
CONTENT_TYPES = st.one_of(st.none(), st.sampled_from(["text/xml; charset=utf-8", "x; charset=utf-16", "charset=hex"]))
DATES = shuffled(
    *(
        "Sun",
        "dim",
        ",",
        " ",
        "01",
        "1",
        "5",
        "/",
        "-",
        ".",
        ":",
        "T",
        "Z",
        "2026",
        "26",
        "Mar",
        "mars",
        "f\u00e9vr",
        "12:00",
    ),
    *("GMT", "+01", "+9999", "CEST", "1700000000", "at", "\u00e0", "h", "AM", "pm", "24", "60", "99", "0000", "9999"),
    size=12,
)
HEADERS = st.one_of(
    DATES, shuffled("max-age", "=", '"', ",", ";", "no-cache", "no-store", "0", "-1", "9" * 20, "s", ".5")
)


@runs(0.10)
@given(BODIES, CONTENT_TYPES)
def test_any_body_is_a_feed_understood_or_no_feed(body: bytes, content_type: str | None) -> None:
    try:
        parsed = parse_feed(
            body,
            url="https://x.example/f",
            content_type=content_type,
            zone="Europe/Paris",
            now=NOW,
            article_number=r"(\d{7})",
        )
    except NotAFeed:
        return
    shown = [*parsed.entries, *parsed.repeats]
    assert len({entry.identity for entry in parsed.entries}) == len(parsed.entries)
    for entry in shown:
        assert entry.identity
        assert entry.link is None or entry.link.startswith(("http://", "https://"))
        assert all(moment is None or moment.utcoffset() == timedelta(0) for moment in (entry.published, entry.modified))
        words = [
            entry.title,
            entry.summary,
            entry.content,
            entry.guid,
            entry.identity,
            *entry.authors,
            *entry.categories,
        ]
        assert "\x00" not in json.dumps(words, ensure_ascii=False).encode("utf-8").decode()


@runs(0.38)
@given(URLS)
def test_a_key_is_its_own_key_whatever_the_url(url: str) -> None:
    key = canonicalise(url)
    assert canonicalise(key) == key


@runs(0.15)
@given(URLS, st.one_of(st.none(), URLS))
def test_a_mended_link_is_an_http_url_and_needs_no_more_mending(url: str, base: str | None) -> None:
    mended = repair(url, base)
    if mended is not None:
        assert mended.startswith(("http://", "https://"))
        assert host(mended)
        assert mended.isascii()
        assert repair(repair(mended, None) or "", None) == repair(mended, None)


@runs(0.05)
@given(URLS)
def test_no_url_breaks_what_looks_at_it(url: str) -> None:
    assert host(url).isascii()
    assert isinstance(registrable_domain(url), str)
    assert is_section_or_home(url) in (True, False)
    assert article_number(url, r"(\d{7})") in (None, "1234567") or len(article_number(url, r"(\d{7})") or "") == 7


@runs(0.10)
@given(HEADERS)
def test_retry_after_is_between_a_minute_and_a_day_or_nothing(header: str) -> None:
    until = retry_after(header, NOW)
    assert until is None or timedelta(seconds=60) <= until - NOW <= timedelta(days=1)


@runs(0.04)
@given(st.dictionaries(st.sampled_from(["cache-control", "expires", "date", "age"]), HEADERS))
def test_freshness_is_between_nothing_and_a_day(headers: dict[str, str]) -> None:
    assert 0 <= freshness_floor_s(headers, NOW) <= 86_400


@runs(0.10)
@given(DATES)
def test_a_date_is_a_plausible_moment_or_none(text: str) -> None:
    read = read_date(text, PARIS)
    assert read is None or (read.value >= EARLIEST and read.value.year < 2200 and read.value.tzinfo is UTC)


@runs(0.06)
@given(BODIES, CONTENT_TYPES)
def test_any_bytes_are_some_text(body: bytes, content_type: str | None) -> None:
    text = decode(body, content_type)
    assert "\x00" not in text
    text.encode("utf-8")
    assert body_digest(body) == body_digest(body)
    assert all(url.startswith("http") for url in find_alternates(text, "https://x.example/"))


OUTCOMES = st.builds(
    PollOutcome,
    kind=st.sampled_from(PollKind),
    status=st.sampled_from([None, 200, 304, 401, 403, 404, 410, 429, 500, 503]),
    validators=st.builds(Validators, st.sampled_from([None, "a", "b"])),
    redirects=st.lists(
        st.builds(
            Redirect, st.sampled_from([301, 302, 308]), st.just("https://x.example/f"), st.just("https://x.example/g")
        )
    ).map(tuple),
    unconditional=st.booleans(),
    truncated=st.booleans(),
    entries=st.integers(0, 20),
    new=st.integers(0, 20),
    freshness_s=st.integers(0, 86_400),
    ttl_s=st.one_of(st.none(), st.integers(0, 10_000_000)),
    skip_hours=st.frozensets(st.integers(0, 23)),
    skip_days=st.frozensets(st.integers(0, 6)),
    retry_at=st.one_of(st.none(), st.datetimes(timezones=st.just(UTC))),
)


@runs(0.02)
@given(st.lists(st.tuples(OUTCOMES, st.floats(0, 0.999)), min_size=1, max_size=12))
def test_a_feed_is_always_polled_again_within_a_day_unless_gone(polls: list[tuple[PollOutcome, float]]) -> None:
    state, policy, now = FeedState(feed_id="x/f", outlet_id="x", url="https://x.example/f"), FeedPolicy(), NOW
    for outcome, jitter in polls:
        state = decide_poll(state, outcome, policy=policy, now=now, jitter=jitter)
        assert policy.min_interval_s <= state.schedule.interval_s <= policy.max_interval_s
        assert should_poll_unconditionally(state, now, jitter) in (True, False)
        assert state.schedule.next_poll_at is not None
        if state.schedule.next_poll_at == NEVER:
            return
        assert timedelta(seconds=60) <= state.schedule.next_poll_at - now <= timedelta(days=1)
        now = state.schedule.next_poll_at
