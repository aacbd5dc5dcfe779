"""Raw pages as they came, in WARC files by day (ISO 28500), so that an extractor of tomorrow needs no network.

Promises: `keep` returns when the record is on its file (fsync at `close`); a location is stable for as
long as its day is kept; a process writes to files of its own, so that several may keep at once. Guarantee: at least
once; a page kept twice after a crash costs its bytes and nothing else. What a page means is left to the extractor.
"""

from __future__ import annotations

import os
import shutil
import socket
import threading
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from pipeline.errors import StoreError
from pipeline.model import Response


class WarcArchive:
    """A folder of `<day>/<day>-<host>-<pid>.warc.gz`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.Lock()
        self.day: date | None = None
        self.file: Any = None
        self.path = Path()

    def keep(self, response: Response) -> str:
        """Write the response as it came; `<path under the folder>#<offset>`."""
        from warcio.statusandheaders import StatusAndHeaders
        from warcio.warcwriter import WARCWriter

        with self.lock:
            self.open_day(response.fetched_at.astimezone(UTC).date())
            writer = WARCWriter(self.file, gzip=True)
            record = writer.create_warc_record(
                response.final_url,
                "response",
                payload=BytesIO(response.body),
                length=len(response.body),
                http_headers=StatusAndHeaders(
                    f"{response.status} ",
                    [*plain_headers(response), ("Content-Length", str(len(response.body)))],
                    protocol="HTTP/1.1",
                ),
                warc_headers_dict={"WARC-Date": response.fetched_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")},
            )
            offset = self.file.tell()
            writer.write_record(record)
            self.file.flush()
            return f"{self.path.relative_to(self.folder)}#{offset}"

    def open_day(self, day: date) -> None:
        """Have this process's file of the day open for appending."""
        if self.day == day:
            return
        self.close()
        self.path = self.folder / day.isoformat() / f"{day.isoformat()}-{socket.gethostname()}-{os.getpid()}.warc.gz"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.file = self.path.open("ab")
        self.day = day

    def read(self, location: str) -> Response:
        """The response kept there. Raises StoreError when it is gone by retention, or damaged."""
        from warcio.archiveiterator import ArchiveIterator
        from warcio.exceptions import ArchiveLoadFailed

        name, _, offset = location.rpartition("#")
        try:
            with (self.folder / name).open("rb") as file:
                file.seek(int(offset))
                record = next(ArchiveIterator(file))
                body = record.content_stream().read()
        except FileNotFoundError as error:
            raise StoreError(f"raw page {location} is gone: its day is past retention") from error
        except (ArchiveLoadFailed, StopIteration, ValueError) as error:
            raise StoreError(f"raw page {location} is damaged: {error}") from error
        url = record.rec_headers.get_header("WARC-Target-URI")
        return Response(
            url=url,
            final_url=url,
            status=int(record.http_headers.get_statuscode()),
            headers={name.lower(): value for name, value in record.http_headers.headers},
            body=body,
            fetched_at=datetime.fromisoformat(record.rec_headers.get_header("WARC-Date")),
        )

    def expire(self, *, now: datetime, keep_days: int) -> int:
        """Delete the days older than this; how many days went."""
        oldest = (now.astimezone(UTC).date() - timedelta(days=keep_days)).isoformat()
        gone = [folder for folder in self.folder.glob("????-??-??") if folder.name < oldest]
        for folder in gone:
            shutil.rmtree(folder)
        return len(gone)

    def close(self) -> None:
        """End this process's file on the disk. Idempotent."""
        if self.file is not None:
            self.file.flush()
            os.fsync(self.file.fileno())
            self.file.close()
        self.file = None
        self.day = None


def plain_headers(response: Response) -> list[tuple[str, str]]:
    """The headers that still hold for the inflated, whole body."""
    gone = {"content-encoding", "content-length", "transfer-encoding", "set-cookie"}
    return [(name, value) for name, value in response.headers.items() if name.lower() not in gone]
