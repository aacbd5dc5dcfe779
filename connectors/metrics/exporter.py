"""Prometheus exporter: samples in text format or OpenMetrics, served over HTTP.

Promises: a scrape never raises; when the store cannot be read it shows `newswire_store_up 0`. The definitions of
the metrics are in pipeline/reporting/metrics.py.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from threading import Thread
from wsgiref.simple_server import WSGIServer

from prometheus_client import CollectorRegistry, start_wsgi_server
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.domain.errors import NewswireError
from pipeline.reporting.metrics import METRICS, Sample

log = logging.getLogger("newswire.metrics")

FAMILIES = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}


@dataclass(frozen=True, slots=True)
class Exposition:
    """The body of a scrape and its content type."""

    body: bytes
    content_type: str


class NewswireCollector(Collector):
    """Prometheus collector of our metrics; `read` supplies the samples."""

    def __init__(self, read: Callable[[], Iterable[Sample]]) -> None:
        self.read = read

    def collect(self) -> Iterator[Metric]:
        by_name: defaultdict[str, list[Sample]] = defaultdict(list)
        try:
            samples = [*self.read(), Sample("newswire_store_up", 1)]
        except NewswireError as error:  # an unavailable store is a sample, not an error
            log.warning("%s", error)
            samples = [Sample("newswire_store_up", 0)]
        for sample in samples:
            by_name[sample.name].append(sample)
        for metric in METRICS:
            family = FAMILIES[metric.kind](metric.name, metric.sentence, labels=metric.labels)
            for sample in by_name[metric.name]:
                family.add_metric(sample.labels, sample.value)
            if family.samples:
                yield family


def registry_of(read: Callable[[], Iterable[Sample]]) -> CollectorRegistry:
    """A registry with our metrics, without those of the process."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(NewswireCollector(read))
    return registry


def expose(registry: CollectorRegistry, accept: str) -> Exposition:
    encode, content_type = choose_encoder(accept)
    return Exposition(encode(registry), content_type)


def serve(registry: CollectorRegistry, *, host: str, port: int) -> tuple[WSGIServer, Thread]:  # prometheus_client's
    """Serve `/metrics` in a thread; stop it by the server's `shutdown()`."""
    return start_wsgi_server(port, addr=host, registry=registry)
