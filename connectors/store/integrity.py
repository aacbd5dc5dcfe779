"""Integrity check of the store: entries, verdicts, articles, aliases and their messages must agree.

Reads whole tables, so run it at night. Finds what a bug or a manual change of the database left; repairs nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, exists, func, select

from connectors.store.database import Database
from connectors.store.schema import aliases, articles, entries, feed_entries, outbox
from pipeline.domain.model import Verdict

MAX_DELIVERY_WAIT = timedelta(hours=2)  # longer than the restart of a broker takes
MARGIN = timedelta(hours=1)  # between the time of an article and that of its message
WITH_ARTICLE = (Verdict.NEW.value, Verdict.REVISED.value, Verdict.COPY.value)


def find_faults(database: Database, *, now: datetime, kept_since: datetime) -> tuple[str, ...]:
    """A sentence with a count for each kind of fault found. `kept_since`: from when on the outbox is complete."""
    with database.reading() as connection:
        counted = [
            (connection.scalar(select(func.count()).select_from(table).where(is_faulty)) or 0, sentence)
            for sentence, table, is_faulty in list_faults(now=now, kept_since=kept_since)
        ]
    return tuple(f"{count} {sentence}" for count, sentence in counted if count)


def list_faults(*, now: datetime, kept_since: datetime) -> Iterator[tuple[str, Table, ColumnElement[bool]]]:
    """Every kind of fault: a sentence, and the table and condition of the faulty rows."""
    is_settled = entries.c.state == "settled"
    is_complete = entries.c.verdict.is_not(None) & entries.c.settled_at.is_not(None)
    needs_article = is_settled & entries.c.verdict.in_(WITH_ARTICLE)
    is_published = articles.c.event_id.is_not(None) & (articles.c.last_revised_at >= kept_since + MARGIN)
    is_late = outbox.c.delivered_at.is_(None) & (outbox.c.created_at < now - MAX_DELIVERY_WAIT)
    has_article = exists().where(articles.c.id == entries.c.article_id)
    has_target = exists().where(articles.c.id == aliases.c.article_id)
    has_entry = exists().where(entries.c.id == feed_entries.c.entry_id)
    has_message = exists().where(outbox.c.event_id == articles.c.event_id)
    hours = f"{MAX_DELIVERY_WAIT.total_seconds() / 3600:g}"
    yield "settled entries have no verdict, or a time of settling is missing", entries, is_settled & ~is_complete
    yield "entries are neither pending nor settled", entries, entries.c.state.not_in(("pending", "settled"))
    yield "entries have the verdict of an article that is not in the store", entries, needs_article & ~has_article
    yield "aliases lead to an article that is not in the store", aliases, ~has_target
    yield "feed entries belong to an entry that is not in the store", feed_entries, ~has_entry
    yield "articles were published, but their message is not in the outbox", articles, is_published & ~has_message
    yield f"messages have waited for delivery for more than {hours} hours", outbox, is_late
