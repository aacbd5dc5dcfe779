"""Weekly partitions of the sketch keys: a week is expired by dropping its table.

On PostgreSQL they are partitions of `sketch_keys`. SQLite has no partitions: `sketch_keys` takes the new keys and is
moved to tables of the same names after every FILE_EVERY articles. Keys are random, so inserting each batch into a large
index would write one page per key, 24 per article. Look-ups are left to connectors/store/sketches.py.
"""

from __future__ import annotations

from sqlalchemy import Connection, column, delete, insert, select, table, text

from connectors.store.schema import sketch_keys

FILE_EVERY = 2048  # articles: at most 200 pages of new keys; moving them rewrites a week's index once for all


def week_tables(connection: Connection, *, since_week: int = 0) -> tuple[str, ...]:
    """SQLite's weekly key tables, oldest week first."""
    named = text("SELECT name FROM sqlite_master WHERE type = 'table' AND name GLOB 'sketch_keys_w*'")
    weeks = sorted(_week(name) for name in connection.scalars(named))
    return tuple(_name(week) for week in weeks if week >= since_week)


def ensure_partition(connection: Connection, week: int) -> None:
    """Create a week's partition. It is attached afterwards: creating it in place would wait for every reader."""
    name = _name(week)
    if connection.scalar(text("SELECT to_regclass(:name)"), {"name": name}) is not None:
        return
    connection.execute(text(f"CREATE TABLE {name} (LIKE sketch_keys INCLUDING DEFAULTS)"))
    connection.execute(text(f"ALTER TABLE sketch_keys ATTACH PARTITION {name} FOR VALUES IN ({week})"))


def file_keys(connection: Connection) -> None:
    """Move SQLite's new keys to the tables of their weeks, in index order."""
    for week in connection.scalars(text("SELECT DISTINCT week FROM sketch_keys")).all():
        name = _name(week)
        columns = "key INTEGER, seq INTEGER, PRIMARY KEY (key, seq)"
        connection.execute(text(f"CREATE TABLE IF NOT EXISTS {name} ({columns}) WITHOUT ROWID"))
        of_week = select(sketch_keys.c.key, sketch_keys.c.seq).where(sketch_keys.c.week == week)
        filing = insert(table(name, column("key"), column("seq"))).prefix_with("OR IGNORE")
        connection.execute(filing.from_select(["key", "seq"], of_week.order_by(sketch_keys.c.key, sketch_keys.c.seq)))
    connection.execute(delete(sketch_keys))


def drop_weeks(connection: Connection, first_kept: int) -> int:
    """Drop the keys of the weeks before that one; returns how many weeks."""
    if connection.dialect.name == "postgresql":
        names = text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sketch_keys'::regclass")
        tables = tuple(connection.scalars(names))
    else:
        tables = week_tables(connection)
        # New keys that were never moved, because few articles came.
        connection.execute(delete(sketch_keys).where(sketch_keys.c.week < first_kept))
    old = [name for name in tables if _week(name) < first_kept]
    for name in old:
        connection.execute(text(f"DROP TABLE {name}"))
    return len(old)


def _name(week: int) -> str:
    return f"sketch_keys_w{week}"


def _week(name: str) -> int:
    return int(name.rpartition("_w")[2])
