"""`news_ingest` itself, run as Airflow runs it, against the sample newsroom on the embedded store and topic log."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.model import Topic, Verdict
from pipeline.report import Report

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Ran:
    """A run of the DAG, over."""

    run: Any

    @property
    def states(self) -> dict[str, str]:
        """State by task; the mapped task's instances by the name that the grid shows."""
        return {ti.rendered_map_index or ti.task_id: str(ti.state) for ti in self.run.get_task_instances()}

    @property
    def report(self) -> Report:
        """What the report task left in XCom."""
        from airflow.models.xcom import XComModel
        from airflow.utils.session import create_session

        query = XComModel.get_many(
            key="return_value", run_id=self.run.run_id, task_ids="report", dag_ids="news_ingest", limit=1
        )
        with create_session() as session:
            return Report.from_json(XComModel.deserialize_value(session.scalars(query).one()))

    @property
    def note(self) -> str:
        """The run's note, as the grid shows it."""
        from airflow.models.dagrun import DagRun
        from airflow.utils.session import create_session

        with create_session() as session:
            return str(session.query(DagRun).filter_by(run_id=self.run.run_id).one().note)

    @property
    def counts(self) -> dict[str, int]:
        """Articles by outlet on the asset's event of this run; empty when there was none."""
        from airflow.models.asset import AssetEvent
        from airflow.utils.session import create_session

        with create_session() as session:
            events = session.query(AssetEvent).filter_by(source_run_id=self.run.run_id).all()
        return {outlet: count for event in events for outlet, count in event.extra.items()}


@pytest.fixture(scope="module")
def first(runnable: Any, newsroom_settings: None) -> Ran:
    """The first run: everything is new."""
    return Ran(runnable("news_ingest").test(run_conf={"shards": 2}))


@pytest.fixture(scope="module")
def second(runnable: Any, first: Ran) -> Ran:
    """A second run at once, forced: nothing has changed."""
    return Ran(runnable("news_ingest").test(run_conf={"shards": 2, "force": True}))


def test_the_run_is_green_and_its_shards_bear_the_names_of_outlets(first: Ran) -> None:
    assert set(first.states.values()) == {"success"}
    assert len(first.states) == 4
    assert any("antenne-info" in name for name in first.states)


def test_every_entry_seen_has_one_verdict_or_waits(first: Ran) -> None:
    report = first.report
    assert report.problems == ()
    assert report.entries == sum(tally.settled + tally.pending for tally in report.outlets.values()) > 20


def test_what_was_published_is_on_the_topic_and_counted_on_the_asset(first: Ran) -> None:
    from pipeline.app import App

    with App.from_env() as newswire:
        published = len(list(newswire.read(Topic.ARTICLES)))
    assert published == sum(first.counts.values()) > 20


def test_the_run_bears_its_report_as_a_note(first: Ran) -> None:
    assert f"{first.report.entries} entries: {first.report.total(Verdict.NEW)} new" in first.note
    assert "delivered: " in first.note


def test_a_run_without_news_publishes_nothing_and_wakes_nobody(second: Ran) -> None:
    assert set(second.states.values()) == {"success"}
    assert second.report.total(Verdict.NEW) == 0
    assert second.counts == {}


def test_a_dry_run_polls_nothing(runnable: Any, second: Ran) -> None:
    ran = Ran(runnable("news_ingest").test(run_conf={"dry_run": True, "force": True}))
    assert ran.states == {"plan": "success", "ingest": "skipped", "report": "skipped"}


def test_an_outlet_that_does_not_exist_is_a_red_plan(runnable: Any, newsroom_settings: None) -> None:
    ran = Ran(runnable("news_ingest").test(run_conf={"outlets": ["no-such-outlet"]}))
    assert ran.states["plan"] == "failed"
    assert ran.run.state == "failed"


def test_upkeep_finds_outbox_and_topics_agreed(runnable: Any, second: Ran) -> None:
    run = runnable("news_upkeep").test()
    assert run.state == "success"
