"""Headlines: what a headline's own words say about the kind of article below it."""

from __future__ import annotations

from functools import lru_cache

from pipeline.text.tokens import headline_tokens

_DIGESTS = (
    "digest, roundup, round up, news in brief, in brief, press review, recap, en bref, revue de presse, récap, "
    "l actu en bref, presseschau, nachrichtenüberblick, kurz notiert, kurzmeldungen, rassegna stampa, in breve, "
    "revista de prensa, en breve, resumen de prensa, przegląd prasy, дайджест, обзор прессы"
)
_DIGEST_PHRASES = tuple(tuple(phrase.split()) for phrase in _DIGESTS.split(","))


@lru_cache(maxsize=4096)
def is_digest_headline(title: str) -> bool:
    """Whether a headline announces a digest: a press review, a roundup, the news in brief."""
    tokens = tuple(headline_tokens(title))
    return any(_contains(tokens, phrase) for phrase in _DIGEST_PHRASES)


def _contains(tokens: tuple[str, ...], phrase: tuple[str, ...]) -> bool:
    return any(tokens[at : at + len(phrase)] == phrase for at in range(len(tokens) - len(phrase) + 1))
