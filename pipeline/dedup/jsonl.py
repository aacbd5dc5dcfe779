"""`newswire dedup`: a corpus row by row in order of arrival, decided on as the pipeline decides.

Promises an answer for every line that is not blank, in order; what cannot be read is answered with its line number and
the reason. `Deduplicator` keeps what it saw in memory, connectors/store/corpus.py on a store; on the same rows, both
decide alike.
"""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

from pipeline.dedup.decide import Candidate, CopySimilarity, DecidePolicy, Decision, decide, remembered
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.dedup.memory_index import Nearby
from pipeline.domain.model import Verdict
from pipeline.identity.urls import article_id, canonicalise, host, registrable_domain, repair
from pipeline.text.dates import read_date

MIN_OTHER_URLS = 3  # a paragraph seen under so many other URLs of its host is furniture

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DedupRow:
    """A row of a corpus. Without a `published` that is a date it comes a second after the row before."""

    id: str | int
    url: str
    title: str
    text: str
    published: datetime | None = None
    outlet: str | None = None

    @property
    def outlet_id(self) -> str:
        """Who published it: as stated, else by the domain."""
        return self.outlet or registrable_domain(self.url)


@dataclass(frozen=True, slots=True)
class DedupedRow:
    """What became of a row."""

    id: str | int
    decision: Decision

    @property
    def verdict(self) -> Verdict:
        """The decision's."""
        return self.decision.verdict

    @property
    def article_id(self) -> str:
        """The id that the row has from now on."""
        return self.decision.article_id

    @property
    def cluster_id(self) -> str:
        """The id of the article that its copies gather under."""
        return self.decision.cluster_id


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that is no row: where, and why."""

    number: int
    id: str | int | None
    fault: str


class Corpus(Protocol):
    """Where rows are decided on and remembered."""

    def add_all(self, rows: Sequence[DedupRow]) -> Sequence[DedupedRow]:
        """Decide on rows in their order; they are remembered when this returns."""


class Deduplicator:
    """A corpus in memory."""

    def __init__(self, policy: DecidePolicy | None = None) -> None:
        self._policy = policy or DecidePolicy()
        self._nearby = Nearby()
        self._paragraph_urls: dict[int, tuple[int, ...]] = {}  # by host and paragraph, 4 bytes each
        self._seen_at = _EPOCH

    def add_all(self, rows: Sequence[DedupRow]) -> tuple[DedupedRow, ...]:
        """`add` for several rows."""
        return tuple(self.add(row) for row in rows)

    def add(self, row: DedupRow) -> DedupedRow:
        """Decide on a row and remember it."""
        seen_at = self._seen_at = row.published or self._seen_at + timedelta(seconds=1)
        repeated = self._note_paragraphs(host(row.url), canonicalise(row.url), paragraph_hashes(row.text))
        candidate = candidate_of(row, repeated, seen_at=seen_at)
        decision = decide(candidate, self._nearby.sightings(candidate, repeated), now=seen_at, policy=self._policy)
        if decision.verdict is not Verdict.UNCHANGED:
            self._nearby.put(remembered(candidate, decision, self._nearby.get(decision.article_id), now=seen_at))
        return DedupedRow(row.id, decision)

    def _note_paragraphs(self, site: str, url: str, hashes: Iterable[int]) -> frozenset[int]:
        """Remember where paragraphs were seen; those that the host repeats under other URLs."""
        repeated, site_key, url_key = set(), zlib.crc32(site.encode()), zlib.crc32(url.encode())
        for hashed in hashes:
            key = site_key << 32 | hashed & 0xFFFFFFFF
            urls = self._paragraph_urls.get(key, ())
            if len(urls) - (url_key in urls) >= MIN_OTHER_URLS:
                repeated.add(hashed)
            elif url_key not in urls:
                self._paragraph_urls[key] = (*urls, url_key)
        return frozenset(repeated)


def candidate_of(row: DedupRow, repeated: frozenset[int], *, seen_at: datetime) -> Candidate:
    """A row as the decision sees it; `repeated` are its paragraphs that the host shows under other URLs too."""
    return Candidate(
        article_id=article_id(row.outlet_id, number=None, canonical_url=canonicalise(row.url)),
        outlet_id=row.outlet_id,
        domain=registrable_domain(row.url),
        title=row.title,
        fingerprint=fingerprint(row.title, row.text, repeated=repeated),
        seen_at=seen_at,
        repeated=repeated,
    )


def dedup_lines(
    lines: Iterable[bytes | str], corpus: Corpus | None = None, *, batch: int = 1, skip: int = 0
) -> Iterator[DedupedRow | BadLine]:
    """An answer per line, `batch` lines at a time; the first `skip` answers were given before and are not again.

    A corpus in memory needs those lines all the same; on a store they are known.
    """
    rows = read_lines(lines)
    if corpus is None:
        corpus = Deduplicator()
        corpus.add_all([row for row in islice(rows, skip) if isinstance(row, DedupRow)])
    else:
        rows = islice(rows, skip, None)
    while some := list(islice(rows, batch)):
        decided = iter(corpus.add_all([row for row in some if isinstance(row, DedupRow)]))
        for row in some:
            yield row if isinstance(row, BadLine) else next(decided)


def read_lines(lines: Iterable[bytes | str]) -> Iterator[DedupRow | BadLine]:
    """The rows on lines of JSON; blank lines are passed over."""
    for number, line in enumerate(lines, start=1):
        if line.strip():
            yield read_line(line, number)


def read_line(line: bytes | str, number: int) -> DedupRow | BadLine:
    """The row on a line, or what is wrong with it."""
    try:
        fields = json.loads(line.decode("utf-8-sig") if isinstance(line, bytes) else line)
    except ValueError as error:
        return BadLine(number, None, f"no JSON: {error}")
    if not isinstance(fields, dict):
        return BadLine(number, None, "no JSON object; wanted is {id, url, title, text, published, outlet?}")
    given = fields.get("id")
    row_id = given if isinstance(given, str | int) else None
    if row_id is None:
        return BadLine(number, None, "without an id (a text or a number)")
    for name in ("url", "text"):
        if not isinstance(fields.get(name), str):
            return BadLine(number, row_id, f"without a {name}")
    url = repair(fields["url"], None)
    if url is None:
        return BadLine(number, row_id, f"its url is no web address: {fields['url'][:80]!r}")
    title, outlet = fields.get("title"), fields.get("outlet")
    published = fields.get("published")
    moment = read_date(str(published), UTC) if published else None
    return DedupRow(
        id=row_id,
        url=url,
        title=str(title or ""),
        text=fields["text"],
        published=moment.value if moment else None,
        outlet=str(outlet) if outlet else None,
    )


def written_line(answer: DedupedRow | BadLine) -> str:
    """An answer as a line of JSON."""
    if isinstance(answer, BadLine):
        nothing = dict.fromkeys(("article_id", "cluster_id", "copy_of", "similarity"))
        failed = {"id": answer.id, "verdict": Verdict.FAILED.value, **nothing}
        return json.dumps(failed | {"line": answer.number, "fault": answer.fault}, ensure_ascii=False)
    fields = {
        "id": answer.id,
        "verdict": answer.verdict.value,
        "article_id": answer.article_id,
        "cluster_id": answer.cluster_id,
        "copy_of": answer.decision.copy_of,
        "similarity": written_similarity(answer.decision.similarity),
    }
    return json.dumps(fields, ensure_ascii=False)


def written_similarity(likeness: CopySimilarity | None) -> dict[str, float] | None:
    """The three shares by their names."""
    if likeness is None:
        return None
    return {
        "containment_of_copy": likeness.containment_of_copy,
        "containment_of_original": likeness.containment_of_original,
        "jaccard": likeness.jaccard,
    }


def in_words(verdicts: Counter[Verdict]) -> str:
    """How many of each verdict, for people."""
    return ", ".join(f"{count:,} {verdict.value}" for verdict, count in verdicts.most_common()) or "nothing"
