"""Where the pipeline touches the world: one file per far system (HTTP, database, Kafka, archive).

Each implements a port of `pipeline/ingest/ports.py`; nothing here decides what an article is worth.
"""
