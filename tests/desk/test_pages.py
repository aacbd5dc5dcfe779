"""The desk's pages over a small store: what they show, who may view and who may act."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from connectors.desk.formatting import MEANINGS
from connectors.desk.ports import DeskUser, sign_notice
from connectors.store.database import Database
from pipeline.domain.model import FeedStatus, Verdict
from tests.desk.small_store import HOSTILE, RUN_ID, SECRET, RecordingActions, desk_client, fill, token

PAGES = (
    "/",
    "/outlets",
    "/outlets?status=silent",
    "/feeds",
    "/feeds?status=silent",
    "/feeds?status=paused&gaps=1",
    "/messages",
    "/messages?topic=published&lane=1&since=2026-11-23T05:00:00%2B00:00&until=2026-11-23T07:00:00%2B00:00",
    "/entries?outlet=antenne&verdict=rejected&reason=consent_wall&first=1",
    "/runs?since=2026-11-23T05:00:00%2B00:00",
    "/outlets/antenne",
    "/entries",
    "/entries?verdict=published",
    "/entries?verdict=pending",
    "/entries?verdict=failed&outlet=antenne",
    "/entries?since=2026-11-23T05:00:00%2B00:00&until=2026-11-23T07:00:00%2B00:00",
    "/dead-letters",
    "/outbox",
    "/runs",
    "/run?run_id=" + RUN_ID.replace("+", "%2B"),
    "/run?run_id=unknown",
    "/why",
    "/why?q=http://antenne.test/1",
    "/add",
)
EDITOR = DeskUser("editor", can_edit=True)
FORMS = (
    ("/act/switch", {"feed": "antenne/titres", "switch": "pause"}),
    ("/act/redrive", {"outlet": "antenne", "reason": "http_503"}),
    ("/act/check", {"url": "http://new.test/rss"}),
    ("/act/add", {"outlet": "neuf", "feed": "main", "url": "http://new.test/rss"}),
)


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Filled once: pages change nothing, and actions are only recorded."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path_factory.mktemp('desk') / 'store.db'}"
    else:
        url = request.getfixturevalue("postgres").create_database("desk")
    opened = Database(url)
    opened.upgrade()
    fill(opened)
    yield opened
    opened.close()


@pytest.fixture
def acts() -> RecordingActions:
    return RecordingActions()


@pytest.fixture
def desk(database: Database, acts: RecordingActions) -> Iterator[TestClient]:
    with desk_client(database, acts) as client:
        yield client


class Tags(HTMLParser):
    """Every tag of a page with its attributes, and the text between."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += f" {data}"


def text_of(html: str) -> str:
    return " ".join(Tags(html).text.split())


def counts_of(html: str) -> list[tuple[str, int]]:
    """Every figure with a link, and its target."""
    found = re.findall(r'<a href="(/entries[^"]+)">(\d+)</a>', html)
    return [(href.replace("&amp;", "&").replace("&#34;", '"'), int(number)) for href, number in found]


def listed_at(desk: TestClient, href: str) -> int:
    """How many entries a list shows."""
    return desk.get(href).text.count('">why</a>')


def notice_on(html: str) -> str | None:
    """The notice of an action's result."""
    found = re.search(r'<p class="notice"[^>]*>(.*?)</p>', html)
    return found[1] if found else None


@pytest.mark.parametrize("path", PAGES)
def test_values_written_by_outlets_are_escaped_on_every_page(desk: TestClient, path: str) -> None:
    answer = desk.get(path)
    assert answer.status_code == 200
    tags = Tags(answer.text).tags
    assert [attributes for tag, attributes in tags if tag == "script"] == [{"src": "/assets/desk.js"}]
    assert not [tag for tag, attributes in tags if tag == "img" or any(name.startswith("on") for name in attributes)]
    assert not re.search(r"""(href|src|action)=["']?(javascript|data|https?://www\.antenne)""", answer.text)
    assert "49" not in re.sub(r"\{\{ 7\*7 \}\}", "", answer.text).replace("&#39;", "") or "{{ 7*7 }}" in answer.text


def test_every_status_and_verdict_has_a_meaning() -> None:
    assert [word for word in (*FeedStatus, *Verdict) if not MEANINGS[word]] == []


