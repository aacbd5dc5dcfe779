"""Decompression under size limits; irregular bodies are read and noted."""

from __future__ import annotations

import gzip
import random
import zlib

import brotli
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from connectors.http.decompress import SizeLimitExceeded, SizeLimits, UndecodableBody, decompress

CAPS = SizeLimits(max_bytes=5_000_000, max_ratio=200)
TEXT = "".join(f"<p>Article {n}, {random.Random(n).random()}</p>" for n in range(400)).encode()


def zstd_frame(body: bytes) -> bytes:
    return zstandard.compress(body)


COMPRESS = {
    "gzip": gzip.compress,
    "x-gzip": gzip.compress,
    "deflate": zlib.compress,
    "br": brotli.compress,
    "zstd": zstd_frame,
}


@pytest.mark.parametrize("coding", COMPRESS)
def test_each_coding_is_decompressed(coding: str) -> None:
    assert decompress(COMPRESS[coding](TEXT), coding, CAPS).body == TEXT


@pytest.mark.parametrize("coding", COMPRESS)
def test_truncated_bodies_are_marked_or_undecodable(coding: str) -> None:
    wire = COMPRESS[coding](TEXT)
    for end in range(len(wire) - 12, len(wire)):
        try:
            result = decompress(wire[:end], coding, CAPS)
        except UndecodableBody:
            continue
        assert result.truncated
        assert TEXT.startswith(result.body)


@pytest.mark.parametrize(
    ("name", "wire", "codings", "note"),
    [
        ("no gzip header", gzip.compress(TEXT), "", "gzip without header"),
        ("twice under one header", gzip.compress(gzip.compress(TEXT)), "gzip", "gzip twice"),
        ("twice under none", gzip.compress(gzip.compress(TEXT)), "", "gzip twice"),
        ("two members", gzip.compress(TEXT[:99]) + gzip.compress(TEXT[99:]), "gzip", "several gzip members"),
        ("junk", gzip.compress(TEXT) + b"<!-- cached -->", "gzip", "junk after gzip"),
        ("zstd junk", zstd_frame(TEXT) + b"<!-- cached -->", "zstd", "junk after zstd"),
        ("zlib header missing", zlib.compress(TEXT)[2:-4], "deflate", "bare deflate"),
        ("plain under gzip", TEXT, "gzip", "gzip header, plain body"),
        ("plain under br", TEXT, "br", "br header, plain body"),
        ("plain with mark", b"\xef\xbb\xbf" + TEXT, "gzip", "gzip header, plain body"),
        ("utf-8", TEXT, "utf-8", "unknown coding utf-8"),
        ("unknown and gzip", gzip.compress(TEXT), "none, gzip", "unknown coding none"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_irregular_bodies_are_read_and_noted(name: str, wire: bytes, codings: str, note: str) -> None:
    result = decompress(wire, codings, CAPS)
    assert result.body.removeprefix(b"\xef\xbb\xbf") == TEXT
    assert note in result.notes
    assert not result.truncated


def test_zero_padding_is_not_worth_a_note() -> None:
    assert decompress(gzip.compress(TEXT) + bytes(1024), "gzip", CAPS).notes == ()


def test_two_codings_are_removed_in_reverse_order() -> None:
    assert decompress(brotli.compress(gzip.compress(TEXT)), "gzip, br", CAPS).body == TEXT


def test_frames_of_zstd_are_joined() -> None:
    assert decompress(zstd_frame(TEXT[:50]) + zstd_frame(TEXT[50:]), "zstd", CAPS).body == TEXT


@pytest.mark.parametrize(
    ("wire", "codings"),
    [
        (b"\x89PNG\r\n", "gzip"),
        (b"\x89PNG\r\n", "zstd"),
        (b"\x89PNG\r\n", "deflate"),
        (gzip.compress(gzip.compress(gzip.compress(TEXT))), "gzip, gzip, gzip"),
        (gzip.compress(b"") * 5000, "gzip"),
    ],
)
def test_invalid_bodies_are_undecodable(wire: bytes, codings: str) -> None:
    with pytest.raises(UndecodableBody):
        decompress(wire, codings, CAPS)


@pytest.mark.parametrize("coding", COMPRESS)
def test_decompression_bombs_are_refused(coding: str) -> None:
    with pytest.raises(SizeLimitExceeded) as caught:
        decompress(COMPRESS[coding](bytes(50_000_000)), coding, CAPS)
    assert "more than" in str(caught.value)


def test_high_ratio_of_a_small_body_is_allowed() -> None:
    assert len(decompress(gzip.compress(bytes(900_000)), "gzip", CAPS).body) == 900_000


def test_size_limit_counts_decompressed_bytes() -> None:
    body = random.Random(1).randbytes(6_000_000).hex().encode()
    with pytest.raises(SizeLimitExceeded) as caught:
        decompress(gzip.compress(body, 1), "gzip", CAPS)
    assert "more than" in str(caught.value)


def test_size_limit_holds_for_plain_bodies() -> None:
    with pytest.raises(SizeLimitExceeded):
        decompress(bytes(5_000_001), "", CAPS)


@given(st.binary(max_size=400), st.sampled_from([*COMPRESS, "", "utf-8", "gzip, br", "br, gzip"]))
def test_any_bytes_are_decompressed_or_refused(wire: bytes, codings: str) -> None:
    try:
        decompress(wire, codings, CAPS)
    except (SizeLimitExceeded, UndecodableBody):
        return


@given(st.binary(max_size=300), st.sampled_from([*COMPRESS]), st.integers(0, 200), st.binary(max_size=3))
def test_damaged_bodies_are_decompressed_or_refused(body: bytes, coding: str, where: int, damage: bytes) -> None:
    wire = COMPRESS[coding](body)
    try:
        decompress(wire[:where] + damage + wire[where + len(damage) :], coding, CAPS)
    except (SizeLimitExceeded, UndecodableBody):
        return
