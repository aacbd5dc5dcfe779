"""Tokenizer: the words by which fingerprints and headlines are compared, without boilerplate lines around the news.

Promises the same tokens for every typography: quotes, dashes, spacing, case, soft hyphens and Unicode form make no
difference. Scripts without spaces give one token per character. Boilerplate lines are "updated at", comment counters,
reading times, buttons and calls to subscribe (`tokens.toml`). Fingerprints leave them out: a change in them is no
revision.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from pipeline.text.normalize import read_table

_INVISIBLE = re.compile(
    "[\u00ad\u0300-\u036f\u064b-\u065f\u0670\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
# Letters that are written in two ways: Arabic alef, hamza, ta marbuta and tatweel, Persian ya and kaf, Turkish i.
_ONE_LETTER = str.maketrans("أإآٱؤئىیېةۀکیı", "ااااوييييههكيi", "ـء")
_ACCENTED_GREEK = re.compile("[\u0370-\u03ff\u1f00-\u1fff]+")
_UNSPACED_SIGNS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED = re.compile(f"[{_UNSPACED_SIGNS}]")
_WORD = re.compile(r"[^\W_]+")
_WORD_OR_SIGN = re.compile(rf"[{_UNSPACED_SIGNS}]|[^\W_{_UNSPACED_SIGNS}]+")
_NAME = re.compile(r"(?<=[^\s.!?:…»”\"“«(\[–—-] )[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ][^\W_]+")
_BRACKETED = re.compile(r"[(\[]([^()\[\]\n]{3,60})[)\]]")
_WORD_OR_UNDERSCORE = re.compile(r"\w+")

MAX_BOILERPLATE_TOKENS = 20  # longer paragraphs carry news
_Phrases = Mapping[str, Sequence[Sequence[str]]]


def _by_first_word(listed: str) -> _Phrases:
    """One look-up is enough for most paragraphs: they begin with none of these words."""
    found: dict[str, list[list[str]]] = {}
    for phrase in map(str.split, listed.split(",")):
        found.setdefault(phrase[0], []).append(phrase)
    return found


_TABLE = read_table(__name__)
_STAMPS, _SUBSCRIBE = _by_first_word(_TABLE["stamps"]), _by_first_word(_TABLE["subscribe"])
_TIMES = frozenset(_TABLE["times"].split())
# Of each kind of line: words of which it has at least one, all words that it may have, whether it has a number.
_LINES = tuple(
    (frozenset(_TABLE[some].split()), frozenset(f"{_TABLE[some]} {_TABLE[others]}".split()), has_number)
    for some, others, has_number in (
        ("counted", "counting", True),
        ("reading_words", "reading", True),
        ("buttons", "button_links", False),
    )
)


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph's normalised text, its tokens and its names."""

    text: str
    tokens: tuple[str, ...]
    printed: str  # with its capitals

    @property
    def names(self) -> tuple[str, ...]:
        """Capitalised words inside a sentence: people, places, German nouns. Empty where all is capitals."""
        if self.printed.isupper():
            return ()
        return tuple(name.casefold() for name in _NAME.findall(" ".join(self.printed.split())))


@dataclass(frozen=True, slots=True)
class WordsChanged:
    """The size of a revision, as numbers of words."""

    added: int
    removed: int


def normalise(text: str) -> str:
    """NFKC, case folded, without invisible characters: one form for all typographic variants of a text."""
    return _folded(_composed(text))


def _folded(composed: str) -> str:
    """Without differences of case and of letters that are written in two ways; capitals of Greek have no accents."""
    folded = composed.casefold()
    if folded.isascii():
        return folded
    return _ACCENTED_GREEK.sub(_without_accents, folded.translate(_ONE_LETTER)).replace("i\u0307", "i")


def _without_accents(greek: re.Match[str]) -> str:
    return "".join(sign for sign in unicodedata.normalize("NFD", greek[0]) if not unicodedata.combining(sign))


def _composed(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def tokenise(normal: str) -> list[str]:
    """The words of a normalised text: runs of letters and digits."""
    return (_WORD_OR_SIGN if not normal.isascii() and _UNSPACED.search(normal) else _WORD).findall(normal)


@lru_cache(maxsize=2)  # one article's text is split for its repeats, for its fingerprint, and to be stored
def news_paragraphs(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of a text that carry news, without boilerplate lines."""
    found = []
    for printed in _composed(text).splitlines():
        line = _BRACKETED.sub(_without_stamp, _folded(printed))
        tokens = tuple(tokenise(line))
        if tokens and not is_boilerplate_line(tokens):
            found.append(Paragraph(line, tokens, printed))
    return tuple(found)


def headline_tokens(title: str) -> list[str]:
    """The words of a headline, without `(updated)` and similar stamps."""
    return tokenise(_BRACKETED.sub(_without_stamp, normalise(title)))


def words_changed(old_text: str, new_text: str) -> WordsChanged:
    """How many words a revision added and removed, boilerplate lines not counted."""
    old, new = (
        [token for paragraph in news_paragraphs(text) for token in paragraph.tokens] for text in (old_text, new_text)
    )
    kept = sum(block.size for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())
    return WordsChanged(added=len(new) - kept, removed=len(old) - kept)


def _without_stamp(bracketed: re.Match[str]) -> str:
    return " " if is_stamp(tokenise(bracketed[1])) else bracketed[0]


def is_boilerplate_line(tokens: Sequence[str]) -> bool:
    """Whether a whole paragraph is boilerplate and no news."""
    if len(tokens) > MAX_BOILERPLATE_TOKENS:
        return False
    if is_stamp(tokens) or any(_beginnings(tokens, _SUBSCRIBE)):
        return True
    words = [token for token in tokens if not token[0].isdecimal()]
    numbered = len(words) < len(tokens)
    return any(
        numbered is has_number and not some.isdisjoint(words) and every.issuperset(words)
        for some, every, has_number in _LINES
    )


def is_stamp(tokens: Sequence[str]) -> bool:
    """Whether this is a time of publishing or updating and nothing else."""
    return any(all(map(_is_time_word, tokens[len(stamp) :])) for stamp in _beginnings(tokens, _STAMPS))


def is_time(text: str) -> bool:
    """Whether a line is nothing but a date or an hour: `jeudi 13 juin 2019`."""
    tokens = _WORD_OR_UNDERSCORE.findall(text.casefold())
    return len(tokens) > 1 and any(token[0].isdecimal() for token in tokens) and all(map(_is_time_word, tokens))


def _is_time_word(token: str) -> bool:
    return token in _TIMES or token[0].isdecimal()


def _beginnings(tokens: Sequence[str], phrases: _Phrases) -> Iterator[Sequence[str]]:
    """The phrases that these tokens begin with."""
    for phrase in phrases.get(tokens[0] if tokens else "", ()):
        if list(tokens[: len(phrase)]) == phrase:
            yield phrase
