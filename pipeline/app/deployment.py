"""A deployment: its settings, catalogue, store, fetcher and topics, each created on first use.

Reads the environment and the clock. Runs are left to pipeline/app/runs.py.
Tested by tests/app/test_upkeep.py, tests/cli/ and the sample newsroom.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from connectors.archive.warc_archive import TextStore, WarcArchive
from connectors.kafka.config import KafkaSettings, TopicSpec, desired_topics
from connectors.store.articles import ArticleStore
from connectors.store.database import Database
from connectors.store.explanations import WhyStore
from connectors.store.feeds import FeedStore
from connectors.store.host_slots import StoredPacer
from connectors.store.outbox import EmbeddedTopics, StoredOutbox
from connectors.store.revisits import RevisitStore
from connectors.store.runs import RunStore
from pipeline import __version__
from pipeline.app.environment import load_settings
from pipeline.catalogue.catalogue import parse_catalogue, select
from pipeline.delivery.dead_letters import claim_check
from pipeline.delivery.deliver import OVERTAKE_TIMES, Audit, BatchLimits, Deliverer
from pipeline.domain import fault_injection
from pipeline.domain.errors import CatalogueError, SettingsError
from pipeline.domain.model import Feed, FeedState, FetchKind, Outlet, Topic
from pipeline.domain.ports import Topics
from pipeline.domain.settings import Settings
from pipeline.identity.urls import with_number_rule
from pipeline.text.dates import time_of_option

if TYPE_CHECKING:
    from connectors.http.fetcher import SafeFetcher
    from connectors.kafka.consumer import KafkaAdmin
    from connectors.workers.pool import ExtractionWorkers


def now() -> datetime:
    return datetime.now(UTC)


class Deployment:
    """Settings, catalogue, store and topics. Use as a context manager."""

    def __init__(self, settings: Settings, *, clock: Callable[[], datetime] = now) -> None:
        """`clock`: tests pass one, in which hours pass between two runs."""
        self.settings = settings
        self.clock = clock
        self.database = Database(settings.store_url)
        self.feeds = FeedStore(self.database, lanes=settings.delivery.lanes)
        self.articles = ArticleStore(self.database, lanes=settings.delivery.lanes)
        self.visits = RevisitStore(self.database, lanes=settings.delivery.lanes)
        self.outbox = StoredOutbox(self.database)
        self.runs = RunStore(self.database)
        self.archive = WarcArchive(settings.archive_folder)
        self.pacer = StoredPacer(settings.store_url)

    @classmethod
    def from_env(cls, environment: Mapping[str, str] | None = None, *, must_be_current: bool = True) -> Self:
        """The deployment that the environment describes. Raises SettingsError, StoreError.

        Upgrades SQLite to this version's schema; a shared database is upgraded only by `newswire db upgrade`.
        """
        settings = load_settings(environment)
        if settings.testing.crash_at:
            fault_injection.arm(settings.testing.crash_at, lambda: os.kill(os.getpid(), signal.SIGKILL))
        app = cls(settings)
        if app.database.is_sqlite:
            app.database.upgrade()
        elif must_be_current:
            app.database.check()
        return app

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        if "topics" in vars(self):
            self.topics.close()
        self.archive.close()
        self.pacer.close()
        self.database.close()

    def moment(self, text: str | None, option: str) -> datetime | None:
        """The time of an option, such as 6h for six hours ago; None without one. Raises SettingsError."""
        return time_of_option(text, option, now=self.clock())

    def run_name(self, what: str) -> str:
        """The id of a run without Airflow: its kind and the time."""
        return f"{what} {self.clock():%Y-%m-%d %H:%M:%S}"

    @cached_property
    def outlets(self) -> tuple[Outlet, ...]:
        """The catalogue. Raises CatalogueError."""
        return read_catalogue(self.settings.catalogue)

    def choose(self, patterns: Sequence[str]) -> tuple[Feed, ...]:
        """The enabled feeds that these ids, outlet ids or globs name; all without any. Raises CatalogueError."""
        chosen = select(self.outlets, patterns) if patterns else [f for o in self.outlets if o.enabled for f in o.feeds]
        return tuple(feed for feed in chosen if feed.enabled or patterns)

    def feed_states(self, feeds: Sequence[Feed]) -> tuple[FeedState, ...]:
        """The stored states of these feeds; adds feeds that the store does not know."""
        self.feeds.ensure(feeds, interval_s=self.settings.polling.interval_s)
        return self.feeds.states([feed.id for feed in feeds])

    def fetcher(self) -> SafeFetcher:
        from connectors.http.fetch import DEFAULT_LIMITS
        from connectors.http.fetcher import SafeFetcher  # aiohttp, which planning and queries do not need
        from connectors.http.robots import RobotsFileStore

        settings = self.settings
        spacings = {host: o.policy.min_spacing_s for o in self.outlets for host in o.hosts}
        totals = {FetchKind.FEED: settings.http.feed_timeout_s, FetchKind.PAGE: settings.http.page_timeout_s}
        return SafeFetcher(
            user_agent=f"newswire/{__version__}" + (f" (+{settings.contact})" if settings.contact else ""),
            clock=self.clock,
            limits={kind: replace(DEFAULT_LIMITS[kind], total_s=total) for kind, total in totals.items()},
            pacer=self.pacer,
            newsroom=settings.testing.newsroom or None,
            max_connections=settings.http.concurrency,
            per_host=settings.http.host_connections,
            default_spacing_s=settings.http.host_spacing_s,
            spacing_for=spacings.get,
            obey_robots=settings.http.obey_robots,
            robots_store=RobotsFileStore(settings.home / "robots"),
        )

    def workers(self) -> ExtractionWorkers:
        from connectors.workers.pool import ExtractionWorkers

        limits = self.settings.extraction
        return ExtractionWorkers(limits.processes, limits.timeout_s, limits.memory_mb)

    @cached_property
    def outlets_by_id(self) -> dict[str, Outlet]:
        """The catalogue by id, with the learnt article number rules."""
        learnt = self.feeds.number_rules()
        ruled = (with_number_rule(o, learnt[o.id]) if o.id in learnt else o for o in self.outlets)
        return {outlet.id: outlet for outlet in ruled}

    @cached_property
    def topics(self) -> Topics:
        """Kafka when a broker is configured, else the embedded log."""
        if not self.settings.kafka.bootstrap:
            return EmbeddedTopics(self.database, prefix=self.settings.topics.prefix)
        from connectors.kafka.producer import KafkaTopics

        return KafkaTopics(KafkaSettings.of(self.settings))

    def deliverer(self, *, recover: bool = False) -> Deliverer:
        """Delivers while a run fills the outbox."""
        texts, options = TextStore(self.settings.archive_folder), self.settings.delivery
        limits = BatchLimits(
            max_rows=options.batch_rows,
            max_bytes=options.batch_bytes,
            overtake_after=OVERTAKE_TIMES * timedelta(seconds=options.timeout_s),
        )
        return Deliverer(
            self.topics,
            self.outbox,
            limits,
            clock=self.clock,
            shrink=lambda message: claim_check(message, texts.keep),
            recover=recover,
        )

    def deliver(self, *, recover: bool = False) -> Counter[str]:
        """Drain the outbox; messages by topic. Raises DeliveryError, and LaneLost unless `recover`."""
        return self.deliverer(recover=recover).stop()

    def verify_delivery(self) -> tuple[str, ...]:
        """A sentence for each difference between outbox and topics; empty when they agree. Raises DeliveryError."""
        differences: list[str] = []
        for topic in Topic:
            name = self.settings.topics.prefix + topic.value
            audit = Audit(topic=name, is_compacted=topic in (Topic.LATEST, Topic.FEEDS))
            audit.read(self.topics.read(topic))
            differences += audit.differences(self.outbox.rows(topic))
        return tuple(differences)

    def why(self, url_or_id: str) -> tuple[str, ...]:
        """How the verdicts on a URL, an alias or an id were decided; empty when nothing is known."""
        return WhyStore(self.database).explain(url_or_id)

    def topic_specs(self) -> tuple[TopicSpec, ...]:
        """The topics as they should be."""
        options = self.settings.topics
        return desired_topics(options.prefix, partitions=options.partitions, replication=options.replication)

    def topic_differences(self) -> tuple[str, ...]:
        """How the broker's topics differ from what they should be. Raises DeliveryError."""
        return self.topic_admin.differences(self.topic_specs()) if self.settings.kafka.bootstrap else ()

    def create_topics(self) -> tuple[str, ...]:
        """Create the topics that are missing; their names. Raises SettingsError without a broker, DeliveryError."""
        if not self.settings.kafka.bootstrap:
            raise SettingsError("NEWSWIRE_KAFKA_BOOTSTRAP is empty: the embedded log needs no topics to be created")
        return self.topic_admin.create_missing(self.topic_specs())

    @cached_property
    def topic_admin(self) -> KafkaAdmin:
        from connectors.kafka.consumer import KafkaAdmin

        return KafkaAdmin(KafkaSettings.of(self.settings))


def read_catalogue(path: Path) -> tuple[Outlet, ...]:
    """The catalogue in a file. Raises CatalogueError."""
    try:
        return parse_catalogue(path.read_text(encoding="utf-8"), source=str(path))
    except OSError as error:
        where = "NEWSWIRE_CATALOGUE says where the catalogue is; `newswire feeds add` begins one"
        raise CatalogueError(f"{path}: {error.strerror} ({where})") from error
    except UnicodeDecodeError as error:
        raise CatalogueError(f"{path}: not UTF-8 at byte {error.start}") from error
