"""Feed parser quality on a corpus of real and odd feeds: `python -m tests.feeds_corpus [FOLDER]`.

Reads the folder's index.jsonl and parses every file with us and with feedparser alone. Prints the share of files with
the number of entries that their source states. Lists crashes, files where feedparser alone finds more, and every miss.
"""

from __future__ import annotations

import io
import json
import multiprocessing
import sys
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipeline.domain.errors import NotAFeed
from pipeline.feeds.parse import parse_feed

CORPUS = Path(__file__).resolve().parents[1].parent / "shared" / "corpora" / "feeds"
NOW = datetime(2026, 11, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one file."""

    id: str
    kind: str
    stated: int | None  # entries that the file's source states
    at_least: int | None
    counted: int | None  # start tags of entries, counted without a parser
    entries: int  # of one identity each
    repeats: int
    library_entries: int  # feedparser alone
    error: str | None  # not a feed
    crash: str | None
    seconds: float
    library_seconds: float

    @property
    def seen(self) -> int:
        """Entries that the feed shows, repeated ones too."""
        return self.entries + self.repeats

    @property
    def is_right(self) -> bool:
        """Whether the number of entries is the stated one, or as many as stated at least."""
        if self.stated is not None:
            return self.seen == self.stated
        return self.at_least is None or self.seen >= self.at_least


def outcomes(folder: Path = CORPUS, *, processes: int = 2) -> Iterator[Outcome]:
    """Each file's outcome, in the index's order."""
    lines = (folder / "index.jsonl").read_text("utf-8").splitlines()
    jobs = [(folder, json.loads(line)) for line in lines]
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_outcome, jobs, chunksize=25)


def _outcome(job: tuple[Path, dict[str, Any]]) -> Outcome:
    folder, row = job
    body = _body(folder, row)
    expected = row.get("expected") or {}
    started = time.process_time()
    entries, repeats, error, crash = 0, 0, None, None
    try:
        parsed = parse_feed(body, url="https://outlet.example/feed", content_type=None, zone="Europe/Paris", now=NOW)
        entries, repeats = len(parsed.entries), len(parsed.repeats)
    except NotAFeed as refused:
        error = refused.looks_like
    except Exception as unexpected:
        crash = f"{type(unexpected).__name__}: {unexpected}"
    ours = time.process_time() - started
    started = time.process_time()
    library = _library_entries(body)
    return Outcome(
        id=row["id"],
        kind=row["kind"],
        stated=expected.get("entries"),
        at_least=expected.get("min_entries"),
        counted=row.get("raw_items"),
        entries=entries,
        repeats=repeats,
        library_entries=library,
        error=error,
        crash=crash,
        seconds=ours,
        library_seconds=time.process_time() - started,
    )


def _body(folder: Path, row: dict[str, Any]) -> bytes:
    return Path(folder, row["id"]).read_bytes()


def _library_entries(body: bytes) -> int:
    import feedparser

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return len(feedparser.parse(io.BytesIO(body)).entries)
    except Exception:
        return 0


def main(arguments: list[str]) -> int:
    """Print the report."""
    folder = Path(arguments[0]) if arguments else CORPUS
    seen: list[Outcome] = []
    for outcome in outcomes(folder):
        seen.append(outcome)
        if len(seen) % 200 == 0:
            print(f"  {len(seen)} files", file=sys.stderr, flush=True)
    print(*report(seen), sep="\n")
    return 0


def report(seen: list[Outcome]) -> Iterator[str]:
    """The report's lines."""
    judged = [outcome for outcome in seen if outcome.stated is not None or outcome.at_least is not None]
    right = [outcome for outcome in judged if outcome.is_right]
    counted = [outcome for outcome in seen if outcome.counted is not None]
    yield f"files                         {len(seen)}"
    yield f"count stated by the source    {len(judged)}, right {len(right)} = {100 * len(right) / len(judged):.2f} %"
    agreeing = sum(outcome.seen == outcome.counted for outcome in counted)
    yield f"start tags counted            {len(counted)}, equal {agreeing} = {100 * agreeing / len(counted):.2f} %"
    yield f"crashes                       {sum(outcome.crash is not None for outcome in seen)}"
    yield f"fewer than feedparser alone   {sum(outcome.seen < outcome.library_entries for outcome in seen)}"
    yield f"more than feedparser alone    {sum(outcome.seen > outcome.library_entries for outcome in seen)}"
    yield f"files with repeated entries   {sum(outcome.repeats > 0 for outcome in seen)}"
    slowest = max(seen, key=lambda outcome: outcome.seconds)
    total = sum(o.seconds for o in seen)
    yield f"CPU seconds                   {total:.1f}, slowest {slowest.seconds:.2f} ({slowest.id})"
    yield f"CPU seconds of feedparser     {sum(o.library_seconds for o in seen):.1f}"
    for outcome in seen:
        for miss in _misses(outcome):
            yield f"- {outcome.id} ({outcome.kind}): {miss}"


def _misses(outcome: Outcome) -> Iterator[str]:
    found = f"{outcome.seen} entries" if outcome.error is None else f"refused as {outcome.error}"
    if outcome.crash:
        yield f"crash: {outcome.crash}"
    if not outcome.is_right:
        stated = outcome.stated if outcome.stated is not None else f"at least {outcome.at_least}"
        yield f"{found}, stated {stated}"
    if outcome.seen < outcome.library_entries:
        yield f"{found}, feedparser alone {outcome.library_entries}"
    if outcome.counted is not None and outcome.seen != outcome.counted:
        yield f"{found}, start tags {outcome.counted}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
