"""Lists of the desk: entries, messages, feeds and polls that match a filter, a page at a time, each by an index.

Every count of the desk (connectors/desk/queries.py) links to one of these lists. Changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from connectors.desk.views import EntryFilter, EntryRow, FeedFilter, FeedPage, OutboxFilter
from connectors.store.feeds import state_from_row
from connectors.store.schema import IS_FAILED, IS_PENDING, entries, feeds, outbox, polls
from pipeline.domain.model import FeedState, FeedStatus, Verdict

PAGE_SIZE = 50
MAX_PAGES = 40  # the database reads through an offset: older rows are found by time
MAX_POLLS = 40  # on an outlet's page
POLLS_SINCE = timedelta(days=7)  # of feeds that are polled rarely


def paged(query: Select[Any], page: int) -> Select[Any]:
    """The rows of one page."""
    return query.limit(PAGE_SIZE).offset((min(page, MAX_PAGES) - 1) * PAGE_SIZE)


def list_entries(connection: Connection, choice: EntryFilter, *, page: int) -> tuple[EntryRow, ...]:
    """A page of entries, the last settled first; of pending ones the oldest first."""
    query = select(entries)
    if choice.outlet_id is not None:
        query = query.where(entries.c.outlet_id == choice.outlet_id)
        if choice.reason is not None:
            query = query.where(entries.c.reason == choice.reason)
    if choice.is_pending:
        query = query.where(IS_PENDING).order_by(entries.c.first_seen_at, entries.c.id)
    else:
        query = settled_query(query, choice)
    return tuple(entry_row(row) for row in connection.execute(paged(query, page)))


def settled_query(query: Select[Any], choice: EntryFilter) -> Select[Any]:
    """Settled entries that match, in the order of the index that counts them."""
    query = query.where(entries.c.settled_at.is_not(None), entries.c.state == "settled")
    if choice.since is not None:
        query = query.where(entries.c.settled_at >= choice.since)
    if choice.until is not None:
        query = query.where(entries.c.settled_at < choice.until)
    if choice.is_first:
        query = query.where(entries.c.version == 1)
    if choice.verdicts == (Verdict.FAILED,):
        query = query.where(IS_FAILED)
    elif choice.verdicts:
        query = query.where(entries.c.verdict.in_([verdict.value for verdict in choice.verdicts]))
    return query.order_by(entries.c.settled_at.desc())


def entry_row(row: Row[Any]) -> EntryRow:
    """A row of `entries` as the desk shows it."""
    entry = json.loads(row.entry)
    is_settled = row.state == "settled"
    return EntryRow(
        id=row.id,
        outlet_id=row.outlet_id,
        identity=row.identity,
        title=entry.get("title") or "",
        link=entry.get("link"),
        verdict=Verdict(row.verdict) if is_settled and row.verdict else None,
        reason=row.reason,
        attempts=row.attempts,
        first_seen_at=row.first_seen_at,
        settled_at=row.settled_at if is_settled else None,
        next_attempt_at=row.next_attempt_at,
    )


def list_messages(connection: Connection, choice: OutboxFilter, *, page: int) -> Sequence[Row[Any]]:
    """A page of messages: undelivered ones in order of delivery, or delivered ones, the last first."""
    columns = ("lane", "topic", "key", "type", "created_at", "batch", "delivered_at")  # all but the value
    query = select(*(outbox.c[name] for name in columns))
    if choice.lane is not None:
        query = query.where(outbox.c.lane == choice.lane)
    if choice.topics:
        query = query.where(outbox.c.topic.in_([topic.value for topic in choice.topics]))
    if choice.since is None:
        query = query.where(outbox.c.delivered_at.is_(None)).order_by(outbox.c.id)
    else:
        query = query.where(outbox.c.delivered_at >= choice.since).order_by(outbox.c.delivered_at.desc())
    if choice.until is not None:
        query = query.where(outbox.c.delivered_at < choice.until)
    return connection.execute(paged(query, page)).all()


def states_of(connection: Connection, query: Select[Any]) -> tuple[FeedState, ...]:
    """Feeds in order of their ids."""
    return tuple(state_from_row(row) for row in connection.execute(query.order_by(feeds.c.feed_id)))


def list_feeds(connection: Connection, choice: FeedFilter, *, page: int) -> FeedPage:
    """A page of feeds, in order of their ids."""
    conditions: list[ColumnElement[bool]] = []
    if choice.status is FeedStatus.PAUSED:
        conditions.append(feeds.c.paused.is_(True))
    elif choice.status is not None:
        conditions += [feeds.c.status == choice.status.value, feeds.c.paused.is_(False)]
    if choice.with_gaps:
        conditions.append(feeds.c.possible_gaps > 0)
    number = connection.scalar(select(func.count()).select_from(feeds).where(*conditions)) or 0
    query = select(feeds).where(*conditions).limit(PAGE_SIZE).offset((page - 1) * PAGE_SIZE)
    return FeedPage(states_of(connection, query), number)


def last_polls(connection: Connection, feed_ids: Sequence[str], now: datetime) -> Sequence[Row[Any]]:
    """The last polls of these feeds, latest first."""
    query = (
        select(polls)
        .where(polls.c.feed_id.in_(feed_ids), polls.c.polled_at >= now - POLLS_SINCE)
        .order_by(polls.c.polled_at.desc(), polls.c.id.desc())
        .limit(MAX_POLLS)
    )
    return connection.execute(query).all()
