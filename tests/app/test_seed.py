"""The seed article: the text this project was created from, published exactly, from a broadcaster's page.

The corpus lies beside the project (`../shared/seed`); without it that test says so and the equivalent text of our own,
which the project carries, stands for it.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.app.runs import Newswire
from pipeline.delivery import export_formats
from pipeline.domain.model import Topic
from tests.newsroom import seed_newsroom
from tests.newsroom.seed import undated

ROOT = Path(__file__).parents[2]
SEEDS = sorted((ROOT.parent / "shared" / "seed").glob("*.txt"))
OUR_OWN = Path(__file__).parents[1] / "golden" / "seed.txt"


def publish(text: str, home: Path) -> dict[str, object]:
    """The one message that a newsroom with this one article gives."""
    with seed_newsroom(text) as newsroom:
        home.mkdir(exist_ok=True)
        (home / "feeds.toml").write_text(newsroom.catalogue_toml(), encoding="utf-8")
        environment = {
            "NEWSWIRE_HOME": str(home),
            "NEWSWIRE_CATALOGUE": str(home / "feeds.toml"),
            "NEWSWIRE_NEWSROOM": newsroom.address,
            "NEWSWIRE_HOST_SPACING_S": "0",
            "NEWSWIRE_EXTRACT_PROCESSES": "1",
        }
        with Newswire.from_env(environment) as newswire:
            report = newswire.ingest([feed.feed_id for feed in newswire.feed_states(newswire.choose([]))])
            assert report.problems == ()
            (received,) = newswire.topics.read(Topic.ARTICLES)
    assert received.value is not None
    value: dict[str, object] = json.loads(received.value)
    return value


def assert_published_exactly(text: str, home: Path) -> None:
    value = publish(text, home)
    assert value["text"] == undated(text)
    assert str(value["published"]["time"]).startswith("2022-09-15")  # type: ignore[index]
    assert export_formats.dated_text(value) == text


def test_our_own_text_is_published_exactly(tmp_path: Path) -> None:
    assert_published_exactly(OUR_OWN.read_text("utf-8"), tmp_path / "home")


@pytest.mark.skipif(not SEEDS, reason="../shared/seed is not here: the seed article itself was not tried")
@pytest.mark.parametrize("seed", SEEDS, ids=lambda path: path.stem)
def test_the_seed_article_is_published_exactly(seed: Path, tmp_path: Path) -> None:
    assert_published_exactly(seed.read_text("utf-8"), tmp_path / "home")
