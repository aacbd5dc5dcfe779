"""Dates as feeds print them, read without a library's guesses: RFC 822, ISO 8601, epoch seconds, French, sloppy ones.

Promises aware UTC moments from 1990 on, or None; a date without zone is in the outlet's. What is ambiguous
(`03/05/2020`) is read day first unless it cannot be, or the weekday printed beside it decides.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)  # no feed is older; years 1, 1588 and 1970 are mistakes
LATEST_YEAR = 2200
_MAX_DATE_CHARS = 120


@dataclass(frozen=True, slots=True)
class ReadDate:
    """A moment, and whether the text named no zone."""

    value: datetime
    zone_assumed: bool = False


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "jan january janvier janv enero ene januar gennaio gen janeiro januari sty",
            "feb february fevrier fev fevr febrero februar febbraio fevereiro februari",
            "mar march mars marzo marz marco maart mrz mrt maerz",
            "apr april avril avr abril abr aprile",
            "may mai mayo maggio mag maio mei",
            "jun june juin junio juni giugno giu junho",
            "jul july juillet juil julio juli luglio lug julho",
            "aug august aout agosto ago augustus",
            "sep sept september septembre septiembre settembre set setembro",
            "oct october octobre octubre oktober okt ottobre ott outubro out",
            "nov november novembre noviembre novembro",
            "dec december decembre diciembre dic dezember dez dicembre dezembro des",
        ),
        start=1,
    )
    for name in names.split(" ")
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "mon monday lun lundi lunes montag lunedi",
            "tue tues tuesday mar mardi martes dienstag martedi",
            "wed wednesday mer mercredi miercoles mittwoch mercoledi",
            "thu thur thurs thursday jeu jeudi jueves donnerstag giovedi",
            "fri friday ven vendredi viernes freitag venerdi",
            "sat saturday sam samedi sabado samstag sabato",
            "sun sunday dim dimanche domingo sonntag domenica",
        )
    )
    for name in names.split(" ")
}
_ZONES_H = {
    "ut": 0, "utc": 0, "gmt": 0, "z": 0, "wet": 0, "west": 1, "bst": 1, "cet": 1, "mez": 1, "cest": 2, "mesz": 2,
    "eet": 2, "eest": 3, "msk": 3, "est": -5, "edt": -4, "et": -5, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6,
    "pst": -8, "pdt": -7, "akst": -9, "akdt": -8, "hst": -10, "jst": 9, "kst": 9, "aest": 10, "aedt": 11, "nzst": 12,
    "nzdt": 13, "sast": 2, "ist": 5.5, "hkt": 8, "sgt": 8, "acst": 9.5, "awst": 8, "art": -3, "brt": -3, "wat": 1,
}  # fmt: skip

_TIME = r"(\d{1,2})\s?[:h.]\s?(\d{1,2})(?:\s?:\s?(\d{1,2})(?:[.,]\d+)?)?\s*([ap]\.?m\.?)?(?![\d])"
_ISO = re.compile(
    r"(\d{4})-?(\d{2})-?(\d{2})(?:(?:t|\s)+(\d{1,2})(?::?(\d{2})(?::?(\d{1,2})(?:[.,]\d+)?)?)?\s*(.*))?", re.IGNORECASE
)
_ISO_MONTH = re.compile(r"(\d{4})(?:-(\d{1,2}))?")
_YEAR_FIRST = re.compile(rf"(\d{{4}})[-/.](\d{{1,2}})[-/.](\d{{1,2}})(?:[\s,t-]+{_TIME})?\s*(.*)", re.IGNORECASE)
_NUMBERS = re.compile(rf"(\d{{1,2}})[-/.](\d{{1,2}})[-/.](\d{{4}}|\d{{2}})(?:[\s,a]*(?:-\s*|at\s*)?{_TIME})?\s*(.*)")
_DAY_MONTH = re.compile(
    r"(\d{1,2})(?:st|nd|rd|th|er)?\.?[\s-]*(?:de\s+)?([a-z]{3,12})\.?,?[\s-]*(?:de\s+)?(\d{4}|\d{2})\b[,\s]*(.*)"
)
_MONTH_DAY = re.compile(r"([a-z]{3,12})\.?\s+(\d{1,2})(?:st|nd|rd|th)?,?\s+(\d{4})\b[,\s]*(.*)")
_ASCTIME = re.compile(rf"([a-z]{{3,12}})\s+(\d{{1,2}}),?\s+{_TIME}\s*(.*?)\s*(\d{{4}})\b(.*)")
_LOOSE_TIME = re.compile(rf"(?:a|at|-|t|\u00e0|um|kl)?\s*{_TIME}\s*(.*)")
_WEEKDAY = re.compile(r"([a-z]{2,12})\.?\s*,?\s*(?=\d|[a-z]{3,12}\.?\s+\d)")
_OFFSET = re.compile(r"(?:utc|gmt|z)?\s*\(?([+-])\s*(\d{1,2}):?(\d{2})?(?!\d)")
_ZONE_NAME = re.compile(r"\(?([a-z]{1,5})\b")
_EPOCH = re.compile(r"(\d{9,10})(?:\d{3})?(?:\.\d+)?")


def zone_of(name: str) -> tzinfo:
    """The zone of an IANA name; UTC when there is none of that name."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return UTC


