"""Integrity check of the store: entries, verdicts, articles, aliases and their messages must agree.

Reads whole tables, so run it at night. Finds what a bug or a manual change of the database left; repairs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, or_, select

from connectors.store.database import Database
from connectors.store.outbox import outbox
from connectors.store.schema import aliases, articles, entries, feed_entries
from pipeline.domain.model import Verdict

MAX_DELIVERY_WAIT = timedelta(hours=2)  # longer than the restart of a broker takes
MARGIN = timedelta(hours=1)  # between the time of an article and that of its message
WITH_ARTICLE = (Verdict.NEW.value, Verdict.REVISED.value, Verdict.COPY.value)


def find_faults(database: Database, *, now: datetime, kept_since: datetime) -> tuple[str, ...]:
    """A sentence with a count for each kind of fault found. `kept_since`: from when on the outbox is complete."""
    checks = (*inside_the_store(), *published_and_delivered(now=now, kept_since=kept_since))
    with database.reading() as connection:
        counted = [(connection.scalar(query) or 0, words) for words, query in checks]
    return tuple(f"{count} {words}" for count, words in counted if count)


def published_and_delivered(*, now: datetime, kept_since: datetime) -> Iterator[tuple[str, Select[int]]]:
    """Queries for publications without a message, and for undelivered messages."""
    count = select(func.count())
    yield (
        "articles were published, but their message is not in the outbox",
        count.select_from(articles).where(
            articles.c.event_id.is_not(None),
            articles.c.last_revised_at >= kept_since + MARGIN,
            ~exists().where(outbox.c.event_id == articles.c.event_id),
        ),
    )
    yield (
        f"messages have waited for delivery for more than {MAX_DELIVERY_WAIT.total_seconds() / 3600:g} hours",
        count.select_from(outbox).where(outbox.c.delivered_at.is_(None), outbox.c.created_at < now - MAX_DELIVERY_WAIT),
    )


def inside_the_store() -> Iterator[tuple[str, Select[int]]]:
    """Queries for rows that contradict each other."""
    count = select(func.count())
    yield (
        "settled entries have no verdict, or a time of settling is missing",
        count.select_from(entries).where(
            entries.c.state == "settled", or_(entries.c.verdict.is_(None), entries.c.settled_at.is_(None))
        ),
    )
    yield (
        "entries are neither pending nor settled",
        count.select_from(entries).where(entries.c.state.not_in(("pending", "settled"))),
    )
    yield (
        "entries have the verdict of an article that is not in the store",
        count.select_from(entries).where(
            entries.c.state == "settled",
            entries.c.verdict.in_(WITH_ARTICLE),
            ~exists().where(articles.c.id == entries.c.article_id),
        ),
    )
    yield (
        "aliases lead to an article that is not in the store",
        count.select_from(aliases).where(~exists().where(articles.c.id == aliases.c.article_id)),
    )
    yield (
        "feed entries belong to an entry that is not in the store",
        count.select_from(feed_entries).where(~exists().where(entries.c.id == feed_entries.c.entry_id)),
    )
