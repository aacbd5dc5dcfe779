"""`make demo`: the main job on SQLite and the embedded topic log, against the sample newsroom.

Starts the newsroom on loopback and runs the `news_ingest` DAG without a scheduler, as `dag.test()` does. Prints what
happened, moves the newsroom to its second act, and runs again. At the end it compares the topics with the newsroom's
ledger and prints each line that differs. Exit code 1 when one does. Airflow's own log goes to var/demo/airflow.log.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.spinner import Spinner

ROOT = Path(__file__).parents[1]
HOME = ROOT / "var" / "demo"
AIRFLOW_HOME = ROOT / "var" / "demo-airflow"  # kept from demo to demo: making Airflow's tables takes 7 s
# Its own copy of standard output: while Airflow works, the process's is turned to a log.
console = Console(
    file=os.fdopen(os.dup(1), "w", encoding="utf-8"), highlight=False, width=None if sys.stdout.isatty() else 150
)


@contextmanager
def newsroom() -> Iterator[str]:
    """The sample newsroom in a process of its own; its address."""
    command = [sys.executable, "-m", "tests.newsroom", "--port", "0", "--quiet"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[-1]
    finally:
        process.terminate()
        process.wait(timeout=10)


def ask(address: str, path: str, *, method: str = "GET") -> str:
    """A control call to the newsroom."""
    request = urllib.request.Request(f"http://{address}/-/{path}", method=method)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(answer.read().decode())


def furnish(address: str) -> None:
    """The environment of the demo: embedded store and topic log, the newsroom's catalogue, an Airflow of its own."""
    shutil.rmtree(HOME, ignore_errors=True)
    HOME.mkdir(parents=True)
    catalogue = HOME / "feeds.toml"
    catalogue.write_text(ask(address, "catalogue"), encoding="utf-8")
    for name in [name for name in os.environ if name.startswith(("NEWSWIRE_", "AIRFLOW"))]:
        del os.environ[name]
    os.environ.update(
        {
            "NEWSWIRE_HOME": str(HOME),
            "NEWSWIRE_CATALOGUE": str(catalogue),
            "NEWSWIRE_NEWSROOM": address,
            "NEWSWIRE_HOST_SPACING_S": "0",  # the newsroom is ours: no rate limit needed
            "NEWSWIRE_CONTACT": "newsroom@example.org",
            "AIRFLOW_HOME": str(AIRFLOW_HOME),
            "AIRFLOW__CORE__DAGS_FOLDER": str(ROOT / "dags"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        }
    )


def load_dag() -> Any:
    """The DAG as Airflow reads it from its file."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils import db

    with quiet():
        db.initdb()  # makes Airflow's tables, or brings those of an earlier demo to this version
        bag = DagBag(dag_folder=str(ROOT / "dags" / "news_ingest.py"))
    if bag.import_errors:
        raise SystemExit(f"dags/news_ingest.py does not import: {bag.import_errors}")
    dag = bag.get_dag("news_ingest")
    dag.deadline = None  # `dag.test()` of 3.3.2 breaks on one
    return dag


def run(dag: Any, title: str) -> None:
    """One run of the DAG, with a line that tells how far it is; its report."""
    from connectors.store.database import Database
    from connectors.store.runs import RunStore
    from pipeline.domain.settings import load
    from pipeline.reporting.report import Report
    from pipeline.reporting.terminal import delivery_summary, reason_summaries, report_table

    began = time.monotonic()
    with progress(title), quiet():
        finished = dag.test(run_conf={"force": True, "shards": 1})
    database = Database(load(os.environ).store_url)
    report = Report.merge(RunStore(database).reports(finished.run_id))
    database.close()
    report.seconds = time.monotonic() - began
    console.print(report_table(report, title=f"{title} – DAG news_ingest: {finished.state}"))
    for line in (*reason_summaries(report), delivery_summary(report)):
        console.print(line, soft_wrap=True)
    console.print()
    if finished.state != "success":
        raise SystemExit(f"the run is {finished.state}: {'; '.join(report.problems) or HOME / 'airflow.log'}")


@contextmanager
def progress(title: str) -> Iterator[None]:
    """A line on the terminal that follows the store while a run goes on."""
    over, spinner = threading.Event(), Spinner("dots", f"{title} …")
    # Without the redirection, which would bring Airflow's log to the terminal.
    with Live(spinner, console=console, transient=True, redirect_stdout=False, redirect_stderr=False):

        def follow() -> None:
            while not over.wait(0.5):
                spinner.update(text=f"{title} … {so_far()}")

        thread = threading.Thread(target=follow, daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@contextmanager
def quiet() -> Iterator[None]:
    """Turn standard output and error to a log: Airflow prints every task's log to them."""
    sys.stdout.flush()
    kept = [os.dup(1), os.dup(2)]
    with (HOME / "airflow.log").open("ab") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
        try:
            yield
        finally:
            sys.stdout.flush()
            for number, fd in enumerate(kept, start=1):
                os.dup2(fd, number)
                os.close(fd)


def so_far() -> str:
    """What the store holds at this moment."""
    try:
        with sqlite3.connect(f"file:{HOME / 'newswire.db'}?mode=ro", uri=True, timeout=1) as connection:
            (polls,) = connection.execute("SELECT count(*) FROM polls").fetchone()
            settled = "SELECT coalesce(sum(state = 'settled'), 0), count(*) FROM entries"
            ended, seen = connection.execute(settled).fetchone()
            (messages,) = connection.execute("SELECT count(*) FROM outbox").fetchone()
    except sqlite3.Error:
        return "starting"
    return f"{polls} polls, {ended} of {seen} entries settled, {messages} messages"


def show_a_message() -> None:
    """One article, as `newswire tail articles` shows it."""
    from pipeline.app.runs import Newswire
    from pipeline.domain.model import Topic
    from pipeline.reporting.terminal import format_message

    with Newswire.from_env() as newswire:
        received = next(iter(newswire.topics.read(Topic.ARTICLES)))
    console.print("[bold]one message as a consumer sees it[/bold] (newswire tail articles -n 1)")
    for line in format_message(received, text_width=300):
        console.print(line, soft_wrap=True, markup=False)
    console.print()


def show_differences(act: int) -> int:
    """The ledger beside the topics; how many lines differ."""
    from pipeline.app.runs import Newswire
    from pipeline.domain.model import Topic
    from tests.newsroom.catalogue import OUTLETS
    from tests.newsroom.ledger import make_ledger
    from tests.on_topic import differences

    ledger = make_ledger(act, OUTLETS)
    with Newswire.from_env() as newswire:
        found = differences(ledger, newswire.topics.read(Topic.ARTICLES), newswire.topics.read(Topic.COPIES))
    console.print(f"[bold]ledger beside topics[/bold]: {len(ledger.messages)} messages due, {len(found)} lines differ")
    for difference in found:
        console.print(f"  [red]{difference}[/red]", soft_wrap=True)
    return len(found)


def main() -> int:
    """Two acts, two runs, one comparison."""
    began = time.monotonic()
    with newsroom() as address:
        furnish(address)
        console.print(f"[bold]newswire demo[/bold]: the sample newsroom is on {address}, the store in {HOME}")
        dag = load_dag()
        job = time.monotonic()
        run(dag, "act 1: the newsroom publishes")
        show_a_message()
        ask(address, "act/2", method="POST")
        run(dag, "act 2: revised, added, moved to another URL, copied by another outlet")
        wrong = show_differences(2)
    ended = time.monotonic()
    console.print(f"\n[bold]{ended - job:.1f} s for the job, {ended - began:.1f} s in all.[/bold] Try next:")
    home = HOME.relative_to(ROOT)
    console.print(f"  NEWSWIRE_HOME={home} .venv/bin/newswire tail articles --limit 3")
    console.print(f"  NEWSWIRE_HOME={home} .venv/bin/newswire export --format dated-text | head")
    console.print("  make up FEEDS=newsroom     # Kafka, and Airflow with its UI, on this machine")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
