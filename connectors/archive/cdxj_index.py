"""CDXJ index of the archive: a line per raw page, in a file beside its WARC file, as pywb and others read it.

Finds the captures of a URL, and checks a WARC file against its index. Lines are in the order of writing; `sort`
produces the order that a replay server needs.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from pipeline.domain.errors import StoreError
from pipeline.domain.model import ArchiveRecord

GZIP = 31  # zlib's code for a gzip member with a window of 32 kB
GZIP_HEAD = b"\x1f\x8b\x08"
CHUNK_BYTES = 65_536  # per read: most records are smaller


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One raw page: its URL, time and type, and its place in the archive."""

    url: str
    at: datetime
    status: int
    mime: str
    digest: str
    file: str
    offset: int
    length: int

    @property
    def location(self) -> str:
        """The place as messages state it."""
        return f"{self.file[:10]}/{self.file}#{self.offset}"


def index_of(warc: Path) -> Path:
    """The index beside a WARC file."""
    return warc.with_name(warc.name.removesuffix(".warc.gz") + ".cdxj")


def line_of(capture: Capture) -> str:
    """A capture as a line of the index: sort key, time, the rest as JSON."""
    rest = {
        "url": capture.url,
        "mime": capture.mime,
        "status": str(capture.status),
        "digest": capture.digest,
        "length": str(capture.length),
        "offset": str(capture.offset),
        "filename": capture.file,
    }
    return f"{sort_key(capture.url)} {capture.at:%Y%m%d%H%M%S} {json.dumps(rest, ensure_ascii=False)}\n"


def read_line(line: str) -> Capture:
    """Parse a line of the index. Raises ValueError."""
    _, when, text = line.split(" ", 2)
    rest: dict[str, Any] = json.loads(text)
    return Capture(
        url=rest["url"],
        at=datetime.strptime(when, "%Y%m%d%H%M%S").replace(tzinfo=UTC),
        status=int(rest["status"]),
        mime=rest["mime"],
        digest=rest["digest"],
        file=rest["filename"],
        offset=int(rest["offset"]),
        length=int(rest["length"]),
    )


def sort_key(url: str) -> str:
    """A URL in SURT form: `fr,franceinfo)/politique/x.html`, so that a host's pages sort together."""
    parts = urlsplit(url)
    host = (parts.hostname or "").removeprefix("www.")
    query = f"?{parts.query}" if parts.query else ""
    return f"{','.join(reversed(host.split('.')))}){parts.path or '/'}{query}".lower().replace(" ", "%20")


def warc_files(folder: Path, *, since: date | None = None, until: date | None = None) -> tuple[Path, ...]:
    """The archive's WARC files of these days, both included, the oldest first."""
    first, last = (since or date.min).isoformat(), (until or date.max).isoformat()
    days = [day for day in sorted(folder.glob("????-??-??")) if first <= day.name <= last]
    return tuple(path for day in days for path in sorted(day.glob("*.warc.gz")))


def find_captures(folder: Path, url: str) -> Iterator[Capture]:
    """Every capture of a URL, the oldest day first."""
    key = sort_key(url) + " "
    for warc in warc_files(folder):
        for line in read_lines(index_of(warc)):
            if line.startswith(key):
                yield read_line(line)


def read_lines(path: Path) -> Iterator[str]:
    """The whole lines of an index, without a last one that a crash truncated."""
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from (line for line in file if line.endswith("\n"))


@dataclass(frozen=True, slots=True)
class FileCheck:
    """The result of a check: the number of records, and a sentence for each fault."""

    records: int
    faults: tuple[str, ...]


def check_file(warc: Path) -> FileCheck:
    """Read a whole WARC file: verify every record's checksums, and compare its index."""
    faults: list[str] = []
    found = {capture.offset for capture in scan(warc, faults)}
    indexed = {read_line(line).offset for line in read_lines(index_of(warc))}
    if found - indexed:
        faults.append(f"{warc.name}: {len(found - indexed)} records are not in its index: newswire archive index")
    if indexed - found:
        faults.append(f"{warc.name}: {len(indexed - found)} records of its index cannot be read")
    return FileCheck(len(found), tuple(faults))


def write_index(warc: Path) -> int:
    """Rebuild a WARC file's index atomically from its readable records; how many there are."""
    lines = [line_of(capture) for capture in scan(warc, [])]
    partial = index_of(warc).with_suffix(".partial")
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(index_of(warc))
    return len(lines)


def scan(warc: Path, faults: list[str]) -> Iterator[Capture]:
    """Every whole record of a file; a damaged one is reported in `faults` and skipped."""
    with warc.open("rb") as file:
        size, offset = file.seek(0, os.SEEK_END), 0
        while offset < size:
            try:
                member = read_member(file, offset)
                record = archive_record(member.record, b"")
                yield capture_of(record, file=warc.name, offset=offset, length=member.length)
                offset += member.length
            except StoreError as error:
                faults.append(f"{warc.name}: {error}")
                offset = next_member(file, offset + 1)


@dataclass(frozen=True, slots=True)
class WarcMember:
    """One record of a file, a gzip member of `length` bytes."""

    record: Any  # warcio's
    body: bytes
    length: int


def read_member(file: BinaryIO, offset: int) -> WarcMember:
    """The record at an offset, its checksums verified. Raises StoreError when it is truncated or damaged."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    plain, length = decompress_member(file, offset)
    try:
        record = next(ArchiveIterator(BytesIO(plain), check_digests="raise"))
        body: bytes = record.content_stream().read()
    except (ArchiveLoadFailed, StopIteration, ValueError, AttributeError) as error:
        raise StoreError(f"no WARC record at offset {offset}: {error}") from error
    return WarcMember(record, body, length)


def decompress_member(file: BinaryIO, offset: int) -> tuple[bytes, int]:
    """The content of the gzip member at an offset, and its compressed length; the CRC is checked. Raises StoreError."""
    file.seek(offset)
    stream, plain, read = zlib.decompressobj(GZIP), bytearray(), 0
    while not stream.eof:
        chunk = file.read(CHUNK_BYTES)
        if not chunk:
            raise StoreError(f"the record at offset {offset} is torn: its end is missing")
        read += len(chunk)
        try:
            plain += stream.decompress(chunk)
        except zlib.error as error:
            raise StoreError(f"the record at offset {offset} is damaged: {error}") from error
    return bytes(plain), read - len(stream.unused_data)


def next_member(file: BinaryIO, offset: int) -> int:
    """Where the next record may begin, by gzip's first bytes; else the file's end."""
    file.seek(offset)
    rest = file.read()
    at = rest.find(GZIP_HEAD)
    return offset + (len(rest) if at < 0 else at)


def archive_record(record: Any, member: bytes) -> ArchiveRecord:
    """A record of warcio that was written or read, with the gzip member that holds it."""
    http, fields = record.http_headers, record.rec_headers
    return ArchiveRecord(
        member=member,
        url=fields.get_header("WARC-Target-URI"),
        at=datetime.fromisoformat(fields.get_header("WARC-Date")),
        status=int(http.get_statuscode()),
        mime=(http.get_header("content-type") or "").partition(";")[0].strip().lower() or "unk",
        digest=fields.get_header("WARC-Payload-Digest") or "",
    )


def capture_of(record: ArchiveRecord, *, file: str, offset: int, length: int) -> Capture:
    """The index entry of a record at this place."""
    return Capture(
        url=record.url,
        at=record.at,
        status=record.status,
        mime=record.mime,
        digest=record.digest,
        file=file,
        offset=offset,
        length=length,
    )
