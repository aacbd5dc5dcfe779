"""Replay: extract archived pages with today's extractor, and publish what changed as revisions.

    article ─▶ its raw page ─▶ extract ─▶ fingerprint ─▶ decide (as in ingest) ─▶ revision, or nothing

A replay fetches nothing; an unchanged article gives no message; a page that is not the article's last one is skipped;
a second replay of the same span changes nothing. A page that today's quality gate rejects is counted and left as it is:
only an outlet withdraws articles.
"""

from __future__ import annotations

import asyncio
import difflib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from typing import Any, Self

from pipeline.delivery.messages import ArticlePage
from pipeline.domain.errors import ExtractionFailed, RequestRefused, StoreError
from pipeline.domain.model import Article, Request, Response, Verdict
from pipeline.domain.ports import Slot
from pipeline.ingest.collect import article_page, page_task, read_page
from pipeline.ingest.context import RunContext
from pipeline.ingest.ports import ArchivedArticle, RevisionStore, Settlement, WriteResult
from pipeline.ingest.settle import decide_and_write, identify

MAX_SHOWN_CHARS = 160  # of a paragraph in a difference


class ReplayOutcome(StrEnum):
    """What became of an article in a replay: exactly one each."""

    UNCHANGED = "unchanged"
    REVISED = "revised"
    REFUSED = "refused"  # today's quality gate rejects the page; nothing is done about it
    FAILED = "failed"  # the extractor failed on the page
    LOST = "lost"  # the raw page was deleted or is damaged
    OVERTAKEN = "overtaken"  # the article was revised or withdrawn meanwhile: the page is not its last any more


WITH_REASON = frozenset({ReplayOutcome.REFUSED, ReplayOutcome.FAILED, ReplayOutcome.LOST})


@dataclass(frozen=True, slots=True, kw_only=True)
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
    difference: tuple[str, ...] = ()  # paragraphs removed (-) and added (+)


