"""Catalogue: the outlets with their feeds and policy, as operators write them (dags/feeds.toml).

Promises all faults at once, each with outlet, feed, field and a hint. An unknown key is a fault: a misspelt policy must
not be ignored silently. Text in, values out; the caller reads and writes the files. OPML 2.0 is imported and exported.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Annotated, Any
from xml.etree.ElementTree import Element, SubElement, indent, tostring
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from pipeline.domain.errors import CatalogueError
from pipeline.domain.model import ExtractRules, Feed, Outlet, OutletPolicy
from pipeline.identity.urls import registrable_domain

# Default time zone by country; the capital's where a country has several.
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
    """Validate an http(s) URL with a host. Raises ValueError."""
    if not re.match(r"https?://[^\s/]+\.[^\s]+$", url):
        raise ValueError("must be an http(s) URL with a host")
    return url


def check_zone(name: str) -> str:
    """Validate the name of a time zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise ValueError("is no IANA time zone, such as Europe/Paris") from error
    return name


def check_pattern(pattern: str) -> str:
    """Validate a regular expression with one group. Raises ValueError."""
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
    """Base of the models that validate the file: unknown keys are faults."""

    model_config = ConfigDict(extra="forbid")


class FeedTable(Strict):
    """`[[outlet.feed]]`."""

    name: Id
    url: WebUrl
    section: str | None = None
    enabled: bool = True


class PolicyTable(Strict):
    """`[outlet.policy]`."""

    min_interval_s: Seconds | None = None
    max_interval_s: Seconds | None = None
    min_spacing_s: Annotated[float, Field(ge=0)] | None = None
    max_connections: Annotated[int, Field(ge=1)] | None = None
    revisit_after_s: tuple[Seconds, ...] | None = None
    live_blog_min_gap_s: Seconds | None = None
    article_number: Pattern | None = None


class ExtractTable(Strict):
    """`[outlet.extract]`: CSS selectors."""

    body: str | None = None
    lead: str | None = None
    remove: tuple[str, ...] = ()


