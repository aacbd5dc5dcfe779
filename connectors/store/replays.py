"""Replay store: articles with their archived raw pages, in a resumable order, and the revisions of a replay.

Promises: `revise` writes in one transaction, and only while the raw page is still the article's last, so a replay never
replaces a newer text. The entry's verdict, the revisit plan and the validators stay: nothing was fetched.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from connectors.store import sketches
from connectors.store.articles import event_id_of, is_outdated, revision_row, write_linked_rows
from connectors.store.database import Database
from connectors.store.entry_diff import pending_entry
from connectors.store.schema import articles, entries
from pipeline.domain.model import Entry, PendingEntry
from pipeline.ingest.ports import Settlement, WriteResult
from pipeline.ingest.replay import ArchivedArticle, ReplayChoice


class ReplayStore:
    """Articles to replay, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def count(self, choice: ReplayChoice) -> int:
        """How many articles a choice selects."""
        return self.database.read_value(chosen(select(func.count()), choice)) or 0

    def batches(self, choice: ReplayChoice, *, after: str, size: int) -> Iterator[tuple[ArchivedArticle, ...]]:
        """Articles in order of their ids, after this one; no transaction stays open between batches."""
        while True:
            with self.database.reading() as connection:
                page = chosen(select(articles), choice).where(articles.c.id > after).order_by(articles.c.id).limit(size)
                rows = connection.execute(page).all()
                entry_rows = entries_of(connection, [row.id for row in rows])
            if not rows:
                return
            yield tuple(
                ArchivedArticle(
                    article_id=row.id,
                    entry=entry_of_article(row, entry_rows.get(row.id)),
                    url=row.canonical_url,
                    raw_location=row.raw_location,
                )
                for row in rows
            )
            after = rows[-1].id

    def revise(self, settlement: Settlement, *, raw_location: str) -> WriteResult:
        """Write a revision of an article; TAKEN when this is no longer its last raw page."""
        decision = settlement.decision
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if not is_last(connection, decision.article_id, raw_location):
                return WriteResult.TAKEN
            if is_outdated(connection, settlement):
                return WriteResult.CONFLICT
            event_id = event_id_of(settlement)
            row = revision_row(connection, settlement) | ({"event_id": event_id} if event_id else {})
            connection.execute(update(articles).where(articles.c.id == decision.article_id).values(row))
            write_linked_rows(connection, settlement, lanes=self.lanes)
            return WriteResult.WRITTEN


def chosen(query: Select[Any], choice: ReplayChoice) -> Select[Any]:
    """Restrict a query to the articles of a choice: live, with a raw page of these days."""
    query = query.where(articles.c.state == "live", articles.c.raw_location.is_not(None))
    if choice.outlets:
        query = query.where(articles.c.outlet_id.in_(choice.outlets))
    day = func.substr(articles.c.raw_location, 1, 10)  # not the whole location: its order depends on the collation
    if choice.since is not None:
        query = query.where(day >= choice.since.isoformat())
    if choice.until is not None:
        query = query.where(day <= choice.until.isoformat())
    return query


def entries_of(connection: Connection, article_ids: Sequence[str]) -> Mapping[str, Row[Any]]:
    """The entry of each article, the first one if there were several."""
    rows = connection.execute(
        select(entries).where(entries.c.article_id.in_(article_ids)).order_by(entries.c.first_seen_at.desc())
    )
    return {row.article_id: row for row in rows}


def entry_of_article(row: Row[Any], entry_row: Row[Any] | None) -> PendingEntry:
    """The entry of an article, or a substitute for one that expired."""
    if entry_row is not None:
        return pending_entry(entry_row, is_dead=False)  # a replay or revisit resolves no dead letter
    return PendingEntry(
        id=0,
        outlet_id=row.outlet_id,
        feed_id=row.feed_id,
        entry=Entry(identity=row.id, digest="", title=row.title, link=row.url),
        version=1,
        attempts=0,
        first_seen_at=row.first_seen_at,
        article_id=row.id,
    )


def is_last(connection: Connection, article_id: str, raw_location: str) -> bool:
    """Whether the article is live and this is its last raw page. Call it under the lock."""
    row = connection.execute(
        select(articles.c.state, articles.c.raw_location).where(articles.c.id == article_id)
    ).one_or_none()
    return row is not None and row.state == "live" and row.raw_location == raw_location
