"""Fingerprints: what of an article's words is kept, to know it again and to find its copies.

Promises the same fingerprint on every machine and in every process for one METHOD. Sizes are those measured on labelled
news: a bottom-k sketch of word-3-grams estimates containment within ±0.03, and two of the 24 smallest word-5-grams in
common find 99 % of copies. How alike two are is `similarity.py`; what follows from it is left to `decide.py`.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from pipeline.errors import StoreError
from pipeline.similarity import Similarity, compare_sketches
from pipeline.words import Paragraph, headline_tokens, news_paragraphs

METHOD = "v1"

KEYS = 24
TITLE_KEYS = 2  # of them; two shared keys make a candidate, so the same headline alone is enough
MIN_TITLE_WORDS = 3
MIN_SKETCH = 256
MAX_SKETCH = 1024
SKETCH_SHARE = 4  # of a long text every fourth 3-gram, so that a short cut of it still meets some
MIN_SHARE_LEFT = 0.35  # of the tokens, when the host's repeated paragraphs are gone; below, extraction is doubted
MAX_NUMBERS = 64
MAX_TITLE_WORDS = 24
MAX_NAMES = 32  # the smallest hashes: of two texts that have more, those below both cuts are compared
MAX_PARAGRAPHS = 64  # of a live blog's hundreds; enough to tell furniture from news

_LAYOUT = 2
_HEAD = struct.Struct("<B32s8sIIBHHHHHH")
_SKETCH_BITS = 24  # 3 bytes each: 0.3 chance matches between two of the longest sketches
_FULL = 1 << _SKETCH_BITS  # the cut-off of a sketch that holds every hash
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?: \d{3}(?!\d))*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SEPARATORS = str.maketrans("", "", "., ")
_SHORT_TITLE_WORDS = frozenset(
    [
        "the",
        "and",
        "for",
        "with",
        "from",
        "that",
        "this",
        "are",
        "was",
        "has",
        "les",
        "des",
        "une",
        "dans",
        "sur",
        "pour",
        "par",
        "est",
        "aux",
        "avec",
        "qui",
        "que",
        "der",
        "die",
        "das",
        "und",
        "von",
        "mit",
        "den",
        "ein",
        "eine",
        "für",
        "los",
        "las",
        "del",
        "por",
        "con",
        "una",
        "para",
        "che",
        "per",
        "gli",
        "della",
        "nel",
        "het",
        "een",
        "van",
    ]
)
# Odd multipliers that tell the places of an n-gram apart, and the finaliser of splitmix64 (Vigna, public domain).
_PLACES = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93, 0xA0761D6478BD642F],
    dtype=np.uint64,
)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)

Hashes = npt.NDArray[np.uint64]
Unsigned = TypeVar("Unsigned", bound=np.unsignedinteger)


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """One article's words, condensed. `tokens` and what comes after it leave out what the host repeats."""

    content_hash: str  # sha256 (hex) over the normalised tokens of the whole text
    title_hash: str  # 16 hex digits, over the headline's
    tokens: int  # words; signs in scripts without spaces
    sketch: bytes  # smallest word-3-gram hashes, ascending, 3 bytes each
    cutoff: int  # every hash below it is in the sketch
    keys: tuple[int, ...]  # 24: of the smallest word-5-grams, and two of the headline; int32
    title_words: tuple[int, ...]  # of the headline's words that mean something, int32
    numbers: tuple[str, ...]  # distinct, without separators, years aside, the first of them in order
    paragraphs: tuple[int, ...]  # hashes of the paragraphs in order, int32
    names: tuple[int, ...] = ()  # of words with a capital inside a sentence, the smallest, ascending, int32
    suspect: bool = False  # little is left beside what the host repeats: the extraction is doubted

    def to_bytes(self) -> bytes:
        """For the store, about 1 kB; the first byte is the layout."""
        numbers = " ".join(self.numbers).encode("ascii")
        lists = self.keys, self.title_words, self.paragraphs, self.names
        counts = len(self.sketch) // 3, *map(len, lists), len(numbers)
        hashes = bytes.fromhex(self.content_hash), bytes.fromhex(self.title_hash)
        head = _HEAD.pack(_LAYOUT, *hashes, self.tokens, self.cutoff, self.suspect, *counts)
        words = np.array(sum(lists, ()), dtype="<i4").tobytes()
        return head + self.sketch + words + numbers

    @classmethod
    def from_bytes(cls, packed: bytes) -> Fingerprint:
        """The fingerprint that `to_bytes` packed. Raises StoreError for bytes of another layout."""
        if packed[0] != _LAYOUT:
            raise StoreError(f"a fingerprint of layout {packed[0]}, this release reads {_LAYOUT}", retriable=False)
        _, content, title, tokens, cutoff, suspect, *counts = _HEAD.unpack_from(packed)
        sketch_end = _HEAD.size + 3 * counts[0]
        words_end = sketch_end + 4 * sum(counts[1:5])
        words = tuple(np.frombuffer(packed[sketch_end:words_end], dtype="<i4").tolist())
        title_at, paragraphs_at, names_at = accumulate(counts[1:4])
        return cls(
            content_hash=content.hex(),
            title_hash=title.hex(),
            tokens=tokens,
            sketch=packed[_HEAD.size : sketch_end],
            cutoff=cutoff,
            keys=words[:title_at],
            title_words=words[title_at:paragraphs_at],
            numbers=tuple(packed[words_end:].decode("ascii").split()),
            paragraphs=words[paragraphs_at:names_at],
            names=words[names_at:],
            suspect=bool(suspect),
        )


