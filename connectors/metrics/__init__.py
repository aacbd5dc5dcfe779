"""Metrics for Prometheus: read from the store, served over HTTP; beside them a Grafana dashboard and alert rules."""
