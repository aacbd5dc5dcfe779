"""Whether what the store says in two places is the same: entries beside verdicts, verdicts beside articles and aliases.

Reads whole tables, so it is for the night. Finds what a bug or a hand in the database left behind; mends nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Select, exists, func, or_, select

from connectors.database import Database
from connectors.tables import aliases, articles, entries, sightings
from pipeline.model import Verdict

WITH_ARTICLE = (Verdict.NEW.value, Verdict.REVISED.value, Verdict.COPY.value)


def find_faults(database: Database) -> tuple[str, ...]:
    """A sentence for each kind of fault that occurs, with how often."""
    with database.reading() as connection:
        counted = [(connection.scalar(query) or 0, words) for words, query in queries()]
    return tuple(f"{count} {words}" for count, words in counted if count)


def queries() -> Iterator[tuple[str, Select[int]]]:
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
