"""HTTP status of a page to rejection, and the better page of the same article that a page points to.

The tables follow RFC 9110 and what outlets really do with statuses. What a status means for a feed is in
pipeline/scheduling/feed_state.py. Tested by tests/ingest/test_page_status.py.
"""

from __future__ import annotations

from pipeline.domain.model import Outlet, Rejection, Response
from pipeline.extraction.values import Extraction
from pipeline.identity.urls import canonicalise, is_section_or_home, registrable_domain

# Reasons worth another attempt; every other refusal is an entry's end.
PASSING = frozenset({"http_5xx", "http_408", "http_425"})

REFUSALS: dict[int, str] = {
    401: "blocked",
    402: "paywalled",
    403: "blocked",
    404: "not_found",
    410: "gone",
    451: "legal",
    408: "http_408",
    425: "http_425",
}


def refuse_page(response: Response) -> Rejection | None:
    """Why this response cannot be an article, by its status alone; None when it may be one."""
    wall = next((note for note in response.notes if note.startswith("bot_wall")), None)
    if wall:
        return Rejection("bot_wall", wall)
    if response.status != 200:
        server_error_or_other = "http_5xx" if response.status >= 500 else "http_status"
        return Rejection(REFUSALS.get(response.status, server_error_or_other), f"HTTP {response.status}")
    if response.redirects and is_section_or_home(response.final_url) and not is_section_or_home(response.url):
        return Rejection("redirected_to_section", response.final_url)
    return None


def better_page(extraction: Extraction, response: Response, outlet: Outlet) -> str | None:
    """The page to read instead: a quick meta refresh, or the canonical page of an AMP or mobile twin, in the outlet."""
    here = response.final_url
    there = extraction.meta_refresh
    if there is None and extraction.article is not None and is_twin(here, extraction.article.canonical_url):
        there = extraction.article.canonical_url
    if there is None or there == here:
        return None
    own = {*outlet.hosts, registrable_domain(here)}
    return there if registrable_domain(there) in own else None


def is_twin(here: str, canonical: str) -> bool:
    """Whether two different URLs are the same article by their form alone: AMP or mobile, and canonical."""
    return (
        here != canonical
        and canonicalise(here) == canonicalise(canonical)
        and _undecorated(here) != _undecorated(canonical)
    )


def _undecorated(url: str) -> str:
    """A URL without scheme, query and fragment: it differs between twins, not between tracked links."""
    return url.partition("://")[2].partition("#")[0].partition("?")[0].rstrip("/").removeprefix("www.")
