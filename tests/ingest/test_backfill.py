"""News of the past from sitemaps and WARC files: all of it once, going on where it was, behind live news."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import select, update
from warcio.statusandheaders import StatusAndHeaders
from warcio.warcwriter import WARCWriter

from connectors.http.rate_limit import RateLimiter
from connectors.store.database import Database
from connectors.store.entry_diff import entry_from_json, entry_to_json
from connectors.store.host_slots import StoredPacer
from connectors.store.schema import entries
from pipeline.app.backfill import Backfill
from pipeline.app.deployment import now
from pipeline.app.runs import Newswire
from pipeline.domain.errors import CatalogueError, SettingsError
from pipeline.domain.model import Entry, Topic, Verdict
from pipeline.domain.settings import Settings
from pipeline.ingest.backfill import Share, throttled_settings
from pipeline.reporting.report import Report
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS

BROADCASTER = next(outlet for outlet in OUTLETS if outlet.id == "antenne-info")
DAYS = {"since": "2026-03-01", "until": "2026-03-02"}
OF_THE_DAY = [
    a for a in BROADCASTER.articles if a.first_act == 1 and f"{a.versions[0].published:%Y-%m-%d}" == "2026-03-01"
]


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(slow_s=0.02) as newsroom:
        yield newsroom


def deployment(newsroom: Newsroom, home: Path) -> Backfill:
    """Backfills of a deployment that reads the sample newsroom."""
    catalogue = home / "feeds.toml"
    catalogue.write_text(newsroom.catalogue_toml(), encoding="utf-8")
    settings = Settings(home=home, catalogue=catalogue).updated(
        testing={"newsroom": newsroom.address}, http={"host_spacing_s": 0}
    )
    past = Backfill(Newswire(throttled_settings(settings)))
    past.app.database.upgrade()
    return past


@pytest.fixture
def past(newsroom: Newsroom, tmp_path: Path) -> Iterator[Backfill]:
    """Nothing is known yet."""
    with deployment(newsroom, tmp_path) as past:
        newsroom.reset_requests()
        yield past


@pytest.fixture(scope="module")
def filled(newsroom: Newsroom, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Backfill]:
    """The day of two outlets is filled."""
    with deployment(newsroom, tmp_path_factory.mktemp("filled")) as past:
        for share in past.plan(outlets=["antenne-info", "le-meridien"], **DAYS):
            done = past.fill(share)
            assert (done.is_finished, done.report.problems) == (True, ())
        yield past


def published(past: Backfill) -> list[str]:
    """The URLs of the articles on the topic."""
    return [received.headers["ce_subject"] for received in past.app.topics.read(Topic.ARTICLES)]


def fill(past: Backfill, **options: object) -> Report:
    (share,) = past.plan(**options)  # type: ignore[arg-type]
    filled = past.fill(share)
    assert filled.is_finished
    assert filled.report.problems == ()
    return filled.report


def test_backfill_publishes_each_article_of_the_days_once_and_no_other(filled: Backfill) -> None:
    ours = [url for url in published(filled) if "antenne-info" in url]
    assert sorted(ours) == sorted(BROADCASTER.url(article) for article in OF_THE_DAY)
    assert len(ours) > 3


def test_sitemap_without_dates_is_dated_by_its_urls(filled: Backfill) -> None:
    assert {"/2026/03/01/" in url for url in published(filled) if "lemeridien" in url} == {True}


def test_articles_of_live_feeds_are_not_published_again(past: Backfill) -> None:
    states = past.app.feed_states(past.app.choose(["antenne-info"]))
    live = past.app.ingest([state.feed_id for state in states])
    before = published(past)
    assert len(before) == live.total(Verdict.NEW) > 0
    report = fill(past, outlets=["antenne-info"], **DAYS)
    assert len(published(past)) == len(before) + report.total(Verdict.NEW)
    assert len(published(past)) == len(set(published(past)))
    assert report.total(Verdict.DUPLICATE) > 0


def test_finished_sitemap_is_fetched_again_only_with_the_option(filled: Backfill, newsroom: Newsroom) -> None:
    (share,) = filled.plan(outlets=["antenne-info"], **DAYS)
    newsroom.reset_requests()
    filled.fill(share)
    assert [served.path for served in newsroom.requests] == ["/robots.txt", "/sitemap_index.xml"]
    filled.plan(outlets=["antenne-info"], again=True, **DAYS)
    assert not filled.progress.is_done(share, "http://www.antenne-info.test/sitemaps/2026-03-01.xml")
    filled.progress.end(share)


def test_backfill_stops_at_its_deadline_and_resumes_completely(past: Backfill) -> None:
    (share,) = past.plan(outlets=["antenne-info"], **DAYS)
    stopped = past.fill(share, deadline_s=1e-6)
    assert not stopped.is_finished
    assert published(past) == []
    assert past.plan() == (share,)
    assert past.fill(share).is_finished
    assert len(published(past)) == len(OF_THE_DAY)
    assert past.plan() == ()


def test_pending_entries_of_an_interrupted_backfill_are_settled_later(filled: Backfill) -> None:
    with filled.app.database.writing() as connection:
        row = connection.execute(select(entries).limit(1)).one()
        connection.execute(update(entries).where(entries.c.id == row.id).values(state="pending"))
    (left,) = filled.plan()
    assert left.outlets == (row.outlet_id,)
    done = filled.fill(left)
    assert (done.report.whole.entries, done.report.problems) == (1, ())
    assert filled.plan() == ()


def test_live_feed_takes_over_pending_entries_of_a_backfill(filled: Backfill) -> None:
    ours = entries.c.outlet_id == "antenne-info"
    with filled.app.database.writing() as connection:
        later = now() + timedelta(days=1)
        connection.execute(update(entries).where(ours).values(state="pending", next_attempt_at=later, verdict=None))
    feeds = filled.app.feed_states(filled.app.choose(["antenne-info"]))
    report = filled.app.ingest([state.feed_id for state in feeds])
    assert report.problems == ()
    with filled.app.database.reading() as connection:
        left = connection.scalars(select(entries.c.feed_id).where(ours, entries.c.state == "pending")).all()
    assert len(left) == len([article for article in OF_THE_DAY if not article.feeds])


def test_unreachable_sitemap_is_a_fault_and_leaves_the_share_unfinished(past: Backfill) -> None:
    (share,) = past.plan(outlets=["antenne-info"], sitemaps=["http://www.antenne-info.test/no.xml"], **DAYS)
    filled = past.fill(share)
    assert not filled.is_finished
    assert filled.report.problems == ("http://www.antenne-info.test/no.xml: HTTP 404",)


def test_dry_run_of_a_backfill_counts_pages_and_writes_nothing(past: Backfill, newsroom: Newsroom) -> None:
    (share,) = past.plan(outlets=["antenne-info"], begin=False, **DAYS)
    found = {each.url.rpartition("/")[2]: each.in_span for each in past.preview(share)}
    assert found["2026-03-01.xml"] == len(OF_THE_DAY)
    assert past.plan() == ()
    assert not [served for served in newsroom.requests if served.path.endswith(".html")]


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        pytest.param({"outlets": ["nobody"]}, CatalogueError, "nobody is no outlet", id="no such outlet"),
        pytest.param({"outlets": ["antenne-info"], "since": "March"}, SettingsError, "2026-03-01", id="no day"),
        pytest.param({"outlets": ["antenne-info"], "since": "2099-01-01"}, SettingsError, "live feeds", id="future"),
        pytest.param(
            {"outlets": ["antenne-info", "vite-info"], "sitemaps": ["http://x.test/"]},
            SettingsError,
            "one outlet",
            id="a sitemap of two outlets",
        ),
    ],
)
def test_invalid_backfills_are_rejected_with_a_reason(
    past: Backfill, options: dict[str, object], error: type, words: str
) -> None:
    with pytest.raises(error, match=words):
        past.plan(**options)  # type: ignore[arg-type]


# ---------------------------------------------------------------- WARC


@pytest.fixture
def warc(newsroom: Newsroom, tmp_path: Path) -> Path:
    """A crawl of the broadcaster and of somebody else, on 2026-03-05."""
    path = tmp_path / "CRAWL-20260305.warc.gz"
    urls = ["http://www.nobody.test/1.html", *(BROADCASTER.url(article) for article in OF_THE_DAY)]
    with path.open("wb") as file:
        writer = WARCWriter(file, gzip=True)
        for url in urls:
            body = newsroom.answer(url.split("/")[2], "/" + url.split("/", 3)[3]).body
            head = StatusAndHeaders("200 OK", [("Content-Type", "text/html; charset=utf-8")], protocol="HTTP/1.1")
            dated = {"WARC-Date": "2026-03-05T00:00:00Z"}
            record = writer.create_warc_record(
                url, "response", payload=BytesIO(body), length=len(body), http_headers=head, warc_headers_dict=dated
            )
            writer.write_record(record)
    return path


def test_pages_of_a_warc_file_are_published_once_without_requests(
    past: Backfill, newsroom: Newsroom, warc: Path
) -> None:
    report = fill(past, warcs=[str(warc)])
    assert sorted(published(past)) == sorted(BROADCASTER.url(article) for article in OF_THE_DAY)
    assert list(report.outlets) == ["antenne-info"]
    assert newsroom.requests == []
    assert past.fill(past.plan(warcs=[str(warc)])[0]).report.whole.entries == 0


def test_warc_pages_outside_the_span_are_skipped(past: Backfill, warc: Path) -> None:
    assert fill(past, warcs=[str(warc)], since="2026-03-06").whole.entries == 0


def test_damaged_warc_file_is_read_up_to_the_damage_and_is_a_fault(past: Backfill, warc: Path) -> None:
    warc.write_bytes(warc.read_bytes()[:-100])
    (share,) = past.plan(warcs=[str(warc)])
    filled = past.fill(share)
    assert not filled.is_finished
    assert "damaged" in filled.report.problems[0]
    assert len(published(past)) == len(OF_THE_DAY) - 1


# ---------------------------------------------------------------- beside live news


async def test_live_request_waits_for_at_most_one_backfill_request(store_url: str) -> None:
    clock = datetime(2026, 3, 1, tzinfo=UTC)
    with closing(Database(store_url)) as database:
        database.upgrade()
    with closing(StoredPacer(store_url)) as first, closing(StoredPacer(store_url)) as second:
        old, live = (
            RateLimiter(pacer=pacer, clock=lambda: clock, per_host=per_host, default_spacing_s=5.0, max_wait_s=60.0)
            for pacer, per_host in zip(
                (first, second), (throttled_settings(Settings()).http.host_connections, 2), strict=True
            )
        )
        entered = asyncio.Event()

        async def ask() -> None:
            async with old.visit("www.gazette.test", "http://www.gazette.test/"):
                entered.set()
                await asyncio.Event().wait()

        asking = [asyncio.create_task(ask()) for _ in range(4)]
        await entered.wait()
        slot = live.pacer.reserve("www.gazette.test", spacing_s=5.0, now=clock)
        for task in asking:
            task.cancel()
        await asyncio.gather(*asking, return_exceptions=True)
    assert slot <= clock + timedelta(seconds=5)


def test_entry_with_only_a_link_is_stored_and_loaded() -> None:
    entry = Entry(identity="x", digest="y", title="", link="http://www.gazette.test/")
    assert entry_from_json(entry_to_json(entry)) == entry


def test_share_is_stored_and_loaded() -> None:
    share = Share(
        outlets=("a", "b"), since="2026-03-01", until="2026-03-02", sitemaps=("http://x.test/",), warc="/x.warc.gz"
    )
    assert Share.from_json(share.to_json()) == share
    assert replace(share, warc="").name == "a, b 2026-03-01..2026-03-02"
