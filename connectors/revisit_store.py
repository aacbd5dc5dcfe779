"""Which articles are due for another look, and what a visit changes: the store's side of revisits.

Every write happens only while the article is as it was when the visit was taken up, so that two workers, or a feed that
tells of the same change, never make two revisions of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, and_, select, update

from connectors import outbox, sketches
from connectors.article_store import is_outdated, known_article, merge, note_page, write_aliases, write_article
from connectors.database import Database
from connectors.replay_store import entries_of, entry_behind
from connectors.tables import articles, entries
from pipeline.model import Message, Validators, Verdict
from pipeline.revisit import Noted, Visit
from pipeline.sightings import ArticleState, Relation
from pipeline.steps import Outcome, Settlement


class RevisitStore:
    """Visits, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def due(self, feed_ids: Sequence[str], *, now: datetime, limit: int) -> tuple[Visit, ...]:
        """Articles that came by these feeds and are due, the longest due first."""
        wanted = set(feed_ids)
        with self.database.reading() as connection:
            query = select(articles).where(is_due(now)).order_by(articles.c.next_revisit_at)
            rows = [row for row in connection.execute(query) if row.feed_id in wanted][:limit]
            shown = entries_of(connection, [row.id for row in rows])
        return tuple(visit_of(row, shown.get(row.id)) for row in rows)

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
            row = {"state": "withdrawn", "last_fetched_at": now, **noted_row(noted)}
            if connection.execute(update(articles).where(is_as_visited(visit)).values(row)).rowcount == 0:
                return False
            # So that a feed that shows it again has its page fetched again, even in the words of before.
            mine = entries.c.article_id == visit.article_id, entries.c.state == "settled"
            connection.execute(update(entries).where(*mine).values(verdict=Verdict.WITHDRAWN.value))
            sketches.set_state(connection, visit.article_id, ArticleState.WITHDRAWN)
            outbox.append(connection, messages, lanes=self.lanes, now=now)
            return True

    def settle(self, settlement: Settlement, visit: Visit) -> Outcome:
        """Write what the page is now: a revision, a return, or that it is as before."""
        decision = settlement.decision
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if connection.execute(select(articles.c.id).where(is_as_visited(visit))).one_or_none() is None:
                return Outcome.TAKEN
            if is_outdated(connection, settlement):
                return Outcome.LOOK_AGAIN
            write_article(connection, settlement)
            write_aliases(connection, settlement.entry.outlet_id, settlement.urls, settlement.owner)
            if decision.verdict is not Verdict.UNCHANGED:
                sketches.insert_sketch(connection, known_article(settlement), now=settlement.now)
            note_page(connection, settlement)
            if decision.merged_id:
                merge(connection, decision)
            outbox.append(connection, settlement.messages, lanes=self.lanes, now=settlement.now)
            return Outcome.WRITTEN


def is_due(now: datetime) -> Any:
    """The condition of an article that is due for another look."""
    return and_(articles.c.next_revisit_at <= now, articles.c.state != "merged")


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
    )
