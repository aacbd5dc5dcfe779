"""Switches that leave single rules out, so that an ablation can measure what each rule earns.

In production nothing is switched off. Only tests/evaluation/ablation.py calls `switched_off`.
Names: a step, `phrases KIND`, `lines KIND LANGUAGE`, `markup KIND`. Tested by tests/extraction/test_evaluation.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["is_on", "off", "switched_off"]

_off: frozenset[str] = frozenset()


def off() -> frozenset[str]:
    """Names of the rules that are switched off."""
    return _off


def is_on(name: str) -> bool:
    """Whether a rule applies."""
    return name not in _off


@contextmanager
def switched_off(*names: str) -> Iterator[None]:
    """Leave these rules out within the block."""
    global _off  # noqa: PLW0603 - one process-wide switch: threads do not measure rules at the same time
    before, _off = _off, frozenset(names)
    try:
        yield
    finally:
        _off = before
