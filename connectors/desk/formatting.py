"""Formatting on the desk: numbers, times and the meaning of verdicts. Pure; templates use these as filters."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote, urlencode

from pipeline.domain.model import FeedStatus, Verdict
from pipeline.reporting.report import duration

# Whether an entry is on the topics, and why: the meaning of its verdict to a consumer.
VERDICT_MEANINGS: Mapping[Verdict, str] = {
    Verdict.NEW: "published",
    Verdict.REVISED: "published as a revision",
    Verdict.UNCHANGED: "not published again: headline and text are unchanged",
    Verdict.DUPLICATE: "not published: the same article under another URL or in another feed",
    Verdict.COPY: "published on news.copies: it carries another article's text",
    Verdict.REJECTED: "not published: its page is not an article",
    Verdict.FAILED: "not published: a dead letter, failed after the last attempt",
    Verdict.WITHDRAWN: "withdrawn: its page no longer exists",
}
MEANINGS: Mapping[str, str] = {
    "pending": "its page is not processed yet",
    FeedStatus.FRESH: "it showed a new entry within its usual time",
    FeedStatus.QUIET: "it answers without new entries, no longer than usual for it",
    FeedStatus.SILENT: "it answers without new entries for longer than its history allows",
    FeedStatus.FAILING: "it cannot be read; polls become rarer until it can",
    FeedStatus.MOVED: "it redirects permanently, and is polled at its new URL",
    FeedStatus.GONE: "it answered 410 Gone, and is no longer polled",
    FeedStatus.BLOCKED: "it refuses us: 401, 403 or a bot wall",
    FeedStatus.PAUSED: "an operator paused it",
} | {verdict.value: sentence for verdict, sentence in VERDICT_MEANINGS.items()}

SPARK_HEIGHT, SPARK_STEP = 20, 5  # pixels: of the sparkline, and of one hour in it


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, or in how long."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return f"{duration(seconds)} ago" if seconds >= 0 else f"in {duration(-seconds)}"


def timestamp(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


def figure(number: float) -> str:
    """A count, with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")


def size(number: float) -> str:
    """A size in bytes or kB."""
    return f"{number / 1000:.0f} kB" if number >= 1000 else f"{number:.0f} B"


def bars(counts: Sequence[int]) -> list[tuple[int, float, float]]:
    """The bars of a sparkline: x, y and height of each; every count above 0 is visible."""
    most = max(counts, default=0) or 1
    heights = [max(SPARK_HEIGHT * count / most, 1.5) if count else 0.0 for count in counts]
    return [(index * SPARK_STEP, SPARK_HEIGHT - height, height) for index, height in enumerate(heights)]


def outcome(verdict: Verdict | None, reason: str | None) -> str:
    """Whether an entry was published, and why not."""
    if verdict is None:
        return f"waits: {reason}" if reason else "waits for the next run"
    return f"{VERDICT_MEANINGS[verdict]} ({reason})" if reason else VERDICT_MEANINGS[verdict]


def link(url: str | None) -> str:
    """A URL that is safe to follow; empty unless its scheme is http or https (`javascript:` in a feed)."""
    return url if url and url.lower().startswith(("http://", "https://")) else ""


def query(fields: Mapping[str, object]) -> str:
    """The query of a URL, without empty fields."""
    return urlencode({name: value for name, value in fields.items() if value not in (None, "")})


FILTERS: Mapping[str, Callable[..., Any]] = {
    "meaning": MEANINGS.__getitem__,  # of a verdict or a status
    "part": partial(quote, safe=""),  # a segment of a URL's path
    "combine": operator.or_,  # fields of a query, with others added or replaced
    "from_json": json.loads,
    **{each.__name__: each for each in (duration, ago, timestamp, figure, size, bars, link, query)},
}
