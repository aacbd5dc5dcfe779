"""What hosts repeat: under how many URLs of a host a paragraph was seen.

Promises that a paragraph counts as the host's own once it was seen under three URLs beside the one asked for, however
often each was fetched. What stands alone is forgotten after a week, the rest with the sketches.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, TextClause, delete, text

from connectors.store.sketch_tables import outlet_shingles
from connectors.store.sketches import week_of

ALONE_FOR = timedelta(days=7)  # a host's furniture comes back within hours

_PARAGRAPHS = {
    "postgresql": "SELECT paragraph FROM unnest(CAST(:paragraphs AS integer[])) AS p (paragraph)",
    "sqlite": "SELECT value AS paragraph FROM json_each(:paragraphs)",
}
# Beside the URL asked for there are three others when three are named and it is none of them, or when there were more.
_REPEATED = """
    SELECT paragraph FROM outlet_shingles
    WHERE host = :host AND paragraph IN ({paragraphs})
    AND (more OR (url_3 IS NOT NULL AND :url NOT IN (url_1, url_2, url_3)))
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


def note_paragraphs(
    connection: Connection, host: str, paragraphs: Sequence[int], *, url_key: str, now: datetime
) -> None:
    """Remember that a URL of the host shows these paragraphs. In the claim: two workers write the same rows."""
    if paragraphs:
        statement = _filled(connection, _NOTE)
        connection.execute(statement, {**_asked(connection, host, paragraphs, url_key), "week": week_of(now)})


def repeated_paragraphs(
    connection: Connection, host: str, paragraphs: Sequence[int], *, url_key: str
) -> frozenset[int]:
    """Those of the paragraphs that the host shows under three other URLs."""
    if not paragraphs:
        return frozenset()
    statement = _filled(connection, _REPEATED)
    return frozenset(connection.scalars(statement, _asked(connection, host, paragraphs, url_key)))


def expire_paragraphs(connection: Connection, *, before: datetime, now: datetime) -> int:
    """Forget what stood alone for a week, and what was not seen since `before`; how many rows went."""
    alone = outlet_shingles.c.url_2.is_(None) & (outlet_shingles.c.week < week_of(now - ALONE_FOR))
    gone = connection.execute(delete(outlet_shingles).where(alone | (outlet_shingles.c.week < week_of(before))))
    return gone.rowcount


def _filled(connection: Connection, words: str) -> TextClause:
    return text(words.format(paragraphs=_PARAGRAPHS[connection.dialect.name], true="1 = 1", false="1 = 0"))


def _asked(connection: Connection, host: str, paragraphs: Sequence[int], url_key: str) -> dict[str, object]:
    listed = sorted(set(paragraphs))
    packed = json.dumps(listed) if connection.dialect.name == "sqlite" else listed
    return {"host": _hashed(host), "url": _hashed(url_key), "paragraphs": packed}


def _hashed(words: str) -> int:
    return zlib.crc32(words.encode()) - (1 << 31)
