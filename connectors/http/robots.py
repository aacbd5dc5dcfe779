"""robots.txt (RFC 9309, parsed by Protego) and TDM reservations (tdmrep.json) of sites.

`SiteRules` is what one origin published; `RobotsCache` keeps it for a day and requests it once, however many pages wait
for it. 4xx allows everything; 5xx, 429 and no response mean wait (RFC 9309 section 2.3.1), unless an older copy exists.
`RobotsFileStore` keeps rules in files, so that they are requested once a day and not once per run. The requests
themselves (one function) and the enforcement are left to fetcher.py.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from protego import Protego

from pipeline.domain.errors import RetryAfter

MAX_AGE = timedelta(hours=24)  # RFC 9309 section 2.4: no longer than a day
FIRST_WAIT = timedelta(minutes=5)  # robots.txt was unavailable: requested again then, later each time
LONGEST_WAIT = timedelta(hours=6)
MAX_CRAWL_DELAY_S = 30.0  # as StormCrawler: a larger delay is not meant for news
MAX_ORIGINS = 5000  # in memory, each with its parsed rules
MAX_TDM_RULES = 200  # of one tdmrep.json; real ones have a handful
MAX_FILE_AGE_S = 30 * 86_400  # a copy older than a day serves only while robots.txt is unavailable


@dataclass(frozen=True, slots=True)
class TdmRule:
    """One entry of tdmrep.json: which paths, reserved or not, and under which policy."""

    location: str
    reserved: bool
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Tdm:
    """A reservation of text and data mining; None where the site states none."""

    reserved: bool | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What one origin published: the text of robots.txt (None: there is no such file) and its TDM rules."""

    robots_text: str | None
    tdm_rules: tuple[TdmRule, ...]
    asked_at: datetime


class RobotsStore(Protocol):
    """Storage of site rules beyond the process; without one they are requested once per process and day."""

    def recall(self, origin: str) -> SiteRules | None:
        """The stored rules of this origin."""

    def keep(self, origin: str, rules: SiteRules) -> None:
        """Store the rules."""


@dataclass(slots=True)
class Site:
    """An origin's parsed rules, or until when to wait for them."""

    rules: SiteRules | None = None
    robots: Protego | None = None
    wait_until: datetime | None = None
    failures: int = 0
    requesting: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_fresh(self, now: datetime) -> bool:
        """Whether the rules may be used without a new request."""
        return self.rules is not None and now < self.rules.asked_at + MAX_AGE

    def learn(self, rules: SiteRules) -> None:
        self.rules = rules
        self.robots = Protego.parse(rules.robots_text.lstrip("\ufeff")) if rules.robots_text else None
        self.wait_until = None
        self.failures = 0

    def allows(self, url: str, agent: str) -> bool:
        return self.robots is None or bool(self.robots.can_fetch(url, agent))

    def crawl_delay_s(self, agent: str) -> float:
        """The Crawl-delay for this agent, at most `MAX_CRAWL_DELAY_S`."""
        delay = self.robots.crawl_delay(agent) if self.robots else None
        return min(float(delay), MAX_CRAWL_DELAY_S) if delay and delay > 0 else 0.0

    def tdm(self, path: str) -> Tdm:
        """The reservation of this path by tdmrep.json: its first rule that matches (TDMRep section 6.2)."""
        rules = self.rules.tdm_rules if self.rules else ()
        return next((Tdm(rule.reserved, rule.policy) for rule in rules if location_matches(rule.location, path)), Tdm())


