"""Known articles looked at again through the whole walk, on both databases: live blogs, withdrawals, merges, costs.

Pages and feed come from a web of ours that tests change between runs; hours pass on a clock of ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import schemas
from connectors.store.database import Database
from connectors.workers.pool import InlineWorkers
from pipeline.app.repair import plan_visits, revisit
from pipeline.app.runs import Newswire
from pipeline.domain.model import ReceivedMessage, Request, Response, Topic
from pipeline.domain.ports import Slot
from pipeline.domain.settings import Settings
from pipeline.reporting.report import Report
from tests.made_news import Newsroom

HOST = "http://www.gazette.test"
FEED_URL = f"{HOST}/rss.xml"
CATALOGUE = f"""
[[outlet]]
id = "gazette"
name = "Gazette"
homepage = "{HOST}/"
country = "FR"
language = "fr"
hosts = ["gazette.test"]
[outlet.policy]
article_number = '-n(\\d+)\\.html'
live_blog_min_gap_s = 1800
[[outlet.feed]]
name = "une"
url = "{FEED_URL}"
"""
WORDS = Newsroom(77)


@dataclass(frozen=True, slots=True)
class Page:
    """A page of the web of ours."""

    title: str
    paragraphs: tuple[str, ...]
    canonical: str
    status: int = 200
    location: str = ""
    is_live: bool = False
    amp: str = ""

    @property
    def body(self) -> bytes:
        """Its markup."""
        kind = "LiveBlogPosting" if self.is_live else "NewsArticle"
        linked = json.dumps({"@context": "https://schema.org", "@type": kind, "headline": self.title})
        text = "".join(f"<p>{paragraph}</p>" for paragraph in self.paragraphs)
        return (
            f'<html lang="fr"><head><title>{self.title}</title><link rel="canonical" href="{self.canonical}">'
            f'{f"""<link rel="amphtml" href="{self.amp}">""" if self.amp else ""}'
            f'<meta property="og:type" content="article"><meta property="og:title" content="{self.title}">'
            f'<script type="application/ld+json">{linked}</script></head>'
            f"<body><main><article><h1>{self.title}</h1>{text}</article></main></body></html>"
        ).encode()

    @property
    def etag(self) -> str:
        """Another one for every other body."""
        return f'"{hash((self.body, self.status))}"'


def make_page(path: str, **changes: Any) -> Page:
    page = Page(WORDS.words(7).capitalize(), tuple(WORDS.paragraph() for _ in range(6)), HOST + path)
    return replace(page, **changes)


@dataclass(slots=True)
class Web:
    """The pages by path, those that the feed shows, and what was answered."""

    pages: dict[str, Page] = field(default_factory=dict)
    shown: list[str] = field(default_factory=list)
    answered: list[tuple[str, int]] = field(default_factory=list)
    moved: dict[str, str] = field(default_factory=dict)

    async def fetch(self, request: Request, slot: Slot | None = None) -> Response:
        """The answer as a server that knows validators gives it."""
        if slot is not None:
            await slot.take()
        if request.url == FEED_URL:
            return self.answer(request, Page("", (), ""), self.feed(), "application/rss+xml")
        path = request.url.removeprefix(HOST)
        page = self.pages.get(self.moved.get(path, path), Page("", (), "", status=404))
        answer = self.answer(request, page, page.body, "text/html; charset=utf-8")
        return replace(answer, final_url=HOST + self.moved.get(path, path))

    def answer(self, request: Request, page: Page, body: bytes, content_type: str) -> Response:
        known = page.title != "" and request.validators.etag == page.etag
        status = 304 if known else page.status
        self.answered.append((request.url.removeprefix(HOST), status))
        headers = {"content-type": content_type} | ({"etag": page.etag} if page.title else {})
        return Response(
            url=request.url,
            final_url=request.url,
            status=status,
            headers=headers,
            body=b"" if known else body,
            fetched_at=datetime.now(UTC),
        )

    def feed(self) -> bytes:
        entries = "".join(
            f"<item><title>{self.pages[path].title}</title><link>{HOST}{path}</link><guid>{HOST}{path}</guid></item>"
            for path in self.shown
        )
        return f'<rss version="2.0"><channel><title>Gazette</title>{entries}</channel></rss>'.encode()


class WebApp(Newswire):
    """A deployment on the web of ours."""

    web: Web

    @asynccontextmanager
    async def web_fetcher(self) -> Any:
        yield self.web

    def fetcher(self) -> Any:
        return self.web_fetcher()

    def workers(self) -> Any:
        return InlineWorkers()


@dataclass(slots=True)
class Deployment:
    """A deployment with its web and its clock."""

    newswire: WebApp
    web: Web
    ahead: timedelta = timedelta()

    def publish(self, path: str, page: Page) -> None:
        """Put a page on the web and in the feed."""
        self.web.pages[path] = page
        self.web.shown.insert(0, path)

    def change(self, path: str, **changes: Any) -> None:
        self.web.pages[path] = replace(self.web.pages[path], **changes)

    def ingest(self, *, after: timedelta = timedelta()) -> Report:
        self.ahead += after
        report = self.newswire.ingest(["gazette/une"], force=True)
        assert report.problems == ()
        return report

    def revisit(self, *named: str, after: timedelta = timedelta(), force: bool = False) -> dict[str, int]:
        self.ahead += after
        report = revisit(self.newswire, plan_visits(self.newswire, named=named, force=force))
        assert (report.problems, report.whole.entries) == ((), 0)
        return dict(report.whole.revisits)

    def events(self, topic: Topic = Topic.ARTICLES) -> list[ReceivedMessage]:
        return list(self.newswire.topics.read(topic))

    def told(self) -> list[tuple[str, int]]:
        """What consumers of the event log got, in order: published, updated, withdrawn, with the revision."""
        return [(event.headers["ce_type"].split(".")[-2], value_of(event)["revision"]) for event in self.events()]

    def latest(self) -> dict[str, bytes | None]:
        """What a compacted topic keeps."""
        return {event.key: event.value for event in self.events(Topic.LATEST)}


def value_of(event: ReceivedMessage) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(event.value or b"null")
    return value


@pytest.fixture
def deployed(tmp_path: Path, store_url: str) -> Iterator[Deployment]:
    catalogue = tmp_path / "feeds.toml"
    catalogue.write_text(CATALOGUE, encoding="utf-8")
    database = Database(store_url)
    database.upgrade()
    database.close()
    settings = Settings(home=tmp_path / "home", catalogue=catalogue, database_url=store_url).updated(
        extraction={"processes": 1}
    )
    deployment: Deployment

    def clock() -> datetime:
        return datetime.now(UTC) + deployment.ahead

    with WebApp(settings, clock=clock) as newswire:
        newswire.web = Web()
        newswire.feed_states(newswire.choose([]))
        deployment = Deployment(newswire, newswire.web)
        yield deployment


HOURS = timedelta(hours=1)


def test_unchanged_page_costs_a_304_and_a_changed_page_is_a_revision(deployed: Deployment) -> None:
    page = make_page("/fait-n1.html")
    deployed.publish("/fait-n1.html", page)
    deployed.ingest()
    assert deployed.revisit(after=HOURS / 2) == {"not_modified": 1}
    assert deployed.web.answered[-1] == ("/fait-n1.html", 304)
    deployed.change(
        "/fait-n1.html", paragraphs=(*page.paragraphs, "Le bilan passe à douze blessés, dont trois graves.")
    )
    assert deployed.revisit(after=HOURS) == {"revised": 1}
    assert deployed.told() == [("published", 1), ("updated", 2)]
    first, second = map(value_of, deployed.events())
    told = "\n".join(deployed.newswire.why(f"{HOST}/fait-n1.html"))
    assert told.index("no known article shares enough of its words") < told.index("text changed (correction")
    assert second["previous_text_hash"] == first["text_hash"] != second["text_hash"]
    assert (second["changed"], second["revision_kind"]) == (["text"], "correction")
    assert (second["words_added"], second["words_removed"]) == (9, 0)
    assert second["raw_location"] != first["raw_location"]
    schemas.validator("article.v1.json").validate(second)


def test_live_blog_changes_are_debounced_and_then_published(deployed: Deployment) -> None:
    page = make_page("/direct-n2.html", is_live=True)
    deployed.publish("/direct-n2.html", page)
    deployed.ingest()
    grown = (*page.paragraphs, "Quatre mots de plus.")
    deployed.change("/direct-n2.html", paragraphs=grown)
    assert deployed.revisit(after=HOURS / 3) == {"unchanged": 1}
    assert deployed.told() == [("published", 1)]
    # Nothing changes on the page any more: its validators must not hide what was held back.
    assert deployed.revisit(after=HOURS / 4) == {"revised": 1}
    assert deployed.told() == [("published", 1), ("updated", 2)]


def test_page_missing_twice_hours_apart_is_withdrawn_and_returns_under_its_id(
    deployed: Deployment,
) -> None:
    page = make_page("/fait-n3.html")
    deployed.publish("/fait-n3.html", page)
    deployed.ingest()
    deployed.web.shown.clear()
    deployed.change("/fait-n3.html", status=404)
    assert deployed.revisit(after=HOURS) == {"missing": 1}
    assert deployed.revisit(after=HOURS / 2, force=True) == {"missing": 1}
    assert deployed.told() == [("published", 1)]
    assert deployed.revisit(after=2 * HOURS) == {"withdrawn": 1}
    assert deployed.told() == [("published", 1), ("withdrawn", 1)]
    (article_id,) = deployed.latest()
    assert deployed.latest() == {article_id: None}
    assert value_of(deployed.events()[-1])["state"] == "withdrawn"
    deployed.change("/fait-n3.html", status=200)
    assert deployed.revisit(article_id) == {"returned": 1}
    assert deployed.told()[-1] == ("published", 2)
    assert {event.key for event in deployed.events()} == {article_id}
    assert json.loads(deployed.latest()[article_id] or b"")["revision"] == 2


def test_page_that_shows_two_ids_to_be_one_article_merges_them_once(deployed: Deployment) -> None:
    first, second = make_page("/fait-n4.html"), make_page("/fait-bis.html")
    deployed.publish("/fait-n4.html", first)
    deployed.ingest()
    deployed.publish("/fait-bis.html", second)
    deployed.ingest(after=HOURS)
    assert deployed.told() == [("published", 1), ("published", 1)]
    survivor, gone = (event.key for event in deployed.events())
    deployed.change("/fait-bis.html", canonical=first.canonical, paragraphs=(*first.paragraphs, WORDS.paragraph()))
    assert deployed.revisit(gone) == {"revised": 1}
    assert deployed.told()[2:] == [("updated", 2)]
    update = value_of(deployed.events()[-1])
    assert (update["id"], update["merged_id"]) == (survivor, gone)
    assert deployed.latest()[gone] is None
    assert json.loads(deployed.latest()[survivor] or b"")["merged_id"] == gone
    # The other id's URL and entry are the survivor's now, and nothing is published twice.
    (visit,) = deployed.newswire.visits.named([second.canonical])
    assert visit.article_id == survivor
    assert deployed.newswire.visits.named([gone]) == ()
    assert "verdict" in "".join(deployed.newswire.why(second.canonical))
    told = len(deployed.events())
    deployed.ingest(after=HOURS)
    assert len(deployed.events()) == told


def test_third_id_of_one_article_is_merged_at_the_next_visit(deployed: Deployment) -> None:
    first, second, third = (make_page(f"/{name}.html") for name in ("un", "deux", "trois"))
    for page in (first, second, third):
        deployed.publish(page.canonical.removeprefix(HOST), page)
        deployed.ingest(after=HOURS / 60)
    survivor, *gone = (event.key for event in deployed.events())
    words, title = (*first.paragraphs, *second.paragraphs), f"{first.title} {second.title}"
    deployed.change("/trois.html", canonical=first.canonical, amp=second.canonical, paragraphs=words, title=title)
    assert deployed.revisit(gone[1], after=HOURS) == {"revised": 1}
    assert deployed.revisit(survivor) == {"revised": 1}
    assert [(key, value is None) for key, value in deployed.latest().items()] == [
        (survivor, False),
        *((key, True) for key in gone),
    ]


def test_one_canonical_url_on_every_page_does_not_merge_articles(deployed: Deployment) -> None:
    pages = {
        path: make_page(path, canonical=f"{HOST}/modele.html") for path in ("/un.html", "/deux.html", "/trois.html")
    }
    for path, page in pages.items():
        deployed.publish(path, page)
    deployed.ingest()
    published = {value_of(event)["title"]: event.key for event in deployed.events()}
    assert published.keys() == {page.title for page in pages.values()}
    assert len(set(published.values())) == 3
    deployed.ingest(after=HOURS)
    deployed.change("/deux.html", paragraphs=(*pages["/deux.html"].paragraphs, WORDS.paragraph()))
    assert deployed.revisit(after=HOURS, force=True) == {"revised": 1, "not_modified": 2}
    assert deployed.told() == [("published", 1)] * 3 + [("updated", 2)]
    assert deployed.events()[-1].key == published[pages["/deux.html"].title]
    told = [deployed.newswire.why(article_id) for article_id in published.values()]
    assert sum("not believed" in "".join(lines) for lines in told) == 2  # the first article had the address


def test_redirect_to_another_article_is_a_withdrawal_and_no_revision(deployed: Deployment) -> None:
    deployed.publish("/fait-n6.html", make_page("/fait-n6.html"))
    deployed.ingest()
    (article_id,) = deployed.latest()
    deployed.web.shown.clear()
    deployed.web.pages["/fait-n7.html"] = make_page("/fait-n7.html")
    deployed.web.moved["/fait-n6.html"] = "/fait-n7.html"
    assert deployed.revisit(after=HOURS) == {"missing": 1}
    assert deployed.revisit(after=2 * HOURS) == {"withdrawn": 1}
    assert deployed.told() == [("published", 1), ("withdrawn", 1)]
    assert deployed.latest() == {article_id: None}


def test_unchanged_page_is_not_archived(deployed: Deployment) -> None:
    deployed.publish("/fait-n5.html", make_page("/fait-n5.html"))
    deployed.ingest()
    kept = archived(deployed)
    deployed.change("/fait-n5.html", is_live=True)  # another body, the same words
    assert deployed.revisit(after=HOURS) == {"unchanged": 1}
    assert archived(deployed) == kept


def archived(deployed: Deployment) -> int:
    folder = deployed.newswire.settings.archive_folder
    return sum(path.stat().st_size for path in folder.rglob("*.warc.gz"))
