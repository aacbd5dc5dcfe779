"""Switches that leave single rules out, so that an ablation can measure what each rule earns.

In production nothing is switched off. Only tests/evaluation/ablation.py calls `switched_off`.
Names: a step, `phrases KIND`, `lines KIND LANGUAGE`, `markup KIND`. Tested by tests/extraction/test_evaluation.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["OFF", "is_on", "switched_off"]

OFF = ContextVar("OFF", default=frozenset[str]())  # names of the rules that are switched off


def is_on(name: str) -> bool:
    """Whether a rule applies."""
    return name not in OFF.get()


@contextmanager
def switched_off(*names: str) -> Iterator[None]:
    """Leave these rules out within the block."""
    before = OFF.set(frozenset(names))
    try:
        yield
    finally:
        OFF.reset(before)
