"""`news_ingest` itself, run as Airflow runs it, against the sample newsroom on the embedded store and topic log."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline.domain.model import FeedStatus, Topic, Verdict
from pipeline.reporting.report import Report

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
    assert report.whole.entries == sum(tally.settled + tally.pending for tally in report.outlets.values()) > 20


def test_what_was_published_is_on_the_topic_and_counted_on_the_asset(first: Ran) -> None:
    from pipeline.app.runs import Newswire

    with Newswire.from_env() as newswire:
        published = len(list(newswire.topics.read(Topic.ARTICLES)))
    assert published == sum(first.counts.values()) > 20


def test_the_run_bears_its_report_as_a_note(first: Ran) -> None:
    assert f"{first.report.whole.entries} entries: {first.report.total(Verdict.NEW)} new" in first.note
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


@pytest.fixture
def one_outlet(newsroom_settings: None, tmp_path: Path) -> Iterator[pytest.MonkeyPatch]:
    """A deployment of its own with one outlet of the newsroom, to be broken."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("NEWSWIRE_HOME", str(tmp_path))
        yield environment
    gc.collect()  # kafka-python leaves the sockets of refused connections to it: not to the tests after this one


# All of the form is given: `dag.test()` keeps a former run's values on the DAG.
ONLY = {"outlets": ["antenne-info"], "shards": 1, "force": True, "dry_run": False}


def test_a_run_that_could_not_publish_is_red_and_says_so_first(runnable: Any, one_outlet: pytest.MonkeyPatch) -> None:
    one_outlet.setenv("NEWSWIRE_KAFKA_BOOTSTRAP", "127.0.0.1:1")
    one_outlet.setenv("NEWSWIRE_DELIVERY_TIMEOUT_S", "1")
    ran = Ran(runnable("news_ingest").test(run_conf=ONLY))
    assert (ran.run.state, ran.states["report"]) == ("failed", "failed")
    assert ran.note.startswith("**not delivered: ")


def test_a_run_in_which_an_outlet_was_down_is_not_red_but_the_desk_is(
    runnable: Any, one_outlet: pytest.MonkeyPatch
) -> None:
    one_outlet.setenv("NEWSWIRE_NEWSROOM", "127.0.0.1:1")
    ran = Ran(runnable("news_ingest").test(run_conf=ONLY))
    assert ran.run.state == "success"
    assert "antenne-info: " in ran.note
    assert statuses_on_the_desk() == {"antenne-info": FeedStatus.FAILING}


@dataclass(slots=True)
class Noting:
    """Stands for a task instance: takes the run's note."""

    note: str = ""

    def xcom_push(self, *, key: str, value: str) -> None:
        """Take it."""
        setattr(self, key, value)


@pytest.mark.parametrize(
    ("shards", "lost", "fault"),
    [
        pytest.param(2, 0, "1 of 2 shards gave no report", id="a shard died"),
        pytest.param(1, 1, "antenne-info: 3 entries, but 2 verdicts and 0 pending", id="an entry without a verdict"),
    ],
)
def test_a_run_that_lost_something_is_red_and_says_so_first(dagbag: Any, shards: int, lost: int, fault: str) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    report = Report()
    report.count_entries("antenne-info", 3)
    report.record_verdict("antenne-info", Verdict.UNCHANGED, count=3 - lost)
    add_up, noting = dagbag.get_dag("news_ingest").get_task("report").python_callable, Noting()
    with pytest.raises(AirflowFailException, match=f"^{fault}$"):
        add_up([{}] * shards, [report.to_json()], outlet_events={}, ti=noting)
    assert noting.note.startswith(f"**{fault}")


def statuses_on_the_desk() -> dict[str, FeedStatus]:
    """What the desk calls each outlet that was polled."""
    from connectors.desk.queries import read_outlets
    from pipeline.app.runs import Newswire

    with Newswire.from_env() as newswire, newswire.database.reading() as connection:
        lines, *_ = read_outlets(connection, page=1, now=newswire.clock())
    return {line.id: line.status for line in lines}


def test_upkeep_finds_outbox_and_topics_agreed(runnable: Any, second: Ran) -> None:
    run = runnable("news_upkeep").test()
    assert run.state == "success"
