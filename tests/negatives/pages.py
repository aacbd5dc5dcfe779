"""Negatives: kinds of pages that no feed reader should publish, each worded in several languages, with site chrome.

A kind is a builder and its wordings; `negatives()` puts them together. None is taken from a real site.
"""

# ruff: noqa: E501 - wordings and markup stand on one line each, as tables

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Negative", "negatives"]


@dataclass(frozen=True, slots=True)
class Negative:
    """A page that is no article, and the reasons that would be right to give."""

    id: str
    html: str
    reasons: frozenset[str]


@dataclass(frozen=True, slots=True)
class Chrome:
    """What stands around every page of a site."""

    language: str
    name: str
    sections: tuple[str, ...]
    legal: tuple[str, ...]


CHROMES = (
    Chrome(
        "fr",
        "Le Courrier du Val",
        ("France", "Monde", "Économie", "Culture", "Sport"),
        ("Mentions légales", "Contact", "CGU"),
    ),
    Chrome(
        "en", "The Valley Courier", ("News", "World", "Business", "Arts", "Sport"), ("Terms", "Contact us", "Privacy")
    ),
    Chrome(
        "de",
        "Der Talbote",
        ("Politik", "Wirtschaft", "Kultur", "Sport", "Wissen"),
        ("Impressum", "Datenschutz", "Kontakt"),
    ),
    Chrome(
        "es", "El Correo del Valle", ("España", "Mundo", "Economía", "Cultura", "Deportes"), ("Aviso legal", "Contacto")
    ),
    Chrome(
        "it",
        "Il Corriere della Valle",
        ("Italia", "Mondo", "Economia", "Cultura", "Sport"),
        ("Note legali", "Contatti"),
    ),
)

