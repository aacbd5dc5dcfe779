"""How figures, times and verdicts look on the desk. Pure: templates use them as filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote, urlencode

from pipeline.domain.model import FeedStatus, Verdict

# Why an entry is, or is not, on the topics: what the word of its verdict means to a reader of the topic.
VERDICT_MEANINGS: Mapping[Verdict, str] = {
    Verdict.NEW: "published",
    Verdict.REVISED: "published as a revision",
    Verdict.UNCHANGED: "not published again: headline and text are as they were",
    Verdict.DUPLICATE: "not published: the same article under another URL or in another feed",
    Verdict.COPY: "published on news.copies: it carries another article's text",
    Verdict.REJECTED: "not published: its page is no article",
    Verdict.FAILED: "not published: given up after the last attempt, a dead letter",
    Verdict.WITHDRAWN: "withdrawn: its page is gone",
}

# What a feed's word means, for whoever points at it.
STATUS_MEANINGS: Mapping[FeedStatus, str] = {
    FeedStatus.FRESH: "it brought something new within its usual time",
    FeedStatus.QUIET: "it answers, with nothing new: no longer than its history allows",
    FeedStatus.SILENT: "it answers, with nothing new for longer than its own history allows",
    FeedStatus.FAILING: "it could not be read; it is asked less and less often until it can",
    FeedStatus.MOVED: "it redirects for good, and is polled at its new address",
    FeedStatus.GONE: "it answered 410, gone: it is polled no more",
    FeedStatus.BLOCKED: "it refuses us: 401, 403 or a bot wall",
    FeedStatus.PAUSED: "somebody switched it off by hand",
}
MEANINGS: Mapping[str, str] = {
    "pending": "it waits for its page to be read",
    **{status.value: sentence for status, sentence in STATUS_MEANINGS.items()},
    **{verdict.value: sentence for verdict, sentence in VERDICT_MEANINGS.items()},
}

MINUTE, HOUR, DAY = 60, 3600, 86_400
SPARK_HEIGHT, SPARK_STEP = 20, 5


def span(seconds: float | None) -> str:
    """A length of time in at most two units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    if whole < DAY:
        return two_units(whole // HOUR, "h", whole % HOUR // MINUTE, "min")
    return two_units(whole // DAY, "d", whole % DAY // HOUR, "h")


def two_units(large: int, large_unit: str, small: int, small_unit: str) -> str:
    """`3 h 20 min`, without the small one when it is nothing."""
    return f"{large} {large_unit} {small} {small_unit}" if small else f"{large} {large_unit}"


def ago(moment: datetime | None, now: datetime) -> str:
    """How long ago, or in how long."""
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return f"{span(seconds)} ago" if seconds >= 0 else f"in {span(-seconds)}"


def stamp(moment: datetime | None) -> str:
    """A time in full."""
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "never"


def figure(number: float) -> str:
    """A count, with thin spaces between thousands."""
    return f"{number:,.0f}".replace(",", "\u202f")


def size(number: float) -> str:
    """Bytes."""
    return f"{number / 1000:.0f} kB" if number >= 1000 else f"{number:.0f} B"


def meaning(word: str) -> str:
    """What a verdict or a status means, in a sentence."""
    return MEANINGS[word]


def bars(counts: Sequence[int]) -> list[tuple[int, float, float]]:
    """A sparkline's bars: x, y and height of each; a count that is not nothing is seen."""
    most = max(counts, default=0) or 1
    heights = [max(SPARK_HEIGHT * count / most, 1.5) if count else 0.0 for count in counts]
    return [(index * SPARK_STEP, SPARK_HEIGHT - height, height) for index, height in enumerate(heights)]


def outcome(verdict: Verdict | None, reason: str | None) -> str:
    """Whether an entry was published, and why not."""
    if verdict is None:
        return f"waits: {reason}" if reason else "waits for the next run"
    return f"{VERDICT_MEANINGS[verdict]} ({reason})" if reason else VERDICT_MEANINGS[verdict]


def link(url: str | None) -> str:
    """A URL that is safe to follow; empty for every scheme but the web's (`javascript:` in a feed)."""
    return url if url and url.lower().startswith(("http://", "https://")) else ""


def query(fields: Mapping[str, object]) -> str:
    """The query of a link; what is empty is left out."""
    return urlencode({name: value for name, value in fields.items() if value not in (None, "")})


def part(text: object) -> str:
    """A part of a link's path."""
    return quote(str(text), safe="")


def combine(fields: Mapping[str, object], more: Mapping[str, object]) -> Mapping[str, object]:
    """Fields of a query with others over them."""
    return {**fields, **more}
