"""Kinds of markup: what an element's tag, classes and id say it holds, in one table with examples.

A rule is for a kind of markup that many sites share, never for one site. What follows from a kind is decided elsewhere:
an element that holds most of a page's text is its article whatever it is called.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

__all__ = ["RULES", "Kind", "MarkupRule", "kind_of"]


class Kind(StrEnum):
    """What an element holds besides, or instead of, the article's text."""

    AD = "ad"
    BYLINE = "byline"
    CAPTION = "caption"
    CHROME = "chrome"
    COMMENTS = "comments"
    EMBED = "embed"
    LEAD = "lead"
    LIVE = "live"
    NEWSLETTER = "newsletter"
    PAYWALL = "paywall"
    QUOTE = "quote"
    RELATED = "related"
    SCRAMBLED = "scrambled"
    SHARE = "share"
    TAGS = "tags"


@dataclass(frozen=True, slots=True)
class MarkupRule:
    """Words of class, id, itemprop, rel or data-testid that tell a kind; examples are markup seen on real sites."""

    kind: Kind
    words: str
    examples: tuple[str, ...]


# The first rule that matches wins. A word stands between borders: start, end, blank, `-`, `_` or a change of case.
RULES: tuple[MarkupRule, ...] = (
    MarkupRule(
        Kind.SCRAMBLED,
        r"obfuscated(?:-?(?:text|content))?|scrambled(?:-?text)?|text-?scrambl\w*|encrypted-?(?:text|content)",
        ("article__paragraph obfuscated", "scrambled-text"),
    ),
    MarkupRule(
        Kind.COMMENTS,
        r"comments?(?:[-_ ](?:list|section|area|wrapper|container|zone|block|thread|form))?|commentaires?|kommentare?|"
        r"komentarz\w*|comentarios?|disqus|respond|reactions?|fyre|viafoura|coral|hyvor|spotim|opinary",
        ("comments", "article-comments", "komentarze", "disqus_thread", "reactions"),
    ),
    MarkupRule(
        Kind.NEWSLETTER,
        r"news-?letters?|nl[-_](?:box|form|signup)|mailing|sign-?up|subscribe|subscription|abonnement|"
        r"abo[-_]?(?:box|teaser)|"
        r"nieuwsbrief|nyhetsbrev|nyhedsbrev|uutiskirje|boletin|"
        r"inscription|infolettre|optin|email-?capture|mailpoet|mc4wp|klaviyo|app-?promo|app-?download",
        ("newsletter-box", "c-newsletter", "article__newsletter", "subscribe-block"),
    ),
    MarkupRule(
        Kind.RELATED,
        r"related\w*|lire-?aussi|read-?(?:also|more|next)|see-?also|a-?lire|voir-?aussi|more-?(?:stories|news|from|"
        r"on|articles)|"
        r"recommend\w*|recirc\w*|recirculation|outbrain|taboola|dable|recommendations?|"
        r"also-?(?:read|like)|you-?may-?like|most-?(?:read|popular|viewed)|popular|trending|"
        r"teasers?|promo|promobox|cross-?sell|read-?on|weiterlesen|mehr-?zum-?thema|leia-?(?:mais|tambem)|lee-?tambien|"
        r"relacionad[ao]s?|leggi-?anche|potrebbe-?interessarti|auch-?interessant|lesetipps?|verwandte|"
        r"lees-?(?:ook|meer)|gerelateerde?|relaterat|relatert|relateret|las-?(?:mer|ocksa)|les-?(?:mer|ogsa)|"
        r"laes-?(?:mere|ogsaa)|lue-?myos|czytaj-?(?:takze|tez|wiecej)|zobacz-?(?:takze|tez)|polecane|souvisejici|"
        r"ctete-?take|ilgili-?haber(?:ler)?|(?:sur-?le-?)?meme-?(?:sujet|theme)|a-?decouvrir|"
        r"te-?puede-?interesar|correlat[ei]|similar|suggest(?:ed|ions?)|next-?(?:article|post)s?|"
        r"article-?links|aussi|(?:in|story)-?package|(?:post|posts)-?navigation|jp-relatedposts|yarpp|rp4wp|"
        r"linked-?(?:articles?|stories)|further-?reading|magazine-?subscription|feed-?list|latest-?news|"
        r"(?:post|article|story|news)-?cards?",
        (
            "related",
            "lire-aussi",
            "c-related-articles",
            "read-more",
            "relacionadas",
            "recommended",
            "article-card__body",
        ),
    ),
    MarkupRule(
        Kind.EMBED,
        r"twitter-?(?:tweet|video)|tweet|instagram-?media|tiktok-?embed|fb-?(?:post|video)|bluesky-?embed|"
        r"reddit-?(?:card|embed)|"
        r"mastodon-?embed|embed(?:ded)?-?(?:tweet|social)|social-?(?:media-?)?embed|telegram-?post|flourish\w*|infogram\w*|"
        r"datawrapper\w*",
        ("twitter-tweet", "instagram-media", "tiktok-embed", "bluesky-embed", "social-media-embed", "SocialEmbed"),
    ),
    MarkupRule(
        Kind.SHARE,
        r"share(?:[-_ ]?(?:bar|buttons?|tools?|links?|this|box|article))?|sharing|sharedaddy|addtoany|addthis|"
        r"partage\w*|"
        r"social(?!-?(?:embed|post|quote))"
        r"(?:[-_ ]?(?:bar|buttons?|links?|share|media|icons?|follow|networks?|tools))?|teilen|compartir|"
        r"follow-?us|"
        r"toolbar|article-?tools|print-?(?:button|link)|utility-?bar|(?:audio|podcast)-?(?:player|block|box|embed)|listen-?(?:to|button)|speech|tts",
        ("share-buttons", "c-share", "social-share", "partage", "addtoany"),
    ),
    MarkupRule(
        Kind.AD,
        r"ads?|advert\w*|ad-?(?:slot|container|wrapper|unit|label|box)|dfp|gpt|pub|publicite|publicidad|werbung|"
        r"anzeigen?|annons(?:e|er)?|reklam[ae]?|advertentie|publicidade|pubblicita|mainos|hirdetes|"
        r"sponsor\w*|native-?ad|in-?read|affiliate-?(?:disclaimer|disclosure)|disclaimer",
        ("ad-slot", "advertisement", "pub", "publicite", "annonse", "sponsored", "inread"),
    ),
    MarkupRule(
        Kind.CAPTION,
        r"(?:fig|image|img|photo|picture|media|wp|gallery|slide)[-_]?(?:caption|credits?|legend[e]?|description|"
        r"text|copyright)|"
        r"captions?(?:[-_ ]?text)?|legende|credits?|photo-?credit|copyright|bildunterschrift|pie-?(?:de-?)?foto|"
        r"bild-?(?:text|zeile|nachweis)|bilde?-?tekst|billed-?tekst|kuvateksti|(?:foto-?)?(?:bij|onder)schrift|popisek|"
        r"didascalia|media-?infos?|(?:video|player)-?(?:title|caption|description|legende?|source)|title-?video|"
        r"wp-?caption(?:-text)?|image-?source|slideshow|gallery|carousel",
        ("wp-caption-text", "image-caption", "legende", "media__credit", "photo-credits", "mediaInfo", "video-title"),
    ),
    MarkupRule(
        Kind.TAGS,
        r"tags|tags?[-_ ]?(?:list|links?|cloud|container|box)|keywords?|topics?(?:[-_ ]?list)?|(?:bread-?)?crumbs?|"
        r"fil-?d-?ariane|"
        r"categor(?:y|ies)(?:[-_ ]?(?:list|links?))?|ariane|hashtags?|schlagworte|themen|kicker|eyebrow|overline|"
        r"etiquetas|schlagworter|mots-?cles|palabras-?clave|nyckelord|emneord|"
        r"rubrique|surtitre|post-?tags|entry-?(?:footer|tags)|cat-?links",
        ("tags", "article__tags", "breadcrumb", "fil-d-ariane", "topics-list"),
    ),
    MarkupRule(
        Kind.BYLINE,
        r"by-?lines?|authors?(?:[-_ ]?(?:name|bio|box|info|details?|links?|list|block|card|description|about))?|"
        r"signature|"
        r"dateline|publish(?:ed)?-?(?:date|on|time)|pub-?date|post-?(?:meta|date|info|byline)|entry-?meta|"
        r"article-?(?:meta|date|infos?)|"
        r"time-?stamps?|date-?(?:time|published|modified)|auteurs?|autoren?|autores?|author-?bio|"
        r"about-?(?:the-?)?author|"
        r"contributors?|reading-?time|temps-?(?:de-?)?lecture|meta-?info|last-?updated|vcard",
        ("byline", "author-bio", "article-meta", "post-date", "auteur", "reading-time"),
    ),
    MarkupRule(
        Kind.PAYWALL,
        r"paywall\w*|pay-?wall|premium-?(?:wall|teaser|block)|piano(?:[-_]\w+)?|tp-(?:modal|container|backdrop)|"
        r"regwall|"
        r"muro-?de-?pago|betalmur|abo-?wall|subscri(?:ber|ption)-?wall|"
        r"restricted-?content|paid-?content|bezahlschranke|offer-?(?:box|wall)|barrier|gate(?:way)?-?(?:content|box)?",
        ("paywall", "article__paywall", "regwall", "paywall-offer"),
    ),
    MarkupRule(
        Kind.CHROME,
        r"cookies?(?:[-_ ]?(?:banner|notice|consent))?|consent|gdpr|didomi\w*|onetrust\w*|cmp|tarteaucitron\w*|"
        r"site-?(?:header|footer|nav)|page-?(?:header|footer)|global-?(?:header|footer|nav)|menu|nav(?:bar|"
        r"igation)?|main-?nav|"
        r"skip-?(?:link|to)|sidebar|side-?bar|rail|right-?(?:col|column)|modal|pop-?up|overlay|tooltip|"
        r"screen-?reader\w*|sr-?only|visually-?hidden|visuallyhidden|a11y|pagination|pager|back-?to-?top|"
        r"alert-?(?:bar|banner)|"
        r"correction-?form|feedback|error-?report|toc|table-?of-?contents|sommaire|weather|meteo",
        ("cookie-banner", "site-header", "menu", "sidebar", "sr-only", "modal", "pagination"),
    ),
    MarkupRule(
        Kind.LEAD,
        r"chap[oô]|chapeau|standfirst|stand-?first|lead(?:[-_ ]?(?:text|paragraph|in))?|lede|lead-?in|vorspann|dek|"
        r"deck|sub-?(?:title|head|heading|header|line|"
        r"headline)|strap-?line|subtitulo|entradilla|bajada|sumario|linha-?fina|gravata|sommario|sottotitolo|occhiello|"
        r"catenaccio|untertitel|unterzeile|einleitung|anriss|inleiding|perex|underrubrik|underoverskrift|"
        r"ingressi|(?:news|haber|article|detail|content)-?spot|intro(?:duction|[-_]?text)?|"
        r"excerpt|summary|abstract|teaser-?text|article-?(?:desc(?:ription)?|intro|lead|summary)|description|"
        r"ingress|manchet|"
        r"descriptif|accroche|preamble|sapo|synopsis|story-?summary|copete|volanta",
        (
            "article__chapo",
            "standfirst",
            "c-lead",
            "dek",
            "entradilla",
            "subtitle",
            "strapline",
            "perex",
            "teaser_text",
        ),
    ),
    MarkupRule(
        Kind.QUOTE,
        r"(?:pull|block)-?quotes?|quotes?|citations?|exergue|zitat|cita|pull",
        ("pullquote", "article__quote", "citation", "exergue"),
    ),
)