def read_date(text: str, zone: tzinfo) -> ReadDate | None:
    """The moment that a printed date names, within [1990, 2200); None when it cannot be read."""
    if (told := _read_exact(text)) is not None:
        return told
    plain = _plain(text[:_MAX_DATE_CHARS])
    if not plain:
        return None
    for read in (_read_epoch, _read_iso, _read_named_day, _read_month_first, _read_asctime, _read_numbers):
        found = read(plain, zone)
        if found is not None:
            return found if _is_plausible(found.value) else None
    return None


def _read_exact(text: str) -> ReadDate | None:
    """A whole ISO 8601 moment with its zone, as most machines write it: read by the library in a tenth of the time."""
    if not 20 <= len(text) <= 35 or text[10] != "T" or not text.isascii():
        return None
    try:
        value = datetime.fromisoformat(text)
    except ValueError:
        return None
    is_told = value.tzinfo is not None and _is_plausible(value)
    return ReadDate(value.astimezone(UTC).replace(microsecond=0)) if is_told else None


def _is_plausible(value: datetime) -> bool:
    return value >= EARLIEST and value.year < LATEST_YEAR


def _plain(text: str) -> str:
    """Lower case, without accents, runs of blanks as one."""
    if text.isascii():
        return " ".join(text.lower().split())
    decomposed = unicodedata.normalize("NFKD", text)
    return " ".join("".join(c for c in decomposed if not unicodedata.combining(c)).lower().split())


def _read_epoch(text: str, _zone: tzinfo) -> ReadDate | None:
    found = _EPOCH.fullmatch(text)
    return ReadDate(datetime.fromtimestamp(int(found.group(1)), UTC)) if found else None


def _read_iso(text: str, zone: tzinfo) -> ReadDate | None:
    found = _ISO.fullmatch(text)
    if found:
        year, month, day, hour, minute, second, rest = found.groups()
        return _moment((year, month, day), (hour, minute, second, None), rest or "", zone)
    found = _YEAR_FIRST.fullmatch(text)
    if found:
        year, month, day, hour, minute, second, half, rest = found.groups()
        return _moment((year, month, day), (hour, minute, second, half), rest, zone)
    found = _ISO_MONTH.fullmatch(text)
    return _moment((found.group(1), found.group(2) or "1", "1"), (None, None, None, None), "", zone) if found else None


def _read_named_day(text: str, zone: tzinfo) -> ReadDate | None:
    """`Thu,28 Jul 2022 4:35:5 GMT+9`, `dimanche 3 mai 2020 à 11h30`."""
    found = _DAY_MONTH.match(_without_weekday(text)[0])
    if found is None or found.group(2) not in _MONTHS:
        return None
    day, month, year, rest = found.groups()
    return _with_time((year, str(_MONTHS[month]), day), rest, zone)