# Kind → reasons that are right → wordings by language: headline, then paragraphs.
WORDS: dict[str, tuple[frozenset[str], dict[str, tuple[tuple[str, ...], ...]]]] = {
    "consent": (
        frozenset({"consent_wall", "cookie_text"}),
        {
            "fr": (
                ("Le respect de votre vie privée est notre priorité", "Avec votre accord, nos partenaires et nous utilisons des cookies pour stocker et accéder à des données personnelles comme votre visite sur ce site.", "Vous pouvez retirer votre consentement ou gérer vos préférences à tout moment.", "Accepter et continuer"),
                ("Avant de continuer", "Nous et nos 912 partenaires stockons des traceurs afin de vous proposer de la publicité personnalisée.", "Continuer sans accepter ou paramétrer mes choix : votre consentement est libre."),
                ("Bienvenue", "En acceptant les cookies et la publicité ciblée vous financez la rédaction.", "Sans votre consentement, nos 300 partenaires ne déposeront aucun traceur. Abonnez-vous pour lire sans accepter."),
            ),
            "en": (
                ("We value your privacy", "We and our 823 partners store and access personal data, like browsing data, on your device.", "You can accept all cookies, reject them, or manage your preferences. Your consent may be withdrawn at any time."),
                ("Before you continue", "We use cookies and data to deliver and measure personalised ads, with our partners, on the basis of consent or legitimate interest."),
                ("Your choices", "By clicking Accept and continue you consent to the processing of personal data by our 120 partners."),
            ),
            "de": (
                ("Willkommen", "Lesen Sie uns mit Werbung und Cookies: Mit Ihrer Einwilligung verarbeiten wir und unsere 210 Partner personenbezogene Daten.", "Akzeptieren und weiter. Oder werbefrei lesen im Pur-Abo."),
                ("Ihre Privatsphäre", "Wir und unsere Partner brauchen Ihre Zustimmung, um Informationen auf Ihrem Gerät zu speichern. Berechtigtes Interesse können Sie ablehnen; Einwilligung verwalten Sie in den Einstellungen."),
            ),
            "es": (
                ("Tu privacidad", "Nosotros y nuestros socios almacenamos datos personales en tu dispositivo con tu consentimiento.", "Aceptar todas las cookies o gestionar tus preferencias. Continuar sin aceptar."),
                ("Antes de continuar", "Con tu consentimiento, nosotros y nuestros 700 socios usamos datos personales para publicidad."),
            ),
            "it": (
                ("La tua privacy", "Noi e i nostri partner archiviamo dati personali sul dispositivo con il tuo consenso.", "Accettare i cookie oppure gestisci le tue preferenze. Continua senza accettare."),
                ("Prima di continuare", "Con il tuo consenso, noi e i nostri partner trattiamo dati personali come la tua visita a questo sito."),
            ),
        },
    ),
    "cookies": (
        frozenset({"cookie_text", "consent_wall"}),
        {
            "fr": (("Politique de cookies", "Ce site utilise des cookies. Certains sont strictement nécessaires, d'autres mesurent l'audience.", "Notre politique de cookies décrit leur durée de vie."),),
            "en": (
                ("Cookie policy", "This website uses cookies. Some are strictly necessary, others measure our audience.", "Change your cookie settings whenever you like."),
                ("Cookies", "Our site uses cookies and similar technologies. Read our cookie policy and change your cookie preferences below."),
                ("Harbour master retires after forty years", "ABOUT THE ADS ON THIS SITE: we collect information about the pages and ads you see here, to show you relevant ads. Also known as behavioural advertising, about which our policy says more, and how to opt out."),
            ),
            "de": (("Cookie-Hinweis", "Diese Website verwendet Cookies. Einige sind unbedingt erforderlich.", "Mehr dazu in der Cookie Richtlinie; wir nutzen nur eigene Cookies."),),
            "es": (("Política de cookies", "Este sitio utiliza cookies propias y de terceros. Consulta la política de cookies y cambia la cookie settings."),),
        },
    ),
    "bot": (
        frozenset({"bot_wall"}),
        {
            "en": (
                ("Just a moment...", "Checking if the site connection is secure. This may take a few seconds.", "Ray ID: 8f2a11bc"),
                ("Access denied", "You don't have permission to access this page on this server. Reference #18.2f1"),
                ("Are you a robot?", "To continue, please click the box below to let us know you're not a robot. We've detected unusual activity from your computer network."),
                ("Pardon our interruption", "As you were browsing something about your browser made us think you were a bot. Complete the captcha to go on."),
                ("One more step", "Please verify you are human by completing the action below. Our systems have noticed unusual traffic."),
                ("Attention required!", "Sorry, you have been blocked. Please enable cookies and reload the page."),
            ),
            "fr": (
                ("Vérification de sécurité", "Nous devons vérifier que vous êtes un humain. Merci de résoudre le captcha ci-dessous."),
                ("Accès temporairement restreint", "Nous avons détecté un trafic inhabituel venant de votre réseau. Êtes-vous un robot ?"),
                ("Accès refusé", "Un comportement de navigation automatisé a été détecté depuis votre adresse."),
            ),
            "de": (
                ("Sind Sie ein Mensch?", "Bitte bestätigen Sie, dass Sie kein Roboter sind, und lösen Sie das Captcha."),
                ("Zugriff verweigert", "Ihr Netzwerk hat zu viele Anfragen gesendet. Bitte versuchen Sie es mit einem anderen Browser."),
            ),
            "es": (("¿Eres humano?", "Antes de seguir, confirma que no eres un robot. ¿Eres humano? Completa el captcha."), ("Acceso denegado", "No tiene permiso para ver esta página desde su red."),),
            "it": (("Accesso negato", "La tua rete ha inviato troppe richieste. Completa il captcha per continuare."),),
        },
    ),
    "javascript": (
        frozenset({"javascript_required"}),
        {
            "en": (("", "Please enable JavaScript to continue using this application."), ("The Valley Courier", "This site requires JavaScript. JavaScript is disabled in your browser."), ("", "You need to enable JavaScript to run this app.")),
            "fr": (("", "Vous devez activer JavaScript pour afficher cette page."), ("Le Courrier du Val", "Ce site ne fonctionne pas sans JavaScript. Merci de l'activer.")),
            "de": (("", "Bitte aktivieren Sie JavaScript, um diese Seite zu sehen. Sie müssen JavaScript aktivieren: aktivieren Sie JavaScript."),),
            "es": (("", "Para ver esta página hay que activar JavaScript en el navegador."),),
            "it": (("", "Per vedere questa pagina bisogna attivare JavaScript nel browser."),),
        },
    ),
    "missing": (
        frozenset({"soft_404"}),
        {
            "fr": (
                ("Page introuvable", "La page que vous recherchez n'existe pas ou n'existe plus.", "Retour à l'accueil"),
                ("Oups !", "Ce contenu n'est plus disponible. Essayez notre moteur de recherche pour retrouver un article."),
                ("Erreur 404", "Nous ne trouvons pas ce que vous demandez. Peut-être l'adresse est-elle mal écrite ?"),
                ("Cet article a été supprimé", "L'article a été supprimé par la rédaction. Vous pouvez lire nos autres sujets."),
            ),
            "en": (
                ("Page not found", "We can't find the page you are looking for. It may have been moved or deleted."),
                ("404", "Oops! The page you requested does not exist. Try the search box or the menu above."),
                ("Sorry", "This article is no longer available on our website. It may have been archived."),
                ("Not here", "Error 404: the link you followed is broken. Go to the front page for the latest news."),
            ),
            "de": (
                ("Seite nicht gefunden", "Die gewünschte Seite wurde nicht gefunden. Vielleicht hilft die Suche."),
                ("Fehler 404", "Dieser Artikel ist nicht mehr verfügbar. Zurück zur Startseite."),
            ),
            "es": (("Página no encontrada", "La página que busca no existe o ha cambiado de dirección."), ("Error 404", "Lo sentimos, no hay nada en esta dirección. Vuelva a la portada."),),
            "it": (("Pagina non trovata", "La pagina che cerchi non c'è più. Torna alla prima pagina."), ("Errore", "Pagina non esiste più su questo sito; prova con la ricerca."),),
        },
    ),
    "error": (
        frozenset({"error_page"}),
        {
            "en": (
                ("500 Internal Server Error", "Something went wrong on our side. Please try again later."),
                ("502 Bad Gateway", "The server received an invalid answer. nginx"),
                ("Service unavailable", "The site is temporarily unavailable while we make it better. Please come back soon."),
                ("Database trouble", "Error establishing a database connection. Our engineers have been told."),
            ),
            "fr": (
                ("Une erreur est survenue", "Une erreur est survenue lors de l'affichage de cette page. Réessayez plus tard."),
                ("Site en maintenance", "Le service est temporairement indisponible. Nos équipes y travaillent."),
            ),
            "de": (("Ein Fehler ist aufgetreten", "Ein Fehler ist aufgetreten. Wegen Wartungsarbeiten ist die Seite kurz nicht zu sehen."),),
            "es": (("Sitio en mantenimiento", "Estamos en mantenimiento; se ha producido un error. Vuelva más tarde."),),
            "it": (("Sito in manutenzione", "Il sito è in manutenzione, si è verificato un errore. Torna presto."),),
        },
    ),
    "paywall": (
        frozenset({"paywall_stub", "too_short", "empty"}),
        {
            "fr": (("La fin d'un monde agricole", "Article réservé aux abonnés. Abonnez-vous pour lire la suite."), ("Dans l'atelier du luthier", "Déjà abonné ? Connectez-vous pour lire cet article.")),
            "en": (("Inside the mill that refused to close", "Subscribe to continue reading this article."), ("A village votes", "Already a subscriber? Log in to continue reading.")),
            "de": (("Das letzte Hochwasser", "Dieser Text ist exklusiv für Abonnenten. Jetzt weiterlesen mit Plus."),),
            "es": (("El último molino", "Contenido exclusivo para suscriptores. Suscríbete para seguir leyendo."),),
            "it": (("L'ultimo mulino", "Contenuto riservato agli abbonati. Abbonati per continuare a leggere."),),
        },
    ),
}  # fmt: skip

