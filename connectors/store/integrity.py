"""Whether what the store says in two places is the same: entries, verdicts, articles, aliases, and their messages.

Reads whole tables, so it is for the night. Finds what a bug or a hand in the database left behind; mends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Select, exists, func, or_, select

from connectors.store.database import Database
from connectors.store.outbox import outbox
from connectors.store.schema import aliases, articles, entries, sightings
from pipeline.domain.model import Verdict

TOO_LONG = timedelta(hours=2)  # for a message to wait: a broker was restarted, and more
SPARE = timedelta(hours=1)  # between an article's time and its message's
WITH_ARTICLE = (Verdict.NEW.value, Verdict.REVISED.value, Verdict.COPY.value)


def find_faults(database: Database, *, now: datetime, kept_since: datetime) -> tuple[str, ...]:
    """A sentence for each kind of fault that occurs, with how often. The outbox keeps what was written since then."""
    checks = (*inside_the_store(), *published_and_delivered(now=now, kept_since=kept_since))
    with database.reading() as connection:
        counted = [(connection.scalar(query) or 0, words) for words, query in checks]
    return tuple(f"{count} {words}" for count, words in counted if count)


def published_and_delivered(*, now: datetime, kept_since: datetime) -> Iterator[tuple[str, Select[int]]]:
    """What was decided to be published, and what became of its message."""
    count = select(func.count())
    yield (
        "articles were published, but their message is not in the outbox",
        count.select_from(articles).where(
            articles.c.event_id.is_not(None),
            articles.c.last_revised_at >= kept_since + SPARE,
            ~exists().where(outbox.c.event_id == articles.c.event_id),
        ),
    )
    yield (
        f"messages wait for their delivery for more than {TOO_LONG.total_seconds() / 3600:g} hours",
        count.select_from(outbox).where(outbox.c.delivered_at.is_(None), outbox.c.created_at < now - TOO_LONG),
    )


def inside_the_store() -> Iterator[tuple[str, Select[int]]]:
    """What must not be there, and how it is counted."""
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
        "entries have the verdict of an article that is not known",
        count.select_from(entries).where(
            entries.c.state == "settled",
            entries.c.verdict.in_(WITH_ARTICLE),
            ~exists().where(articles.c.id == entries.c.article_id),
        ),
    )
    yield (
        "aliases lead to an article that is not known",
        count.select_from(aliases).where(~exists().where(articles.c.id == aliases.c.article_id)),
    )
    yield (
        "sightings are of an entry that is not known",
        count.select_from(sightings).where(~exists().where(entries.c.id == sightings.c.entry_id)),
    )
