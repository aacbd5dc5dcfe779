"""Polling schedule: feed state, poll intervals, silence, shards."""
