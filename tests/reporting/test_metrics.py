"""Metrics: correct after a run, valid in both Prometheus formats, and used correctly by dashboard and alerts."""

from __future__ import annotations

import json
import re
import threading
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from connectors.metrics.exporter import expose, registry_of, serve
from connectors.store.database import Database
from connectors.store.runs import RunStore
from pipeline.app.metrics import Metrics
from pipeline.app.runs import Newswire
from pipeline.domain.errors import StoreError
from pipeline.domain.model import Feed, FeedState, FeedStatus, Verdict
from pipeline.domain.settings import Settings
from pipeline.reporting.metrics import (
    METRICS,
    LaneBacklog,
    Sample,
    Snapshot,
    Totals,
    gauge_samples,
    is_overdue,
)
from pipeline.reporting.report import LATE, Report

HERE = Path(__file__).parents[2] / "connectors" / "metrics"
DASHBOARD = json.loads((HERE / "dashboard.json").read_text("utf-8"))
ALERTS = yaml.safe_load((HERE / "alerts.yml").read_text("utf-8"))["groups"][0]["rules"]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
OPENMETRICS = "application/openmetrics-text; version=1.0.0"

BY_NAME = {metric.name: metric for metric in METRICS}


def report(*, faults: tuple[str, ...] = ()) -> Report:
    """The report of a shard with three entries."""
    made = Report(seconds=2.0, faults=list(faults))
    made.count_entries("gazette", 3)
    made.record_verdict("gazette", Verdict.NEW, count=2)
    made.record_verdict("gazette", Verdict.REJECTED, 'a "quoted" reason\\')
    made.record_poll("gazette", "parsed")
    made.record_revisit("gazette", "not_modified")
    made.delivered["articles"] = 2
    return made


def feed(**values: Any) -> FeedState:
    return FeedState(feed_id="gazette/une", outlet_id="gazette", url="http://gazette.test/rss").with_fields(**values)


def snapshot(*feeds: FeedState) -> Snapshot:
    return Snapshot(
        at=NOON,
        feeds=feeds,
        pending_due=1,
        pending_later=2,
        oldest_due_at=NOON - timedelta(seconds=30),
        dead_letters=4,
        lanes=(LaneBacklog(0, 0, NOON), LaneBacklog(1, 5, NOON - timedelta(seconds=9))),
        last_report_at=NOON,
        verdict_delays_s=(1.0, 2.0, 9.0),
        delivery_delays_s=(0.2,),
    )


def values(samples: Iterator[Sample]) -> dict[str, float]:
    return {" ".join((sample.name.removeprefix("newswire_"), *sample.labels)): sample.value for sample in samples}


# ---------------------------------------------------------------- what they say


def test_counters_sum_the_reports() -> None:
    totals = Totals()
    for one in (report(), report(faults=("not delivered: broker away",))):
        totals.add(one)
    found = values(totals.samples())
    assert found["entries_seen_total gazette"] == 6
    assert found["entries_total gazette new"] == 4
    assert found["revisits_total gazette not_modified"] == 2
    assert found["messages_delivered_total articles"] == 4
    assert found["messages_delivered_total copies"] == 0
    assert (found["shards_total fine"], found["shards_total red"]) == (1, 1)
    assert found["shard_seconds_total"] == 4.0


def test_a_late_run_counts_only_as_late() -> None:
    totals = Totals()
    totals.add(Report(faults=[f"{LATE}: not over 10 minutes after it was due to start"]))
    found = values(totals.samples())
    assert found["late_runs_total"] == 1
    assert found["shards_total red"] == 0


def test_gauges_show_the_backlog_and_its_age() -> None:
    found = values(gauge_samples(snapshot()))
    assert (found["entries_pending due"], found["entries_pending later"]) == (1, 2)
    assert found["entries_pending_oldest_seconds"] == 30
    assert (found["outbox_messages 0"], found["outbox_messages 1"]) == (0, 5)
    assert found["outbox_oldest_seconds"] == 9
    assert (found["verdict_delay_seconds 0.5"], found["verdict_delay_seconds 1"]) == (2.0, 9.0)


