"""`newswire redrive`: make dead letters pending again, for the next run; a dry run only lists them."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.store.dead_letters import DeadLetterStore
from pipeline.app.runs import Newswire
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice, redriven_message

BATCH = 500  # entries in one transaction, which other writers wait for


@dataclass(frozen=True, slots=True)
class Redrive:
    """The dead letters of a choice, and how many became pending again (0 in a dry run)."""

    dead: tuple[DeadEntry, ...]
    redriven: int
    unknown: int = 0  # of outlets that are not in the catalogue any more: skipped

    def to_json(self) -> dict[str, int]:
        """Small and JSON-ready, for XCom."""
        return {"dead_letters": len(self.dead), "redriven": self.redriven, "unknown_outlet": self.unknown}


def redrive(newswire: Newswire, choice: RedriveChoice, *, dry_run: bool) -> Redrive:
    """Find the dead letters of a choice and, unless it is a dry run, make their entries pending again."""
    store = DeadLetterStore(newswire.database, lanes=newswire.settings.delivery.lanes)
    found = store.find(choice)
    dead = tuple(each for each in found if each.entry.outlet_id in newswire.outlets_by_id)
    unknown = len(found) - len(dead)
    if dry_run:
        return Redrive(dead, 0, unknown)
    at, done = newswire.clock(), 0
    for start in range(0, len(dead), BATCH):
        some = dead[start : start + BATCH]
        letters = [redriven_message(each, newswire.outlets_by_id[each.entry.outlet_id], now=at) for each in some]
        done += store.redrive(some, letters, now=at)
    return Redrive(dead, done, unknown)
