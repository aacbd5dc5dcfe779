"""Decompression of HTTP bodies under size limits: gzip, deflate, brotli, zstd.

Promises: at most `max_bytes` and one step in memory, however much the body expands. Of a truncated stream it returns
the part before the cut, marked `truncated`. Irregular bodies are read and noted: several members, trailing junk, gzip
without or under a false header, double compression, unknown codings. Pure: bytes in, values out, no sockets.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import brotli
import zstandard

STEP_BYTES = 1 << 18  # output per step: how far over the limit a body may go before it is noticed
RATIO_FROM_BYTES = 1_000_000  # below this a high ratio is harmless; a page of spaces compresses 500 to 1
MAX_MEMBERS = 1000  # of one gzip body; legitimate multi-member files have a handful, a bomb of empty ones has millions
MAX_LAYERS = 2  # a proxy may compress a compressed body again; more layers are an attack
# A new one for each body, because threads must not share it. RFC 9659: HTTP peers need no larger window.
zstd_decompressor = partial(zstandard.ZstdDecompressor, max_window_size=8 << 20)

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
CODINGS = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}
KNOWN_CODINGS = {"", "identity", *CODINGS}


class SizeLimitExceeded(Exception):
    """The body is larger than allowed, or decompresses to too many times its size."""


class UndecodableBody(Exception):
    """The body is not what its Content-Encoding says, and nothing of it could be read."""


class TruncatedStream(Exception):
    """The compressed stream ended early or is damaged; the output so far is good."""


@dataclass(frozen=True, slots=True)
class DecompressedBody:
    """A body before it was compressed."""

    body: bytes
    truncated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """The limits of one body."""

    max_bytes: int
    max_ratio: float


def decompress(wire: bytes, content_encoding: str, limits: SizeLimits) -> DecompressedBody:
    """The body without the codings of its Content-Encoding header. Raises `SizeLimitExceeded`, `UndecodableBody`."""
    names = [part.strip().lower() for part in content_encoding.split(",")]
    layers = list(filter(None, map(CODINGS.get, names)))
    if len(layers) > MAX_LAYERS:
        raise UndecodableBody(f"{len(layers)} codings on one body")
    unknown = tuple(f"unknown coding {name[:40]}" for name in names if name not in KNOWN_CODINGS)  # such as `utf-8`
    result = DecompressedBody(wire, notes=unknown)
    for coding in reversed(layers):
        result = remove_layer(result, coding, len(wire), limits)
    while len(layers) < MAX_LAYERS and result.body.startswith(GZIP_MAGIC) and not result.truncated:
        note = "gzip twice" if layers else "gzip without header"
        result = remove_layer(replace(result, notes=(*result.notes, note)), "gzip", len(wire), limits)
        layers.append("gzip")
    if len(result.body) > limits.max_bytes:
        raise SizeLimitExceeded(f"more than {limits.max_bytes} bytes")
    return result


def remove_layer(outer: DecompressedBody, coding: str, wire_bytes: int, limits: SizeLimits) -> DecompressedBody:
    """Decompress one coding. Raises `SizeLimitExceeded`, `UndecodableBody`."""
    if not outer.body:
        return outer  # an empty body under a coding is common (HEAD-like 200s, errors)
    inner = bytearray()
    notes = list(outer.notes)
    truncated = outer.truncated
    try:
        for piece in STREAMS[coding](outer.body, notes):
            inner += piece
            size = len(inner)
            if size > limits.max_bytes:
                raise SizeLimitExceeded(f"more than {limits.max_bytes} bytes out of {wire_bytes}")
            if size > RATIO_FROM_BYTES and size > wire_bytes * limits.max_ratio:
                raise SizeLimitExceeded(f"inflates more than {limits.max_ratio:g} to 1")
    except TruncatedStream as cut:
        if not inner:
            # What begins like markup or JSON has only a wrong header.
            if outer.body.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")[:1] in (b"<", b"{", b"["):
                return replace(outer, notes=(*outer.notes, f"{coding} header, plain body"))
            raise UndecodableBody(f"{coding}: {cut}") from cut
        truncated = True
        notes.append(f"{coding} cut: {cut}")
    return DecompressedBody(bytes(inner), truncated, tuple(notes))


# ---------------------------------------------------------------- one generator per coding


def gzip_stream(data: bytes, notes: list[str]) -> Iterator[bytes]:
    """Every member of a gzip body (RFC 1952 section 2.2); bytes after the last are junk and ignored."""
    if not data.startswith(GZIP_MAGIC):
        raise TruncatedStream("no gzip magic")
    for member in range(MAX_MEMBERS):
        stream = zlib.decompressobj(wbits=31)
        yield from zlib_steps(stream, data)
        data = stream.unused_data
        if not data.startswith(GZIP_MAGIC):
            if data.strip(b"\x00"):  # zero padding is usual in files made of blocks
                notes.append("junk after gzip")
            return
        if member == 0:
            notes.append("several gzip members")
    raise TruncatedStream(f"more than {MAX_MEMBERS} gzip members")


def deflate_stream(data: bytes, notes: list[str]) -> Iterator[bytes]:
    """zlib data as RFC 9110 says, or bare deflate as many servers send it."""
    has_zlib_header = len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    if not has_zlib_header:
        notes.append("bare deflate")
    yield from zlib_steps(zlib.decompressobj(wbits=15 if has_zlib_header else -15), data)


def zlib_steps(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """The output of one zlib stream, in steps; raises `TruncatedStream` where it ends early."""
    while data:
        try:
            piece = stream.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise TruncatedStream(str(error)) from error
        yield piece
        data = stream.unconsumed_tail
        if not piece and not stream.eof:
            break
    if not stream.eof:
        with suppress(zlib.error):
            yield stream.decompress(b"", STEP_BYTES)  # the rest that zlib holds: at most a window
        raise TruncatedStream("the stream ends early")


def brotli_stream(data: bytes, _notes: list[str]) -> Iterator[bytes]:
    """A brotli body (RFC 7932)."""
    stream = brotli.Decompressor()
    while True:
        try:
            piece: bytes = stream.process(data, output_buffer_limit=STEP_BYTES)
        except brotli.error as error:
            raise TruncatedStream(str(error)) from error
        data = b""
        yield piece
        if stream.is_finished():
            return
        if stream.can_accept_more_data():
            raise TruncatedStream("the stream ends early")


def zstd_stream(data: bytes, notes: list[str]) -> Iterator[bytes]:
    """Every frame of a zstd body (RFC 8878); bytes after the last are junk and ignored.

    The library's bounded reader does not notice a truncated frame, and the reader that does has no bound. So the first
    produces the output, and the second then checks the end, when the size is known to be within the limits.
    """
    if not data.startswith(ZSTD_MAGIC):
        raise TruncatedStream("no zstd magic")
    ending = "the stream ends early"
    # One frame per read: across frames, junk behind the last would lose its output.
    with zstd_decompressor().stream_reader(io.BytesIO(data), read_across_frames=False) as reader:
        try:
            while piece := reader.read(STEP_BYTES):
                yield piece
        except zstandard.ZstdError as error:
            ending = str(error)
    rest = after_zstd_frames(data)
    if rest is None:
        raise TruncatedStream(ending)
    if rest:
        notes.append("junk after zstd")


def after_zstd_frames(data: bytes) -> bytes | None:
    """The bytes after the last whole frame; None when a frame is truncated or damaged."""
    for _ in range(MAX_MEMBERS):
        frame = zstd_decompressor().decompressobj()
        with suppress(zstandard.ZstdError):
            frame.decompress(data)
        if not frame.eof:
            return None
        data = frame.unused_data
        if not data.startswith(ZSTD_MAGIC):
            return data
    return None


STREAMS: dict[str, Callable[[bytes, list[str]], Iterator[bytes]]] = {
    "gzip": gzip_stream,
    "deflate": deflate_stream,
    "br": brotli_stream,
    "zstd": zstd_stream,
}
