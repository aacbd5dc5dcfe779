"""Bodies inflated under caps: gzip, deflate, brotli, zstd, as servers really send them.

Promises: never more than `max_bytes` (and a step) in memory, whatever the wire carries; a stream that was cut gives
what came before the cut and says so; what is only odd (several members, junk behind, gzip without or under a false
header, twice compressed, codings nobody knows) is read and noted. Pure: bytes in, `DecompressedBody` out, no sockets.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import brotli
import zstandard

STEP_BYTES = 1 << 18  # output per step: how far over the cap an inflated body may go before it is noticed
RATIO_FROM_BYTES = 1_000_000  # below this a high ratio harms nobody; a page of spaces compresses 500 to 1
MAX_MEMBERS = 1000  # of one gzip body; legitimate multi-member files have a handful, a bomb of empty ones has millions
MAX_LAYERS = 2  # a proxy may compress what was compressed already; who goes deeper does it on purpose
ZSTD_WINDOW_BYTES = 8 << 20  # RFC 9659: HTTP peers need no larger window

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
KNOWN = {"gzip": "gzip", "x-gzip": "gzip", "deflate": "deflate", "br": "br", "zstd": "zstd"}


class SizeLimitExceeded(Exception):
    """The body is larger than allowed; `cap` is `inflated_bytes` or `ratio`."""

    def __init__(self, cap: str, reason: str) -> None:
        self.cap = cap
        super().__init__(reason)


class UndecodableBody(Exception):
    """The body is not what its Content-Encoding says, and nothing of it could be read."""


class Cut(Exception):
    """The compressed stream ended early or broke off; what was yielded before is good."""


@dataclass(frozen=True, slots=True)
class DecompressedBody:
    """A body as it was before it was compressed."""

    body: bytes
    truncated: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SizeLimits:
    """The limits of one body."""

    max_bytes: int
    max_ratio: float


def inflate(wire: bytes, codings: str, caps: SizeLimits) -> DecompressedBody:
    """The body under its codings (the Content-Encoding header). Raises `SizeLimitExceeded`, `UndecodableBody`."""
    layers = [KNOWN[name] for name in named_codings(codings) if name in KNOWN]
    result = DecompressedBody(wire, notes=tuple(f"unknown coding {name}" for name in unknown_codings(codings)))
    if len(layers) > MAX_LAYERS:
        raise UndecodableBody(f"{len(layers)} codings on one body")
    for coding in reversed(layers):
        result = one_layer(result, coding, wire, caps)
    if len(layers) < MAX_LAYERS and result.body.startswith(GZIP_MAGIC) and not result.truncated:
        result = noting(result, "gzip twice" if layers else "gzip without header")
        layers.append("gzip")
        result = one_layer(result, "gzip", wire, caps)
        if len(layers) < MAX_LAYERS and result.body.startswith(GZIP_MAGIC) and not result.truncated:
            result = one_layer(noting(result, "gzip twice"), "gzip", wire, caps)
    if len(result.body) > caps.max_bytes:
        raise SizeLimitExceeded("inflated_bytes", f"more than {caps.max_bytes} bytes")
    return result


def named_codings(codings: str) -> list[str]:
    """The codings of the header in its order, without the one that means none."""
    names = [name.strip().lower() for name in codings.split(",")]
    return [name for name in names if name and name != "identity"]


def unknown_codings(codings: str) -> list[str]:
    """What stands in the header and is no coding, such as `utf-8`."""
    return [name[:40] for name in named_codings(codings) if name not in KNOWN]


def noting(result: DecompressedBody, note: str) -> DecompressedBody:
    """The same with one more note."""
    return DecompressedBody(result.body, result.truncated, (*result.notes, note))


def one_layer(outer: DecompressedBody, coding: str, wire: bytes, caps: SizeLimits) -> DecompressedBody:
    """One coding taken off. Raises `SizeLimitExceeded`, `UndecodableBody`."""
    if not outer.body:
        return outer  # a body-less answer under a coding is common (HEAD-like 200s, errors)
    inner = bytearray()
    notes = list(outer.notes)
    truncated = outer.truncated
    try:
        for piece in STREAMS[coding](outer.body, notes):
            inner += piece
            check_caps(len(inner), len(wire), caps)
    except Cut as cut:
        if not inner:
            if reads_as_text(outer.body):
                return noting(outer, f"{coding} header, plain body")
            raise UndecodableBody(f"{coding}: {cut}") from cut
        truncated = True
        notes.append(f"{coding} cut: {cut}")
    return DecompressedBody(bytes(inner), truncated, tuple(notes))


def check_caps(inflated: int, wire: int, caps: SizeLimits) -> None:
    """Raises `SizeLimitExceeded` when what was inflated so far is too much."""
    if inflated > caps.max_bytes:
        raise SizeLimitExceeded("inflated_bytes", f"more than {caps.max_bytes} bytes out of {wire}")
    if inflated > RATIO_FROM_BYTES and inflated > wire * caps.max_ratio:
        raise SizeLimitExceeded("ratio", f"inflates more than {caps.max_ratio:g} to 1")


def reads_as_text(body: bytes) -> bool:
    """Whether it begins like markup or JSON: then the server only lied about the coding."""
    return body.lstrip(b"\xef\xbb\xbf\xff\xfe \t\r\n\x00")[:1] in (b"<", b"{", b"[")


# ---------------------------------------------------------------- one generator per coding


def gzip_stream(data: bytes, notes: list[str]) -> Iterator[bytes]:
    """Every member of a gzip body (RFC 1952 section 2.2); what follows the last is junk and ignored."""
    if not data.startswith(GZIP_MAGIC):
        raise Cut("no gzip magic")
    for member in range(MAX_MEMBERS):
        stream = zlib.decompressobj(wbits=31)
        yield from zlib_steps(stream, data)
        data = stream.unused_data
        if not data.startswith(GZIP_MAGIC):
            note_rest(data, notes)
            return
        if member == 0:
            notes.append("several gzip members")
    raise Cut(f"more than {MAX_MEMBERS} gzip members")


def note_rest(data: bytes, notes: list[str]) -> None:
    """Zero padding is usual in files made of blocks, anything else is worth a note."""
    if data.strip(b"\x00"):
        notes.append("junk after gzip")


def deflate_stream(data: bytes, notes: list[str]) -> Iterator[bytes]:
    """zlib data as RFC 9110 says, or bare deflate as many servers have it."""
    has_zlib_header = len(data) >= 2 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
    if not has_zlib_header:
        notes.append("bare deflate")
    yield from zlib_steps(zlib.decompressobj(wbits=15 if has_zlib_header else -15), data)


def zlib_steps(stream: zlib._Decompress, data: bytes) -> Iterator[bytes]:
    """The output of one zlib stream, in steps; raises `Cut` where it breaks off."""
    while data:
        try:
            piece = stream.decompress(data, STEP_BYTES)
        except zlib.error as error:
            raise Cut(str(error)) from error
        yield piece
        data = stream.unconsumed_tail
        if not piece and not stream.eof:
            break
    if not stream.eof:
        yield flushed(stream)
        raise Cut("the stream ends early")


def flushed(stream: zlib._Decompress) -> bytes:
    """What zlib still holds of a stream that ended early: at most a window."""
    try:
        return stream.decompress(b"", STEP_BYTES)
    except zlib.error:
        return b""


def brotli_stream(data: bytes, _notes: list[str]) -> Iterator[bytes]:
    """A brotli body (RFC 7932)."""
    stream = brotli.Decompressor()
    while True:
        try:
            piece: bytes = stream.process(data, output_buffer_limit=STEP_BYTES)
        except brotli.error as error:
            raise Cut(str(error)) from error
        data = b""
        yield piece
        if stream.is_finished():
            return
        if stream.can_accept_more_data():
            raise Cut("the stream ends early")


def zstd_stream(data: bytes, notes: list[str]) -> Iterator[bytes]:
    """Every frame of a zstd body (RFC 8878); what follows the last is junk and ignored.

    The library's bounded reader takes a cut frame for a whole one, and the reader that tells them apart has no bound.
    So the first gives the output, and the second is asked how it ended when the size is known to be within the caps.
    """
    if not data.startswith(ZSTD_MAGIC):
        raise Cut("no zstd magic")
    ending = "the stream ends early"
    # One frame per read: across frames, junk behind the last would take its output along.
    with zstd_decompressor().stream_reader(io.BytesIO(data), read_across_frames=False) as reader:
        try:
            while piece := reader.read(STEP_BYTES):
                yield piece
        except zstandard.ZstdError as error:
            ending = str(error)
    rest = after_zstd_frames(data)
    if rest is None:
        raise Cut(ending)
    if rest:
        notes.append("junk after zstd")


def after_zstd_frames(data: bytes) -> bytes | None:
    """What follows the last whole frame; None when a frame is cut or damaged."""
    for _ in range(MAX_MEMBERS):
        frame = zstd_decompressor().decompressobj()
        try:
            frame.decompress(data)
        except zstandard.ZstdError:
            return None
        if not frame.eof:
            return None
        data = frame.unused_data
        if not data.startswith(ZSTD_MAGIC):
            return data
    return None


def zstd_decompressor() -> zstandard.ZstdDecompressor:
    """A decompressor that refuses windows larger than HTTP's."""
    return zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)


STREAMS: dict[str, Callable[[bytes, list[str]], Iterator[bytes]]] = {
    "gzip": gzip_stream,
    "deflate": deflate_stream,
    "br": brotli_stream,
    "zstd": zstd_stream,
}
