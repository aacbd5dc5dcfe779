"""Fingerprints: what of an article's words is kept, to know it again and to find its copies.

Promises the same fingerprint on every machine and in every process for one METHOD. Sizes are those measured on labelled
news: a bottom-k sketch of word-3-grams estimates containment within ±0.03, and two of the 24 smallest word-5-grams in
common find 99 % of copies. How alike two are is `similarity.py`; what follows from it is left to `decide.py`.
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

from pipeline.dedup.similarity import Similarity
from pipeline.domain.errors import StoreError
from pipeline.text.tokens import Paragraph, headline_tokens, news_paragraphs

METHOD = "v1"

KEYS = 24
TITLE_KEYS = 2  # of them; two shared keys make a candidate, so the same headline alone is enough
MIN_TITLE_WORDS = 3
MIN_SHARE_LEFT = 0.35  # of the tokens, when the host's repeated paragraphs are gone; below, extraction is doubted
MAX_NUMBERS = 64
MAX_TITLE_WORDS = 24
MAX_NAMES = 32  # the smallest hashes: of two texts that have more, those below both cuts are compared
MAX_PARAGRAPHS = 64  # of a live blog's hundreds; enough to tell furniture from news

_LAYOUT = 2
_HEAD = struct.Struct("<B32s8sIIBHHHHHH")
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
        words = sum(lists, ())
        return head + self.sketch + struct.pack(f"<{len(words)}i", *words) + numbers

    @classmethod
    def from_bytes(cls, packed: bytes) -> Fingerprint:
        """The fingerprint that `to_bytes` packed. Raises StoreError for bytes of another layout."""
        if packed[0] != _LAYOUT:
            raise StoreError(f"a fingerprint of layout {packed[0]}, this release reads {_LAYOUT}", retriable=False)
        _, content, title, tokens, cutoff, suspect, *counts = _HEAD.unpack_from(packed)
        sketch_end = _HEAD.size + 3 * counts[0]
        words_end = sketch_end + 4 * sum(counts[1:5])
        words = struct.unpack_from(f"<{sum(counts[1:5])}i", packed, sketch_end)
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
    from pipeline.dedup import (
        shingles,  # numpy costs a fifth of a CPU second to load: paid by who has an article to decide on
    )

    everything = news_paragraphs(text)
    own = [(hashed, each) for each in everything if (hashed := _paragraph_hash(each)) not in repeated]
    tokens = [token for _, each in own for token in each.tokens]
    title_tokens = headline_tokens(title)
    telling = shingles.of_words(_telling(title_tokens))[:MAX_TITLE_WORDS]
    words = shingles.word_hashes(tokens)
    sketch, cutoff = shingles.smallest(shingles.grams(words, 3))
    from_title = shingles.two_of(telling) if len(telling) >= MIN_TITLE_WORDS else ()
    return Fingerprint(
        content_hash=_sha256([token for each in everything for token in each.tokens]),
        title_hash=_sha256(title_tokens)[:16],
        tokens=len(tokens),
        sketch=sketch,
        cutoff=cutoff,
        keys=shingles.as_int32(shingles.grams(words, 5)[: KEYS - len(from_title)]) + from_title,
        title_words=telling,
        numbers=_numbers([each.text for _, each in own]),
        paragraphs=tuple(hashed for hashed, _ in own[:MAX_PARAGRAPHS]),
        names=shingles.mixed({name for _, each in own for name in each.names})[:MAX_NAMES],
        suspect=len(tokens) < MIN_SHARE_LEFT * sum(len(each.tokens) for each in everything),
    )


def paragraph_hashes(text: str) -> tuple[int, ...]:
    """The distinct hashes of a text's paragraphs, for what is known of its host; as in `Fingerprint.paragraphs`."""
    return tuple(dict.fromkeys(_paragraph_hash(each) for each in news_paragraphs(text)))


def compare(a: Fingerprint, b: Fingerprint) -> Similarity:
    """How much of each is found in the other."""
    from pipeline.dedup.shingles import compare_sketches

    return compare_sketches(a.sketch, b.sketch, cutoff=min(a.cutoff, b.cutoff))


def _telling(tokens: Sequence[str]) -> list[str]:
    """A headline's words that mean something."""
    return [t for t in tokens if (len(t) > 2 or not t.isascii()) and t not in _SHORT_TITLE_WORDS]


def _numbers(paragraphs: Sequence[str]) -> tuple[str, ...]:
    printed = (number for text in paragraphs for number in _NUMBER.findall(text) if not _YEAR.fullmatch(number))
    found = {number.translate(_SEPARATORS) for number in printed}
    return tuple(sorted(number for number in found if number.isascii())[:MAX_NUMBERS])


def _paragraph_hash(paragraph: Paragraph) -> int:
    digest = hashlib.blake2b(" ".join(paragraph.tokens).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little", signed=True)


def _sha256(tokens: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(tokens).encode()).hexdigest()
