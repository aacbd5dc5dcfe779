"""The one room that knows both sides: it furnishes the walk with connectors and hands it to DAGs and command line.

Reads the environment and the clock, opens what a command needs when it needs it, and closes it. Decides nothing.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from connectors.archive import WarcArchive
from connectors.article_store import ArticleStore
from connectors.database import Database
from connectors.feed_store import FeedStore
from connectors.hosts import StoredPacer
from connectors.http import FetchLimits, SafeFetcher
from connectors.kafka_settings import KafkaSettings
from connectors.kafka_topics import TopicSpec, desired_topics
from connectors.log import EmbeddedTopics
from connectors.outbox import StoredOutbox
from connectors.revisit_store import RevisitStore
from connectors.robots_files import RobotsFiles
from connectors.run_store import RunStore
from connectors.texts import KeptTexts
from connectors.walk import DEFAULT_LIMITS
from connectors.why_store import WhyStore
from connectors.workers import ExtractionWorkers
from pipeline import __version__, crashpoints
from pipeline.article_ids import with_number_rule
from pipeline.audit import Audit
from pipeline.catalogue import parse_catalogue, select
from pipeline.deliver import OVERTAKE_TIMES, BatchLimits, Deliverer
from pipeline.errors import CatalogueError, NewswireError, SettingsError
from pipeline.model import Feed, FeedState, FeedStatus, FetchKind, Outlet, Received, Topic
from pipeline.oversize import claim_check
from pipeline.poll import ingest
from pipeline.ports import Topics
from pipeline.report import LATE, Report
from pipeline.revisit import Visit, within_budget
from pipeline.revisits import Revisits
from pipeline.rooms import Rooms
from pipeline.settings import Settings, load
from pipeline.shards import Shard, cut_shards
from pipeline.teaching import Teaching
from pipeline.turns import Turns

if TYPE_CHECKING:
    from connectors.kafka_admin import KafkaAdmin

STANDING = 3  # requests at a host's door beside those inside: the next ones to go, paced together


def now() -> datetime:
    """The clock."""
    return datetime.now(UTC)


class App:
    """A deployment, opened: its settings, catalogue, store and topics. Use as a context manager."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = now) -> None:
        """`clock` is for tests, where hours pass between two runs."""
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.store_url)
        self.feeds = FeedStore(self.database, lanes=settings.lanes)
        self.articles = ArticleStore(self.database, lanes=settings.lanes)
        self.visits = RevisitStore(self.database, lanes=settings.lanes)
        self.outbox = StoredOutbox(self.database)
        self.runs = RunStore(self.database)
        self.archive = WarcArchive(settings.archive_folder)
        self.pacer = StoredPacer(settings.store_url)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, *, must_be_current: bool = True) -> Self:
        """The deployment that the environment describes. Raises SettingsError, StoreError.

        SQLite is brought to this version's schema by itself; a shared database only by `newswire db upgrade`.
        """
        settings = load(os.environ if environment is None else environment)
        if settings.crash_at:
            crashpoints.arm(settings.crash_at, lambda: os.kill(os.getpid(), signal.SIGKILL))
        app = cls(settings)
        if app.database.is_sqlite:
            app.database.upgrade()
        elif must_be_current:
            app.database.check()
        return app

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.archive.close()
        self.pacer.close()
        self.database.close()

    # ------------------------------------------------------------ catalogue

    @cached_property
    def outlets(self) -> tuple[Outlet, ...]:
        """The catalogue. Raises CatalogueError."""
        return read_catalogue(self.settings.catalogue)

    def choose(self, patterns: Sequence[str]) -> tuple[Feed, ...]:
        """The enabled feeds that these ids, outlet ids or globs name; all without any. Raises CatalogueError."""
        chosen = select(self.outlets, patterns) if patterns else [f for o in self.outlets if o.enabled for f in o.feeds]
        return tuple(feed for feed in chosen if feed.enabled or patterns)

    def feed_states(self, feeds: Sequence[Feed]) -> tuple[FeedState, ...]:
        """What the store remembers of these feeds, after giving each its place there."""
        self.feeds.ensure(feeds, interval_s=self.settings.interval_s)
        return self.feeds.states([feed.id for feed in feeds])

    # ------------------------------------------------------------ ingest

    def due(self, feeds: Sequence[Feed], *, force: bool = False) -> tuple[FeedState, ...]:
        """The feeds whose time has come, the longest due first; paused and gone ones never, unless forced."""
        return self.due_of(self.feed_states(feeds), force=force)

    def due_of(self, states: Sequence[FeedState], *, force: bool = False) -> tuple[FeedState, ...]:
        """Those of them whose time has come, the longest due first."""
        at = self.clock()
        due = [state for state in states if force or is_due(state, at)]
        return tuple(sorted(due, key=lambda state: (state.next_poll_at or at, state.feed_id)))

    def plan_shards(self, *, outlets: Sequence[str] = (), shards: int = 4, force: bool = False) -> tuple[Shard, ...]:
        """The due feeds, and those with entries that wait, dealt to at most so many shards."""
        feeds = self.choose(list(outlets))
        due = self.due(feeds, force=force)
        known = {state.feed_id for state in due}
        waiting = self.feeds_with_work([feed.id for feed in feeds]) - known
        return cut_shards((*due, *self.feeds.states(sorted(waiting))), shards=shards)

    def feeds_with_work(self, feed_ids: Sequence[str]) -> set[str]:
        """Those of these feeds with entries that wait, or articles that are due for another look."""
        at = self.clock()
        waiting = self.articles.feeds_with_due_entries(feed_ids, now=at)
        return {*waiting, *(set(feed_ids) & set(self.visits.feeds_with_due_visits(now=at)))}

    def ingest(
        self,
        feed_ids: Sequence[str],
        *,
        deadline_s: float | None = None,
        force: bool = False,
        deliver_too: bool = True,
        run_id: str = "",
        watch: Callable[[Report], None] | None = None,
    ) -> Report:
        """Poll these feeds if they are due, bring their entries to their verdicts, deliver meanwhile; the report.

        Past the deadline nothing new is begun. `watch` is called about once a second with the report so far. A message
        that could not be published makes the report red (`problems`), and waits in the outbox for the next run.
        """
        began = time.monotonic()
        report = Report()
        deliverer = self.deliverer()
        if deliver_too:
            deliverer.start()
        try:
            if self.has_room(report):
                asyncio.run(self.walk(feed_ids, report, deliverer, deadline_s=deadline_s, force=force, watch=watch))
        finally:
            if deliver_too:
                self.finish_delivery(deliverer, report)
        report.seconds = time.monotonic() - began
        self.runs.keep(run_id, report, now=self.clock())
        return report

    def poll_once(
        self,
        feeds: Sequence[Feed],
        *,
        force: bool = False,
        deliver_too: bool = True,
        watch: Callable[[Report], None] | None = None,
    ) -> Report:
        """Ingest those of these feeds that are due; again and again does pipeline/app_follow.py."""
        ids = [state.feed_id for state in self.feed_states(feeds)]
        return self.ingest(ids, force=force, deliver_too=deliver_too, watch=watch)

    def has_room(self, report: Report) -> bool:
        """Whether the outbox is below its bound; polls are put off while the broker is away for too long."""
        waiting = self.outbox.undelivered()
        if waiting < self.settings.outbox_bound:
            return True
        report.faults.append(f"{waiting} messages wait in the outbox (NEWSWIRE_OUTBOX_BOUND): nothing was polled")
        return False

    def finish_delivery(self, deliverer: Deliverer, report: Report) -> None:
        """Deliver what is left; what could not be delivered is a fault of the run."""
        try:
            deliverer.stop()
        except NewswireError as error:
            report.faults.append(f"not delivered: {error}")
        report.delivered = deliverer.sent
        report.undelivered = self.outbox.undelivered()

    async def walk(
        self,
        feed_ids: Sequence[str],
        report: Report,
        deliverer: Deliverer,
        *,
        deadline_s: float | None,
        force: bool,
        watch: Callable[[Report], None] | None,
    ) -> None:
        """Furnish the rooms and walk."""
        at = self.clock()
        states = self.feeds.states(feed_ids)
        due = [state for state in states if force or is_due(state, at)]
        carried = self.articles.due_entries(feed_ids, now=at)
        carried = tuple(entry for entry in carried if entry.outlet_id in self.outlets_by_id)
        async with AsyncExitStack() as stack:
            rooms = await self.furnish(stack, deliverer, deadline_s=deadline_s)
            watcher = asyncio.create_task(tell(watch, report)) if watch else None
            with raising_plainly():
                await ingest(due, carried, rooms, report)
                await Revisits.of(rooms, self.visits, report).walk(self.due_visits(feed_ids))
            await rooms.teaching.finish(rooms)
            if watcher:
                watcher.cancel()

    def due_visits(self, feed_ids: Sequence[str], *, force: bool = False) -> tuple[Visit, ...]:
        """The articles that this run looks at again, within the budget; forced: also those whose time is to come."""
        settings, at = self.settings, None if force else self.clock()
        found = self.visits.due(feed_ids, now=at, most_per_outlet=settings.revisits_per_run)
        known = [visit for visit in found if visit.entry.outlet_id in self.outlets_by_id]
        return within_budget(known, most=settings.revisits_per_run, most_per_host=settings.revisits_per_host)

    async def furnish(self, stack: AsyncExitStack, deliverer: Deliverer, *, deadline_s: float | None) -> Rooms:
        """Open what a walk needs; the stack closes it."""
        settings = self.settings
        fetcher = await stack.enter_async_context(self.fetcher())
        workers = stack.enter_context(
            ExtractionWorkers(settings.extract_processes, settings.extract_timeout_s, settings.extract_memory_mb)
        )
        # One thread on SQLite, which has one writer; a few on PostgreSQL, which has many.
        threads = stack.enter_context(ThreadPoolExecutor(1 if self.database.is_sqlite else 4, "store"))
        return Rooms(
            settings=settings,
            outlets=self.outlets_by_id,
            fetcher=fetcher,
            feeds=self.feeds,
            articles=self.articles,
            archive=self.archive,
            extractor=workers,
            teaching=Teaching(),
            store_thread=threads,
            turns=self.turns(deadline_s),
            clock=self.clock,
            seconds=time.monotonic,
            wake_delivery=deliverer.wake,
        )

    def turns(self, deadline_s: float | None) -> Turns:
        """The queues and places of a run that begins nothing new after so many seconds."""
        ends = time.monotonic() + deadline_s if deadline_s else float("inf")
        at_door = self.settings.host_connections + STANDING
        return Turns(self.settings.concurrency, at_door, is_late=lambda: time.monotonic() >= ends)

    def fetcher(self) -> SafeFetcher:
        """The fetcher that the settings describe."""
        settings = self.settings
        totals = {FetchKind.FEED: settings.feed_timeout_s, FetchKind.PAGE: settings.page_timeout_s}
        return SafeFetcher(
            user_agent=user_agent(settings.contact),
            clock=self.clock,
            limits={kind: limits_of(DEFAULT_LIMITS[kind], total) for kind, total in totals.items()},
            pacer=self.pacer,
            newsroom=settings.newsroom or None,
            max_connections=settings.concurrency,
            per_host=settings.host_connections,
            default_spacing_s=settings.host_spacing_s,
            spacing_for=self.spacing_of,
            obey_robots=settings.obey_robots,
            robots_memory=RobotsFiles(settings.home / "robots"),
        )

    def spacing_of(self, host: str) -> float | None:
        """Seconds between two requests to a host, where the catalogue sets them for its outlet."""
        return self.spacing_by_domain.get(host)

    @cached_property
    def spacing_by_domain(self) -> Mapping[str, float]:
        """Spacings of the catalogue, by host."""
        return {
            host: outlet.policy.min_spacing_s
            for outlet in self.outlets
            if outlet.policy.min_spacing_s is not None
            for host in outlet.hosts
        }

    @cached_property
    def outlets_by_id(self) -> dict[str, Outlet]:
        """The catalogue by id, with the rules for article numbers that were learnt."""
        learnt = self.feeds.number_rules()
        ruled = (with_number_rule(o, learnt[o.id]) if o.id in learnt else o for o in self.outlets)
        return {outlet.id: outlet for outlet in ruled}

    # ------------------------------------------------------------ topics

    @cached_property
    def topics(self) -> Topics:
        """Kafka when a broker is configured, else the embedded log."""
        if not self.settings.kafka_bootstrap:
            return EmbeddedTopics(self.database, prefix=self.settings.topic_prefix)
        from connectors.kafka import KafkaTopics

        return KafkaTopics(KafkaSettings.of(self.settings))

    @property
    def batch_limits(self) -> BatchLimits:
        """How much goes into one transaction."""
        settings = self.settings
        overtake_after = OVERTAKE_TIMES * timedelta(seconds=settings.delivery_timeout_s)
        return BatchLimits(settings.batch_rows, settings.batch_bytes, overtake_after=overtake_after)

    def deliverer(self) -> Deliverer:
        """What delivers beside the work that fills the outbox."""
        texts = KeptTexts(self.settings.archive_folder)
        return Deliverer(
            self.topics,
            self.outbox,
            self.batch_limits,
            clock=self.clock,
            shrink=lambda message: claim_check(message, texts.keep),
        )

    def deliver(self) -> Counter[str]:
        """Drain the outbox; messages by topic. Raises DeliveryError."""
        return self.deliverer().stop()

    def undelivered(self) -> int:
        """How many messages wait."""
        return self.outbox.undelivered()

    def verify_delivery(self) -> tuple[str, ...]:
        """A sentence for each difference between outbox and topics; none when they agree. Raises DeliveryError."""
        differences: list[str] = []
        for topic in Topic:
            name = self.settings.topic_prefix + topic.value
            audit = Audit(name, is_compacted=topic in (Topic.LATEST, Topic.FEEDS))
            audit.read(self.topics.read(topic))
            differences += audit.differences(self.outbox.rows(topic))
        return tuple(differences)

    def why(self, url_or_id: str) -> tuple[str, ...]:
        """How the verdicts on a URL, an alias or an id came about; no lines when nothing is known."""
        return WhyStore(self.database).explain(url_or_id)

    def keep_late_run(self, run_id: str, *, after_min: float) -> None:
        """Write down that a run was not over in time, for the desk and the metrics."""
        late = Report(faults=[f"{LATE}: not over {after_min:g} minutes after it was due to start"])
        self.runs.keep(run_id, late, now=self.clock())

    def topic_specs(self) -> tuple[TopicSpec, ...]:
        """The topics as they should be."""
        settings = self.settings
        return desired_topics(
            settings.topic_prefix, partitions=settings.topic_partitions, replication=settings.topic_replication
        )

    def topic_differences(self) -> tuple[str, ...]:
        """How the broker's topics differ from what they should be. Raises DeliveryError."""
        return self.topic_admin.differences(self.topic_specs()) if self.settings.kafka_bootstrap else ()

    def create_topics(self) -> tuple[str, ...]:
        """Create the topics that are missing; their names. Raises SettingsError without a broker, DeliveryError."""
        if not self.settings.kafka_bootstrap:
            raise SettingsError("NEWSWIRE_KAFKA_BOOTSTRAP is empty: the embedded log needs no topics to be created")
        return self.topic_admin.create_missing(self.topic_specs())

    @cached_property
    def topic_admin(self) -> KafkaAdmin:
        """The broker's administration."""
        from connectors.kafka_admin import KafkaAdmin

        return KafkaAdmin(KafkaSettings.of(self.settings))

    def read(
        self,
        topic: Topic,
        *,
        since: datetime | None = None,
        follow: bool = False,
        after: Mapping[int, int] | None = None,
    ) -> Iterator[Received]:
        """Messages of a topic, as a consumer reads them."""
        return self.topics.read(topic, since=since, follow=follow, after=after)


