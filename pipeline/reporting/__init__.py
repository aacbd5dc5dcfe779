"""Reports: what a run did, as numbers, metrics, notes and terminal tables."""
