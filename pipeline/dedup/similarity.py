"""Text similarity: containment and Jaccard index, estimated from sketches.

Promises unbiased estimates: two bottom-k sketches are compared below the smaller of their cut-offs, where both are
complete. Containment, not Jaccard, finds syndication: a cut or an expanded copy is contained, but not similar.

Tested by tests/dedup/test_fingerprint.py.
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
        """The larger share: most of one text is in the other."""
        return max(self.containment_a, self.containment_b)

    @property
    def smaller(self) -> float:
        """The smaller share: the part of the longer text that is shared."""
        return min(self.containment_a, self.containment_b)


NOTHING_SHARED = Similarity(0.0, 0.0, 0.0)


def overlap(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """Share of the smaller set that is in the other; 0 when either is empty."""
    smaller = min(len(a), len(b))
    return len(set(a) & set(b)) / smaller if smaller else 0.0


@dataclass(frozen=True, slots=True)
class CommonCount:
    """Number of values that two lists share, and the length of the shorter one."""

    shared: int
    of_fewer: int


def count_common(a: Sequence[Value], b: Sequence[Value], *, kept: int) -> CommonCount:
    """Count shared values of two ascending lists, where both are complete: a list of `kept` values may be cut."""
    end = min((values[-1] for values in (a, b) if len(values) >= kept), default=None)
    ours, theirs = ({value for value in values if end is None or value <= end} for values in (a, b))
    return CommonCount(len(ours & theirs), min(len(ours), len(theirs)))