@contextmanager
def raising_plainly() -> Iterator[None]:
    """Raise an error of ours as it is, not as the group of errors that tasks side by side make of it."""
    try:
        yield
    except BaseExceptionGroup as group:
        ours = group.subgroup(NewswireError)
        if ours is None or group.split(NewswireError)[1] is not None:
            raise
        error: BaseException = ours
        while isinstance(error, BaseExceptionGroup):
            error = error.exceptions[0]
        raise error from group


def is_due(state: FeedState, at: datetime) -> bool:
    """Whether a feed's time has come."""
    off = state.paused or state.status is FeedStatus.GONE
    return not off and (state.next_poll_at is None or state.next_poll_at <= at)


def read_catalogue(path: Path) -> tuple[Outlet, ...]:
    """The catalogue in a file. Raises CatalogueError."""
    try:
        return parse_catalogue(path.read_text(encoding="utf-8"), source=str(path))
    except OSError as error:
        raise CatalogueError(f"{path}: {error.strerror} (NEWSWIRE_CATALOGUE says where the catalogue is)") from error


def limits_of(default: FetchLimits, total_s: float) -> FetchLimits:
    """The default limits with another total deadline."""
    return replace(default, total_s=total_s)


def user_agent(contact: str) -> str:
    """Who we are, and how to reach us."""
    return f"newswire/{__version__}" + (f" (+{contact})" if contact else "")


async def tell(watch: Callable[[Report], None], report: Report) -> None:
    """Call the watcher about once a second, until cancelled."""
    while True:
        await asyncio.sleep(1)
        watch(report)