HEADLINES: dict[str, tuple[str, ...]] = {
    "fr": ("Le conseil vote le budget de l'eau", "Trois questions sur la nouvelle ligne de bus", "La crêperie du phare rouvre ses portes", "Les horaires de la marée pour mars", "Un chalutier remorqué au large du port", "Portrait d'une mareyeuse de la côte", "Le marché change de place au printemps", "Travaux sur la rocade dès lundi matin", "Le lycée fait peau neuve", "Régate : les résultats du week-end"),
    "en": ("Council votes on the water budget", "Three questions about the new bus line", "The lighthouse cafe opens its doors again", "Tide tables for the month of March", "Trawler towed in off the harbour", "Portrait of a fishmonger on the coast", "Market moves to a new square in spring", "Roadworks on the ring road from Monday", "A new roof for the old school", "Regatta: all the weekend's results"),
    "de": ("Rat stimmt über den Wasserhaushalt ab", "Drei Fragen zur neuen Buslinie", "Das Café am Leuchtturm öffnet wieder", "Die Gezeiten im März", "Kutter vor dem Hafen abgeschleppt", "Porträt einer Fischhändlerin", "Der Markt zieht im Frühling um", "Bauarbeiten am Ring ab Montag", "Ein neues Dach für die alte Schule", "Regatta: alle Ergebnisse"),
    "es": ("El pleno vota el presupuesto del agua", "Tres preguntas sobre la nueva línea de autobús", "El café del faro vuelve a abrir", "Las mareas del mes de marzo", "Un pesquero remolcado frente al puerto", "Retrato de una pescadera de la costa", "El mercado cambia de plaza", "Obras en la ronda desde el lunes", "Un tejado nuevo para la escuela", "Regata: todos los resultados"),
    "it": ("Il consiglio vota il bilancio dell'acqua", "Tre domande sulla nuova linea del bus", "Il caffè del faro riapre", "Le maree del mese di marzo", "Peschereccio rimorchiato al largo", "Ritratto di una pescivendola", "Il mercato cambia piazza", "Lavori sulla tangenziale da lunedì", "Un tetto nuovo per la scuola", "Regata: tutti i risultati"),
}  # fmt: skip


