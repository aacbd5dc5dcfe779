"""The pipeline's code on files: edit the catalogue, extract pages.

Tested by tests/cli/test_main.py and tests/cli/test_faults.py.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from connectors.workers.pool import ExtractionWorkers, extract_many
from pipeline.app.deployment import read_catalogue
from pipeline.app.environment import load_settings
from pipeline.app.runs import Newswire
from pipeline.domain.errors import CatalogueError, FetchError, SettingsError
from pipeline.domain.model import FetchKind, Request, Response
from pipeline.domain.settings import Settings
from pipeline.extraction.dom.page import check_page, page_in_utf8
from pipeline.extraction.jsonl import ExtractedRow, ExtractRow, page_of, read_row, written_line
from pipeline.extraction.values import Extraction
from pipeline.ingest.page_status import refuse_page


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
    """`{id, url, file}` lines to lines of articles, in order. Raises SettingsError that names a wrong line."""
    rows: list[ExtractRow] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            rows.append(read_row(line))
        except ValueError as error:
            raise SettingsError(f"line {number}: {error}; wanted is {{id, url, file}}") from error
    for result in extract_many(rows, learn=learn, processes=processes):
        yield written_line(result, explain=explain)


def extract_one(source: str, *, url: str | None, explain: bool) -> dict[str, Any]:
    """The article at a URL or in a file, or why there is none. Raises SettingsError for an unreadable file."""
    settings = load_settings()
    with ExtractionWorkers(1, settings.extraction.timeout_s, settings.extraction.memory_mb) as workers:
        if source.startswith(("http://", "https://")):
            row = ExtractRow(source, source, "")
            result = fetch_and_extract(row, settings, workers)
        else:
            row = ExtractRow(source, url or "", source)
            try:
                body = Path(source).read_bytes()
            except OSError as error:
                raise SettingsError(f"{source}: {error.strerror}") from error
            result = ExtractedRow(row, extract_body(row, body, None, workers))
    return written_line(result, explain=explain)


def fetch_and_extract(row: ExtractRow, settings: Settings, workers: ExtractionWorkers) -> ExtractedRow:
    """A page of the web, within all rules of the fetcher."""
    try:
        response = asyncio.run(fetch(row.url, settings))
    except FetchError as error:
        return ExtractedRow(row, None, str(error))
    refusal = refuse_page(response)
    if refusal is not None:
        return ExtractedRow(row, Extraction(None, refusal))
    return ExtractedRow(row, extract_body(row, response.body, response.header("content-type"), workers))


async def fetch(url: str, settings: Settings) -> Response:
    """One page."""
    with Newswire(settings) as newswire:
        newswire.database.upgrade()  # the rate limiter is in the store
        async with newswire.fetcher() as fetcher:
            return await fetcher.fetch(Request(url, FetchKind.PAGE))


def extract_body(row: ExtractRow, body: bytes, content_type: str | None, workers: ExtractionWorkers) -> Extraction:
    """The extraction of a page's bytes."""
    refusal = check_page(body, content_type)
    if refusal is not None:
        return Extraction(None, refusal)
    return workers.extract_now(page_of(row, page_in_utf8(body, content_type)), None)
