"""Revisit store: which articles are due for a revisit, and what a revisit changes.

Promises: every write requires that the article is unchanged since the visit was read. Two workers, or a revisit and a
poll, therefore never make two revisions of one change.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from connectors.store import outbox, sketches
from connectors.store.articles import is_outdated, write_settlement
from connectors.store.database import Database, chunks
from connectors.store.replays import entries_of, entry_of_article
from connectors.store.schema import alias_key, aliases, articles, entries
from pipeline.dedup.model import ArticleState, Relation
from pipeline.delivery.messages import Visit
from pipeline.domain.model import Message, Validators, Verdict
from pipeline.identity.urls import canonicalise
from pipeline.ingest.ports import Settlement, VisitUpdate, WriteResult


class RevisitStore:
    """Visits, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def due(self, feed_ids: Sequence[str], *, now: datetime | None, most_per_outlet: int) -> tuple[Visit, ...]:
        """Articles of these feeds that are due, the longest due first, and at most so many per outlet.

        Without a time: all that have a planned revisit.
        """
        with self.database.reading() as connection:
            visits = [
                visit
                for some in chunks(feed_ids)
                for visit in read_visits(connection, longest_due(some, now=now, most_per_outlet=most_per_outlet))
            ]
        return tuple(sorted(visits, key=lambda visit: (visit.due_at or visit.first_seen_at, visit.article_id)))

    def named(self, urls_or_ids: Sequence[str]) -> tuple[Visit, ...]:
        """The articles with these ids, URLs or aliases, due or not."""
        keys = [alias_key(canonicalise(name)) for name in urls_or_ids]
        by_alias = select(aliases.c.article_id).where(aliases.c.key.in_(keys))
        is_named = articles.c.id.in_(urls_or_ids) | articles.c.id.in_(by_alias)
        with self.database.reading() as connection:
            return read_visits(connection, select(articles).where(is_named, articles.c.state != "merged"))

    def feeds_with_due_visits(self, *, now: datetime) -> tuple[str, ...]:
        """The feeds of articles that are due."""
        query = select(articles.c.feed_id).where(is_due(now)).distinct()
        return tuple(row.feed_id for row in self.database.read(query))

    def note(self, visit: Visit, noted: VisitUpdate, *, now: datetime) -> None:
        """Write the next revisit, and since when the page is missing."""
        row = {"last_fetched_at": now, **noted_row(noted)}
        self.database.write(update(articles).where(is_as_visited(visit)).values(**row))

    def withdraw(self, visit: Visit, noted: VisitUpdate, messages: Sequence[Message], *, now: datetime) -> bool:
        """Withdraw the article, with its messages; False when it changed meanwhile."""
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            row = {"state": "withdrawn", "last_fetched_at": now, **noted_row(noted)}
            if connection.execute(update(articles).where(is_as_visited(visit)).values(row)).rowcount == 0:
                return False
            # Then a feed that shows it again gets its page fetched again, even with the same digest.
            mine = entries.c.article_id == visit.article_id, entries.c.state == "settled"
            connection.execute(update(entries).where(*mine).values(verdict=Verdict.WITHDRAWN.value))
            # Inserted again, not only marked: the new `seq` makes concurrent decisions on the article look again.
            known = sketches.known_articles(connection, [visit.article_id])
            withdrawn = [replace(article, state=ArticleState.WITHDRAWN) for article in known]
            sketches.insert_sketches(connection, withdrawn, now=now)
            outbox.append(connection, messages, lanes=self.lanes, now=now)
            return True

    def settle(self, settlement: Settlement, visit: Visit) -> WriteResult:
        """Write the result of a revisit: a revision, a return after a withdrawal, or no change."""
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if connection.execute(select(articles.c.id).where(is_as_visited(visit))).one_or_none() is None:
                return WriteResult.TAKEN
            if is_outdated(connection, settlement):
                return WriteResult.CONFLICT
            write_settlement(connection, settlement, lanes=self.lanes)
            return WriteResult.WRITTEN


def is_due(now: datetime | None) -> Any:
    """Condition: the article is due for a revisit; without a time, a revisit is planned."""
    planned = articles.c.next_revisit_at.is_not(None) if now is None else articles.c.next_revisit_at <= now
    return and_(planned, articles.c.state != "merged")


def longest_due(feed_ids: Sequence[str], *, now: datetime | None, most_per_outlet: int) -> Select[Any]:
    """Due articles of these feeds, at most so many per outlet, so that no outlet crowds out the others."""
    order = func.row_number().over(
        partition_by=articles.c.outlet_id, order_by=(articles.c.next_revisit_at, articles.c.id)
    )
    due = select(articles.c.id, order.label("place")).where(is_due(now), articles.c.feed_id.in_(feed_ids)).subquery()
    return select(articles).join(due, due.c.id == articles.c.id).where(due.c.place <= most_per_outlet)


def read_visits(connection: Connection, query: Select[Any]) -> tuple[Visit, ...]:
    """The articles of a query as visits, each with its entry."""
    rows = connection.execute(query).all()
    entry_rows: dict[str, Row[Any]] = {}
    for some in chunks(rows):
        entry_rows.update(entries_of(connection, [row.id for row in some]))
    return tuple(visit_of(row, entry_rows.get(row.id)) for row in rows)


def is_as_visited(visit: Visit) -> Any:
    """Condition: the article is unchanged since the visit was read."""
    state = "withdrawn" if visit.is_withdrawn else "live"
    return and_(
        articles.c.id == visit.article_id,
        articles.c.state == state,
        articles.c.revision == visit.revision,
        articles.c.last_fetched_at == visit.last_fetched_at,
    )


def noted_row(noted: VisitUpdate) -> dict[str, Any]:
    """The columns of `articles` that a visit without a revision changes."""
    row: dict[str, Any] = {
        "next_revisit_at": noted.next_revisit_at,
        "missing_since": noted.missing_since,
        "revisits": articles.c.revisits + 1,
    }
    if noted.validators is not None:
        row |= {"etag": noted.validators.etag, "last_modified": noted.validators.last_modified}
    return row


def visit_of(row: Row[Any], entry_row: Row[Any] | None) -> Visit:
    """A row of `articles` with its entry as a visit."""
    return Visit(
        article_id=row.id,
        cluster_id=row.cluster_id,
        url=row.url,
        canonical_url=row.canonical_url,
        title=row.title,
        text_hash=row.text_hash,
        entry=entry_of_article(row, entry_row),
        validators=Validators(row.etag, row.last_modified),
        first_seen_at=row.first_seen_at,
        last_fetched_at=row.last_fetched_at,
        revision=row.revision,
        is_withdrawn=row.state == "withdrawn",
        is_copy=row.relation == Relation.COPY.value,
        missing_since=row.missing_since,
        due_at=row.next_revisit_at,
    )
