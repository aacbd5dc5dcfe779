"""The audit: the outbox beside the topics. What is missing, what is there twice, what is out of order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pipeline.domain.model import OutboxRow, ReceivedMessage


@dataclass(slots=True)
class Audit:
    """Compares one topic's rows with what a reader finds there. Of compacted topics only the last state is wanted."""

    topic: str
    is_compacted: bool
    found: Counter[str] = field(default_factory=Counter)  # by event id
    order: dict[str, list[str]] = field(default_factory=dict)  # key → event ids, as read

    def read(self, messages: Iterable[ReceivedMessage]) -> None:
        """Take in what the topic has."""
        for received in messages:
            event = received.headers.get("ce_id", "")
            self.found[event] += 1
            self.order.setdefault(received.key, []).append(event)

    def differences(self, rows: Sequence[OutboxRow]) -> tuple[str, ...]:
        """A sentence for each difference. Rows that wait for their delivery are not missing."""
        delivered = [row for row in rows if row.delivered_at is not None]
        if self.is_compacted:
            last = {row.message.key: row for row in delivered}
            delivered = [row for row in delivered if last[row.message.key] is row and row.message.value is not None]
        missing = [row for row in delivered if not self.found[row.message.id]]
        twice = [event for event, count in self.found.items() if count > 1]
        return (
            *(f"{self.topic}: {row.message.id} was delivered, but is missing" for row in missing),
            *(f"{self.topic}: {event} is there {self.found[event]} times" for event in twice),
            *self.disorder(delivered),
        )

    def disorder(self, rows: Sequence[OutboxRow]) -> tuple[str, ...]:
        """Keys whose events are not in the order of the outbox."""
        wanted: dict[str, list[str]] = {}
        for row in rows:
            wanted.setdefault(row.message.key, []).append(row.message.id)
        faults = []
        for key, events in wanted.items():
            ours = set(events)
            read = [event for event in dict.fromkeys(self.order.get(key, [])) if event in ours]
            if read != [event for event in events if self.found[event]]:
                faults.append(f"{self.topic}: the events of {key} are out of order")
        return tuple(faults)
