"""WARC reader for files such as CC-NEWS (ISO 28500): HTML responses with status 200, from any offset on.

Promises to stop cleanly at a damaged record and to report where (`StoreError`); memory for one record at a time. A
page's outlet, and whether it is an article, are left to others.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from connectors.http.robots import parse_tdm
from pipeline.domain.errors import StoreError
from pipeline.domain.model import Response

MAX_PAGE_BYTES = 10_000_000  # as the fetcher's limit for pages
HTML = ("text/html", "application/xhtml+xml")


@dataclass(frozen=True, slots=True)
class WarcPage:
    """A page of a file; reading may continue at `next_offset`."""

    response: Response
    next_offset: int


def read_pages(path: Path, *, offset: int = 0) -> Iterator[WarcPage]:
    """The pages from an offset on: 0, or a page's `next_offset`. Raises StoreError."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    try:
        with path.open("rb") as file:
            seek_record(file, offset)
            records = ArchiveIterator(file)
            for record in records:
                response = page_of(record)
                records.read_to_end(record)
                if getattr(record.raw_stream, "limit", 0) > 0:
                    raise EOFError("a record is shorter than it says")
                if response is not None:
                    yield WarcPage(response, records.get_record_offset() + records.get_record_length())
    except (ArchiveLoadFailed, EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise StoreError(f"{path}: damaged: {error}") from error
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror or error}") from error


def seek_record(file: BinaryIO, offset: int) -> None:
    """Seek to an offset, past the blank lines that end an uncompressed record (ISO 28500 section 4)."""
    file.seek(offset)
    while file.read(1) in (b"\r", b"\n"):
        offset += 1
    file.seek(offset)


def page_of(record: Any) -> Response | None:
    """The page in a record; None when it contains none."""
    if record.rec_type != "response" or record.http_headers is None or record.http_headers.get_statuscode() != "200":
        return None
    headers = {name.lower(): value for name, value in record.http_headers.headers}
    if not headers.get("content-type", "").lower().startswith(HTML):
        return None
    body: bytes = record.content_stream().read(MAX_PAGE_BYTES + 1)
    if len(body) > MAX_PAGE_BYTES:
        return None
    url = record.rec_headers.get_header("WARC-Target-URI").strip("<>")
    tdm = parse_tdm(headers.get("tdm-reservation"), headers.get("tdm-policy"))
    return Response(
        url=url,
        final_url=url,
        status=200,
        headers={name: value for name, value in headers.items() if name not in ("content-encoding", "content-length")},
        body=body,
        fetched_at=datetime.fromisoformat(record.rec_headers.get_header("WARC-Date")).astimezone(UTC),
        wire_bytes=len(body),
        tdm_reserved=tdm.reserved,
        tdm_policy=tdm.policy,
    )
