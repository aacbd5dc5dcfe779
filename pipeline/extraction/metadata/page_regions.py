"""What stands beside an article on its page: footers, sidebars, teasers, comments."""

from __future__ import annotations

import re
from functools import lru_cache

from lxml import html

__all__ = ["is_outside_article"]

_TAGS = frozenset({"footer", "aside", "nav"})
_CLASSES = re.compile(r"related|comment|teaser|sidebar|recommend|footer|most-?read|latest|(?<!v)card", re.IGNORECASE)


def is_outside_article(element: html.HtmlElement) -> bool:
    """Whether a name or a date stands in the footer, a sidebar or another article's teaser."""
    return any(
        parent.tag in _TAGS
        or _is_beside((parent.get("class") or "")[:200])
        or "comment" in (parent.get("id") or "").lower()
        for parent in element.iterancestors()
        if parent.tag not in {"html", "body", "main"}
    )


@lru_cache(maxsize=5_000)
def _is_beside(classes: str) -> bool:
    return _CLASSES.search(classes) is not None
