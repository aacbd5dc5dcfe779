"""What consumers depend on: one JSON Schema per topic. Imports nothing of ours."""
