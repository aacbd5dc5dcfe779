# ruff: noqa: E501 (a case is read as one line)
"""Written cases of an article seen again: what a reader would call changed is REVISED, everything else UNCHANGED."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pipeline.dedup.decide import decide
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.dedup.model import Candidate, DecidePolicy, KnownArticle, NearbyArticles
from pipeline.domain.model import Verdict

SEEN = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
R, U = Verdict.REVISED, Verdict.UNCHANGED


@dataclass(frozen=True, slots=True)
class Words:
    """Headline and text."""

    title: str
    text: str

    def __or__(self, change: tuple[str, str]) -> Words:
        """The same with the first string replaced by the second, wherever it stands."""
        old, new = change
        assert old in self.title or old in self.text, old
        return Words(self.title.replace(old, new), self.text.replace(old, new))

    def __add__(self, line: str) -> Words:
        """The same with one more line at the end."""
        return Words(self.title, f"{self.text}\n{line}")

    def under(self, line: str) -> Words:
        """The same with a line on top of the text."""
        return Words(self.title, f"{line}\n{self.text}")

    def headed(self, title: str) -> Words:
        """The same under another headline."""
        return Words(title, self.text)


@dataclass(frozen=True, slots=True)
class Case:
    """An article as it was, as it is now, and the verdict that is right. `furniture`: lines the host repeats."""

    name: str
    old: Words
    new: Words
    expected: Verdict
    furniture: tuple[str, ...] = ()
    is_live_blog: bool = False
    after: timedelta = timedelta(hours=1)


FR = Words(
    "Le pont de l'Aven rouvrira à la circulation lundi",
    "Fermé depuis l'effondrement d'une pile, le pont de l'Aven rouvrira lundi 16 mars à 6 heures, a annoncé la préfecture.\n"
    "« Les travaux sont terminés », a déclaré la préfète, qui a salué les 140 ouvriers du chantier.\n"
    "Les poids lourds de plus de 19 tonnes devront encore passer par Quimperlé jusqu'au mois de juin.\n"
    "Les commerçants du bourg, privés de clients pendant sept mois, espèrent une aide de la région.",
)
EN = Words(
    "Harbour ferry to run every ten minutes from May",
    "The harbour ferry will run every ten minutes from 4 May, the port authority said on Thursday.\n"
    'Three new boats, each carrying 220 passengers, arrive from the yard next month. "We\'re ready," the harbour master said.\n'
    "Fares stay at $2.40, but season tickets can be used on both banks for the first time.\n"
    "A union spokesman said two of the night crews were still short of staff.",
)
DE = Words(
    "Stadtrat beschließt neue Straßenbahnlinie",
    "Der Stadtrat hat am Mittwoch den Bau der Straßenbahnlinie 9 beschlossen, 31 Mitglieder stimmten dafür.\n"
    "„Das ist ein guter Tag für den Norden“, sagte der Oberbürgermeister nach der Abstimmung.\n"
    "Die Kosten werden auf 184 Millionen Euro geschätzt, der Bund übernimmt drei Viertel davon.",
)
ES = Words(
    "El embalse de la sierra supera la mitad de su capacidad",
    "El embalse de la sierra alcanzó este martes el 53 % de su capacidad tras tres semanas de lluvias.\n"
    "La confederación mantiene las restricciones de riego hasta que termine el mes de abril.\n"
    "Los agricultores del valle piden que se revisen los turnos antes de la siembra.",
)
JA = Words(
    "港の新しい橋、来月に開通へ",
    "港湾局は12日、港の新しい橋を4月20日に開通させると発表した。\n橋の長さは640メートルで、歩行者も通行できる。\n地元の商店街は観光客の増加に期待を寄せている。",
)
RU = Words(
    "Мост через залив откроют в мае",
    "Новый мост через залив откроют для движения 4 мая, сообщили в администрации порта.\n"
    "Длина моста составляет 640 метров, по нему смогут проехать и велосипедисты.\n"
    "Жители левого берега ждали его одиннадцать лет.",
)
BLOG = Words(
    "EN DIRECT. Tempête sur la côte : suivez la situation",
    "\n".join(
        f"{hour}h{minute:02d}. La rue numéro {hour * 7 + minute} du quartier {hour} est coupée par la chute de {minute + hour} arbres, "
        f"selon le point {hour * minute} des pompiers du secteur {minute}."
        for hour in range(8, 14)
        for minute in range(5, 60, 9)
    ),
)
REGION = "Retrouvez toute l'actualité de la région dans notre édition du matin"
PODCAST = "Hear more in our podcast Tides, out every Friday morning"

CASES: tuple[Case, ...] = (
    # typography
    Case("curly apostrophes", FR, FR | ("l'", "l’"), U),
    Case("guillemets become quotes", FR, FR | ("« Les travaux sont terminés »", '"Les travaux sont terminés"'), U),
    Case("no-break space in quotes", FR, FR | ("« ", "«\u00a0"), U),
    Case("narrow no-break space before units", FR, FR | ("19 tonnes", "19\u202ftonnes"), U),
    Case("curly quotes", EN, EN | ('"', "”"), U),
    Case("hyphen becomes dash", EN | ("stay at", "stay - at"), EN | ("stay at", "stay — at"), U),
    Case("German quotes", DE, DE | ("„", "»") | ("“", "«"), U),
    Case("soft hyphens", DE, DE | ("Straßenbahnlinie", "Straßen\u00adbahn\u00adlinie"), U),
    Case("sharp s written out", DE, DE | ("Straßenbahnlinie", "Strassenbahnlinie"), U),
    Case("decomposed accents", FR, FR | ("é", "e\u0301"), U),
    Case("ellipsis as one sign", EN | ("staff.", "staff..."), EN | ("staff.", "staff…"), U),
    Case("zero-width space", EN, EN | ("ferry", "fer\u200bry"), U),
    Case("capitals in the headline", EN, EN.headed(EN.title.upper()), U),
    Case("full stop in the headline", FR, FR.headed(FR.title + "."), U),
    Case("full-width digits", JA, JA | ("12日", "１２日"), U),
    Case("ligature", EN | ("first", "first"), EN | ("first", "ﬁrst"), U),
    Case("emphasis marks", ES, ES | ("este martes", "*este martes*"), U),
    # spacing and layout
    Case("double spaces", EN, EN | (" ", "  "), U),
    Case("paragraphs joined", EN, Words(EN.title, EN.text.replace("\n", " ")), U),
    Case("a paragraph split at a sentence", EN, EN | (" A union", "\nA union") if " A union" in EN.text else EN, U),
    Case("blank lines between paragraphs", FR, Words(FR.title, FR.text.replace("\n", "\n\n\n")), U),
    Case("carriage returns", FR, Words(FR.title, FR.text.replace("\n", "\r\n")), U),
    Case("leading bullet", ES, ES.under("•"), U),
    # page furniture
    Case("updated line added", FR, FR.under("Mis à jour le 12/03/2026 à 10h32"), U),
    Case(
        "updated line moved on", FR.under("Mis à jour le 12 mars à 10h32"), FR.under("Mis à jour le 12 mars à 18:05"), U
    ),
    Case("published hours ago", EN.under("Published 2 hours ago"), EN.under("Published 5 hours ago"), U),
    Case("last updated with a zone", EN, EN.under("Last updated: Thu 12 March 2026, 14:05 GMT"), U),
    Case(
        "first published and updated",
        EN,
        EN.under("First published on 12 March 2026 at 09.00 GMT, updated 10.00 GMT"),
        U,
    ),
    Case("German stamp", DE, DE + "Aktualisiert am 12.03.2026 um 18:04 Uhr", U),
    Case("Spanish stamp", ES, ES.under("Actualizado el 12 de marzo de 2026 a las 18:04"), U),
    Case("Italian-style stamp", ES, ES.under("Aggiornato il 12 marzo 2026 alle ore 18:04"), U),
    Case("Russian stamp", RU, RU.under("Обновлено: 12.03.2026 18:04"), U),
    Case("aside in a line", EN, EN | ("on Thursday.", "on Thursday. (Updated 10:32 GMT)"), U),
    Case("updated mark in the headline", FR, FR.headed(FR.title + " (mis à jour)"), U),
    Case("comment counter", FR + "3 commentaires", FR + "127 commentaires", U),
    Case("share counter", EN + "1.2k shares", EN + "3.4k shares", U),
    Case("views and comments", EN, EN + "12,304 views 18 comments", U),
    Case("reading time", FR, FR.under("Temps de lecture : 3 min"), U),
    Case("reading time in English", EN.under("3 min read"), EN.under("4 min read"), U),
    Case("share buttons", FR, FR + "Partager sur Facebook Partager sur X", U),
    Case("call to a newsletter", FR, FR + "Inscrivez-vous gratuitement à notre newsletter du soir", U),
    Case("call to subscribe", EN, EN + "Sign up for our morning newsletter", U),
    Case("advertisement label", EN, EN + "Advertisement", U),
    Case("the host's own line appears", FR, FR + REGION, U, furniture=(REGION,)),
    Case(
        "the host's own line changes",
        EN + "Hear more in our podcast",
        EN + PODCAST,
        U,
        ("Hear more in our podcast", PODCAST),
    ),
    Case("nothing at all", RU, RU, U),
    # real changes
    Case("a figure corrected", FR, FR | ("140 ouvriers", "160 ouvriers"), R),
    Case("a date moved", FR, FR | ("16 mars", "23 mars"), R),
    Case("a price corrected", EN, EN | ("$2.40", "$2.60"), R),
    Case("a name corrected", FR, FR | ("Quimperlé", "Concarneau"), R),
    Case("a vote corrected", DE, DE | ("31 Mitglieder", "29 Mitglieder"), R),
    Case("a denial", EN, EN | ("will run", "will not run"), R),
    Case("a word added", ES, ES | ("piden que", "piden ahora que"), R),
    Case("a word removed", RU, RU | ("Новый мост", "Мост"), R),
    Case("one sign corrected in Japanese", JA, JA | ("640メートル", "840メートル"), R),
    Case("headline rewritten", FR, FR.headed("Sept mois après, le pont de l'Aven rouvre enfin"), R),
    Case("a word of the headline", EN, EN.headed(EN.title.replace("May", "June")), R),
    Case("a number in the headline", JA, JA.headed("港の新しい橋、再来月に開通へ"), R),
    Case("headline marked as live", FR, FR.headed("DIRECT. " + FR.title), R),
    Case(
        "a paragraph added", FR, FR + "Une cérémonie est prévue à 11 heures en présence du ministre des transports.", R
    ),
    Case("a paragraph removed", EN, Words(EN.title, EN.text.rpartition("\n")[0]), R),
    Case("a short sentence added", DE, DE + "Die Grünen enthielten sich.", R),
    Case("a correction note", EN, EN + "Correction: an earlier version misstated the number of boats.", R),
    Case(
        "a line that only begins like a stamp",
        EN,
        EN + "Updated fares will be posted on board every boat from Friday.",
        R,
    ),
    Case(
        "a counter inside a sentence",
        FR,
        FR + "La pétition a recueilli 3 400 signatures et 120 commentaires indignés.",
        R,
    ),
    Case("paragraphs in another order", FR, Words(FR.title, "\n".join(reversed(FR.text.split("\n")))), R),
    Case("rewritten throughout", ES, Words(ES.title, EN.text), R),
    Case("another text under the same headline", DE, Words(DE.title, DE.text.replace("e", "o")), R),
    Case("a quote replaced", DE, DE | ("Das ist ein guter Tag für den Norden", "Der Norden hat lange gewartet"), R),
    Case("negated in French", FR, FR | ("sont terminés", "ne sont pas terminés"), R),
    Case(
        "an added line the host repeats, and a figure",
        FR,
        (FR | ("19 tonnes", "26 tonnes")) + REGION,
        R,
        furniture=(REGION,),
    ),
    # live blogs
    Case("a live blog grows by much", BLOG, BLOG.under(FR.text), R, is_live_blog=True, after=timedelta(minutes=2)),
    Case("a live blog grows by a word", BLOG, BLOG + "Précision.", U, is_live_blog=True, after=timedelta(minutes=2)),
    Case(
        "a live blog grows by a word, later",
        BLOG,
        BLOG + "Précision.",
        R,
        is_live_blog=True,
        after=timedelta(minutes=20),
    ),
    Case(
        "a live blog's headline",
        BLOG,
        BLOG.headed("EN DIRECT. La tempête s'éloigne"),
        R,
        is_live_blog=True,
        after=timedelta(minutes=1),
    ),
)


def judge(case: Case) -> Verdict:
    """The verdict on a case."""
    repeated = frozenset(paragraph_hashes("\n".join(case.furniture)))
    old = fingerprint(case.old.title, case.old.text)
    new = fingerprint(case.new.title, case.new.text, repeated=repeated)
    known = KnownArticle(
        article_id="a1",
        outlet_id="gazette",
        domain="gazette.example",
        title=case.old.title,
        fingerprint=old,
        seen_at=SEEN,
        revision=1,
        cluster_id="a1",
        last_revised_at=SEEN,
        is_live_blog=case.is_live_blog,
    )
    candidate = Candidate(
        article_id="a1",
        outlet_id="gazette",
        domain="gazette.example",
        title=case.new.title,
        fingerprint=new,
        seen_at=SEEN,
        is_live_blog=case.is_live_blog,
    )
    nearby = NearbyArticles(known=(known,), repeated=repeated)
    return decide(candidate, nearby, now=SEEN + case.after, policy=DecidePolicy()).verdict
