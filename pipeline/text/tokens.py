"""Tokenizer: the words by which fingerprints and headlines are compared.

Promises the same tokens for every typography: quotes, dashes, spacing, case, soft hyphens and Unicode form make no
difference. Scripts without spaces give one token per character.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from pipeline.text.stamps import is_boilerplate_line, is_stamp

_INVISIBLE = re.compile(
    "[\u00ad\u0300-\u036f\u064b-\u065f\u0670\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufe00-\ufe0f\ufeff]"
)
_UNSPACED_SIGNS = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_UNSPACED = re.compile(f"[{_UNSPACED_SIGNS}]")
_WORD = re.compile(r"[^\W_]+")
_WORD_OR_SIGN = re.compile(rf"[{_UNSPACED_SIGNS}]|[^\W_{_UNSPACED_SIGNS}]+")
_NAME = re.compile(r"(?<=[^\s.!?:…»”\"“«(\[–—-] )[A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ][^\W_]+")
_BRACKETED = re.compile(r"[(\[]([^()\[\]\n]{3,60})[)\]]")


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
    return _composed(text).casefold()


def _composed(text: str) -> str:
    return text if text.isascii() else _INVISIBLE.sub("", unicodedata.normalize("NFKC", text))


def tokenise(normal: str) -> list[str]:
    """The words of a normalised text: runs of letters and digits."""
    return (_WORD_OR_SIGN if not normal.isascii() and _UNSPACED.search(normal) else _WORD).findall(normal)


@lru_cache(maxsize=2)  # one article's text is split for its repeats, for its fingerprint, and to be stored
def news_paragraphs(text: str) -> tuple[Paragraph, ...]:
    """The paragraphs of a text that carry news, without boilerplate lines."""
    paragraphs = (_paragraph(line) for line in _composed(text).splitlines())
    return tuple(
        paragraph for paragraph in paragraphs if paragraph.tokens and not is_boilerplate_line(paragraph.tokens)
    )


def _paragraph(printed: str) -> Paragraph:
    line = _BRACKETED.sub(_without_stamp, printed.casefold())
    return Paragraph(line, tuple(tokenise(line)), printed)


def headline_tokens(title: str) -> list[str]:
    """The words of a headline, without `(updated)` and similar stamps."""
    return tokenise(_BRACKETED.sub(_without_stamp, normalise(title)))


def words_changed(old_text: str, new_text: str) -> WordsChanged:
    """How many words a revision added and removed, boilerplate lines not counted."""
    old, new = _news_words(old_text), _news_words(new_text)
    kept = sum(block.size for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())
    return WordsChanged(added=len(new) - kept, removed=len(old) - kept)


def _news_words(text: str) -> list[str]:
    return [token for paragraph in news_paragraphs(text) for token in paragraph.tokens]


def _without_stamp(bracketed: re.Match[str]) -> str:
    return " " if is_stamp(tokenise(bracketed[1])) else bracketed[0]
