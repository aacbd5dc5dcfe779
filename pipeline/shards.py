"""Shards: how the due feeds of a run are dealt to its tasks.

Cut by host, so that one task holds a host at a time; about as many as there are task slots, because a task costs
Airflow far more than a feed (400 feeds: 4 tasks 2.2 CPU s, 100 tasks 41 CPU s; airflow 3.3.2, measured).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

from pipeline.model import FeedState
from pipeline.urls import registrable_domain


@dataclass(frozen=True, slots=True)
class Shard:
    """Feeds that one task polls. `name` is what the operator reads in the grid."""

    name: str
    feed_ids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, for XCom."""
        return {"name": self.name, "feed_ids": list(self.feed_ids)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(name=value["name"], feed_ids=tuple(value["feed_ids"]))


def cut_shards(due: Sequence[FeedState], *, shards: int) -> tuple[Shard, ...]:
    """At most `shards` shards of about equal size; the feeds of one registrable domain stay together."""
    by_domain: defaultdict[str, list[FeedState]] = defaultdict(list)
    for feed in due:
        by_domain[registrable_domain(feed.url)].append(feed)
    bins: list[list[FeedState]] = [[] for _ in range(min(shards, len(by_domain)))]
    # Largest domains first into the emptiest bin: near enough to the best packing, and stable from run to run.
    for _domain, feeds in sorted(by_domain.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        min(bins, key=len).extend(feeds)
    return tuple(Shard(name_shard(feeds), tuple(feed.feed_id for feed in feeds)) for feeds in bins)


def name_shard(feeds: Sequence[FeedState]) -> str:
    """Its largest outlets, and how many more."""
    outlets = [outlet for outlet, _count in Counter(feed.outlet_id for feed in feeds).most_common()]
    more = f" +{len(outlets) - 3}" if len(outlets) > 3 else ""
    return ", ".join(outlets[:3]) + more
