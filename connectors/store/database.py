"""Database access: one engine, transactions that mean the same on SQLite and PostgreSQL, schema upgrade.

Promises: `writing()` is one transaction that is durable when it returns. On SQLite it takes the write lock at once
(BEGIN IMMEDIATE), so what it read still holds at commit. The meaning of tables is left to the modules that use them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Executable, Row, Table, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from pipeline.domain.errors import StoreError

# Our transactions wait only for the database. One idle for so long belongs to a stopped process or a cut connection.
IDLE_TRANSACTION_S = 30
MIGRATIONS = Path(__file__).parent / "migrations"
MMAP_BYTES = 2**31 - 2**16  # SQLite's upper limit for mmap_size
# Ids in one IN list: SQLite allows 32,766 parameters per statement, PostgreSQL 65,535.
MAX_IDS = 1000
T = TypeVar("T")


class Database:
    """An engine and its two kinds of transaction."""

    def __init__(self, url: str, *, is_durable: bool = True) -> None:
        """`is_durable=False`: a power cut may undo the last commits; for data that is worthless after one."""
        parsed = read_url(url)
        self.url = parsed.render_as_string(hide_password=True)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        make_engine = sqlite_engine if self.is_sqlite else postgresql_engine
        self.engine = make_engine(parsed, is_durable=is_durable)
        # SQLite has one writer. Threads queue on this lock, because SQLite's own waiting polls only every 100 ms.
        self.write_lock: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reads from one snapshot. Raises StoreError when the database is away."""
        with translate_errors(self.url), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: commits at the end of the block, rolls back when it raises. Raises StoreError."""
        with (
            translate_errors(self.url),
            self.write_lock,
            self.engine.connect().execution_options(write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def read(self, query: Executable) -> Sequence[Row[Any]]:
        """The rows of one query. Raises StoreError."""
        with self.reading() as connection:
            return connection.execute(query).all()

    def read_value(self, query: Executable) -> Any:
        """The first value of one query's first row; None without a row. Raises StoreError."""
        with self.reading() as connection:
            return connection.scalar(query)

    def write(self, statement: Executable) -> int:
        """Execute one statement in a transaction of its own; returns how many rows it changed. Raises StoreError."""
        with self.writing() as connection:
            return connection.execute(statement).rowcount

    def upgrade(self) -> None:
        """Migrate the schema to this version's revision (alembic). Safe to run from several processes at once."""
        if self.revision() == newest_revision():
            return
        from alembic import command  # 0.3 CPU seconds: paid only when there is something to migrate

        with self.writing() as connection:
            if not self.is_sqlite:
                # Concurrent migrations would race for the same tables; the key is "newswire" in hexadecimal.
                connection.execute(text("SELECT pg_advisory_xact_lock(x'6e65777377697265'::bigint)"))
            command.upgrade(alembic_config(connection), "head")

    def check(self) -> None:
        """Raise StoreError unless the database answers and its schema is at this version's revision."""
        found, needed = self.revision(), newest_revision()
        if found != needed:
            raise StoreError(
                f"{self.url}: schema is at revision {found}, this version needs {needed}: newswire db upgrade"
            )

    def revision(self) -> str | None:
        """The schema's revision; None for an empty database. Raises StoreError."""
        with self.reading() as connection:
            known = inspect(connection).has_table("alembic_version")
            return connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def insert_into(connection: Connection, target: Table) -> Any:
    """The dialect's INSERT, which supports ON CONFLICT."""
    if connection.dialect.name == "sqlite":
        from sqlalchemy.dialects.sqlite import insert

        return insert(target)
    from sqlalchemy.dialects import postgresql  # 30 ms: only where it is the store

    return postgresql.insert(target)


def upsert(connection: Connection, target: Table, changes: Iterable[str], *, where: Any = None) -> Any:
    """INSERT that sets these columns instead when the primary key exists (only `where` that holds, if given)."""
    statement = insert_into(connection, target)
    new_values = {name: statement.excluded[name] for name in changes}
    return statement.on_conflict_do_update(index_elements=list(target.primary_key), set_=new_values, where=where)


def chunks(values: Sequence[T], size: int = MAX_IDS) -> Iterator[Sequence[T]]:
    """Split a sequence for statements with an IN list (itertools.batched needs Python 3.12)."""
    for start in range(0, len(values), size):
        yield values[start : start + size]


def read_url(url: str) -> URL:
    """Parse a database URL. Raises StoreError, which omits the URL: it may contain a password."""
    with suppress(ArgumentError):
        parsed = make_url(url)
        if parsed.get_backend_name() in ("sqlite", "postgresql"):
            return parsed
    raise StoreError("the store's URL is neither postgresql://user:password@host/name nor sqlite:///file")


@cache
def newest_revision() -> str:
    """The schema revision that this version needs. Read from file names, so that a start does not load alembic."""
    return max(script.name.partition("_")[0] for script in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def alembic_config(connection: Connection | None = None) -> Any:
    """Alembic's configuration without an ini file; the migrations run on this connection."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def postgresql_engine(url: URL, *, is_durable: bool) -> Engine:
    """An engine whose idle transactions end, so that a stalled process cannot hold locks."""
    if "+" not in url.drivername:
        url = url.set(drivername="postgresql+psycopg")
    # Keepalives detect a vanished server within a minute instead of two hours.
    args = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    engine = create_engine(url, pool_size=8, max_overflow=8, pool_pre_ping=True, connect_args=args)

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'")
            if not is_durable:
                cursor.execute("SET synchronous_commit = off")
        connection.commit()

    return engine


def sqlite_engine(url: URL, *, is_durable: bool) -> Engine:
    """An engine that begins transactions itself, because the driver's BEGIN is not IMMEDIATE. Raises StoreError."""
    if url.database:
        folder = Path(url.database).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreError(f"{folder}: {error.strerror} (NEWSWIRE_HOME is where the store goes)") from error
    # timeout: seconds that a writer waits for another process's lock before it fails.
    engine = create_engine(url, connect_args={"timeout": 60, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: a commit survives a power cut; an outbox row must not vanish after its message was sent.
        connection.execute(f"PRAGMA synchronous={'FULL' if is_durable else 'OFF'}")
        connection.execute("PRAGMA foreign_keys=ON")
        # Writes of other processes invalidate SQLite's page cache: read pages from the system's cache without a copy.
        connection.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
        # Checkpoint the log at 64 MB instead of 4: a page that many commits change is then written once.
        connection.execute("PRAGMA wal_autocheckpoint=16000")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")

    return engine


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Convert the driver's errors to StoreError; retriable when the database is away or busy."""
    try:
        yield
    except DBAPIError as error:
        is_away = isinstance(error, OperationalError) or error.connection_invalidated
        raise StoreError(f"{url}: {error.orig}", retriable=is_away) from error
    except SQLAlchemyError as error:
        raise StoreError(f"{url}: {error}") from error
