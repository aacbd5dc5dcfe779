"""CloudEvents 1.0, Kafka protocol binding, binary mode: a message's attributes as headers.

Tested by tests/delivery/test_deliver.py and tests/schemas/test_consumers.py.
"""

from __future__ import annotations

from datetime import UTC

from pipeline.domain.model import Message


def headers_of(message: Message) -> dict[str, str]:
    """The `ce_*` headers of a message and its content type; a tombstone has no content type."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": message.id,
        "ce_source": message.source,
        "ce_type": message.type,
        "ce_time": message.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "ce_subject": message.subject,
        "ce_dataschema": message.schema,
    }
    return headers if message.value is None else {**headers, "content-type": "application/json; charset=utf-8"}
