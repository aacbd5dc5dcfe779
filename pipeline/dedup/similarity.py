"""Similarity: how much of one text is found in another, estimated from their sketches.

Promises unbiased estimates: two bottom-k sketches are compared below the smaller of their cut-offs, where both hold
every hash they have. Containment, not Jaccard, finds syndication: a cut or an expanded copy is contained, not alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

Value = TypeVar("Value", int, str)


@dataclass(frozen=True, slots=True)
class Similarity:
    """Shares between 0 and 1: of the first text that is in the second, of the second in the first, and of both."""

    containment_a: float
    containment_b: float
    jaccard: float

    @property
    def containment(self) -> float:
        """The larger of the two: most of one text is in the other."""
        return max(self.containment_a, self.containment_b)

    @property
    def smaller(self) -> float:
        """The smaller of the two: how much of the other text is in this one."""
        return min(self.containment_a, self.containment_b)


NOTHING_SHARED = Similarity(0.0, 0.0, 0.0)


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Share of the smaller set that is in the other; 0 when either is empty."""
    smaller = min(len(a), len(b))
    return len(set(a) & set(b)) / smaller if smaller else 0.0


@dataclass(frozen=True, slots=True)
class Common:
    """How many values two lists share, and how many of each could be."""

    shared: int
    of_fewer: int


def common(a: Sequence[Value], b: Sequence[Value], *, kept: int) -> Common:
    """What two ascending lists share, where both are whole: a list of `kept` values was cut off behind its last."""
    end = min((values[-1] for values in (a, b) if len(values) >= kept), default=None)
    ours, theirs = ({value for value in values if end is None or value <= end} for values in (a, b))
    return Common(len(ours & theirs), min(len(ours), len(theirs)))
