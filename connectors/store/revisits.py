"""Revisit and replay stores: known articles to fetch or to extract again, and what that changes.

Promises: every write requires that the article is unchanged since it was read. Two workers, or a revisit and a poll,
therefore never make two revisions of one change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select, update

from connectors.store import outbox, settlements, sketches
from connectors.store.database import Database, chunks
from connectors.store.entry_diff import pending_entry
from connectors.store.schema import alias_key, aliases, articles, entries
from pipeline.dedup.model import ArticleState, Relation
from pipeline.delivery.messages import Visit
from pipeline.domain.model import Entry, Message, PendingEntry, Validators, Verdict
from pipeline.identity.urls import canonicalise
from pipeline.ingest.ports import ArchivedArticle, ReplayChoice, Settlement, VisitUpdate, WriteResult

# Columns of `articles` that a visit has under the same name.
SAME_IN_VISIT = tuple(field.name for field in fields(Visit) if field.name in articles.c)


class RevisitStore:
    """Articles that are due for a revisit, and what a revisit changes."""

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
            if any(settlements.are_outdated(connection, [settlement])):
                return WriteResult.CONFLICT
            settlements.write(connection, [settlement], lanes=self.lanes)
            return WriteResult.WRITTEN


class ReplayStore:
    """Articles with their archived raw pages, in a resumable order, and the revisions of a replay.

    The entry's verdict, the revisit plan and the validators stay: nothing was fetched.
    """

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
                    entry=entry_of(row, entry_rows),
                    url=row.canonical_url,
                    raw_location=row.raw_location,
                )
                for row in rows
            )
            after = rows[-1].id

    def revise(self, settlement: Settlement, *, raw_location: str) -> WriteResult:
        """Write a revision of an article; TAKEN when this is no longer its last raw page.

        A replay therefore never replaces a newer text.
        """
        of_article = articles.c.id == settlement.decision.article_id
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            last = articles.c.state == "live", articles.c.raw_location == raw_location
            if connection.execute(select(articles.c.id).where(of_article, *last)).one_or_none() is None:
                return WriteResult.TAKEN
            if any(settlements.are_outdated(connection, [settlement])):
                return WriteResult.CONFLICT
            event_id = settlements.event_id_of(settlement)
            former = settlements.explanations_of(connection, [settlement]).get(settlement.decision.article_id)
            row = settlements.revision_row(settlement, former) | ({"event_id": event_id} if event_id else {})
            connection.execute(update(articles).where(of_article).values(row))
            settlements.write_linked_rows(connection, [settlement], lanes=self.lanes)
            return WriteResult.WRITTEN


def is_due(now: datetime | None) -> Any:
    """Condition: the article is due for a revisit; without a time, a revisit is planned."""
    planned = articles.c.next_revisit_at.is_not(None) if now is None else articles.c.next_revisit_at <= now
    return and_(planned, articles.c.state != "merged")


def longest_due(feed_ids: Sequence[str], *, now: datetime | None, most_per_outlet: int) -> Select[Any]:
    """Due articles of these feeds, at most so many per outlet, so that no outlet crowds out the others."""
    longest = articles.c.next_revisit_at, articles.c.id
    place = func.row_number().over(partition_by=articles.c.outlet_id, order_by=longest).label("place")
    due = select(articles.c.id, place).where(is_due(now), articles.c.feed_id.in_(feed_ids)).subquery()
    return select(articles).join(due, due.c.id == articles.c.id).where(due.c.place <= most_per_outlet)


def read_visits(connection: Connection, query: Select[Any]) -> tuple[Visit, ...]:
    """The articles of a query as visits, each with its entry."""
    rows = connection.execute(query).all()
    entry_rows = entries_of(connection, [row.id for row in rows])
    return tuple(
        Visit(
            article_id=row.id,
            entry=entry_of(row, entry_rows),
            validators=Validators(row.etag, row.last_modified),
            is_withdrawn=row.state == "withdrawn",
            is_copy=row.relation == Relation.COPY.value,
            due_at=row.next_revisit_at,
            **{name: getattr(row, name) for name in SAME_IN_VISIT},
        )
        for row in rows
    )


def is_as_visited(visit: Visit) -> Any:
    """Condition: the article is unchanged since the visit was read."""
    is_same_state = articles.c.state == ("withdrawn" if visit.is_withdrawn else "live")
    is_same = articles.c.revision == visit.revision, articles.c.last_fetched_at == visit.last_fetched_at
    return and_(articles.c.id == visit.article_id, is_same_state, *is_same)


def noted_row(noted: VisitUpdate) -> dict[str, Any]:
    """The columns of `articles` that a visit without a revision changes."""
    plan = {"next_revisit_at": noted.next_revisit_at, "missing_since": noted.missing_since}
    validators = {} if noted.validators is None else asdict(noted.validators)
    return {**plan, **validators, "revisits": articles.c.revisits + 1}


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


def entries_of(connection: Connection, article_ids: Sequence[str]) -> dict[str, Row[Any]]:
    """The entry of each article, the first one if there were several."""
    found: dict[str, Row[Any]] = {}
    for some in chunks(article_ids):
        query = select(entries).where(entries.c.article_id.in_(some)).order_by(entries.c.first_seen_at.desc())
        found |= {row.article_id: row for row in connection.execute(query)}
    return found


def entry_of(row: Row[Any], entry_rows: Mapping[str, Row[Any]]) -> PendingEntry:
    """The entry of an article, or a substitute for one that expired."""
    if row.id in entry_rows:
        return pending_entry(entry_rows[row.id], is_dead=False)  # a replay or revisit resolves no dead letter
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
