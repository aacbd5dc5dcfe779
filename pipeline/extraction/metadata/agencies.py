"""News agencies that a text credits, by its dateline, its signature or its authors.

The names are in `agencies.toml`. Promises each agency's short name once, in order of finding; a text that only mentions
an agency credits none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from ahocorasick_rs import AhoCorasick

from pipeline.text.normalize import read_table

_AGENCY = {form: agency for agency, forms in read_table(__name__).items() for form in forms}
_ALL_NAMES = AhoCorasick(list(_AGENCY))
_NAME = "|".join(re.escape(form) for form in sorted(_AGENCY, key=len, reverse=True))
_NAMES = rf"(?:{_NAME})(?:\s*(?:[/,&+·-]|et|and|und|y|e|avec|with|mit)\s*(?:{_NAME}))*"
_WITH = r"(?i:avec|with|mit|con|com|met|source\s*:?|quelle\s*:?|fuente\s*:?|fonte\s*:?|via|by|par|von|por|da)"
# `PARIS (AFP) -`, `LONDON, March 3 (Reuters) –`, `Berlin (dpa) -`, `(ANSA) - ROMA`: at the head of a text.
_DATELINE = rf"[^\n()]{{0,60}}\(\s*({_NAMES})\s*\)\s*[-–—:.]"
_DATELINE_BARE = rf"[^\n()/]{{2,40}}/\s*({_NAMES})\s*[-–—]"
# `(avec AFP)`, `[AP]`, `(Source: dpa)`, anywhere.
_PARENTHESIS = rf"[(\[]\s*(?:[^()\[\]\n]{{0,30}}\b{_WITH}\s+)({_NAMES})\s*[)\]]"
# A last line or its end: `— Reuters`, `AFP`, `Avec AFP`, `(AFP)`, `Le Monde avec AFP`, `dpa/lno`.
_SIGNATURE = (
    rf"(?:^|[.!?…»”\"]\s*[-–—(\[]*\s*|[-–—(\[]\s*|\b{_WITH}\s+(?:l['’]|(?:la|le|the)\s)?)"
    rf"({_NAMES})(?:/\w{{2,4}})?\s*[)\].]*\s*$"
)
_ALONE = rf"\s*(?:[^,;|\n]{{0,40}}\b{_WITH}\s+|[^,;|\n]{{0,40}}[,;|/]\s*)?({_NAMES})\s*"
_TAIL_LINES = 3  # a signature stands before the newsletter's call, not further up


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """Compiled when first needed: a run that finds nothing new credits no agency."""
    return re.compile(pattern)


def agency_credits(text: str, authors: Sequence[str] = ()) -> tuple[str, ...]:
    """The agencies that an article credits."""
    if not _ALL_NAMES.find_matches_as_indexes("\n".join((*authors, text))):
        return ()  # most articles: the patterns below take half a millisecond
    found = (form for names in _credits(text, authors) for form in _compiled(_NAME).findall(names))
    return tuple(dict.fromkeys(map(_AGENCY.__getitem__, found)))


def _credits(text: str, authors: Iterable[str]) -> Iterator[str]:
    """The names in each credit, as `_NAMES` matches them."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    yield from (found[1] for author in authors if (found := _compiled(_ALONE).fullmatch(author)))
    for line in lines[:_TAIL_LINES]:
        if found := _compiled(_DATELINE).match(line) or _compiled(_DATELINE_BARE).match(line):
            yield found[1]
    yield from (found[1] for found in _compiled(_PARENTHESIS).finditer(text))
    yield from (found[1] for line in lines[-_TAIL_LINES:] if (found := _compiled(_SIGNATURE).search(line)))
