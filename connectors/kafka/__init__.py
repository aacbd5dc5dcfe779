"""Kafka: topics, producer, configuration, schema registry."""
