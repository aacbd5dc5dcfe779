"""Pages that are no articles, written by us: a generator of believable walls, errors and lists in several languages."""
