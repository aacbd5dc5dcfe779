"""The report of a run: every entry seen, counted once under its verdict.

Logs, metrics, Airflow summaries and the desk are views of it. `imbalance()` checks at run time that none was lost:
entries seen and carried over = entries settled and still pending, outlet by outlet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from pipeline.domain.model import Verdict

LATE = "late"  # how the fault of a run begins that was not over in time
AUDIT = "audit "  # how the id begins under which an audit is kept beside the runs


@dataclass(slots=True, kw_only=True)
class OutletTally:
    """One outlet's share of a run."""

    entries: int = 0  # seen in its feeds, or carried over from earlier runs
    pending: int = 0  # not settled yet: tried again later
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # of rejected, failed and pending ones
    polls: Counter[str] = field(default_factory=Counter)  # by outcome: not_modified, same_body, parsed, or an error
    revisits: Counter[str] = field(default_factory=Counter)  # of known articles, by what they brought; no entries
    seconds: float = 0.0  # of work on the outlet's feeds and pages; those done side by side add up

    @property
    def settled(self) -> int:
        """Entries that ended in a verdict."""
        return sum(self.verdicts.values())

    def to_json(self) -> dict[str, Any]:
        """Small and JSON-ready, for XCom and the store."""
        return {
            "entries": self.entries,
            "pending": self.pending,
            "verdicts": dict(self.verdicts),
            "reasons": dict(self.reasons),
            "polls": dict(self.polls),
            "revisits": dict(self.revisits),
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(
            entries=value["entries"],
            pending=value["pending"],
            verdicts=Counter(value["verdicts"]),
            reasons=Counter(value["reasons"]),
            polls=Counter(value["polls"]),
            revisits=Counter(value.get("revisits", {})),
            seconds=value["seconds"],
        )

    def add(self, other: OutletTally) -> None:
        """Count another run's or shard's share in."""
        self.entries += other.entries
        self.pending += other.pending
        self.verdicts.update(other.verdicts)
        self.reasons.update(other.reasons)
        self.polls.update(other.polls)
        self.revisits.update(other.revisits)
        self.seconds += other.seconds


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did. Grows while the run goes on; `to_json` is what is kept of it."""

    outlets: dict[str, OutletTally] = field(default_factory=dict)
    delivered: Counter[str] = field(default_factory=Counter)  # messages by topic
    undelivered: int = 0  # messages still in the outbox at the end
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)  # what makes a run red: lost, unbalanced, not published

    def outlet(self, outlet_id: str) -> OutletTally:
        """The outlet's tally, begun on first use."""
        return self.outlets.setdefault(outlet_id, OutletTally())

    def saw(self, outlet_id: str, entries: int) -> None:
        """Entries came to this run: shown by a feed, or carried over."""
        self.outlet(outlet_id).entries += entries

    def settle(self, outlet_id: str, verdict: Verdict, reason: str = "", *, count: int = 1) -> None:
        """Entries ended in a verdict."""
        tally = self.outlet(outlet_id)
        tally.verdicts[verdict.value] += count
        if reason and verdict in (Verdict.REJECTED, Verdict.FAILED):
            tally.reasons[f"{verdict.value}:{reason}"] += count

    def defer(self, outlet_id: str, reason: str) -> None:
        """An entry stays pending: it will be tried again."""
        tally = self.outlet(outlet_id)
        tally.pending += 1
        tally.reasons[f"pending:{reason}"] += 1

    def polled(self, outlet_id: str, outcome: str) -> None:
        """A feed was polled with this outcome."""
        self.outlet(outlet_id).polls[outcome] += 1

    def revisited(self, outlet_id: str, said: str) -> None:
        """A known article was looked at again, with this result."""
        self.outlet(outlet_id).revisits[said] += 1

    @contextmanager
    def stopwatch(self, outlet_id: str, clock: Callable[[], float]) -> Iterator[None]:
        """Add the seconds that a block took to the outlet; side by side ones add up."""
        began = clock()
        try:
            yield
        finally:
            self.outlet(outlet_id).seconds += clock() - began

    def total(self, verdict: Verdict) -> int:
        """Entries of all outlets that ended in this verdict."""
        return sum(tally.verdicts[verdict.value] for tally in self.outlets.values())

    @property
    def revisits(self) -> Counter[str]:
        """Known articles of all outlets that were looked at again, by result."""
        return sum((tally.revisits for tally in self.outlets.values()), Counter())

    @property
    def entries(self) -> int:
        """Entries of all outlets."""
        return sum(tally.entries for tally in self.outlets.values())

    def imbalance(self) -> tuple[str, ...]:
        """A sentence for each outlet whose verdicts do not add up to its entries; empty when nothing was lost."""
        return tuple(
            f"{outlet}: {tally.entries} entries, but {tally.settled} verdicts and {tally.pending} pending"
            for outlet, tally in sorted(self.outlets.items())
            if tally.entries != tally.settled + tally.pending
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes the run red. An outlet that was merely down is none."""
        return (*self.faults, *self.imbalance())

    def to_json(self) -> dict[str, Any]:
        """Small and JSON-ready, for XCom and the store."""
        return {
            "outlets": {outlet: tally.to_json() for outlet, tally in sorted(self.outlets.items())},
            "delivered": dict(self.delivered),
            "undelivered": self.undelivered,
            "seconds": round(self.seconds, 3),
            "faults": list(self.faults),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """What `to_json` made."""
        return cls(
            outlets={outlet: OutletTally.from_json(tally) for outlet, tally in value["outlets"].items()},
            delivered=Counter(value["delivered"]),
            undelivered=value["undelivered"],
            seconds=value["seconds"],
            faults=list(value["faults"]),
        )

    @classmethod
    def merge(cls, reports: Iterable[Report]) -> Self:
        """One report of several shards: counts add up, seconds are the longest shard's."""
        merged = cls()
        for report in reports:
            for outlet, tally in report.outlets.items():
                merged.outlet(outlet).add(tally)
            merged.delivered.update(report.delivered)
            merged.undelivered = max(merged.undelivered, report.undelivered)
            merged.seconds = max(merged.seconds, report.seconds)
            merged.faults.extend(report.faults)
        return merged
