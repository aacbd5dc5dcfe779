"""Article store: look-up of known articles, and the second transaction of ingest, which ends an entry.

`settle` writes verdict, article, aliases, sketch and messages together, under the claim of
connectors/store/sketches.py. When something similar was settled since the look-up, it writes nothing and the caller
looks again. Decisions are left to pipeline/dedup.

Dead letter store: the entries that failed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select, update

from connectors.store import outbox, schema, sketches
from connectors.store.database import Database, chunks, insert_into, upsert
from connectors.store.entry_diff import pending_entry, reopened
from connectors.store.explanations import explanation_json
from connectors.store.repeated_paragraphs import expire_paragraphs, note_paragraphs, repeated_paragraphs
from connectors.store.schema import IS_FAILED, alias_key, aliases, articles, entries, wrappers
from pipeline.dedup.decide import article_after
from pipeline.dedup.fingerprint import fingerprint
from pipeline.dedup.model import ArticleState, Candidate, KnownArticle
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import Message, PendingEntry, Validators, Verdict
from pipeline.identity.urls import registrable_domain
from pipeline.ingest.ports import Deferral, Ending, LookupResult, Settlement, WriteResult
from pipeline.ingest.settle import CONFIRM_AFTER, MISSING

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

    def repeated_paragraphs(self, domain: str, paragraphs: Sequence[int], *, url: str) -> frozenset[int]:
        """Those of a page's paragraphs that its host repeats under other URLs."""
        with self.database.reading() as connection:
            return repeated_paragraphs(connection, domain, paragraphs, url_key=url)

    def look_up(self, candidate: Candidate, urls: Sequence[str]) -> LookupResult:
        """Known articles with the candidate's id, URLs or similar text; and the `seq` up to which they were seen.

        The candidate gets the id of the article that its URLs already belong to.
        """
        with self.database.reading() as connection:
            ids = known_ids(connection, candidate, urls)
            named = only_named(connection, candidate, ids)
            if ids and candidate.article_id not in ids:
                candidate = replace(candidate, article_id=ids[0])
            (found,) = sketches.look_up(connection, [candidate])
            nearby = found.nearby()
            others = sketches.known_articles(connection, [i for i in ids if i != candidate.article_id])
            known = (*nearby.known, *others)
            # Those whose sketch expired would be new again: their rows serve instead.
            missing = sorted(set(ids) - {one.article_id for one in known})
            rows = connection.execute(select(articles).where(articles.c.id.in_(missing))) if missing else ()
            nearby = replace(nearby, known=(*known, *map(known_by_row, rows)), named=named)
        return LookupResult(candidate=candidate, nearby=nearby, seen=found.seen, known_ids=tuple(ids))

    def settle(self, settlement: Settlement) -> WriteResult:
        """End an entry with an article; the outcome says why, if nothing was written."""
        crash_point("before_settle")
        decision = settlement.decision
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if not is_waiting(connection, settlement.entry):
                return WriteResult.TAKEN
            if is_outdated(connection, settlement):
                return WriteResult.CONFLICT
            write_settlement(connection, settlement, lanes=self.lanes)
            end_entry(connection, settlement.entry, decision.verdict, decision.reason, settlement.owner, settlement.now)
        crash_point("after_settle_commit")
        return WriteResult.WRITTEN

    def end(self, ending: Ending, *, now: datetime) -> bool:
        """End an entry without an article; False when another worker ended it."""
        with self.database.writing() as connection:
            if not is_waiting(connection, ending.entry):
                return False
            end_entry(connection, ending.entry, ending.verdict, ending.reason, None, now)
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


def known_ids(connection: Connection, candidate: Candidate, urls: Sequence[str]) -> list[str]:
    """Ids of the articles that these URLs belong to, and the candidate's own if it exists, oldest first."""
    has_url = aliases.c.outlet_id == candidate.outlet_id, aliases.c.key.in_([alias_key(url) for url in urls])
    by_url = articles.c.id.in_(select(aliases.c.article_id).where(*has_url))
    query = select(articles.c.id).where(by_url | (articles.c.id == candidate.article_id), articles.c.state != "merged")
    return list(connection.scalars(query.order_by(articles.c.first_seen_at, articles.c.id)))


def only_named(connection: Connection, candidate: Candidate, ids: Sequence[str]) -> frozenset[str]:
    """Articles that the page only names: neither its own URL nor, if that is new, its own id leads to them."""
    if not candidate.page_url or not ids:
        return frozenset()
    is_own_url = aliases.c.outlet_id == candidate.outlet_id, aliases.c.key == alias_key(candidate.page_url)
    owner = connection.scalar(select(aliases.c.article_id).where(*is_own_url))
    return frozenset(ids) - {owner if owner in ids else candidate.own_id}


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


def is_waiting(connection: Connection, entry: PendingEntry) -> bool:
    """Whether the entry is still pending and unchanged since it was read."""
    query = select(entries.c.state, entries.c.version).where(entries.c.id == entry.id)
    # The row lock orders a poll that reopens the entry wholly before or wholly after this settlement.
    row = connection.execute(query.with_for_update()).one_or_none()
    return row is not None and row.state == "pending" and row.version == entry.version


