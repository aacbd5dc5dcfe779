"""Ports of the desk: the actions that change a deployment, and the start of runs.

Implemented by `pipeline/app/desk.py` and, with Airflow, `connectors/desk/airflow_runs.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.desk.access import DeskUser
from pipeline.catalogue.catalogue import NewFeed
from pipeline.scheduling.operator_actions import FeedAction


@dataclass(frozen=True, slots=True)
class Finding:
    """One result of checking a feed: a sentence, and whether it is good."""

    text: str
    is_fine: bool


class RunStarter(Protocol):
    """Makes sure that a run follows an action."""

    def ensure_run(self, outlet_id: str, *, by: DeskUser) -> str:
        """Start a run for an outlet if the user may and it is needed; a sentence that says when it is processed."""
        ...


class DeskActions(Protocol):
    """Every action returns a sentence that says what was done. Raises NewswireError."""

    def outlet_name(self, outlet_id: str) -> str:
        """The outlet's name in the catalogue; its id when the catalogue has it no longer."""
        ...

    def switch(self, feed_id: str, switch: FeedAction, *, by: str) -> str:
        """Apply an operator action to a feed."""
        ...

    def redrive(self, outlet_id: str, *, reason: str | None, entry_id: int | None, by: str) -> str:
        """Make dead letters of an outlet pending again: those with a cause, one entry, or all."""
        ...

    def check_feed(self, url: str) -> tuple[Finding, ...]:
        """Describe a feed and what extraction gives for its entries. Writes nothing."""
        ...

    def add_feed(self, new: NewFeed, *, by: str) -> str:
        """Add a feed to the catalogue."""
        ...
