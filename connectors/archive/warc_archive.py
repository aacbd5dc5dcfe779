"""WARC archive: raw pages in files by day (ISO 28500), so that a later extractor needs no network.

Promises: `keep` returns when the record is in its file; it is on the disk after `sync` or `close`. A location is stable
until its day expires.
Each process writes to files of its own, so that several may write at once, and none behind another's truncated end.
Guarantee: at least once; a page kept twice after a crash costs only its bytes. Each file has an index beside it
(connectors/archive/cdxj_index.py).
Texts too large for a topic, and checkpoints of long jobs, have classes of their own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO

from connectors.archive.cdxj_index import archive_record, capture_of, index_of, line_of, read_member
from pipeline.domain.errors import StoreError
from pipeline.domain.model import ArchiveRecord, Message, Response

# TDM reservations that are not in the headers (tdmrep.json): extension fields of the record.
TDM_RESERVED = "Newswire-TDM-Reserved"
TDM_POLICY = "Newswire-TDM-Policy"
TEXTS = "texts"  # folder of a day, for `TextStore`


class WarcArchive:
    """A folder of `<day>/<day>-<host>-<pid>[-<n>].warc.gz`, each with `….cdxj` beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.day: date | None = None
        self.file: Any = None
        self.index: Any = None
        self.path = Path()
        self.is_dirty = False  # whether the file has records that were not synced

    def keep(self, response: Response) -> str:
        """Pack the response and append it; see `append`."""
        return self.append_all([pack(response)])[0]

    def append_all(self, records: Sequence[ArchiveRecord]) -> list[str]:
        """Write the records; their locations `<path under the folder>#<offset>`. Raises StoreError (a full disk)."""
        with self.writing():
            return [self.write(record) for record in records]

    def sync(self) -> None:
        """Return when the records written so far are on the disk. Raises StoreError."""
        with self.writing():
            if self.is_dirty:
                os.fsync(self.file.fileno())
                self.is_dirty = False

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One thread writes at a time; after an error nothing more goes to this file."""
        with self.lock:
            try:
                yield
            except OSError as error:
                self.abandon()
                raise StoreError(f"{self.folder} keeps no raw pages: {error.strerror}", retriable=True) from error

    def write(self, record: ArchiveRecord) -> str:
        """Write the record to the file of its day, and its line to the index; its location."""
        self.open_day(record.at.astimezone(UTC).date())
        offset = self.file.tell()
        self.file.write(record.member)
        self.file.flush()
        self.is_dirty = True
        capture = capture_of(record, file=self.path.name, offset=offset, length=len(record.member))
        self.index.write(line_of(capture))
        self.index.flush()
        return f"{self.path.relative_to(self.folder)}#{offset}"

    def abandon(self) -> None:
        """Write nothing more to this file: its end may be truncated."""
        for file in (self.file, self.index):
            with suppress(OSError):
                if file is not None:
                    file.close()
        self.file = self.index = self.day = None
        self.is_dirty = False

    def open_day(self, day: date) -> None:
        """Open a new file of the day, unless one is open: no other process may write to it."""
        if self.day == day:
            return
        self.close()
        folder = self.folder / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.file = create(folder, f"{day.isoformat()}-{socket.gethostname()}-{os.getpid()}")
        self.index = index_of(self.path).open("a", encoding="utf-8")
        self.day = day

    def read(self, location: str) -> Response:
        """The response at a location. Raises StoreError when retention deleted it, or it is damaged."""
        name, _, offset = location.rpartition("#")
        try:
            with (self.folder / name).open("rb") as file:
                member = read_member(file, int(offset))
        except FileNotFoundError as error:
            raise StoreError(f"raw page {location} is gone: its day is past retention") from error
        except (ValueError, OSError, StoreError) as error:
            raise StoreError(f"raw page {location} cannot be read: {error}") from error
        return response_of(member.record, member.body)

    def free_bytes(self) -> int:
        """Free space on its disk."""
        existing = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        return shutil.disk_usage(existing).free

    def expire(self, *, now: datetime, keep_days: int) -> int:
        """Delete days older than this; how many."""
        oldest = (now.astimezone(UTC).date() - timedelta(days=keep_days)).isoformat()
        expired = [folder for folder in self.folder.glob("????-??-??") if folder.name < oldest]
        for folder in expired:
            shutil.rmtree(folder)
        return len(expired)

    def close(self) -> None:
        """Flush this process's files to the disk and close them. Idempotent."""
        for file in (self.file, self.index):
            if file is not None:
                file.flush()
                os.fsync(file.fileno())
                file.close()
        self.file = self.index = self.day = None


