"""Settlements: entries that end with an article, checked and written in groups in the caller's transaction.

The caller holds the claim (connectors/store/sketches.py). An entry is written only when nothing similar was committed
since its look-up, and nothing similar goes before it in the group; otherwise its caller looks again. So two workers, or
two entries of one group, with copies of one article never both publish it as the original.
Tested by tests/connectors/store/test_articles.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, select, tuple_, update

from connectors.store import outbox, sketches
from connectors.store.database import insert_into, upsert
from connectors.store.explanations import explanation_json
from connectors.store.repeated_paragraphs import note_paragraphs
from connectors.store.schema import alias_key, aliases, articles, entries
from pipeline.dedup.model import MAX_HITS, MIN_SHARED_KEYS, Candidate, KnownArticle
from pipeline.domain.model import PendingEntry, Validators, Verdict
from pipeline.ingest.ports import RepeatedQuery, Settlement, WriteResult

# An entry with its verdict, reason, article and time
EndedEntry = tuple[PendingEntry, Verdict, str, str | None, datetime]
END_ENTRY = (
    update(entries)
    .where(entries.c.id == bindparam("of"))
    .values(
        state="settled",
        verdict=bindparam("as"),
        reason=bindparam("why"),
        settled_at=bindparam("at"),
        attempts=bindparam("tries"),
        next_attempt_at=None,
        article_id=func.coalesce(bindparam("owner"), entries.c.article_id),
    )
)


def check(connection: Connection, given: Sequence[Settlement]) -> list[WriteResult]:
    """What becomes of each settlement: TAKEN, CONFLICT, or WRITTEN when it may be written now."""
    still = waiting(connection, [one.entry for one in given])
    outdated = are_outdated(connection, given)
    before = _Group()
    results = []
    for one, is_outdated in zip(given, outdated, strict=True):
        if one.entry.id not in still:
            results.append(WriteResult.TAKEN)
        elif is_outdated or before.is_near(one):
            results.append(WriteResult.CONFLICT)
        else:
            before.add(one)
            results.append(WriteResult.WRITTEN)
    return results


class _Group:
    """The settlements of a group that are accepted so far, by what makes another one similar to them."""

    def __init__(self) -> None:
        self.signs: set[Hashable] = set()
        self.keys: defaultdict[int, list[int]] = defaultdict(list)
        self.size = 0

    def is_near(self, one: Settlement) -> bool:
        """Whether one that was accepted is of the same entry, article, URL or text, or shares enough keys."""
        if not self.signs.isdisjoint(_signs(one)):
            return True
        shared = Counter(number for key in one.candidate.fingerprint.keys for number in self.keys.get(key, ()))
        return any(count >= MIN_SHARED_KEYS for count in shared.values())

    def add(self, one: Settlement) -> None:
        """Accept a settlement."""
        self.signs.update(_signs(one))
        for key in one.candidate.fingerprint.keys:
            self.keys[key].append(self.size)
        self.size += 1


def _signs(one: Settlement) -> Iterator[Hashable]:
    decision, outlet = one.decision, one.entry.outlet_id
    yield one.entry.id
    yield one.candidate.fingerprint.content_hash
    named = (decision.article_id, decision.merged_id, decision.copy_of, one.owner, one.candidate.article_id)
    yield from (("article", each) for each in (*named, *one.looked.known_ids) if each)
    yield from ((outlet, url) for url in one.urls)


def waiting(connection: Connection, given: Sequence[PendingEntry]) -> frozenset[int]:
    """Ids of those entries that are still pending and unchanged since they were read."""
    versions = {entry.id: entry.version for entry in given}
    query = select(entries.c.id, entries.c.version).where(entries.c.id.in_(versions), entries.c.state == "pending")
    # The row locks order a poll that reopens an entry wholly before or wholly after this settlement. They are taken by
    # id, so that two groups never wait for each other.
    rows = connection.execute(query.order_by(entries.c.id).with_for_update())
    return frozenset(row.id for row in rows if row.version == versions[row.id])


def are_outdated(connection: Connection, given: Sequence[Settlement]) -> list[bool]:
    """Whether something similar to each candidate was committed since its look-up."""
    first = min((one.looked.seen for one in given), default=0)
    since = sketches.look_up(connection, [one.candidate for one in given], after_seq=first)
    ids = known_ids(connection, [(one.candidate, one.urls) for one in given])
    return [
        found.newest_hit > one.looked.seen or len(found.hits) >= MAX_HITS or tuple(known) != one.looked.known_ids
        for one, found, known in zip(given, since, ids, strict=True)
    ]


def known_ids(connection: Connection, asked: Sequence[tuple[Candidate, Sequence[str]]]) -> list[list[str]]:
    """Ids of the articles that each candidate's URLs belong to, and its own if it exists, oldest first."""
    keys = [[(candidate.outlet_id, alias_key(url)) for url in urls] for candidate, urls in asked]
    owners = _owners_of(connection, sorted(set().union(*keys)))
    found = [
        {candidate.article_id} | {owners[key] for key in of_one if key in owners}
        for (candidate, _), of_one in zip(asked, keys, strict=True)
    ]
    is_one = articles.c.id.in_(sorted(set().union(*found))), articles.c.state != "merged"
    ordered = select(articles.c.id).where(*is_one).order_by(articles.c.first_seen_at, articles.c.id)
    oldest_first = list(connection.scalars(ordered))
    return [[each for each in oldest_first if each in ids] for ids in found]


