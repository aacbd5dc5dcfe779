"""The archive: raw pages come back as they were, by day; its index tells of the same pages; damage is found."""

from __future__ import annotations

import random
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from warcio.archiveiterator import ArchiveIterator

from connectors.archive.cdxj_index import check_file, find_captures, index_of, sort_key, warc_files, write_index
from connectors.archive.warc_archive import WarcArchive
from pipeline.domain.errors import StoreError
from tests.values import NOW, make_response

URL = "http://www.antenne.test/1.html"


@pytest.fixture
def archive(tmp_path: Path) -> Iterator[WarcArchive]:
    opened = WarcArchive(tmp_path)
    yield opened
    opened.close()


def keep_three(archive: WarcArchive) -> list[str]:
    """Three pages of a day, and their locations."""
    bodies = (f"<p>{number}</p>".encode() * 500 for number in range(3))
    locations = [archive.keep(make_response(f"{URL}?{n}", body)) for n, body in enumerate(bodies)]
    archive.close()
    return locations


def test_a_response_comes_back_as_it_was(archive: WarcArchive) -> None:
    fetched_at = datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC)
    kept = replace(make_response(body=b"\xff\x00<p>"), fetched_at=fetched_at, tdm_reserved=True, tdm_policy="http://p/")
    read = archive.read(archive.keep(kept))
    assert (read.final_url, read.status, read.body, read.fetched_at) == (kept.url, 200, kept.body, fetched_at)
    assert (read.tdm_reserved, read.tdm_policy) == (True, "http://p/")
    assert read.header("content-type") == "text/html"
    silent = archive.read(archive.keep(make_response()))
    assert (silent.tdm_reserved, silent.tdm_policy) == (None, None)


def test_warcio_reads_our_files(archive: WarcArchive) -> None:
    keep_three(archive)
    (path,) = warc_files(archive.folder)
    with path.open("rb") as file:
        urls = [
            record.rec_headers.get_header("WARC-Target-URI") for record in ArchiveIterator(file, check_digests=True)
        ]
    assert urls == [f"{URL}?{number}" for number in range(3)]


def test_each_day_has_its_folder_and_goes_with_its_retention(archive: WarcArchive) -> None:
    old = archive.keep(replace(make_response(), fetched_at=NOW - timedelta(days=91)))
    new = archive.keep(make_response())
    assert archive.expire(now=NOW, keep_days=90) == 1
    assert archive.read(new).body == b"<html>"
    with pytest.raises(StoreError, match="past retention"):
        archive.read(old)


def test_full_disk_raises_store_error_and_later_pages_are_kept(archive: WarcArchive) -> None:
    first = archive.keep(make_response(body=b"<p>first"))
    with files_of_at_most((archive.folder / first.partition("#")[0]).stat().st_size + 100):
        with pytest.raises(StoreError, match="keeps no raw pages: File too large") as raised:
            archive.keep(make_response(body=random.Random(7).randbytes(50_000)))
        assert raised.value.retriable
    later = archive.keep(make_response(body=b"<p>later"))
    assert [archive.read(location).body for location in (first, later)] == [b"<p>first", b"<p>later"]
    assert later.partition("#")[0] != first.partition("#")[0]  # nothing follows the truncated end


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """As on a disk that is full: no file of this process gets larger."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_processes_write_separate_files(tmp_path: Path) -> None:
    first, second = WarcArchive(tmp_path), WarcArchive(tmp_path)  # the same host and process id, as in containers
    locations = [first.keep(make_response()), second.keep(make_response())]
    first.close()
    second.close()
    assert len({location.partition("#")[0] for location in locations}) == 2


def test_the_index_names_every_page_of_a_url(archive: WarcArchive) -> None:
    locations = keep_three(archive)
    (found,) = find_captures(archive.folder, f"{URL}?1")
    assert (found.location, found.status, found.mime) == (locations[1], 200, "text/html")
    assert list(find_captures(archive.folder, "http://nowhere.test/")) == []


@pytest.mark.parametrize(
    ("url", "key"),
    [
        pytest.param("http://www.franceinfo.fr/a/B.html", "fr,franceinfo)/a/b.html", id="www and case do not count"),
        pytest.param("https://x.test", "test,x)/", id="no path"),
        pytest.param("https://x.test/?q=1", "test,x)/?q=1", id="a query counts"),
    ],
)
def test_the_index_sorts_by_host_from_its_end(url: str, key: str) -> None:
    assert sort_key(url) == key


def test_a_whole_file_has_no_fault(archive: WarcArchive) -> None:
    keep_three(archive)
    (path,) = warc_files(archive.folder)
    assert check_file(path) == type(check_file(path))(records=3, faults=())


def damage(path: Path, location: str) -> None:
    """Turn over a byte in the middle of a record."""
    packed = bytearray(path.read_bytes())
    packed[int(location.rpartition("#")[2]) + 150] ^= 0xFF
    path.write_bytes(bytes(packed))


def test_damaged_record_is_reported_and_skipped(archive: WarcArchive) -> None:
    locations = keep_three(archive)
    (path,) = warc_files(archive.folder)
    damage(path, locations[1])
    checked = check_file(path)
    assert checked.records == 2
    assert any("damaged" in fault for fault in checked.faults)
    with pytest.raises(StoreError, match="cannot be read"):
        archive.read(locations[1])
    assert archive.read(locations[2]).final_url == f"{URL}?2"


def test_truncated_end_is_reported(archive: WarcArchive) -> None:
    keep_three(archive)
    (path,) = warc_files(archive.folder)
    path.write_bytes(path.read_bytes()[:-10])
    checked = check_file(path)
    assert checked.records == 2
    assert any("torn" in fault for fault in checked.faults)


def test_lost_index_is_rebuilt(archive: WarcArchive) -> None:
    keep_three(archive)
    (path,) = warc_files(archive.folder)
    before = index_of(path).read_text("utf-8")
    index_of(path).unlink()
    assert any("not in its index" in fault for fault in check_file(path).faults)
    assert write_index(path) == 3
    assert index_of(path).read_text("utf-8") == before
