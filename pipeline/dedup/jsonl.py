"""`newswire dedup`: deduplicate JSON Lines in order of arrival, with the decisions of the pipeline.

Promises an answer for every line that is not blank, in order. An invalid line is answered with its number and the
reason. `Deduplicator` keeps the corpus in memory, connectors/store/corpus.py in a store; both decide alike.

Tested by tests/dedup/test_decide.py.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Protocol

from pipeline.dedup.decide import Decision, article_after, decide
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.dedup.model import Candidate, DecidePolicy, MemoryIndex
from pipeline.domain.model import Verdict
from pipeline.identity.urls import article_id, canonicalise, host, registrable_domain, repair
from pipeline.text.dates import read_date

MIN_OTHER_URLS = 3  # a paragraph seen under so many other URLs of its host is boilerplate

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)  # for rows without a date; only distances count


@dataclass(frozen=True, slots=True, kw_only=True)
class DedupRow:
    """Row of a corpus. Without a valid `published` it counts as a second after the row before."""

    id: str | int
    url: str
    title: str
    text: str
    published: datetime | None = None
    outlet: str | None = None

    @property
    def outlet_id(self) -> str:
        """The given outlet, else the domain."""
        return self.outlet or registrable_domain(self.url)


@dataclass(frozen=True, slots=True)
class RowDecision:
    """Decision on a row."""

    id: str | int
    decision: Decision

    @property
    def verdict(self) -> Verdict:
        """Verdict of the decision."""
        return self.decision.verdict


@dataclass(frozen=True, slots=True)
class BadLine:
    """Invalid line: its number and fault."""

    number: int
    id: str | int | None
    fault: str


class Corpus(Protocol):
    """Index that decides on rows and stores them."""

    def add_all(self, rows: Sequence[DedupRow]) -> Sequence[RowDecision]:
        """Decide on rows in their order; they are stored when this returns."""


class Deduplicator:
    """Corpus in memory."""

    def __init__(self, policy: DecidePolicy | None = None) -> None:
        self._policy = policy or DecidePolicy()
        self._index = MemoryIndex()
        self._paragraph_urls: dict[int, tuple[int, ...]] = {}  # by host and paragraph, 4 bytes each
        self._seen_at = _EPOCH

    def add_all(self, rows: Sequence[DedupRow]) -> tuple[RowDecision, ...]:
        """`add` for several rows."""
        return tuple(self.add(row) for row in rows)

    def add(self, row: DedupRow) -> RowDecision:
        """Decide on a row and store it."""
        seen_at = self._seen_at = row.published or self._seen_at + timedelta(seconds=1)
        site, url, hashes = host(row.url), canonicalise(row.url), paragraph_hashes(row.text)
        repeated = self._repeated(site, url, hashes)
        candidate = candidate_of(row, repeated, seen_at=seen_at)
        decision = decide(candidate, self._index.nearby(candidate, repeated), now=seen_at, policy=self._policy)
        if decision.verdict is not Verdict.UNCHANGED:
            self._index.put(article_after(candidate, decision, self._index.get(decision.article_id), now=seen_at))
        if decision.verdict is not Verdict.DUPLICATE:
            self._note_paragraphs(site, url, hashes)
        return RowDecision(row.id, decision)

    def _repeated(self, site: str, url: str, hashes: Iterable[int]) -> frozenset[int]:
        """The paragraphs that the host repeats under other URLs."""
        shown = ((hashed, self._paragraph_urls.get(_paragraph_key(site, hashed), ())) for hashed in hashes)
        url_key = zlib.crc32(url.encode())
        return frozenset(hashed for hashed, urls in shown if len(urls) - (url_key in urls) >= MIN_OTHER_URLS)

    def _note_paragraphs(self, site: str, url: str, hashes: Iterable[int]) -> None:
        """Store where paragraphs were seen."""
        url_key = zlib.crc32(url.encode())
        for key in (_paragraph_key(site, hashed) for hashed in hashes):
            urls = self._paragraph_urls.get(key, ())
            if url_key not in urls and len(urls) <= MIN_OTHER_URLS:
                self._paragraph_urls[key] = (*urls, url_key)


def _paragraph_key(site: str, hashed: int) -> int:
    return zlib.crc32(site.encode()) << 32 | hashed & 0xFFFFFFFF


def candidate_of(row: DedupRow, repeated: frozenset[int], *, seen_at: datetime) -> Candidate:
    """The candidate of a row; `repeated` holds its paragraphs that the host shows under other URLs too."""
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
) -> Iterator[RowDecision | BadLine]:
    """Yield an answer per line, `batch` lines at a time, without the first `skip` answers, which were given before.

    A corpus in memory must read those lines all the same; a store knows them.
    """
    rows: Iterator[DedupRow | BadLine] = (
        read_line(line, number) for number, line in enumerate(lines, start=1) if line.strip()
    )
    if corpus is None:
        corpus = Deduplicator()
        corpus.add_all([row for row in islice(rows, skip) if isinstance(row, DedupRow)])
    else:
        rows = islice(rows, skip, None)
    while some := list(islice(rows, batch)):
        decided = iter(corpus.add_all([row for row in some if isinstance(row, DedupRow)]))
        for row in some:
            yield row if isinstance(row, BadLine) else next(decided)


def read_line(line: bytes | str, number: int) -> DedupRow | BadLine:
    """Parse a line of JSON to a row, or to the fault that makes it invalid."""
    try:
        fields = json.loads(line.decode("utf-8-sig") if isinstance(line, bytes) else line)
    except ValueError as error:
        return BadLine(number, None, f"no JSON: {error}")
    if not isinstance(fields, dict):
        return BadLine(number, None, "no JSON object; wanted is {id, url, title, text, published, outlet?}")
    row_id = fields.get("id")
    if not isinstance(row_id, str | int):
        return BadLine(number, None, "without an id (a text or a number)")
    missing = [name for name in ("url", "text") if not isinstance(fields.get(name), str)]
    if missing:
        return BadLine(number, row_id, f"without a {missing[0]}")
    url = repair(fields["url"], None)
    if url is None:
        return BadLine(number, row_id, f"its url is no web address: {fields['url'][:80]!r}")
    return DedupRow(
        id=row_id,
        url=url,
        title=str(fields.get("title") or ""),
        text=fields["text"],
        published=_read_published(fields.get("published")),
        outlet=str(fields.get("outlet") or "") or None,
    )


def _read_published(published: object) -> datetime | None:
    moment = read_date(str(published), UTC) if published else None
    return moment.value if moment else None


def decision_json(answer: RowDecision | BadLine) -> str:
    """Format an answer as a line of JSON."""
    if isinstance(answer, BadLine):
        nothing = dict.fromkeys(("article_id", "cluster_id", "copy_of", "similarity"))
        failed = {"id": answer.id, "verdict": Verdict.FAILED.value, **nothing}
        return json.dumps(failed | {"line": answer.number, "fault": answer.fault}, ensure_ascii=False)
    decision = answer.decision
    fields = {
        "id": answer.id,
        "verdict": decision.verdict.value,
        "article_id": decision.article_id,
        "cluster_id": decision.cluster_id,
        "copy_of": decision.copy_of,
        "similarity": asdict(decision.similarity) if decision.similarity else None,
    }
    return json.dumps(fields, ensure_ascii=False)
