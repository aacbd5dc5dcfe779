"""Shards: one task holds a host, and the work is even."""

from __future__ import annotations

from pipeline.model import FeedState
from pipeline.shards import Shard, cut_shards


def feed(outlet: str, number: int) -> FeedState:
    return FeedState(feed_id=f"{outlet}/{number}", outlet_id=outlet, url=f"https://www.{outlet}.test/{number}.rss")


FEEDS = [feed(outlet, number) for outlet, count in {"a": 6, "b": 3, "c": 3, "d": 1}.items() for number in range(count)]


def test_the_feeds_of_a_host_stay_together() -> None:
    for shard in cut_shards(FEEDS, shards=3):
        outlets = {feed_id.split("/")[0] for feed_id in shard.feed_ids}
        for outlet in outlets:
            assert {f.feed_id for f in FEEDS if f.outlet_id == outlet} <= set(shard.feed_ids)


def test_every_feed_is_in_one_shard() -> None:
    dealt = [feed_id for shard in cut_shards(FEEDS, shards=3) for feed_id in shard.feed_ids]
    assert sorted(dealt) == sorted(f.feed_id for f in FEEDS)


def test_sizes_are_even() -> None:
    assert sorted(len(shard.feed_ids) for shard in cut_shards(FEEDS, shards=2)) == [6, 7]


def test_no_more_shards_than_hosts() -> None:
    assert len(cut_shards(FEEDS, shards=16)) == 4
    assert cut_shards([], shards=4) == ()


def test_json_gives_the_same_shard_back() -> None:
    (shard,) = cut_shards(FEEDS, shards=1)
    assert Shard.from_json(shard.to_json()) == shard
    assert shard.name == "a, b, c +1"