def negatives() -> list[Negative]:
    """All of them."""
    return [*_worded(), *_lists(), *_galleries(), *_videos(), *_hollow()]


def _worded() -> Iterator[Negative]:
    chromes = {chrome.language: chrome for chrome in CHROMES}
    for kind, (reasons, languages) in WORDS.items():
        for language, wordings in languages.items():
            for number, (headline, *paragraphs) in enumerate(wordings):
                yield Negative(f"{kind}-{language}-{number}", _plain(chromes[language], headline, paragraphs), reasons)
                if kind not in {"javascript", "bot"}:
                    html = _with_chrome(chromes[language], headline, paragraphs)
                    yield Negative(f"{kind}-{language}-{number}-in-site", html, reasons)


def _plain(chrome: Chrome, headline: str, paragraphs: list[str]) -> str:
    words = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return (
        f'<!doctype html><html lang="{chrome.language}"><head><title>{headline or chrome.name}</title></head>'
        f'<body><div class="box">{f"<h1>{headline}</h1>" if headline else ""}{words}<button>OK</button></div></body></html>'
    )


def _with_chrome(chrome: Chrome, headline: str, paragraphs: list[str]) -> str:
    words = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    return _site(chrome, headline, f"<h1>{headline}</h1>{words}")


def _site(chrome: Chrome, title: str, content: str) -> str:
    sections = "".join(f'<li><a href="/{name.lower()}/">{name}</a></li>' for name in chrome.sections)
    legal = "".join(f'<li><a href="/{n}">{name}</a></li>' for n, name in enumerate(chrome.legal))
    return (
        f'<!doctype html><html lang="{chrome.language}"><head><meta charset="utf-8"><title>{title} - {chrome.name}</title>'
        f'<meta property="og:site_name" content="{chrome.name}"></head><body>'
        f'<header class="site-header"><a href="/">{chrome.name}</a><nav><ul>{sections}</ul></nav></header>'
        f'<main>{content}</main><footer class="site-footer"><ul>{legal}</ul><p>© {chrome.name}</p></footer></body></html>'
    )


def _lists() -> Iterator[Negative]:
    """Section fronts, tag pages and search results, as cards, as a list, as a table of links."""
    reasons = frozenset({"index_page"})
    for chrome in CHROMES:
        lines = HEADLINES[chrome.language]
        cards = "".join(
            f'<article class="card"><h2><a href="/a/{n}">{line}</a></h2><time>0{n}/03</time></article>'
            for n, line in enumerate(lines)
        )
        items = "".join(f'<li><a href="/a/{n}">{line}</a></li>' for n, line in enumerate(lines * 2))
        yield Negative(
            f"cards-{chrome.language}",
            _site(chrome, chrome.sections[0], f"<h1>{chrome.sections[0]}</h1>{cards}"),
            reasons,
        )
        yield Negative(
            f"list-{chrome.language}", _site(chrome, "Tag", f"<h1>Tag</h1><ul class='results'>{items}</ul>"), reasons
        )


def _galleries() -> Iterator[Negative]:
    reasons = frozenset({"gallery", "index_page"})
    for chrome in CHROMES:
        pictures = "".join(
            f'<figure><img src="/i/{n}.jpg" alt=""><figcaption>{n}/12</figcaption></figure>' for n in range(1, 13)
        )
        yield Negative(
            f"gallery-{chrome.language}",
            _site(chrome, HEADLINES[chrome.language][2], f"<h1>{HEADLINES[chrome.language][2]}</h1>{pictures}"),
            reasons,
        )


def _videos() -> Iterator[Negative]:
    reasons = frozenset({"video_without_text"})
    for chrome in CHROMES:
        player = '<div class="player"><video src="/v/1.mp4" controls></video><span>02:14</span></div>'
        yield Negative(
            f"video-{chrome.language}",
            _site(chrome, HEADLINES[chrome.language][4], f"<h1>{HEADLINES[chrome.language][4]}</h1>{player}"),
            reasons,
        )


def _hollow() -> Iterator[Negative]:
    """A template without a text, and a headline alone."""
    reasons = frozenset({"empty", "too_short"})
    for chrome in CHROMES:
        yield Negative(
            f"hollow-{chrome.language}", _site(chrome, chrome.name, '<div class="article-body"></div>'), reasons
        )
        yield Negative(
            f"headline-{chrome.language}",
            _site(chrome, HEADLINES[chrome.language][5], f"<h1>{HEADLINES[chrome.language][5]}</h1>"),
            reasons,
        )
