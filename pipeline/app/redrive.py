"""Redrive: dead letters back to where the next run takes them up. Shown first, done only when told to."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.store.dead_letters import DeadLetterStore
from pipeline.app.runs import Newswire
from pipeline.delivery.dead_letters import DeadEntry, RedriveChoice, redriven_message

AT_ONCE = 500  # entries in one transaction


@dataclass(frozen=True, slots=True)
class Redrive:
    """What a choice means, and how many of it were made pending again (none in a dry run)."""

    dead: tuple[DeadEntry, ...]
    redriven: int
    unknown: int = 0  # of outlets that are not in the catalogue any more: left alone

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
    for start in range(0, len(dead), AT_ONCE):
        some = dead[start : start + AT_ONCE]
        letters = [redriven_message(each, newswire.outlets_by_id[each.entry.outlet_id], now=at) for each in some]
        done += store.redrive(some, letters, now=at)
    return Redrive(dead, done, unknown)
