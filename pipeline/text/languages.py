"""Languages: what a text is written in, detected and compared with what the page says of itself.

Where the page's claim is borne out by the text's commonest words it stands; else the language whose words or whose
script are plainly the text's; else a detector is asked, which takes longer than parsing the page does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import chain

__all__ = ["detect_language"]

_WORD = re.compile(r"[^\W\d_]+")
_FIRST_CHARS, _SAMPLE_CHARS = 500, 1_500  # the first tell enough of most texts to bear out what their page says
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
_LANGUAGES_OF = {
    word: tuple(language for language, others in _COMMON.items() if word in others.split())
    for words in _COMMON.values()
    for word in words.split()
}
_BORNE_OUT, _HINTED = 0.15, 0.07  # of the words; Turkish, Finnish and Indonesian have few short ones
_NEARLY = 0.8  # of the commonest language's words: Danish and Norwegian share most of theirs
_PLAIN, _RIVAL = 0.2, 0.5  # of the words, and of the best: the detector agrees on 769 of 769 labelled pages
_FEW_WORDS = 20
_WRITTEN_AS = {"nb": "no", "nn": "no"}  # two ways to write Norwegian
_SCRIPTS = (  # in this order: Japanese is written in Chinese signs too, Korean now and then
    ("ja", re.compile("[\u3040-\u30ff]"), 0.2),
    ("ko", re.compile("[\uac00-\ud7af]"), 0.2),
    ("zh", re.compile("[\u4e00-\u9fff]"), 0.3),
    ("el", re.compile("[\u0370-\u03ff\u1f00-\u1fff]"), 0.3),
    ("th", re.compile("[\u0e00-\u0e7f]"), 0.3),
)


def detect_language(text: str, *, told: Sequence[str]) -> str | None:
    """The text's language as BCP 47; `told` are claims in order of trust."""
    claims = [claim.replace("_", "-") for claim in told if claim]
    for chars in (_FIRST_CHARS, _SAMPLE_CHARS):
        sample = text[:chars]
        spoken, words = _spoken_in(sample)
        claimed = claims[0].partition("-")[0].lower() if claims else ""
        if claims and _is_borne_out(_WRITTEN_AS.get(claimed, claimed), spoken, words):
            return _tidy(claims[0])
    if len(sample) < _ENOUGH_CHARS:
        return _tidy(claims[0]) if claims else None
    detected = _by_script(sample) or _by_words(spoken, words) or _detected(sample)
    return next((_tidy(claim) for claim in claims if claim.lower().startswith(detected)), detected)


def _spoken_in(sample: str) -> tuple[Counter[str], int]:
    """How many words of a sample are common ones of each language, and how many there are."""
    words = _WORD.findall(sample.lower())
    return Counter(chain.from_iterable(_LANGUAGES_OF[word] for word in words if word in _LANGUAGES_OF)), len(words)


def _detected(sample: str) -> str:
    import py3langid  # brings numpy and a model: paid where a text needs them, not by every command

    return str(py3langid.classify(sample)[0])


def _is_borne_out(language: str, spoken: Counter[str], words: int) -> bool:
    """Whether a text's common words are that language's, and not rather another's."""
    count = spoken[language]
    if words <= _FEW_WORDS or count <= _HINTED * words:
        return False
    rival = max((others for other, others in spoken.items() if other != language), default=0)
    return _NEARLY * rival <= count if count > _BORNE_OUT * words else rival < _RIVAL * count


def _by_script(sample: str) -> str | None:
    if sample.isascii():
        return None
    return next(
        (language for language, sign, share in _SCRIPTS if len(sign.findall(sample)) > share * len(sample)), None
    )


def _by_words(spoken: Counter[str], words: int) -> str | None:
    """The language that a text is plainly in: by common words that no other language rivals."""
    if words <= _FEW_WORDS or not spoken:
        return None
    (best, count), *others = spoken.most_common(2)
    is_plain = count > _PLAIN * words and all(other < _RIVAL * count for _, other in others)
    return best if is_plain else None


def _tidy(tag: str) -> str:
    language, _, region = tag.partition("-")
    return f"{language.lower()}-{region.upper()}" if len(region) == 2 else language.lower()
