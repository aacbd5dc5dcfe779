"""Date parsing: RFC 822, ISO 8601, epoch seconds, and dates as newspapers print them (words in `dates.toml`).

Promises aware UTC moments from 1990 on, or None. A date without zone is in the outlet's zone. An ambiguous date
(`03/05/2020`) is read day first, unless that is no date or a printed weekday decides.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipeline.domain.errors import SettingsError
from pipeline.text.normalize import read_table

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # no feed is older; years 1, 1588 and 1970 are mistakes
LATEST_YEAR = 2200
_MAX_DATE_CHARS = 120
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A moment, and whether the text named no zone."""

    value: datetime
    zone_assumed: bool = False


_TABLE = read_table(__name__)
_MONTHS = {name: month for month, names in enumerate(_TABLE["months"], start=1) for name in names.split()}
_WEEKDAYS = {name: day for day, names in enumerate(_TABLE["weekdays"]) for name in names.split()}
_ZONES_H = {name: float(hours) for hours, names in _TABLE["zones"].items() for name in names.split()}

_TIME = (
    r"(?P<H>\d{1,2})\s?[:h.]\s?(?P<M>\d{1,2})(?:\s?:\s?(?P<S>\d{1,2})(?:[.,]\d+)?)?\s*(?P<half>[ap]\.?m\.?)?(?![\d])"
)
_ISO = re.compile(
    r"(?P<y>\d{4})-?(?P<m>\d{2})-?(?P<d>\d{2})"
    r"(?:(?:t|\s)+(?P<H>\d{1,2})(?::?(?P<M>\d{2})(?::?(?P<S>\d{1,2})(?:[.,]\d+)?)?)?\s*(?P<rest>.*))?"
)
_YEAR_FIRST = re.compile(
    rf"(?P<y>\d{{4}})[-/.](?P<m>\d{{1,2}})[-/.](?P<d>\d{{1,2}})(?:[\s,t-]+{_TIME})?\s*(?P<rest>.*)"
)
_ISO_MONTH = re.compile(r"(?P<y>\d{4})(?:-(?P<m>\d{1,2}))?")
_DAY_MONTH = re.compile(
    r"(?P<d>\d{1,2})(?:st|nd|rd|th|er)?\.?[\s-]*(?:de\s+)?(?P<m>[a-z]{3,12})\.?,?[\s-]*(?:de\s+)?(?P<y>\d{4}|\d{2})\b"
    r"[,\s]*(?P<rest>.*)"
)
_MONTH_DAY = re.compile(r"(?P<m>[a-z]{3,12})\.?\s+(?P<d>\d{1,2})(?:st|nd|rd|th)?,?\s+(?P<y>\d{4})\b[,\s]*(?P<rest>.*)")
_ASCTIME = re.compile(
    rf"(?P<m>[a-z]{{3,12}})\s+(?P<d>\d{{1,2}}),?\s+{_TIME}\s*(?P<rest>.*?)\s*(?P<y>\d{{4}})\b(?P<behind>.*)"
)
_NUMBERS = re.compile(
    rf"(?P<d>\d{{1,2}})[-/.](?P<m>\d{{1,2}})[-/.](?P<y>\d{{4}}|\d{{2}})(?:[\s,a]*(?:-\s*|at\s*)?{_TIME})?\s*(?P<rest>.*)"
)
_LOOSE_TIME = re.compile(rf"(?:a|at|-|t|\u00e0|um|kl)?\s*{_TIME}\s*(?P<rest>.*)")
_WEEKDAY = re.compile(r"([a-z]{2,12})\.?\s*,?\s*(?=\d|[a-z]{3,12}\.?\s+\d)")
_OFFSET = re.compile(r"(?:utc|gmt|z)?\s*\(?([+-])\s*(\d{1,2}):?(\d{2})?(?!\d)")
_ZONE_NAME = re.compile(r"\(?([a-z]{1,5})\b")
_EPOCH = re.compile(r"(\d{9,10})(?:\d{3})?(?:\.\d+)?")


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; UTC for an unknown name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def read_date(text: str, zone: tzinfo) -> ReadDate | None:
    """The moment of a printed date, within [1990, 2200); None when it cannot be read."""
    if (exact := _read_exact(text)) is not None:
        return exact
    plain = _plain(text[:_MAX_DATE_CHARS])
    if not plain:
        return None
    if epoch := _EPOCH.fullmatch(plain):
        found: ReadDate | None = ReadDate(datetime.fromtimestamp(int(epoch[1]), UTC))
    else:
        iso = _ISO.fullmatch(plain) or _YEAR_FIRST.fullmatch(plain) or _ISO_MONTH.fullmatch(plain)
        found = _moment(iso.groupdict(), zone) if iso else None
        found = found or _read_named_month(plain, zone) or _read_numbers(plain, zone)
    return found if found is not None and _is_plausible(found.value) else None


