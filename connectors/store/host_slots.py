"""Spacing and waiting per host, in the store, so that all processes and machines keep them together.

Implements `pipeline.domain.ports.HostPacer`. A slot is taken by moving the host's `next_slot_at` on in one transaction;
a process that dies after taking one costs the host a pause, never a burst.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import case, select
from sqlalchemy.dialects import postgresql, sqlite

from connectors.store.database import Database
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
            # The row lock of the upsert makes two processes take two different slots.
            insert = (sqlite.insert if self.database.is_sqlite else postgresql.insert)(hosts)
            connection.execute(insert.values(host=host, next_slot_at=now).on_conflict_do_nothing())
            row = connection.execute(
                select(hosts.c.next_slot_at, hosts.c.held_until).where(hosts.c.host == host).with_for_update()
            ).one()
            slot: datetime = max(now, row.next_slot_at, row.held_until or now)
            connection.execute(hosts.update().where(hosts.c.host == host).values(next_slot_at=slot + step))
            return slot

    def hold(self, host: str, *, until: datetime, reason: str) -> None:
        """Nothing may be sent to this host before `until`; a longer wait already asked for stays."""
        with self.database.writing() as connection:
            insert = (sqlite.insert if self.database.is_sqlite else postgresql.insert)(hosts)
            later = case((hosts.c.held_until > until, hosts.c.held_until), else_=until)
            connection.execute(
                insert.values(
                    host=host, next_slot_at=until, held_until=until, held_reason=reason
                ).on_conflict_do_update(
                    index_elements=[hosts.c.host], set_={"held_until": later, "held_reason": reason}
                )
            )

    def close(self) -> None:
        """Close the connections."""
        self.database.close()

    def held_until(self, host: str) -> datetime | None:
        """Until when the host asked us to wait, if it did."""
        with self.database.reading() as connection:
            until: datetime | None = connection.scalar(select(hosts.c.held_until).where(hosts.c.host == host))
            return until
