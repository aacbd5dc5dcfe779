"""The catalogue: which outlets there are, with their feeds and policy, as operators write them (dags/feeds.toml).

Promises all faults in one go, each naming outlet, feed and field with a hint; unknown keys are faults, because a
misspelt policy that is silently ignored is worse than none. Text in, values out: files are the caller's.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.domain.errors import CatalogueError
from pipeline.domain.model import ExtractRules, Feed, Outlet, OutletPolicy
from pipeline.identity.urls import registrable_domain

# Where an outlet names no zone: its country's, or that of the capital where a country has several.
ZONES: Mapping[str, str] = {
    "AU": "Australia/Sydney", "AT": "Europe/Vienna", "BE": "Europe/Brussels", "BR": "America/Sao_Paulo",
    "CA": "America/Toronto", "CH": "Europe/Zurich", "CI": "Africa/Abidjan", "DE": "Europe/Berlin",
    "DK": "Europe/Copenhagen", "DZ": "Africa/Algiers", "ES": "Europe/Madrid", "FR": "Europe/Paris",
    "GB": "Europe/London", "IE": "Europe/Dublin", "IN": "Asia/Kolkata", "IT": "Europe/Rome", "JP": "Asia/Tokyo",
    "LU": "Europe/Luxembourg", "MA": "Africa/Casablanca", "MC": "Europe/Monaco", "NL": "Europe/Amsterdam",
    "NZ": "Pacific/Auckland", "PT": "Europe/Lisbon", "QA": "Asia/Qatar", "SE": "Europe/Stockholm",
    "SN": "Africa/Dakar", "TN": "Africa/Tunis", "US": "America/New_York",
}  # fmt: skip


def check_web_url(url: str) -> str:
    """The URL, if it is http(s) with a host. Raises ValueError."""
    if not re.match(r"https?://[^\s/]+\.[^\s]+$", url):
        raise ValueError("must be an http(s) URL with a host")
    return url


def check_zone(name: str) -> str:
    """The zone's name, if there is such a zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("is no IANA time zone, such as Europe/Paris") from error
    return name


def check_pattern(pattern: str) -> str:
    """The regular expression, if it is one with a group. Raises ValueError."""
    try:
        if re.compile(pattern).groups < 1:
            raise ValueError("needs a group (…) around the article's number")
    except re.error as error:
        raise ValueError(f"is no regular expression: {error}") from error
    return pattern


WebUrl = Annotated[str, AfterValidator(check_web_url)]
Zone = Annotated[str, AfterValidator(check_zone)]
Pattern = Annotated[str, AfterValidator(check_pattern)]
Id = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Seconds = Annotated[int, Field(ge=0)]


class Strict(BaseModel):
    """Outside text being checked: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid")


class FeedLine(Strict):
    """`[[outlet.feed]]`."""

    name: Id
    url: WebUrl
    section: str | None = None
    enabled: bool = True


class PolicyLines(Strict):
    """`[outlet.policy]`."""

    min_interval_s: Seconds | None = None
    max_interval_s: Seconds | None = None
    min_spacing_s: Annotated[float, Field(ge=0)] | None = None
    max_connections: Annotated[int, Field(ge=1)] | None = None
    revisit_after_s: tuple[Seconds, ...] | None = None
    live_blog_min_gap_s: Seconds | None = None
    article_number: Pattern | None = None


class ExtractLines(Strict):
    """`[outlet.extract]`: CSS selectors."""

    body: str | None = None
    lead: str | None = None
    remove: tuple[str, ...] = ()


class OutletLines(Strict):
    """`[[outlet]]`."""

    id: Id
    name: Annotated[str, Field(min_length=1)]
    homepage: WebUrl
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    timezone: Zone | None = None
    hosts: tuple[str, ...] = ()
    enabled: bool = True
    feed: Annotated[tuple[FeedLine, ...], Field(min_length=1)]
    policy: PolicyLines = PolicyLines()
    extract: ExtractLines = ExtractLines()


@dataclass(frozen=True, slots=True)
class NewFeed:
    """A feed to be added; name, homepage, country and language matter only when its outlet is new."""

    outlet_id: str
    feed: str
    url: str
    section: str | None = None
    name: str | None = None
    homepage: str | None = None
    country: str = "FR"
    language: str = "fr"


def parse_catalogue(text: str, *, source: str) -> tuple[Outlet, ...]:
    """The outlets in a catalogue's text. Raises CatalogueError with every fault; `source` names the file in them."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{source}: {error}") from error
    faults = [f"{source}: unknown table [{name}]; outlets are [[outlet]]" for name in tables if name != "outlet"]
    listed = tables.get("outlet", [])
    if not isinstance(listed, list):
        raise CatalogueError(f"{source}: [outlet] must be [[outlet]], once for each outlet", *faults)
    lines: list[OutletLines] = []
    for number, table in enumerate(listed, start=1):
        try:
            lines.append(OutletLines.model_validate(table))
        except ValidationError as error:
            who = table.get("id") or table.get("name") or f"number {number}"
            faults += [f"{source}: outlet {who}: {fault}" for fault in describe_faults(error, table)]
    faults += [f"{source}: {fault}" for fault in find_clashes(lines)]
    if faults:
        raise CatalogueError(*faults)
    return tuple(make_outlet(outlet) for outlet in lines)


