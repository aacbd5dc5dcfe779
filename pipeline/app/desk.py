"""The desk of a deployment: reads its store, carries out operator actions. Knows nothing of Airflow."""

from __future__ import annotations

import threading
from collections.abc import Mapping

from fastapi import FastAPI

from connectors.desk.ports import AccessControl, Finding, RunStarter
from connectors.desk.web import Desk, create_desk
from connectors.store.articles import DeadLetterStore
from pipeline.app.checks import check_feed
from pipeline.app.deployment import read_catalogue
from pipeline.app.files import edit_catalogue
from pipeline.app.runs import Newswire
from pipeline.catalogue.catalogue import NewFeed, add_feed
from pipeline.delivery.dead_letters import RedriveChoice, redriven_message
from pipeline.delivery.messages import feed_status_message
from pipeline.domain.errors import CatalogueError, NewswireError
from pipeline.domain.model import Outlet
from pipeline.scheduling.operator_actions import FeedAction, apply_action

DONE: Mapping[FeedAction, str] = {
    FeedAction.PAUSE: "is paused",
    FeedAction.RESUME: "is polled again",
    FeedAction.POLL_NOW: "is due",
    FeedAction.RESET: "is due, in full",
    FeedAction.ACCEPT_MOVE: "is due, at its new URL",
}


class UnknownTarget(NewswireError):
    """The target that a form names does not exist."""


class DeploymentActions:
    """Operator actions on an opened deployment; implements `connectors.desk.ports.DeskActions`."""

    def __init__(self, app: Newswire) -> None:
        self.app = app
        self.kept: tuple[int, Mapping[str, Outlet]] = (0, {})
        self.lock = threading.Lock()

    @property
    def outlets(self) -> Mapping[str, Outlet]:
        """The catalogue by id, reloaded when the file changes. Raises CatalogueError."""
        path = self.app.settings.catalogue
        with self.lock:
            changed_ns = path.stat().st_mtime_ns if path.exists() else 0
            if changed_ns != self.kept[0]:
                self.kept = (changed_ns, {outlet.id: outlet for outlet in read_catalogue(path)})
            return self.kept[1]

    def outlet_name(self, outlet_id: str) -> str:
        """The outlet's name in the catalogue; its id when it is missing or the catalogue is faulty."""
        try:
            outlet = self.outlets.get(outlet_id)
        except CatalogueError:
            return outlet_id
        return outlet.name if outlet else outlet_id

    def outlet(self, outlet_id: str) -> Outlet:
        """An outlet of the catalogue. Raises UnknownTarget, CatalogueError."""
        if outlet_id not in self.outlets:
            raise UnknownTarget(f"{outlet_id} is no outlet of the catalogue any more")
        return self.outlets[outlet_id]

    def switch(self, feed_id: str, switch: FeedAction, *, by: str) -> str:
        """Change a feed by hand, and tell of it on news.feeds. Raises NewswireError."""
        found = self.app.feeds.states([feed_id])
        if not found:
            raise UnknownTarget(f"no feed {feed_id} in the store")
        at = self.app.clock()
        state = apply_action(found[0], switch, by=by, now=at)
        outlet = self.outlet(state.outlet_id)
        self.app.feeds.switch(state, (feed_status_message(state, outlet, now=at),), now=at)
        return f"{feed_id} {DONE[switch]}"

    def redrive(self, outlet_id: str, *, reason: str | None, entry_id: int | None, by: str) -> str:  # noqa: ARG002
        """Make dead letters of an outlet pending again. Raises NewswireError."""
        outlet, at = self.outlet(outlet_id), self.app.clock()
        store = DeadLetterStore(self.app.database, lanes=self.app.settings.delivery.lanes)
        dead = [
            each
            for each in store.find(RedriveChoice(outlets=(outlet_id,)))
            if reason in (None, each.reason) and entry_id in (None, each.entry.id)
        ]
        letters = [redriven_message(each, outlet, now=at) for each in dead]
        done = store.redrive(dead, letters, now=at)
        return f"{done} dead letter{'' if done == 1 else 's'} of {outlet_id} redriven"

    def check_feed(self, url: str) -> tuple[Finding, ...]:
        """What a feed looks like, and what would be extracted from its first entries."""
        if not url.startswith(("http://", "https://")):
            return (Finding("A feed's URL begins with http:// or https://", is_fine=False),)
        return tuple(Finding(line.text, line.is_fine) for line in check_feed(url, entries=3, zone="UTC"))

    def add_feed(self, new: NewFeed, *, by: str) -> str:  # noqa: ARG002 - the log names who
        """Add a feed to the catalogue and the store. Raises CatalogueError."""
        here = {"NEWSWIRE_CATALOGUE": str(self.app.settings.catalogue)}
        try:
            edit_catalogue(lambda text: add_feed(text, new), here)
        except OSError as error:
            raise CatalogueError(
                f"{self.app.settings.catalogue}: {error.strerror}; if it is part of an image, add it there"
            ) from error
        outlet = self.outlet(new.outlet_id)
        self.app.feeds.ensure(outlet.feeds, interval_s=self.app.settings.polling.interval_s)
        return f"{new.outlet_id}/{new.feed} is in the catalogue"


def open_desk(door: AccessControl, runs: RunStarter) -> FastAPI:
    """The desk of this process's deployment, as an application to mount. Raises SettingsError, StoreError."""
    app = Newswire.from_env()
    return create_desk(Desk(app.database, DeploymentActions(app), runs, door, app.clock))
