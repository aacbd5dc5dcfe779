"""What a replay needs of the store: articles with their raw pages, in an order it can go on in, and their revisions.

`revise` is the one transaction: it writes nothing unless the raw page is still the article's last, so that a replay
never puts an old text over a newer one. The entry's verdict, the visits to the page and its validators stay as they
are: nobody was at the outlet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, func, select, update

from connectors.store import sketches
from connectors.store.articles import is_outdated, write_linked_rows
from connectors.store.database import Database
from connectors.store.explanations import explanation_json
from connectors.store.feeds import pending_entry
from connectors.store.schema import articles, entries
from pipeline.domain.model import Entry, PendingEntry
from pipeline.ingest.replay import ArchivedArticle, ReplayChoice
from pipeline.ingest.transactions import Outcome, Settlement


class ReplayStore:
    """Articles to replay, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def count(self, choice: ReplayChoice) -> int:
        """How many articles a choice means."""
        with self.database.reading() as connection:
            return connection.scalar(chosen(select(func.count()), choice)) or 0

    def batches(self, choice: ReplayChoice, *, after: str, size: int) -> Iterator[tuple[ArchivedArticle, ...]]:
        """The articles in order of their ids, from the one after this; no transaction stays open between batches."""
        while True:
            with self.database.reading() as connection:
                page = chosen(select(articles), choice).where(articles.c.id > after).order_by(articles.c.id).limit(size)
                rows = connection.execute(page).all()
                shown = entries_of(connection, [row.id for row in rows])
            if not rows:
                return
            yield tuple(archived(row, shown.get(row.id)) for row in rows)
            after = rows[-1].id

    def revise(self, settlement: Settlement, *, raw_location: str) -> Outcome:
        """Write a revision of an article whose last raw page is still this one; TAKEN when it is not."""
        decision = settlement.decision
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if not is_last(connection, decision.article_id, raw_location):
                return Outcome.TAKEN
            if is_outdated(connection, settlement):
                return Outcome.LOOK_AGAIN
            connection.execute(
                update(articles)
                .where(articles.c.id == decision.article_id)
                .values(revision_row(connection, settlement))
            )
            write_linked_rows(connection, settlement, lanes=self.lanes)
            return Outcome.WRITTEN


def chosen(query: Select[Any], choice: ReplayChoice) -> Select[Any]:
    """The query, of the articles that a choice means: live, with a raw page of these days."""
    query = query.where(articles.c.state == "live", articles.c.raw_location.is_not(None))
    if choice.outlets:
        query = query.where(articles.c.outlet_id.in_(choice.outlets))
    day = func.substr(articles.c.raw_location, 1, 10)  # cut out: how whole locations sort depends on the collation
    if choice.since is not None:
        query = query.where(day >= choice.since.isoformat())
    if choice.until is not None:
        query = query.where(day <= choice.until.isoformat())
    return query


def entries_of(connection: Connection, article_ids: Sequence[str]) -> Mapping[str, Row[Any]]:
    """The entry that led to each article, the first one where there were several."""
    rows = connection.execute(
        select(entries).where(entries.c.article_id.in_(article_ids)).order_by(entries.c.first_seen_at.desc())
    )
    return {row.article_id: row for row in rows}


def archived(row: Row[Any], shown: Row[Any] | None) -> ArchivedArticle:
    """A row of `articles` with its entry, or with what stands for one that was forgotten."""
    return ArchivedArticle(
        article_id=row.id,
        entry=entry_behind(row, shown),
        url=row.canonical_url,
        raw_location=row.raw_location,
    )


def entry_behind(row: Row[Any], shown: Row[Any] | None) -> PendingEntry:
    """The entry that led to an article, or what stands for one that was forgotten."""
    if shown is not None:
        return replace(pending_entry(shown), is_dead=False)  # whoever looks again resolves no dead letter
    forgotten = Entry(identity=row.id, digest="", title=row.title, link=row.url)
    return PendingEntry(0, row.outlet_id, row.feed_id, forgotten, 1, 0, row.first_seen_at, row.id)


def is_last(connection: Connection, article_id: str, raw_location: str) -> bool:
    """Whether the article lives and was last read from this raw page. Called under the lock."""
    row = connection.execute(
        select(articles.c.state, articles.c.raw_location).where(articles.c.id == article_id)
    ).one_or_none()
    return row is not None and row.state == "live" and row.raw_location == raw_location


def revision_row(connection: Connection, settlement: Settlement) -> dict[str, Any]:
    """What a replayed revision changes of its article's row."""
    decision, article = settlement.decision, settlement.read.article
    ours = next((message.id for message in settlement.messages if message.key == decision.article_id), None)
    return {
        "title": article.title,
        "canonical_url": article.canonical_url,
        "revision": decision.revision,
        "text_hash": settlement.candidate.fingerprint.content_hash,
        "explanation": explanation_json(connection, settlement),
        "is_live_blog": article.is_live_blog,
        "last_revised_at": settlement.now,
        **({"event_id": ours} if ours else {}),
    }
