"""Use cases: settings and connectors put together, one module for each thing a user runs."""