def create(folder: Path, stem: str) -> tuple[Path, BinaryIO]:
    """Create a file by this name, or by the next free one: containers share host names and process ids."""
    for suffix in chain([""], (f"-{number}" for number in count(2))):
        path = folder / f"{stem}{suffix}.warc.gz"
        try:
            return path, path.open("xb")
        except FileExistsError:
            continue
    raise AssertionError("count() has no end")


def pack(response: Response) -> ArchiveRecord:
    """The response as a gzip member of a WARC file. Takes 2 ms for a page of 280 kB, so workers call it.

    igzip at its level 2 takes 0.7 ms for a page, zlib at its level 9 takes 10 ms for 15 % fewer bytes.
    """
    from isal import igzip
    from warcio.warcwriter import WARCWriter

    plain = BytesIO()
    writer = WARCWriter(plain, gzip=False, warc_version="WARC/1.1")  # 1.1: dates below the second
    record = record_of(writer, response)
    writer.write_record(record)
    return archive_record(record, igzip.compress(plain.getvalue(), compresslevel=2))


def record_of(writer: Any, response: Response) -> Any:
    """The response as a WARC record."""
    from warcio.statusandheaders import StatusAndHeaders

    fields = {"WARC-Date": response.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")}
    if response.tdm_reserved is not None:
        fields[TDM_RESERVED] = "1" if response.tdm_reserved else "0"
    if response.tdm_policy:
        fields[TDM_POLICY] = response.tdm_policy
    headers = [*plain_headers(response), ("Content-Length", str(len(response.body)))]
    return writer.create_warc_record(
        response.final_url,
        "response",
        payload=BytesIO(response.body),
        length=len(response.body),
        http_headers=StatusAndHeaders(f"{response.status} ", headers, protocol="HTTP/1.1"),
        warc_headers_dict=fields,
    )


def response_of(record: Any, body: bytes) -> Response:
    """The response in a record."""
    fields = record.rec_headers
    url = fields.get_header("WARC-Target-URI")
    reserved = fields.get_header(TDM_RESERVED)
    return Response(
        url=url,
        final_url=url,
        status=int(record.http_headers.get_statuscode()),
        headers={name.lower(): value for name, value in record.http_headers.headers},
        body=body,
        fetched_at=datetime.fromisoformat(fields.get_header("WARC-Date")),
        tdm_reserved=None if reserved is None else reserved == "1",
        tdm_policy=fields.get_header(TDM_POLICY),
    )


def plain_headers(response: Response) -> list[tuple[str, str]]:
    """The headers that are true of the decompressed, whole body."""
    dropped = {"content-encoding", "content-length", "transfer-encoding", "set-cookie"}
    return [(name, value) for name, value in response.headers.items() if name.lower() not in dropped]


class TextStore:
    """A folder of `<day>/texts/<event id>.txt`, UTF-8: texts too large for a topic. They expire with their day.

    Guarantee: a text is on the disk when `keep` returns, whole or not at all; a second `keep` replaces the same file.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, message: Message, text: str) -> str:
        """Write the text of this message; its path under the folder. Raises StoreError (a full disk)."""
        path = self.folder / message.time.astimezone(UTC).date().isoformat() / TEXTS / f"{message.id}.txt"
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise StoreError(f"{self.folder} keeps no texts: {error.strerror}", retriable=True) from error
        return str(path.relative_to(self.folder))

    def read(self, location: str) -> str:
        """The text at this path."""
        return (self.folder / location).read_bytes().decode()


class CheckpointFile:
    """`<folder>/<job>-<digest of its options>.json`."""

    def __init__(self, folder: Path, job: str, *options: object) -> None:
        digest = hashlib.sha256(repr(options).encode()).hexdigest()[:12]
        self.path = folder / f"{job}-{digest}.json"

    def load(self) -> Mapping[str, Any] | None:
        """The stored progress; None when there is none."""
        try:
            kept: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return kept

    def keep(self, progress: Mapping[str, Any]) -> None:
        """Store the progress."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(progress), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> None:
        """Delete the checkpoint: the job is done, or starts again."""
        self.path.unlink(missing_ok=True)
