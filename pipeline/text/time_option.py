"""Times as an operator types them, for options of commands and forms of DAGs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.domain.errors import SettingsError

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def read_time(text: str, *, now: datetime) -> datetime:
    """90s, 15m, 6h and 2d ago, or an RFC 3339 time (UTC if it names no zone). Raises ValueError, OverflowError."""
    if text[-1:] in UNITS and text[:-1].isdigit():
        return now - timedelta(**{UNITS[text[-1]]: int(text[:-1])})
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def time_of_option(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """The time that an option names, None when it is not given. Raises SettingsError that names the option."""
    if not text:
        return None
    try:
        return read_time(text, now=now)
    except (ValueError, OverflowError) as error:  # 9999999d is before the year 1
        wanted = "neither 90s, 15m, 6h, 2d nor a time such as 2026-11-23T06:00Z"
        raise SettingsError(f"{option} {text!r}: {wanted}") from error
