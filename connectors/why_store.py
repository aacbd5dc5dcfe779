"""How a verdict came about, read back from the store: what `newswire why` and the desk tell."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, or_, select

from connectors.article_store import alias_key
from connectors.database import Database
from connectors.outbox import outbox
from connectors.tables import aliases, articles, entries
from pipeline.urls import canonicalise


class WhyStore:
    """Explanations, on a Database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def explain(self, url_or_id: str) -> tuple[str, ...]:
        """Lines that tell of the entries and the article under a URL, an alias or an id; none when nothing is known."""
        with self.database.reading() as connection:
            ids = set(find_articles(connection, url_or_id))
            found = find_entries(connection, url_or_id, ids)
            ids |= {row.article_id for row in found if row.article_id}
            return (
                *(line for row in found for line in tell_entry(row)),
                *(line for article_id in sorted(ids) for line in tell_article(connection, article_id)),
            )


def find_articles(connection: Connection, url_or_id: str) -> list[str]:
    """Ids that this is, or that it is an alias of."""
    by_alias = select(aliases.c.article_id).where(aliases.c.key == alias_key(canonicalise(url_or_id)))
    by_id = select(articles.c.id).where(articles.c.id == url_or_id)
    return [*connection.scalars(by_id), *connection.scalars(by_alias)]


def find_entries(connection: Connection, url_or_id: str, ids: set[str]) -> list[Row[Any]]:
    """Entries with this identity, or that led to these articles."""
    wanted = or_(entries.c.identity.in_([url_or_id, canonicalise(url_or_id)]), entries.c.article_id.in_(ids))
    return list(connection.execute(select(entries).where(wanted).order_by(entries.c.first_seen_at)))


def tell_entry(row: Row[Any]) -> Iterator[str]:
    """An entry's story."""
    shown = json.loads(row.entry)
    yield f"entry {row.id} of {row.feed_id}: “{shown.get('title', '')}”"
    yield f"  link {shown.get('link')}, guid {shown.get('guid')}, identity {row.identity}"
    yield f"  first seen {when(row.first_seen_at)}, last seen {when(row.last_seen_at)}, {row.attempts} attempts"
    if row.state == "pending":
        attempt = when(row.next_attempt_at) or "at the next run"
        yield f"  pending: {row.reason or 'not tried yet'}; next attempt {attempt}"
    else:
        yield f"  verdict {row.verdict.upper()} {when(row.settled_at)}: {row.reason}"


def tell_article(connection: Connection, article_id: str) -> Iterator[str]:
    """An article's story: what was decided, what it was compared with, its revisions."""
    row = connection.execute(select(articles).where(articles.c.id == article_id)).one_or_none()
    if row is None:
        return
    yield f"article {row.id} of {row.outlet_id}, revision {row.revision}, {row.state}: “{row.title}”"
    yield f"  {row.canonical_url}"
    yield f"  cluster {row.cluster_id}" + (f", {row.relation} of {row.copy_of}" if row.copy_of else "")
    explanation = json.loads(row.explanation)
    yield f"  {explanation['verdict']} by {explanation['method']}: {explanation['reason']}"
    for pair in explanation["considered"]:
        yield (
            f"    beside {pair['article_id']}: {pair['containment_of_copy']:.0%} of this in it, "
            f"{pair['containment_of_original']:.0%} of it in this, Jaccard {pair['jaccard']:.2f}, "
            f"headlines {pair['title_overlap']:.0%}: {pair['refusal'] or 'a copy'}"
        )
    events = connection.execute(select(outbox).where(outbox.c.key == article_id).order_by(outbox.c.id))
    for event in events:
        delivered = f"delivered {when(event.delivered_at)}" if event.delivered_at else "waits in the outbox"
        yield f"  event {event.event_id} {event.type} {when(event.time)}, {delivered}"
    if row.raw_location:
        yield f"  raw page: {row.raw_location}"


def when(moment: datetime | None) -> str:
    """A time for people; empty when there is none."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