@dataclass(slots=True, kw_only=True)
class RobotsCache:
    """The sites of this process. `ask` fetches an origin's rules; None when robots.txt is unavailable."""

    ask: Callable[[str], Awaitable[SiteRules | None]]
    clock: Callable[[], datetime]
    store: RobotsStore | None = None
    sites: OrderedDict[str, Site] = field(default_factory=OrderedDict)

    async def site(self, origin: str, url: str) -> Site:
        """The origin's rules, requested at most once a day. Raises `RetryAfter` while they are unavailable."""
        site = self.sites.setdefault(origin, Site())
        self.sites.move_to_end(origin)
        if len(self.sites) > MAX_ORIGINS:
            self.sites.popitem(last=False)
        if site.is_fresh(self.clock()):
            return site
        async with site.requesting:
            if not site.is_fresh(self.clock()):
                await self.renew(site, origin, url)
        return site

    async def renew(self, site: Site, origin: str, url: str) -> None:
        """Take the rules from the store, else from the origin. Raises `RetryAfter` when neither has them."""
        if site.rules is None and self.store is not None:
            kept = await asyncio.to_thread(self.store.recall, origin)
            if kept is not None:
                site.learn(kept)
        now = self.clock()
        if not site.is_fresh(now) and (site.wait_until is None or now >= site.wait_until):
            rules = await self.ask(origin)
            if rules is None:  # wait, longer each time
                site.wait_until = self.clock() + min(FIRST_WAIT * 2 ** min(site.failures, 10), LONGEST_WAIT)
                site.failures += 1
            else:
                site.learn(rules)
                if self.store is not None:
                    await asyncio.to_thread(self.store.keep, origin, rules)
        if site.rules is None and site.wait_until is not None:
            raise RetryAfter(url, site.wait_until, "robots.txt cannot be had (RFC 9309 section 2.3.1.4)")


def read_tdmrep(body: bytes) -> tuple[TdmRule, ...]:
    """The rules of a tdmrep.json (W3C TDMRep section 6.2); empty when it cannot be parsed."""
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    rules = []
    for entry in (listed if isinstance(listed, list) else [listed])[:MAX_TDM_RULES]:
        if isinstance(entry, dict) and isinstance(entry.get("location"), str):
            tdm = parse_tdm(str(entry.get("tdm-reservation", "")), entry.get("tdm-policy"))
            if tdm.reserved is not None:
                rules.append(TdmRule(entry["location"], tdm.reserved, tdm.policy))
    return tuple(rules)


def parse_tdm(reservation: str | None, policy: object) -> Tdm:
    """Parse a reservation ("1" reserves, "0" does not) and policy, from a header, a meta element or the file."""
    word = (reservation or "").strip().strip('"')
    if word not in ("0", "1"):
        return Tdm()
    return Tdm(word == "1", policy.strip() if isinstance(policy, str) and policy.strip() else None)


def location_matches(location: str, path: str) -> bool:
    """Whether a tdmrep location covers a path: `*` matches anything, `$` ends it, else it is a prefix.

    Finds one piece after the other, leftmost first: a regular expression would take exponential time on many stars.
    """
    whole = location.removesuffix("$") if location.endswith("$") else f"{location}*"
    first, *between, last = whole.split("*") if "*" in whole else (whole, "")
    if not path.startswith(first) or (whole == first and path != first):
        return False
    at = len(first)
    for piece in between:
        if (at := path.find(piece, at)) < 0:
            return False
        at += len(piece)
    return path[at:].endswith(last)


class RobotsFileStore:
    """Implements `RobotsStore` in a folder, one file per origin, which several processes may share.

    A file is whole or absent (written to a temporary name, then moved); an unreadable one counts as absent. Files not
    written for 30 days are removed.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        oldest = time.time() - MAX_FILE_AGE_S
        for path in folder.iterdir():  # also what a crash left behind
            with suppress(OSError):
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def recall(self, origin: str) -> SiteRules | None:
        try:
            kept = json.loads(self.path(origin).read_bytes())
            tdm_rules = tuple(TdmRule(**rule) for rule in kept["tdm_rules"])
            return SiteRules(kept["robots_text"], tdm_rules, datetime.fromisoformat(kept["asked_at"]))
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, origin: str, rules: SiteRules) -> None:
        """Store the rules; a full disk only costs a request more tomorrow."""
        kept = {"origin": origin, **asdict(rules), "asked_at": rules.asked_at.isoformat()}
        path = self.path(origin)
        partial = path.with_suffix(f".{os.getpid()}.new")
        with suppress(OSError):
            partial.write_text(json.dumps(kept), encoding="utf-8")
            partial.replace(path)

    def path(self, origin: str) -> Path:
        return self.folder / f"{sha256(origin.encode()).hexdigest()[:32]}.json"
