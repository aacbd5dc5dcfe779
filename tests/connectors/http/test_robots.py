"""robots.txt and TDM reservations: read as the site means them, asked once a day."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from connectors.http.robots import (
    LONGEST_CRAWL_DELAY_S,
    RobotsBook,
    Site,
    SiteRules,
    Tdm,
    TdmRule,
    location_matches,
    read_tdmrep,
    tdm_said,
)
from pipeline.domain.errors import RetryAfter

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
AGENT = "newswire/1 (+mailto:desk@gazette.test)"
ORIGIN = "http://gazette.test"
PAGE = f"{ORIGIN}/monde/une.html"


class Clock:
    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now


class Origin:
    """A site that can be asked, and may be away."""

    def __init__(self, clock: Clock, robots: str | None = "User-agent: *\nDisallow: /prive/") -> None:
        self.clock = clock
        self.robots = robots
        self.is_away = False
        self.asked = 0

    async def ask(self, origin: str) -> SiteRules | None:
        self.asked += 1
        await asyncio.sleep(0)
        return None if self.is_away else SiteRules(self.robots, (), self.clock.now)


class Memory:
    def __init__(self) -> None:
        self.kept: dict[str, SiteRules] = {}

    def recall(self, origin: str) -> SiteRules | None:
        return self.kept.get(origin)

    def keep(self, origin: str, rules: SiteRules) -> None:
        self.kept[origin] = rules


def a_site(robots: str | None, tdm: tuple[TdmRule, ...] = ()) -> Site:
    site = Site()
    site.learn(SiteRules(robots, tdm, NOON))
    return site


@pytest.mark.parametrize(
    ("robots", "allowed"),
    [
        (None, True),
        ("", True),
        ("User-agent: *\nDisallow: /monde/", False),
        ("User-agent: *\nDisallow: /monde/\nAllow: /monde/une", True),
        ("User-agent: newswire\nDisallow: /\n\nUser-agent: *\nAllow: /", False),
        ("User-agent: NewsWire\nDisallow: /", False),
        ("User-agent: wire\nDisallow: /", True),
        ("User-agent: GPTBot\nDisallow: /", True),
        ("user-agent:*\ndisallow:/*.html$", False),
        ("<!doctype html><html>Disallow: /</html>", True),
        ("\ufeffUser-agent: *\nDisallow: /", False),
    ],
)
def test_robots_txt_is_obeyed_as_the_standard_reads_it(robots: str | None, allowed: bool) -> None:
    assert a_site(robots).allows(PAGE, AGENT) is allowed


@pytest.mark.parametrize(
    ("line", "delay_s"),
    [("Crawl-delay: 5", 5), ("Crawl-delay: 0.5", 0.5), ("Crawl-delay: 9999", LONGEST_CRAWL_DELAY_S), ("", 0)],
)
def test_a_crawl_delay_is_honoured_within_reason(line: str, delay_s: float) -> None:
    assert a_site(f"User-agent: *\n{line}\nDisallow: /x").crawl_delay_s(AGENT) == delay_s


async def test_rules_are_asked_for_once_a_day_however_many_pages_want_them() -> None:
    clock = Clock()
    origin = Origin(clock)
    book = RobotsBook(origin.ask, clock)
    await asyncio.gather(*(book.site(ORIGIN, PAGE) for _ in range(20)))
    clock.now += timedelta(hours=23)
    await book.site(ORIGIN, PAGE)
    assert origin.asked == 1
    clock.now += timedelta(hours=2)
    await book.site(ORIGIN, PAGE)
    assert origin.asked == 2


async def test_while_robots_txt_cannot_be_had_we_wait_and_ask_ever_less() -> None:
    clock = Clock()
    origin = Origin(clock)
    origin.is_away = True
    book = RobotsBook(origin.ask, clock)
    waits = []
    for _ in range(4):
        with pytest.raises(RetryAfter) as caught:
            await book.site(ORIGIN, PAGE)
        with pytest.raises(RetryAfter):
            await book.site(ORIGIN, PAGE)
        waits.append(caught.value.until - clock.now)
        clock.now = caught.value.until
    assert origin.asked == 4
    assert waits == [timedelta(minutes=m) for m in (5, 10, 20, 40)]


async def test_an_old_copy_serves_while_robots_txt_cannot_be_had() -> None:
    clock = Clock()
    origin = Origin(clock, "User-agent: *\nDisallow: /monde/")
    book = RobotsBook(origin.ask, clock)
    await book.site(ORIGIN, PAGE)
    origin.is_away = True
    clock.now += timedelta(days=3)
    site = await book.site(ORIGIN, PAGE)
    assert not site.allows(PAGE, AGENT)


async def test_rules_outlive_the_process_where_there_is_a_memory() -> None:
    clock = Clock()
    origin = Origin(clock)
    memory = Memory()
    await RobotsBook(origin.ask, clock, memory).site(ORIGIN, PAGE)
    await RobotsBook(origin.ask, clock, memory).site(ORIGIN, PAGE)
    assert origin.asked == 1


@pytest.mark.parametrize(
    ("location", "path", "matches"),
    [
        ("/", "/monde/une.html", True),
        ("/monde/", "/monde/une.html", True),
        ("/sport/", "/monde/une.html", False),
        ("/*.html", "/monde/une.html", True),
        ("/*.html$", "/monde/une.html?a", False),
        ("/monde/*/photo$", "/monde/2026/photo", True),
        ("*" * 5000 + "x", "/monde/" + "a" * 5000, False),
        ("*a" * 500 + "b", "/" + "a" * 5000, False),
        ("*a" * 500 + "$", "/" + "a" * 5000, True),
        ("/monde$", "/monde/", False),
        ("/a*a$", "/a", False),
    ],
)
def test_a_tdmrep_location_covers_paths_as_robots_txt_does(location: str, path: str, matches: bool) -> None:
    assert location_matches(location, path) is matches


@pytest.mark.parametrize(
    ("body", "rules"),
    [
        (b'[{"location": "/", "tdm-reservation": 1}]', (TdmRule("/", True),)),
        (b'{"location": "/", "tdm-reservation": "0"}', (TdmRule("/", False),)),
        (b'[{"location": "/a", "tdm-reservation": 1, "tdm-policy": "http://g.test/p"}]',
         (TdmRule("/a", True, "http://g.test/p"),)),
        (b'[{"location": 5}, "x", null, {"tdm-reservation": 1}]', ()),
        (b'[{"location": "/", "tdm-reservation": 2}]', ()),
        (b"<html>404</html>", ()),
        (b"[" * 100_000, ()),
        (b"\xff\xfe", ()),
        (b"", ()),
    ],
)  # fmt: skip
def test_a_tdmrep_file_is_read_and_what_is_none_is_passed_over(body: bytes, rules: tuple[TdmRule, ...]) -> None:
    assert read_tdmrep(body) == rules


def test_the_first_matching_rule_of_a_tdmrep_file_counts() -> None:
    site = a_site(None, (TdmRule("/monde/", reserved=True, policy="p"), TdmRule("/", reserved=False)))
    assert site.tdm("/monde/une.html") == Tdm(reserved=True, policy="p")
    assert site.tdm("/sport/") == Tdm(reserved=False)


@pytest.mark.parametrize(
    ("reservation", "reserved"), [("1", True), ("0", False), (" 1 ", True), (None, None), ("yes", None)]
)
def test_a_reservation_header_is_said_or_not(reservation: str | None, reserved: bool | None) -> None:
    assert tdm_said(reservation, None).reserved is reserved
