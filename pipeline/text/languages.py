"""Language detection: the language of a text as BCP 47, checked against what its page claims.

A claim is kept when the text's most frequent words support it. Otherwise the text's script or its frequent words
decide, and py3langid only where both are unclear, because it takes longer than parsing the page.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

__all__ = ["detect_language"]

_WORD = re.compile(r"[^\W\d_]+")
_FIRST_CHARS, _SAMPLE_CHARS = 500, 1_500  # the first 500 characters support most claims
_MIN_DETECTED_CHARS = 120  # detectors guess on less
# Words that a text in the language holds by the dozen, and texts in related languages hardly ever.
_COMMON = {
    "fr": "le la les des une est dans pour qui sur pas plus avec son ses aux du au et que",
    "en": "the and of to in that is was for with on as by from has are this at his",
    "de": "der die und den das von zu mit sich ist auf für nicht dem ein eine im als auch",
    "es": "el la los las una que en por con del se para su al es más como y",
    "it": "il la che di per una con del della sono nel anche più gli alla dei è",
    "pt": "o os as que em uma para com não da do na no dos mais por ao",
    "nl": "de het een van en dat is op te voor met niet zijn aan er om ook",
    "pl": "w na się nie z do jest że to i o po jak od przez",
    "da": "og i at det er en til på som for med den af ikke der har han de et fra",
    "no": "og i det er på som en til av for at har de med ikke den fra han et om",
    "fi": "ja on ei se että hän oli ovat myös mutta kun joka kuin sen mukaan jo vuoden olla",
    "tr": "ve bir bu için ile de da olarak çok daha olan en sonra kadar gibi ne her dedi",
    "id": "yang dan di untuk dengan dari dalam itu ini pada tidak ke akan juga para oleh ada",
    "cs": "a se na v je že to o s z do i pro k ve po jako za by si podle",
    "hu": "a az és hogy nem is egy volt azt meg már ez csak de még el mint után",
    "ro": "și de în a la cu din pe care că nu o să pentru au este mai un fost",
    "ru": "в и на не что с по о за из для от как это к его у но",
    "uk": "в і на не що з у та до за про від як для це й його але",
    "sv": "och att det som en är av för med till den har inte på ett",
}
_LANGUAGES_OF_WORD = {
    word: tuple(language for language, others in _COMMON.items() if word in others.split())
    for words in _COMMON.values()
    for word in words.split()
}
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
    detected = _detect_by_script(sample) or _detect_by_frequent_words(frequent, words) or _detect_by_model(sample)
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
    if sample.isascii():
        return None
    return next(
        (language for language, sign, share in _SCRIPTS if len(sign.findall(sample)) > share * len(sample)), None
    )


def _detect_by_frequent_words(frequent: Counter[str], words: int) -> str | None:
    """The language whose frequent words are many in the text and not rivalled by another language's."""
    if words <= _MIN_WORDS or not frequent:
        return None
    (best, count), *others = frequent.most_common(2)
    is_clear = count > _CLEAR * words and all(other < _DISTANT_RIVAL * count for _, other in others)
    return best if is_clear else None


def _detect_by_model(sample: str) -> str:
    import py3langid  # loads numpy and a model: only where a text needs them, not in every command

    return str(py3langid.classify(sample)[0])


def _normalise_tag(tag: str) -> str:
    language, _, region = tag.partition("-")
    return f"{language.lower()}-{region.upper()}" if len(region) == 2 else language.lower()
