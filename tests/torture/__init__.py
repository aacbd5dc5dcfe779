"""The torture: a newsroom in motion, a real broker, PostgreSQL, four ingesting and delivering processes, a killer.

    python -m tests.torture --faults 200 --minutes 20

After the faults an independent `read_committed` consumer (confluent-kafka) must find every message of the outbox
exactly once and in order per key, and every article of the newsroom published once, with its last words last.
"""
