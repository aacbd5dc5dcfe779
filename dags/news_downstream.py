"""
### News downstream (example)

Shows how a DAG of yours runs when articles were published: it is scheduled on the asset `news.articles`, and reads from
the asset's events how many articles of which outlet there are. Copy it, and put your work in place of `count`.

The articles themselves are on the topic (`newswire tail articles`), not in the event.
"""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from typing import Any

from airflow.sdk import Asset, dag, task

log = logging.getLogger("newswire.dags")

ARTICLES = Asset(name="news.articles", uri="newswire://topics/news.articles", group="news")


@dag(
    schedule=[ARTICLES],
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(minutes=10),
    default_args={
        "owner": "news-desk",
        "retries": 1,
        "retry_delay": timedelta(seconds=30),
        "execution_timeout": timedelta(minutes=5),
    },
    tags=["news", "example"],
    dag_display_name="News downstream (example)",
    description="Runs when articles were published",
    doc_md=__doc__,
)
def news_downstream() -> None:
    """Count the articles of the events that started this run."""

    @task(inlets=[ARTICLES])
    def count(triggering_asset_events: Any = None) -> dict[str, int]:
        articles: Counter[str] = Counter()
        for event in triggering_asset_events[ARTICLES]:
            articles.update(event.extra)
        for outlet, number in articles.most_common():
            log.info("%s: %d", outlet, number)
        return dict(articles)

    count()


news_downstream()
