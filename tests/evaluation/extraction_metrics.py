"""How near a text is to its gold text: the metrics that the corpora's own papers use, written out.

4-gram shingle multisets are article-extraction-benchmark's `evaluate.py`; ROUGE-LSum is fundus-evaluation's (tokens of
rouge_score, sentences split by punctuation); word F is WCXB's; segments are trafilatura's own.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import fmean
from unicodedata import normalize

# Some gold texts are decomposed or hold soft hyphens, which would break words into two: both sides are put right.
_INVISIBLE = re.compile("[\u00ad\u200b\u200c\u200d\u2060\ufeff]")
_TOKEN = re.compile(r"\w+")
_ROUGE_TOKEN = re.compile(r"[a-z0-9]+")
_SENTENCE = re.compile(r"(?<=[.!?…])[\"'”’»)]*\s+|\n+")


@dataclass(frozen=True, slots=True)
class Score:
    """Precision, recall and F1 of one page."""

    precision: float
    recall: float
    f1: float


def shingle_score(gold: str, text: str, *, size: int = 4) -> Score:
    """Multisets of `size` words in a row, as shares that the two texts have in common."""
    return _compare(_shingles(gold, size), _shingles(text, size))


def shingle_score_of_options(gold_paragraphs: Sequence[str], text: str) -> Score:
    """4-word shingles against the gold with or without its optional paragraphs (`[…]`), whichever is nearest."""
    optional = [p.strip("[]") for p in gold_paragraphs if p.startswith("[")]
    golds = (
        "\n".join(p.strip("[]") for p in gold_paragraphs if not p.startswith("[") or p.strip("[]") in taken)
        for taken in _subsets(optional)
    )
    return max((shingle_score(gold, text) for gold in golds), key=lambda score: score.f1)


def word_score(gold: str, text: str) -> Score:
    """The same with single words."""
    return shingle_score(gold, text, size=1)


def overall(scores: Sequence[Score], texts: Sequence[str]) -> Score:
    """A corpus: mean precision over pages with any text, mean recall over all, and the F1 of the two means."""
    precision = fmean([s.precision for s, text in zip(scores, texts, strict=True) if text.strip()] or [0.0])
    recall = fmean([s.recall for s in scores] or [0.0])
    return Score(precision, recall, _f1(precision, recall))


def segment_counts(text: str, wanted: Iterable[str], unwanted: Iterable[str]) -> tuple[int, int, int, int]:
    """True and false positives, false and true negatives of trafilatura's evaluation: segments found in the text."""
    found = [segment in text for segment in wanted]
    wrong = [segment in text for segment in unwanted]
    return sum(found), sum(wrong), len(found) - sum(found), len(wrong) - sum(wrong)


def rouge_lsum(gold_paragraphs: Sequence[str], text: str) -> Score:
    """ROUGE-LSum against the gold with or without its optional paragraphs (`[…]`), whichever is nearest."""
    required = [p for p in gold_paragraphs if not p.startswith("[")]
    optional = [p.strip("[]") for p in gold_paragraphs if p.startswith("[")]
    best = Score(0, 0, 0)
    for taken in _subsets(optional):
        chosen = [p.strip("[]") for p in gold_paragraphs if not p.startswith("[") or p.strip("[]") in taken] or required
        best = max(best, _rouge("\n".join(chosen), text), key=lambda s: s.f1)
    return best


def _subsets(values: Sequence[str]) -> list[tuple[str, ...]]:
    """All subsets of up to three values; for more, none or all (a page with five optional paragraphs has 32)."""
    if len(values) > 3:
        return [(), tuple(values)]
    return [subset for size in range(len(values) + 1) for subset in combinations(values, size)]


def _rouge(gold: str, text: str) -> Score:
    gold_sentences = [tokens for part in _SENTENCE.split(gold) if (tokens := _ROUGE_TOKEN.findall(part.lower()))]
    text_sentences = [tokens for part in _SENTENCE.split(text) if (tokens := _ROUGE_TOKEN.findall(part.lower()))]
    gold_left = Counter(token for sentence in gold_sentences for token in sentence)
    text_left = Counter(token for sentence in text_sentences for token in sentence)
    gold_size, text_size = gold_left.total(), text_left.total()
    if not gold_size or not text_size:
        return Score(0, 0, 0)
    hits = 0
    for sentence in gold_sentences:
        for position in sorted(_union_of_subsequences(sentence, text_sentences)):
            token = sentence[position]
            if gold_left[token] > 0 and text_left[token] > 0:
                hits += 1
                gold_left[token] -= 1
                text_left[token] -= 1
    precision, recall = hits / text_size, hits / gold_size
    return Score(precision, recall, _f1(precision, recall))


def _union_of_subsequences(sentence: Sequence[str], others: Sequence[Sequence[str]]) -> set[int]:
    positions: set[int] = set()
    words = set(sentence)
    for other in others:
        if other == sentence:
            return set(range(len(sentence)))
        common = [token for token in other if token in words]
        if common:
            positions |= _longest_common_positions(sentence, common)
    return positions


def _longest_common_positions(a: Sequence[str], b: Sequence[str]) -> set[int]:
    table = [[0] * (len(b) + 1) for _ in range(len(a) + 1)]
    for i, x in enumerate(a, 1):
        row, above = table[i], table[i - 1]
        for j, y in enumerate(b, 1):
            row[j] = above[j - 1] + 1 if x == y else max(above[j], row[j - 1])
    positions, i, j = set(), len(a), len(b)
    while i and j:
        if a[i - 1] == b[j - 1]:
            positions.add(i - 1)
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return positions


def _shingles(text: str, size: int) -> Counter[tuple[str, ...]]:
    tokens = _TOKEN.findall(_INVISIBLE.sub("", normalize("NFC", text)))
    if not tokens:
        return Counter()
    return Counter(tuple(tokens[i : i + size]) for i in range(max(1, len(tokens) - size + 1)))


def _compare(gold: Counter[tuple[str, ...]], text: Counter[tuple[str, ...]]) -> Score:
    common = (gold & text).total()
    precision = common / text.total() if text else float(not gold)
    recall = common / gold.total() if gold else 1.0
    return Score(precision, recall, _f1(precision, recall))


def _f1(precision: float, recall: float) -> float:
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0