def fingerprint(title: str, text: str, *, repeated: frozenset[int] = frozenset()) -> Fingerprint:
    """The fingerprint of an article; `repeated` are the paragraph hashes that its host shows under other URLs too."""
    everything = news_paragraphs(text)
    own = [(hashed, each) for each in everything if (hashed := _paragraph_hash(each)) not in repeated]
    tokens = [token for _, each in own for token in each.tokens]
    title_tokens = headline_tokens(title)
    telling = _title_words(title_tokens)
    words = word_hashes(tokens)
    sketch, cutoff = _smallest(_grams(words, 3))
    return Fingerprint(
        content_hash=_sha256([token for each in everything for token in each.tokens]),
        title_hash=_sha256(title_tokens)[:16],
        tokens=len(tokens),
        sketch=sketch,
        cutoff=cutoff,
        keys=_keys(_grams(words, 5), telling),
        title_words=telling,
        numbers=_numbers([each.text for _, each in own]),
        paragraphs=tuple(hashed for hashed, _ in own[:MAX_PARAGRAPHS]),
        names=_names([name for _, each in own for name in each.names]),
        suspect=len(tokens) < MIN_SHARE_LEFT * sum(len(each.tokens) for each in everything),
    )


def paragraph_hashes(text: str) -> tuple[int, ...]:
    """The distinct hashes of a text's paragraphs, for what is known of its host; as in `Fingerprint.paragraphs`."""
    return tuple(dict.fromkeys(_paragraph_hash(each) for each in news_paragraphs(text)))


def compare(a: Fingerprint, b: Fingerprint) -> Similarity:
    """How much of each is found in the other."""
    return compare_sketches(a.sketch, b.sketch, cutoff=min(a.cutoff, b.cutoff))


def word_hashes(tokens: Sequence[str]) -> Hashes:
    """A hash per word; the same word always the same."""
    known = {token: zlib.crc32(token.encode()) for token in set(tokens)}
    return np.fromiter(map(known.__getitem__, tokens), dtype=np.uint64, count=len(tokens))


def _grams(words: Hashes, length: int) -> Hashes:
    """Distinct hashes of the word-n-grams, ascending; a text shorter than that gives none."""
    count = len(words) - length + 1
    if count < 1:
        return np.empty(0, dtype=np.uint64)
    mixed = words[:count] * _PLACES[0]
    for place in range(1, length):
        mixed = mixed + words[place : place + count] * _PLACES[place]
    return _distinct(np.sort(_mix(mixed)))


def _distinct(ascending: npt.NDArray[Unsigned]) -> npt.NDArray[Unsigned]:
    """Each value once; numpy's own `unique` takes ten times as long over a thousand of them."""
    is_first = np.ones(len(ascending), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_first[1:])
    return ascending[is_first]


def _mix(hashes: Hashes) -> Hashes:
    hashes = (hashes ^ (hashes >> np.uint64(30))) * _MIX_1
    hashes = (hashes ^ (hashes >> np.uint64(27))) * _MIX_2
    return hashes ^ (hashes >> np.uint64(31))


def _as_int32(hashes: Hashes) -> tuple[int, ...]:
    return tuple(hashes.astype(np.uint32).view(np.int32).tolist())


def _smallest(grams: Hashes) -> tuple[bytes, int]:
    """The sketch and its cut-off: the highest bits of the smallest hashes."""
    high = _distinct((grams >> np.uint64(64 - _SKETCH_BITS)).astype(np.dtype("<u4")))
    count = min(max(min(len(high), MIN_SKETCH), len(high) // SKETCH_SHARE), MAX_SKETCH)
    cutoff = int(high[count]) if count < len(high) else _FULL
    return high[:count].view(np.uint8).reshape(-1, 4)[:, :3].tobytes(), cutoff


def _keys(grams: Hashes, title_words: tuple[int, ...]) -> tuple[int, ...]:
    """The smallest by their whole hash; what is kept are its low bits, so that keys spread over all of int32."""
    from_title = _title_keys(title_words)
    return _as_int32(grams[: KEYS - len(from_title)]) + from_title


def _title_keys(title_words: tuple[int, ...]) -> tuple[int, ...]:
    """Keys of the headline's words in any order: teasers share few others with their article."""
    if len(title_words) < MIN_TITLE_WORDS:
        return ()
    whole = np.array([sum(title_words) % (1 << 32)], dtype=np.uint64)
    return _as_int32(_mix(np.concatenate((whole * _PLACES[0], whole * _PLACES[1]))))


def _title_words(tokens: Sequence[str]) -> tuple[int, ...]:
    telling = [t for t in tokens if (len(t) > 2 or not t.isascii()) and t not in _SHORT_TITLE_WORDS]
    return tuple(dict.fromkeys(_as_int32(word_hashes(telling))))[:MAX_TITLE_WORDS]


def _numbers(paragraphs: Sequence[str]) -> tuple[str, ...]:
    printed = (number for text in paragraphs for number in _NUMBER.findall(text) if not _YEAR.fullmatch(number))
    found = {number.translate(_SEPARATORS) for number in printed}
    return tuple(sorted(number for number in found if number.isascii())[:MAX_NUMBERS])


def _names(names: Sequence[str]) -> tuple[int, ...]:
    return tuple(sorted(set(_as_int32(_mix(word_hashes(tuple(set(names)))))))[:MAX_NAMES])


def _paragraph_hash(paragraph: Paragraph) -> int:
    digest = hashlib.blake2b(" ".join(paragraph.tokens).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little", signed=True)


def _sha256(tokens: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(tokens).encode()).hexdigest()
