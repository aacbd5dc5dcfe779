"""What a site allows: robots.txt (RFC 9309, read by Protego) and its TDM reservation (tdmrep.json).

`SiteRules` is what one origin said; `RobotsCache` keeps it for a day and asks once however many pages wait for it.
4xx allows everything, 5xx and 429 and silence mean wait (RFC 9309 section 2.3.1), unless an older copy is at hand.
Leaves the asking itself (one function handed in) and the obeying to http.py.
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

KEPT = timedelta(hours=24)  # RFC 9309 section 2.4: no longer than a day
FIRST_WAIT = timedelta(minutes=5)  # robots.txt could not be had: asked again then, later each time
LONGEST_WAIT = timedelta(hours=6)
MAX_CRAWL_DELAY_S = 30.0  # as StormCrawler: a site that wants less than two pages a minute sets no news
MAX_ORIGINS = 5000
MAX_TDM_RULES = 200
MAX_FILE_AGE_S = 30 * 86_400  # a copy older than a day serves only while the site's robots.txt cannot be had


@dataclass(frozen=True, slots=True)
class TdmRule:
    """One entry of tdmrep.json: which paths, reserved or not, and under which policy."""

    location: str
    reserved: bool
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class Tdm:
    """What was said about text and data mining; None where nothing was."""

    reserved: bool | None = None
    policy: str | None = None


@dataclass(frozen=True, slots=True)
class SiteRules:
    """What one origin said, as it said it: the text of robots.txt (None: there is none) and its TDM rules."""

    robots_text: str | None
    tdm_rules: tuple[TdmRule, ...]
    asked_at: datetime


class RobotsStore(Protocol):
    """Where site rules outlive the process; without one they are asked for once per process and day."""

    def recall(self, origin: str) -> SiteRules | None:
        """What was kept for this origin."""
        ...

    def keep(self, origin: str, rules: SiteRules) -> None:
        """Keep it."""
        ...


@dataclass(slots=True)
class Site:
    """An origin's rules ready to be asked, or how long we wait for them."""

    rules: SiteRules | None = None
    robots: Protego | None = None
    wait_until: datetime | None = None
    failures: int = 0
    asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def is_fresh(self, now: datetime) -> bool:
        """Whether the rules may be used without asking again."""
        return self.rules is not None and now < self.rules.asked_at + KEPT

    def learn(self, rules: SiteRules) -> None:
        """Take what the origin said."""
        self.rules = rules
        self.robots = Protego.parse(rules.robots_text.lstrip("\ufeff")) if rules.robots_text else None
        self.wait_until = None
        self.failures = 0

    def fail(self, now: datetime) -> None:
        """The origin could not be asked: wait, longer each time."""
        self.wait_until = now + min(FIRST_WAIT * 2 ** min(self.failures, 10), LONGEST_WAIT)
        self.failures += 1

    def allows(self, url: str, agent: str) -> bool:
        """Whether robots.txt lets this agent have the URL."""
        return self.robots is None or bool(self.robots.can_fetch(url, agent))

    def crawl_delay_s(self, agent: str) -> float:
        """The spacing it asks for, within reason."""
        delay = self.robots.crawl_delay(agent) if self.robots else None
        return min(float(delay), MAX_CRAWL_DELAY_S) if delay and delay > 0 else 0.0

    def tdm(self, path: str) -> Tdm:
        """What tdmrep.json says of this path: the first rule that matches (TDMRep section 6.2)."""
        rules = self.rules.tdm_rules if self.rules else ()
        for rule in rules:
            if location_matches(rule.location, path):
                return Tdm(rule.reserved, rule.policy)
        return Tdm()