def test_the_overview_of_an_idle_hour_says_that_nothing_happened(tmp_path: Path) -> None:
    empty = Database(f"sqlite:///{tmp_path / 'store.db'}")
    empty.upgrade()
    with desk_client(empty, RecordingActions()) as client:
        shown = text_of(client.get("/").text)
    empty.close()
    assert "no entry was settled in the last hour" in shown
    assert "nothing was delivered in the last hour" in shown
    assert "to now; no article was published" in shown


def test_links_to_outlets_send_no_referrer_and_no_opener(desk: TestClient) -> None:
    links = [given for tag, given in Tags(desk.get("/entries?verdict=pending").text).tags if "_blank" in given.values()]
    assert links
    assert {given["rel"] for given in links} == {"noopener noreferrer nofollow"}
    assert all(str(given["href"]).startswith("http") for given in links)


def test_a_hostile_title_is_shown_as_text(desk: TestClient) -> None:
    assert f"{HOSTILE} 0" in text_of(desk.get("/dead-letters").text)


@pytest.mark.parametrize("path", [*PAGES, "/assets/desk.css"])
def test_every_page_requires_a_login(desk: TestClient, path: str) -> None:
    del desk.headers["visitor"]
    assert desk.get(path).status_code == 401


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/openapi.json"])
def test_there_are_no_api_documentation_pages(desk: TestClient, path: str) -> None:
    del desk.headers["visitor"]
    assert desk.get(path).status_code == 404


@pytest.mark.parametrize("path", ["/", "/assets/desk.css", "/nowhere"])
def test_every_response_forbids_foreign_content(desk: TestClient, path: str) -> None:
    policy = desk.get(path).headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'self'" in policy
    assert "unsafe" not in policy


def test_the_overview_counts_pending_entries_and_dead_letters(desk: TestClient) -> None:
    text = text_of(desk.get("/").text)
    assert "2 pending entries" in text
    assert "1 dead letters" in text
    assert "2 got a verdict, 2 were deferred, 0 lost" in text


def test_every_count_of_the_overview_links_to_as_many_entries(desk: TestClient) -> None:
    page = desk.get("/").text
    table = re.search(r"<h2>Verdicts.*?</table>", page, re.DOTALL)
    assert table
    counted = counts_of(table[0])
    assert len(counted) == 8
    for href, number in counted:
        assert listed_at(desk, href) == number


def test_every_status_of_the_overview_links_to_as_many_feeds(desk: TestClient) -> None:
    words = re.findall(r'<a href="(/feeds\?status=\w+)"><span[^>]*>\w+</span> (\d+)</a>', desk.get("/").text)
    assert len(words) == 2
    for href, number in words:
        assert desk.get(href).text.count("<tr><td>") == int(number)


def test_every_figure_of_a_run_links_to_as_many_entries(desk: TestClient) -> None:
    counted = counts_of(desk.get("/run", params={"run_id": RUN_ID}).text)
    # "4 entries" links to those with a verdict; the deferred ones are counted separately and link elsewhere.
    figures = [(href, number) for href, number in counted if number != 4]
    assert len(figures) >= 8
    for href, number in figures:
        assert listed_at(desk, href) == number


def test_every_figure_of_the_overview_has_a_link(desk: TestClient) -> None:
    page = desk.get("/").text
    assert '<div class="card"' not in page
    missing = page[page.index("Is anything missing?") :]
    assert re.findall(r">\s*(\d+)\s*<", missing) == re.findall(r'<a href="[^"]+">(?:<b>)?(\d+)<', missing)


def test_the_silent_outlet_is_listed_first_with_its_reason(desk: TestClient) -> None:
    text = text_of(desk.get("/outlets").text)
    assert text.index("muette") < text.index("Antenne")
    assert "silent nothing new since Friday" in text


def test_an_outlet_shows_its_learnt_values_and_why_entries_are_not_published(desk: TestClient) -> None:
    assert "2 h" in text_of(desk.get("/outlets/muette").text)
    text = text_of(desk.get("/outlets/antenne").text)
    assert "not published: its page is not an article (consent_wall)" in text
    assert "redirects permanently to http://new.test/" in text


def test_an_unknown_outlet_is_not_found(desk: TestClient) -> None:
    assert desk.get("/outlets/nobody").status_code == 404


