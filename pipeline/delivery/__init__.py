"""Delivery: messages, events and how the outbox is drained to the topics."""
