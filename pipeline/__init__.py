"""The core: computes and decides, touches nothing.

The walk (ARCHITECTURE in one line; `pipeline/ingest/poll.py` and `pipeline/ingest/collect.py` show it in code):

    catalogue ─▶ feed ─▶ entries ─▶ page ─▶ article ─▶ verdict ─▶ message ─▶ delivery
     feeds.toml  fetch    parse     fetch   extract    decide     outbox     Kafka

Imports go one way: dags → pipeline.app.runs → connectors → pipeline (core) → schemas. `pipeline.app.runs` alone knows
both sides.
"""

__version__ = "0.1.0"
