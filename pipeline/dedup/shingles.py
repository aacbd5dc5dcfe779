"""Shingles: hashes of words and word n-grams, and bottom-k sketches of them, computed with numpy.

Promises the same hashes on every machine. `fingerprint.py` imports this module only when there is an article: loading
numpy takes a fifth of a CPU second. Most runs have no article.

Tested by tests/dedup/test_fingerprint.py.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection, Sequence
from typing import TypeVar

import numpy as np
import numpy.typing as npt

# Hashes per sketch: between them, containment is estimated within ±0.03.
MIN_SKETCH = 256
MAX_SKETCH = 1024
SKETCH_SHARE = 4  # every fourth 3-gram of a long text, so that a short excerpt still shares some

_SKETCH_BITS = 24  # 3 bytes each: 0.3 chance matches between two of the longest sketches
_FULL = 1 << _SKETCH_BITS  # cut-off of a sketch that holds every hash
# Odd multipliers, one per position in an n-gram, and the finaliser of splitmix64 (Vigna, public domain).
_POSITIONS = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

Hashes = npt.NDArray[np.uint64]
Unsigned = TypeVar("Unsigned", bound=np.unsignedinteger)


def word_hashes(tokens: Sequence[str]) -> Hashes:
    """A hash per word."""
    known = {token: zlib.crc32(token.encode()) for token in set(tokens)}
    return np.fromiter(map(known.__getitem__, tokens), dtype=np.uint64, count=len(tokens))


def shingle_hashes(words: Hashes, length: int) -> Hashes:
    """Distinct hashes of the word n-grams, ascending; empty for a shorter text."""
    count = len(words) - length + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    mixed = words[:count] * _POSITIONS[0]
    for position in range(1, length):
        mixed = mixed + words[position : position + count] * _POSITIONS[position]
    return _distinct(np.sort(_mix(mixed)))


def bottom_k(hashes: Hashes) -> tuple[bytes, int]:
    """Bottom-k sketch and its cut-off: the highest bits of the smallest hashes."""
    high = _distinct((hashes >> np.uint64(64 - _SKETCH_BITS)).astype(np.dtype("<u4")))
    count = min(max(min(len(high), MIN_SKETCH), len(high) // SKETCH_SHARE), MAX_SKETCH)
    cutoff = int(high[count]) if count < len(high) else _FULL
    return high[:count].view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), cutoff


def as_int32(hashes: Hashes) -> tuple[int, ...]:
    """The low 32 bits: keys chosen by their whole hash spread over all of int32."""
    return tuple(hashes.astype(np.uint32).view(np.int32).tolist())


def headline_keys(words: Sequence[int]) -> tuple[int, ...]:
    """Two keys of a headline's words in any order: teasers share few other keys with their article."""
    whole = np.array([sum(words) % (1 << 32)], dtype=np.uint64)
    return as_int32(_mix(np.concatenate((whole * _POSITIONS[0], whole * _POSITIONS[1]))))


def distinct_word_hashes(tokens: Sequence[str]) -> tuple[int, ...]:
    """Distinct hashes of words, in their order."""
    return tuple(dict.fromkeys(as_int32(word_hashes(tokens))))


def mixed_word_hashes(tokens: Collection[str]) -> tuple[int, ...]:
    """Distinct mixed hashes of words, ascending: the first ones are a random sample of the words."""
    return tuple(sorted(set(as_int32(_mix(word_hashes(tuple(tokens)))))))


def common_share(a: bytes, b: bytes, *, cutoff: int) -> tuple[float, float, float]:
    """The shares of the first sketch, the second and both that are common, below a cut-off that both cover."""
    ours, theirs = _below(a, cutoff), _below(b, cutoff)
    if not len(ours) or not len(theirs):
        return 0.0, 0.0, 0.0
    positions = np.minimum(np.searchsorted(theirs, ours), len(theirs) - 1)
    shared = int(np.count_nonzero(theirs[positions] == ours))
    return shared / len(ours), shared / len(theirs), shared / (len(ours) + len(theirs) - shared)


def _distinct(ascending: npt.NDArray[Unsigned]) -> npt.NDArray[Unsigned]:
    """Each value once; `numpy.unique` takes ten times as long for a thousand of them."""
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