def _read_exact(text: str) -> ReadDate | None:
    """A whole ISO 8601 moment with its zone, which most machines write: the standard library is ten times as fast."""
    if not 20 <= len(text) <= 35 or text[10] != "T" or not text.isascii():
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    is_exact = value.tzinfo is not None and _is_plausible(value)
    return ReadDate(value.astimezone(UTC).replace(microsecond=0)) if is_exact else None


def _is_plausible(value: datetime) -> bool:
    return value >= EARLIEST and value.year < LATEST_YEAR


def _plain(text: str) -> str:
    """Lower case, without accents, runs of blanks as one."""
    if not text.isascii():
        text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(text.lower().split())


def _read_named_month(text: str, zone: tzinfo) -> ReadDate | None:
    """`dimanche 3 mai 2020 à 11h30`, `May 3, 2020 11:30 AM`, `Sun May  3 11:30:00 CEST 2020`."""
    bare = _without_weekday(text)[0]
    for pattern in (_DAY_MONTH, _MONTH_DAY, _ASCTIME):
        found = pattern.match(bare)
        if found is None or found["m"] not in _MONTHS:
            continue
        parts = found.groupdict() | {"m": str(_MONTHS[found["m"]])}
        if pattern is _ASCTIME:
            parts["rest"] = parts["rest"] or parts["behind"]
        elif time := _LOOSE_TIME.match(found["rest"]):
            parts |= time.groupdict()
        if (moment := _moment(parts, zone)) is not None:
            return moment
    return None


def _read_numbers(text: str, zone: tzinfo) -> ReadDate | None:
    """`dim, 05/03/2020 - 11:30`: day first, unless only the other order is a date, or the one of that weekday."""
    bare, weekday = _without_weekday(text)
    found = _NUMBERS.match(bare)
    if found is None:
        return None
    day_first = found.groupdict()
    month_first = day_first | {"d": day_first["m"], "m": day_first["d"]}
    moments = [moment for parts in (day_first, month_first) if (moment := _moment(parts, zone))]
    on_weekday = [moment for moment in moments if moment.value.astimezone(zone).weekday() == weekday]
    return next(iter(on_weekday or moments), None)


def _without_weekday(text: str) -> tuple[str, int | None]:
    found = _WEEKDAY.match(text)
    if found and found.group(1) in _WEEKDAYS and not _MONTH_DAY.match(text):
        return text[found.end() :], _WEEKDAYS[found.group(1)]
    return text, None


def _moment(parts: Mapping[str, str | None], zone: tzinfo) -> ReadDate | None:
    """The moment of these parts; second 60 and hour 24 run over into the next minute and day."""
    month, day = _numbers(parts, "md", default=1)
    hour, minute, second = _numbers(parts, "HMS", default=0)
    hour = _hour_of_day(hour, parts.get("half") or "")
    if hour > 24 or minute > 60 or second > 61:
        return None
    named = _zone_in(parts.get("rest") or "")
    try:
        year = parts["y"] or ""  # two digits are of 1970 to 2069
        century = 0 if len(year) > 2 else 2000 if int(year) < 70 else 1900
        start = datetime(century + int(year), month, day, tzinfo=named or zone)
        local = start.replace(tzinfo=None) + timedelta(hours=hour, minutes=minute, seconds=second)
        return ReadDate(local.replace(tzinfo=named or zone).astimezone(UTC), zone_assumed=named is None)
    except (ValueError, OverflowError):
        return None


def _numbers(parts: Mapping[str, str | None], names: str, *, default: int) -> list[int]:
    return [int(parts.get(name) or default) for name in names]


def _hour_of_day(hour: int, half: str) -> int:
    """The hour from 0 to 23; `half` is `am` or `pm` in any spelling, or empty."""
    return hour % 12 + (12 if half.startswith("p") else 0) if half and 1 <= hour <= 12 else hour


def _zone_in(rest: str) -> tzinfo | None:
    """The zone named after a time: `+0200`, `+02:00`, `GMT+9`, `CEST`, `Z`; None when there is none."""
    rest = rest.strip(" ,;")
    offset = _OFFSET.match(rest)
    if offset:
        sign = -1 if offset.group(1) == "-" else 1
        shift = timedelta(hours=int(offset.group(2)), minutes=int(offset.group(3) or 0))
        return timezone(sign * shift) if shift < timedelta(hours=15) else None
    name = _ZONE_NAME.match(rest)
    hours = _ZONES_H.get(name.group(1)) if name else None
    return None if hours is None else timezone(timedelta(hours=hours))


def time_of_option(text: str | None, option: str, *, now: datetime) -> datetime | None:
    """The time that an operator names: 90s, 15m, 6h and 2d ago, or an RFC 3339 time (UTC if it names no zone).

    None when the option is not given. Raises SettingsError that names the option.
    """
    if not text:
        return None
    try:
        if text[-1] in _UNITS and text[:-1].isdigit():
            return now - timedelta(**{_UNITS[text[-1]]: int(text[:-1])})
        moment = datetime.fromisoformat(text)
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # 9999999d is before the year 1
        wanted = "neither 90s, 15m, 6h, 2d nor a time such as 2026-11-23T06:00Z"
        raise SettingsError(f"{option} {text!r}: {wanted}") from error
