"""Feeds that move, end, lie or turn into something else: what becomes of them, over days, in a whole deployment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from pipeline.domain.model import FeedStatus, Topic, Validators
from tests.hostile.stage import FEED_URL, Scene, a_feed, a_scene, line
from tests.newsroom.replies import Reply

NEW_URL = "http://www.scene.test/nouveau.xml"
HOURS = timedelta(hours=1)


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with a_scene(tmp_path) as opened:
        yield opened


def last_status(scene: Scene) -> dict[str, object]:
    value: dict[str, object] = json.loads(scene.told(Topic.FEEDS)[-1])
    return value


@pytest.mark.parametrize("status", [301, 308])
def test_a_permanent_redirect_is_adopted_once_a_day_of_polls_confirmed_it(scene: Scene, status: int) -> None:
    scene.stage.plays |= {FEED_URL: Reply(status, headers={"Location": NEW_URL}), NEW_URL: a_feed(line("Un"))}
    for _ in range(4):
        scene.poll(after=5 * HOURS, force=True)
    assert (scene.state.url, scene.state.move.moved_count) == (FEED_URL, 4)
    scene.poll(after=1 * HOURS, force=True)
    assert scene.state.url == FEED_URL  # often enough, but sixteen hours are no day
    scene.poll(after=10 * HOURS, force=True)
    assert (scene.state.url, scene.state.health.status) == (NEW_URL, FeedStatus.MOVED)
    assert (last_status(scene)["url"], last_status(scene)["status"]) == (NEW_URL, "moved")
    asked_before = scene.stage.hits[FEED_URL]
    scene.poll(after=5 * HOURS, force=True)
    assert scene.stage.hits[FEED_URL] == asked_before
    assert list(scene.verdicts()) == ["Un"]


@pytest.mark.parametrize("status", [302, 303, 307])
def test_a_temporary_redirect_is_never_adopted(scene: Scene, status: int) -> None:
    scene.stage.plays |= {FEED_URL: Reply(status, headers={"Location": NEW_URL}), NEW_URL: a_feed(line("Un"))}
    for _ in range(8):
        scene.poll(after=9 * HOURS, force=True)
    assert (scene.state.url, scene.state.move.moved_count) == (FEED_URL, 0)
    assert scene.stage.hits[FEED_URL] == 8


def test_feed_gone_for_days_is_no_longer_polled(scene: Scene) -> None:
    scene.stage.plays[FEED_URL] = Reply(410, b"Ce flux n'existe plus.", "text/plain")
    polls = 0
    while scene.state.health.status is not FeedStatus.GONE:
        scene.when_due()
        polls += 1
        assert polls < 50
    assert polls >= 3
    assert scene.clock[0] - scene_start(scene) >= timedelta(days=2)
    asked = scene.stage.hits[FEED_URL]
    scene.poll(after=timedelta(days=30))
    assert scene.stage.hits[FEED_URL] == asked
    assert (last_status(scene)["status"], scene.state.health.status_reason) == ("gone", f"410 {asked} times")


def scene_start(scene: Scene) -> object:
    assert scene.state.health.gone_since is not None
    return scene.state.health.gone_since


def test_missing_feed_is_polled_daily_for_ever(scene: Scene) -> None:
    scene.stage.plays[FEED_URL] = Reply(404, b"nothing here", "text/plain")
    for _ in range(14):
        scene.when_due()
    assert scene.stage.hits[FEED_URL] == 14
    assert scene.state.health.status is FeedStatus.FAILING
    assert scene.state.schedule.next_poll_at is not None
    assert scene.state.schedule.next_poll_at - scene.clock[0] <= timedelta(days=1)


def test_false_304_is_detected_and_the_feed_fetched_in_full(scene: Scene) -> None:
    shown: list[str] = []
    polls = 0
    while not scene.state.cache.validators_lie:
        shown.append(line(f"Brève {polls}", at=scene.clock[0]))
        scene.stage.plays[FEED_URL] = a_feed(*shown, etag='"toujours-la-meme"')
        scene.poll(after=4 * HOURS, force=True)
        polls += 1
        assert polls < 20, "never found out in three days"
    assert {served.status for served in scene.stage.requests if served.path == "/fil.xml"} == {200, 304}
    assert scene.state.cache.validators == Validators()
    assert len(scene.verdicts()) == polls  # what was hidden came in full
    assert last_status(scene)["validators_lie"] is True
    assert "validators lie" in (scene.state.health.status_reason or "")
    scene.stage.reset_requests()
    scene.poll(after=4 * HOURS, force=True)
    assert [served.status for served in scene.stage.requests if served.path == "/fil.xml"] == [200]


def test_a_page_in_a_feeds_place_is_no_feed_and_names_the_feeds_it_links_to(scene: Scene) -> None:
    page = (
        f"<html><head><link rel=alternate type=application/rss+xml href={NEW_URL}></head><body>Nos flux</body></html>"
    )
    scene.stage.plays[FEED_URL] = Reply(body=page.encode())
    report = scene.poll()
    assert dict(report.outlets["scene"].polls) == {"not_a_feed": 1}
    assert scene.state.health.status is FeedStatus.FAILING
    assert scene.state.health.status_reason == f"not_a_feed (the page names these feeds: {NEW_URL})"
    assert last_status(scene)["reason"] == scene.state.health.status_reason


def test_a_feed_that_rolled_over_between_two_polls_counts_a_possible_gap_and_is_asked_sooner(scene: Scene) -> None:
    scene.stage.plays[FEED_URL] = a_feed(*(line(f"Matin {n}", at=scene.clock[0]) for n in range(10)))
    scene.poll()
    before = scene.state.schedule.interval_s
    scene.stage.plays[FEED_URL] = a_feed(*(line(f"Soir {n}", at=scene.clock[0]) for n in range(10)))
    scene.poll(after=HOURS)
    assert (scene.state.health.possible_gaps, scene.state.schedule.interval_s) == (1, before // 2)


def test_operator_interval_overrides_learnt_and_requested_ones(scene: Scene) -> None:
    slow = Reply(body=a_feed(line("Un")).body, content_type="text/xml", headers={"Cache-Control": "max-age=7200"})
    scene.stage.plays[FEED_URL] = slow
    scene.poll()
    assert scene.state.schedule.next_poll_at is not None
    assert scene.state.schedule.next_poll_at - scene.clock[0] >= 2 * HOURS
    scene.app.feeds.override([scene.state.feed_id], interval_s=30)
    scene.when_due()
    assert scene.state.schedule.next_poll_at - scene.clock[0] <= timedelta(seconds=33)
    scene.app.feeds.override([scene.state.feed_id], interval_s=None)
    scene.when_due()
    assert scene.state.schedule.next_poll_at - scene.clock[0] >= 2 * HOURS


def test_paused_feed_is_not_polled_until_resumed(scene: Scene) -> None:
    scene.stage.plays[FEED_URL] = a_feed(line("Un"))
    scene.poll()
    scene.app.feeds.pause([scene.state.feed_id], reason="asked by the outlet")
    scene.poll(after=48 * HOURS)
    assert (scene.stage.hits[FEED_URL], scene.state.health.status) == (1, FeedStatus.PAUSED)
    scene.app.feeds.go_on([scene.state.feed_id])
    scene.poll()
    assert scene.stage.hits[FEED_URL] == 2
    assert scene.state.health.status is not FeedStatus.PAUSED


def numbered(slug: str, count: int = 10) -> str:
    entries = (line(f"{slug} {n}", link=f"http://www.scene.test/{slug}-{n}_{6433600 + n}.html") for n in range(count))
    return "".join(entries)


def test_article_numbers_are_learnt_from_the_first_feed_kept_and_make_moved_articles_the_same(scene: Scene) -> None:
    scene.stage.plays[FEED_URL] = a_feed(numbered("ville"))
    scene.poll()
    assert len(scene.verdicts()) == 10
    assert scene.app.feeds.number_rules().keys() == {"scene"}
    del scene.app.outlets_by_id  # as the next run's process begins: from the catalogue and the store
    scene.stage.plays[FEED_URL] = a_feed(numbered("region"))  # other slugs and headlines, the same numbers
    report = scene.poll(after=HOURS)
    assert scene.state.health.possible_gaps == 0
    assert report.outlets["scene"].entries == 10
    assert set(scene.verdicts()) == {f"region {n}" for n in range(10)}


def test_an_outlet_without_article_numbers_is_asked_about_them_once(scene: Scene) -> None:
    scene.stage.plays[FEED_URL] = a_feed(
        *(line(f"Brève {n}", link=f"http://www.scene.test/breve/{n}") for n in range(9))
    )
    scene.poll()
    assert scene.app.feeds.number_rules() == {}
    scene.stage.plays[FEED_URL] = a_feed(numbered("ville", 20))
    scene.poll(after=HOURS)
    assert scene.app.feeds.number_rules() == {}
    assert scene.app.feeds.set_number_rule_once("scene", "(9)", now=scene.clock[0]) is None
