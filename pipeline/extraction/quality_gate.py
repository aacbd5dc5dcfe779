"""The gate: whether what was extracted is an article, and if not, what it is instead.

Each rejection has its own reason. Phrases are evidence only in a text too short to be an article that quotes them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from lxml import html

from pipeline.domain.model import Rejection
from pipeline.extraction.dom.xpath import text_of

__all__ = ["RULES", "Candidate", "GateRule", "judge"]

LABEL_CHARS = 40
FEW_CHARS = 80  # a news flash of one sentence has more
LINK_SHARE = 0.5  # more of a text in links makes it a list of links
MARKED_LINK_SHARE = 0.8  # where the page calls itself an article
GARBLED_SAMPLE = 3_000  # characters: what is garbled is so from its beginning
GARBLED_SHARE = 0.15  # of signs that prose does not have: random bytes read as text have a quarter, code a tenth
WALL_CHARS = 1_200  # walls and errors are shorter; an article about cookies is longer


@dataclass(frozen=True, slots=True)
class Candidate:
    """What the gate looks at: the text found, and the page around it."""

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
        """The text found."""
        return "\n".join(self.paragraphs)


@dataclass(frozen=True, slots=True)
class GateRule:
    """Phrases that tell a kind of page which is no article, with how many of them are needed."""

    reason: str
    triggers: tuple[str, ...]  # part of every phrase, in lower case: searching for phrases is dear
    phrases: str
    needed: int = 1


RULES: tuple[GateRule, ...] = (
    GateRule(
        "bot_wall",
        triggers=(
            "moment",
            "checking",
            "robot",
            "human",
            "humain",
            "unusual",
            "inhabituel",
            "access",
            "accès",
            "zugriff",
            "acceso",
            "attention required",
            "captcha",
            "ray id",
            "blocked",
            "interruption",
            "mensch",
            "comportement",
            "vérif",
            "datadome",
            "incapsula",
            "perimeterx",
            "enable cookies",
        ),
        phrases=(
            r"just a moment|checking (?:if the site connection is secure|your browser)|are you (?:a )?(?:human|robot)|"
            r"verify(?:ing)? (?:that )?you are (?:a )?human|"
            r"unusual (?:traffic|activity)|access (?:to this page )?(?:has been )?denied|attention required|enable "
            r"cookies and reload|captcha|"
            r"vérifi(?:er|ez|cation) que vous (?:êtes|n'êtes)|êtes[- ]vous un (?:humain|robot)|trafic inhabituel|"
            r"pardon "
            r"our interruption|ray id|request blocked|"
            r"datadome|perimeterx|incapsula|bestätigen sie,? dass sie (?:ein|kein)|sind sie ein mensch|eres (?:un "
            r")?(?:humano|robot)|robot ou humain|"
            r"comportement (?:de|d'un) (?:robot|navigation)|accès (?:temporairement )?(?:restreint|refusé|bloqué)|"
            r"zugriff verweigert|acceso denegado|accesso negato"
        ),
    ),
    GateRule(
        "javascript_required",
        triggers=("javascript",),
        phrases=(
            r"(?:enable|activate|turn on|requires?|activer|activez|aktivieren|habilit\w+|activ\w+|abilit\w+|attiv\w+) "
            r"(?:\w+ ){0,3}javascript|javascript (?:is |has been )?(?:disabled|required|désactivé|deaktiviert|"
            r"desactivado|disabilitato|est nécessaire|is not available)|"
            r"(?:without|sans|ohne|sin|senza) javascript"
        ),
    ),
    GateRule(
        "soft_404",
        triggers=(
            "404",
            "410",
            "page",
            "oops",
            "hoppla",
            "seite",
            "página",
            "pagina",
            "article",
            "artikel",
            "content",
            "story",
            "contenu",
            "find",
            "trouvons",
        ),
        phrases=(
            r"page (?:not found|introuvable|non trouvée|no encontrada|non trovata|doesn't exist|does not exist|you "
            r"(?:requested|are looking for)|que vous (?:cherchez|recherchez|demandez)|n'existe (?:pas|plus))|"
            r"(?:404|410) (?:error|erreur|not found|-)|error(?:e|)? 404|erreur 404|fehler 404|oops|hoppla|seite "
            r"(?:wurde )?nicht gefunden|"
            r"(?:article|contenu|seite|artikel|content|story) (?:is |has been |n'est |a été |ist |wurde )?(?:no longer|"
            r"plus disponible|removed|supprimé|nicht mehr|gelöscht|retiré|expired)|"
            r"página no (?:encontrada|existe)|pagina non (?:trovata|esiste)|we can.t find|nous ne trouvons pas|pagina "
            r"niet gevonden"
        ),
    ),
    GateRule(
        "error_page",
        triggers=(
            "internal server",
            "gateway",
            "unavailable",
            "indisponible",
            "maintenance",
            "error",
            "erreur",
            "fehler",
            "errore",
            "wartung",
            "mantenimiento",
            "manutenzione",
            "connection",
            "try again",
            "réessayez",
        ),
        phrases=(
            r"(?:internal server|bad gateway|service unavailable|gateway time-?out|temporarily unavailable)|"
            r"temporairement indisponible|site (?:is )?(?:under|en) maintenance|"
            r"an error (?:has )?occurred|error establishing|une erreur (?:est survenue|s'est produite)|ein fehler ist "
            r"aufgetreten|"
            r"se ha producido un error|si è verificato un errore|"
            r"wartungsarbeiten|en mantenimiento|in manutenzione|database connection|try again later|réessayez (?:plus "
            r"tard|ultérieurement)"
        ),
    ),
    GateRule(
        "consent_wall",
        triggers=(
            "cookie",
            "consent",
            "partner",
            "partenaire",
            "socios",
            "einwilligung",
            "zustimmung",
            "traceur",
            "pur-abo",
            "werbefrei",
            "continue",
            "continuer",
            "weiter",
            "personal",
            "person",
            "intérêt",
            "interest",
            "interesse",
            "ciblée",
            "publicité",
        ),
        phrases=(
            r"(?:accept|accepter|akzeptieren|aceptar|accettare|accepteren)\w* (?:\w+ ){0,4}(?:cookies|and continue|et "
            r"continuer|und weiter|y continuar)|"
            r"(?:continue|continuer|weiter|continuar|continua) (?:without|sans|ohne|sin|senza) (?:accept|akzept|acept|"
            r"accett|zustimm)|"
            r"(?:our|nos|unsere|nuestros|i nostri|onze) (?:\d+ )?(?:partners|partenaires|partner|socios)|"
            r"consent(?:ement|imiento|so)?|einwilligung|zustimmung|"
            r"(?:manage|gérer|verwalten|gestionar|gestisci) (?:\w+ ){0,3}(?:preferences|préférences|choices|choix|"
            r"cookies|preferenze|preferencias)|"
            r"traceurs|pur-abo|werbefrei lesen|avant de continuer|before you continue|legitimate interest|intérêt "
            r"légitime|berechtigte[ns]? interesse|"
            r"données personnelles|personenbezogene|personal data|datos personales|dati personali|ciblée|personalised "
            r"ads|publicités? personnalisée"
        ),
        needed=2,
    ),
    GateRule(
        "cookie_text",
        triggers=(
            "cookie",
            "nécessaires",
            "necessary",
            "erforderlich",
            "advertising",
        ),
        phrases=(
            r"relevant (?:ads|advertising)|behaviou?ral advertising|interest-based ad\w*|we (?:collect|use) "
            r"information about|how to opt[- ]out|make (?:\w+ ){0,4}(?:ads|advertising) (?:\w+ ){0,4}more relevant|"
            r"(?:uses?|utilis\w+|verwend\w+|utiliz\w+|usa|gebruik\w+|nutz\w+) (?:\w+ ){0,4}cookies|cookies? (?:policy|"
            r"settings|notice|richtlinie|preferences|and similar|et (?:autres|technologies))|"
            r"politique (?:de |en matière de )cookies|política de cookies|strictly necessary|strictement nécessaires|"
            r"unbedingt erforderlich"
        ),
        needed=2,
    ),
    GateRule(
        "paywall_stub",
        triggers=(
            "subscri",
            "abonn",
            "suscr",
            "abbon",
            "log in",
            "sign in",
            "connectez",
            "identifiez",
            "réserv",
            "reserv",
            "exclusi",
            "exklusiv",
            "vorbehalten",
        ),
        phrases=(
            r"(?:subscribe|abonnez|abonnieren|suscríb\w+|abbonati|log in|sign in|connectez|identifiez)[^.]{0,40}(?:to "
            r"(?:continue|read)|pour (?:lire|continuer|accéder)|um (?:weiter|zu lesen)|para (?:leer|seguir|continuar)|"
            r"per (?:leggere|continuare))|"
            r"(?:réservé|reserved|exclusif|exklusiv|vorbehalten|exclusiv)\w* (?:aux abonnés|to subscribers|für "
            r"abonnenten|para suscriptores|agli abbonati|for subscribers)|already a subscriber|déjà abonné"
        ),
    ),
)
_SIGN = re.compile("[{}\\[\\]<>\\\\^~|`@#$=+*_¤§¦¨©ª¬®¯°±²³´µ¶·¸¹º¼½¾×÷†‡‰ƒˆ˜¢£¥\ufffd]")
_COMPILED = tuple((rule, re.compile(rule.phrases, re.IGNORECASE)) for rule in RULES)


def judge(candidate: Candidate) -> Rejection | None:
    """Why this is no article; None when it may be one."""
    text = candidate.text
    sample = text[:GARBLED_SAMPLE]
    if len(text) >= FEW_CHARS and (signs := len(_SIGN.findall(sample))) > GARBLED_SHARE * len(sample):
        return Rejection("garbled", f"{signs} of {len(sample)} characters are signs that no prose has")
    if len(text) < WALL_CHARS and (rejection := _wall(candidate)):
        return rejection
    most_linked = MARKED_LINK_SHARE if candidate.is_article_marked else LINK_SHARE
    if len(candidate.paragraphs) >= 3 and candidate.link_chars > most_linked * len(text):
        return Rejection("index_page", "more links than text")
    if len(candidate.paragraphs) >= 4 and all(map(_is_label, candidate.paragraphs)):
        return Rejection("index_page", "dates and labels, no sentence")
    if len(text) < FEW_CHARS:
        return _nothing(candidate)
    return None


def _is_label(line: str) -> bool:
    """A few words and no sentence; Japanese and Chinese sentences have no blanks, but they are longer."""
    return len(line) < LABEL_CHARS and len(line.split()) <= 3


def _wall(candidate: Candidate) -> Rejection | None:
    """A wall or an error by its words: headline and text, or all the page shows when there is no text."""
    shown = candidate.text or text_of(candidate.body)[:WALL_CHARS]
    said = f"{candidate.title}\n{shown}".replace("’", "'")
    lower = said.lower()
    for rule, pattern in _COMPILED:
        if not any(trigger in lower for trigger in rule.triggers):
            continue
        found = {match[0].lower() for match in pattern.finditer(said)}
        if len(found) >= rule.needed + (len(shown) > 500):
            return Rejection(rule.reason, "; ".join(sorted(found))[:200])
    return None


def _nothing(candidate: Candidate) -> Rejection:
    """Why a page has no text, by what it has instead."""
    shown = len(" ".join(text_of(candidate.body).split()))
    images = len(candidate.body.findall(".//img"))
    linked = sum(len(" ".join(text_of(a).split())) for a in candidate.body.iter("a"))
    if candidate.requires_javascript and shown < 400:
        return Rejection("javascript_required", "no text but a request for JavaScript")
    if candidate.types & {"imagegallery", "mediagallery"} or (images >= 6 and shown < 250 * images):
        return Rejection("gallery", f"{images} pictures without text")
    if "videoobject" in candidate.types or next(candidate.body.iter("video", "amp-video"), None) is not None:
        return Rejection("video_without_text", "a player and no text")
    if shown > 300 and linked > 0.5 * shown:
        return Rejection("index_page", "links and no text")
    return Rejection("too_short" if candidate.text else "empty", f"{len(candidate.text)} characters of text")
