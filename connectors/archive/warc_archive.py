"""Raw pages as they came, in WARC files by day (ISO 28500), so that an extractor of tomorrow needs no network.

Promises: `keep` returns when the record is on its file (fsync at `close`); a location is stable for as long as its day
is kept; a process writes to files of its own, so that several may keep at once and none writes behind another's torn
end. Guarantee: at least once; a page kept twice after a crash costs its bytes and nothing else. Each file has its index
beside it (connectors/archive/cdxj_index.py). What a page means is left to the extractor.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from itertools import chain, count
from pathlib import Path
from typing import Any, BinaryIO

from connectors.archive.cdxj_index import Capture, index_of, line_of, read_member
from pipeline.domain.errors import StoreError
from pipeline.domain.model import Response

# What the fetcher learnt of text and data mining beside the headers (tdmrep.json): extension fields of the record.
TDM_RESERVED = "Newswire-TDM-Reserved"
TDM_POLICY = "Newswire-TDM-Policy"


class WarcArchive:
    """A folder of `<day>/<day>-<host>-<pid>[-<n>].warc.gz`, each with `….cdxj` beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.day: date | None = None
        self.file: Any = None
        self.index: Any = None
        self.path = Path()

    def keep(self, response: Response) -> str:
        """Write the response as it came; `<path under the folder>#<offset>`. Raises StoreError (a full disk)."""
        with self.lock:
            try:
                return self.write(response)
            except OSError as error:
                self.leave()
                raise StoreError(f"{self.folder} keeps no raw pages: {error.strerror}", retriable=True) from error

    def write(self, response: Response) -> str:
        """Write the response to the file of its day; where it is."""
        from warcio.warcwriter import WARCWriter

        self.open_day(response.fetched_at.astimezone(UTC).date())
        offset = self.file.tell()
        writer = WARCWriter(self.file, gzip=True, warc_version="WARC/1.1")  # 1.1: dates below the second
        record = record_of(writer, response)
        writer.write_record(record)
        self.file.flush()
        self.index.write(line_of(capture_of(record, response, self.path, offset, self.file.tell() - offset)))
        self.index.flush()
        return f"{self.path.relative_to(self.folder)}#{offset}"

    def leave(self) -> None:
        """Have nothing more written to this file: its end may be torn."""
        for file in (self.file, self.index):
            with suppress(OSError):
                if file is not None:
                    file.close()
        self.file = self.index = self.day = None

    def open_day(self, day: date) -> None:
        """Have a file of the day open that nobody else writes to or wrote to."""
        if self.day == day:
            return
        self.close()
        folder = self.folder / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        self.path, self.file = create(folder, f"{day.isoformat()}-{socket.gethostname()}-{os.getpid()}")
        self.index = index_of(self.path).open("a", encoding="utf-8")
        self.day = day

    def read(self, location: str) -> Response:
        """The response kept there. Raises StoreError when it is gone by retention, or damaged."""
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
        """What its disk has room for."""
        there = next(path for path in (self.folder, *self.folder.absolute().parents) if path.exists())
        return shutil.disk_usage(there).free

    def expire(self, *, now: datetime, keep_days: int) -> int:
        """Delete the days older than this; how many days went."""
        oldest = (now.astimezone(UTC).date() - timedelta(days=keep_days)).isoformat()
        gone = [folder for folder in self.folder.glob("????-??-??") if folder.name < oldest]
        for folder in gone:
            shutil.rmtree(folder)
        return len(gone)

    def close(self) -> None:
        """End this process's files on the disk. Idempotent."""
        for file in (self.file, self.index):
            if file is not None:
                file.flush()
                os.fsync(file.fileno())
                file.close()
        self.file = None
        self.index = None
        self.day = None


def create(folder: Path, stem: str) -> tuple[Path, BinaryIO]:
    """A new file by this name, or by the next that is free: containers share host names and process ids."""
    for suffix in chain([""], (f"-{number}" for number in count(2))):
        path = folder / f"{stem}{suffix}.warc.gz"
        try:
            return path, path.open("xb")
        except FileExistsError:
            continue
    raise AssertionError("count() has no end")


def record_of(writer: Any, response: Response) -> Any:
    """The response as a record."""
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
    """The response that a record keeps."""
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


def capture_of(record: Any, response: Response, path: Path, offset: int, length: int) -> Capture:
    """The record as its index line tells of it."""
    return Capture(
        url=response.final_url,
        at=response.fetched_at.astimezone(UTC),
        status=response.status,
        mime=(response.header("content-type") or "").partition(";")[0].strip().lower() or "unk",
        digest=record.rec_headers.get_header("WARC-Payload-Digest") or "",
        file=path.name,
        offset=offset,
        length=length,
    )


def plain_headers(response: Response) -> list[tuple[str, str]]:
    """The headers that still hold for the inflated, whole body."""
    gone = {"content-encoding", "content-length", "transfer-encoding", "set-cookie"}
    return [(name, value) for name, value in response.headers.items() if name.lower() not in gone]