@dataclass(slots=True, kw_only=True)
class ReplayReport:
    """What a replay did so far. `cursor` is the last article that is done."""

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
        self.fates.setdefault(replayed.outlet_id, Counter())[replayed.fate.value] += 1
        if replayed.fate in WITH_REASON:
            self.reasons[f"{replayed.fate.value}:{replayed.reason}"] += 1
        self.words_added += replayed.words_added or 0
        self.words_removed += replayed.words_removed or 0

    def of(self, fate: ReplayOutcome) -> int:
        """Articles of all outlets with this outcome."""
        return sum(counts[fate.value] for counts in self.fates.values())

    @property
    def articles(self) -> int:
        return sum(sum(counts.values()) for counts in self.fates.values())

    def to_json(self) -> dict[str, Any]:
        """Small and JSON-ready, for XCom and to resume after a kill."""
        of_outlets = {outlet: dict(counts) for outlet, counts in sorted(self.fates.items())}
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        changed = {"fates": of_outlets, "reasons": dict(self.reasons), "seconds": round(self.seconds, 3)}
        return values | changed | {"faults": list(self.faults)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The inverse of `to_json`, for a replay that is to be resumed: without what is of its former end."""
        kept = ("total", "cursor", "words_added", "words_removed", "seconds")
        fates = {outlet: Counter(counts) for outlet, counts in value["fates"].items()}
        return cls(fates=fates, reasons=Counter(value["reasons"]), **{name: value[name] for name in kept})


class OfflineFetcher:
    """The fetcher of a replay, which fetches nothing."""

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:  # noqa: ARG002
        raise RequestRefused(request.url, "replay", "a replay reads the archive and nothing else")


@dataclass(frozen=True, slots=True)
class Replay:
    context: RunContext
    store: RevisionStore
    dry_run: bool

    async def run(
        self,
        batches: Iterable[Sequence[ArchivedArticle]],
        report: ReplayReport,
        *,
        show: Callable[[ReplayedArticle], None],
        keep: Callable[[ReplayReport], None],
    ) -> None:
        """Replay batch after batch, each concurrently; `keep` is called after each, so that a kill costs one batch."""
        for batch in batches:
            for replayed in await asyncio.gather(*(self.replay(archived) for archived in batch)):
                report.count(replayed)
                show(replayed)
            report.cursor = batch[-1].article_id
            keep(report)
            if self.context.is_late():
                return
        report.is_done = True

    async def replay(self, archived: ArchivedArticle) -> ReplayedArticle:
        context, outlet_id = self.context, archived.entry.outlet_id
        done = ReplayedArticle(
            article_id=archived.article_id, outlet_id=outlet_id, url=archived.url, fate=ReplayOutcome.UNCHANGED
        )
        try:
            response = await context.in_store(context.archive.read, archived.raw_location)
        except StoreError as error:
            return replace(done, fate=ReplayOutcome.LOST, reason=str(error))
        try:
            outlet = context.outlets[outlet_id]
            task = page_task(archived.entry, response, outlet)
            found = article_page(await read_page(task, context.extractor, context.wrappers), response)
        except ExtractionFailed as error:
            return replace(done, fate=ReplayOutcome.FAILED, reason=error.reason)
        if isinstance(found, str):
            return replace(done, fate=ReplayOutcome.REFUSED, reason=found)
        return await self.settle(archived, replace(found, raw_location=archived.raw_location), done)

    async def settle(self, archived: ArchivedArticle, page: ArticlePage, done: ReplayedArticle) -> ReplayedArticle:
        """Decide as in ingest, and write what changed."""
        context = self.context

        async def write(settlement: Settlement) -> ReplayedArticle | None:
            decision = settlement.decision
            if decision.article_id != done.article_id or decision.verdict is not Verdict.REVISED:
                return replace(done, reason=decision.reason)
            revised = await self.revised(settlement, done)
            if self.dry_run:
                return revised
            result = await context.in_store(self.store.revise, settlement, raw_location=archived.raw_location)
            if result is WriteResult.WRITTEN:
                context.wake_delivery()
                return revised
            return replace(done, fate=ReplayOutcome.OVERTAKEN) if result is WriteResult.TAKEN else None

        identity = identify(archived.entry, page, context.outlets[done.outlet_id])
        identity = replace(identity, article_id=done.article_id, own_id=done.article_id)
        return await decide_and_write(archived.entry, page, identity, context, write)

    async def revised(self, settlement: Settlement, done: ReplayedArticle) -> ReplayedArticle:
        """The revision, with words and paragraphs that changed."""
        decision, context = settlement.decision, self.context
        former = await context.in_store(context.articles.previous_value, done.article_id)
        messages = [json.loads(m.value) for m in settlement.messages if m.value and m.key == done.article_id]
        value = messages[0] if messages else {}  # a duplicate within the outlet has no messages
        return replace(
            done,
            fate=ReplayOutcome.REVISED,
            reason=decision.reason,
            changed=decision.changed,
            revision_kind=decision.revision_kind.value if decision.revision_kind else None,
            words_added=value.get("words_added"),
            words_removed=value.get("words_removed"),
            difference=difference(json.loads(former or b"{}"), settlement.page.article),
        )


def describe(replayed: ReplayedArticle) -> tuple[str, ...]:
    """A line about a revision: article, what changed, words added and removed; no line for any other outcome."""
    if replayed.fate is not ReplayOutcome.REVISED:
        return ()
    words = "former text not kept"
    if replayed.words_added is not None:
        words = f"+{replayed.words_added} −{replayed.words_removed} words"
    return (f"{replayed.article_id} {' and '.join(replayed.changed)} ({words}) {replayed.url}",)


def difference(former: Mapping[str, Any], article: Article) -> tuple[str, ...]:
    """Headline and paragraphs removed and added, each cut to a line; empty when the former text is not kept."""
    if not former.get("text"):
        return ()
    before = [former.get("title") or "", *(former.get("text") or "").split("\n\n")]
    after = [article.title, *article.text.split("\n\n")]
    changed = (line for line in difflib.ndiff(before, after) if line[:2] in ("- ", "+ "))
    return tuple(line if len(line) <= MAX_SHOWN_CHARS else line[:MAX_SHOWN_CHARS] + " …" for line in changed)
