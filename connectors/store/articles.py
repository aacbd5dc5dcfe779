"""What the store knows of articles, and the second of the walk's two transactions: an entry's end.

`settle` writes verdict, article, aliases, sketch and messages together, under the claim of
connectors/store/sketches.py: when somebody settled something alike since the look-up, nothing is written and the caller
looks again. It decides nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from connectors.store import outbox, sketches
from connectors.store.database import Database
from connectors.store.explanations import explanation_json
from connectors.store.feeds import due_entries
from connectors.store.repeated_paragraphs import expire_paragraphs, note_paragraphs, repeated_paragraphs
from connectors.store.schema import aliases, articles, entries, wrappers
from pipeline.dedup.decide import Candidate, Decision, KnownArticle, remembered
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.dedup.model import ArticleState, Relation
from pipeline.domain.fault_injection import crash_point
from pipeline.domain.model import PendingEntry, Validators, Verdict
from pipeline.identity.urls import registrable_domain
from pipeline.ingest.revisit_policy import CONFIRM_AFTER, MISSING
from pipeline.ingest.transactions import Deferral, Ending, Looked, Outcome, Settlement

# The strict window of copies is 30 days (pipeline/dedup/model.py); partitions go by the week.
SKETCHES_FOR = timedelta(days=37)


class ArticleStore:
    """Entries' ends and articles, on a Database."""

    def __init__(self, database: Database, *, lanes: int) -> None:
        self.database = database
        self.lanes = lanes

    def due_entries(self, feed_ids: Sequence[str], *, now: datetime, limit: int = 10_000) -> tuple[PendingEntry, ...]:
        """Entries first seen in these feeds that wait and may be tried now, oldest first."""
        with self.database.reading() as connection:
            return tuple(
                entry
                for start in range(0, len(feed_ids), 1000)
                for entry in due_entries(connection, feed_ids[start : start + 1000], now=now, limit=limit)
            )

    def feeds_with_due_entries(self, feed_ids: Sequence[str], *, now: datetime) -> tuple[str, ...]:
        """Those of these feeds with entries that wait and may be tried now."""
        wanted = set(feed_ids)
        with self.database.reading() as connection:
            query = (
                select(entries.c.feed_id)
                .where(entries.c.state == "pending")
                .where(entries.c.next_attempt_at.is_(None) | (entries.c.next_attempt_at <= now))
                .distinct()
            )
            return tuple(feed_id for feed_id in connection.scalars(query) if feed_id in wanted)

    def repeated_paragraphs(self, domain: str, paragraphs: Sequence[int], *, url: str) -> frozenset[int]:
        """Those of a page's paragraphs that its host shows under other URLs too."""
        with self.database.reading() as connection:
            return repeated_paragraphs(connection, domain, paragraphs, url_key=url)

    def look_up(self, candidate: Candidate, urls: Sequence[str]) -> Looked:
        """What is known near a candidate, under its id, its URLs, its text; and how far the look reached."""
        with self.database.reading() as connection:
            return look(connection, candidate, urls)

    def settle(self, settlement: Settlement) -> Outcome:
        """Write an entry's end with an article, or say why nothing was written."""
        crash_point("before_settle")
        with self.database.writing() as connection:
            sketches.lock_for_claim(connection)
            if not is_waiting(connection, settlement.entry):
                return Outcome.TAKEN
            if is_outdated(connection, settlement):
                return Outcome.LOOK_AGAIN
            self.write(connection, settlement)
        crash_point("after_settle_commit")
        return Outcome.WRITTEN

    def write(self, connection: Connection, settlement: Settlement) -> None:
        """Everything of a settlement, in the caller's transaction."""
        decision, now = settlement.decision, settlement.now
        write_article(connection, settlement)
        note_page_paragraphs(connection, settlement)
        write_linked_rows(connection, settlement, lanes=self.lanes)
        end_entry(connection, settlement.entry, decision.verdict, decision.reason, article_id=settlement.owner, now=now)

    def end(self, ending: Ending, *, now: datetime) -> bool:
        """Write an entry's end without an article; False when somebody else ended it."""
        with self.database.writing() as connection:
            if not is_waiting(connection, ending.entry):
                return False
            end_entry(connection, ending.entry, ending.verdict, ending.reason, now=now)
            if ending.entry.article_id is not None and ending.reason in MISSING:
                mark_missing(connection, ending.entry.article_id, now=now)
            outbox.append(connection, ending.messages, lanes=self.lanes, now=now)
            return True

    def defer(self, deferral: Deferral) -> None:
        """Leave an entry pending until later."""
        with self.database.writing() as connection:
            attempts = entries.c.attempts + (1 if deferral.counts else 0)
            connection.execute(
                update(entries)
                .where(entries.c.id == deferral.entry.id, entries.c.state == "pending")
                .values(attempts=attempts, next_attempt_at=deferral.until, reason=deferral.reason)
            )

    def pending(self) -> int:
        """How many entries wait."""
        with self.database.reading() as connection:
            return connection.scalar(select(func.count()).where(entries.c.state == "pending")) or 0

    def previous_value(self, article_id: str) -> bytes | None:
        """The last message about an article that the outbox still has: where its former text is."""
        with self.database.reading() as connection:
            return connection.scalar(
                select(outbox.outbox.c.value)
                .where(outbox.outbox.c.key == article_id, outbox.outbox.c.value.is_not(None))
                .order_by(outbox.outbox.c.id.desc())
                .limit(1)
            )

    def load_wrapper(self, outlet_id: str) -> str | None:
        """What the outlet's pages taught so far, as JSON."""
        with self.database.reading() as connection:
            return connection.scalar(select(wrappers.c.wrapper).where(wrappers.c.outlet_id == outlet_id))

    def save_wrapper(self, outlet_id: str, wrapper: str, *, version: int, now: datetime) -> None:
        """Keep what the outlet's pages taught, unless somebody kept a later version meanwhile."""
        with self.database.writing() as connection:
            statement = self.insert(wrappers).values(
                outlet_id=outlet_id, version=version, wrapper=wrapper, updated_at=now
            )
            connection.execute(
                statement.on_conflict_do_update(
                    index_elements=[wrappers.c.outlet_id],
                    set_={"version": version, "wrapper": wrapper, "updated_at": now},
                    where=wrappers.c.version < version,
                )
            )

    def expire_sketches(self, *, now: datetime) -> int:
        """Forget what is too old to be copied from; how many sketches went."""
        before, gone = now - SKETCHES_FOR, 0
        while True:
            with self.database.writing() as connection:
                some = sketches.expire(connection, before=before)
                if not some:
                    expire_paragraphs(connection, before=before, now=now)
                    return gone
                gone += some

    @property
    def insert(self) -> Any:
        """The dialect's INSERT, which knows ON CONFLICT."""
        return sqlite.insert if self.database.is_sqlite else postgresql.insert


