"""What the pages of this run teach each outlet's wrapper: gathered, learnt from in small lots, kept in the store.

The wrapper itself is pipeline/extraction/wrapper/wrapper.py. Two processes that learn for one outlet at once each keep
a version; the later one stays, and the other's pages are seen again soon enough: a wrapper needs a few pages, not all
of them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.extraction.values import Observation
from pipeline.extraction.wrapper.wrapper import Wrapper, learn

# Pages between two lessons: a wrapper is of use from about five on, and a lesson costs a write.
LOT = 5


@dataclass(slots=True)
class WrapperSession:
    """Wrappers and fresh observations of one run, by outlet."""

    wrappers: dict[str, Wrapper | None] = field(default_factory=dict)
    observations: dict[str, list[Observation]] = field(default_factory=dict)

    async def wrapper(self, outlet_id: str, context: Any) -> Wrapper | None:
        """What is known of the outlet's pages so far."""
        if outlet_id not in self.wrappers:
            kept = await context.in_store(context.articles.load_wrapper, outlet_id)
            self.wrappers.setdefault(outlet_id, Wrapper.from_json(kept) if kept else None)
        return self.wrappers[outlet_id]

    async def observe(self, outlet_id: str, observation: Observation, context: Any) -> None:
        """A page was read; learn when there are enough new ones."""
        lot = self.observations.setdefault(outlet_id, [])
        lot.append(observation)
        if len(lot) >= LOT:
            await self.teach(outlet_id, context)

    async def teach(self, outlet_id: str, context: Any) -> None:
        """Learn from what was gathered for one outlet, and keep it."""
        lot = self.observations.pop(outlet_id, [])
        if not lot:
            return
        learnt = learn(self.wrappers.get(outlet_id), lot)
        self.wrappers[outlet_id] = learnt
        await context.in_store(
            context.articles.save_wrapper, outlet_id, learnt.to_json(), version=learnt.version, now=context.clock()
        )

    async def finish(self, context: Any) -> None:
        """Learn from what is left at the end of the run."""
        for outlet_id in list(self.observations):
            await self.teach(outlet_id, context)


class FrozenWrapperSession(WrapperSession):
    """What the outlets' pages taught, as it was at the start: pages that were learnt from before teach nothing new.

    A page seen often would make its own text look like what the outlet repeats, and a replay depend on its own order.
    """

    async def observe(self, outlet_id: str, observation: Observation, context: Any) -> None:
        """Learn nothing."""
