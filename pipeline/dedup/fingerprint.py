"""Fingerprints: hashes and sketches of an article's text, to recognise it and to find its copies.

Promises the same fingerprint on every machine and in every process for one METHOD. Sizes were measured on labelled
news. A bottom-k sketch of word-3-grams estimates containment within ±0.03. Two of the 24 smallest word-5-grams in
common find 99 % of copies. Containment, not the Jaccard index, finds syndication: a cut or an expanded copy is
contained, but not similar. Left to others: the verdict (`decide.py`).
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain
from typing import TYPE_CHECKING, TypeVar

from pipeline.domain.errors import StoreError

if TYPE_CHECKING:
    from pipeline.text.tokens import Paragraph

METHOD = "v1"
Value = TypeVar("Value", int, str)

KEYS = 24  # two of them of the headline; two shared keys make a candidate, so the same headline alone is enough
MIN_TITLE_WORDS = 3  # shorter headlines are shared by chance
MIN_SHARE_LEFT = 0.35  # of the tokens, without the host's repeated paragraphs; with less the extraction is doubted
MAX_NUMBERS = 64  # more than nearly all articles have
MAX_TITLE_WORDS = 24  # no real headline is longer
MAX_NAMES = 32  # the smallest hashes; of two longer lists, those below both cut-offs are compared
MAX_PARAGRAPHS = 64  # of a live blog's hundreds; enough to distinguish boilerplate from news

_LAYOUT = 2  # of the packed bytes
_HEAD = struct.Struct("<B32s8sIIBHHHHHH")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*(?: \d{3}(?!\d))*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_SEPARATORS = str.maketrans("", "", "., ")
# Function words in headlines: English, French, German, Spanish and Portuguese, Italian, Dutch.
_FUNCTION_WORD_LIST = (
    "the and for with from that this are was has les des une dans sur pour par est aux avec qui que der die "
    "das und von mit den ein eine für los las del por con una para che per gli della nel het een van"
)
_FUNCTION_WORDS = frozenset(_FUNCTION_WORD_LIST.split())


@dataclass(frozen=True, slots=True)
class Similarity:
    """Shares between 0 and 1: of the first text that is in the second, of the second in the first, and of both."""

    containment_a: float
    containment_b: float
    jaccard: float

    def rounded(self) -> Similarity:
        """To three digits: sketches estimate no better."""
        return Similarity(round(self.containment_a, 3), round(self.containment_b, 3), round(self.jaccard, 3))

    @property
    def containment(self) -> float:
        """The larger share: most of one text is in the other."""
        return max(self.containment_a, self.containment_b)

    @property
    def smaller(self) -> float:
        """The smaller share: the part of the longer text that is shared."""
        return min(self.containment_a, self.containment_b)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fingerprint:
    """Condensed text of one article. `tokens` and the fields after it leave out paragraphs that the host repeats."""

    content_hash: str  # sha256 (hex) over the normalised tokens of the whole text
    title_hash: str  # 16 hex digits, over the headline's
    tokens: int  # words; signs in scripts without spaces
    sketch: bytes  # smallest word-3-gram hashes, ascending, 3 bytes each
    cutoff: int  # every hash below it is in the sketch
    keys: tuple[int, ...]  # 24: of the smallest word-5-grams, and two of the headline; int32
    title_words: tuple[int, ...]  # of the headline's content words, int32
    numbers: tuple[str, ...]  # distinct, without separators, years aside, the first of them in order
    paragraphs: tuple[int, ...]  # hashes of the paragraphs in order, int32
    names: tuple[int, ...] = ()  # of words with a capital inside a sentence, the smallest, ascending, int32
    suspect: bool = False  # most paragraphs are repeated by the host: the extraction is doubted

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
        """Unpack the bytes of `to_bytes`. Raises StoreError for another layout."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class TextMarks:
    """What an article's text is compared by: fingerprint, hashes of its paragraphs, agencies that it credits.

    The fingerprint covers the whole text; `Extractor.fingerprint` leaves out paragraphs that the host repeats.
    """

    fingerprint: Fingerprint
    paragraphs: tuple[int, ...]
    credits: tuple[str, ...]


