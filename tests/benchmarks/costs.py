"""What 1,000 articles cost: CPU seconds, and bytes of database, topics and archive, on real pages.

    python -m tests.benchmarks.costs [--pages 600]

Writes labelled press pages into a WARC file and runs `newswire backfill` on it, with real PostgreSQL and Kafka.
That is the whole pipeline but the fetch, which is cheap compared with extraction. Pages that are not articles count
with their cost. The last lines extrapolate to 1,000,000 articles a day.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import psycopg
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from pipeline.identity.urls import registrable_domain
from tests.evaluation.extraction_pages import CORPORA, NEWS, LabelledPage, read_pages
from tests.stack.kafka import start_broker
from tests.stack.postgres import Postgres, start_postgres

ROOT = Path(__file__).parents[2]
PREPARE = """
from pipeline.app.runs import Newswire
with Newswire.from_env(must_be_current=False) as newswire:
    newswire.database.upgrade()
    newswire.create_topics()
"""
RUN = """
import json, sys
from pipeline.app.backfill import Backfill
with Backfill.from_env() as past:
    (share,) = past.plan(warcs=[sys.argv[1]])
    filled = past.fill(share)
print(json.dumps(filled.report.to_json()))
"""
BYTES = (
    ("database", "the outbox aside"),
    ("outbox", "7 days"),
    ("topics", "on the broker's disk"),
    ("archive", "90 days"),
)


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run cost in all."""

    articles: int
    pages: int
    cpu_s: float  # of the pipeline and its workers
    database_cpu_s: float
    sizes: dict[str, int]


def measure(pages: list[LabelledPage], folder: Path) -> Cost:
    """One backfill of these pages."""
    folder.chmod(0o755)
    catalogue(pages, folder / "feeds.toml")
    crawl(pages, folder / "pages.warc.gz")
    server, broker = start_postgres(folder / "postgres"), start_broker(folder / "kafka")
    try:
        url = server.create_database("newswire")
        environment = {key: value for key, value in os.environ.items() if not key.startswith("NEWSWIRE_")} | {
            "NEWSWIRE_HOME": str(folder / "home"),
            "NEWSWIRE_CATALOGUE": str(folder / "feeds.toml"),
            "NEWSWIRE_DATABASE_URL": url,
            "NEWSWIRE_KAFKA_BOOTSTRAP": broker.bootstrap,
        }
        subprocess.run(
            [sys.executable, "-c", PREPARE], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
        )
        empty = database_sizes(url)
        before, began = database_cpu(server), resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-c", RUN, str(folder / "pages.warc.gz")]
        done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = json.loads(done.stdout.splitlines()[-1])
        if report["faults"]:
            raise SystemExit("; ".join(report["faults"]))
        sizes = {name: size - empty[name] for name, size in database_sizes(url).items()} | {
            "topics": size_of(folder / "kafka" / "logs", "news.*/*.log"),
            "archive": size_of(folder / "home" / "archive", "**/*.warc.gz"),
        }
        return Cost(
            articles=report["delivered"].get("articles", 0) + report["delivered"].get("copies", 0),
            pages=len(pages),
            cpu_s=ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime,
            database_cpu_s=database_cpu(server) - before,
            sizes=sizes,
        )
    finally:
        broker.stop()
        server.stop()


def database_cpu(server: Postgres) -> float:
    """Processor seconds of the server and its children, those that are gone too."""
    times = [process.cpu_times() for process in server.daemon.processes()]
    return sum(one.user + one.system + one.children_user + one.children_system for one in times)


def database_sizes(url: str) -> dict[str, int]:
    """Bytes of the outbox, and of all other tables, with their indexes."""
    with psycopg.connect(url.replace("+psycopg", "")) as connection:
        rows = connection.execute("SELECT relname, pg_total_relation_size(relid) FROM pg_stat_user_tables").fetchall()
    sizes = {str(name): int(size) for name, size in rows}
    outbox = sizes.pop("outbox")
    return {"database": sum(sizes.values()), "outbox": outbox}


def size_of(folder: Path, pattern: str) -> int:
    """Bytes of the files that match."""
    return sum(path.stat().st_size for path in folder.glob(pattern) if path.is_file())


def catalogue(pages: list[LabelledPage], path: Path) -> None:
    """An outlet for each domain of the pages."""
    languages: defaultdict[str, str] = defaultdict(lambda: "en")
    languages |= {registrable_domain(page.url): page.language or "en" for page in pages}
    outlets = [
        f'[[outlet]]\nid = "o{number}"\nname = "{domain}"\nhomepage = "https://{domain}/"\ncountry = "FR"\n'
        f'language = "{language}"\ntimezone = "Europe/Paris"\nhosts = ["{domain}"]\n'
        f'[[outlet.feed]]\nname = "une"\nurl = "https://{domain}/rss"\n'
        for number, (domain, language) in enumerate(sorted(languages.items()))
    ]
    path.write_text("\n".join(outlets), encoding="utf-8")


def crawl(pages: list[LabelledPage], path: Path) -> None:
    """The pages as a crawl."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for page in pages:
            body = page.html()
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html")], protocol="HTTP/1.1")
            dated = {"WARC-Date": "2026-02-03T04:05:06Z"}
            record = writer.create_warc_record(
                page.url, "response", BytesIO(body), len(body), http_headers=head, warc_headers_dict=dated
            )
            writer.write_record(record)


def tell(cost: Cost) -> None:
    """The figures, by 1,000 articles and by a day of a million."""
    each = 1000 / cost.articles
    print(f"{cost.pages} real pages, {cost.articles} articles on the topics")
    print(f"per 1,000 articles: {cost.cpu_s * each:.0f} CPU s, and {cost.database_cpu_s * each:.1f} of PostgreSQL")
    for name, note in BYTES:
        print(f"  {name:<9} {cost.sizes[name] * each / 1e6:7.1f} MB  {note}")
    print("1,000,000 articles a day:")
    print(f"  {(cost.cpu_s + cost.database_cpu_s) * each * 1000 / 86_400:.1f} cores on average")
    for name, note in BYTES:
        print(f"  {name:<9} {cost.sizes[name] * each / 1e6:7.1f} GB a day  {note}")


def main() -> int:
    """Measure and print; say so when the pages are not there."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=600, help="pages at most, evenly from each corpus of news")
    choice = parser.parse_args()
    if not CORPORA.exists():
        print("The labelled pages are not beside this checkout (../shared/corpora/extraction): nothing to measure.")
        return 0
    pages = [page for page in read_pages(NEWS, sample=choice.pages // len(NEWS)) if ".invalid" not in page.url]
    with tempfile.TemporaryDirectory(prefix="newswire-costs-") as name:
        tell(measure(pages, Path(name)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
