"""The pipeline's code on files: catalogue, extraction, dedup. Tested by tests/cli/test_main.py."""

from __future__ import annotations

import asyncio
import gzip
import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

from connectors.store.corpus import CorpusStore
from connectors.store.database import Database
from connectors.workers.pool import ExtractionWorkers, extract_many
from pipeline.app.deployment import now, read_catalogue
from pipeline.app.environment import load_settings
from pipeline.app.runs import Newswire
from pipeline.dedup.jsonl import BadLine, decision_json, dedup_lines
from pipeline.domain.errors import CatalogueError, FetchError, SettingsError
from pipeline.domain.model import FetchKind, Request, Response
from pipeline.domain.settings import Settings
from pipeline.extraction.jsonl import ExtractedRow, ExtractRow, outlet_of, read_row, written_line
from pipeline.extraction.values import Extraction
from pipeline.ingest.page_reading import PageTask, file_task
from pipeline.ingest.retries import refuse_page

BATCH = 50  # rows in one durable commit on a store
PROGRESS_EVERY_S = 5.0  # between two progress lines
OWN_STORE = "settings"  # the store that the settings name


def edit_catalogue(edit: Callable[[str], str], environment: Mapping[str, str] | None = None) -> Path:
    """Replace the catalogue by what `edit` makes of it, atomically; its path. Raises CatalogueError."""
    path = load_settings(environment).catalogue
    changed = edit(path.read_text(encoding="utf-8") if path.exists() else "")
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(changed, encoding="utf-8")
    try:
        read_catalogue(partial)
    except CatalogueError:
        partial.unlink()
        raise
    partial.replace(path)
    return path


def lines_of(files: Sequence[str]) -> Iterator[str]:
    """The lines of these files, decompressed, or of stdin. Raises SettingsError for an unreadable file."""
    for name in files or ["-"]:
        try:
            if name == "-":
                yield from sys.stdin
            else:
                unpack = gzip.open if name.endswith(".gz") else open
                with unpack(name, "rt", encoding="utf-8") as lines:
                    yield from lines
        except (OSError, UnicodeDecodeError) as error:
            raise SettingsError(f"{name}: {error.strerror if isinstance(error, OSError) else error}") from error


def extract_lines(lines: Iterable[str], *, learn: bool, processes: int, explain: bool) -> Iterator[dict[str, Any]]:
    """`{id, url, file}` lines to lines of articles, in order; a line that is no row fails alone."""
    rows: list[ExtractRow] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(read_row(line))
        except ValueError as error:
            fault = f"line {number}: {error}; wanted is {{id, url, file}}"
            rows.append(ExtractRow(f"line {number}", "", "", fault))
    for result in extract_many(rows, learn=learn, processes=processes):
        yield written_line(result, explain=explain)


def extract_one(source: str, *, url: str | None, explain: bool) -> dict[str, Any]:
    """The article at a URL or in a file, or why there is none. Raises SettingsError for an unreadable file."""
    settings = load_settings()
    if source.startswith(("http://", "https://")):
        row = ExtractRow(source, source, "")
        try:
            response = asyncio.run(fetch(source, settings))
        except FetchError as error:
            return written_line(ExtractedRow(row, None, str(error)), explain=explain)
        if (refusal := refuse_page(response)) is not None:
            return written_line(ExtractedRow(row, Extraction(None, refusal)), explain=explain)
        task = PageTask(response=response, outlet_id=outlet_of(row))
    else:
        row = ExtractRow(source, url or "", source)
        try:
            task = file_task(row.url, Path(source).read_bytes())
        except OSError as error:
            raise SettingsError(f"{source}: {error.strerror}") from error
    with ExtractionWorkers(1, settings.extraction.timeout_s, settings.extraction.memory_mb) as workers:
        extraction = workers.read_page_now(task, None).extraction
    return written_line(ExtractedRow(row, extraction), explain=explain)


async def fetch(url: str, settings: Settings) -> Response:
    """One page, within all rules of the fetcher."""
    with Newswire(settings) as newswire:
        newswire.database.upgrade()  # the rate limiter is in the store
        async with newswire.fetcher() as fetcher:
            return await fetcher.fetch(Request(url, FetchKind.PAGE))


class Progress:
    """Counts verdicts, and tells the rate every few seconds."""

    def __init__(self, what: str, tell: Callable[[str], None]) -> None:
        self.what = what
        self.tell = tell
        self.bad = 0  # lines that are no rows
        self.verdicts: Counter[str] = Counter()
        self.began = self.last = time.monotonic()

    def count(self, verdict: str) -> None:
        self.verdicts[verdict] += 1
        if time.monotonic() - self.last >= PROGRESS_EVERY_S:
            self.tell_rate()

    def tell_rate(self) -> None:
        """Tell rate and counts."""
        self.last = time.monotonic()
        elapsed_s, total = self.last - self.began, self.verdicts.total()
        rate = f"{total:,} {self.what} in {elapsed_s:,.0f} s ({total / max(elapsed_s, 1e-3):,.0f}/s)"
        counts = ", ".join(f"{count:,} {verdict}" for verdict, count in self.verdicts.most_common()) or "nothing"
        self.tell(f"{rate}: {counts}" + (f"; {self.bad:,} lines are no rows" if self.bad else ""))


def deduplicate(source: Path | None, output: Path | None, store: str | None, *, tell: Callable[[str], None]) -> int:
    """Answer every line of a corpus, on from where an earlier run stopped; how many lines are no rows.

    `tell` gets a progress line every few seconds, and one for each bad line. Raises SettingsError, StoreError.
    """
    with ExitStack() as stack:
        skip = count_answers(output) if output else 0
        # Line-buffered: a killed process loses no answer.
        written = stack.enter_context(output.open("a", 1, encoding="utf-8")) if output else sys.stdout
        corpus = open_corpus(store, stack) if store else None
        if skip:
            tell(f"{skip:,} answers are there already; going on")
        progress = Progress("rows", tell)
        for answer in dedup_lines(open_lines(source, stack), corpus, batch=BATCH if corpus else 1, skip=skip):
            written.write(decision_json(answer) + "\n")
            if isinstance(answer, BadLine):
                progress.bad += 1
                tell(f"line {answer.number}: {answer.fault}")
            else:
                progress.count(answer.verdict)
        written.flush()
        progress.tell_rate()
    return progress.bad


def open_lines(source: Path | None, stack: ExitStack) -> Iterable[bytes]:
    """The lines of a file, decompressed, or of stdin. Raises SettingsError."""
    if source is None:
        return sys.stdin.buffer
    try:
        return stack.enter_context(gzip.open(source) if source.suffix == ".gz" else source.open("rb"))
    except OSError as error:
        raise SettingsError(f"{source}: {error.strerror}") from error


def open_corpus(url: str, stack: ExitStack) -> CorpusStore:
    """The corpus on a store: the settings' own, which must be current, or a database of this URL. Raises StoreError."""
    own = url == OWN_STORE
    database = stack.enter_context(closing(Database(load_settings().store_url if own else url)))
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
            try:
                fields = json.loads(line)
            except ValueError:
                fields = None
            if not isinstance(fields, dict) or not {"id", "verdict", "cluster_id"} <= fields.keys():
                raise SettingsError(f"{output} holds something else than answers (line {count + 1}): name another file")
            count, whole = count + 1, whole + len(line)
        lines.truncate(whole)
    return count
