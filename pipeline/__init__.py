"""The core: computes and decides, touches nothing.

The walk (ARCHITECTURE in one line; `pipeline/poll.py` and `pipeline/collect.py` show it in code):

    catalogue ─▶ feed ─▶ entries ─▶ page ─▶ article ─▶ verdict ─▶ message ─▶ delivery
     feeds.toml  fetch    parse     fetch   extract    decide     outbox     Kafka

Imports go one way: dags → pipeline.app → connectors → pipeline (core) → schemas. `pipeline.app` alone knows both sides.
"""

__version__ = "0.1.0"