def look(connection: Connection, candidate: Candidate, urls: Sequence[str]) -> Looked:
    """The sightings of a candidate on one connection; its id becomes the one its URLs already belong to."""
    ids = known_ids(connection, candidate, urls)
    named = only_named(connection, candidate, ids)
    if ids and candidate.article_id not in ids:
        candidate = replace(candidate, article_id=ids[0])
    found = sketches.look_up(connection, candidate)
    sightings = found.sightings()
    others = sketches.known_articles(connection, [i for i in ids if i != candidate.article_id])
    known = (*sightings.known, *others)
    return Looked(
        candidate=candidate,
        sightings=replace(sightings, known=(*known, *expired(connection, ids, known)), named=named),
        seen=found.seen,
        known_ids=tuple(ids),
    )


def expired(connection: Connection, ids: Sequence[str], known: Sequence[KnownArticle]) -> Iterator[KnownArticle]:
    """Those of these articles whose sketch has expired, from their rows: without them they would be new again."""
    missing = set(ids) - {one.article_id for one in known}
    if missing:
        yield from map(known_by_row, connection.execute(select(articles).where(articles.c.id.in_(sorted(missing)))))


def known_ids(connection: Connection, candidate: Candidate, urls: Sequence[str]) -> list[str]:
    """The ids of articles that these URLs belong to, and the candidate's own when it exists, oldest first."""
    by_url = select(aliases.c.article_id).where(
        aliases.c.outlet_id == candidate.outlet_id, aliases.c.key.in_([alias_key(url) for url in urls])
    )
    query = (
        select(articles.c.id)
        .where(articles.c.id.in_(by_url) | (articles.c.id == candidate.article_id), articles.c.state != "merged")
        .order_by(articles.c.first_seen_at, articles.c.id)
    )
    return list(connection.scalars(query))


