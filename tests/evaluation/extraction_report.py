"""The worst pages of an evaluation side by side, as one HTML file that a person can read."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.evaluation.extract import Scored

MOST_PAGES = 150
_HEAD = """<!doctype html><meta charset="utf-8"><title>Extraction: the worst pages</title><style>
body{font:15px/1.45 system-ui;margin:2em;max-width:1500px}
td{vertical-align:top;width:50%;padding:0 1em;border-left:1px solid #ccc}
p{margin:.4em 0}.missed{background:#fdd}.extra{background:#dfd}h2{font-size:1em;margin:2em 0 .3em}
</style><h1>Extraction: the worst pages</h1>
<p>Left the gold text, right ours: <span class="missed">missed</span>, <span class="extra">too much</span>.</p>"""


def write_report(path: Path, scored: Sequence[Scored]) -> None:
    """Write the pages with the lowest F1, worst first."""
    worst = sorted((s for s in scored if s.shingles.f1 < 0.99), key=lambda s: s.shingles.f1)[:MOST_PAGES]
    path.write_text(_HEAD + "".join(_page(s) for s in worst), encoding="utf-8")


def _page(scored: Scored) -> str:
    found = scored.result.extracted
    title = f"{scored.shingles.f1:.3f} {scored.page.id} {found.way or found.rejection}"
    gold = _paragraphs(scored.page.gold, scored.text, "missed")
    ours = _paragraphs(scored.text, scored.page.gold, "extra")
    return (
        f'<h2>{escape(title)}</h2><p><a href="{escape(scored.page.url)}">{escape(scored.page.url)}</a></p>'
        f"<table><tr><td>{gold}</td><td>{ours}</td></tr></table>"
    )


def _paragraphs(text: str, other: str, css: str) -> str:
    """The paragraphs, those marked whose words the other text does not hold."""
    whole = _letters(other)
    return "".join(
        f"<p{'' if _letters(line) in whole else f' class={css}'}>{escape(line)}</p>"
        for line in text.split("\n")
        if line.strip()
    )


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())
