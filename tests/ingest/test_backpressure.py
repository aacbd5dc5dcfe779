"""Above the bound of the outbox, or on a full disk, no feed is polled, and nothing is lost by it."""

from __future__ import annotations

import asyncio

from connectors.archive.warc_archive import WarcArchive
from connectors.store.outbox import append
from pipeline.app.runs import open_run
from pipeline.ingest.context import CHECK_EVERY_S, Backpressure
from pipeline.ingest.poll import ingest
from pipeline.reporting.report import Report
from tests.ingest.test_revisit import Deployment, deployed, make_page
from tests.values import NOW, make_message

__all__ = ["deployed"]


async def test_outbox_is_counted_once_a_second() -> None:
    clock, counts = [0.0], [3, 9, 2]

    async def waiting() -> int:
        return counts.pop(0)

    pressure = Backpressure(waiting, 5, seconds=lambda: clock[0])
    answers = []
    for at in (0.0, 0.5, CHECK_EVERY_S, 1.5, 2 * CHECK_EVERY_S):
        clock[0] = at
        answers.append(await pressure.has_room())
    assert answers == [True, True, False, False, True]


def test_feed_is_skipped_while_the_outbox_is_full_and_due_again_later(deployed: Deployment) -> None:
    deployed.publish("/fait-n1.html", make_page("/fait-n1.html"))
    newswire = deployed.newswire
    newswire.settings = newswire.settings.updated(delivery={"outbox_bound": 5})
    with newswire.database.writing() as connection:
        append(
            connection, [make_message(number) for number in range(5)], lanes=newswire.settings.delivery.lanes, now=NOW
        )
    assert polls(deployed) == {"outbox_full": 1}
    assert deployed.web.answered == []
    newswire.deliver()
    assert polls(deployed) == {"parsed": 1}
    assert newswire.due(newswire.choose([])) == ()


class FullDisk(WarcArchive):
    """An archive on a disk with little left."""

    def free_bytes(self) -> int:
        return 20_000_000


def test_nothing_is_polled_while_the_archive_disk_is_full(deployed: Deployment) -> None:
    deployed.publish("/fait-n1.html", make_page("/fait-n1.html"))
    newswire = deployed.newswire
    newswire.archive = FullDisk(newswire.settings.archive_folder)
    report = newswire.ingest([feed.id for feed in newswire.choose([])])
    assert report.problems == ("20 MB are left for raw pages: nothing was polled",)
    assert deployed.web.answered == []


def polls(deployed: Deployment) -> dict[str, int]:
    """One poll of the feed by a run that is under way already."""
    newswire, report = deployed.newswire, Report()

    async def run() -> None:
        async with open_run(newswire, None, on_fault=report.faults.append) as context:
            await ingest(newswire.due(newswire.choose([])), (), context, report)

    asyncio.run(run())
    return dict(report.outlets["gazette"].polls)
