"""In-memory near-duplicate index of a corpus or a batch.

Promises the hits of connectors/store/sketches.py for the same articles: same text, or two shared keys and more, sorted
by shared keys, then newest first.

Tested by tests/connectors/store/test_sketches.py.
"""

from __future__ import annotations

from collections import Counter, defaultdict

from pipeline.dedup.model import Candidate, KnownArticle, NearbyArticles

MIN_SHARED_KEYS = 2  # one gives ten times the candidates and half a percent more copies
MAX_PER_KEY = 64  # the first; a key that more articles share is no evidence
MAX_HITS = 16  # the best by shared keys: more never changed an answer


class MemoryIndex:
    """Index of articles by id, text hash and keys."""

    def __init__(self) -> None:
        self._articles: dict[str, KnownArticle] = {}
        self._by_hash: defaultdict[str, list[str]] = defaultdict(list)
        self._by_key: defaultdict[int, list[str]] = defaultdict(list)
        self._seq: dict[str, int] = {}  # as in the store: a revision is newer than every article before it
        self._puts = 0

    def get(self, article_id: str) -> KnownArticle | None:
        """The article with this id, or None."""
        return self._articles.get(article_id)

    def put(self, article: KnownArticle) -> None:
        """Add an article in place of its last revision."""
        if before := self._articles.get(article.article_id):
            self._forget(before)
        self._articles[article.article_id] = article
        self._puts += 1
        self._seq[article.article_id] = self._puts
        self._by_hash[article.fingerprint.content_hash].append(article.article_id)
        for key in article.fingerprint.keys:
            self._by_key[key].append(article.article_id)

    def nearby(self, candidate: Candidate, repeated: frozenset[int] = frozenset()) -> NearbyArticles:
        """Known articles near a candidate."""
        known = self._articles.get(candidate.article_id)
        same = [i for i in self._by_hash.get(candidate.fingerprint.content_hash, ()) if i != candidate.article_id]
        shared = Counter(i for key in candidate.fingerprint.keys for i in self._by_key.get(key, ())[:MAX_PER_KEY])
        shared.pop(candidate.article_id, None)
        found = [(count, self._seq[i], i) for i, count in shared.items() if count >= MIN_SHARED_KEYS]
        sharing = [i for _, _, i in sorted(found, reverse=True)[:MAX_HITS]]
        return NearbyArticles(
            known=(known,) if known else (),
            same_hash=tuple(self._articles[i] for i in same[:MAX_HITS]),
            sharing_keys=tuple(self._articles[i] for i in sharing),
            repeated=repeated,
        )

    def _forget(self, article: KnownArticle) -> None:
        self._by_hash[article.fingerprint.content_hash].remove(article.article_id)
        for key in article.fingerprint.keys:
            self._by_key[key].remove(article.article_id)
