"""Stored rate limiter: spacing and waits per host, shared by all processes and machines on the store.

Implements `pipeline.domain.ports.HostPacer`. A slot is taken by advancing the host's `next_slot_at` in one transaction.
A process that dies after taking one costs the host a pause, never a burst.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, select

from connectors.store.database import Database, insert_into
from connectors.store.schema import hosts


class StoredPacer:
    """Host slots in the `hosts` table."""

    def __init__(self, url: str) -> None:
        # Slots are worthless after a power cut: their commits need not wait for the disk.
        self.database = Database(url, is_durable=False)

    def reserve(self, host: str, *, spacing_s: float, now: datetime) -> datetime:
        """Take the host's next free slot: when the request may be sent (≥ now)."""
        step = timedelta(seconds=spacing_s)
        with self.database.writing() as connection:
            # The row lock of the upsert gives two processes two different slots.
            row = insert_into(connection, hosts).values(host=host, next_slot_at=now)
            connection.execute(row.on_conflict_do_nothing())
            known = connection.execute(select(hosts).where(hosts.c.host == host).with_for_update()).one()
            slot: datetime = max(now, known.next_slot_at, known.held_until or now)
            connection.execute(hosts.update().where(hosts.c.host == host).values(next_slot_at=slot + step))
            return slot

    def hold(self, host: str, *, until: datetime, reason: str) -> None:
        """Send nothing to this host before `until`, or before a later time that was set already."""
        later = case((hosts.c.held_until > until, hosts.c.held_until), else_=until)
        with self.database.writing() as connection:
            first = {"host": host, "next_slot_at": until, "held_until": until, "held_reason": reason}
            held = {"held_until": later, "held_reason": reason}
            row = insert_into(connection, hosts).values(first)
            connection.execute(row.on_conflict_do_update(index_elements=[hosts.c.host], set_=held))

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def held_until(self, host: str) -> datetime | None:
        """Until when nothing may be sent to the host, if a wait was set."""
        until: datetime | None = self.database.read_value(select(hosts.c.held_until).where(hosts.c.host == host))
        return until
