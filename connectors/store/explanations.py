"""Explanations: how an article's verdicts came about, kept beside it for `newswire why` (connectors/store/why.py).

Promises that the first verdict stays whole, with all that was compared, however often the article is revised.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, select

from connectors.store.schema import articles
from pipeline.ingest.transactions import Settlement

MAX_VERDICTS_KEPT = 8  # beside the first and the last


def explanation_json(connection: Connection, settlement: Settlement) -> str:
    """How the verdict came about, as JSON, for `newswire why`; with how those before it did, the first one whole."""
    decision = settlement.decision
    told = {
        "verdict": decision.verdict.value,
        "reason": decision.reason,
        "method": decision.method,
        "at": settlement.now.isoformat(timespec="seconds"),
        "considered": [asdict(pair) for pair in decision.considered],
    }
    former = connection.scalar(select(articles.c.explanation).where(articles.c.id == decision.article_id))
    if former is not None:
        last = json.loads(former)
        told["before"] = history([*last.pop("before", ()), last])
    return json.dumps(told, ensure_ascii=False, separators=(",", ":"))


def history(verdicts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The first verdict with all that was compared, and the last ones in a line each: a live blog has hundreds."""
    first, *others = verdicts
    return [first, *({**verdict, "considered": []} for verdict in others[-MAX_VERDICTS_KEPT:])]
