"""robots.txt and TDM reservations: read as the site means them, asked once a day."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from connectors.http.robots import (
    MAX_CRAWL_DELAY_S,
    RobotsCache,
    RobotsFileStore,
    Site,
    SiteRules,
    Tdm,
    TdmRule,
    location_matches,
    parse_tdm,
    read_tdmrep,
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
    [("Crawl-delay: 5", 5), ("Crawl-delay: 0.5", 0.5), ("Crawl-delay: 9999", MAX_CRAWL_DELAY_S), ("", 0)],
)
def test_a_crawl_delay_is_honoured_within_reason(line: str, delay_s: float) -> None:
    assert a_site(f"User-agent: *\n{line}\nDisallow: /x").crawl_delay_s(AGENT) == delay_s


async def test_rules_are_requested_once_a_day() -> None:
    clock = Clock()
    origin = Origin(clock)
    book = RobotsCache(ask=origin.ask, clock=clock)
    await asyncio.gather(*(book.site(ORIGIN, PAGE) for _ in range(20)))
    clock.now += timedelta(hours=23)
    await book.site(ORIGIN, PAGE)
    assert origin.asked == 1
    clock.now += timedelta(hours=2)
    await book.site(ORIGIN, PAGE)
    assert origin.asked == 2


async def test_unavailable_robots_txt_raises_retry_after_with_backoff() -> None:
    clock = Clock()
    origin = Origin(clock)
    origin.is_away = True
    book = RobotsCache(ask=origin.ask, clock=clock)
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


async def test_old_copy_is_used_while_robots_txt_is_unavailable() -> None:
    clock = Clock()
    origin = Origin(clock, "User-agent: *\nDisallow: /monde/")
    book = RobotsCache(ask=origin.ask, clock=clock)
    await book.site(ORIGIN, PAGE)
    origin.is_away = True
    clock.now += timedelta(days=3)
    site = await book.site(ORIGIN, PAGE)
    assert not site.allows(PAGE, AGENT)


async def test_stored_rules_outlive_the_process() -> None:
    clock = Clock()
    origin = Origin(clock)
    memory = Memory()
    await RobotsCache(ask=origin.ask, clock=clock, store=memory).site(ORIGIN, PAGE)
    await RobotsCache(ask=origin.ask, clock=clock, store=memory).site(ORIGIN, PAGE)
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
def test_tdmrep_file_is_parsed_and_invalid_rules_are_skipped(body: bytes, rules: tuple[TdmRule, ...]) -> None:
    assert read_tdmrep(body) == rules


def test_the_first_matching_rule_of_a_tdmrep_file_counts() -> None:
    site = a_site(None, (TdmRule("/monde/", reserved=True, policy="p"), TdmRule("/", reserved=False)))
    assert site.tdm("/monde/une.html") == Tdm(reserved=True, policy="p")
    assert site.tdm("/sport/") == Tdm(reserved=False)


@pytest.mark.parametrize(
    ("reservation", "reserved"), [("1", True), ("0", False), (" 1 ", True), (None, None), ("yes", None)]
)
def test_reservation_header_is_parsed(reservation: str | None, reserved: bool | None) -> None:
    assert parse_tdm(reservation, None).reserved is reserved


# ---------------------------------------------------------------- site rules kept in files

FILED_RULES = SiteRules("User-agent: *\nDisallow: /privé", (TdmRule("/", reserved=True, policy="p"),), NOON)


@pytest.mark.parametrize("rules", [FILED_RULES, SiteRules(None, (), NOON)], ids=["rules", "none"])
def test_stored_rules_are_read_by_another_process(tmp_path: Path, rules: SiteRules) -> None:
    RobotsFileStore(tmp_path / "robots").keep(ORIGIN, rules)
    assert RobotsFileStore(tmp_path / "robots").recall(ORIGIN) == rules
    assert RobotsFileStore(tmp_path / "robots").recall("https://another.test") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"robots_text": 1}', b"\xff", b'{"asked_at": "x"}'])
def test_damaged_file_counts_as_absent(tmp_path: Path, damage: bytes) -> None:
    files = RobotsFileStore(tmp_path)
    files.path(ORIGIN).write_bytes(damage)
    assert files.recall(ORIGIN) is None


def test_files_older_than_a_month_are_removed(tmp_path: Path) -> None:
    files = RobotsFileStore(tmp_path)
    files.keep(ORIGIN, FILED_RULES)
    files.keep("https://another.test", FILED_RULES)
    os.utime(files.path(ORIGIN), (0, 0))
    again = RobotsFileStore(tmp_path)
    assert again.recall(ORIGIN) is None
    assert again.recall("https://another.test") == FILED_RULES


def test_unwritable_folder_is_no_error(tmp_path: Path) -> None:
    files = RobotsFileStore(tmp_path / "robots")
    (tmp_path / "robots").rmdir()
    files.keep(ORIGIN, FILED_RULES)
    assert files.recall(ORIGIN) is None
