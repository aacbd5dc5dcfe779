"""Grams: hashes of words and of words in a row, and sketches of them; all that is done on arrays of numbers.

Promises the same hashes on every machine. What is made of them is `fingerprint.py`'s, which loads this room when there
is an article to decide on: numpy takes a fifth of a CPU second, and most runs of most shards bring no article.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.dedup.similarity import NOTHING_SHARED, Similarity

MIN_SKETCH = 256
MAX_SKETCH = 1024
SKETCH_SHARE = 4  # of a long text every fourth 3-gram, so that a short cut of it still meets some

_SKETCH_BITS = 24  # 3 bytes each: 0.3 chance matches between two of the longest sketches
_FULL = 1 << _SKETCH_BITS  # the cut-off of a sketch that holds every hash
# Odd multipliers that tell the places of an n-gram apart, and the finaliser of splitmix64 (Vigna, public domain).
_PLACES = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

Hashes = npt.NDArray[np.uint64]
Unsigned = TypeVar("Unsigned", bound=np.unsignedinteger)


def word_hashes(tokens: Sequence[str]) -> Hashes:
    """A hash per word; the same word always the same."""
    known = {token: zlib.crc32(token.encode()) for token in set(tokens)}
    return np.fromiter(map(known.__getitem__, tokens), dtype=np.uint64, count=len(tokens))


def grams(words: Hashes, length: int) -> Hashes:
    """Distinct hashes of the word-n-grams, ascending; a text shorter than that gives none."""
    count = len(words) - length + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    mixed = words[:count] * _PLACES[0]
    for place in range(1, length):
        mixed = mixed + words[place : place + count] * _PLACES[place]
    return _distinct(np.sort(_mix(mixed)))


def smallest(hashes: Hashes) -> tuple[bytes, int]:
    """The sketch and its cut-off: the highest bits of the smallest hashes."""
    high = _distinct((hashes >> np.uint64(64 - _SKETCH_BITS)).astype(np.dtype("<u4")))
    count = min(max(min(len(high), MIN_SKETCH), len(high) // SKETCH_SHARE), MAX_SKETCH)
    cutoff = int(high[count]) if count < len(high) else _FULL
    return high[:count].view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), cutoff


def as_int32(hashes: Hashes) -> tuple[int, ...]:
    """The low bits: keys chosen by their whole hash spread over all of int32."""
    return tuple(hashes.astype(np.uint32).view(np.int32).tolist())


def two_of(words: Sequence[int]) -> tuple[int, ...]:
    """Two keys of a headline's words in any order: teasers share few others with their article."""
    whole = np.array([sum(words) % (1 << 32)], dtype=np.uint64)
    return as_int32(_mix(np.concatenate((whole * _PLACES[0], whole * _PLACES[1]))))


def of_words(tokens: Sequence[str]) -> tuple[int, ...]:
    """The distinct hashes of words, in their order."""
    return tuple(dict.fromkeys(as_int32(word_hashes(tokens))))


def mixed(tokens: Collection[str]) -> tuple[int, ...]:
    """The distinct hashes of words, mixed and ascending: the first of them are any of the words."""
    return tuple(sorted(set(as_int32(_mix(word_hashes(tuple(tokens)))))))


def compare_sketches(a: bytes, b: bytes, *, cutoff: int) -> Similarity:
    """Compare two sketches below a cut-off that both reach."""
    ours, theirs = _below(a, cutoff), _below(b, cutoff)
    if not len(ours) or not len(theirs):
        return NOTHING_SHARED
    places = np.minimum(np.searchsorted(theirs, ours), len(theirs) - 1)
    shared = int(np.count_nonzero(theirs[places] == ours))
    return Similarity(shared / len(ours), shared / len(theirs), shared / (len(ours) + len(theirs) - shared))


def _distinct(ascending: npt.NDArray[Unsigned]) -> npt.NDArray[Unsigned]:
    """Each value once; numpy's own `unique` takes ten times as long over a thousand of them."""
    is_first = np.ones(len(ascending), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return ascending[is_first]


def _mix(hashes: Hashes) -> Hashes:
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _MIX_1
    hashes = (hashes ^ (hashes >> np.uint64(27))) * _MIX_2
    return hashes ^ (hashes >> np.uint64(31))


def _below(sketch: bytes, cutoff: int) -> npt.NDArray[np.uint32]:
    bytes_of_3 = np.frombuffer(sketch, dtype=np.uint8).reshape(-1, 3)
    hashes = np.zeros((len(bytes_of_3), 4), dtype=np.uint8)
    hashes[:, :3] = bytes_of_3
    whole = hashes.view("<u4").ravel()
    return whole[: np.searchsorted(whole, cutoff)]
