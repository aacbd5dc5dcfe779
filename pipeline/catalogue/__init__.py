"""The catalogue: the outlets and feeds that operators declare."""