@pytest.mark.parametrize(
    ("status", "up", "silent"),
    [
        (FeedStatus.FRESH, 1, 0),
        (FeedStatus.SILENT, 1, 1),
        (FeedStatus.FAILING, 0, 0),
        (FeedStatus.GONE, 0, 0),
        (FeedStatus.BLOCKED, 0, 0),
        (FeedStatus.PAUSED, 1, 0),
    ],
)
def test_a_feed_is_up_or_silent_by_its_status(status: FeedStatus, up: int, silent: int) -> None:
    found = values(gauge_samples(snapshot(feed(status=status))))
    assert found["feed_up gazette gazette/une"] == up
    assert found["feed_silent gazette gazette/une"] == silent
    assert found[f"feeds {status.value}"] == 1


@pytest.mark.parametrize(
    ("state", "overdue"),
    [
        pytest.param(feed(next_poll_at=NOON - timedelta(seconds=601)), True, id="twice its interval ago"),
        pytest.param(feed(next_poll_at=NOON - timedelta(seconds=599)), False, id="a run is under way"),
        pytest.param(feed(next_poll_at=NOON - timedelta(days=1), paused=True), False, id="paused"),
        pytest.param(feed(next_poll_at=NOON - timedelta(days=1), status=FeedStatus.GONE), False, id="gone"),
        pytest.param(feed(), False, id="never polled"),
    ],
)
def test_a_feed_is_overdue_when_it_is_not_polled(state: FeedState, overdue: bool) -> None:
    assert is_overdue(state, NOON) is overdue


def test_every_sample_has_a_documented_metric_and_labels() -> None:
    totals = Totals()
    totals.add(report())
    full = feed(last_new_entry_at=NOON, silence_s=60)
    for sample in (*totals.samples(), *gauge_samples(snapshot(full))):
        assert len(sample.labels) == len(BY_NAME[sample.name].labels), sample


# ---------------------------------------------------------------- read from a store


def test_a_scrape_shows_the_runs_since_the_exporter_started(store_url: str, tmp_path: Path) -> None:
    catalogue = tmp_path / "feeds.toml"
    catalogue.write_text(
        '[[outlet]]\nid = "gazette"\nname = "G"\nhomepage = "http://gazette.test/"\ncountry = "FR"\nlanguage = "fr"\n'
        'timezone = "Europe/Paris"\n[[outlet.feed]]\nname = "une"\nurl = "http://gazette.test/rss"\n'
    )
    with Newswire(Settings(home=tmp_path, catalogue=catalogue, database_url=store_url)) as newswire:
        newswire.database.upgrade()
        newswire.feeds.ensure(
            [Feed(id="gazette/une", outlet_id="gazette", url="http://gazette.test/rss")], interval_s=300
        )
        newswire.runs.keep("before", report(), now=NOON)
        metrics = Metrics(newswire)
        first = values(iter(metrics.collect_samples()))
        newswire.runs.keep("after", report(), now=NOON)
        second = values(iter(metrics.collect_samples()))
        assert len(metrics.read()) == len(metrics.read()) == len(second)
    assert "entries_total gazette new" not in first
    assert second["entries_total gazette new"] == 2
    assert second["feeds fresh"] == 1
    assert second["outbox_messages 7"] == 0


# ---------------------------------------------------------------- as Prometheus reads them


def made_samples() -> list[Sample]:
    totals = Totals()
    totals.add(report())
    info = Sample("newswire_build_info", 1, ("0.1.0", "default"))
    return [info, *totals.samples(), *gauge_samples(snapshot(feed(last_new_entry_at=NOON, silence_s=60)))]


@pytest.mark.parametrize(
    ("accept", "kind", "read"),
    [
        pytest.param("text/plain", "text/plain", read_text, id="text"),
        pytest.param(OPENMETRICS, "application/openmetrics-text", read_openmetrics, id="OpenMetrics"),
    ],
)
def test_both_formats_parse_to_the_same_values(accept: str, kind: str, read: Any) -> None:
    exposition = expose(registry_of(made_samples), accept)
    assert exposition.content_type.startswith(kind)
    found = {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in read(exposition.body.decode())
        for sample in family.samples
    }
    labels = (("outcome", "rejected"), ("reason", 'a "quoted" reason\\'))
    assert found["newswire_entries_reasons_total", labels] == 1
    assert {name for name, _ in found} == set(BY_NAME)


