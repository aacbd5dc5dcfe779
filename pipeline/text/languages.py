"""Language detection: the language of a text as BCP 47, checked against what its page claims.

A claim is kept when the text's most frequent words support it. Otherwise the text's script or its frequent words
decide, and py3langid only where both are unclear, because it takes longer than parsing the page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

from pipeline.text.normalize import read_table

_WORD = re.compile(r"[^\W\d_]+")
_FIRST_CHARS, _SAMPLE_CHARS = 500, 1_500  # the first 500 characters support most claims
_MODEL_CHARS = 600  # for py3langid: more changed none of 611 answers and costs in proportion
_MIN_DETECTED_CHARS = 120  # detectors guess on less
_LANGUAGES_OF_WORD: dict[str, list[str]] = {}
for _language, _words in read_table(__name__).items():
    for _word in dict.fromkeys(_words.split()):
        _LANGUAGES_OF_WORD.setdefault(_word, []).append(_language)
# Shares of a text's words that are frequent words of one language:
_SUPPORTED, _WEAKLY_SUPPORTED = 0.15, 0.07  # Turkish, Finnish and Indonesian have few short words
_NEAR_RIVAL = 0.8  # of the best language's count: Danish and Norwegian share most frequent words
_CLEAR, _DISTANT_RIVAL = 0.2, 0.5  # py3langid agrees on 769 of 769 labelled pages
_MIN_WORDS = 20
_MACROLANGUAGES = {"nb": "no", "nn": "no"}  # Bokmål and Nynorsk are Norwegian
_SCRIPTS = (  # in this order: Japanese also uses Chinese characters, Korean sometimes does
    ("ja", re.compile("[\u3040-\u30ff]"), 0.2),
    ("ko", re.compile("[\uac00-\ud7af]"), 0.2),
    ("zh", re.compile("[\u4e00-\u9fff]"), 0.3),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), 0.3),
    ("th", re.compile("[\u0e00-\u0e7f]"), 0.3),
)


def detect_language(text: str, *, claims: Sequence[str]) -> str | None:
    """The text's language as BCP 47; `claims` are the page's own, the most trusted first."""
    claims = [claim.replace("_", "-") for claim in claims if claim]
    first = next(iter(claims), "")
    for chars in (_FIRST_CHARS, _SAMPLE_CHARS):
        sample = text[:chars]
        frequent, words = _count_frequent_words(sample)
        if first and _supports(first.partition("-")[0].lower(), frequent, words):
            return _normalise_tag(first)
    if len(sample) < _MIN_DETECTED_CHARS:
        return _normalise_tag(first) or None
    detected = _detect_by_script(sample) or _detect_by_frequent_words(frequent, words)
    if detected is None:
        import py3langid  # loads numpy and a model: only where a text needs them, not in every command

        detected = str(py3langid.classify(sample[:_MODEL_CHARS])[0])
    return next((_normalise_tag(claim) for claim in claims if claim.lower().startswith(detected)), detected)


def _count_frequent_words(sample: str) -> tuple[Counter[str], int]:
    """How many of the words are frequent ones of each language, and how many words there are."""
    words = _WORD.findall(sample.lower())
    return Counter(chain.from_iterable(_LANGUAGES_OF_WORD.get(word, ()) for word in words)), len(words)


def _supports(claimed: str, frequent: Counter[str], words: int) -> bool:
    """Whether a text's frequent words are those of the claimed language rather than of another."""
    claimed = _MACROLANGUAGES.get(claimed, claimed)
    count = frequent[claimed]
    if words <= _MIN_WORDS or count <= _WEAKLY_SUPPORTED * words:
        return False
    rival = max((others for other, others in frequent.items() if other != claimed), default=0)
    return _NEAR_RIVAL * rival <= count if count > _SUPPORTED * words else rival < _DISTANT_RIVAL * count


def _detect_by_script(sample: str) -> str | None:
    scripts = () if sample.isascii() else _SCRIPTS
    return next((name for name, sign, share in scripts if len(sign.findall(sample)) > share * len(sample)), None)


def _detect_by_frequent_words(frequent: Counter[str], words: int) -> str | None:
    """The language whose frequent words are many in the text and not rivalled by another language's."""
    if words <= _MIN_WORDS or not frequent:
        return None
    (best, count), *others = frequent.most_common(2)
    is_clear = count > _CLEAR * words and all(other < _DISTANT_RIVAL * count for _, other in others)
    return best if is_clear else None


def _normalise_tag(tag: str) -> str:
    language, _, region = tag.partition("-")
    return f"{language.lower()}-{region.upper()}" if len(region) == 2 else language.lower()
