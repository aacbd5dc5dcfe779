"""How a verdict came about, read back from the store: what `newswire why` and the desk tell."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from connectors.store.articles import alias_key
from connectors.store.database import Database
from connectors.store.outbox import outbox
from connectors.store.schema import aliases, articles, entries, feeds
from pipeline.dedup.fingerprint import KEYS
from pipeline.dedup.memory_index import MIN_SHARED_KEYS
from pipeline.dedup.model import DecidePolicy
from pipeline.identity.urls import canonicalise

MAX_COPIES = 50


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
                *(line for row in found for line in describe_entry(row)),
                *(line for article_id in sorted(ids) for line in describe_article(connection, article_id)),
            )


def find_articles(connection: Connection, url_or_id: str) -> list[str]:
    """Ids that this is, or that it is an alias of."""
    known = select(feeds.c.outlet_id).distinct()  # aliases are kept by outlet: a look under each, not through all
    by_alias = select(aliases.c.article_id).where(
        aliases.c.outlet_id.in_(known), aliases.c.key == alias_key(canonicalise(url_or_id))
    )
    by_id = select(articles.c.id).where(articles.c.id == url_or_id)
    return [*connection.scalars(by_id), *connection.scalars(by_alias)]


def find_entries(connection: Connection, url_or_id: str, ids: set[str]) -> list[Row[Any]]:
    """Entries with this identity, or that led to these articles."""
    known = select(feeds.c.outlet_id).distinct()
    identities = (url_or_id, canonicalise(url_or_id))
    named = select(entries).where(entries.c.outlet_id.in_(known), entries.c.identity.in_(identities))
    led = select(entries).where(entries.c.article_id.in_(ids))
    found = {row.id: row for query in (named, led) for row in connection.execute(query)}
    return sorted(found.values(), key=lambda row: row.first_seen_at)


def describe_entry(row: Row[Any]) -> Iterator[str]:
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


def describe_article(connection: Connection, article_id: str) -> Iterator[str]:
    """An article's story: what was decided, what it was compared with, its revisions."""
    row = connection.execute(select(articles).where(articles.c.id == article_id)).one_or_none()
    if row is None:
        return
    yield f"article {row.id} of {row.outlet_id}, revision {row.revision}, {row.state}: “{row.title}”"
    events = connection.execute(select(outbox).where(outbox.c.key == article_id).order_by(outbox.c.id)).all()
    yield from describe_urls(row, [event.value for event in events if event.value])
    yield f"  cluster {row.cluster_id}" + (f", {row.relation} of {row.copy_of}" if row.copy_of else "")
    missing = f"; its page is missing since {when(row.missing_since)}" if row.missing_since else ""
    planned = when(row.next_revisit_at) or "not any more"
    yield f"  last fetched {when(row.last_fetched_at)}, looked at again {row.revisits} times, next: {planned}{missing}"
    explanation = json.loads(row.explanation)
    for verdict in (*explanation.get("before", ()), explanation):
        yield from describe_decision(connection, verdict)
    yield from describe_copies(connection, article_id)
    for event in events:
        delivered = f"delivered {when(event.delivered_at)}" if event.delivered_at else "waits in the outbox"
        yield f"  event {event.event_id} {event.type} on {event.topic} {when(event.time)}, {delivered}"
        yield from describe_revision(event.value)
    if row.raw_location:
        yield f"  raw page: {row.raw_location}"


def describe_urls(row: Row[Any], values: Sequence[bytes]) -> Iterator[str]:
    """The canonical URL, and every other form that the last message names."""
    yield f"  {row.canonical_url}"
    if values:
        told = json.loads(values[-1])
        forms = dict.fromkeys((told.get("url"), told.get("link"), told.get("guid"), *(told.get("aliases") or ())))
        others = [form for form in forms if form and form != row.canonical_url]
        if others:
            yield f"  also {', '.join(others)}"


def describe_decision(connection: Connection, explanation: Mapping[str, Any]) -> Iterator[str]:
    """The verdict, what was compared with its scores, and what would have been needed."""
    at = f" {when(datetime.fromisoformat(explanation['at']))}" if "at" in explanation else ""
    yield f"  {explanation['verdict']}{at} by {explanation['method']}: {explanation['reason']}"
    considered = explanation["considered"]
    if considered:
        yield f"  a copy needs {describe_thresholds(DecidePolicy())}"
    names = names_of(connection, [pair["article_id"] for pair in considered])
    for pair in considered:
        needed = pair.get("needed")
        yield (
            f"    beside {names.get(pair['article_id'], pair['article_id'])}: "
            f"{pair['containment_of_copy']:.0%} of this in it, {pair['containment_of_original']:.0%} of it in this, "
            f"Jaccard {pair['jaccard']:.2f}, headlines {pair['title_overlap']:.0%}"
            + (f", {needed:.0%} needed" if needed else "")
            + f": {pair['refusal'] or 'a copy'}"
        )


def describe_thresholds(policy: DecidePolicy) -> str:
    """The thresholds that hold for every pair; what one pair needs of containment stands beside it."""
    hours = policy.full_window.total_seconds() / 3600
    return (
        f"{MIN_SHARED_KEYS} of {KEYS} keys in common and {policy.min_tokens} words; more than {hours:.0f} h apart "
        f"{policy.strict_containment:.0%} and headlines {policy.strict_titles:.0%} alike, up to "
        f"{policy.strict_window.days} days; like numbers, where there are many"
    )


def names_of(connection: Connection, article_ids: Sequence[str]) -> dict[str, str]:
    """Article id → id, outlet and headline."""
    found = connection.execute(
        select(articles.c.id, articles.c.outlet_id, articles.c.title).where(articles.c.id.in_(article_ids))
    )
    return {row.id: f"{row.id} ({row.outlet_id}: “{row.title}”)" for row in found}


def describe_copies(connection: Connection, article_id: str) -> Iterator[str]:
    """The articles that are copies or duplicates of this one."""
    copied = (
        select(articles).where(articles.c.copy_of == article_id).order_by(articles.c.first_seen_at).limit(MAX_COPIES)
    )
    for row in connection.execute(copied):
        yield f"  {row.relation} of it: {row.id} ({row.outlet_id}: “{row.title}”)"


def describe_revision(value: bytes | None) -> Iterator[str]:
    """What an event says of its revision; nothing when it tells of none, or when its text is not kept any more."""
    told = json.loads(value) if value else {}
    if told.get("changed"):
        kind = f" ({told['revision_kind']})" if told.get("revision_kind") else ""
        yield (
            f"    revision {told['revision']}: {' and '.join(told['changed'])} changed{kind}, "
            f"{told.get('words_added') or 0} words added, {told.get('words_removed') or 0} removed"
        )


def when(moment: datetime | None) -> str:
    """A time for people; empty when there is none."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
