"""Paragraphs that a host repeats (boilerplate): under how many of its URLs each was seen.

Promises: a paragraph counts as repeated once it was seen under three URLs other than the one in question, however often
each was fetched. A paragraph of one URL expires after a week, the others with the sketches.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import cache

from sqlalchemy import Connection, TextClause, delete, text

from connectors.store.schema import outlet_shingles
from connectors.store.sketches import week_of
from pipeline.ingest.ports import RepeatedQuery

SINGLE_URL_RETENTION = timedelta(days=7)  # a host's boilerplate comes back within hours

_PARAGRAPHS = {
    "postgresql": "SELECT paragraph FROM unnest(CAST(:paragraphs AS integer[])) AS p (paragraph)",
    "sqlite": "SELECT value AS paragraph FROM json_each(:paragraphs)",
}
_PAGES = {
    "postgresql": """
        SELECT a.place - 1 AS n, (a.page ->> 0)::integer AS host, (a.page ->> 1)::integer AS url,
               (p.paragraph #>> '{}')::integer AS paragraph
        FROM jsonb_array_elements(CAST(:pages AS jsonb)) WITH ORDINALITY AS a (page, place),
             jsonb_array_elements(a.page -> 2) AS p (paragraph)""",
    "sqlite": """
        SELECT a.key AS n, json_extract(a.value, '$[0]') AS host, json_extract(a.value, '$[1]') AS url,
               p.value AS paragraph
        FROM json_each(:pages) a, json_each(a.value, '$[2]') p""",
}
# Three other URLs: three are stored and the URL in question is not among them, or there were more.
_REPEATED = """
    SELECT shown.n, shown.paragraph FROM ({pages}) AS shown
    JOIN outlet_shingles AS known ON known.host = shown.host AND known.paragraph = shown.paragraph
    WHERE known.more OR (known.url_3 IS NOT NULL AND shown.url NOT IN (known.url_1, known.url_2, known.url_3))
"""
_NOTE = """
    INSERT INTO outlet_shingles (host, paragraph, url_1, week, more)
    SELECT :host, paragraph, :url, :week, {false} FROM ({paragraphs}) AS given WHERE {true} ORDER BY paragraph
    ON CONFLICT (host, paragraph) DO UPDATE SET
        week = excluded.week,
        more = outlet_shingles.url_3 IS NOT NULL,
        url_3 = CASE WHEN outlet_shingles.url_2 IS NULL THEN NULL
                     ELSE coalesce(outlet_shingles.url_3, excluded.url_1) END,
        url_2 = coalesce(outlet_shingles.url_2, excluded.url_1)
    WHERE (NOT outlet_shingles.more OR outlet_shingles.week < excluded.week)
    AND excluded.url_1 NOT IN (outlet_shingles.url_1, coalesce(outlet_shingles.url_2, outlet_shingles.url_1),
                               coalesce(outlet_shingles.url_3, outlet_shingles.url_1))
"""


def note_paragraphs(connection: Connection, shown: Sequence[RepeatedQuery], *, now: datetime) -> None:
    """Store that these pages show their paragraphs. Call under the claim: workers write the same rows."""
    values = [{**_values(connection, one), "week": week_of(now)} for one in shown if one.paragraphs]
    if values:
        connection.execute(_statement(connection.dialect.name, _NOTE), values)


def repeated_paragraphs(connection: Connection, asked: Sequence[RepeatedQuery]) -> list[frozenset[int]]:
    """Of each page's paragraphs, those that its host shows under three other URLs. One statement."""
    pages = json.dumps([(_hashed(one.domain), _hashed(one.url), one.paragraphs) for one in asked])
    found: list[set[int]] = [set() for _ in asked]
    for n, paragraph in connection.execute(_statement(connection.dialect.name, _REPEATED), {"pages": pages}):
        found[n].add(paragraph)
    return [frozenset(each) for each in found]


def expire_paragraphs(connection: Connection, *, before: datetime, now: datetime) -> int:
    """Delete paragraphs of one URL after a week, and those not seen since `before`; returns how many rows."""
    alone = outlet_shingles.c.url_2.is_(None) & (outlet_shingles.c.week < week_of(now - SINGLE_URL_RETENTION))
    gone = connection.execute(delete(outlet_shingles).where(alone | (outlet_shingles.c.week < week_of(before))))
    return gone.rowcount


@cache
def _statement(dialect: str, words: str) -> TextClause:
    return text(words.format(paragraphs=_PARAGRAPHS[dialect], pages=_PAGES[dialect], true="1 = 1", false="1 = 0"))


def _values(connection: Connection, asked: RepeatedQuery) -> dict[str, object]:
    listed = sorted(set(asked.paragraphs))
    packed = json.dumps(listed) if connection.dialect.name == "sqlite" else listed
    return {"host": _hashed(asked.domain), "url": _hashed(asked.url), "paragraphs": packed}


def _hashed(words: str) -> int:
    return zlib.crc32(words.encode()) - (1 << 31)