# `no-tts`, `has-caption`, `with-sidebar` and `ad-free` say what an element is not, or what it has inside.
_BORDER_BEFORE = r"(?:^|(?<=[\s_.:/-]))(?<!\bno-)(?<!\bhas-)(?<!\bwith-)(?<!\bwithout-)"
_BORDER_AFTER = r"(?=$|[\s_.:/-])(?![-_](?:hidden|free|none|off|disabled)\b)"
_COMPILED = tuple(re.compile(_BORDER_BEFORE + "(?:" + rule.words + ")" + _BORDER_AFTER) for rule in RULES)
_NO_RULE = len(RULES)
_ANY = re.compile("|".join(rule.words for rule in RULES))
# `article-teaser lead` teases its own article.
_SURELY_LEAD = re.compile(
    _BORDER_BEFORE + r"(?:lead|lede|chap[oô]|chapeau|standfirst|intro|dek|teaser-?(?:text|content))" + _BORDER_AFTER
)
# WordPress marks the element of a post with the names of its categories, which are others on the next page.
_POST_CLASSES = frozenset({"hentry", "type-post", "status-publish", "format-standard"})
_TERM_CLASSES = ("category-", "tag-", "author-", "topic-", "section-", "pmpro-")
_CASE_CHANGE = re.compile(r"(?<=[a-z])(?=[A-Z])")
_LONG_ENOUGH = 300  # an attribute longer than this holds generated classes, the kind stands in front

