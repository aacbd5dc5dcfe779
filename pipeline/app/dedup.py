"""`newswire dedup`: lines in, answers out, in memory or on a store; an interrupted run resumes.

Tested by tests/cli/test_main.py; the decisions by tests/dedup/.
"""

from __future__ import annotations

import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from connectors.store.corpus import CorpusStore
from connectors.store.database import Database
from pipeline.app.deployment import now
from pipeline.app.environment import load_settings
from pipeline.dedup.jsonl import BadLine, RowDecision, decision_json, dedup_lines, verdict_summary
from pipeline.domain.errors import SettingsError
from pipeline.domain.model import Verdict

BATCH = 50  # rows in one durable commit on a store
PROGRESS_EVERY_S = 5.0  # between two progress lines
OWN_STORE = "settings"  # the store that the settings name


class Deduplication:
    """One run over a corpus. Use as a context manager."""

    def __init__(
        self, source: Path | None, output: Path | None, store: str | None, *, tell: Callable[[str], None]
    ) -> None:
        """`tell` gets a progress line every few seconds, and one for each bad line. Raises SettingsError."""
        self.source = source
        self.tell = tell
        self.verdicts: Counter[Verdict] = Counter()
        self.bad = 0
        self._open = ExitStack()
        self.skip = count_answers(output) if output else 0
        # Line-buffered: a killed process loses no answer.
        self.output = self._open.enter_context(output.open("a", 1, encoding="utf-8")) if output else sys.stdout
        self.corpus = self._open_store(store) if store else None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._open.close()

    def go(self) -> None:
        """Answer every line. Raises StoreError."""
        if self.skip:
            self.tell(f"{self.skip:,} answers are there already; going on")
        started = told = time.monotonic()
        for answer in dedup_lines(self._lines(), self.corpus, batch=BATCH if self.corpus else 1, skip=self.skip):
            self._write(answer)
            if time.monotonic() - told >= PROGRESS_EVERY_S:
                told = time.monotonic()
                self._tell_rate(told - started)
        self.output.flush()
        self._tell_rate(time.monotonic() - started)

    def _write(self, answer: RowDecision | BadLine) -> None:
        self.output.write(decision_json(answer) + "\n")
        if isinstance(answer, BadLine):
            self.bad += 1
            self.tell(f"line {answer.number}: {answer.fault}")
        else:
            self.verdicts[answer.verdict] += 1

    def _tell_rate(self, elapsed_s: float) -> None:
        rows = self.verdicts.total()
        rate = f"{rows:,} rows in {elapsed_s:,.0f} s ({rows / max(elapsed_s, 1e-3):,.0f}/s)"
        bad = f"; {self.bad:,} lines are no rows" if self.bad else ""
        self.tell(f"{rate}: {verdict_summary(self.verdicts)}{bad}")

    def _lines(self) -> Iterable[bytes]:
        if self.source is None:
            return sys.stdin.buffer
        try:
            if self.source.suffix == ".gz":
                return self._open.enter_context(gzip.open(self.source))
            return self._open.enter_context(self.source.open("rb"))
        except OSError as error:
            raise SettingsError(f"{self.source}: {error.strerror}") from error

    def _open_store(self, url: str) -> CorpusStore:
        own = url == OWN_STORE
        database = Database(load_settings().store_url if own else url)
        self._open.callback(database.close)
        if own:
            database.check()
        else:
            database.upgrade()
        return CorpusStore(database, clock=now)


def count_answers(output: Path) -> int:
    """How many answers an earlier run wrote; a partial last line is cut off. Raises SettingsError."""
    if not output.exists():
        return 0
    count = whole = 0
    with output.open("r+b") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                break
            if not is_answer(line):
                raise SettingsError(f"{output} holds something else than answers (line {count + 1}): name another file")
            count, whole = count + 1, whole + len(line)
        lines.truncate(whole)
    return count


def is_answer(line: bytes) -> bool:
    """Whether this command wrote the line."""
    try:
        fields = json.loads(line)
    except ValueError:
        return False
    return isinstance(fields, dict) and {"id", "verdict", "cluster_id"} <= fields.keys()
