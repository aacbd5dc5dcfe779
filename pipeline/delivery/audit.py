"""Audit of delivery: which messages of the outbox are missing on a topic, there twice, or out of order.

Tested by tests/delivery/test_deliver.py and tests/delivery/test_deliver_outage.py.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from pipeline.domain.model import OutboxRow, ReceivedMessage


@dataclass(slots=True, kw_only=True)
class Audit:
    """Compares a topic's outbox rows with its messages. Of a compacted topic, only the last state of a key counts."""

    topic: str
    is_compacted: bool
    found: Counter[str] = field(default_factory=Counter)  # by event id
    order: dict[str, list[str]] = field(default_factory=dict)  # key → event ids, as read

    def read(self, messages: Iterable[ReceivedMessage]) -> None:
        """Add messages of the topic."""
        for received in messages:
            event = received.headers.get("ce_id", "")
            self.found[event] += 1
            self.order.setdefault(received.key, []).append(event)

    def differences(self, rows: Sequence[OutboxRow]) -> tuple[str, ...]:
        """A sentence for each difference. Undelivered rows are not missing."""
        delivered = [row for row in rows if row.delivered_at is not None]
        if self.is_compacted:
            last = {row.message.key: row for row in delivered}
            delivered = [row for row in delivered if last[row.message.key] is row and row.message.value is not None]
        return (*self.missing(delivered), *self.repeated(), *self.disorder(delivered))

    def missing(self, rows: Sequence[OutboxRow]) -> Iterator[str]:
        """Delivered events that the topic does not have."""
        for row in rows:
            if not self.found[row.message.id]:
                yield f"{self.topic}: {row.message.id} was delivered, but is missing"

    def repeated(self) -> Iterator[str]:
        """Events that the topic has more than once."""
        for event, count in self.found.items():
            if count > 1:
                yield f"{self.topic}: {event} is there {count} times"

    def disorder(self, rows: Sequence[OutboxRow]) -> tuple[str, ...]:
        """Keys whose events are not in the order of the outbox."""
        expected: dict[str, list[str]] = {}
        for row in rows:
            expected.setdefault(row.message.key, []).append(row.message.id)
        faults = []
        for key, events in expected.items():
            ours = set(events)
            read = [event for event in dict.fromkeys(self.order.get(key, [])) if event in ours]
            if read != [event for event in events if self.found[event]]:
                faults.append(f"{self.topic}: the events of {key} are out of order")
        return tuple(faults)
