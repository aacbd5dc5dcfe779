"""Reads a deployment's metrics, for `newswire metrics`. Tested by tests/reporting/test_metrics.py."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from functools import cached_property

from connectors.metrics.exporter import Exposition, expose, registry_of, serve
from connectors.metrics.queries import MetricsStore
from pipeline import __version__
from pipeline.app.runs import Newswire
from pipeline.domain.errors import SettingsError
from pipeline.reporting.metrics import Sample, Totals, gauge_samples

CACHE_S = 5.0  # several scrapers cost no more than one


class Metrics:
    """Metrics of an opened deployment; one per process, because counters start with it."""

    def __init__(self, app: Newswire) -> None:
        self.app = app
        self.store = MetricsStore(app.database)
        self.totals = Totals()
        self.lock = threading.Lock()
        self.kept: tuple[Sample, ...] = ()
        self.kept_at = -CACHE_S

    def read(self) -> tuple[Sample, ...]:
        """All samples, at most `CACHE_S` old. Raises StoreError."""
        with self.lock:
            if time.monotonic() - self.kept_at >= CACHE_S:
                self.kept = tuple(self.collect_samples())
                self.kept_at = time.monotonic()
            return self.kept

    def collect_samples(self) -> Iterator[Sample]:
        settings = self.app.settings
        yield Sample("newswire_build_info", 1, (__version__, settings.deployment))
        for report in self.store.read_new_reports():
            self.totals.add(report)
        yield from self.totals.samples()
        feeds = self.app.feeds.states(self.feed_ids)
        yield from gauge_samples(self.store.snapshot(feeds, lanes=settings.delivery.lanes, now=self.app.clock()))

    @cached_property
    def feed_ids(self) -> tuple[str, ...]:
        """The feeds of the catalogue."""
        return tuple(feed.id for feed in self.app.choose([]))

    def expose(self, accept: str) -> Exposition:
        """The metrics in the format that an Accept header asks for."""
        return expose(registry_of(self.read), accept)

    def serve(self, *, host: str, port: int, tell: Callable[[str], None]) -> None:
        """Serve until interrupted; `tell` gets the address. Raises SettingsError when the port is taken."""
        try:
            server, thread = serve(registry_of(self.read), host=host, port=port)
        except OSError as error:
            raise SettingsError(f"metrics on {host}:{port}: {error.strerror}") from error
        tell(f"metrics on http://{host}:{server.server_port}/metrics")
        try:
            thread.join()
        finally:
            server.shutdown()
            server.server_close()
