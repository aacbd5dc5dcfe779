"""What the desk asks of the deployment beyond reading the store. Implemented by `pipeline/app/desk.py`.

That a run takes up what was done is asked of Airflow (airflow_runs.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from connectors.desk.access import DeskUser
from pipeline.catalogue.catalogue import NewFeed
from pipeline.scheduling.operator_actions import Switch


@dataclass(frozen=True, slots=True)
class Finding:
    """A line of a check: a sentence, and whether it is as it should be."""

    text: str
    is_fine: bool


class Runs(Protocol):
    """Sees to it that an act is followed by a run."""

    def ensure_run(self, outlet_id: str, *, by: DeskUser) -> str:
        """Begin a run for an outlet, if the visitor may and it is needed; a sentence of when it is taken up."""
        ...


class DeskActions(Protocol):
    """Each act gives a sentence that says what was done. They raise NewswireError with what is wrong."""

    def outlet_name(self, outlet_id: str) -> str:
        """The outlet's name in the catalogue; its id when it is not there any more."""
        ...

    def switch(self, feed_id: str, switch: Switch, *, by: str) -> str:
        """Change a feed by hand."""
        ...

    def redrive(self, outlet_id: str, *, reason: str | None, entry_id: int | None, by: str) -> str:
        """Make dead letters of an outlet pending again: those of a cause, or one entry; else all."""
        ...

    def check_feed(self, url: str) -> tuple[Finding, ...]:
        """What a feed looks like, and what would be extracted from it. Writes nothing."""
        ...

    def add_feed(self, new: NewFeed, *, by: str) -> str:
        """Add a feed to the catalogue."""
        ...
