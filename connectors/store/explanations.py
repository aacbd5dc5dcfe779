"""Explanations: why an article got its verdicts, stored beside it and described for `newswire why` and the desk.

Promises: the first verdict keeps everything that was compared, however often the article is revised.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select

from connectors.store.database import Database
from connectors.store.schema import alias_key, aliases, articles, entries, feeds, outbox
from pipeline.dedup.fingerprint import KEYS
from pipeline.dedup.model import MIN_SHARED_KEYS, DecidePolicy
from pipeline.identity.urls import canonicalise
from pipeline.ingest.ports import Settlement

MAX_VERDICTS_KEPT = 8  # besides the first and the last
MAX_COPIES = 50  # listed of one article


def explanation_json(connection: Connection, settlement: Settlement) -> str:
    """The reasons of a verdict as JSON, followed by those of the article's former verdicts."""
    decision = settlement.decision
    verdict = {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "method": decision.method,
        "at": settlement.now.isoformat(timespec="seconds"),
        "considered": [asdict(pair) for pair in decision.considered],
    }
    former = connection.scalar(select(articles.c.explanation).where(articles.c.id == decision.article_id))
    if former is not None:
        last = json.loads(former)
        verdict["before"] = history([*last.pop("before", ()), last])
    return json.dumps(verdict, ensure_ascii=False, separators=(",", ":"))


def history(verdicts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first verdict with its comparisons, and the last ones without: a live blog has hundreds."""
    first, *others = verdicts
    return [first, *({**verdict, "considered": []} for verdict in others[-MAX_VERDICTS_KEPT:])]


class WhyStore:
    """Explanations as lines of text, from a Database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def explain(self, url_or_id: str) -> tuple[str, ...]:
        """Lines that describe the entries and articles with this URL, alias or id; empty when the store has none."""
        with self.database.reading() as connection:
            ids = set(find_articles(connection, url_or_id))
            found = find_entries(connection, url_or_id, ids)
            ids |= {row.article_id for row in found if row.article_id}
            return (
                *(line for row in found for line in describe_entry(row)),
                *(line for article_id in sorted(ids) for line in describe_article(connection, article_id)),
            )


def find_articles(connection: Connection, url_or_id: str) -> list[str]:
    """Ids of the articles with this id, URL or alias."""
    known = select(feeds.c.outlet_id).distinct()  # the index of `aliases` begins with the outlet
    by_alias = select(aliases.c.article_id).where(
        aliases.c.outlet_id.in_(known), aliases.c.key == alias_key(canonicalise(url_or_id))
    )
    by_id = select(articles.c.id).where(articles.c.id == url_or_id)
    return [*connection.scalars(by_id), *connection.scalars(by_alias)]


def find_entries(connection: Connection, url_or_id: str, ids: set[str]) -> list[Row[Any]]:
    """Entries with this identity, or of these articles."""
    known = select(feeds.c.outlet_id).distinct()
    identities = (url_or_id, canonicalise(url_or_id))
    named = select(entries).where(entries.c.outlet_id.in_(known), entries.c.identity.in_(identities))
    led = select(entries).where(entries.c.article_id.in_(ids))
    found = {row.id: row for query in (named, led) for row in connection.execute(query)}
    return sorted(found.values(), key=lambda row: row.first_seen_at)


def describe_entry(row: Row[Any]) -> Iterator[str]:
    """An entry: where it came from, and its verdict or its next attempt."""
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
    """An article: its URLs, verdicts and comparisons, copies and messages."""
    row = connection.execute(select(articles).where(articles.c.id == article_id)).one_or_none()
    if row is None:
        return
    yield f"article {row.id} of {row.outlet_id}, revision {row.revision}, {row.state}: “{row.title}”"
    events = connection.execute(select(outbox).where(outbox.c.key == article_id).order_by(outbox.c.id)).all()
    yield from describe_urls(row, [event.value for event in events if event.value])
    yield f"  cluster {row.cluster_id}" + (f", {row.relation} of {row.copy_of}" if row.copy_of else "")
    missing = f"; its page has been missing since {when(row.missing_since)}" if row.missing_since else ""
    planned = when(row.next_revisit_at) or "never"
    yield f"  last fetched {when(row.last_fetched_at)}, {row.revisits} revisits, next: {planned}{missing}"
    explanation = json.loads(row.explanation)
    for verdict in (*explanation.get("before", ()), explanation):
        yield from describe_decision(connection, verdict)
    yield from describe_copies(connection, article_id)
    for event in events:
        delivered = f"delivered {when(event.delivered_at)}" if event.delivered_at else "waiting in the outbox"
        yield f"  event {event.event_id} {event.type} on {event.topic} {when(event.time)}, {delivered}"
        yield from describe_revision(event.value)
    if row.raw_location:
        yield f"  raw page: {row.raw_location}"


def describe_urls(row: Row[Any], values: Sequence[bytes]) -> Iterator[str]:
    """The canonical URL, and every other URL that the last message names."""
    yield f"  {row.canonical_url}"
    if values:
        message = json.loads(values[-1])
        forms = dict.fromkeys((*map(message.get, ("url", "link", "guid")), *(message.get("aliases") or ())))
        others = [form for form in forms if form and form != row.canonical_url]
        if others:
            yield f"  also {', '.join(others)}"


def describe_decision(connection: Connection, explanation: Mapping[str, Any]) -> Iterator[str]:
    """A verdict, the compared articles with their scores, and the thresholds."""
    at = f" {when(datetime.fromisoformat(explanation['at']))}" if "at" in explanation else ""
    yield f"  {explanation['verdict']}{at} by {explanation['method']}: {explanation['reason']}"
    considered = explanation["considered"]
    if considered:
        yield f"  a copy needs {describe_thresholds(DecidePolicy())}"
    names = names_of(connection, [pair["article_id"] for pair in considered])
    for pair in considered:
        needed = pair.get("needed")
        yield (
            f"    compared with {names.get(pair['article_id'], pair['article_id'])}: "
            f"{pair['containment_of_copy']:.0%} of this in it, {pair['containment_of_original']:.0%} of it in this, "
            f"Jaccard {pair['jaccard']:.2f}, headlines {pair['title_overlap']:.0%}"
            + (f", {needed:.0%} needed" if needed else "")
            + f": {pair['refusal'] or 'a copy'}"
        )


def describe_thresholds(policy: DecidePolicy) -> str:
    """The thresholds for every pair; the containment that a pair needs is given with the pair."""
    hours = policy.full_window.total_seconds() / 3600
    return (
        f"{MIN_SHARED_KEYS} of {KEYS} keys in common and {policy.min_tokens} words; more than {hours:.0f} h apart "
        f"{policy.strict_containment:.0%} and headlines {policy.strict_titles:.0%} alike, up to "
        f"{policy.strict_window.days} days; similar numbers, where there are many"
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
    """What an event says of its revision; no line when it has none, or when its text was deleted by retention."""
    message = json.loads(value) if value else {}
    if message.get("changed"):
        kind = f" ({message['revision_kind']})" if message.get("revision_kind") else ""
        yield (
            f"    revision {message['revision']}: {' and '.join(message['changed'])} changed{kind}, "
            f"{message.get('words_added') or 0} words added, {message.get('words_removed') or 0} removed"
        )


def when(moment: datetime | None) -> str:
    """A time for people; empty without one."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else ""