@dataclass(slots=True)
class RobotsCache:
    """The sites of this process. `ask` gets an origin's rules, or None when robots.txt could not be had."""

    ask: Callable[[str], Awaitable[SiteRules | None]]
    clock: Callable[[], datetime]
    memory: RobotsStore | None = None
    sites: OrderedDict[str, Site] = field(default_factory=OrderedDict)

    async def site(self, origin: str, url: str) -> Site:
        """The origin's rules, asked for at most once a day. Raises `RetryAfter` while they cannot be had."""
        site = self.remembered(origin)
        if site.is_fresh(self.clock()):
            return site
        async with site.asking:
            if not site.is_fresh(self.clock()):
                await self.renew(site, origin, url)
        return site

    def remembered(self, origin: str) -> Site:
        """The site as known here; the one unused longest makes room."""
        site = self.sites.setdefault(origin, Site())
        self.sites.move_to_end(origin)
        if len(self.sites) > MAX_ORIGINS:
            self.sites.popitem(last=False)
        return site

    async def renew(self, site: Site, origin: str, url: str) -> None:
        """Ask the memory, then the origin. Raises `RetryAfter` when neither has rules."""
        if site.rules is None and self.memory is not None:
            kept = await asyncio.to_thread(self.memory.recall, origin)
            if kept is not None:
                site.learn(kept)
        now = self.clock()
        if site.is_fresh(now):
            return
        if site.wait_until is None or now >= site.wait_until:
            rules = await self.ask(origin)
            if rules is None:
                site.fail(self.clock())
            else:
                site.learn(rules)
                if self.memory is not None:
                    await asyncio.to_thread(self.memory.keep, origin, rules)
        if site.rules is None and site.wait_until is not None:
            raise RetryAfter(url, site.wait_until, "robots.txt cannot be had (RFC 9309 section 2.3.1.4)")


def read_tdmrep(body: bytes) -> tuple[TdmRule, ...]:
    """The rules of a tdmrep.json (W3C TDMRep section 6.2); none from what is not one."""
    try:
        listed = json.loads(body)
    except (ValueError, RecursionError):
        return ()
    entries = listed if isinstance(listed, list) else [listed]
    return tuple(rule for entry in entries[:MAX_TDM_RULES] if (rule := read_tdm_rule(entry)) is not None)


def read_tdm_rule(entry: object) -> TdmRule | None:
    """One rule, or None when it is not one."""
    if not isinstance(entry, dict) or not isinstance(entry.get("location"), str):
        return None
    said = parse_tdm(str(entry.get("tdm-reservation", "")), entry.get("tdm-policy"))
    return None if said.reserved is None else TdmRule(entry["location"], said.reserved, said.policy)


def parse_tdm(reservation: str | None, policy: object) -> Tdm:
    """A reservation and policy as header, meta element and file spell them: "1" reserves, "0" does not."""
    word = (reservation or "").strip().strip('"')
    if word not in ("0", "1"):
        return Tdm()
    return Tdm(word == "1", policy.strip() if isinstance(policy, str) and policy.strip() else None)


def location_matches(location: str, path: str) -> bool:
    """Whether a tdmrep location covers a path: `*` stands for anything, `$` ends it, else it is a prefix.

    By finding one piece after the other, leftmost first: a regular expression would take for ever on many stars.
    """
    first, *rest = location.removesuffix("$").split("*")
    if not path.startswith(first):
        return False
    at = len(first)
    for piece in rest:
        at = path.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    if not location.endswith("$"):
        return True
    last = rest[-1] if rest else ""
    return at == len(path) or (bool(rest) and path.endswith(last) and len(path) - len(last) >= at - len(last))


class RobotsFileStore:
    """Implements `connectors.http.robots.RobotsStore` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.forget_old(before=time.time() - MAX_FILE_AGE_S)

    def recall(self, origin: str) -> SiteRules | None:
        """What was kept for this origin, if it can be read."""
        try:
            kept = json.loads(self.path(origin).read_bytes())
            return SiteRules(
                robots_text=kept["robots_text"],
                tdm_rules=tuple(TdmRule(**rule) for rule in kept["tdm_rules"]),
                asked_at=datetime.fromisoformat(kept["asked_at"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, origin: str, rules: SiteRules) -> None:
        """Keep it; a full disk costs a request tomorrow and nothing else."""
        kept = {
            "origin": origin,
            "robots_text": rules.robots_text,
            "tdm_rules": [asdict(rule) for rule in rules.tdm_rules],
            "asked_at": rules.asked_at.isoformat(),
        }
        path = self.path(origin)
        beside = path.with_suffix(f".{os.getpid()}.new")
        with suppress(OSError):
            beside.write_text(json.dumps(kept), encoding="utf-8")
            beside.replace(path)

    def path(self, origin: str) -> Path:
        """The origin's file."""
        return self.folder / f"{sha256(origin.encode()).hexdigest()[:32]}.json"

    def forget_old(self, *, before: float) -> None:
        """Remove files last written before this moment (seconds since the epoch), and what a crash left behind."""
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()