class OutletTable(Strict):
    """`[[outlet]]`."""

    id: Id
    name: Annotated[str, Field(min_length=1)]
    homepage: WebUrl
    country: Annotated[str, Field(pattern="^[A-Z]{2}$")]
    language: Annotated[str, Field(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
    timezone: Zone | None = None
    hosts: tuple[str, ...] = ()
    enabled: bool = True
    feed: Annotated[tuple[FeedTable, ...], Field(min_length=1)]
    policy: PolicyTable = PolicyTable()
    extract: ExtractTable = ExtractTable()


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFeed:
    """A feed to add. Name, homepage, country and language are used only when its outlet is new."""

    outlet_id: str
    feed: str
    url: str
    section: str | None = None
    name: str | None = None
    homepage: str | None = None
    country: str = "FR"
    language: str = "fr"


def parse_catalogue(text: str, *, source: str) -> tuple[Outlet, ...]:
    """Parse a catalogue. Raises CatalogueError with every fault; `source` is the file's name in them."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CatalogueError(f"{source}: {error}") from error
    faults = [f"unknown table [{name}]; outlets are [[outlet]]" for name in tables if name != "outlet"]
    listed = tables.get("outlet", [])
    if not isinstance(listed, list):
        faults.insert(0, "[outlet] must be [[outlet]], once for each outlet")
        listed = []
    outlets = validate_outlets(listed, faults)
    faults += find_clashes(outlets)
    if faults:
        raise CatalogueError(*(f"{source}: {fault}" for fault in faults))
    return tuple(make_outlet(outlet) for outlet in outlets)


def validate_outlets(tables: Sequence[Mapping[str, Any]], faults: list[str]) -> list[OutletTable]:
    """The valid outlets; the faults of the others are appended to `faults`."""
    outlets: list[OutletTable] = []
    for number, table in enumerate(tables, start=1):
        try:
            outlets.append(OutletTable.model_validate(table))
        except ValidationError as error:
            who = table.get("id") or table.get("name") or f"number {number}"
            faults += [f"outlet {who}: {fault}" for fault in describe_faults(error, table)]
    return outlets


def describe_faults(error: ValidationError, table: Mapping[str, Any]) -> Iterator[str]:
    """One sentence for each fault of an outlet, with feed and field."""
    for fault in error.errors():
        prefix, where = locate(fault["loc"], table.get("feed", []))
        if where == ["feed"] and fault["type"] == "too_short" and table.get("feed"):
            continue  # already reported for the feed at fault
        message = str(fault["msg"]).removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            message = "is unknown" + did_you_mean(str(where[-1]), known_keys(where))
        field = ".".join(map(str, where))
        got = fault["input"]
        is_short = isinstance(got, str | int | float) and len(str(got)) < 120
        yield f"{prefix}{field}: {message}" + (f" (got {got!r})" if is_short else "")


def locate(path: Sequence[int | str], feeds: Sequence[Any]) -> tuple[str, list[int | str]]:
    """The feed at fault as the beginning of a sentence (empty for the outlet itself), and the path of the field."""
    if len(path) < 2 or path[0] != "feed" or not isinstance(path[1], int):
        return "", list(path)
    feed = feeds[path[1]]
    name = feed.get("name") if isinstance(feed, dict) else None
    return f"feed {name or path[1] + 1}: ", list(path[2:])


def known_keys(where: Sequence[object]) -> Sequence[str]:
    """The known keys of the table that holds an unknown one."""
    models: Mapping[object, type[BaseModel]] = {"policy": PolicyTable, "extract": ExtractTable}
    model = models.get(where[0], FeedTable if len(where) == 1 and where[0] in FeedTable.model_fields else OutletTable)
    return [*model.model_fields, *(FeedTable.model_fields if model is OutletTable else ())]


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """A hint at the most similar known word; empty when none is similar."""
    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def find_clashes(outlets: Sequence[OutletTable]) -> Iterator[str]:
    """Ids and URLs that occur more than once."""
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


def make_outlet(table: OutletTable) -> Outlet:
    """A validated outlet as a value of the domain."""
    feeds = (
        Feed(id=f"{table.id}/{feed.name}", outlet_id=table.id, **feed.model_dump(exclude={"name"}))
        for feed in table.feed
    )
    return Outlet(
        **table.model_dump(include={"id", "name", "homepage", "country", "language", "enabled"}),
        timezone=table.timezone or ZONES.get(table.country, "UTC"),
        feeds=tuple(feeds),
        hosts=table.hosts or (registrable_domain(table.homepage),),
        policy=OutletPolicy(**table.policy.model_dump(), extract=ExtractRules(**table.extract.model_dump())),
    )


def select(outlets: Sequence[Outlet], patterns: Sequence[str]) -> tuple[Feed, ...]:
    """The feeds that match feed ids, outlet ids or globs. Raises CatalogueError for a pattern without a match."""
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
    """Add a feed to the catalogue's text; comments and order stay. Raises CatalogueError if the result is wrong."""
    import tomlkit  # only editing the catalogue needs it

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


@dataclass(frozen=True, slots=True)
class OpmlFeed:
    """A feed of an OPML file, with its folder."""

    title: str
    url: str
    folder: str | None = None


def to_opml(outlets: Sequence[Outlet]) -> str:
    """The outlets as an OPML 2.0 file: one outline for each outlet, with its feeds inside."""
    opml = Element("opml", version="2.0")
    SubElement(SubElement(opml, "head"), "title").text = "newswire"
    body = SubElement(opml, "body")
    for outlet in outlets:
        group = SubElement(body, "outline", text=outlet.name, title=outlet.name)
        for feed in outlet.feeds:
            title = f"{outlet.name} – {feed.section}" if feed.section else outlet.name
            SubElement(
                group,
                "outline",
                type="rss",
                text=title,
                title=title,
                xmlUrl=feed.url,
                htmlUrl=outlet.homepage,
                language=outlet.language,
            )
    indent(opml)
    return tostring(opml, encoding="unicode", xml_declaration=True) + "\n"


def from_opml(text: str) -> tuple[OpmlFeed, ...]:
    """The feeds of an OPML file. Raises CatalogueError when there are none."""
    import listparser

    parsed = listparser.parse(text)
    if not parsed.feeds:
        raise CatalogueError(f"no feeds in this OPML file{': ' + str(parsed.bozo_exception) if parsed.bozo else ''}")
    return tuple(
        OpmlFeed(feed.title or feed.url, feed.url, feed.categories[0][0] if feed.get("categories") else None)
        for feed in parsed.feeds
    )


def merge_opml(catalogue: str, opml: str) -> str:
    """Add the feeds of an OPML file that the catalogue does not have yet. Raises CatalogueError."""
    outlets = parse_catalogue(catalogue, source="catalogue") if catalogue.strip() else ()
    known = {feed.url for outlet in outlets for feed in outlet.feeds}
    names = {feed.id for outlet in outlets for feed in outlet.feeds}
    for feed in from_opml(opml):
        if feed.url in known:
            continue
        outlet = slug(feed.folder or feed.title)
        name = free_name(outlet, slug(feed.title), names)
        catalogue = add_feed(
            catalogue, NewFeed(outlet_id=outlet, feed=name, url=feed.url, name=feed.folder or feed.title)
        )
        known.add(feed.url)
        names.add(f"{outlet}/{name}")
    return catalogue


def slug(text: str) -> str:
    """An id made from a name: lower case letters, digits and hyphens."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-") or "feed"


def free_name(outlet: str, name: str, taken: set[str]) -> str:
    """The name, with a number appended when the outlet has that name already."""
    numbered = (name, *(f"{name}-{number}" for number in range(2, 1000)))
    return next(candidate for candidate in numbered if f"{outlet}/{candidate}" not in taken)
