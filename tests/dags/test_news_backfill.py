"""`news_backfill` itself, run as Airflow runs it, against the sample newsroom's sitemaps."""

from __future__ import annotations

from typing import Any

from pipeline.domain.model import Topic


def states(run: Any) -> dict[str, str]:
    return {ti.rendered_map_index or ti.task_id: str(ti.state) for ti in run.get_task_instances()}


def test_a_day_of_an_outlet_is_filled_and_the_run_says_how_many(runnable: Any, newsroom_settings: None) -> None:
    conf = {"outlets": ["harbour-gazette"], "since": "2026-03-01", "until": "2026-03-02"}
    run = runnable("news_backfill").test(run_conf=conf)
    assert states(run) == {
        "plan": "success",
        "harbour-gazette 2026-03-01..2026-03-02": "success",
        "report": "success",
    }
    from pipeline.app.runs import Newswire

    with Newswire.from_env() as newswire:
        subjects = [received.headers["ce_subject"] for received in newswire.topics.read(Topic.ARTICLES)]
    assert subjects
    assert all("/news/20260301/" in subject for subject in subjects)


def test_without_anything_left_nothing_is_done(runnable: Any, newsroom_settings: None) -> None:
    run = runnable("news_backfill").test(run_conf={"outlets": [], "since": "", "until": ""})
    assert states(run) == {"plan": "success", "fill": "skipped", "report": "skipped"}
