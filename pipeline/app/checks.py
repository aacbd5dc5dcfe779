"""Checks of a deployment, and of a feed; they write nothing. Tested by tests/cli/test_main.py."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from connectors.kafka.config import registry_of
from connectors.store.database import Database
from connectors.workers.pool import ExtractionWorkers
from pipeline.app.deployment import read_catalogue
from pipeline.app.environment import load_settings
from pipeline.app.runs import Newswire
from pipeline.domain.errors import NewswireError, NotAFeed
from pipeline.domain.model import Entry, FetchKind, Request, Response
from pipeline.domain.ports import Fetcher
from pipeline.domain.settings import Settings
from pipeline.feeds.parse import ParsedFeed, parse_feed
from pipeline.identity.urls import registrable_domain
from pipeline.ingest.page_reading import PageTask
from pipeline.ingest.retries import refuse_page


@dataclass(frozen=True, slots=True)
class Line:
    """One finding: a sentence, and whether all is well."""

    text: str
    is_fine: bool = True


def check_deployment(environment: Mapping[str, str] | None = None) -> Iterator[Line]:
    """Check settings, catalogue, store and topics; every fault, each as soon as it is known."""
    try:
        settings = load_settings(environment)
    except NewswireError as error:
        yield from faults_of(error)
        return
    yield Line("settings are understood")
    checks: tuple[Callable[[Settings], str], ...] = (check_contact, check_catalogue, check_store, check_topics)
    for check in checks:
        try:
            yield Line(check(settings))
        except NewswireError as error:
            yield from faults_of(error)


def faults_of(error: NewswireError) -> Iterator[Line]:
    """A line for each fault of an error."""
    return (Line(fault.strip(), is_fine=False) for fault in str(error).splitlines())


def check_contact(settings: Settings) -> str:
    """Whether outlets can reach the operator. Raises NewswireError."""
    if not settings.contact:
        raise NewswireError("NEWSWIRE_CONTACT is empty: outlets cannot reach you, and some refuse an agent without it")
    return f"outlets can reach {settings.contact}"


def check_catalogue(settings: Settings) -> str:
    """Whether the catalogue can be used. Raises CatalogueError."""
    outlets = read_catalogue(settings.catalogue)
    return f"{settings.catalogue}: {len(outlets)} outlets, {sum(len(outlet.feeds) for outlet in outlets)} feeds"


def check_store(settings: Settings) -> str:
    """Whether the store answers and has this version's schema. Raises StoreError."""
    database = Database(settings.store_url)
    try:
        if database.is_sqlite:
            database.upgrade()
        database.check()
        return f"store is up to date: {database.url}"
    finally:
        database.close()


def check_topics(settings: Settings) -> str:
    """Whether the topics are as they should be. Raises DeliveryError, or NewswireError with the differences."""
    if not settings.kafka.bootstrap:
        return "no Kafka configured (NEWSWIRE_KAFKA_BOOTSTRAP): the outbox is the topic log"
    with Newswire(settings) as newswire:
        differences = newswire.topic_differences()
        if differences:
            raise NewswireError("\n".join(differences))
        registry = registry_of(settings)
        if registry is not None:
            registry.check()
        return f"{len(newswire.topic_specs())} topics on {settings.kafka.bootstrap} are as they should be"


def check_feed(url: str, *, entries: int, zone: str, environment: Mapping[str, str] | None = None) -> Iterator[Line]:
    """What a feed has, what would be extracted from its first entries, and why not."""
    settings = load_settings(environment)
    with Newswire(settings) as newswire:
        yield from asyncio.run(inspect_feed(newswire, url, entries=entries, zone=zone))


async def inspect_feed(newswire: Newswire, url: str, *, entries: int, zone: str) -> list[Line]:
    """Fetch the feed and its first pages."""
    settings = newswire.settings
    async with newswire.fetcher() as fetcher:
        try:
            response = await fetcher.fetch(Request(url, FetchKind.FEED))
            if response.status != 200:
                return [Line(f"{url}: HTTP {response.status} {' '.join(response.notes)}", is_fine=False)]
            kind = response.header("content-type")
            at = newswire.clock()
            parsed = parse_feed(response.body, url=response.final_url, content_type=kind, zone=zone, now=at)
        except NotAFeed as error:
            hints = [Line(f"try: newswire feeds check {alternate}") for alternate in error.alternates]
            return [Line(str(error), is_fine=False), *hints]
        except NewswireError as error:
            return [Line(str(error), is_fine=False)]
        lines = describe_feed(response, parsed)
        with ExtractionWorkers(1, settings.extraction.timeout_s, settings.extraction.memory_mb) as workers:
            looks = [await inspect_entry(entry, fetcher, workers, zone) for entry in parsed.entries[:entries]]
    return [*lines, *looks]


def describe_feed(response: Response, parsed: ParsedFeed) -> list[Line]:
    """The feed in a few sentences: entries, faults, redirects, and whether it can be asked conditionally."""
    dated = sum(entry.published is not None for entry in parsed.entries)
    linked = sum(entry.link is not None for entry in parsed.entries)
    full = sum(len(entry.content) > 1000 for entry in parsed.entries)
    counts = f"{len(parsed.entries)} entries: {linked} with a link, {dated} with a date, {full} with full text"
    given = {"ETag": response.validators.etag, "Last-Modified": response.validators.last_modified}
    names = " and ".join(name for name, value in given.items() if value)
    words = f"can be asked conditionally by {names}" if names else "gives no validators: every poll is a full one"
    return [
        Line(f"{response.final_url}: {parsed.kind}, “{parsed.title}”, language {parsed.language or 'not said'}"),
        Line(counts, is_fine=bool(parsed.entries) and linked == len(parsed.entries)),
        *(Line(fault, is_fine=False) for fault in parsed.faults),
        *(Line(f"redirected by {hop.status} to {hop.to_url}") for hop in response.redirects),
        Line(words),
    ]


async def inspect_entry(entry: Entry, fetcher: Fetcher, workers: ExtractionWorkers, zone: str) -> Line:
    """What would be extracted from an entry's page, or why nothing would."""
    if entry.link is None:
        return Line(f"“{entry.title}”: no link", is_fine=False)
    try:
        response = await fetcher.fetch(Request(entry.link, FetchKind.PAGE))
        rejection = refuse_page(response)
        if rejection is None:
            task = PageTask(
                response=response, outlet_id=registrable_domain(entry.link), language=entry.language, zone=zone
            )
            extraction = (await workers.read_page(task, None)).extraction
            if extraction.article is not None:
                article = extraction.article
                when = f"{article.published.value:%Y-%m-%d %H:%M} UTC" if article.published else "no date"
                begin = article.text[:90].replace("\n", " ")
                return Line(f"“{article.title}”, {when}, {len(article.text.split())} words: {begin}…")
            rejection = extraction.rejection
        return Line(f"{entry.link}: rejected, {rejection.reason if rejection else 'no article'}", is_fine=False)
    except NewswireError as error:
        return Line(str(error), is_fine=False)
