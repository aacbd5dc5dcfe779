"""Reasons: why an entry was rejected, failed or put off, each with one sentence.

The operator reads them on the desk, the consumer in dead letters. `docs/reference/verdicts.md` is made from this table.
Tested by tests/test_documents.py, which finds every reason in the code.
"""

from __future__ import annotations

from collections.abc import Mapping

# The page is not an article. An entry that ends so is not tried again.
REJECTIONS: Mapping[str, str] = {
    "blocked": "The server answered 401 or 403.",
    "bot_wall": "A bot wall answered in place of the page.",
    "consent_wall": "The page shows a consent wall and no article.",
    "cookie_text": "The text is a cookie notice.",
    "empty": "The page has no text.",
    "error_page": "The page is an error page with status 200.",
    "gallery": "The page is a picture gallery without prose.",
    "garbled": "The text is not readable: wrong charset, or compressed or binary data.",
    "gone": "The server answered 410.",
    "http_status": "The server answered with a status that is not an article's.",
    "image": "The address is an image.",
    "index_page": "The page lists articles and is none itself.",
    "javascript_required": "The page shows its text only after its scripts ran.",
    "legal": "The server answered 451: unavailable for legal reasons.",
    "no_link": "The entry has no usable link.",
    "not_found": "The server answered 404.",
    "not_html": "The address is not an HTML page.",
    "page_too_large": "The page is larger than the limit.",
    "paywall_stub": "The page shows only the beginning of a paid article, too short to publish.",
    "paywalled": "The server answered 402.",
    "pdf": "The address is a PDF.",
    "redirected_to_section": "The address redirects to a section or the home page.",
    "refused_address": "The host has an address that we do not fetch from (private, loopback, link-local).",
    "refused_host": "The host name is not valid.",
    "refused_partial": "The server answered 206: only a part of the page.",
    "refused_port": "The port is not one of the web.",
    "refused_robots": "robots.txt forbids the page to us.",
    "refused_scheme": "The address is neither http nor https.",
    "refused_url": "The address is too long or not valid.",
    "soft_404": "The page says that it does not exist, with status 200.",
    "too_large": "The answer is larger than the limit.",
    "too_many_redirects": "The address redirects in a loop or too often.",
    "too_short": "The text is too short for an article.",
    "video_without_text": "The page shows a video without text.",
}
# Something failed. The entry is tried again, and becomes a dead letter after the last attempt.
FAILURES: Mapping[str, str] = {
    "collect_error": "Collecting the entry raised an error: a fault of ours.",
    "extract_error": "The extraction worker ended: out of time or memory on the page.",
    "http_408": "The server answered 408: request timeout.",
    "http_425": "The server answered 425: too early.",
    "http_5xx": "The server answered with an error of its own.",
    "timed_out": "The request took longer than NEWSWIRE_PAGE_TIMEOUT_S or NEWSWIRE_FEED_TIMEOUT_S.",
    "unreachable": "No connection: name, TLS, or a broken transfer.",
}
# The entry waits without losing an attempt.
DEFERRALS: Mapping[str, str] = {
    "host_waits": "The host asked us to wait (Retry-After, or robots.txt answered 5xx).",
    "outbox_full": "The outbox is over NEWSWIRE_OUTBOX_BOUND, so the feed is not polled.",
    "put_off": "The run ended before the feed's turn.",
    "run_deadline": "The run ended before the entry's turn.",
}