def test_a_run_shows_its_figures(desk: TestClient) -> None:
    text = text_of(desk.get("/run", params={"run_id": RUN_ID}).text)
    assert "4 entries: 2 verdicts, 2 deferred, 0 lost" in text


def test_why_finds_an_entry_by_its_identity(desk: TestClient) -> None:
    assert "verdict REJECTED" in text_of(desk.get("/why", params={"q": "http://antenne.test/1"}).text)


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_a_submitted_form_runs_its_action(
    desk: TestClient, acts: RecordingActions, path: str, form: dict[str, str]
) -> None:
    answer = desk.post(path, data=form | {"token": token()}, follow_redirects=False)
    assert answer.status_code == (200 if path == "/act/check" else 303)
    assert path == "/act/check" or len(acts.done) == 1


@pytest.mark.parametrize(("path", "form"), [form for form in FORMS if form[0] != "/act/check"])
def test_an_action_that_makes_something_due_starts_a_run(desk: TestClient, path: str, form: dict[str, str]) -> None:
    answer = desk.post(path, data=form | {"switch": "poll-now", "token": token()})
    said = notice_on(answer.text) or answer.url.params["notice"]
    assert said.endswith(f": a run for {form.get('outlet', 'antenne')} by editor")


def test_a_notice_is_shown_only_to_the_user_who_acted(desk: TestClient) -> None:
    form = {"feed": "antenne/titres", "switch": "pause", "token": token()}
    answer = desk.post("/act/switch", data=form, follow_redirects=False)
    assert notice_on(desk.get(answer.headers["location"]).text) == "antenne/titres: pause"
    assert notice_on(desk.get(answer.headers["location"], headers={"visitor": "somebody else"}).text) is None


@pytest.mark.parametrize("signature", ["", "é", "0" * 64, sign_notice("another", EDITOR, SECRET)])
def test_a_notice_without_a_valid_signature_is_not_shown(desk: TestClient, signature: str) -> None:
    page = desk.get(
        "/outlets/antenne", params={"notice": "Call 0123 to unlock your account", "signature": signature}
    ).text
    assert notice_on(page) is None
    assert "unlock" not in page


@pytest.mark.parametrize(
    ("headers", "sent"),
    [
        pytest.param({}, {}, id="no token"),
        pytest.param({}, {"token": "é"}, id="not a token"),
        pytest.param({}, {"token": token("somebody else")}, id="the token of another login"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, {"token": token()}, id="from another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, {"token": token()}, id="from a neighbouring host"),
        pytest.param({"Origin": "http://evil.test"}, {"token": token()}, id="of another origin"),
        pytest.param({"Origin": "null"}, {"token": token()}, id="of a sandboxed frame"),
        pytest.param({"visitor": "viewer"}, {"token": token("viewer")}, id="by a role that may only look"),
    ],
)
@pytest.mark.parametrize(("path", "form"), FORMS)
def test_a_form_without_the_users_token_or_role_does_nothing(
    desk: TestClient,
    acts: RecordingActions,
    path: str,
    form: dict[str, str],
    headers: dict[str, str],
    sent: dict[str, str],
) -> None:
    answer = desk.post(path, data=form | sent, headers=headers, follow_redirects=False)
    assert (answer.status_code, acts.done) == (403, [])


@pytest.mark.parametrize(("path", "form"), FORMS)
def test_a_link_runs_no_action(desk: TestClient, acts: RecordingActions, path: str, form: dict[str, str]) -> None:
    answer = desk.get(path, params=form | {"token": token()})
    assert (answer.status_code, acts.done) == (405, [])


def test_a_read_only_role_sees_no_button(desk: TestClient) -> None:
    for path in ("/outlets/antenne", "/dead-letters", "/add"):
        page = desk.get(path, headers={"visitor": "viewer"}).text
        assert 'method="post"' not in page
        assert "your role is read-only" in page


def test_an_oversized_form_is_refused(desk: TestClient, acts: RecordingActions) -> None:
    assert desk.post("/act/switch", content=b"x" * 30_000).status_code == 413


def test_an_error_of_adding_a_feed_is_shown_escaped(desk: TestClient) -> None:
    form = {"outlet": "broken", "feed": "main", "url": "http://x.test/", "token": token()}
    assert "&lt;b&gt;no&lt;/b&gt;" in desk.post("/act/add", data=form).text
