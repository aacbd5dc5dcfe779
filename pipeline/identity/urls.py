"""URL repair, canonicalisation, and article ids, which follow from an outlet's article number or a canonical URL.

`repair` makes an absolute URL of what a feed prints. `canonicalise` gives a key to compare by, not an address to fetch:
URLs with the same key are the same article, and two articles never share a key. The rules were measured on real
outlets.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import lru_cache
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

import idna
from tld import get_tld

from pipeline.domain.model import Outlet

MAX_URL_CHARS = 2048  # longer ones are not links (the limit of Media Cloud and of browsers)

_LINE_BREAK = re.compile(r"[ \t]*[\r\n\t\x00-\x1f\x7f]+[ \t]*")
_PERCENT = re.compile(r"%([0-9A-Fa-f]{2})")
_BARE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
# Le Monde's old `0,2-3210,1-0@2-…` came with and without %2C and %40: in a path both forms are the same.
_PATH_SAFE = _UNRESERVED | frozenset("!$'()*+,;=:@")
_QUERY_SAFE = _UNRESERVED | frozenset("!$'()*,:@/?")
_KEEP_RAW = frozenset("!$&'()*+,;=:@/?%") | _UNRESERVED

_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?")
_SAME_SITE_LABELS = ("www", "www2", "www3", "m", "amp", "mobile")
# A URL of an AMP cache or viewer, up to the publisher's URL inside it.
_AMP_WRAPPING = re.compile(
    r"""(?:https://)?(?:(?:[a-z0-9-]+\.)?cdn\.ampproject\.org/(?:[acvi]/)+ | (?:www\.)?google\.[a-z.]{2,6}/amp/)
    (?:s/)?(?=[a-z0-9][a-z0-9-]*\.)""",
    re.VERBOSE | re.IGNORECASE,
)

_TRACKER = re.compile(
    r"""utm[_.-].* | at_.* | mtm_.* | mc_.* | pk_.* | piwik_.* | matomo_.* | hsa_.* | xt(?:or|s|ref|mc|cr|np)
    | (?:fb|g|d|y|tw|tt|ms)clid | msclkid | gclsrc | [gw]braid | gad_.* | igsh(?:id)? | li_fat_id | _hs(?:enc|mi)
    | __hs(?:sc|tc|fp) | fb_(?:ref|source|action_.*) | action_(?:object|type|ref)_map
    | ns_(?:mchannel|source|campaign|linkname|fee) | ocid | cmp(?:id)? | s_cid | icid | ncid | smid | smtyp | emc | ftag
    | mbid | maca | ito | wt_z?mc.* | wt\.(?:mc_.*|rss_.*|z_.*) | mkt_tok | vero_.* | oly_(?:anon|enc)_id
    | ref_(?:src|url) | echobox | sfnsn | guc(?:counter|e_referrer.*) | _g[al] | trk | soc_(?:src|trk) | \.?tsrc
    | __(?:twitter_impression|source) | dlvrit | spm | rssfeed | yptr | ck_subscriber_id | ml_subscriber.* | et_[rc]id
    | phpsessid | jsessionid | usqp | amp_(?:js_v|gsa|r|markup|ct) | actcampaigntype | shareid | sharetoken | xtatc
    | estat_.*""",
    re.VERBOSE | re.IGNORECASE,
)
_ORIGIN_KEYS = frozenset({"ref", "source", "src", "from", "partner", "via", "origin", "mod", "medium", "campaign"})
_ORIGIN_VALUE = re.compile(
    r"""(?:rss|feed|newsletter)(?:[-_.][a-z_.-]*\d{0,3})? | rss\d | rssfeeds? | feeds | feedburner | atom | twitter | tw
    | facebook | fb | instagram | linkedin | whatsapp | telegram | bluesky | mastodon | reddit | tiktok | pinterest
    | youtube | nl | e-?mail | mail | push | notification | social | share | google-?news | googlenews | flipboard
    | apple-?news | upday | smartnews | homepage""",
    re.VERBOSE | re.IGNORECASE,
)
# Parameters that are noise with some values only.
_NOISE_VALUES = (
    (_ORIGIN_KEYS, _ORIGIN_VALUE),
    (frozenset({"amp", "rss"}), re.compile(r"(?:1|true|yes|amp|rss)?", re.IGNORECASE)),
    (frozenset({"outputtype", "output"}), re.compile(r"amp", re.IGNORECASE)),
)
_LATE_TRACKER = re.compile(r"[?&](?=(?:utm_|at_|xtor=|fbclid=|gclid=|mtm_))", re.IGNORECASE)

_AMPERSAND = re.compile(r"&(?:amp;)+")  # escaped once, or twice, too often
_SESSION = re.compile(r";jsessionid=[^/]*", re.IGNORECASE)
_INDEX = re.compile(r"(?:index|default)\.(?:html?|shtml|php|aspx?|jsp)", re.IGNORECASE)
_AMP_SUFFIX = re.compile(r"\.amp(?=$|\.html?$)", re.IGNORECASE)
_BLANK_END = re.compile(r"(?:%20|%0[9AaDd]|%C2%A0)+$")
# First path segments of pages that list articles.
_LISTS = frozenset({
    "tag", "tags", "topic", "topics", "sujet", "sujets", "theme", "themes", "thematique", "search", "recherche", "page",
    "auteur", "auteurs", "author", "authors", "journaliste", "category", "categorie", "rubrique", "section", "archives",
})  # fmt: skip

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):")
_HTTP_START = re.compile(r"(?:feed:)?(https?|feed)(?::/*|/{2,})", re.IGNORECASE)
_DOUBLE_START = re.compile(r"\A(?:https?(?::/*|/{2,}))+(?=https?(?::|/{2}))", re.IGNORECASE)
_ERROR_PAGE = re.compile(r"(?:404|410|erreur|error|not-?found)(?:[-.].*)?", re.IGNORECASE)


_A_DATE = r"(?:19|20)\d\d(?:0\d|1[0-2])(?:[0-2]\d|3[01])(?:\d{4}|\d{6})?"
# The last run of five digits or more in the last segment of the path: `…_6433624.html`, `…_5059121_3222.html`. Not a
# date, which articles share, and not a part of a hash.
_LAST_NUMBER = rf"/(?:[^/?#]*[^/?#\d])?(?!{_A_DATE}(?!\d))(\d{{5,12}})(?![0-9A-Za-z])[^/?#]*/?(?:[?#]|$)"
_DATE = re.compile(_A_DATE)
MIN_ARTICLES = 8  # fewer agree by chance
_MIN_SHARE = 0.9
MAX_REPAIRS = 5  # of one URL; a URL with more faults is none


@lru_cache(maxsize=1024)  # an article's addresses are mostly one, compared several times
def canonicalise(url: str) -> str:
    """The canonical form of a URL, for comparison; idempotent. What is no http(s) URL is only stripped."""
    key = _key(url)
    while wrapping := _AMP_WRAPPING.match(key):
        key = _key(f"https://{key[wrapping.end() :]}")
    return key


def _key(url: str) -> str:
    stripped = _strip(url)
    name, parts = _split(stripped)
    if not name:
        return stripped
    late = _LATE_TRACKER.search(parts.path)  # a query that begins without its `?`: `…html&utm_source=rss`
    path, more = (parts.path[: late.start()], parts.path[late.end() :]) if late else (parts.path, "")
    query = _query(_LATE_TRACKER.sub("&", f"{more}&{parts.query}"))
    bang = f"#{_encode(_decode(parts.fragment, _QUERY_SAFE))}" if parts.fragment.startswith("!") else ""
    return f"https://{_site(name)}{_port(parts)}{_path(path)}{query}{bang}"


def repair(url: str | None, base: str | None) -> str | None:
    """The absolute http(s) URL of a printed link (blanks, `http:/x`, relative, doubled); None when it is none.

    The result needs no more repair: `//http://x` is repaired twice, once for each fault.
    """
    repaired = _repair(url or "", base)
    for _ in range(MAX_REPAIRS):
        if repaired is None or (again := _repair(repaired, None)) == repaired:
            return repaired
        repaired = again
    return None


def _repair(url: str, base: str | None) -> str | None:
    text = _absolute_text(url, base)
    name, parts = _split(text or "")
    if not name:
        return None
    repaired = f"{parts.scheme.lower()}://{name}{_port(parts)}{_encode(parts.path) or '/'}"
    repaired += f"?{_encode(parts.query)}" if parts.query else ""
    repaired += f"#{_encode(parts.fragment)}" if parts.fragment else ""
    return repaired if len(repaired) <= MAX_URL_CHARS else None


def host(url: str) -> str:
    """The host of a URL, in lower case and ASCII, without port or userinfo; empty when there is none."""
    return _split(_strip(url))[0]


@lru_cache(maxsize=4096)
def registrable_domain(host_or_url: str) -> str:
    """The registered domain (`bbc.co.uk` of `www.bbc.co.uk`); the last two labels without a known public suffix.

    An IP address is its own domain.
    """
    name = host(host_or_url) if "/" in host_or_url else _ascii_host(_strip(host_or_url).partition(":")[0])
    if _is_address(name):
        return name
    found = get_tld(f"http://{name}/", fail_silently=True, as_object=True) if name else None
    known = getattr(found, "fld", None)
    return known if isinstance(known, str) and known else ".".join(name.split(".")[-2:])


def is_section_or_home(url: str) -> bool:
    """Whether a URL looks like a home, section, tag or error page, which is never an article."""
    _, parts = _split(canonicalise(url))
    if not parts.scheme or parts.query or parts.fragment:
        return False
    segments = [segment for segment in parts.path.split("/") if segment]
    if not segments or _ERROR_PAGE.fullmatch(segments[-1]):
        return True
    return len(segments) <= 3 and (segments[0].lower() in _LISTS or all(map(_is_section_word, segments)))


def _is_section_word(segment: str) -> bool:
    return len(segment) <= 30 and segment.count("-") <= 2 and not any(c.isdigit() or c in "._," for c in segment)


def _strip(url: str) -> str:
    return _LINE_BREAK.sub("", url.strip().strip("\x00\ufeff\u200b\xa0 ")).strip()


def _split(url: str) -> tuple[str, SplitResult]:
    """The host and the parts of an http(s) URL with a valid port; empty ones for another text."""
    try:
        parts = urlsplit("https:" + url if url.startswith("//") else url)
        usable = parts.scheme.lower() in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        usable = False
    return (_ascii_host(parts.hostname or ""), parts) if usable else ("", urlsplit(""))


def _ascii_host(name: str) -> str:
    """The host in ASCII, as in DNS; empty when it is not valid."""
    name = unquote(name).lower().rstrip(".")
    if name.startswith("[") or ":" in name:
        return f"[{name.strip('[]')}]" if _is_address(name) else ""
    if not name.isascii():
        try:
            name = idna.encode(name, uts46=True).decode("ascii").lower().rstrip(".")
        except (ValueError, IndexError):
            return ""
    return name if _HOST.fullmatch(name) and ".." not in name else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def _site(name: str) -> str:
    """The host without `www.`, `m.`, `amp.` and similar labels, if a registrable domain remains."""
    label, _, rest = name.partition(".")
    while label in _SAME_SITE_LABELS and "." in rest and get_tld(f"http://any.{rest}/", fail_silently=True) != rest:
        name = rest
        label, _, rest = name.partition(".")
    return name


def _port(parts: SplitResult) -> str:
    return "" if parts.port in (None, 80, 443) else f":{parts.port}"


def _decode(text: str, safe: frozenset[str]) -> str:
    """Decodes percent-encoded characters that need no encoding; the others get upper-case hex."""

    def one(match: re.Match[str]) -> str:
        char = chr(int(match.group(1), 16))
        return char if char in safe else match.group().upper()

    return _PERCENT.sub(one, _BARE_PERCENT.sub("%25", text))


def _encode(text: str) -> str:
    """Percent-encodes (UTF-8) the characters that a URL cannot contain; what is encoded already stays."""
    return "".join(
        char if char in _KEEP_RAW else "".join(f"%{byte:02X}" for byte in char.encode("utf-8", "surrogatepass"))
        for char in text
    )


def _path(path: str) -> str:
    segments: list[str] = []
    for segment in _SESSION.sub("", _encode(_decode(path, _PATH_SAFE))).split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    return "/" + "/".join(_same_page(segments))


def _same_page(segments: list[str]) -> list[str]:
    """The path without markers of another form of the same page: AMP, `index.html`, trailing blanks."""
    longer: list[str] = []
    while segments and segments != longer:
        longer = segments
        *before, last = segments
        last = _AMP_SUFFIX.sub("", _BLANK_END.sub("", last))
        is_amp = last.lower() == "amp" and before and before[-1].lower() not in _LISTS
        if is_amp or last in ("", ".", "..") or _INDEX.fullmatch(last):
            segments = before
        elif before and before[0].lower() == "amp" and not _names_a_host(before[1:]):
            segments = [*before[1:], last]
        else:
            segments = [*before, last]
    return segments


def _names_a_host(segments: list[str]) -> bool:
    """Whether the path continues like an AMP viewer's: `s/` or a host, then the publisher's path."""
    return bool(segments) and (segments[0] == "s" or "." in segments[0])


def _query(query: str) -> str:
    """`?` and the parameters that select the page, sorted by name; tracking parameters are removed."""
    chosen = [parameter for part in query.split("&") if not _is_noise(parameter := _parameter(part))]
    return "?" + "&".join(sorted(chosen, key=lambda p: p.partition("=")[0])) if chosen else ""


def _parameter(text: str) -> str:
    decoded = _encode(_decode(text, _QUERY_SAFE)).replace("%20", "+")
    while decoded.startswith("amp;"):  # `&amp;` escaped once too often
        decoded = decoded[4:]
    return decoded


def _is_noise(parameter: str) -> bool:
    key, _, value = parameter.partition("=")
    key = key.lower()
    for keys, values in _NOISE_VALUES:
        if key in keys:
            return values.fullmatch(value) is not None
    return not key or _TRACKER.fullmatch(key) is not None


def _absolute_text(url: str, base: str | None) -> str | None:
    """The text of an absolute http(s) URL, before it is split into parts."""
    text = _AMPERSAND.sub("&", _unquote(_strip(url)))
    if not text or len(text) > 4 * MAX_URL_CHARS:
        return None
    text = _DOUBLE_START.sub("", text.replace("\\", "/") if _HTTP_START.match(text.replace("\\", "/")) else text)
    start = _HTTP_START.match(text)
    if start:
        scheme = "http" if start.group(1).lower() == "feed" else start.group(1).lower()
        return f"{scheme}://{text[start.end() :]}"
    if text.lower().startswith("www.") or _names_its_host(text, base):
        return f"https://{text}"
    if _SCHEME.match(text) or (base is None and not text.startswith("//")):
        return None
    with suppress(ValueError):
        return urljoin(base or "https:", text)
    return None


def _unquote(text: str) -> str:
    """Removes the brackets and quotes that some feeds leave around a link."""
    if text.startswith("<![CDATA["):
        text = text[9:].removesuffix("]]>")
    text = text.strip()
    while len(text) > 1 and text[0] + text[-1] in ("<>", '""', "''"):
        text = text[1:-1].strip()
    return text


def _names_its_host(text: str, base: str | None) -> bool:
    """Whether a link without scheme begins with the base's host: `example.fr/article`, `example.fr:/x`."""
    own = host(base) if base else ""
    first = text.partition("/")[0].rstrip(":").lower()
    return bool(own) and "." in first and first in (own, own.removeprefix("www."))


def article_id(outlet_id: str, *, number: str | None, canonical_url: str) -> str:
    """The article's id: `a` and 26 base32 characters (130 bits); it never changes."""
    key = f"{outlet_id}\nnumber\n{number}" if number else f"{outlet_id}\nurl\n{canonical_url}"
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    return "a" + base64.b32encode(digest).decode("ascii")[:26].lower()


def article_number(url: str, pattern: str | None) -> str | None:
    """The outlet's own number in a URL, by the outlet's rule (its group 1); None without a rule or a match."""
    try:
        found = re.search(pattern, url) if pattern else None
    except re.error:
        return None
    return (found.group(1 if found.re.groups else 0) or None) if found else None


def learn_article_number(urls: Sequence[Sequence[str]]) -> str | None:
    """A rule that holds on an outlet's URLs (each inner sequence: guid, link and canonical of one article), or None.

    It holds when nine articles in ten have a number, the URLs of one article agree on it, and no two articles share it.
    """
    found = ({article_number(url, _LAST_NUMBER) for url in group} - {None} for group in urls)
    numbers = [of_one for of_one in found if of_one]
    if len(numbers) < max(MIN_ARTICLES, _MIN_SHARE * len(urls)) or max(map(len, numbers)) > 1:
        return None
    flat = [number for of_one in numbers for number in of_one if number]
    dated = len(list(filter(_DATE.fullmatch, flat)))
    return _LAST_NUMBER if len(set(flat)) == len(flat) and dated * 2 < len(flat) else None


def with_number_rule(outlet: Outlet, rule: str) -> Outlet:
    """The outlet with a learnt rule; a rule of the catalogue stays."""
    if outlet.policy.article_number is not None:
        return outlet
    return replace(outlet, policy=replace(outlet.policy, article_number=rule))
