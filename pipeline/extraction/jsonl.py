"""JSON Lines of `newswire extract --jsonl`: a line names a page, a line has its article or rejection.

Computation only: connectors/workers/pool.py reads files and runs workers. Tested by tests/cli/test_main.py.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, timedelta, timezone
from typing import Any

from pipeline.domain.model import Article, SourcedTime
from pipeline.extraction.values import Extraction
from pipeline.identity.urls import registrable_domain


@dataclass(frozen=True, slots=True)
class ExtractRow:
    """One line of input: the page's URL, and the file that holds it."""

    id: str
    url: str
    file: str
    fault: str = ""  # of a line that is no row


@dataclass(frozen=True, slots=True)
class ExtractedRow:
    """One line of output: an extraction, or the reason for its failure."""

    row: ExtractRow
    extraction: Extraction | None
    failure: str = ""


def read_row(line: str) -> ExtractRow:
    """A line of input. Raises ValueError with what is missing."""
    values = json.loads(line)
    if not isinstance(values, dict):
        raise ValueError("not an object")  # the caller names the line for every fault alike
    missing = [name for name in ("url", "file") if not isinstance(values.get(name), str)]
    if missing:
        raise ValueError(f"without {' and '.join(missing)}")
    return ExtractRow(str(values.get("id", values["file"])), values["url"], values["file"])


def outlet_of(row: ExtractRow) -> str:
    """The outlet whose wrapper a page teaches: the registrable domain of its URL."""
    return registrable_domain(row.url) or "unknown"


def written_line(result: ExtractedRow, *, explain: bool = False) -> dict[str, Any]:
    """The line of output, ready for `json.dumps`."""
    line: dict[str, Any] = {"id": result.row.id, "url": result.row.url}
    extraction = result.extraction
    if extraction is None:
        return {**line, "verdict": "failed", "reason": result.failure}
    if extraction.article is not None:
        line |= {"verdict": "article", "reason": None, **_article(extraction.article)}
    elif extraction.rejection is not None:
        line |= {"verdict": "rejected", "reason": extraction.rejection.reason, "detail": extraction.rejection.detail}
    if explain:
        line["explanation"] = [{"action": s.action, "rule": s.rule, "words": s.words} for s in extraction.explanation]
    return line


def _article(article: Article) -> dict[str, Any]:
    return {
        **{name: getattr(article, name) for name in ("title", "text", "lead")},
        "authors": [*article.authors, *article.author_organisations],  # as printed
        "author_people": list(article.authors),
        "author_organisations": list(article.author_organisations),
        "published": _time(article.published),
        "modified": _time(article.modified),
        **{name: getattr(article, name) for name in ("language", "canonical_url", "section")},
        "keywords": list(article.keywords),
        **{name: getattr(article, name) for name in ("image", "is_accessible_for_free", "is_live_blog")},
        "sources": {
            "title": article.title_source,
            "authors": article.authors_source,
            "published": article.published.source if article.published else None,
            "modified": article.modified.source if article.modified else None,
        },
        "extractor": article.extractor,
    }


def _time(moment: SourcedTime | None) -> str | None:
    """ISO 8601 in the outlet's printed UTC offset, so that the day is the reader's."""
    if moment is None:
        return None
    clock = timezone(timedelta(seconds=moment.offset_s)) if moment.offset_s else UTC
    return moment.value.astimezone(clock).isoformat(timespec="seconds")
