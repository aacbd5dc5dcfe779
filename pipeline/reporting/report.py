"""The report of a run: every entry is counted once, under its verdict.

Logs, metrics, Airflow's notes and the desk are views of it. `imbalance` checks at run time that no entry was lost:
entries seen and carried over = entries with a verdict and still pending, outlet by outlet.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Any, Self

from pipeline.domain.model import Verdict

MINUTE, HOUR, DAY = 60, 3600, 86_400
LATE = "late"  # how the fault of a run begins that was not over in time
AUDIT = "audit "  # how the id of an audit begins, which is kept beside the runs


@dataclass(slots=True, kw_only=True)
class OutletTally:
    """One outlet's share of a run."""

    entries: int = 0  # seen in its feeds, or carried over from earlier runs
    pending: int = 0  # without a verdict: tried again later
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)  # of rejected, failed and pending entries
    polls: Counter[str] = field(default_factory=Counter)  # by outcome: not_modified, same_body, parsed, or an error
    revisits: Counter[str] = field(default_factory=Counter)  # of known articles, by result; not entries
    seconds: float = 0.0  # of work on the outlet's feeds and pages; parallel work adds up

    @property
    def settled(self) -> int:
        """Entries with a verdict."""
        return self.verdicts.total()

    def to_json(self) -> dict[str, Any]:
        """Small and JSON-ready, for XCom and the store."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        counts = {name: dict(value) for name, value in values.items() if isinstance(value, Counter)}
        return values | counts | {"seconds": round(self.seconds, 3)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """The tally that `to_json` wrote; reports of before revisits have no such count."""
        parts: dict[str, Any] = {name: Counter(v) if isinstance(v, dict) else v for name, v in value.items()}
        return cls(**parts)

    def add(self, other: OutletTally) -> None:
        """Add the counts of another run or shard."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))


@dataclass(slots=True, kw_only=True)
class Report:
    """What a run did. Grows during the run; `to_json` is what is kept of it."""

    outlets: dict[str, OutletTally] = field(default_factory=dict)
    delivered: Counter[str] = field(default_factory=Counter)  # messages by topic
    undelivered: int = 0  # messages still in the outbox at the end
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)  # what makes a run red: lost, unbalanced, not published

    def outlet(self, outlet_id: str) -> OutletTally:
        """The outlet's tally, made on first use."""
        return self.outlets.setdefault(outlet_id, OutletTally())

    def count_entries(self, outlet_id: str, entries: int) -> None:
        """Count entries of this run: seen in a feed, or carried over."""
        self.outlet(outlet_id).entries += entries

    def record_verdict(self, outlet_id: str, verdict: Verdict, reason: str = "", *, count: int = 1) -> None:
        """Count entries with a verdict."""
        tally = self.outlet(outlet_id)
        tally.verdicts[verdict.value] += count
        if reason and verdict in (Verdict.REJECTED, Verdict.FAILED):
            tally.reasons[f"{verdict.value}:{reason}"] += count

    def record_pending(self, outlet_id: str, reason: str) -> None:
        """Count an entry that stays pending."""
        tally = self.outlet(outlet_id)
        tally.pending += 1
        tally.reasons[f"pending:{reason}"] += 1

    def record_poll(self, outlet_id: str, outcome: str) -> None:
        """Count a poll with this outcome."""
        self.outlet(outlet_id).polls[outcome] += 1

    def record_revisit(self, outlet_id: str, result: str) -> None:
        """Count a known article that was fetched again, with this result."""
        self.outlet(outlet_id).revisits[result] += 1

    @contextmanager
    def stopwatch(self, outlet_id: str, clock: Callable[[], float]) -> Iterator[None]:
        """Add the seconds that a block takes to the outlet."""
        began = clock()
        try:
            yield
        finally:
            self.outlet(outlet_id).seconds += clock() - began

    def total(self, verdict: Verdict) -> int:
        """Entries of all outlets with this verdict."""
        return sum(tally.verdicts[verdict.value] for tally in self.outlets.values())

    @property
    def whole(self) -> OutletTally:
        """The sum of all outlets."""
        whole = OutletTally()
        for tally in self.outlets.values():
            whole.add(tally)
        return whole

    def imbalance(self) -> tuple[str, ...]:
        """A sentence for each outlet whose verdicts do not add up to its entries; empty when nothing was lost."""
        return tuple(
            f"{outlet}: {tally.entries} entries, but {tally.settled} verdicts and {tally.pending} pending"
            for outlet, tally in sorted(self.outlets.items())
            if tally.entries != tally.settled + tally.pending
        )

    @property
    def problems(self) -> tuple[str, ...]:
        """What makes the run red; an outlet that was merely down does not."""
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
        """The report that `to_json` wrote."""
        outlets = {outlet: OutletTally.from_json(tally) for outlet, tally in value["outlets"].items()}
        return cls(
            **{**value, "outlets": outlets, "delivered": Counter(value["delivered"]), "faults": [*value["faults"]]}
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


def duration(seconds: float | None) -> str:
    """A duration in at most two units: `45 s`, `12 min`, `3 h 20 min`, `2 d 4 h`."""
    if seconds is None:
        return "–"
    whole = round(seconds)
    if whole < MINUTE:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < HOUR:
        return f"{whole // MINUTE} min"
    large, name, small, small_name = (HOUR, "h", MINUTE, "min") if whole < DAY else (DAY, "d", HOUR, "h")
    rest = whole % large // small
    return f"{whole // large} {name}" + (f" {rest} {small_name}" if rest else "")