_BY_TAG: dict[str, Kind] = {
    "footer": Kind.CHROME,
    "aside": Kind.RELATED,
    "figcaption": Kind.CAPTION,
    "figure": Kind.CAPTION,
    "address": Kind.BYLINE,
    "menu": Kind.CHROME,
    "amp-ad": Kind.AD,
    "amp-live-list": Kind.LIVE,
    "blockquote": Kind.QUOTE,
}


@lru_cache(maxsize=50_000)
def kind_of(
    tag: str, classes: str | None, ident: str | None, itemprop: str | None, rel: str | None, name: str | None
) -> Kind | None:
    """The kind that an element's markup tells, None for plain markup. The arguments are its attributes."""
    if tag in {"body", "html", "main"} or itemprop == "articleBody":
        return None
    if rel == "author" or itemprop == "author":
        return Kind.BYLINE
    if itemprop == "description" and tag != "meta":
        return Kind.LEAD
    for words in (classes, ident, name):
        if words and (kind := _kind_of_words(words[:_LONG_ENOUGH])) is not None:
            return kind
    return _BY_TAG.get(tag)


def without_terms(words: Iterable[str]) -> list[str]:
    """The classes of an element, but for the names of categories and tags that WordPress marks a post with."""
    classes = list(words)
    if _POST_CLASSES.isdisjoint(classes):
        return classes
    return [word for word in classes if not word.startswith(_TERM_CLASSES)]


def _kind_of_words(words: str) -> Kind | None:
    """By the first rule that one of the words falls under: most are on the next outlet's pages too."""
    rank = min(map(_rank_of, without_terms(words.split())), default=_NO_RULE)
    if rank == _NO_RULE:
        return None
    kind = RULES[rank].kind
    is_lead = kind is Kind.RELATED and _SURELY_LEAD.search(_plain(words)) is not None
    return Kind.LEAD if is_lead else kind


@lru_cache(maxsize=50_000)
def _rank_of(word: str) -> int:
    """Which rule a word falls under, the first of all; their number for none."""
    plain = _plain(word)
    if _ANY.search(plain) is None:
        return _NO_RULE
    return next((rank for rank, pattern in enumerate(_COMPILED) if pattern.search(plain)), _NO_RULE)


def _plain(words: str) -> str:
    return _CASE_CHANGE.sub("-", words).replace("_", "-").lower()