def _owners_of(connection: Connection, keys: Sequence[tuple[str, bytes]]) -> dict[tuple[str, bytes], str]:
    """The article that each of these aliases (outlet and key) belongs to."""
    has_key = tuple_(aliases.c.outlet_id, aliases.c.key).in_(keys)
    named = select(aliases.c.outlet_id, aliases.c.key, aliases.c.article_id).where(has_key)
    return {(row.outlet_id, row.key): row.article_id for row in connection.execute(named)} if keys else {}


def write(connection: Connection, given: Sequence[Settlement], *, lanes: int) -> None:
    """Write everything of settlements of fetched pages but the ends of their entries."""
    if not given:
        return
    own = [one for one in given if one.owner == one.decision.article_id]  # a duplicate elsewhere has no row of its own
    _write_articles(connection, own)
    # Paragraphs that the host repeats belong to no article; a duplicate repeats an article.
    shown = [
        RepeatedQuery(one.candidate.domain, one.page.marks.paragraphs, one.candidate.page_url)
        for one in given
        if one.decision.verdict is not Verdict.DUPLICATE
    ]
    note_paragraphs(connection, shown, now=given[0].now)
    write_linked_rows(connection, given, lanes=lanes)


def _write_articles(connection: Connection, own: Sequence[Settlement]) -> None:
    unchanged = [one for one in own if one.decision.verdict is Verdict.UNCHANGED]
    if unchanged:
        rows = [{"of": one.decision.article_id, **_fetch_row(one)} for one in unchanged]
        connection.execute(update(articles).where(articles.c.id == bindparam("of")), rows)
    changed = [one for one in own if one.decision.verdict is not Verdict.UNCHANGED]
    if not changed:
        return
    former = explanations_of(connection, changed)
    rows = [
        {
            "id": one.decision.article_id,
            "first_seen_at": one.entry.first_seen_at,
            **_article_row(one, former.get(one.decision.article_id)),
        }
        for one in changed
    ]
    updated = [name for name in rows[0] if name not in ("id", "first_seen_at")]
    connection.execute(upsert(connection, articles, updated), rows)


def _fetch_row(one: Settlement) -> dict[str, Any]:
    """The columns that every fetch of an article changes."""
    # Without validators the next fetch is full: a 304 would hide a held-back revision or a pending merge.
    is_unfinished = one.decision.debounced or one.decision.has_more_to_merge
    response = one.page.response
    return {
        "last_fetched_at": response.fetched_at,
        **asdict(Validators() if is_unfinished else response.validators),
        "next_revisit_at": one.next_revisit_at,
        "missing_since": None,
    }


