"""Written cases of URL sameness: pairs that are one article, and pairs that are two; for tests and evaluations."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class UrlPair:
    """Two URLs, and why they are the same article or not."""

    id: str
    left: str
    right: str


A = "https://www.gazette.example/politique/article-sur-le-budget_1234567.html"
Q = "https://www.gazette.example/article.php?id=77&page=2"
S = "https://journal.example/2026/03/le-budget-vote"


def _same(name: str, right: str, left: str = A) -> UrlPair:
    return UrlPair(name, left, right)


JOINS: tuple[UrlPair, ...] = (
    # scheme, host, port
    _same("http and https", A.replace("https", "http")),
    _same("scheme in capitals", A.replace("https", "HTTPS")),
    _same("host in capitals", A.replace("www.gazette", "WWW.Gazette")),
    _same("without www", A.replace("www.", "")),
    _same("www2", A.replace("www.", "www2.")),
    _same("mobile host m", A.replace("www.", "m.")),
    _same("mobile host spelled out", A.replace("www.", "mobile.")),
    _same("amp host", A.replace("www.", "amp.")),
    _same("www and m", A.replace("www.", "www.m.")),
    _same("port 443", A.replace(".example/", ".example:443/")),
    _same("port 80 on http", A.replace("https", "http").replace(".example/", ".example:80/")),
    _same("host with its final dot", A.replace(".example/", ".example./")),
    _same("userinfo", A.replace("://", "://reader:secret@")),
    _same("protocol-relative", A.removeprefix("https:")),
    _same("IDN and punycode", "https://xn--lgende-bva.example/a-1", "https://légende.example/a-1"),
    _same("IDN in capitals", "https://LÉGENDE.example/a-1", "https://légende.example/a-1"),
    _same("blanks around", f"  {A}\n"),
    _same("line break inside", A.replace("budget", "bud\n   get")),
    # path
    _same("trailing slash", f"{S}/", S),
    _same("several trailing slashes", f"{S}///", S),
    _same("double slash inside", S.replace("/03/", "//03/"), S),
    _same("dot segments", S.replace("/03/", "/./02/../03/"), S),
    _same("unreserved characters encoded", S.replace("budget", "%62udget").replace("-le-", "%2Dle-"), S),
    _same("tilde encoded", "https://journal.example/%7Eparis/a-1", "https://journal.example/~paris/a-1"),
    _same("hex in lower case", "https://journal.example/%c3%a9t%c3%a9", "https://journal.example/%C3%A9t%C3%A9"),
    _same("accents encoded or not", "https://journal.example/%C3%A9t%C3%A9", "https://journal.example/été"),
    _same("blank encoded or not", "https://journal.example/un%20titre", "https://journal.example/un titre"),
    _same(
        "comma encoded", "https://journal.example/0%2C2-3210%2C1-0.html", "https://journal.example/0,2-3210,1-0.html"
    ),
    _same("at sign encoded", "https://journal.example/1-0%402-3224.html", "https://journal.example/1-0@2-3224.html"),
    _same("apostrophe encoded", "https://journal.example/l%27ete", "https://journal.example/l'ete"),
    _same("blank at the end, encoded", f"{A}%20"),
    _same("line break at the end, encoded", f"{A}%0A"),
    _same("index.html", "https://journal.example/a-1/index.html", "https://journal.example/a-1/"),
    _same("index.php", "https://journal.example/a-1/index.php", "https://journal.example/a-1"),
    _same("default.aspx", "https://journal.example/a-1/Default.aspx", "https://journal.example/a-1"),
    _same("session in the path", f"{A};jsessionid=0A1B2C"),
    _same("home with and without slash", "https://journal.example", "https://journal.example/"),
    # AMP
    _same("amp suffix", S + ".amp", S),
    _same("amp before html", A.replace(".html", ".amp.html")),
    _same("amp segment at the end", f"{S}/amp", S),
    _same("amp segment and slash", f"{S}/amp/", S),
    _same("amp segment at the start", A.replace(".example/", ".example/amp/")),
    _same("amp flag", f"{A}?amp"),
    _same("amp=1", f"{A}?amp=1"),
    _same("amp=true", f"{A}?amp=true"),
    _same("outputType=amp", f"{A}?outputType=amp"),
    _same("AMP cache", "https://www-gazette-example.cdn.ampproject.org/c/s/" + A.removeprefix("https://")),
    _same(
        "AMP cache, viewer form",
        "https://cdn.ampproject.org/v/s/" + A.removeprefix("https://") + "?usqp=mq331&amp_js_v=0.1",
    ),
    _same("AMP viewer", "https://www.google.com/amp/s/" + A.removeprefix("https://")),
    _same("AMP viewer of another country", "https://www.google.fr/amp/s/" + A.removeprefix("https://")),
    # fragments
    _same("anchor", f"{A}#commentaires"),
    _same("xtor in the fragment", f"{A}#xtor=RSS-3-[lestitres]"),
    _same("xtor in another feed's fragment", f"{A}#xtor=RSS-3-[france]", f"{A}#xtor=RSS-3-[general]"),
    _same("at_medium in the fragment", f"{A}#at_medium=RSS_feeds"),
    _same("Echobox in the fragment", f"{A}#Echobox=1583142000"),
    _same("empty fragment", f"{A}#"),
    # tracking
    _same("utm", f"{A}?utm_source=rss&utm_medium=feed&utm_campaign=a"),
    _same("utm in capitals", f"{A}?UTM_Source=rss"),
    _same("utm behind another parameter", f"{Q}&utm_source=rss", Q),
    _same("utm before the other parameters", Q.replace("?", "?utm_source=rss&"), Q),
    _same("utm without a question mark", f"{A}&utm_source=rss&utm_medium=feed"),
    _same("utm behind a second question mark", f"{Q}?utm_source=rss", Q),
    _same("xtor", f"{A}?xtor=RSS-3208"),
    _same("at_ parameters", f"{A}?at_medium=RSS&at_campaign=titres"),
    _same("fbclid", f"{A}?fbclid=IwAR0x"),
    _same("gclid", f"{A}?gclid=EAIa"),
    _same("msclkid", f"{A}?msclkid=1"),
    _same("twclid", f"{A}?twclid=2"),
    _same("mtm", f"{A}?mtm_campaign=a&mtm_kwd=b"),
    _same("mc_cid", f"{A}?mc_cid=1&mc_eid=2"),
    _same("pk_campaign", f"{A}?pk_campaign=rss"),
    _same("ns_mchannel", f"{A}?ns_mchannel=rss&ns_source=x&ns_campaign=y"),
    _same("ito", f"{A}?ns_mchannel=rss&ito=1490"),
    _same("cmpid", f"{A}?cmpid=rss"),
    _same("CMP", f"{A}?CMP=share_btn_tw"),
    _same("ocid", f"{A}?ocid=socialflow"),
    _same("smid", f"{A}?smid=tw-share"),
    _same("maca", f"{A}?maca=fr-rss-fr-all-1119-rdf"),
    _same("wt_zmc", f"{A}?wt_zmc=sm.ext.x"),
    _same("igshid", f"{A}?igshid=1"),
    _same("hsa", f"{A}?hsa_acc=1&hsa_cam=2"),
    _same("_ga", f"{A}?_ga=2.1.1"),
    _same("ref=rss", f"{A}?ref=rss"),
    _same("ref=feed", f"{A}?ref=feed"),
    _same("source=twitter", f"{A}?source=twitter"),
    _same("from=newsletter", f"{A}?from=newsletter"),
    _same("from=rss_une", f"{A}?from=rss_une"),
    _same("partner=rss", f"{A}?partner=rss&emc=rss"),
    _same("via=facebook", f"{A}?via=facebook"),
    _same("rss=1", f"{A}?rss=1"),
    _same("xtor in query and fragment", f"{A}?xtor=RSS-1#xtor=RSS-1"),
    # query
    _same("order of parameters", "https://www.gazette.example/article.php?page=2&id=77", Q),
    _same("empty query", f"{A}?"),
    _same("empty parameters", Q.replace("&", "&&") + "&", Q),
    _same("ampersand escaped once too often", Q.replace("&", "&amp;"), Q),
    _same("ampersand escaped twice too often", Q.replace("&", "&amp;amp;"), Q),
    _same("blank in a value, both ways", f"{Q}&q=a%20b", f"{Q}&q=a+b"),
    _same("unreserved in a value", f"{Q}&q=%61", f"{Q}&q=a"),
    # several at once
    _same(
        "all at once",
        "http://M.Gazette.example:80/amp/politique/./article-sur-le-budget_1234567.html?utm_source=rss&xtor=1#xtor=RSS-1",
    ),
)

APART: tuple[UrlPair, ...] = (
    UrlPair("article numbers", A, A.replace("1234567", "1234568")),
    UrlPair("id in the query", Q, Q.replace("77", "78")),
    UrlPair("page in the query", Q, Q.replace("page=2", "page=3")),
    UrlPair("a parameter more", "https://www.gazette.example/article.php?id=77", Q),
    UrlPair("WordPress p=", "https://journal.example/?p=10354", "https://journal.example/?p=10355"),
    UrlPair("WordPress p= and home", "https://journal.example/?p=10354", "https://journal.example/"),
    UrlPair("article=", "https://journal.example/lire?article=5", "https://journal.example/lire?article=6"),
    UrlPair("t=", "https://journal.example/video?t=5", "https://journal.example/video?t=6"),
    UrlPair("ref= with a number", "https://journal.example/lire?ref=48211", "https://journal.example/lire?ref=48212"),
    UrlPair("ref= with a slug", "https://journal.example/lire?ref=budget", "https://journal.example/lire?ref=vote"),
    UrlPair("source= with an id", "https://journal.example/lire?source=a1", "https://journal.example/lire?source=a2"),
    UrlPair("from= with a date", "https://journal.example/l?from=20260301", "https://journal.example/l?from=20260302"),
    UrlPair("id= with letters", "https://journal.example/a?id=abc", "https://journal.example/a?id=abd"),
    UrlPair("cid=", "https://journal.example/a?cid=1", "https://journal.example/a?cid=2"),
    UrlPair("storyId=", "https://journal.example/a.php?storyId=1", "https://journal.example/a.php?storyId=2"),
    UrlPair("v=", "https://video.example/watch?v=aaaa", "https://video.example/watch?v=bbbb"),
    UrlPair("case of the path", "https://journal.example/a/AbC", "https://journal.example/a/abc"),
    UrlPair("case of a value", "https://video.example/watch?v=aaaa", "https://video.example/watch?v=AAAA"),
    UrlPair("section in the path", "https://journal.example/sport/a-1", "https://journal.example/monde/a-1"),
    UrlPair("year in the path", "https://journal.example/2025/03/voeux", "https://journal.example/2026/03/voeux"),
    UrlPair(
        "day in the path", "https://journal.example/2026/03/01/direct", "https://journal.example/2026/03/02/direct"
    ),
    UrlPair("suffix of the slug", S, f"{S}-2"),
    UrlPair("slug and its page", S, f"{S}/2"),
    UrlPair("page 2 by segment", S, f"{S}/page/2"),
    UrlPair("extension", "https://journal.example/a-1.html", "https://journal.example/a-1.pdf"),
    UrlPair("no extension", "https://journal.example/a-1.html", "https://journal.example/a-1"),
    UrlPair("subdomains of regions", "https://lyon.gazette.example/a-1", "https://paris.gazette.example/a-1"),
    UrlPair("subdomain of a language", "https://fr.gazette.example/a-1", "https://de.gazette.example/a-1"),
    UrlPair("subdomain and main host", "https://blogs.gazette.example/a-1", "https://gazette.example/a-1"),
    UrlPair("top-level domains", "https://gazette.fr/a-1", "https://gazette.be/a-1"),
    UrlPair("hosts that end alike", "https://lagazette.example/a-1", "https://gazette.example/a-1"),
    UrlPair("host m alone", "https://m.fr/a-1", "https://fr/a-1"),
    UrlPair("host www.com", "https://www.com/a-1", "https://m.com/a-1"),
    UrlPair("host amp under a public suffix", "https://amp.co.uk/a-1", "https://m.co.uk/a-1"),
    UrlPair("ports", "https://gazette.example:8080/a-1", "https://gazette.example/a-1"),
    UrlPair("hashbang routes", "https://gazette.example/#!/article/1", "https://gazette.example/#!/article/2"),
    UrlPair("hashbang and home", "https://gazette.example/#!/article/1", "https://gazette.example/"),
    UrlPair("encoded slash", "https://gazette.example/a%2Fb", "https://gazette.example/a/b"),
    UrlPair("encoded question mark", "https://gazette.example/a%3Fb=1", "https://gazette.example/a?b=1"),
    UrlPair("encoded ampersand", "https://gazette.example/a?q=1%26r=2", "https://gazette.example/a?q=1&r=2"),
    UrlPair("encoded percent", "https://gazette.example/a%2541", "https://gazette.example/a%41"),
    UrlPair("plus in a path", "https://gazette.example/a+b", "https://gazette.example/a%20b"),
    UrlPair("list in a query", "https://gazette.example/a?t=1&t=2", "https://gazette.example/a?t=2&t=1"),
    UrlPair("tag named amp", "https://gazette.example/tag/amp", "https://gazette.example/tag"),
    UrlPair("word that begins with amp", "https://gazette.example/ampoules/a-1", "https://gazette.example/oules/a-1"),
    UrlPair("word that ends in amp", "https://gazette.example/le-camp", "https://gazette.example/le-c"),
    UrlPair("amp with a number", "https://gazette.example/a?amp=7", "https://gazette.example/a?amp=8"),
    UrlPair("index as a slug", "https://gazette.example/bourse/index-2026", "https://gazette.example/bourse"),
    UrlPair("rss with a number", "https://gazette.example/a?rss=77", "https://gazette.example/a?rss=78"),
    UrlPair("parameter that begins like a tracker", "https://gazette.example/a?at=1", "https://gazette.example/a?at=2"),
    UrlPair("parameter xt", "https://gazette.example/a?xt=1", "https://gazette.example/a?xt=2"),
    UrlPair("no URL", "688858", "688859"),
    UrlPair("tag URIs", "tag:gazette.example,2026:1", "tag:gazette.example,2026:2"),
    UrlPair("mail and web", "mailto:a@gazette.example", "https://gazette.example/"),
    UrlPair("other schemes", "ftp://gazette.example/a-1", "https://gazette.example/a-1"),
)
