"""Switches that leave single rules out, so that an ablation can measure what each rule earns.

In production nothing is switched off. Names: a step, `phrases KIND`, `lines KIND LANGUAGE`, `markup KIND`.
Tested by tests/extraction/test_evaluation.py.
"""

from __future__ import annotations

from contextvars import ContextVar

OFF = ContextVar("OFF", default=frozenset[str]())  # names of the rules that are switched off


def is_on(name: str) -> bool:
    """Whether a rule applies."""
    return name not in OFF.get()