def _article_row(one: Settlement, former: str | None) -> dict[str, Any]:
    decision = one.decision
    return {
        **_fetch_row(one),
        **revision_row(one, former),
        "outlet_id": one.entry.outlet_id,
        "feed_id": one.entry.feed_id,
        "url": one.page.article.url,
        "state": "live",
        "relation": decision.relation.value if decision.relation else None,
        "copy_of": decision.copy_of,
        "cluster_id": decision.cluster_id,
        "raw_location": one.page.raw_location,
        "revisits": 0,
        "event_id": event_id_of(one),
    }


def revision_row(one: Settlement, former: str | None) -> dict[str, Any]:
    """The columns of `articles` that a revision changes, whether of a fetched or of an archived page.

    `former` is the article's explanation so far.
    """
    article = one.page.article
    return {
        "title": article.title,
        "canonical_url": article.canonical_url,
        "revision": one.decision.revision,
        "text_hash": one.candidate.fingerprint.content_hash,
        "explanation": explanation_json(one, former),
        "is_live_blog": article.is_live_blog,
        "last_revised_at": one.now,
    }


def explanations_of(connection: Connection, given: Sequence[Settlement]) -> dict[str, str]:
    """The explanations of these articles so far, by id."""
    ids = [one.decision.article_id for one in given]
    rows = connection.execute(select(articles.c.id, articles.c.explanation).where(articles.c.id.in_(ids)))
    return {row.id: row.explanation for row in rows}


def event_id_of(one: Settlement) -> str | None:
    """The event id of the settlement's message about its article, if it has one."""
    return next((m.id for m in one.messages if m.key == one.decision.article_id), None)


def write_linked_rows(connection: Connection, given: Sequence[Settlement], *, lanes: int) -> None:
    """Write the rows that belong to settlements: aliases, sketches, merges of other ids, messages."""
    named = [
        {"outlet_id": one.entry.outlet_id, "article_id": one.owner, "key": alias_key(url)}
        for one in given
        for url in one.urls
    ]
    if named:
        # Sorted by key: two workers that write the same aliases must not deadlock.
        named.sort(key=lambda row: (row["outlet_id"], row["key"]))
        connection.execute(insert_into(connection, aliases).on_conflict_do_nothing(), named)
    now = given[0].now
    sketches.insert_sketches(connection, list(_revised(given)), now=now)
    for one in given:
        if one.decision.merged_id:
            _merge(connection, one.decision.merged_id, one.decision.article_id)
    outbox.append(connection, [message for one in given for message in one.messages], lanes=lanes, now=now)


def _revised(given: Sequence[Settlement]) -> Iterator[KnownArticle]:
    """The articles that have a new text, as later candidates are compared with them."""
    from pipeline.dedup.decide import article_after

    for one in given:
        decision = one.decision
        if decision.verdict is not Verdict.UNCHANGED and one.owner == decision.article_id:
            known = one.looked.nearby.known
            before = next((each for each in known if each.article_id == decision.article_id), None)
            yield article_after(one.candidate, decision, before, now=one.now)


def _merge(connection: Connection, gone: str, survivor: str) -> None:
    """Merge two ids of one article: the one that stays takes the other's URLs and entries."""
    for table in (aliases, entries):
        connection.execute(update(table).where(table.c.article_id == gone).values(article_id=survivor))
    connection.execute(update(articles).where(articles.c.id == gone).values(state="merged", next_revisit_at=None))
    sketches.forget_sketches(connection, [gone])


def end_entries(connection: Connection, ended: Sequence[EndedEntry]) -> None:
    """Write the entries' verdicts; without an article an entry keeps the one that it has."""
    if ended:
        rows = [
            {"of": entry.id, "as": verdict.value, "why": reason, "owner": owner, "at": now, "tries": entry.attempts + 1}
            for entry, verdict, reason, owner, now in ended
        ]
        connection.execute(END_ENTRY, rows)
