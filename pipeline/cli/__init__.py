"""The command `newswire`."""