def describe_faults(error: ValidationError, table: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each fault of one outlet, naming feed and field."""
    for fault in error.errors():
        where = list(fault["loc"])
        prefix = ""
        if len(where) > 1 and where[0] == "feed" and isinstance(where[1], int):
            feeds = table.get("feed", [])
            name = feeds[where[1]].get("name") if isinstance(feeds[where[1]], dict) else None
            prefix, where = f"feed {name or where[1] + 1}: ", where[2:]
        field = ".".join(str(part) for part in where)
        if where == ["feed"] and fault["type"] == "too_short" and table.get("feed"):
            continue  # said already, of the feed that is wrong
        message = str(fault["msg"]).removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "is unknown" + did_you_mean(str(where[-1]), known_keys(where))
        yield f"{prefix}{field}: {message}" + (f" (got {fault['input']!r})" if is_short(fault["input"]) else "")


def known_keys(where: Sequence[object]) -> Sequence[str]:
    """The keys that are known where an unknown one stands."""
    models: Mapping[object, type[BaseModel]] = {"policy": PolicyLines, "extract": ExtractLines}
    model = models.get(where[0], FeedLine if len(where) == 1 and where[0] in FeedLine.model_fields else OutletLines)
    return [*model.model_fields, *(FeedLine.model_fields if model is OutletLines else ())]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A hint at the nearest known word, if one is near."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def is_short(value: object) -> bool:
    """Whether a value fits into a fault's line."""
    return isinstance(value, str | int | float) and len(str(value)) < 120


def find_clashes(outlets: Sequence[OutletLines]) -> Iterator[str]:
    """Ids and URLs that stand more than once."""
    for outlet_id, count in Counter(outlet.id for outlet in outlets).items():
        if count > 1:
            yield f"outlet {outlet_id}: its id stands {count} times"
    urls: dict[str, str] = {}
    for outlet in outlets:
        names = Counter(feed.name for feed in outlet.feed)
        yield from (f"outlet {outlet.id}: feed {name} stands {n} times" for name, n in names.items() if n > 1)
        for feed in outlet.feed:
            here = f"{outlet.id}/{feed.name}"
            if urls.setdefault(feed.url, here) != here:
                yield f"outlet {outlet.id}: feed {feed.name}: url is that of {urls[feed.url]} too ({feed.url})"


def make_outlet(lines: OutletLines) -> Outlet:
    """A checked outlet as our value."""
    policy = lines.policy
    return Outlet(
        id=lines.id,
        name=lines.name,
        homepage=lines.homepage,
        country=lines.country,
        language=lines.language,
        timezone=lines.timezone or ZONES.get(lines.country, "UTC"),
        feeds=tuple(
            Feed(f"{lines.id}/{feed.name}", lines.id, feed.url, feed.section, feed.enabled) for feed in lines.feed
        ),
        hosts=lines.hosts or (registrable_domain(lines.homepage),),
        policy=OutletPolicy(
            **policy.model_dump(),
            extract=ExtractRules(**lines.extract.model_dump()),
        ),
        enabled=lines.enabled,
    )


def select(outlets: Sequence[Outlet], patterns: Sequence[str]) -> tuple[Feed, ...]:
    """The feeds that these ids, outlet ids or globs name. Raises CatalogueError for one that names none."""
    feeds = [feed for outlet in outlets for feed in outlet.feeds]
    chosen: dict[str, Feed] = {}
    faults: list[str] = []
    for pattern in patterns:
        found = [f for f in feeds if fnmatchcase(f.id, pattern) or fnmatchcase(f.outlet_id, pattern)]
        if not found:
            known = [*(feed.id for feed in feeds), *(outlet.id for outlet in outlets)]
            faults.append(f"no feed or outlet {pattern!r} in the catalogue{did_you_mean(pattern, known)}")
        chosen |= {feed.id: feed for feed in found}
    if faults:
        raise CatalogueError(*faults)
    return tuple(chosen.values())


def add_feed(text: str, new: NewFeed) -> str:
    """The catalogue's text with a feed more, its comments and order kept. Raises CatalogueError if it is wrong then."""
    import tomlkit  # only who edits the catalogue needs it

    catalogue = tomlkit.parse(text)
    outlets = catalogue.setdefault("outlet", tomlkit.aot())
    outlet = next((table for table in outlets if table.get("id") == new.outlet_id), None)
    if outlet is None:
        outlet = tomlkit.table()
        outlet["id"] = new.outlet_id
        outlet["name"] = new.name or new.outlet_id
        outlet["homepage"] = new.homepage or "/".join(new.url.split("/")[:3]) + "/"
        outlet["country"] = new.country
        outlet["language"] = new.language
        outlet["feed"] = tomlkit.aot()
        outlets.append(outlet)
    feed = tomlkit.table()
    feed["name"] = new.feed
    feed["url"] = new.url
    if new.section:
        feed["section"] = new.section
    outlet["feed"].append(feed)
    changed = tomlkit.dumps(catalogue)
    parse_catalogue(changed, source="catalogue")
    return changed
