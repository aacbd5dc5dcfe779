"""Crash test: kills processes, broker and database while four processes ingest and deliver a changing newsroom.

    python -m tests.torture --faults 200 --minutes 20

After the faults an independent `read_committed` consumer (confluent-kafka) reads the topics. It must find every message
of the outbox exactly once, in order per key. Every article must be published once, and its last message must carry its
last text.
"""
