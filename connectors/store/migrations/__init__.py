"""Schema revisions of the store (alembic); `newswire db upgrade` runs them."""