def fingerprint(title: str, text: str, *, repeated: frozenset[int] = frozenset()) -> Fingerprint:
    """Compute an article's fingerprint; `repeated` holds the paragraphs that its host repeats."""
    from pipeline.dedup import shingles  # only here: loading numpy costs a fifth of a CPU second
    from pipeline.text.tokens import headline_tokens, news_paragraphs

    paragraphs = news_paragraphs(text)
    hashed = [(_paragraph_hash(each), each) for each in paragraphs]
    own = [(number, each) for number, each in hashed if number not in repeated]
    tokens = list(chain.from_iterable(each.tokens for _, each in own))
    everything = list(chain.from_iterable(each.tokens for each in paragraphs))
    title_tokens = headline_tokens(title)
    title_words = shingles.distinct_word_hashes(_content_words(title_tokens))[:MAX_TITLE_WORDS]
    words = shingles.word_hashes(tokens)
    sketch, cutoff = shingles.bottom_k(shingles.shingle_hashes(words, 3))
    from_title = shingles.headline_keys(title_words) if len(title_words) >= MIN_TITLE_WORDS else ()
    return Fingerprint(
        content_hash=_sha256(everything),
        title_hash=_sha256(title_tokens)[:16],
        tokens=len(tokens),
        sketch=sketch,
        cutoff=cutoff,
        keys=shingles.as_int32(shingles.shingle_hashes(words, 5)[: KEYS - len(from_title)]) + from_title,
        title_words=title_words,
        numbers=_numbers([each.text for _, each in own]),
        paragraphs=tuple(number for number, _ in own[:MAX_PARAGRAPHS]),
        names=shingles.mixed_word_hashes({name for _, each in own for name in each.names})[:MAX_NAMES],
        suspect=len(tokens) < MIN_SHARE_LEFT * len(everything),
    )


def paragraph_hashes(text: str) -> tuple[int, ...]:
    """Distinct hashes of a text's paragraphs, as in `Fingerprint.paragraphs`, to learn what a host repeats."""
    from pipeline.text.tokens import news_paragraphs

    return tuple(dict.fromkeys(_paragraph_hash(each) for each in news_paragraphs(text)))


def compare(a: Fingerprint, b: Fingerprint) -> Similarity:
    """Estimate, without bias, how much of each text is in the other: below both cut-offs the sketches are complete."""
    from pipeline.dedup.shingles import common_share

    return Similarity(*common_share(a.sketch, b.sketch, cutoff=min(a.cutoff, b.cutoff)))


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Share of the smaller set that is in the other; 0 when either is empty."""
    smaller = min(len(a), len(b))
    return len(set(a) & set(b)) / smaller if smaller else 0.0


@dataclass(frozen=True, slots=True)
class CommonCount:
    """Number of values that two lists share, and the length of the shorter one."""

    shared: int
    of_fewer: int


def count_common(a: Sequence[Value], b: Sequence[Value], *, kept: int) -> CommonCount:
    """Count shared values of two ascending lists, where both are complete: a list of `kept` values may be cut."""
    end = min((values[-1] for values in (a, b) if len(values) >= kept), default=None)
    ours, theirs = ({value for value in values if end is None or value <= end} for values in (a, b))
    return CommonCount(len(ours & theirs), min(len(ours), len(theirs)))


def _content_words(tokens: Sequence[str]) -> list[str]:
    """A headline's words without function words and short ones."""
    return [t for t in tokens if (len(t) > 2 or not t.isascii()) and t not in _FUNCTION_WORDS]


def _numbers(paragraphs: Sequence[str]) -> tuple[str, ...]:
    printed = (number for text in paragraphs for number in _NUMBER.findall(text) if not _YEAR.fullmatch(number))
    found = {number.translate(_SEPARATORS) for number in printed}
    return tuple(sorted(number for number in found if number.isascii())[:MAX_NUMBERS])


def _paragraph_hash(paragraph: Paragraph) -> int:
    digest = hashlib.blake2b(" ".join(paragraph.tokens).encode(), digest_size=4).digest()
    return int.from_bytes(digest, "little", signed=True)


def _sha256(tokens: Sequence[str]) -> str:
    return hashlib.sha256(" ".join(tokens).encode()).hexdigest()
