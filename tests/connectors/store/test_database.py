"""Schema revisions on both databases: an old database is refused, upgraded with its rows, and downgraded."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, text

from connectors.store.database import Database, alembic_config, newest_revision
from connectors.store.feeds import FeedStore
from connectors.store.schema import metadata
from pipeline.domain.errors import StoreError
from pipeline.ingest.ports import PollDecision
from tests.values import FEED, OUTLET, make_entry, make_polled


@pytest.fixture
def database(store_url: str) -> Iterator[Database]:
    opened = Database(store_url)
    yield opened
    opened.close()


def differences(database: Database) -> list[object]:
    """Differences between the tables of the code and those of the database."""
    with database.reading() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    return [difference for difference in found if "sketch_keys_w" not in str(difference)]


def migrate(database: Database, revision: str) -> None:
    with database.writing() as connection:
        move = command.downgrade if revision < (database.revision() or "") else command.upgrade
        move(alembic_config(connection), revision)


def table_names(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def record(database: Database, *numbers: int) -> int:
    """Poll a feed that shows these entries; how many are new."""
    feeds = FeedStore(database, lanes=4)
    feeds.ensure(OUTLET.feeds, interval_s=300)
    (state,) = feeds.states([FEED.id])
    polled = make_polled(*(make_entry(number) for number in numbers))
    return feeds.record_poll(state, polled, lambda _shown: PollDecision(state)).new


def test_a_database_without_our_schema_is_refused_with_what_to_do(database: Database) -> None:
    with pytest.raises(StoreError, match="newswire db upgrade"):
        database.check()
    database.upgrade()
    database.check()


def test_the_migrations_create_the_tables_that_the_code_expects(database: Database) -> None:
    database.upgrade()
    assert differences(database) == []


def test_the_newest_migration_is_the_one_that_a_start_expects() -> None:
    assert ScriptDirectory.from_config(alembic_config()).get_current_head() == newest_revision()


def test_an_older_database_keeps_its_feed_entries_when_it_is_upgraded(database: Database) -> None:
    database.upgrade()
    assert record(database, 1, 2) == 2
    migrate(database, "0002")
    assert {"sightings"} == table_names(database) & {"sightings", "feed_entries"}
    with pytest.raises(StoreError, match="schema is at revision 0002"):
        database.check()
    database.upgrade()
    assert differences(database) == []
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM feed_entries")) == 2
    assert record(database, 2, 3) == 1


def test_a_deleted_entry_takes_its_feed_entries_along_after_the_upgrade(database: Database) -> None:
    migrate(database, "0002")
    database.upgrade()
    record(database, 1, 2)
    with database.writing() as connection:
        connection.execute(text("DELETE FROM entries WHERE identity LIKE '%/1'"))
    with database.reading() as connection:
        assert connection.scalar(text("SELECT count(*) FROM feed_entries")) == 1


def test_every_migration_can_be_undone(database: Database) -> None:
    database.upgrade()
    migrate(database, "0001")
    database.upgrade()
    assert differences(database) == []
