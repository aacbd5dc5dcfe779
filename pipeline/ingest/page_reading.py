"""Page reading: all that an extraction worker computes from a fetched page, to keep it out of the event loop.

Values, and `read_page` which a worker calls. The archive's record is added by connectors/workers/child.py.
Tested by tests/connectors/workers/test_pool.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.dedup.fingerprint import TextMarks, fingerprint, paragraph_hashes
from pipeline.domain.model import ArchiveRecord, Article, ExtractRules, Response
from pipeline.extraction.values import Extraction, FeedHints, PageInput
from pipeline.extraction.wrapper.wrapper import Wrapper
from pipeline.identity.urls import registrable_domain

_NOT_FETCHED = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageTask:
    """A fetched page, with what is known of it. `zone` is the outlet's (IANA).

    `is_compared`: the article's text is wanted as `TextMarks`. `is_archived`: the page is wanted as a record.
    """

    response: Response
    outlet_id: str = ""
    language: str | None = None
    zone: str = "UTC"
    hints: FeedHints | None = None
    rules: ExtractRules = field(default_factory=ExtractRules)
    is_compared: bool = False
    is_archived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReading:
    """A page's extraction. `marks` and `record` are there when they were wanted and the page holds an article."""

    extraction: Extraction
    marks: TextMarks | None = None
    record: ArchiveRecord | None = None


def file_task(url: str, body: bytes, content_type: str | None = None) -> PageTask:
    """The task of a page from a file; it belongs to the outlet of its registrable domain."""
    headers = {} if content_type is None else {"content-type": content_type}
    response = Response(url=url, final_url=url, status=200, headers=headers, body=body, fetched_at=_NOT_FETCHED)
    return PageTask(response=response, outlet_id=registrable_domain(url) or "unknown")


def read_page(task: PageTask, wrapper: Wrapper | None) -> PageReading:
    """Decode and extract the page, and compute the marks of its article. Takes from 3 ms to the worker's time limit."""
    from pipeline.extraction.dom.page import check_page, page_in_utf8  # loads lxml: not in a run without pages
    from pipeline.extraction.extract import extract

    response = task.response
    content_type = response.header("content-type")
    rejection = check_page(response.body, content_type)
    if rejection is not None:
        return PageReading(extraction=Extraction(article=None, rejection=rejection))
    page = PageInput(
        url=response.final_url,
        html=page_in_utf8(response.body, content_type),
        outlet_id=task.outlet_id,
        language=task.language,
        zone=task.zone,
        hints=task.hints,
        rules=task.rules,
    )
    extraction = extract(page, wrapper)
    if extraction.article is None or not task.is_compared:
        return PageReading(extraction=extraction)
    return PageReading(extraction=extraction, marks=marks_of(extraction.article))


def marks_of(article: Article) -> TextMarks:
    """The marks of an article's text."""
    from pipeline.extraction.metadata.agencies import agency_credits

    return TextMarks(
        fingerprint=fingerprint(article.title, article.text),
        paragraphs=paragraph_hashes(article.text),
        credits=agency_credits(article.text, (*article.authors, *article.author_organisations)),
    )
