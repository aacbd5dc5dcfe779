"""Real servers on this machine, without containers: for the tests and for `make up`."""
