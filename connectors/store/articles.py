"""Article store: look-up of known articles, and the second transaction of ingest, which ends an entry.

`settle` writes verdict, article, aliases, sketch and messages together, under the claim of
connectors/store/sketches.py. When something similar was settled since the look-up, it writes nothing and the caller
looks again. Decisions are left to pipeline/dedup.

Dead letter store: the entries that failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from connectors.store import outbox, schema, settlements, sketches
from connectors.store.database import Database, chunks, upsert
from connectors.store.entry_diff import pending_entry, reopened
from connectors.store.repeated_paragraphs import expire_paragraphs, repeated_paragraphs
from connectors.store.schema import IS_FAILED, alias_key, aliases, articles, entries, wrappers
from pipeline.dedup.fingerprint import fingerprint
from pipeline.dedup.model import ArticleState, Candidate, KnownArticle, NearbyArticles
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, PendingEntry
from pipeline.identity.urls import registrable_domain
from pipeline.ingest.ports import Deferral, Ending, KnownQuery, LookupResult, Settlement, WriteResult

# The strict window for copies is 30 days (pipeline/dedup/model.py), plus one weekly partition.
SKETCH_RETENTION = timedelta(days=37)


class ArticleStore:
    """Articles and the ends of entries, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def due_entries(self, feed_ids: Sequence[str], *, now: datetime, limit: int = 10_000) -> tuple[PendingEntry, ...]:
        """Pending entries of these feeds that are due, oldest first."""
        query = select(entries).where(*is_due(now)).order_by(entries.c.first_seen_at, entries.c.id).limit(limit)
        with self.database.reading() as connection:
            return tuple(
                pending_entry(row)
                for some in chunks(feed_ids)
                for row in connection.execute(query.where(entries.c.feed_id.in_(some)))
            )

    def feeds_with_due_entries(self, feed_ids: Sequence[str], *, now: datetime) -> tuple[str, ...]:
        """Those of these feeds with pending entries that are due."""
        chosen = set(feed_ids)
        query = select(entries.c.feed_id).where(*is_due(now)).distinct()
        return tuple(row.feed_id for row in self.database.read(query) if row.feed_id in chosen)

    def look_up_all(self, asked: Sequence[KnownQuery]) -> list[LookupResult]:
        """Known articles with each candidate's id, URLs or similar text; and the `seq` up to which they were seen.

        A candidate gets the id of the article that its URLs already belong to.
        """
        with self.database.reading() as connection:
            ids = settlements.known_ids(connection, [(one.candidate, one.urls) for one in asked])
            named = [only_named(connection, one.candidate, found) for one, found in zip(asked, ids, strict=True)]
            candidates = [
                one.candidate
                if not found or one.candidate.article_id in found
                else replace(one.candidate, article_id=found[0])
                for one, found in zip(asked, ids, strict=True)
            ]
            near = sketches.look_up(connection, candidates)
            repeated = repeated_paragraphs(connection, [one.shown for one in asked])
            return [
                LookupResult(
                    candidate=candidate,
                    nearby=replace(with_known(connection, candidate, found, of), named=name),
                    seen=found.seen,
                    known_ids=tuple(of),
                    repeated=of_host,
                )
                for candidate, found, of, name, of_host in zip(candidates, near, ids, named, repeated, strict=True)
            ]

    def settle_all(self, given: Sequence[Settlement]) -> list[WriteResult]:
        """End entries with articles in one transaction; each result says why, if nothing was written for it."""
        crash_point("before_settle")
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            results = settlements.check(connection, given)
            accepted = [one for one, result in zip(given, results, strict=True) if result is WriteResult.WRITTEN]
            settlements.write(connection, accepted, lanes=self.lanes)
            settlements.end_entries(
                connection,
                [(one.entry, one.decision.verdict, one.decision.reason, one.owner, one.now) for one in accepted],
            )
        crash_point("after_settle_commit")
        return results

    def end(self, ending: Ending, *, now: datetime) -> bool:
        """End an entry without an article; False when another worker ended it."""
        from pipeline.ingest.settle import CONFIRM_AFTER, MISSING  # only runs end entries

        with self.database.writing() as connection:
            if not settlements.waiting(connection, [ending.entry]):
                return False
            ended = ending.entry, ending.verdict, ending.reason, None, now
            settlements.end_entries(connection, [ended])
            if ending.entry.article_id is not None and ending.reason in MISSING:
                # A revisit has to confirm it.
                article = articles.c.id == ending.entry.article_id, articles.c.state == "live"
                missing = update(articles).where(*article, articles.c.missing_since.is_(None))
                connection.execute(missing.values(missing_since=now, next_revisit_at=now + CONFIRM_AFTER))
            outbox.append(connection, ending.messages, lanes=self.lanes, now=now)
            return True

    def defer(self, deferral: Deferral) -> None:
        """Keep an entry pending until a later time."""
        attempts = entries.c.attempts + (1 if deferral.counts else 0)
        pending = update(entries).where(entries.c.id == deferral.entry.id, entries.c.state == "pending")
        self.database.write(pending.values(attempts=attempts, next_attempt_at=deferral.until, reason=deferral.reason))

    def pending(self) -> int:
        """How many entries are pending."""
        return self.database.read_value(select(func.count()).where(entries.c.state == "pending")) or 0

    def previous_value(self, article_id: str) -> bytes | None:
        """The article's last message that the outbox still has; it contains the former text."""
        sent = schema.outbox.c
        query = select(sent.value).where(sent.key == article_id, sent.value.is_not(None))
        value: bytes | None = self.database.read_value(query.order_by(sent.id.desc()).limit(1))
        return value

    def load_wrapper(self, outlet_id: str) -> str | None:
        """The outlet's learnt wrapper as JSON."""
        query = select(wrappers.c.wrapper).where(wrappers.c.outlet_id == outlet_id)
        wrapper: str | None = self.database.read_value(query)
        return wrapper

    def save_wrapper(self, outlet_id: str, wrapper: str, *, version: int, now: datetime) -> None:
        """Store the outlet's wrapper, unless a later version was stored meanwhile."""
        row = {"version": version, "wrapper": wrapper, "updated_at": now}
        with self.database.writing() as connection:
            statement = upsert(connection, wrappers, row, where=wrappers.c.version < version)
            connection.execute(statement.values(outlet_id=outlet_id, **row))

    def expire_sketches(self, *, now: datetime) -> int:
        """Delete sketches that are too old to be copied from; returns how many."""
        before, gone = now - SKETCH_RETENTION, 0
        while True:
            with self.database.writing() as connection:
                some = sketches.expire(connection, before=before)
                if not some:
                    expire_paragraphs(connection, before=before, now=now)
                    return gone
                gone += some