def only_named(connection: Connection, candidate: Candidate, ids: Sequence[str]) -> frozenset[str]:
    """Those of these articles that neither the page's own address nor, where that is new, its own id leads to."""
    if not candidate.page_url or not ids:
        return frozenset()
    owner = connection.scalar(
        select(aliases.c.article_id).where(
            aliases.c.outlet_id == candidate.outlet_id, aliases.c.key == alias_key(candidate.page_url)
        )
    )
    return frozenset(ids) - {owner if owner in ids else candidate.own_id}


def known_by_row(row: Row[Any]) -> KnownArticle:
    """An article without its sketch: whether a text equals it can be told from the hashes, how alike it is cannot."""
    return KnownArticle(
        article_id=row.id,
        outlet_id=row.outlet_id,
        domain=registrable_domain(row.url),
        title=row.title,
        fingerprint=replace(fingerprint(row.title, ""), content_hash=row.text_hash),
        seen_at=row.first_seen_at,
        revision=row.revision,
        cluster_id=row.cluster_id,
        last_revised_at=row.last_revised_at,
        relation=Relation(row.relation) if row.relation else None,
        copy_of=row.copy_of,
        is_live_blog=row.is_live_blog,
        state=ArticleState.WITHDRAWN if row.state == "withdrawn" else ArticleState.LIVE,
    )


def is_waiting(connection: Connection, entry: PendingEntry) -> bool:
    """Whether the entry still waits as it was when it was taken up."""
    query = select(entries.c.state, entries.c.sighting).where(entries.c.id == entry.id)
    # Locked: a poll that reopens the entry comes wholly before this settlement, or wholly after it.
    row = connection.execute(query.with_for_update()).one_or_none()
    return row is not None and row.state == "pending" and row.sighting == entry.sighting


def is_outdated(connection: Connection, settlement: Settlement) -> bool:
    """Whether something near the candidate was committed since the look-up. Called under the lock."""
    looked = settlement.looked
    if sketches.changed_since(connection, settlement.candidate, looked.seen).hits:
        return True
    return tuple(known_ids(connection, settlement.candidate, settlement.urls)) != looked.known_ids


def write_article(connection: Connection, settlement: Settlement) -> None:
    """Insert or update the article's row; another URL of a known article has none of its own."""
    decision, article, response = settlement.decision, settlement.read.article, settlement.read.response
    # What was held back or is still to be merged must be seen again: a 304 to the page's new validators would hide it.
    is_unfinished = decision.debounced or decision.has_more_to_merge
    validators = Validators() if is_unfinished else response.validators
    fetch = {
        "last_fetched_at": response.fetched_at,
        "etag": validators.etag,
        "last_modified": validators.last_modified,
        "next_revisit_at": settlement.next_revisit_at,
        "missing_since": None,
    }
    if settlement.owner != decision.article_id:
        return
    if decision.verdict is Verdict.UNCHANGED:
        connection.execute(update(articles).where(articles.c.id == decision.article_id).values(**fetch))
        return
    row = fetch | {
        "outlet_id": settlement.entry.outlet_id,
        "feed_id": settlement.entry.feed_id,
        "url": article.url,
        "canonical_url": article.canonical_url,
        "title": article.title,
        "revision": decision.revision,
        "text_hash": settlement.candidate.fingerprint.content_hash,
        "state": "live",
        "relation": decision.relation.value if decision.relation else None,
        "copy_of": decision.copy_of,
        "cluster_id": decision.cluster_id,
        "explanation": explanation_json(connection, settlement),
        "is_live_blog": article.is_live_blog,
        "last_revised_at": settlement.now,
        "raw_location": settlement.read.raw_location,
        "revisits": 0,
        "event_id": next((m.id for m in settlement.messages if m.key == decision.article_id), None),
    }
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(articles).values(id=decision.article_id, first_seen_at=settlement.entry.first_seen_at, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=[articles.c.id], set_=row))


