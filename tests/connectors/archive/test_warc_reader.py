"""Pages out of WARC files, from any offset on, and what is damaged."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path

import pytest
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from connectors.archive.warc_reader import WarcPage, read_pages
from pipeline.domain.errors import StoreError

KINDS = pytest.mark.parametrize("name", ["news.warc.gz", "news.warc"])


def page(number: int) -> bytes:
    return f"<html><p>{str(number) * 3000}</p></html>".encode()


def write(path: Path, answers: Sequence[tuple[str, str, bytes]]) -> Path:
    """A WARC file of these (status, content type, body)."""
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=path.suffix == ".gz")
        writer.write_record(writer.create_warcinfo_record(path.name, {"software": "test"}))
        for number, (status, kind, body) in enumerate(answers):
            head = StatusAndHeaders(status, [("Content-Type", kind)], protocol="HTTP/1.1")
            url = f"http://www.gazette.test/{number}.html"
            dated = {"WARC-Date": "2026-02-03T04:05:06Z"}
            record = writer.create_warc_record(
                url,
                "response",
                payload=BytesIO(body),
                length=len(body),
                http_headers=head,
                warc_headers_dict=dated,
            )
            writer.write_record(record)
    return path


def three(path: Path) -> Path:
    return write(path, [("200 OK", "text/html; charset=utf-8", page(number)) for number in range(3)])


def urls(pages: Sequence[WarcPage]) -> list[str]:
    return [each.response.url.rpartition("/")[2] for each in pages]


@KINDS
def test_a_page_comes_with_its_url_its_headers_and_its_day(tmp_path: Path, name: str) -> None:
    first = next(iter(read_pages(three(tmp_path / name)))).response
    assert first.url == "http://www.gazette.test/0.html"
    assert first.body == page(0)
    assert first.header("Content-Type") == "text/html; charset=utf-8"
    assert first.fetched_at.isoformat() == "2026-02-03T04:05:06+00:00"


@KINDS
def test_reading_continues_at_any_offset(tmp_path: Path, name: str) -> None:
    path = three(tmp_path / name)
    whole = list(read_pages(path))
    for number, each in enumerate(whole, start=1):
        assert urls(list(read_pages(path, offset=each.next_offset))) == urls(whole[number:])


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        pytest.param("404 Not Found", "text/html", id="not found"),
        pytest.param("301 Moved", "text/html", id="redirect"),
        pytest.param("200 OK", "application/pdf", id="no page"),
    ],
)
def test_records_that_are_not_pages_are_skipped(tmp_path: Path, status: str, kind: str) -> None:
    path = write(tmp_path / "x.warc.gz", [(status, kind, b"x"), ("200 OK", "text/html", page(1))])
    assert urls(list(read_pages(path))) == ["1.html"]


@KINDS
def test_truncated_file_yields_whole_pages_then_raises(tmp_path: Path, name: str) -> None:
    path = three(tmp_path / name)
    whole = list(read_pages(path))
    path.write_bytes(path.read_bytes()[: whole[1].next_offset - 20])
    pages = read_pages(path)
    assert next(pages).response.body == page(0)
    with pytest.raises(StoreError, match="damaged"):
        next(pages)


def test_missing_file_raises_store_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="No such file"):
        list(read_pages(tmp_path / "no.warc.gz"))
