"""Pages that a feed may lead to and that are no articles: each must be rejected."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from dataclasses import dataclass

from tests.newsroom.replies import Reply, page_reply


@dataclass(frozen=True, slots=True)
class WrongPage:
    """A page that is no article. `title` is the feed's, which promises one; `reason` the word for why it is rejected."""

    path: str
    title: str
    reason: str
    reply: Reply
    host: str = "www.bizarreries.test"

    @property
    def url(self) -> str:
        """Where it is."""
        return f"http://{self.host}{self.path}"


CONSENT = """<!DOCTYPE html><html lang="fr"><head><title>Avant de continuer</title></head><body>
<div class="cmp-wall"><h1>Avant de continuer</h1>
<p>Nous et nos 847 partenaires utilisons des cookies et des technologies similaires pour stocker et acc&eacute;der &agrave;
des informations sur votre appareil, mesurer l'audience et vous proposer des publicit&eacute;s personnalis&eacute;es.</p>
<p>En cliquant sur &laquo; Tout accepter &raquo;, vous consentez &agrave; ces traitements. Vous pouvez retirer votre
consentement &agrave; tout moment depuis notre politique de confidentialit&eacute;.</p>
<form action="/consent" method="post"><button>Tout accepter</button><button>Tout refuser</button><button>Param&eacute;trer mes choix</button></form>
</div></body></html>"""

BOT_WALL = """<!DOCTYPE html><html lang="en-US"><head><title>Just a moment...</title>
<meta name="robots" content="noindex,nofollow"></head><body><div class="main-wrapper" role="main"><h1>www.bizarreries.test</h1>
<h2>Checking if the site connection is secure</h2><noscript><div>Enable JavaScript and cookies to continue</div></noscript>
<script src="/cdn-cgi/challenge-platform/h/b/orchestrate/chl_page/v1"></script></div></body></html>"""

INDEX_LINES = (
    "Le port de Sarnay vote son budget", "Trois questions sur la nouvelle ligne de bus", "La cr&ecirc;perie du phare rouvre",
    "R&eacute;gate : les r&eacute;sultats du week-end", "Le conseil municipal en direct", "Un chalutier remorqu&eacute; au large",
    "Les horaires de la mar&eacute;e", "Le march&eacute; change de place", "Concert annul&eacute; &agrave; la salle des f&ecirc;tes",
    "Travaux sur la rocade", "Le lyc&eacute;e fait peau neuve", "Portrait d'une mareyeuse",
)  # fmt: skip
INDEX = (
    "<!DOCTYPE html><html lang='fr'><head><title>Tout sur le port</title></head><body><h1>Tout sur : le port</h1>"
    + "".join(
        f"<article class='teaser'><h2><a href='/port/{n}'>{line}</a></h2><time>{n + 1} mars</time></article>"
        for n, line in enumerate(INDEX_LINES)
    )
    + "<nav class='pagination'><a href='?page=2'>Page suivante</a></nav></body></html>"
)

SOFT_404 = """<!DOCTYPE html><html lang="fr"><head><title>Page introuvable - Bizarreries</title></head><body>
<header><a href="/">Bizarreries</a></header><main><h1>Oups, cette page n'existe pas ou n'existe plus</h1>
<p>La page que vous recherchez est introuvable. Elle a peut-&ecirc;tre &eacute;t&eacute; d&eacute;plac&eacute;e ou supprim&eacute;e.</p>
<p><a href="/">Retour &agrave; l'accueil</a></p></main></body></html>"""

JAVASCRIPT = """<!DOCTYPE html><html lang="fr"><head><title>Bizarreries</title><script src="/static/app.4f2c.js" defer></script></head>
<body><noscript>Vous devez activer JavaScript pour afficher cette page. Please enable JavaScript to continue using this
application.</noscript><div id="root"></div></body></html>"""

GALLERY = (
    "<!DOCTYPE html><html lang='fr'><head><title>En images : le carnaval</title></head><body><h1>En images : le carnaval</h1>"
    + "".join(
        f"<figure><img src='/image/carnaval-{n}.jpg' alt=''><figcaption>Photo {n}/14</figcaption></figure>"
        for n in range(1, 15)
    )
    + "<p class='share'>Partager</p></body></html>"
)

FORBIDDEN = """<!DOCTYPE html><html lang="fr"><head><title>Le port en chiffres</title></head><body><article><h1>Le port en chiffres</h1>
<p>Cette page a un texte, et pourtant personne ne doit le lire : le fichier robots.txt du site en interdit l'acc&egrave;s aux programmes.
Qui la demande quand m&ecirc;me se trahit dans le journal du serveur, que les tests relisent apr&egrave;s chaque passage.</p></article></body></html>"""

WRONG_PAGES = (
    WrongPage(
        "/port/greve-des-remorqueurs",
        "Gr\u00e8ve des remorqueurs : le port paralys\u00e9",
        "consent_wall",
        page_reply(CONSENT),
    ),
    WrongPage(
        "/enquete/les-comptes-du-port",
        "Enqu\u00eate sur les comptes du port",
        "bot_wall",
        Reply(403, BOT_WALL.encode(), headers={"cf-mitigated": "challenge", "Server": "cloudflare"}),
        host="mur.bizarreries.test",
    ),
    WrongPage("/tag/port", "Tout sur le port", "index_page", page_reply(INDEX)),
    WrongPage("/port/un-quai-en-moins", "Un quai en moins pour le fret", "soft_404", page_reply(SOFT_404)),
    WrongPage("/port/le-vieux-phare", "Le vieux phare sera vendu", "not_found", Reply(404, SOFT_404.encode())),
    WrongPage("/appli/carte-des-quais", "La carte des quais", "javascript_required", page_reply(JAVASCRIPT)),
    WrongPage("/images/carnaval", "En images : le carnaval", "gallery", page_reply(GALLERY)),
    WrongPage("/recherche/le-port-en-chiffres", "Le port en chiffres", "refused_robots", page_reply(FORBIDDEN)),
)
