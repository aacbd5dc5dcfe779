"""Feed parsing: bytes of RSS, Atom, JSON Feed and sitemaps in, entries out."""
