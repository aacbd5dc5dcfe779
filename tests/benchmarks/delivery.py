"""Delivery speed from outbox to topic, compared with kafka-python's bare idempotent producer in the same run.

    python -m tests.benchmarks.delivery [--articles 20000] [--bytes 5000] [--lanes 4] [--compression zstd]
                                        [--store sqlite]

Starts its own broker and fills an outbox. "Bare" sends the same messages with the same compression and batch size, and
waits for every delivery report. It is idempotent but has no transactions, database or batch numbers. It is the upper
bound: a crash may lose or repeat its messages. Ours ends with every row marked delivered. Both are open before the
clock starts.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from kafka import KafkaProducer

from connectors.kafka.config import KafkaSettings, desired_topics
from connectors.kafka.consumer import KafkaAdmin
from connectors.kafka.producer import BATCH_BYTES, KafkaTopics
from connectors.store.database import Database
from connectors.store.outbox import StoredOutbox, append
from connectors.store.schema import lanes, outbox
from pipeline.delivery.deliver import BatchLimits, Deliverer
from pipeline.delivery.messages import headers_of
from pipeline.domain.model import Message, Topic
from tests.stack.kafka import start_broker
from tests.stack.postgres import start_postgres

PARTITIONS = 6
ROUNDS = 3
WARM_UP = 100  # articles, a few in every lane: opening them is no part of either way's time


def make_articles(count: int, *, size: int) -> list[Message]:
    """Articles of about `size` bytes whose made-up words compress as prose does (zstd: to about 40 %)."""
    chance = random.Random(7)
    words = ["".join(chance.choices("aeiourstnlcdmp", k=chance.randint(2, 11))) for _ in range(6000)]
    frequent = [1 / (rank + 3) for rank in range(len(words))]
    now = datetime.now(UTC)
    return [
        Message(
            topic=Topic.ARTICLES,
            key=f"article-{number}",
            id=f"article-{number}.1.articles",
            type="org.newswire.article.published.v1",
            time=now,
            source="http://www.gazette.test/",
            subject=f"http://www.gazette.test/{number}.html",
            schema="article.v1.json",
            value=json.dumps(
                {"id": number, "text": " ".join(chance.choices(words, frequent, k=size // 6))[: size - 30]}
            ).encode(),
        )
        for number in range(count)
    ]


def send_bare(settings: KafkaSettings, articles: Sequence[Message]) -> float:
    """Seconds that the bare producer takes."""
    producer = KafkaProducer(
        **settings.connection(),
        acks="all",
        enable_idempotence=True,
        compression_type=settings.compression,
        linger_ms=20,
        batch_size=BATCH_BYTES,
    )
    producer.send(settings.prefix + "articles", key=b"warm", value=b"up").get(timeout=30)
    articles = articles[WARM_UP:]
    began = time.perf_counter()
    reports = [
        producer.send(
            settings.prefix + "articles",
            key=article.key.encode(),
            value=article.value,
            headers=[(name, value.encode()) for name, value in headers_of(article).items()],
        )
        for article in articles
    ]
    producer.flush()
    for report in reports:
        report.get(timeout=30)
    seconds = time.perf_counter() - began
    producer.close()
    return seconds


def deliver_ours(
    settings: KafkaSettings, database: Database, articles: Sequence[Message], *, side_by_side: int
) -> float:
    """Seconds that our delivery takes, from a filled outbox to every row marked; the lanes are open, as in a run."""
    store = StoredOutbox(database)
    deliverer = Deliverer(
        KafkaTopics(settings), store, BatchLimits(), clock=lambda: datetime.now(UTC), threads=side_by_side
    )
    warm, rest = articles[:WARM_UP], articles[WARM_UP:]
    began = time.perf_counter()
    drain(deliverer, database, warm, side_by_side=side_by_side)
    print(f"      lanes opened in {time.perf_counter() - began:.2f} s", flush=True)
    seconds = drain(deliverer, database, rest, side_by_side=side_by_side)
    assert sum(deliverer.stop().values()) == len(articles)
    assert store.undelivered() == 0
    return seconds


def drain(deliverer: Deliverer, database: Database, articles: Sequence[Message], *, side_by_side: int) -> float:
    """Seconds from a filled outbox to an empty one."""
    with database.writing() as connection:
        append(connection, articles, lanes=side_by_side, now=datetime.now(UTC))
    began = time.perf_counter()
    deliverer.drain()
    return time.perf_counter() - began


@contextmanager
def open_store(kind: str, folder: Path) -> Iterator[Database]:
    """A fresh database."""
    server = start_postgres(folder / "postgres") if kind == "postgres" else None
    database = Database(server.url() if server else f"sqlite:///{folder / 'store.db'}")
    database.upgrade()
    try:
        yield database
    finally:
        database.close()
        if server:
            server.stop()


def measure(arguments: argparse.Namespace, folder: Path) -> None:
    """Both ways in turns, on one broker; the best round of each counts."""
    articles = make_articles(arguments.articles, size=arguments.bytes)
    broker = start_broker(folder / "kafka")
    best: dict[str, float] = {}
    try:
        with open_store(arguments.store, folder) as database:
            for round_number in range(ROUNDS):
                name = f"round{round_number}"
                settings = KafkaSettings(
                    bootstrap=broker.bootstrap, deployment=name, prefix=f"{name}.", compression=arguments.compression
                )
                specs = desired_topics(settings.prefix, partitions=PARTITIONS, replication=1)
                KafkaAdmin(settings).create_missing(specs)
                ours = [renamed(article, name) for article in articles]
                timed = len(articles) - WARM_UP
                for what, seconds in (
                    ("bare", send_bare(settings, articles)),
                    ("ours", deliver_ours(settings, database, ours, side_by_side=arguments.lanes)),
                ):
                    print(f"{name} {what:5} {seconds:6.2f} s {timed / seconds:8,.0f} articles/s", flush=True)
                    best[what] = max(best.get(what, 0.0), timed / seconds)
                empty(database)
    finally:
        broker.stop()
    print(
        f"best of {ROUNDS}: ours {best['ours']:,.0f} articles/s of {arguments.bytes} bytes ({arguments.store}, "
        f"{arguments.lanes} lanes, {arguments.compression}), bare {best['bare']:,.0f}; "
        f"ratio {best['ours'] / best['bare']:.2f}"
    )


def renamed(article: Message, name: str) -> Message:
    """The same article as an event of another round."""
    return replace(article, id=f"{article.id}.{name}")


def empty(database: Database) -> None:
    """Begin the next round with an empty outbox."""
    with database.writing() as connection:
        connection.execute(outbox.delete())
        connection.execute(lanes.delete())


def main() -> None:
    """Read the command line and measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--articles", type=int, default=20_000)
    parser.add_argument("--bytes", type=int, default=5_000)
    parser.add_argument("--lanes", type=int, default=4)
    parser.add_argument("--compression", choices=("zstd", "lz4", "gzip"), default="zstd")
    parser.add_argument("--store", choices=("sqlite", "postgres"), default="sqlite")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        measure(arguments, Path(folder))


if __name__ == "__main__":
    main()
