"""Shards: one task holds a host, and the work is even."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pipeline.domain.model import FeedState
from pipeline.scheduling.shards import Shard, cut_shards

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def feed(outlet: str, number: int) -> FeedState:
    return FeedState(feed_id=f"{outlet}/{number}", outlet_id=outlet, url=f"https://www.{outlet}.test/{number}.rss")


COUNTS = {"a": 60, "b": 30, "c": 30, "d": 10}
FEEDS = [feed(outlet, number) for outlet, count in COUNTS.items() for number in range(count)]
QUIET = [feed.with_fields(last_success_at=NOW, last_new_entry_at=NOW - timedelta(days=1)) for feed in FEEDS]


def test_feeds_of_a_domain_stay_together() -> None:
    for shard in cut_shards(FEEDS, shards=3):
        outlets = {feed_id.split("/")[0] for feed_id in shard.feed_ids}
        for outlet in outlets:
            assert {f.feed_id for f in FEEDS if f.outlet_id == outlet} <= set(shard.feed_ids)


def test_every_feed_is_in_one_shard() -> None:
    dealt = [feed_id for shard in cut_shards(FEEDS, shards=3) for feed_id in shard.feed_ids]
    assert sorted(dealt) == sorted(f.feed_id for f in FEEDS)


def test_shards_have_about_equal_sizes() -> None:
    assert sorted(len(shard.feed_ids) for shard in cut_shards(FEEDS, shards=2)) == [60, 70]


def test_there_are_no_more_shards_than_domains() -> None:
    assert len(cut_shards(FEEDS, shards=16)) == 4
    assert cut_shards([], shards=4) == ()


def test_few_expected_entries_make_one_shard() -> None:
    assert len(cut_shards(QUIET, shards=4)) == 1
    assert len(cut_shards(QUIET * 24, shards=4)) == 2  # 3,120 feeds
    busy = [feed.with_fields(last_new_entry_at=NOW - timedelta(minutes=5)) for feed in QUIET]
    assert len(cut_shards(busy, shards=4)) == 4
    assert len(cut_shards([*busy[:2], *QUIET], shards=4)) == 1


def test_shard_survives_json() -> None:
    (shard,) = cut_shards(FEEDS, shards=1)
    assert Shard.from_json(shard.to_json()) == shard
    assert shard.name == "a, b, c +1"
