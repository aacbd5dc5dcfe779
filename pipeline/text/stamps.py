"""Boilerplate lines around the news: "updated at", comment counters, reading times, buttons, calls to subscribe.

Fingerprints leave these lines out, so that a change in them is no revision. The lists hold only certain cases, as
words in the form of `tokens.tokenise`. What one host repeats is learnt per host instead.
Tested by tests/text/test_tokens.py.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"\w+")
MAX_TOKENS = 20  # longer paragraphs carry news


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _phrases(listed: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in listed.split(","))


# A time stamp is one of these, then nothing but words of time: "Mis à jour le", "Publié hier à".
_STAMPS = _phrases(
    "updated, update, last updated, last update, last modified, modified, first published, published, "
    "posted, mis à jour, mise à jour, dernière mise à jour, article mis à jour, màj, maj, publié, "
    "publiée, posté, modifié, actualisé, aktualisiert, zuletzt aktualisiert, zuletzt geändert, "
    "veröffentlicht, stand, actualizado, actualizada, publicado, última actualización, atualizado, "
    "publicado em, aggiornato, ultimo aggiornamento, pubblicato, bijgewerkt, gepubliceerd, "
    "laatste update, zaktualizowano, opublikowano, обновлено, опубликовано, 更新"
)
_TIMES = _words(
    "at on the of to and à a le la les l du de et hier aujourd hui ce matin soir midi minuit il y am um den der "
    "vom uhr heute gestern vor el las los al del hoy ayer hace em às ontem hoje alle ore oggi ieri om uur op o "
    "godz dnia в h min mn s sec hour hours minute minutes second seconds day days ago today yesterday now just "
    "heure heures jour jours jr stunde stunden minuten tag tagen hora horas minutos día días dias ora minuti "
    "giorni fa pm p m gmt utc bst cest cet est edt pst pdt pt ist jst msk 1er st nd rd th time local locale paris "
    "london new york eastern pacific standard daylight january february march april may june july august "
    "september october november december jan feb mar apr jun jul aug sep sept oct nov dec janvier février mars "
    "avril mai juin juillet août septembre octobre novembre décembre janv févr avr juil déc januar februar märz "
    "juni juli oktober dezember enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre janeiro fevereiro março maio junho julho setembro outubro novembro dezembro gennaio febbraio "
    "aprile maggio giugno luglio settembre ottobre dicembre monday tuesday wednesday thursday friday saturday "
    "sunday mon tue wed thu fri sat sun lundi mardi mercredi jeudi vendredi samedi dimanche montag dienstag "
    "mittwoch donnerstag freitag samstag sonntag lunes martes miércoles jueves viernes sábado domingo lunedì "
    "martedì mercoledì giovedì venerdì sabato domenica published updated publié mis modifié aktualisiert "
    "veröffentlicht 年 月 日 時 分 时"
)
_COUNTED = _words(
    "comment comments commentaire commentaires kommentar kommentare comentario comentarios comentários commento "
    "commenti réaction réactions reaction reactions share shares partage partages likes view views vue vues "
    "aufrufe visualizaciones vote votes lecture lectures reads reacties komentarze"
)
_COUNTING = _words("k m and et und y e fois times vu lu j aime read seen by par people personnes partagé shared")
_READING = _words(
    "min mins minute minutes minuten minutos minuti read reading time temps de lecture lesezeit tiempo lectura "
    "tempo di lettura environ about ca circa"
)
_READING_WORDS = _words("read reading lecture lesezeit lectura lettura")
_BUTTONS = _words(
    "share partager partagez teilen compartir condividi print imprimer drucken save enregistrer sauvegarder "
    "écouter listen réagir commenter follow suivez suivre copy link copier lien advertisement publicité anzeige "
    "werbung publicidad pubblicità facebook twitter x whatsapp linkedin mail email courriel messenger telegram "
    "bluesky instagram google news"
)
_BUTTON_LINKS = _words(
    "this cet cette l article artikel story the on sur via by par auf nous us le la e in with et or and"
)
_SUBSCRIBE = _phrases(
    "inscrivez vous à notre, inscrivez vous à la newsletter, inscrivez vous gratuitement, "
    "abonnez vous à notre, abonnez vous à nos, abonnez vous à la, abonnez vous pour, sign up for our, "
    "sign up to our, subscribe to our, subscribe for, subscribe to the newsletter, "
    "abonnieren sie unseren, melden sie sich für unseren, suscríbete a, suscríbase a, "
    "inscreva se na nossa, iscriviti alla nostra, téléchargez l application, "
    "téléchargez notre application, download our app"
)


def _by_first_word(phrases: tuple[tuple[str, ...], ...]) -> dict[str, list[tuple[str, ...]]]:
    """One look-up is enough for most paragraphs: they begin with none of these words."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        found.setdefault(phrase[0], []).append(phrase)
    return found


_STAMPS_BY_WORD, _SUBSCRIBE_BY_WORD = _by_first_word(_STAMPS), _by_first_word(_SUBSCRIBE)


def is_boilerplate_line(tokens: Sequence[str]) -> bool:
    """Whether a whole paragraph is boilerplate and no news."""
    if len(tokens) > MAX_TOKENS:
        return False
    kinds = (is_stamp, _is_counter, _is_reading_time, _is_button, _is_call_to_subscribe)
    return any(is_kind(tokens) for is_kind in kinds)


def is_stamp(tokens: Sequence[str]) -> bool:
    """Whether this is a time of publishing or updating and nothing else."""
    return any(
        tuple(tokens[: len(stamp)]) == stamp and all(map(_is_time_word, tokens[len(stamp) :]))
        for stamp in _STAMPS_BY_WORD.get(tokens[0] if tokens else "", ())
    )


def is_time(text: str) -> bool:
    """Whether a line is nothing but a date or an hour: `jeudi 13 juin 2019`."""
    tokens = _TOKEN.findall(text.casefold())
    return len(tokens) > 1 and any(token[0].isdecimal() for token in tokens) and all(map(_is_time_word, tokens))


def _is_time_word(token: str) -> bool:
    return token in _TIMES or token[0].isdecimal()


def _is_counter(tokens: Sequence[str]) -> bool:
    return not _COUNTED.isdisjoint(tokens) and _is_number_with(_COUNTED | _COUNTING, tokens)


def _is_reading_time(tokens: Sequence[str]) -> bool:
    return not _READING_WORDS.isdisjoint(tokens) and _is_number_with(_READING, tokens)


def _is_number_with(words: frozenset[str], tokens: Sequence[str]) -> bool:
    """Whether there is a number, and nothing but numbers and these words."""
    others = [token for token in tokens if not token[0].isdecimal()]
    return len(others) < len(tokens) and words.issuperset(others)


def _is_button(tokens: Sequence[str]) -> bool:
    return not _BUTTONS.isdisjoint(tokens) and all(t in _BUTTONS or t in _BUTTON_LINKS for t in tokens)


def _is_call_to_subscribe(tokens: Sequence[str]) -> bool:
    return any(tuple(tokens[: len(call)]) == call for call in _SUBSCRIBE_BY_WORD.get(tokens[0] if tokens else "", ()))
