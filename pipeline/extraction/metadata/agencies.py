"""News agencies that a text credits, by its dateline, its signature or its authors.

Promises each agency's short name once, in order of finding; a text that only mentions an agency credits none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

# Short name → the forms in which it is credited. Names that are words (PA, CP, AP) count in capitals only.
_FORMS: dict[str, tuple[str, ...]] = {
    "AFP": ("AFP", "Agence France-Presse", "Agence France Presse"),
    "AP": ("AP", "Associated Press", "The Associated Press"),
    "Reuters": ("Reuters", "REUTERS", "Thomson Reuters"),
    "dpa": ("dpa", "DPA", "Deutsche Presse-Agentur"),
    "EFE": ("EFE", "Agencia EFE"),
    "ANSA": ("ANSA",),
    "PA": ("PA", "PA Media", "Press Association", "PA news agency"),
    "Belga": ("Belga", "BELGA"),
    "ATS": ("ATS", "ats", "Keystone-ATS", "Keystone-SDA", "KEYSTONE-ATS", "SDA", "sda"),
    "CP": ("CP", "The Canadian Press", "Canadian Press", "La Presse canadienne", "La Presse Canadienne"),
    "QMI": ("Agence QMI", "QMI"),
    "Xinhua": ("Xinhua", "XINHUA", "新华社"),
    "TASS": ("TASS", "ТАСС"),
    "Interfax": ("Interfax", "Интерфакс"),
    "Kyodo": ("Kyodo", "KYODO", "Kyodo News", "共同通信"),
    "Jiji": ("Jiji", "Jiji Press", "時事通信"),
    "APA": ("APA",),
    "ANP": ("ANP",),
    "TT": ("TT",),
    "NTB": ("NTB",),
    "Ritzau": ("Ritzau",),
    "Lusa": ("Lusa", "LUSA", "Agência Lusa"),
    "PAP": ("PAP",),
    "ČTK": ("ČTK", "CTK"),
    "Europa Press": ("Europa Press", "EUROPA PRESS"),
    "Adnkronos": ("Adnkronos",),
    "AAP": ("AAP",),
    "IANS": ("IANS",),
    "PTI": ("PTI",),
    "Yonhap": ("Yonhap", "연합뉴스"),
    "Anadolu": ("Anadolu", "AA", "Anadolu Agency"),
    "Relaxnews": ("ETX Daily Up", "Relaxnews", "AFP Relaxnews"),
    "SID": ("SID",),
    "Bloomberg": ("Bloomberg",),
    "UPI": ("UPI",),
}
_AGENCY = {form: agency for agency, forms in _FORMS.items() for form in forms}
_NAME = "|".join(re.escape(form) for form in sorted(_AGENCY, key=len, reverse=True))
_NAMES = rf"(?:{_NAME})(?:\s*(?:[/,&+·-]|et|and|und|y|e|avec|with|mit)\s*(?:{_NAME}))*"
_WITH = r"(?i:avec|with|mit|con|com|met|source\s*:?|quelle\s*:?|fuente\s*:?|fonte\s*:?|via|by|par|von|por|da)"
# `PARIS (AFP) -`, `LONDON, March 3 (Reuters) –`, `Berlin (dpa) -`, `(ANSA) - ROMA`: at the head of a text.
_DATELINE = re.compile(rf"[^\n()]{{0,60}}\(\s*({_NAMES})\s*\)\s*[-–—:.]")
_DATELINE_BARE = re.compile(rf"[^\n()/]{{2,40}}/\s*({_NAMES})\s*[-–—]")
# `(avec AFP)`, `[AP]`, `(Source: dpa)`, anywhere.
_PARENTHESIS = re.compile(rf"[(\[]\s*(?:[^()\[\]\n]{{0,30}}\b{_WITH}\s+)({_NAMES})\s*[)\]]")
# A last line or its end: `— Reuters`, `AFP`, `Avec AFP`, `(AFP)`, `Le Monde avec AFP`, `dpa/lno`.
_SIGNATURE = re.compile(
    rf"(?:^|[.!?…»”\"]\s*[-–—(\[]*\s*|[-–—(\[]\s*|\b{_WITH}\s+(?:l['’]|(?:la|le|the)\s)?)"
    rf"({_NAMES})(?:/\w{{2,4}})?\s*[)\].]*\s*$"
)
_ALONE = re.compile(rf"\s*(?:[^,;|\n]{{0,40}}\b{_WITH}\s+|[^,;|\n]{{0,40}}[,;|/]\s*)?({_NAMES})\s*")
_ANY_NAME = re.compile(_NAME)
_TAIL_LINES = 3  # a signature stands before the newsletter's call, not further up


def agency_credits(text: str, authors: Sequence[str] = ()) -> tuple[str, ...]:
    """The agencies that an article credits."""
    return tuple(dict.fromkeys(agency for names in _credits(text, authors) for agency in _agencies(names)))


def _credits(text: str, authors: Iterable[str]) -> Iterator[str]:
    for author in authors:
        if found := _ALONE.fullmatch(author):
            yield found[1]
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    for line in lines[:_TAIL_LINES]:
        if found := _DATELINE.match(line) or _DATELINE_BARE.match(line):
            yield found[1]
    for found in _PARENTHESIS.finditer(text):
        yield found[1]
    for line in lines[-_TAIL_LINES:]:
        if found := _SIGNATURE.search(line):
            yield found[1]


def _agencies(names: str) -> Iterator[str]:
    for form in _ANY_NAME.findall(names):
        yield _AGENCY[form]
