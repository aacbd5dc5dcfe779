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


def explanation_json(settlement: Settlement, former: str | None) -> str:
    """The reasons of a verdict as JSON, followed by those of the article's former verdicts (`former`: its JSON)."""
    decision = settlement.decision
    verdict = {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "method": decision.method,
        "at": settlement.now.isoformat(timespec="seconds"),
        "considered": [asdict(pair) for pair in decision.considered],
    }
    if former is not None:
        last = json.loads(former)
        before = [*last.pop("before", ()), last]
        # A live blog has hundreds: the first keeps its comparisons, and of the others the last ones stay.
        verdict["before"] = before[:1] + [{**each, "considered": []} for each in before[1:][-MAX_VERDICTS_KEPT:]]
    return json.dumps(verdict, ensure_ascii=False, separators=(",", ":"))


class WhyStore:
    """Explanations as lines of text, from a Database."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def explain(self, url_or_id: str) -> tuple[str, ...]:
        """Lines that describe the entries and articles with this URL, alias or id; empty when the store has none."""
        with self.database.reading() as connection:
            ids, entry_rows = find(connection, url_or_id)
            return (
                *(line for row in entry_rows for line in describe_entry(row)),
                *(line for article_id in ids for line in describe_article(connection, article_id)),
            )


def find(connection: Connection, url_or_id: str) -> tuple[list[str], list[Row[Any]]]:
    """Ids of the articles with this id, URL or alias, and the entries of these articles or with this identity."""
    canonical = canonicalise(url_or_id)
    outlets = select(feeds.c.outlet_id).distinct()  # the indexes of `aliases` and `entries` begin with the outlet
    is_alias = aliases.c.outlet_id.in_(outlets), aliases.c.key == alias_key(canonical)
    by_alias = select(aliases.c.article_id).where(*is_alias)
    by_id = select(articles.c.id).where(articles.c.id == url_or_id)
    ids = {*connection.scalars(by_id), *connection.scalars(by_alias)}
    of_articles = entries.c.article_id.in_(ids)
    has_identity = entries.c.outlet_id.in_(outlets) & entries.c.identity.in_((url_or_id, canonical))
    found = {
        row.id: row for where in (has_identity, of_articles) for row in connection.execute(select(entries).where(where))
    }
    ids |= {row.article_id for row in found.values() if row.article_id}
    return sorted(ids), sorted(found.values(), key=lambda row: row.first_seen_at)


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
    copied = select(articles).where(articles.c.copy_of == article_id).order_by(articles.c.first_seen_at)
    for copy in connection.execute(copied.limit(MAX_COPIES)):
        yield f"  {copy.relation} of it: {name_of(copy)}"
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
        # The thresholds for every pair; the containment that a pair needs is given with the pair.
        policy = DecidePolicy()
        yield (
            f"  a copy needs {MIN_SHARED_KEYS} of {KEYS} keys in common and {policy.min_tokens} words; more than "
            f"{policy.full_window.total_seconds() / 3600:.0f} h apart {policy.strict_containment:.0%} and headlines "
            f"{policy.strict_titles:.0%} alike, up to {policy.strict_window.days} days; similar numbers, "
            "where there are many"
        )
    compared = articles.c.id.in_([pair["article_id"] for pair in considered])
    rows = connection.execute(select(articles.c.id, articles.c.outlet_id, articles.c.title).where(compared))
    names = {row.id: name_of(row) for row in rows}
    for pair in considered:
        needed = pair.get("needed")
        yield (
            f"    compared with {names.get(pair['article_id'], pair['article_id'])}: "
            f"{pair['containment_of_copy']:.0%} of this in it, {pair['containment_of_original']:.0%} of it in this, "
            f"Jaccard {pair['jaccard']:.2f}, headlines {pair['title_overlap']:.0%}"
            + (f", {needed:.0%} needed" if needed else "")
            + f": {pair['refusal'] or 'a copy'}"
        )


def name_of(row: Any) -> str:
    """An article's id, outlet and headline."""
    return f"{row.id} ({row.outlet_id}: “{row.title}”)"


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
