"""HTTP cache headers: Retry-After, Cache-Control and Expires as the time to wait.

Promises whole, bounded seconds for any header value. Left to others: what follows (`feed_state`, the fetcher).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

MIN_WAIT_S = 60  # an answer of 0 or less allows no immediate retry
MAX_WAIT_S = 86_400  # 317,100 s has been seen in the wild (Media Cloud); a day is the longest wait
_MAX_HEADER_CHARS = 256

_SECONDS = re.compile(r"\s*([+-]?\d{1,12})\d*(?:\.\d*)?\s*(?:s|secs?|seconds?)?\s*(?:,|;|$)", re.IGNORECASE)
_MAX_AGE = re.compile(r"(?:^|[\s,;])max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)
_NOT_FRESH = re.compile(r"(?:^|[\s,;])(?:no-cache|no-store)(?:$|[\s,;])", re.IGNORECASE)


def http_date(text: str | None) -> datetime | None:
    """Parse an HTTP date in any of its three forms (RFC 9110 section 5.6.7); None when invalid."""
    if not text:
        return None
    try:
        moment = parsedate_to_datetime(text[:_MAX_HEADER_CHARS].strip())
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def retry_after(header: str | None, now: datetime) -> datetime | None:
    """Parse Retry-After (seconds, fractions too, or an HTTP date), clamped to [60 s, 24 h] from `now`.

    None when the header is absent or invalid.
    """
    if header is None:
        return None
    seconds = _SECONDS.match(header[:_MAX_HEADER_CHARS])
    if seconds:
        return now + timedelta(seconds=_clamp(int(seconds.group(1)), MIN_WAIT_S))
    until = http_date(header)
    return now + timedelta(seconds=_clamp(int((until - now).total_seconds()), MIN_WAIT_S)) if until else None


def freshness_floor_s(headers: Mapping[str, str], now: datetime) -> int:
    """Freshness lifetime of a response in seconds (RFC 9111 section 4.2), in [0, 24 h]; header keys are lower case.

    `max-age` overrides `Expires`. `Expires` counts from the server's `Date`, because its clock may differ from ours.
    """
    control = headers.get("cache-control", "")[:_MAX_HEADER_CHARS]
    if _NOT_FRESH.search(control):
        return 0
    max_age = _MAX_AGE.search(control)
    if max_age:
        age = headers.get("age", "").strip()
        age_s = int(age) if age.isascii() and age.isdigit() and len(age) <= 12 else 0
        return _clamp(int(max_age.group(1)) - age_s, 0)
    sent, expires = http_date(headers.get("date")) or now, http_date(headers.get("expires"))
    return _clamp(int((expires - sent).total_seconds()), 0) if expires else 0


def _clamp(seconds: int, lowest: int) -> int:
    return max(lowest, min(seconds, MAX_WAIT_S))