def _read_month_first(text: str, zone: tzinfo) -> ReadDate | None:
    """`May 3, 2020 11:30 AM`."""
    found = _MONTH_DAY.match(_without_weekday(text)[0])
    if found is None or found.group(1) not in _MONTHS:
        return None
    month, day, year, rest = found.groups()
    return _with_time((year, str(_MONTHS[month]), day), rest, zone)


def _read_asctime(text: str, zone: tzinfo) -> ReadDate | None:
    """`Sun May  3 11:30:00 CEST 2020`."""
    found = _ASCTIME.match(_without_weekday(text)[0])
    if found is None or found.group(1) not in _MONTHS:
        return None
    month, day, hour, minute, second, half, before, year, after = found.groups()
    return _moment((year, str(_MONTHS[month]), day), (hour, minute, second, half), before or after, zone)


def _read_numbers(text: str, zone: tzinfo) -> ReadDate | None:
    """`dim, 05/03/2020 - 11:30`: day first, unless only the other order is a date, or the one of that weekday."""
    bare, weekday = _without_weekday(text)
    found = _NUMBERS.match(bare)
    if found is None:
        return None
    first, second, year, hour, minute, seconds, half, rest = found.groups()
    clock = (hour, minute, seconds, half)
    readings = [
        moment for day, month in ((first, second), (second, first))
        if (moment := _moment((year, month, day), clock, rest, zone))
    ]  # fmt: skip
    fit_note = [moment for moment in readings if moment.value.astimezone(zone).weekday() == weekday]
    return next(iter(fit_note or readings), None)


def _without_weekday(text: str) -> tuple[str, int | None]:
    found = _WEEKDAY.match(text)
    if found and found.group(1) in _WEEKDAYS and not _MONTH_DAY.match(text):
        return text[found.end() :], _WEEKDAYS[found.group(1)]
    return text, None


_Clock = tuple[str | None, str | None, str | None, str | None]


def _with_time(day: tuple[str, str, str], rest: str, zone: tzinfo) -> ReadDate | None:
    found = _LOOSE_TIME.match(rest)
    if found is None:
        return _moment(day, (None, None, None, None), rest, zone)
    hour, minute, second, half, after = found.groups()
    return _moment(day, (hour, minute, second, half), after, zone)


def _moment(day: tuple[str, str, str], clock: _Clock, rest: str, zone: tzinfo) -> ReadDate | None:
    """The moment of these numbers; seconds of 60 and hours of 24 run over, as clocks that print them mean."""
    year = int(day[0]) + (0 if len(day[0]) > 2 else 2000 if int(day[0]) < 70 else 1900)
    hour, minute, second = (int(part or 0) for part in clock[:3])
    half = clock[3]
    if half and 1 <= hour <= 12:
        hour = hour % 12 + (12 if half.startswith("p") else 0)
    named = _zone_in(rest)
    if hour > 24 or minute > 60 or second > 61:
        return None
    try:
        start = datetime(year, int(day[1]), int(day[2]), tzinfo=named or zone)
        local = start.replace(tzinfo=None) + timedelta(hours=hour, minutes=minute, seconds=second)
        return ReadDate(local.replace(tzinfo=named or zone).astimezone(UTC), zone_assumed=named is None)
    except (ValueError, OverflowError):
        return None


def _zone_in(rest: str) -> tzinfo | None:
    """The zone named behind a time: `+0200`, `+02:00`, `GMT+9`, `CEST`, `Z`; None when nothing is."""
    rest = rest.strip(" ,;")
    offset = _OFFSET.match(rest)
    if offset:
        sign = -1 if offset.group(1) == "-" else 1
        shift = timedelta(hours=int(offset.group(2)), minutes=int(offset.group(3) or 0))
        return timezone(sign * shift) if shift < timedelta(hours=15) else None
    name = _ZONE_NAME.match(rest)
    hours = _ZONES_H.get(name.group(1)) if name else None
    return None if hours is None else timezone(timedelta(hours=hours))
