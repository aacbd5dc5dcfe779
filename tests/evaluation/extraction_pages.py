"""The labelled pages beside the checkout: what they are, and how each corpus wants to be scored.

Never copied into the project; where they are absent the evaluation says so and ends.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

CORPORA = Path(__file__).parents[2].parent / "shared" / "corpora" / "extraction"
# In the order of the report; `htmldate` has dates alone.
NAMES = (
    "fr_press", "fundus_tests", "fundus_eval", "aeb", "traf_eval", "moz_readability", "wcxb_article", "daniel",
    "htmldate",
)  # fmt: skip
NEWS = ("fr_press", "fundus_tests", "fundus_eval", "aeb")


@dataclass(frozen=True, slots=True)
class LabelledPage:
    """A page and what people say it holds. Absent labels are empty."""

    id: str
    corpus: str
    url: str
    file: Path
    text: str
    paragraphs: tuple[str, ...]
    title: str
    authors: tuple[str, ...]
    date: str
    language: str
    wanted: tuple[str, ...]
    unwanted: tuple[str, ...]

    def html(self) -> bytes:
        """The page's bytes."""
        return gzip.decompress(self.file.read_bytes())

    @property
    def gold(self) -> str:
        """The text to score against; fundus-evaluation's optional paragraphs are left out of the 4-gram score."""
        if self.corpus == "fundus_eval":
            return "\n".join(p for p in self.paragraphs if not p.startswith("["))
        return self.text

    def predicted(self, text: str, lead: str | None) -> str:
        """A text as this corpus's convention has it: article-extraction-benchmark's gold leaves the standfirst out."""
        if self.corpus == "aeb" and lead and text.startswith(lead):
            return text[len(lead) :].lstrip()
        return text


def read_pages(names: Sequence[str] = NAMES, *, sample: int | None = None) -> list[LabelledPage]:
    """The pages of these corpora; with `sample`, so many of each, evenly spread."""
    pages = [page for page in _read_labels() if page.corpus in names]
    if sample is None:
        return pages
    return [page for name in names for page in _spread([p for p in pages if p.corpus == name], sample)]


def _spread(pages: list[LabelledPage], count: int) -> list[LabelledPage]:
    step = max(1, len(pages) // count)
    return pages[::step][:count]


def _read_labels() -> Iterator[LabelledPage]:
    for line in (CORPORA / "labels.jsonl").read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        if row.get("suspect_gold"):
            continue
        yield LabelledPage(
            id=row["id"],
            corpus=row["corpus"],
            url=str(row.get("url") or "") or "http://unknown.invalid/",
            file=CORPORA / row["file"],
            text=row.get("gold_text") or "",
            paragraphs=tuple(row.get("gold_paras") or ()),
            title=str(row.get("title") or ""),
            authors=tuple(row.get("authors") or ()),
            date=str(row.get("date") or "")[:10],
            language=(row.get("lang") or "")[:2],
            wanted=tuple(row.get("with") or ()),
            unwanted=tuple(row.get("without") or ()),
        )
