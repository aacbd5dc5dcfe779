"""`newswire dedup`: a corpus deduplicated in memory, row by row in order of arrival, by the pipeline's own decisions.

Promises what the store would have decided on the same rows one after another. About 3 kB of memory per article.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.decide import Candidate, CopySimilarity, DecidePolicy, Decision, decide, remembered
from pipeline.fingerprint import fingerprint, paragraph_hashes
from pipeline.model import Verdict
from pipeline.nearby import Nearby
from pipeline.urls import article_id, canonicalise, host, registrable_domain

MIN_OTHER_URLS = 3  # a paragraph seen under so many other URLs of its host is furniture

_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class DedupRow:
    """A row of a corpus. Without `published` it comes a second after the row before."""

    id: str
    url: str
    title: str
    text: str
    published: datetime | None = None
    outlet: str | None = None


@dataclass(frozen=True, slots=True)
class DedupedRow:
    """What became of a row."""

    id: str
    verdict: Verdict
    article_id: str
    cluster_id: str
    copy_of: str | None
    similarity: CopySimilarity | None
    decision: Decision


class Deduplicator:
    """An index in memory, and the decision on each row as it is added."""

    def __init__(self, policy: DecidePolicy | None = None) -> None:
        self._policy = policy or DecidePolicy()
        self._nearby = Nearby()
        self._paragraph_urls: defaultdict[tuple[str, int], set[str]] = defaultdict(set)
        self._seen_at = _EPOCH

    def add(self, row: DedupRow) -> DedupedRow:
        """Decide on a row and remember it."""
        seen_at = self._seen_at = row.published or self._seen_at + timedelta(seconds=1)
        url, site = canonicalise(row.url), host(row.url)
        repeated = self._note_paragraphs(site, url, paragraph_hashes(row.text))
        domain = registrable_domain(row.url)
        outlet_id = row.outlet or domain
        candidate = Candidate(
            article_id=article_id(outlet_id, number=None, canonical_url=url),
            outlet_id=outlet_id,
            domain=domain,
            title=row.title,
            fingerprint=fingerprint(row.title, row.text, repeated=repeated),
            seen_at=seen_at,
        )
        decision = decide(candidate, self._nearby.sightings(candidate, repeated), now=seen_at, policy=self._policy)
        if decision.verdict is not Verdict.UNCHANGED:
            self._nearby.put(remembered(candidate, decision, self._nearby.get(decision.article_id), now=seen_at))
        similarity = decision.similarity
        ids = decision.article_id, decision.cluster_id, decision.copy_of
        return DedupedRow(row.id, decision.verdict, *ids, similarity, decision)

    def _note_paragraphs(self, site: str, url: str, hashes: Iterable[int]) -> frozenset[int]:
        """Remember where paragraphs were seen; those that the host repeats under other URLs."""
        repeated = set()
        for hashed in hashes:
            urls = self._paragraph_urls[site, hashed]
            if len(urls - {url}) >= MIN_OTHER_URLS:
                repeated.add(hashed)
            elif len(urls) <= MIN_OTHER_URLS:
                urls.add(url)
        return frozenset(repeated)


def dedup_lines(lines: Iterable[str]) -> Iterator[str]:
    """JSON lines in, JSON lines out (`newswire dedup --jsonl`)."""
    deduplicator = Deduplicator()
    for line in lines:
        yield _line(deduplicator.add(_row(line)))


def _row(line: str) -> DedupRow:
    fields = json.loads(line)
    return DedupRow(
        id=str(fields["id"]),
        url=fields["url"],
        title=fields.get("title") or "",
        text=fields.get("text") or "",
        published=_moment(fields.get("published")),
        outlet=fields.get("outlet"),
    )


def _moment(published: object) -> datetime | None:
    """The time a row states, UTC when it names no zone; None when it is none."""
    try:
        moment = datetime.fromisoformat(str(published))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _line(row: DedupedRow) -> str:
    likeness = row.similarity
    similarity = likeness and {
        "containment_of_copy": likeness.containment_of_copy,
        "containment_of_original": likeness.containment_of_original,
        "jaccard": likeness.jaccard,
    }
    fields = {
        "id": row.id,
        "verdict": row.verdict.value,
        "article_id": row.article_id,
        "cluster_id": row.cluster_id,
        "copy_of": row.copy_of,
        "similarity": similarity,
    }
    return json.dumps(fields, ensure_ascii=False)
