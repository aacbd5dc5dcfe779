"""Article ids: from the outlet's own article number where a rule reads it, else from the canonical URL.

Promises opaque ids that never change. A number survives changes of host and headline (franceinfo's `_6433624.html`
survived the move from francetvinfo.fr). Rules come from the catalogue or are learnt here from URLs.

Tested by tests/identity/test_urls.py.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import replace

from pipeline.domain.model import Outlet

_A_DATE = r"(?:19|20)\d\d(?:0\d|1[0-2])(?:[0-2]\d|3[01])(?:\d{4}|\d{6})?"
# The last run of five digits or more in the last segment of the path: `…_6433624.html`, `…_5059121_3222.html`. Not a
# date, which articles share, and not a part of a hash.
_LAST_NUMBER = rf"/(?:[^/?#]*[^/?#\d])?(?!{_A_DATE}(?!\d))(\d{{5,12}})(?![0-9A-Za-z])[^/?#]*/?(?:[?#]|$)"
_DATE = re.compile(_A_DATE)
MIN_ARTICLES = 8  # fewer agree by chance
_MIN_SHARE = 0.9


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
