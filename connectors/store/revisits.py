"""Which articles are due for another look, and what a visit changes: the store's side of revisits.

Every write happens only while the article is as it was when the visit was taken up, so that two workers, or a feed that
tells of the same change, never make two revisions of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from connectors.store import outbox, sketches
from connectors.store.articles import alias_key, is_outdated, note_page_paragraphs, write_article, write_linked_rows
from connectors.store.database import Database
from connectors.store.replays import entries_of, entry_behind
from connectors.store.schema import aliases, articles, entries
from pipeline.dedup.model import ArticleState, Relation
from pipeline.delivery.events import Visit
from pipeline.domain.model import Message, Validators, Verdict
from pipeline.identity.urls import canonicalise
from pipeline.ingest.revisit_policy import Noted
from pipeline.ingest.transactions import Outcome, Settlement

MAX_IDS_PER_STATEMENT = 1000


class RevisitStore:
    """Visits, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def due(self, feed_ids: Sequence[str], *, now: datetime | None, most_per_outlet: int) -> tuple[Visit, ...]:
        """Articles that came by these feeds and are due, the longest due first; so many of each outlet at most.

        Without a time: all that are to be looked at again ever.
        """
        visits: list[Visit] = []
        with self.database.reading() as connection:
            for start in range(0, len(feed_ids), MAX_IDS_PER_STATEMENT):
                some = feed_ids[start : start + MAX_IDS_PER_STATEMENT]
                visits += read_visits(connection, longest_due(some, now=now, most_per_outlet=most_per_outlet))
        return tuple(sorted(visits, key=lambda visit: (visit.due_at or visit.first_seen_at, visit.article_id)))

    def named(self, urls_or_ids: Sequence[str]) -> tuple[Visit, ...]:
        """The articles under these ids, URLs or aliases, due or not."""
        keys = [alias_key(canonicalise(name)) for name in urls_or_ids]
        by_alias = select(aliases.c.article_id).where(aliases.c.key.in_(keys))
        wanted = articles.c.id.in_(urls_or_ids) | articles.c.id.in_(by_alias)
        with self.database.reading() as connection:
            return read_visits(connection, select(articles).where(wanted, articles.c.state != "merged"))

    def feeds_with_due_visits(self, *, now: datetime) -> tuple[str, ...]:
        """The feeds by which articles came that are due."""
        with self.database.reading() as connection:
            return tuple(connection.scalars(select(articles.c.feed_id).where(is_due(now)).distinct()))

    def note(self, visit: Visit, noted: Noted, *, now: datetime) -> None:
        """When to look again, and since when the page is missing."""
        with self.database.writing() as connection:
            connection.execute(
                update(articles).where(is_as_visited(visit)).values(last_fetched_at=now, **noted_row(noted))
            )

    def withdraw(self, visit: Visit, noted: Noted, messages: Sequence[Message], *, now: datetime) -> bool:
        """The article is gone, with the messages that tell of it; False when it changed meanwhile."""
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            row = {"state": "withdrawn", "last_fetched_at": now, **noted_row(noted)}
            if connection.execute(update(articles).where(is_as_visited(visit)).values(row)).rowcount == 0:
                return False
            # So that a feed that shows it again has its page fetched again, even in the words of before.
            mine = entries.c.article_id == visit.article_id, entries.c.state == "settled"
            connection.execute(update(entries).where(*mine).values(verdict=Verdict.WITHDRAWN.value))
            # Inserted anew and not merely marked: whoever decides on the article at this moment must look again.
            for known in sketches.known_articles(connection, [visit.article_id]):
                sketches.insert_sketch(connection, replace(known, state=ArticleState.WITHDRAWN), now=now)
            outbox.append(connection, messages, lanes=self.lanes, now=now)
            return True

    def settle(self, settlement: Settlement, visit: Visit) -> Outcome:
        """Write what the page is now: a revision, a return, or that it is as before."""
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if connection.execute(select(articles.c.id).where(is_as_visited(visit))).one_or_none() is None:
                return Outcome.TAKEN
            if is_outdated(connection, settlement):
                return Outcome.LOOK_AGAIN
            write_article(connection, settlement)
            note_page_paragraphs(connection, settlement)
            write_linked_rows(connection, settlement, lanes=self.lanes)
            return Outcome.WRITTEN


def is_due(now: datetime | None) -> Any:
    """The condition of an article that is due for another look; without a time, of one that will be."""
    planned = articles.c.next_revisit_at.is_not(None) if now is None else articles.c.next_revisit_at <= now
    return and_(planned, articles.c.state != "merged")


def longest_due(feed_ids: Sequence[str], *, now: datetime | None, most_per_outlet: int) -> Select[Any]:
    """Due articles of these feeds: so many of each outlet, so that none crowds out the others."""
    order = func.row_number().over(
        partition_by=articles.c.outlet_id, order_by=(articles.c.next_revisit_at, articles.c.id)
    )
    due = select(articles.c.id, order.label("place")).where(is_due(now), articles.c.feed_id.in_(feed_ids)).subquery()
    return select(articles).join(due, due.c.id == articles.c.id).where(due.c.place <= most_per_outlet)


def read_visits(connection: Connection, query: Select[Any]) -> tuple[Visit, ...]:
    """The articles of a query, each with the entry that led to it."""
    rows = connection.execute(query).all()
    shown: dict[str, Row[Any]] = {}
    for start in range(0, len(rows), MAX_IDS_PER_STATEMENT):
        shown.update(entries_of(connection, [row.id for row in rows[start : start + MAX_IDS_PER_STATEMENT]]))
    return tuple(visit_of(row, shown.get(row.id)) for row in rows)


def is_as_visited(visit: Visit) -> Any:
    """The condition that the article is as it was when the visit was taken up."""
    state = "withdrawn" if visit.is_withdrawn else "live"
    return and_(
        articles.c.id == visit.article_id,
        articles.c.state == state,
        articles.c.revision == visit.revision,
        articles.c.last_fetched_at == visit.last_fetched_at,
    )


def noted_row(noted: Noted) -> dict[str, Any]:
    """What a visit without a revision changes of its article's row."""
    row: dict[str, Any] = {
        "next_revisit_at": noted.next_revisit_at,
        "missing_since": noted.missing_since,
        "revisits": articles.c.revisits + 1,
    }
    if noted.validators is not None:
        row |= {"etag": noted.validators.etag, "last_modified": noted.validators.last_modified}
    return row


def visit_of(row: Row[Any], shown: Row[Any] | None) -> Visit:
    """A row of `articles`, with the entry that led to it, as a visit."""
    return Visit(
        article_id=row.id,
        cluster_id=row.cluster_id,
        url=row.url,
        canonical_url=row.canonical_url,
        title=row.title,
        text_hash=row.text_hash,
        entry=entry_behind(row, shown),
        validators=Validators(row.etag, row.last_modified),
        first_seen_at=row.first_seen_at,
        last_fetched_at=row.last_fetched_at,
        revision=row.revision,
        is_withdrawn=row.state == "withdrawn",
        is_copy=row.relation == Relation.COPY.value,
        missing_since=row.missing_since,
        due_at=row.next_revisit_at,
    )
