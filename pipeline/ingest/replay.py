"""Replay: archived pages read again by today's extractor, and what of it is worth a revision.

    article ─▶ its raw page ─▶ extract ─▶ fingerprint ─▶ decide (the walk's own) ─▶ revision, or nothing

Promises that nothing is fetched, that an article which reads the same gives no message, that a page which is no longer
the article's last is left alone, and that a second replay of the same span changes nothing. A page that today's gate
would refuse is told of and left as it is: an outlet withdraws articles, an extractor does not.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from typing import Any, Protocol, Self

from pipeline.delivery.events import ArticlePage
from pipeline.domain.errors import ExtractionFailed, RequestRefused, StoreError
from pipeline.domain.model import Article, PendingEntry, Request, Response, Verdict
from pipeline.domain.ports import Slot
from pipeline.ingest.collect import extract
from pipeline.ingest.context import RunContext
from pipeline.ingest.settle import MAX_CONFLICTS, decide_settlement, identify, view
from pipeline.ingest.transactions import Settlement, WriteResult

SHOWN_CHARS = 160  # of a paragraph in a difference


class ReplayOutcome(StrEnum):
    """What became of an article in a replay: exactly one each."""

    UNCHANGED = "unchanged"
    REVISED = "revised"
    REFUSED = "refused"  # today's gate says that the page is no article; nothing is done about it
    FAILED = "failed"  # the extractor gave up on the page
    LOST = "lost"  # the raw page is gone or damaged
    OVERTAKEN = "overtaken"  # the article was revised or withdrawn meanwhile: the page is not its last any more


@dataclass(frozen=True, slots=True)
class ReplayChoice:
    """Which articles: of these outlets, whose raw page was kept on these days (UTC, both included)."""

    outlets: tuple[str, ...] = ()
    since: date | None = None
    until: date | None = None


@dataclass(frozen=True, slots=True)
class ArchivedArticle:
    """An article with the raw page that its last revision was read from."""

    article_id: str
    entry: PendingEntry  # as the feed last showed it; number 0 when that is forgotten
    url: str
    raw_location: str


@dataclass(frozen=True, slots=True)
class ReplayedArticle:
    """An article after its replay."""

    article_id: str
    outlet_id: str
    url: str
    fate: ReplayOutcome
    reason: str = ""
    changed: tuple[str, ...] = ()
    revision_kind: str | None = None
    words_added: int | None = None  # None: the former text is not kept any more
    words_removed: int | None = None
    difference: tuple[str, ...] = ()  # paragraphs that go (-) and come (+)


@dataclass(slots=True)
class ReplayReport:
    """What a replay did so far. `cursor` is the last article it is done with."""

    total: int = 0
    cursor: str = ""
    is_done: bool = False
    fates: dict[str, Counter[str]] = field(default_factory=dict)  # by outlet
    reasons: Counter[str] = field(default_factory=Counter)  # of refused, failed and lost ones
    words_added: int = 0
    words_removed: int = 0
    seconds: float = 0.0
    undelivered: int = 0
    faults: list[str] = field(default_factory=list)

    def count(self, replayed: ReplayedArticle) -> None:
        """Count an article under its fate."""
        self.fates.setdefault(replayed.outlet_id, Counter())[replayed.fate.value] += 1
        if replayed.fate in (ReplayOutcome.REFUSED, ReplayOutcome.FAILED, ReplayOutcome.LOST):
            self.reasons[f"{replayed.fate.value}:{replayed.reason}"] += 1
        self.words_added += replayed.words_added or 0
        self.words_removed += replayed.words_removed or 0

    def of(self, fate: ReplayOutcome) -> int:
        """Articles of all outlets with this fate."""
        return sum(counts[fate.value] for counts in self.fates.values())

    @property
    def articles(self) -> int:
        """Articles done."""
        return sum(sum(counts.values()) for counts in self.fates.values())

    def to_json(self) -> dict[str, Any]:
        """Small and JSON-ready, for XCom and for whoever goes on after a kill."""
        return {
            "total": self.total,
            "cursor": self.cursor,
            "is_done": self.is_done,
            "fates": {outlet: dict(counts) for outlet, counts in sorted(self.fates.items())},
            "reasons": dict(self.reasons),
            "words_added": self.words_added,
            "words_removed": self.words_removed,
            "seconds": round(self.seconds, 3),
            "undelivered": self.undelivered,
            "faults": list(self.faults),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(
            total=value["total"],
            cursor=value["cursor"],
            fates={outlet: Counter(counts) for outlet, counts in value["fates"].items()},
            reasons=Counter(value["reasons"]),
            words_added=value["words_added"],
            words_removed=value["words_removed"],
            seconds=value["seconds"],
        )


class RevisionStore(Protocol):
    """What a replay writes to. Implemented by `connectors/store/replays.py`."""

    def revise(self, settlement: Settlement, *, raw_location: str) -> WriteResult:
        """Write a revision of an article whose last raw page is still this one; TAKEN when it is not."""
        ...


class OfflineFetcher:
    """Stands where the walk has a fetcher: a replay fetches nothing."""

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:  # noqa: ARG002
        """Refuse."""
        raise RequestRefused(request.url, "replay", "a replay reads the archive and nothing else")


@dataclass(frozen=True, slots=True)
class Replay:
    """A replay under way: its context, its book, and whether it only looks."""

    context: RunContext
    book: RevisionStore
    dry_run: bool

    async def walk(
        self,
        batches: Iterable[Sequence[ArchivedArticle]],
        report: ReplayReport,
        *,
        tell: Callable[[ReplayedArticle], None],
        keep: Callable[[ReplayReport], None],
    ) -> None:
        """Replay batch after batch, each side by side; `keep` is called after each, so that a kill costs one batch."""
        for batch in batches:
            for replayed in await asyncio.gather(*(self.replay(archived) for archived in batch)):
                report.count(replayed)
                tell(replayed)
            report.cursor = batch[-1].article_id
            keep(report)
            if self.context.is_late():
                return
        report.is_done = True

    async def replay(self, archived: ArchivedArticle) -> ReplayedArticle:
        """One article, to its fate."""
        done = ReplayedArticle(archived.article_id, archived.entry.outlet_id, archived.url, ReplayOutcome.UNCHANGED)
        try:
            response = await self.context.in_store(self.context.archive.read, archived.raw_location)
        except StoreError as error:
            return replace(done, fate=ReplayOutcome.LOST, reason=str(error))
        try:
            outlet = self.context.outlets[archived.entry.outlet_id]
            extraction = await extract(archived.entry, response, outlet, self.context)
        except ExtractionFailed as error:
            return replace(done, fate=ReplayOutcome.FAILED, reason=error.reason)
        if extraction.article is None:
            reason = extraction.rejection.reason if extraction.rejection else "no_article"
            return replace(done, fate=ReplayOutcome.REFUSED, reason=reason)
        return await self.settle(
            archived, ArticlePage(extraction.article, extraction, response, archived.raw_location), done
        )

    async def settle(self, archived: ArchivedArticle, page: ArticlePage, done: ReplayedArticle) -> ReplayedArticle:
        """Decide as the walk does, and write what changed."""
        context = self.context
        identity = identify(archived.entry, page, context.outlets[done.outlet_id])
        identity = replace(identity, article_id=done.article_id, own_id=done.article_id)
        candidate = await view(archived.entry, page, identity, context)
        for _ in range(MAX_CONFLICTS):
            looked = await context.in_store(context.articles.look_up, candidate, identity.urls)
            settlement = await decide_settlement(archived.entry, page, identity, looked, context)
            if settlement.decision.article_id != done.article_id or settlement.decision.verdict is not Verdict.REVISED:
                return replace(done, reason=settlement.decision.reason)
            revised = await self.revised(settlement, done)
            if self.dry_run:
                return revised
            outcome = await context.in_store(self.book.revise, settlement, raw_location=archived.raw_location)
            if outcome is WriteResult.WRITTEN:
                context.wake_delivery()
                return revised
            if outcome is WriteResult.TAKEN:
                return replace(done, fate=ReplayOutcome.OVERTAKEN)
        raise StoreError(f"{done.url}: others settled something alike {MAX_CONFLICTS} times", retriable=True)

    async def revised(self, settlement: Settlement, done: ReplayedArticle) -> ReplayedArticle:
        """The revision in words and paragraphs."""
        decision = settlement.decision
        former = await self.context.in_store(self.context.articles.previous_value, done.article_id)
        ours = [json.loads(m.value) for m in settlement.messages if m.value and m.key == done.article_id]
        told = ours[0] if ours else {}  # an outlet's second printing of its own article has no messages
        return replace(
            done,
            fate=ReplayOutcome.REVISED,
            reason=decision.reason,
            changed=decision.changed,
            revision_kind=decision.revision_kind.value if decision.revision_kind else None,
            words_added=told.get("words_added"),
            words_removed=told.get("words_removed"),
            difference=difference(json.loads(former or b"{}"), settlement.page.article),
        )


def describe(replayed: ReplayedArticle) -> tuple[str, ...]:
    """A revision in a line: which article, what changed, words that came and went; no line for any other fate."""
    if replayed.fate is not ReplayOutcome.REVISED:
        return ()
    words = "former text not kept"
    if replayed.words_added is not None:
        words = f"+{replayed.words_added} −{replayed.words_removed} words"
    return (f"{replayed.article_id} {' and '.join(replayed.changed)} ({words}) {replayed.url}",)


def difference(former: Mapping[str, Any], article: Article) -> tuple[str, ...]:
    """Headline and paragraphs that go and come, each cut to a line; none when the former text is not kept."""
    if not former.get("text"):
        return ()
    before = [former.get("title") or "", *(former.get("text") or "").split("\n\n")]
    after = [article.title, *article.text.split("\n\n")]
    changed = (line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ "))
    return tuple(line if len(line) <= SHOWN_CHARS else line[:SHOWN_CHARS] + " …" for line in changed)
