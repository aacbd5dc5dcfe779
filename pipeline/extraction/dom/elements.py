"""HTML element names by their role in a text: inline, block, heading, or not read at all.

Tested by tests/extraction/dom/test_blocks.py.
"""

from __future__ import annotations

__all__ = ["HEADINGS", "INLINE", "LINES", "PHRASED", "SKIPPED"]


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


INLINE = _names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font g i ins kbd label mark nobr q rb rp rt ruby s samp "
    "small span strike strong sub sup time tt u var wbr"
)
SKIPPED = _names(
    "head script style noscript template svg math iframe object embed applet video audio canvas map nav select option "
    "datalist input textarea button progress meter dialog link meta base source track param picture img"
)
# Elements that begin a line of their own. An unknown element within a paragraph (`PHRASED`) is a part of its line.
LINES = _names(
    "address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup legend li main menu ol p pre section summary table tbody td tfoot th thead "
    "tr ul"
)
PHRASED = _names("p h1 h2 h3 h4 h5 h6 li td a span em strong b i")
HEADINGS = _names("h1 h2 h3 h4 h5 h6")
