"""What a page prints around the news: "updated at", counters, buttons, calls to subscribe.

A change there is no change of the article, so fingerprints leave it out. Only what is furniture beyond doubt is listed,
as words in the form of `fingerprint.tokenise`; what a host repeats in its own words is learnt per host instead.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

_TOKEN = re.compile(r"\w+")
MAX_TOKENS = 20  # longer paragraphs carry news, whatever they begin with


def _words(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


def _phrases(listed: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(phrase.split()) for phrase in listed.split(","))


# "Mis à jour le", "Last updated", "Publié hier à": one of these first, then nothing but words of time.
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
_READING_MARKS = _words("read reading lecture lesezeit lectura lettura")
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
    """Most paragraphs begin with none of these words: one look tells."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for phrase in phrases:
        found.setdefault(phrase[0], []).append(phrase)
    return found


_STAMPS_BY_WORD, _SUBSCRIBE_BY_WORD = _by_first_word(_STAMPS), _by_first_word(_SUBSCRIBE)


def is_boilerplate_line(tokens: Sequence[str]) -> bool:
    """Whether a whole paragraph says nothing of the news."""
    if len(tokens) > MAX_TOKENS:
        return False
    return is_stamp(tokens) or _is_counter(tokens) or _is_reading_time(tokens) or _is_button(tokens) or _asks(tokens)


def is_stamp(tokens: Sequence[str]) -> bool:
    """Whether this is a time of publishing or updating with nothing beside it."""
    return any(
        tuple(tokens[: len(stamp)]) == stamp and all(map(_tells_time, tokens[len(stamp) :]))
        for stamp in _STAMPS_BY_WORD.get(tokens[0] if tokens else "", ())
    )


def is_time(text: str) -> bool:
    """Whether a line is nothing but a date or an hour: `jeudi 13 juin 2019`."""
    tokens = _TOKEN.findall(text.casefold())
    return any(token[0].isdecimal() for token in tokens) and all(map(_tells_time, tokens)) and len(tokens) > 1


def _tells_time(token: str) -> bool:
    return token in _TIMES or token[0].isdecimal()


def _is_counter(tokens: Sequence[str]) -> bool:
    if _COUNTED.isdisjoint(tokens):
        return False
    words = [token for token in tokens if not token[0].isdecimal()]
    return len(words) < len(tokens) and all(w in _COUNTED or w in _COUNTING for w in words)


def _is_reading_time(tokens: Sequence[str]) -> bool:
    if _READING_MARKS.isdisjoint(tokens):
        return False
    words = {token for token in tokens if not token[0].isdecimal()}
    return len(words) < len(tokens) and words <= _READING


def _is_button(tokens: Sequence[str]) -> bool:
    return not _BUTTONS.isdisjoint(tokens) and all(t in _BUTTONS or t in _BUTTON_LINKS for t in tokens)


def _asks(tokens: Sequence[str]) -> bool:
    return any(tuple(tokens[: len(call)]) == call for call in _SUBSCRIBE_BY_WORD.get(tokens[0] if tokens else "", ()))