def note_page_paragraphs(connection: Connection, settlement: Settlement) -> None:
    """Remember the page's paragraphs: those that the host repeats are no part of any article."""
    article, domain = settlement.read.article, settlement.candidate.domain
    hashes = paragraph_hashes(article.text)
    note_paragraphs(connection, domain, hashes, url_key=article.canonical_url, now=settlement.now)


def write_linked_rows(connection: Connection, settlement: Settlement, *, lanes: int) -> None:
    """What goes with an article's row, whoever settled it: aliases, sketch, another id's end, messages."""
    decision = settlement.decision
    write_aliases(connection, settlement.entry.outlet_id, settlement.urls, settlement.owner)
    if decision.verdict is not Verdict.UNCHANGED and settlement.owner == decision.article_id:
        sketches.insert_sketch(connection, known_article(settlement), now=settlement.now)
    if decision.merged_id:
        merge(connection, decision)
    outbox.append(connection, settlement.messages, lanes=lanes, now=settlement.now)


def write_aliases(connection: Connection, outlet_id: str, urls: Sequence[str], article_id: str) -> None:
    """Point every URL of the article to it, unless it points somewhere already."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    # In order of key: two workers that write the same aliases must not wait for each other.
    rows = [{"outlet_id": outlet_id, "key": key, "article_id": article_id} for key in sorted(map(alias_key, urls))]
    if rows:
        connection.execute(insert(aliases).on_conflict_do_nothing(), rows)


def merge(connection: Connection, decision: Decision) -> None:
    """Two ids proved to be one article: the survivor takes the other's URLs and entries."""
    gone, survivor = decision.merged_id, decision.article_id
    assert gone is not None
    connection.execute(update(aliases).where(aliases.c.article_id == gone).values(article_id=survivor))
    connection.execute(update(entries).where(entries.c.article_id == gone).values(article_id=survivor))
    connection.execute(update(articles).where(articles.c.id == gone).values(state="merged", next_revisit_at=None))
    sketches.forget_sketches(connection, [gone])


def end_entry(
    connection: Connection,
    entry: PendingEntry,
    verdict: Verdict,
    reason: str,
    *,
    now: datetime,
    article_id: str | None = None,
) -> None:
    """The entry's one verdict."""
    values: dict[str, Any] = {
        "state": "settled",
        "verdict": verdict.value,
        "reason": reason,
        "settled_at": now,
        "attempts": entry.attempts + 1,
        "next_attempt_at": None,
    }
    if article_id is not None:
        values["article_id"] = article_id
    connection.execute(update(entries).where(entries.c.id == entry.id).values(**values))


def mark_missing(connection: Connection, article_id: str, *, now: datetime) -> None:
    """The page of an article that is known is not there: to be made sure of by a visit."""
    connection.execute(
        update(articles)
        .where(articles.c.id == article_id, articles.c.state == "live", articles.c.missing_since.is_(None))
        .values(missing_since=now, next_revisit_at=now + CONFIRM_AFTER)
    )


def known_article(settlement: Settlement) -> KnownArticle:
    """The article as later look-ups shall find it."""
    decision = settlement.decision
    known = settlement.looked.sightings.known
    before = next((one for one in known if one.article_id == decision.article_id), None)
    return remembered(settlement.candidate, decision, before, now=settlement.now)


def alias_key(url: str) -> bytes:
    """16 bytes that stand for a URL, guid or number."""
    return hashlib.blake2b(url.encode("utf-8", "surrogatepass"), digest_size=16).digest()