class DeadLetterStore:
    """Failed entries by outlet, cause and time; makes them pending again. The next run processes them."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def find(self, choice: RedriveChoice) -> tuple[DeadEntry, ...]:
        """The failed entries of a choice, oldest failure first."""
        query = select(entries).where(IS_FAILED).order_by(entries.c.settled_at, entries.c.id)
        if choice.outlets:
            query = query.where(entries.c.outlet_id.in_(choice.outlets))
        if choice.since is not None:
            query = query.where(entries.c.settled_at >= choice.since)
        if choice.until is not None:
            query = query.where(entries.c.settled_at < choice.until)
        rows = [row for row in self.database.read(query) if choice.has_cause(row.reason or "")]
        return tuple(DeadEntry(pending_entry(row), row.reason or "", row.settled_at) for row in rows[: choice.limit])

    def redrive(self, dead: Sequence[DeadEntry], letters: Sequence[Message], *, now: datetime) -> int:
        """Make these entries pending and due, with their messages; returns how many were still unchanged.

        `letters[i]` is the message of `dead[i]`. One transaction: no entry is pending again without a message.
        """
        done = 0
        with self.database.writing() as connection:
            for each, letter in zip(dead, letters, strict=True):
                unchanged = IS_FAILED, entries.c.id == each.entry.id, entries.c.version == each.entry.version
                again = update(entries).where(*unchanged).values(**reopened(each.entry.version), last_seen_at=now)
                if connection.execute(again).rowcount:
                    outbox.append(connection, (letter,), lanes=self.lanes, now=now)
                    done += 1
        return done


def is_due(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """Conditions: the entry is pending and may be tried now."""
    is_time = entries.c.next_attempt_at.is_(None) | (entries.c.next_attempt_at <= now)
    return entries.c.state == "pending", is_time


def only_named(connection: Connection, candidate: Candidate, ids: Sequence[str]) -> frozenset[str]:
    """Articles that the page only names: neither its own URL nor, if that is new, its own id leads to them."""
    if not candidate.page_url or not ids:
        return frozenset()
    is_own_url = aliases.c.outlet_id == candidate.outlet_id, aliases.c.key == alias_key(candidate.page_url)
    owner = connection.scalar(select(aliases.c.article_id).where(*is_own_url))
    return frozenset(ids) - {owner if owner in ids else candidate.own_id}


def with_known(
    connection: Connection, candidate: Candidate, found: sketches.LookUp, ids: Sequence[str]
) -> NearbyArticles:
    """What was found near a candidate, with the articles that its URLs belong to."""
    nearby = found.nearby()
    others = sketches.known_articles(connection, [each for each in ids if each != candidate.article_id])
    known = (*nearby.known, *others)
    # Those whose sketch expired would be new again: their rows serve instead.
    missing = sorted(set(ids) - {one.article_id for one in known})
    rows = connection.execute(select(articles).where(articles.c.id.in_(missing))) if missing else ()
    return replace(nearby, known=(*known, *map(known_by_row, rows)))


def known_by_row(row: Row[Any]) -> KnownArticle:
    """An article without its sketch: its hash shows whether a text is equal, but not how similar it is."""
    return sketches.known_article(
        row,
        article_id=row.id,
        domain=registrable_domain(row.url),
        fingerprint=replace(fingerprint(row.title, ""), content_hash=row.text_hash),
        seen_at=row.first_seen_at,
        state=ArticleState.WITHDRAWN if row.state == "withdrawn" else ArticleState.LIVE,
    )
