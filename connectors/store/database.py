"""The database: one engine, transactions that mean the same on SQLite and on PostgreSQL, and its schema revision.

Promises: `writing()` is one transaction that is durable when it returns, and on SQLite takes the write lock at once
(BEGIN IMMEDIATE), so that what was read inside it still holds when it commits. What tables mean is left to the rooms
that use them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError

from pipeline.domain.errors import StoreError

# No transaction of ours waits for anything but the database itself; one that does nothing for so long has a holder that
# was stopped, or a connection that nobody noticed was cut.
IDLE_TRANSACTION_S = 30
MIGRATIONS = Path(__file__).parent / "migrations"
BACKENDS = ("sqlite", "postgresql")
MMAP_BYTES = 2**31 - 2**16  # as much of a file as SQLite maps


class Database:
    """An engine and its two kinds of transaction."""

    def __init__(self, url: str, *, is_durable: bool = True) -> None:
        """`is_durable=False`: a power cut may undo the last commits; for what is worthless after one."""
        parsed = read_url(url)
        if parsed.get_backend_name() == "postgresql" and "+" not in parsed.drivername:
            parsed = parsed.set(drivername="postgresql+psycopg")
        if parsed.get_backend_name() == "sqlite" and parsed.database:
            make_folder(Path(parsed.database).parent)
        self.url = parsed.render_as_string(hide_password=True)
        self.engine: Engine = create_engine(parsed, **engine_options(parsed.get_backend_name()))
        # SQLite has one writer: threads that wait for it by its lock look again every 100 ms, and are late for nothing.
        self.turn: AbstractContextManager[object] = Lock() if self.is_sqlite else nullcontext()
        if self.is_sqlite:
            prepare_sqlite(self.engine, synchronous="FULL" if is_durable else "OFF")
            return
        set_idle_transaction_timeout(self.engine)
        if not is_durable:
            disable_synchronous_commit(self.engine)

    @property
    def is_sqlite(self) -> bool:
        """Whether this is the embedded database."""
        return self.engine.dialect.name == "sqlite"

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that sees one state and changes nothing. Raises StoreError when the database is away."""
        with translate_errors(self.url), self.engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: committed when the block ends, undone when it raises. Raises StoreError."""
        with (
            translate_errors(self.url),
            self.turn,
            self.engine.connect().execution_options(write=True) as connection,
            connection.begin(),
        ):
            yield connection

    def upgrade(self) -> None:
        """Bring the schema to this version's revision (alembic). Safe to run from several processes at once."""
        if self.revision() == newest_revision():
            return
        from alembic import command  # a third of a CPU second: paid once in a deployment's life

        with self.writing() as connection:
            if not self.is_sqlite:
                # Two migrations at once would race for the same tables; the key is "newswire" in hexadecimal.
                connection.execute(text("SELECT pg_advisory_xact_lock(x'6e65777377697265'::bigint)"))
            config = alembic_config()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")

    def check(self) -> None:
        """Raise StoreError unless the database answers and its schema is at this version's revision."""
        found, wanted = self.revision(), newest_revision()
        if found != wanted:
            raise StoreError(
                f"{self.url}: schema is at revision {found}, this version needs {wanted}: newswire db upgrade"
            )

    def revision(self) -> str | None:
        """The schema's revision; None where there is none yet. Raises StoreError."""
        with self.reading() as connection:
            known = inspect(connection).has_table("alembic_version")
            return connection.scalar(text("SELECT version_num FROM alembic_version")) if known else None

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def read_url(url: str) -> URL:
    """The address of a database of ours. Raises StoreError, which does not repeat it: there may be a password in it."""
    try:
        parsed = make_url(url)
        if parsed.get_backend_name() in BACKENDS:
            return parsed
    except ArgumentError:
        pass
    raise StoreError("the store's URL is neither postgresql://user:password@host/name nor sqlite:///file")


def make_folder(folder: Path) -> None:
    """Have a folder for SQLite's files. Raises StoreError."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(f"{folder}: {error.strerror} (NEWSWIRE_HOME is where the store goes)") from error


@cache
def newest_revision() -> str:
    """The schema's revision that this version needs, from its file's name: a start need not load alembic to look."""
    return max(script.name.partition("_")[0] for script in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def alembic_config() -> Any:
    """Alembic's configuration without an ini file: the scripts lie beside this module."""
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("path_separator", "os")
    return config


def engine_options(backend: str) -> dict[str, Any]:
    """Pool and connection options of a backend."""
    if backend == "sqlite":
        # timeout: seconds a writer waits for another one's lock before it gives up.
        return {"connect_args": {"timeout": 60, "check_same_thread": False}}
    # Keepalives: a server that vanished without a word is noticed in a minute, not in two hours.
    args = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
    return {"pool_size": 8, "max_overflow": 8, "pool_pre_ping": True, "connect_args": args}


def set_idle_transaction_timeout(engine: Engine) -> None:
    """Let PostgreSQL undo a transaction whose process stands still in the middle: others wait for its locks."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute(f"SET idle_in_transaction_session_timeout = '{IDLE_TRANSACTION_S}s'")
        connection.commit()


def disable_synchronous_commit(engine: Engine) -> None:
    """Let PostgreSQL commit without waiting for the disk."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET synchronous_commit = off")
        connection.commit()


def prepare_sqlite(engine: Engine, *, synchronous: str) -> None:
    """Let us begin transactions ourselves: the driver's own begin comes too late to be IMMEDIATE."""

    @event.listens_for(engine, "connect")
    def on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        connection.execute("PRAGMA journal_mode=WAL")
        # FULL: a commit survives a power cut; an outbox row must not vanish after its message was sent.
        connection.execute(f"PRAGMA synchronous={synchronous}")
        connection.execute("PRAGMA foreign_keys=ON")
        # What other processes wrote empties the cache of pages: read them from the system's cache, without a copy.
        connection.execute(f"PRAGMA mmap_size={MMAP_BYTES}")
        # The log goes into the file when it has 64 MB, not 4: a page that many commits touch is then written once.
        connection.execute("PRAGMA wal_autocheckpoint=16000")

    @event.listens_for(engine, "begin")
    def on_begin(connection: Connection) -> None:
        write = connection.get_execution_options().get("write", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")


@contextmanager
def translate_errors(url: str) -> Iterator[None]:
    """Turn the driver's errors into StoreError; those of a database that is away or busy are retriable."""
    try:
        yield
    except OperationalError as error:
        raise StoreError(f"{url}: {error.orig}", retriable=True) from error
    except DBAPIError as error:
        raise StoreError(f"{url}: {error.orig}", retriable=error.connection_invalidated) from error
    except SQLAlchemyError as error:
        raise StoreError(f"{url}: {error}") from error
