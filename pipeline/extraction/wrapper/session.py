"""Wrapper learning during a run: loads each outlet's wrapper, collects observations, learns in small batches, stores.

The wrapper itself is pipeline/extraction/wrapper/wrapper.py. When two processes learn for one outlet, the later version
stays. The other's observations are lost, which costs little: a wrapper needs only a few pages.
Tested by tests/ingest/test_revisit.py and tests/ingest/test_replay.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime

from pipeline.domain.ports import StoreCall, WrapperStore
from pipeline.extraction.values import Observation
from pipeline.extraction.wrapper.wrapper import Wrapper, learn

# Pages between two updates: a wrapper is of use from about five pages on, and an update costs a write.
BATCH = 5

OnLearnt = Callable[[str, Wrapper, int], None]  # outlet id, wrapper, pages


@dataclass(slots=True, kw_only=True)
class WrapperSession:
    """Wrappers and new observations of one run, by outlet.

    A frozen session learns nothing: revisits and replays read pages that were learnt from before. A page seen often
    would make its own text look like what the outlet repeats, and a replay depend on its own order.
    """

    store: WrapperStore
    in_store: StoreCall
    clock: Callable[[], datetime]
    is_frozen: bool = False
    on_learnt: OnLearnt = lambda _outlet_id, _wrapper, _pages: None
    wrappers: dict[str, Wrapper | None] = field(default_factory=dict)
    observations: dict[str, list[Observation]] = field(default_factory=dict)

    def fresh(self, *, is_frozen: bool = False) -> WrapperSession:
        """Another session on the same store, which loads the wrappers again."""
        return replace(self, is_frozen=is_frozen, wrappers={}, observations={})

    async def wrapper(self, outlet_id: str) -> Wrapper | None:
        """The outlet's wrapper so far."""
        if outlet_id not in self.wrappers:
            kept = await self.in_store(self.store.load_wrapper, outlet_id)
            self.wrappers.setdefault(outlet_id, Wrapper.from_json(kept) if kept else None)
        return self.wrappers[outlet_id]

    async def observe(self, outlet_id: str, observation: Observation) -> None:
        """Add a page's observation; learn when there are enough new ones."""
        if self.is_frozen:
            return
        batch = self.observations.setdefault(outlet_id, [])
        batch.append(observation)
        if len(batch) >= BATCH:
            await self.learn(outlet_id)

    async def learn(self, outlet_id: str) -> None:
        """Update the outlet's wrapper with the collected observations, and store it."""
        batch = self.observations.pop(outlet_id, [])
        if not batch:
            return
        learnt = learn(self.wrappers.get(outlet_id), batch)
        self.wrappers[outlet_id] = learnt
        await self.in_store(
            self.store.save_wrapper, outlet_id, learnt.to_json(), version=learnt.version, now=self.clock()
        )
        self.on_learnt(outlet_id, learnt, len(batch))

    async def finish(self) -> None:
        """Learn from the remaining observations at the end of the run."""
        for outlet_id in list(self.observations):
            await self.learn(outlet_id)
