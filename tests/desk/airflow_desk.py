"""A running Airflow with our DAGs, a hostile outlet, and a store that already has hostile values.

Only the DAG news_ingest is unpaused: its first run is under way while the first tests run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from connectors.store.database import Database
from tests.desk.hostile_outlet import CATALOGUE, malice
from tests.desk.small_store import SILENT, fill
from tests.stack import airflow
from tests.stack.airflow import Airflow, AirflowPlace
from tests.stack.ports import free_port
from tests.values import OUTLET

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Running:
    """A running Airflow, and its passwords by user name."""

    airflow: Airflow
    passwords: dict[str, str]
    store_url: str

    @property
    def url(self) -> str:
        """The URL of Airflow."""
        return self.airflow.place.url


@contextmanager
def run_airflow(folder: Path) -> Iterator[Running]:
    """Start and stop everything. Without Kafka: the outbox is the topic log."""
    with malice() as address:
        home = folder / "newswire"
        home.mkdir(parents=True)
        (home / "feeds.toml").write_text(CATALOGUE + hostile_catalogue(), encoding="utf-8")
        store_url = f"sqlite:///{home / 'newswire.db'}"
        fill_store(store_url)
        place = AirflowPlace(
            home=folder / "airflow",
            logs=folder / "log",
            port=free_port(),
            parallelism=2,
            newswire={
                "NEWSWIRE_HOME": str(home),
                "NEWSWIRE_CATALOGUE": str(home / "feeds.toml"),
                "NEWSWIRE_NEWSROOM": address,
                "NEWSWIRE_HOST_SPACING_S": "0",
                "NEWSWIRE_SHARDS": "1",
                "NEWSWIRE_EVERY_MINUTES": "15",
                "NEWSWIRE_MAX_ATTEMPTS": "1",
                "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "True",
            },
        )
        running = Airflow(place)
        passwords = running.prepare()
        components = running.start()
        try:
            running.wait_until_ready(components, timeout_s=300)
            running.unpause("news_ingest")
            yield Running(running, passwords, store_url)
        finally:
            # Discarded: tests/stack/test_up.py tests the orderly shutdown.
            airflow.stop(components, patience_s=0, grace_s=5)


def fill_store(store_url: str) -> None:
    """Store hostile outlets that were just polled and are not due while the tests run."""
    database = Database(store_url)
    database.upgrade()
    now = datetime.now(UTC)
    fill(database, now=now, next_poll_at=now + timedelta(days=1))
    database.close()


def hostile_catalogue() -> str:
    """The catalogue of the outlets in the store."""
    lines = []
    for outlet_id, feeds in ((OUTLET.id, OUTLET.feeds), (SILENT.outlet_id, (SILENT,))):
        lines.append(
            f'\n[[outlet]]\nid = {json.dumps(outlet_id)}\nname = "<b>{outlet_id}</b><script>alert(4)</script>"'
        )
        lines.append(f'homepage = "http://www.{outlet_id}.test/"\ncountry = "FR"\nlanguage = "fr"')
        lines += [
            f"[[outlet.feed]]\nname = {json.dumps(feed.id.split('/')[1])}\nurl = {json.dumps(feed.url)}"
            for feed in feeds
        ]
    return "\n".join(lines) + "\n"
