"""The index of the archive: a CDXJ line per raw page, in a file beside its WARC file, as pywb and others read it.

Answers which captures of a URL there are, and serves the check: a WARC file and its index must tell of the same
records. Lines stand in the order of writing; `sort` makes of them what a replay server wants.
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

GZIP = 31  # zlib: a gzip member, window of 32 kB
GZIP_HEAD = b"\x1f\x8b\x08"
CHUNK_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Capture:
    """One raw page: what it is of, and where it lies."""

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
        """As messages name it."""
        return f"{self.file[:10]}/{self.file}#{self.offset}"


def index_of(warc: Path) -> Path:
    """The index beside a WARC file."""
    return warc.with_name(warc.name.removesuffix(".warc.gz") + ".cdxj")


def line_of(capture: Capture) -> str:
    """The capture's line: sort key, time, the rest as JSON."""
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
    """What `line_of` wrote. Raises ValueError."""
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
    """A URL in SURT form: `fr,franceinfo)/politique/x.html`, so that a host's pages stand together."""
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
    wanted = sort_key(url) + " "
    for warc in warc_files(folder):
        for line in read_lines(index_of(warc)):
            if line.startswith(wanted):
                yield read_line(line)


def read_lines(path: Path) -> Iterator[str]:
    """The whole lines of an index; a last one that a crash tore is left out."""
    if path.exists():
        with path.open(encoding="utf-8") as file:
            yield from (line for line in file if line.endswith("\n"))


@dataclass(frozen=True, slots=True)
class FileCheck:
    """A WARC file as it was found: its records, and a sentence for each fault."""

    records: int
    faults: tuple[str, ...]


def check_file(warc: Path) -> FileCheck:
    """Read a WARC file whole: every record's checksums, and whether its index tells of the same records."""
    faults: list[str] = []
    found = {capture.offset for capture in scan(warc, faults)}
    indexed = {read_line(line).offset for line in read_lines(index_of(warc))}
    if found - indexed:
        faults.append(f"{warc.name}: {len(found - indexed)} records are not in its index: newswire archive index")
    if indexed - found:
        faults.append(f"{warc.name}: {len(indexed - found)} records of its index cannot be read")
    return FileCheck(len(found), tuple(faults))


def write_index(warc: Path) -> int:
    """Make a WARC file's index anew, whole or not at all, from what can be read of it; how many records."""
    lines = [line_of(capture) for capture in scan(warc, [])]
    partial = index_of(warc).with_suffix(".partial")
    partial.write_text("".join(lines), encoding="utf-8")
    partial.replace(index_of(warc))
    return len(lines)


def scan(warc: Path, faults: list[str]) -> Iterator[Capture]:
    """Every record of a file that is whole; what is not is told of in `faults`, and passed over."""
    with warc.open("rb") as file:
        size, offset = file.seek(0, os.SEEK_END), 0
        while offset < size:
            try:
                member = read_member(file, offset)
                yield capture_of_record(member, warc.name)
                offset += member.length
            except StoreError as error:
                faults.append(f"{warc.name}: {error}")
                offset = next_member(file, offset + 1)


@dataclass(frozen=True, slots=True)
class Member:
    """One record as it lies in a file: compressed by itself, at `offset`, `length` bytes long."""

    offset: int
    length: int
    record: Any  # warcio's
    body: bytes


def read_member(file: BinaryIO, offset: int) -> Member:
    """The record at an offset, its checksums verified. Raises StoreError when it is torn or damaged."""
    from warcio.archiveiterator import ArchiveIterator
    from warcio.exceptions import ArchiveLoadFailed

    unpacked = inflate(file, offset)
    try:
        record = next(ArchiveIterator(BytesIO(unpacked.plain), check_digests="raise"))
        body: bytes = record.content_stream().read()
    except (ArchiveLoadFailed, StopIteration, ValueError, AttributeError) as error:
        raise StoreError(f"no WARC record at offset {offset}: {error}") from error
    return Member(offset, unpacked.length, record, body)


@dataclass(frozen=True, slots=True)
class Unpacked:
    """A gzip member: what is in it, and how long it is packed."""

    plain: bytes
    length: int


def inflate(file: BinaryIO, offset: int) -> Unpacked:
    """The gzip member at an offset; its CRC is verified. Raises StoreError."""
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
    return Unpacked(bytes(plain), read - len(stream.unused_data))


def next_member(file: BinaryIO, offset: int) -> int:
    """Where the next record may begin, by gzip's first bytes; the file's end when none does."""
    file.seek(offset)
    rest = file.read()
    at = rest.find(GZIP_HEAD)
    return offset + (len(rest) if at < 0 else at)


def capture_of_record(member: Member, name: str) -> Capture:
    """A record that was read, as its index line tells of it."""
    http, fields = member.record.http_headers, member.record.rec_headers
    return Capture(
        url=fields.get_header("WARC-Target-URI"),
        at=datetime.fromisoformat(fields.get_header("WARC-Date")),
        status=int(http.get_statuscode()),
        mime=(http.get_header("content-type") or "").partition(";")[0].strip().lower() or "unk",
        digest=fields.get_header("WARC-Payload-Digest") or "",
        file=name,
        offset=member.offset,
        length=member.length,
    )