def test_an_unavailable_store_is_a_sample_not_an_error() -> None:
    def away() -> list[Sample]:
        raise StoreError("away", retriable=True)

    body = expose(registry_of(away), "").body.decode()
    assert "newswire_store_up 0.0" in body
    assert "newswire_feeds" not in body


def test_metrics_are_served_over_http() -> None:
    server, thread = serve(registry_of(made_samples), host="127.0.0.1", port=0)
    try:
        request = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/metrics")
        request.add_header("Accept", OPENMETRICS)
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
            assert answer.read().endswith(b"# EOF\n")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert thread not in threading.enumerate()


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_metric_names_follow_the_conventions_of_prometheus(metric: Any) -> None:
    assert re.fullmatch(r"newswire(_[a-z]+)+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert not metric.name.endswith(("_count", "_sum", "_bucket", "_milliseconds", "_minutes"))
    assert metric.sentence.endswith((".", ")."))


def queries() -> Iterator[tuple[str, str]]:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            yield f"dashboard: {panel['title']}", target["expr"]
    for annotation in DASHBOARD["annotations"]["list"]:
        yield f"dashboard: {annotation['name']}", annotation["expr"]
    for rule in ALERTS:
        yield f"alert: {rule['alert']}", rule["expr"]


@pytest.mark.parametrize(("where", "query"), list(queries()), ids=lambda value: str(value)[:50])
def test_every_query_uses_existing_metrics_and_labels(where: str, query: str) -> None:
    asked = re.findall(r"(newswire_\w+)(?:\{([^}]*)\})?", query)
    assert asked
    for name, labels in asked:
        assert name in BY_NAME, where
        assert set(re.findall(r"(\w+)\s*=", labels)) <= set(BY_NAME[name].labels), where
    known = {label for name, _ in asked for label in BY_NAME[name].labels}
    for grouping in re.findall(r"(?:by|on|without)\s*\(([^)]*)\)", query):
        assert {label.strip() for label in grouping.split(",")} <= known, where
    assert query.count("(") == query.count(")")
    counters = [name for name, _ in asked if BY_NAME[name].kind == "counter"]
    assert not counters or re.search(r"rate\(|increase\(", query), f"{where}: a counter is asked for its growth"


def test_every_legend_and_annotation_uses_labels_of_its_query() -> None:
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            labels = {label for name in re.findall(r"newswire_\w+", target["expr"]) for label in BY_NAME[name].labels}
            assert set(re.findall(r"\{\{(\w+)\}\}", target["legendFormat"])) <= labels, panel["title"]
    for rule in ALERTS:
        labels = {label for name in re.findall(r"newswire_\w+", rule["expr"]) for label in BY_NAME[name].labels}
        assert set(re.findall(r"\$labels\.(\w+)", str(rule["annotations"]))) <= labels, rule["alert"]


def test_the_dashboard_has_the_form_that_grafana_loads() -> None:
    assert DASHBOARD["uid"] == "newswire"
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    for panel in DASHBOARD["panels"]:
        assert panel["datasource"] == {"type": "prometheus", "uid": "${source}"}
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["source"]


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_every_alert_has_the_fields_that_promtool_requires(rule: dict[str, Any]) -> None:
    assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
    assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
    assert rule["labels"]["severity"] in ("page", "warn")
    assert rule["annotations"]["summary"]


def test_reports_of_another_process_are_read_once(store_url: str) -> None:
    from connectors.metrics.queries import MetricsStore

    database = Database(store_url)
    database.upgrade()
    store, runs = MetricsStore(database), RunStore(database)
    assert store.read_new_reports() == ()
    runs.keep("one", report(), now=NOON)
    assert len(store.read_new_reports()) == 1
    assert store.read_new_reports() == ()
    database.close()