def is_outdated(connection: Connection, settlement: Settlement) -> bool:
    """Whether something similar to the candidate was committed since the look-up. Call it under the lock."""
    looked = settlement.looked
    (since,) = sketches.look_up(connection, [settlement.candidate], after_seq=looked.seen)
    if since.hits:
        return True
    return tuple(known_ids(connection, settlement.candidate, settlement.urls)) != looked.known_ids


def write_article(connection: Connection, settlement: Settlement) -> None:
    """Insert or update the article's row; a duplicate under another URL has no row of its own."""
    decision, article, response = settlement.decision, settlement.page.article, settlement.page.response
    if settlement.owner != decision.article_id:
        return
    # Without validators the next fetch is full: a 304 would hide a held-back revision or a pending merge.
    is_unfinished = decision.debounced or decision.has_more_to_merge
    validators = Validators() if is_unfinished else response.validators
    fetch = {
        "last_fetched_at": response.fetched_at,
        **asdict(validators),
        "next_revisit_at": settlement.next_revisit_at,
        "missing_since": None,
    }
    if decision.verdict is Verdict.UNCHANGED:
        connection.execute(update(articles).where(articles.c.id == decision.article_id).values(**fetch))
        return
    row = {
        **fetch,
        **revision_row(connection, settlement),
        "outlet_id": settlement.entry.outlet_id,
        "feed_id": settlement.entry.feed_id,
        "url": article.url,
        "state": "live",
        "relation": decision.relation.value if decision.relation else None,
        "copy_of": decision.copy_of,
        "cluster_id": decision.cluster_id,
        "raw_location": settlement.page.raw_location,
        "revisits": 0,
        "event_id": event_id_of(settlement),
    }
    new_row = {"id": decision.article_id, "first_seen_at": settlement.entry.first_seen_at, **row}
    connection.execute(upsert(connection, articles, row).values(**new_row))


def revision_row(connection: Connection, settlement: Settlement) -> dict[str, Any]:
    """The columns of `articles` that a revision changes, whether of a fetched or of an archived page."""
    article = settlement.page.article
    return {
        "title": article.title,
        "canonical_url": article.canonical_url,
        "revision": settlement.decision.revision,
        "text_hash": settlement.candidate.fingerprint.content_hash,
        "explanation": explanation_json(connection, settlement),
        "is_live_blog": article.is_live_blog,
        "last_revised_at": settlement.now,
    }


def event_id_of(settlement: Settlement) -> str | None:
    """The event id of the settlement's message about its article, if it has one."""
    return next((m.id for m in settlement.messages if m.key == settlement.decision.article_id), None)


def write_settlement(connection: Connection, settlement: Settlement, *, lanes: int) -> None:
    """Write everything of a settlement of a fetched page but the end of its entry."""
    write_article(connection, settlement)
    # Paragraphs that the host repeats belong to no article.
    page, domain = settlement.page, settlement.candidate.domain
    url_key = page.article.canonical_url
    note_paragraphs(connection, domain, page.marks.paragraphs, url_key=url_key, now=settlement.now)
    write_linked_rows(connection, settlement, lanes=lanes)


def write_linked_rows(connection: Connection, settlement: Settlement, *, lanes: int) -> None:
    """Write the rows that belong to a settlement: aliases, sketch, merge of another id, messages."""
    decision = settlement.decision
    # Sorted by key: two workers that write the same aliases must not deadlock.
    same = {"outlet_id": settlement.entry.outlet_id, "article_id": settlement.owner}
    named = [{**same, "key": key} for key in sorted(map(alias_key, settlement.urls))]
    if named:
        connection.execute(insert_into(connection, aliases).on_conflict_do_nothing(), named)
    if decision.verdict is not Verdict.UNCHANGED and settlement.owner == decision.article_id:
        known = settlement.looked.nearby.known
        before = next((one for one in known if one.article_id == decision.article_id), None)
        article = article_after(settlement.candidate, decision, before, now=settlement.now)
        sketches.insert_sketches(connection, [article], now=settlement.now)
    if gone := decision.merged_id:
        # Two ids of one article: the one that stays takes the other's URLs and entries.
        for table in (aliases, entries):
            connection.execute(update(table).where(table.c.article_id == gone).values(article_id=decision.article_id))
        connection.execute(update(articles).where(articles.c.id == gone).values(state="merged", next_revisit_at=None))
        sketches.forget_sketches(connection, [gone])
    outbox.append(connection, settlement.messages, lanes=lanes, now=settlement.now)


def end_entry(
    connection: Connection, entry: PendingEntry, verdict: Verdict, reason: str, article_id: str | None, now: datetime
) -> None:
    """Write the entry's verdict."""
    values = {
        "state": "settled",
        "verdict": verdict.value,
        "reason": reason,
        "settled_at": now,
        "attempts": entry.attempts + 1,
        "next_attempt_at": None,
        **({} if article_id is None else {"article_id": article_id}),
    }
    connection.execute(update(entries).where(entries.c.id == entry.id).values(**values))
