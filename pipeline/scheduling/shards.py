"""Shards: the due feeds of a run, divided among its tasks.

Divided by host, so that one task holds a host at a time. There are no more shards than task slots, nor than the work
justifies: starting a task costs a CPU second or more, an unchanged feed a thousandth of one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import Any, Self

from pipeline.domain.model import FeedState
from pipeline.identity.urls import registrable_domain

# CPU milliseconds measured on real pages and feeds: a poll without new entries, and one with an entry or two.
QUIET_MS = 1
BUSY_MS = 150
WORTH_A_TASK_MS = 3_000  # three times the cost of starting a task
STILL_BUSY = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Shard:
    """Feeds that one task polls. `name` is shown in the grid."""

    name: str
    feed_ids: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON-ready, for XCom."""
        return {"name": self.name, "feed_ids": list(self.feed_ids)}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(name=value["name"], feed_ids=tuple(value["feed_ids"]))


def cut_shards(due: Sequence[FeedState], *, shards: int) -> tuple[Shard, ...]:
    """At most `shards` shards of about equal size; the feeds of one registrable domain stay together.

    A run with few expected entries gets fewer: 1,000 quiet feeds are one task's work.
    """
    by_domain: defaultdict[str, list[FeedState]] = defaultdict(list)
    for feed in due:
        by_domain[registrable_domain(feed.url)].append(feed)
    worth = ceil(sum(map(expected_ms, due)) / WORTH_A_TASK_MS)
    bins: list[list[FeedState]] = [[] for _ in range(min(shards, len(by_domain), worth))]
    # Largest domains first, each into the emptiest bin: close to the best packing, and stable from run to run.
    for _domain, feeds in sorted(by_domain.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        min(bins, key=len).extend(feeds)
    return tuple(Shard(_name_shard(feeds), tuple(feed.feed_id for feed in feeds)) for feeds in bins)


def expected_ms(feed: FeedState) -> int:
    """Expected CPU time of a feed: high when it is new or had a new entry within the hour."""
    if feed.health.last_success_at is None:
        return BUSY_MS
    newest = feed.health.last_new_entry_at
    return BUSY_MS if newest is not None and feed.health.last_success_at - newest < STILL_BUSY else QUIET_MS


def _name_shard(feeds: Sequence[FeedState]) -> str:
    """Name a shard by its largest outlets and the number of the others."""
    outlets = [outlet for outlet, _count in Counter(feed.outlet_id for feed in feeds).most_common()]
    more = f" +{len(outlets) - 3}" if len(outlets) > 3 else ""
    return ", ".join(outlets[:3]) + more
