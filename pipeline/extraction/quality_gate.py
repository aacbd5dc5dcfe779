"""Quality gate: whether an extracted text is an article, else the reason of its rejection.

Phrases count only in a text too short to be an article that quotes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import html

from pipeline.domain.model import Rejection
from pipeline.extraction.dom.xpath import text_of

__all__ = ["RULES", "GateInput", "GateRule", "judge"]

LABEL_CHARS = 40
FEW_CHARS = 80  # a news flash of one sentence has more
LINK_SHARE = 0.5  # of a text in links: a list of links
MARKED_LINK_SHARE = 0.8  # the same where the page's JSON-LD declares an article
GARBLED_SAMPLE = 3_000  # characters: garbled text is so from its beginning
GARBLED_SHARE = 0.15  # of characters that prose does not have: random bytes have a quarter, code a tenth
WALL_CHARS = 1_200  # walls and errors are shorter; an article about cookies is longer
GALLERY_TYPES = frozenset({"imagegallery", "mediagallery"})


@dataclass(frozen=True, slots=True, kw_only=True)
class GateInput:
    """The extracted text and the page around it."""

    url: str
    title: str
    paragraphs: tuple[str, ...]
    link_chars: int
    body: html.HtmlElement
    types: frozenset[str]
    is_article_marked: bool
    requires_javascript: bool

    @property
    def text(self) -> str:
        """The extracted text."""
        return "\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True, kw_only=True)
class GateRule:
    """Phrases of a kind of page that is no article; `needed` different ones must be on the page."""

    reason: str
    triggers: str  # joined by `|`, in lower case; each phrase holds one: searching for phrases is slow
    phrases: str
    needed: int = 1


RULES: tuple[GateRule, ...] = (
    GateRule(
        reason="bot_wall",
        triggers=(
            "moment|checking|robot|human|humain|unusual|inhabituel|access|accès|zugriff|acceso|attention required|"
            "captcha|ray id|blocked|interruption|mensch|comportement|vérif|datadome|incapsula|perimeterx|"
            "enable cookies"
        ),
        phrases=(
            r"just a moment|checking (?:if the site connection is secure|your browser)|are you (?:a )?(?:human|"
            r"robot)|verify(?:ing)? (?:that )?you are (?:a )?human|unusual (?:traffic|activity)|"
            r"access (?:to this page )?(?:has been )?denied|attention required|enable cookies and reload|captcha|"
            r"vérifi(?:er|ez|cation) que vous (?:êtes|n'êtes)|êtes[- ]vous un (?:humain|robot)|trafic inhabituel|"
            r"pardon our interruption|ray id|request blocked|datadome|perimeterx|incapsula|"
            r"bestätigen sie,? dass sie (?:ein|kein)|sind sie ein mensch|eres (?:un )?(?:humano|robot)|"
            r"robot ou humain|comportement (?:de|d'un) (?:robot|navigation)|accès (?:temporairement )?(?:restreint|"
            r"refusé|bloqué)|zugriff verweigert|acceso denegado|accesso negato"
        ),
    ),
    GateRule(
        reason="javascript_required",
        triggers="javascript",
        phrases=(
            r"(?:enable|activate|turn on|requires?|activer|activez|aktivieren|habilit\w+|activ\w+|abilit\w+|"
            r"attiv\w+) (?:\w+ ){0,3}javascript|javascript (?:is |has been )?(?:disabled|required|désactivé|"
            r"deaktiviert|desactivado|disabilitato|est nécessaire|is not available)|(?:without|sans|ohne|sin|"
            r"senza) javascript"
        ),
    ),
    GateRule(
        reason="soft_404",
        triggers="404|410|page|oops|hoppla|seite|página|pagina|article|artikel|content|story|contenu|find|trouvons",
        phrases=(
            r"page (?:not found|introuvable|non trouvée|no encontrada|non trovata|doesn't exist|does not exist|"
            r"you (?:requested|are looking for)|que vous (?:cherchez|recherchez|demandez)|n'existe (?:pas|plus))|"
            r"(?:404|410) (?:error|erreur|not found|-)|error(?:e|)? 404|erreur 404|fehler 404|oops|hoppla|"
            r"seite (?:wurde )?nicht gefunden|(?:article|contenu|seite|artikel|content|story) (?:is |has been |"
            r"n'est |a été |ist |wurde )?(?:no longer|plus disponible|removed|supprimé|nicht mehr|gelöscht|retiré|"
            r"expired)|página no (?:encontrada|existe)|pagina non (?:trovata|esiste)|we can.t find|"
            r"nous ne trouvons pas|pagina niet gevonden"
        ),
    ),
    GateRule(
        reason="error_page",
        triggers=(
            "internal server|gateway|unavailable|indisponible|maintenance|error|erreur|fehler|errore|wartung|"
            "mantenimiento|manutenzione|connection|try again|réessayez"
        ),
        phrases=(
            r"(?:internal server|bad gateway|service unavailable|gateway time-?out|temporarily unavailable)|"
            r"temporairement indisponible|site (?:is )?(?:under|en) maintenance|an error (?:has )?occurred|"
            r"error establishing|une erreur (?:est survenue|s'est produite)|ein fehler ist aufgetreten|"
            r"se ha producido un error|si è verificato un errore|wartungsarbeiten|en mantenimiento|in manutenzione|"
            r"database connection|try again later|réessayez (?:plus tard|ultérieurement)"
        ),
    ),
    GateRule(
        reason="consent_wall",
        triggers=(
            "cookie|consent|partner|partenaire|socios|einwilligung|zustimmung|traceur|pur-abo|werbefrei|continue|"
            "continuer|weiter|personal|person|intérêt|interest|interesse|ciblée|publicité"
        ),
        phrases=(
            r"(?:accept|accepter|akzeptieren|aceptar|accettare|accepteren)\w* (?:\w+ ){0,4}(?:cookies|and continue|"
            r"et continuer|und weiter|y continuar)|(?:continue|continuer|weiter|continuar|continua) (?:without|sans|"
            r"ohne|sin|senza) (?:accept|akzept|acept|accett|zustimm)|(?:our|nos|unsere|nuestros|i nostri|"
            r"onze) (?:\d+ )?(?:partners|partenaires|partner|socios)|consent(?:ement|imiento|so)?|einwilligung|"
            r"zustimmung|(?:manage|gérer|verwalten|gestionar|gestisci) (?:\w+ ){0,3}(?:preferences|préférences|"
            r"choices|choix|cookies|preferenze|preferencias)|traceurs|pur-abo|werbefrei lesen|avant de continuer|"
            r"before you continue|legitimate interest|intérêt légitime|berechtigte[ns]? interesse|"
            r"données personnelles|personenbezogene|personal data|datos personales|dati personali|ciblée|"
            r"personalised ads|publicités? personnalisée"
        ),
        needed=2,
    ),
    GateRule(
        reason="cookie_text",
        triggers="cookie|nécessaires|necessary|erforderlich|advertising",
        phrases=(
            r"relevant (?:ads|advertising)|behaviou?ral advertising|interest-based ad\w*|we (?:collect|"
            r"use) information about|how to opt[- ]out|make (?:\w+ ){0,4}(?:ads|"
            r"advertising) (?:\w+ ){0,4}more relevant|(?:uses?|utilis\w+|verwend\w+|utiliz\w+|usa|gebruik\w+|"
            r"nutz\w+) (?:\w+ ){0,4}cookies|cookies? (?:policy|settings|notice|richtlinie|preferences|and similar|"
            r"et (?:autres|technologies))|politique (?:de |en matière de )cookies|política de cookies|"
            r"strictly necessary|strictement nécessaires|unbedingt erforderlich"
        ),
        needed=2,
    ),
    GateRule(
        reason="paywall_stub",
        triggers=(
            "subscri|abonn|suscr|abbon|log in|sign in|connectez|identifiez|réserv|reserv|exclusi|exklusiv|vorbehalten"
        ),
        phrases=(
            r"(?:subscribe|abonnez|abonnieren|suscríb\w+|abbonati|log in|sign in|connectez|"
            r"identifiez)[^.]{0,40}(?:to (?:continue|read)|pour (?:lire|continuer|accéder)|um (?:weiter|zu lesen)|"
            r"para (?:leer|seguir|continuar)|per (?:leggere|continuare))|(?:réservé|reserved|exclusif|exklusiv|"
            r"vorbehalten|exclusiv)\w* (?:aux abonnés|to subscribers|für abonnenten|para suscriptores|agli abbonati|"
            r"for subscribers)|already a subscriber|déjà abonné"
        ),
    ),
)
_NOT_PROSE = re.compile("[{}\\[\\]<>\\\\^~|`@#$=+*_¤§¦¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾×÷†‡‰ƒˆ˜¢£¥\ufffd]")
_COMPILED = tuple((rule, rule.triggers.split("|"), re.compile(rule.phrases, re.IGNORECASE)) for rule in RULES)


def judge(page: GateInput) -> Rejection | None:
    """Why this is no article; None when it may be one."""
    text = page.text
    if len(text) >= FEW_CHARS and (rejection := _garbled(text[:GARBLED_SAMPLE])):
        return rejection
    if len(text) < WALL_CHARS and (rejection := _wall(page)):
        return rejection
    max_share = MARKED_LINK_SHARE if page.is_article_marked else LINK_SHARE
    if len(page.paragraphs) >= 3 and page.link_chars > max_share * len(text):
        return Rejection("index_page", "more links than text")
    if len(page.paragraphs) >= 4 and all(map(_is_label, page.paragraphs)):
        return Rejection("index_page", "dates and labels, no sentence")
    return _no_text(page) if len(text) < FEW_CHARS else None


def _garbled(sample: str) -> Rejection | None:
    found = len(_NOT_PROSE.findall(sample))
    if found <= GARBLED_SHARE * len(sample):
        return None
    return Rejection("garbled", f"{found} of {len(sample)} characters are signs that no prose has")


def _is_label(line: str) -> bool:
    """A few words and no sentence; Japanese and Chinese sentences have no blanks, but they are longer."""
    return len(line) < LABEL_CHARS and len(line.split()) <= 3


def _wall(page: GateInput) -> Rejection | None:
    """A wall or an error page by its phrases, in headline and text; without text, in all that the page shows."""
    shown = page.text or text_of(page.body)[:WALL_CHARS]
    searched = f"{page.title}\n{shown}".replace("’", "'")
    lower = searched.lower()
    for rule, triggers, pattern in _COMPILED:
        if not any(trigger in lower for trigger in triggers):
            continue
        found = {match[0].lower() for match in pattern.finditer(searched)}
        if len(found) >= rule.needed + (len(shown) > 500):
            return Rejection(rule.reason, "; ".join(sorted(found))[:200])
    return None


def _no_text(page: GateInput) -> Rejection:
    """The reason for a page without text, by what it has instead."""
    shown = _visible_chars(page.body)
    images = len(page.body.findall(".//img"))
    if page.requires_javascript and shown < 400:
        return Rejection("javascript_required", "no text but a request for JavaScript")
    if page.types & GALLERY_TYPES or (images >= 6 and shown < 250 * images):
        return Rejection("gallery", f"{images} pictures without text")
    if "videoobject" in page.types or next(page.body.iter("video", "amp-video"), None) is not None:
        return Rejection("video_without_text", "a player and no text")
    if shown > 300 and sum(map(_visible_chars, page.body.iter("a"))) > 0.5 * shown:
        return Rejection("index_page", "links and no text")
    return Rejection("too_short" if page.text else "empty", f"{len(page.text)} characters of text")


def _visible_chars(element: html.HtmlElement) -> int:
    return len(" ".join(text_of(element).split()))
