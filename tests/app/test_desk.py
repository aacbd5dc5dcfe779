"""The desk's actions on a deployment: their effect on store, topics and catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import select

from connectors.store.schema import entries, outbox
from pipeline.app.desk import DeploymentActions, UnknownTarget
from pipeline.app.runs import Newswire
from pipeline.catalogue.catalogue import NewFeed
from pipeline.domain.errors import CatalogueError
from pipeline.domain.model import FeedStatus
from pipeline.scheduling.operator_actions import FeedAction
from tests.desk.airflow_desk import hostile_catalogue
from tests.desk.small_store import HOSTILE, fill
from tests.values import FEED

NEW = NewFeed(outlet_id="neuf", feed="main", url="http://www.neuf.test/rss", name="Neuf", country="FR", language="fr")


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newswire]:
    home = tmp_path_factory.mktemp("acts")
    (home / "feeds.toml").write_text(hostile_catalogue(), encoding="utf-8")
    with Newswire.from_env({"NEWSWIRE_HOME": str(home), "NEWSWIRE_CATALOGUE": str(home / "feeds.toml")}) as opened:
        fill(opened.database)
        yield opened


@pytest.fixture
def acts(app: Newswire) -> DeploymentActions:
    return DeploymentActions(app)


def values_on(app: Newswire, topic: str) -> list[dict[str, str]]:
    """The values of the messages of a topic."""
    with app.database.reading() as connection:
        values = connection.scalars(select(outbox.c.value).where(outbox.c.topic == topic).order_by(outbox.c.id))
        return [json.loads(value) for value in values if value]


def test_a_pause_is_stored_and_published(app: Newswire, acts: DeploymentActions) -> None:
    assert acts.switch(FEED.id, FeedAction.PAUSE, by="ada") == "antenne/titres is paused"
    (state,) = app.feeds.states([FEED.id])
    assert (state.schedule.paused, state.health.status) == (True, FeedStatus.PAUSED)
    assert "paused by ada" in values_on(app, "feeds")[-1]["reason"]


def test_an_unknown_feed_is_an_error(acts: DeploymentActions) -> None:
    with pytest.raises(UnknownTarget, match="no feed nobody/here"):
        acts.switch("nobody/here", FeedAction.PAUSE, by="ada")


def test_only_the_dead_letters_of_the_cause_are_redriven(app: Newswire, acts: DeploymentActions) -> None:
    assert acts.redrive("antenne", reason="another", entry_id=None, by="ada").startswith("0 dead letters")
    assert acts.redrive("antenne", reason=HOSTILE, entry_id=None, by="ada").startswith("1 dead letter of antenne")
    with app.database.reading() as connection:
        states = connection.scalars(select(entries.c.state).where(entries.c.verdict == "failed"))
        assert list(states) == ["pending"]
    assert values_on(app, "dead-letters")[-1]["state"] == "redriven"


def test_an_added_feed_is_in_the_catalogue_and_in_the_store(app: Newswire, acts: DeploymentActions) -> None:
    assert acts.add_feed(NEW, by="ada") == "neuf/main is in the catalogue"
    assert acts.outlet_name("neuf") == "Neuf"
    assert app.feeds.states(["neuf/main"])


def test_an_invalid_feed_is_refused_and_the_catalogue_stays_unchanged(app: Newswire, acts: DeploymentActions) -> None:
    before = app.settings.catalogue.read_text()
    wrong = NewFeed(outlet_id="Nicht Gut", feed="main", url="file:///etc/passwd", country="FR", language="fr")
    with pytest.raises(CatalogueError):
        acts.add_feed(wrong, by="ada")
    assert app.settings.catalogue.read_text() == before


def test_a_read_only_catalogue_is_an_error(app: Newswire, acts: DeploymentActions) -> None:
    obstacle = app.settings.catalogue.with_name("feeds.toml.partial")
    obstacle.mkdir()
    with pytest.raises(CatalogueError, match="part of an image"):
        acts.add_feed(replace(NEW, feed="other", url="http://www.neuf.test/other"), by="ada")
    obstacle.rmdir()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "javascript:alert(1)", ""])
def test_only_http_urls_are_checked(acts: DeploymentActions, url: str) -> None:
    (finding,) = acts.check_feed(url)
    assert not finding.is_fine


def test_an_outlet_outside_the_catalogue_is_named_by_its_id(acts: DeploymentActions) -> None:
    assert acts.outlet_name("long-gone") == "long-gone"
