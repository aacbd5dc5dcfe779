"""The desk in a real browser inside a running Airflow; screenshots are stored under var/.

Debian's Chromium, headless. The polled outlet serves scripts as titles, names, links and errors, and the store has
others: no script may run anywhere.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, expect, sync_playwright

from tests.desk.airflow_desk import Running, run_airflow
from tests.desk.hostile_outlet import SCRIPT
from tests.desk.small_store import HOSTILE

ROOT = Path(__file__).parents[2]
SCREENSHOTS = Path(os.environ.get("STACK_FOLDER") or ROOT / "var") / "screenshots"
CHROMIUM = shutil.which("chromium")
WAIT_MS = 120_000  # for what Airflow does in its own time, on a machine that does other things too
expect.set_options(timeout=30_000)  # Airflow's pages render slowly on a loaded machine

PATHS = (
    "/",
    "/outlets",
    "/outlets/antenne",
    "/outlets/malice",
    "/feeds",
    "/entries",
    "/dead-letters",
    "/messages?since=2026-01-01T00:00:00Z",
    "/runs",
    "/why?q=http://antenne.test/1",
    f"/why?q={quote(f'guid {SCRIPT}')}",
    f"/add?url={quote(SCRIPT)}",
)

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Airflow, started once for this module."""
    with run_airflow(tmp_path_factory.mktemp("desk")) as found:
        yield found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium without its sandbox, which refuses to run as root."""
    assert CHROMIUM, "the tests need Debian's package chromium"
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


def log_in(browser: Browser, running: Running, user: str, *, theme: str = "light") -> BrowserContext:
    """A browser context in which this user is logged in."""
    context = browser.new_context(viewport={"width": 1400, "height": 900}, color_scheme=theme)  # type: ignore[arg-type]
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto(f"{running.url}/auth/login")
    page.fill("input[name=username]", user)
    page.fill("input[name=password]", running.passwords[user])
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "login" not in url)
    page.close()
    return context


@pytest.fixture(scope="module")
def admin(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    """A browser context of the administrator."""
    context = log_in(browser, running, "admin")
    yield context
    context.close()


@pytest.fixture
def page(admin: BrowserContext) -> Iterator[Page]:
    """A page of the administrator. A dialogue means that a script ran, and fails the test."""
    opened = admin.new_page()
    dialogues: list[str] = []
    opened.on("dialog", lambda dialogue: (dialogues.append(dialogue.message), dialogue.dismiss()))
    yield opened
    opened.close()
    assert dialogues == []


def desk_in(page: Page, running: Running, path: str = "/plugin/news-desk") -> FrameLocator:
    """The desk's frame in Airflow's page."""
    page.goto(running.url + path)
    return page.frame_locator("iframe")


def keep(page: Page, name: str) -> None:
    """Store a screenshot."""
    page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)


def test_the_desk_shows_the_silent_outlet_first(page: Page, running: Running) -> None:
    desk = desk_in(page, running)
    expect(desk.get_by_role("heading", name="News desk")).to_be_visible()
    keep(page, "desk-overview")
    desk.get_by_role("link", name="silent").click()
    row = desk.get_by_role("row").filter(has_text="muette")
    expect(row).to_contain_text("nothing new since Friday")
    keep(page, "desk-silent")


def test_a_feed_is_paused_and_resumed(page: Page, running: Running) -> None:
    desk = desk_in(page, running)
    desk.get_by_role("link", name="silent").click()
    desk.get_by_role("row").filter(has_text="muette").get_by_role("link").first.click()
    desk.get_by_role("button", name="Pause").click()
    expect(desk.get_by_role("status")).to_have_text("muette/une is paused")
    expect(desk.get_by_text("paused by admin").first).to_be_visible()
    keep(page, "desk-paused")
    desk.get_by_role("button", name="Resume").click()
    expect(desk.get_by_role("status")).to_contain_text("is polled again")


def test_a_read_only_role_is_refused(browser: Browser, running: Running) -> None:
    context = log_in(browser, running, "viewer")
    page = context.new_page()
    page.goto(f"{running.url}/newswire/outlets/muette")
    expect(page.get_by_text("your role is read-only")).to_be_visible()
    expect(page.get_by_role("button", name="Pause")).to_have_count(0)
    keep(page, "desk-viewer")
    refused = context.request.post(
        f"{running.url}/newswire/act/switch", form={"feed": "muette/une", "switch": "pause", "token": "x"}
    )
    assert refused.status == 403
    context.close()


def test_a_request_without_login_is_refused(browser: Browser, running: Running) -> None:
    context = browser.new_context()
    assert context.request.get(f"{running.url}/newswire/").status == 401
    context.close()


def wait_for_run(page: Page, running: Running, *, run_type: str) -> str:
    """Wait until the last run of this kind succeeded; returns its id."""
    for _ in range(WAIT_MS // 1000):
        runs = running.airflow.api("GET", "/api/v2/dags/news_ingest/dagRuns?order_by=-run_after")["dag_runs"]
        assert not [run for run in runs if run["state"] == "failed"]
        mine = [run for run in runs if run["run_type"] == run_type]
        if mine and mine[0]["state"] == "success":
            return str(mine[0]["dag_run_id"])
        page.wait_for_timeout(1000)
    raise AssertionError(f"no {run_type} run went green")


def test_scripts_written_by_outlets_never_run(page: Page, running: Running) -> None:
    run = wait_for_run(page, running, run_type="scheduled")
    for path in (*PATHS, f"/run?run_id={quote(run)}"):
        page.goto(f"{running.url}/newswire{path}")
        assert page.locator("main").count() == 1
        assert page.locator("script").count() == 1
        assert page.locator("img").count() == 0
        assert page.evaluate("document.querySelectorAll('[onerror], [href^=javascript], [href^=data]').length") == 0
    page.goto(f"{running.url}/newswire/dead-letters")
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    expect(page.get_by_text(SCRIPT).first).to_be_visible()
    keep(page, "desk-hostile")


def test_a_feed_that_is_polled_now_gets_a_run_of_its_own(page: Page, running: Running) -> None:
    page.goto(f"{running.url}/newswire/outlets/malice")
    page.get_by_role("button", name="Poll now").first.click()
    said = page.get_by_role("status")
    expect(said).to_contain_text("malice/away is due: the ")
    run_id = next(word for word in str(said.text_content()).split() if "__" in word)
    run = running.airflow.api("GET", f"/api/v2/dags/news_ingest/dagRuns/{quote(run_id)}")
    assert (run["conf"], run["triggering_user_name"]) == ({"outlets": ["malice"]}, "admin")


def test_a_dead_letter_is_redriven(page: Page, running: Running) -> None:
    desk = desk_in(page, running)
    desk.get_by_role("link", name="Dead letters").first.click()
    # By its outlet: the run under way may have brought others meanwhile, above it or below.
    desk.get_by_role("row").filter(has_text="antenne").get_by_role("button", name="Redrive").last.click()
    expect(desk.get_by_role("status")).to_contain_text("1 dead letter of antenne redriven")
    keep(page, "desk-redriven")


def test_the_desk_follows_the_theme_of_airflow(browser: Browser, running: Running) -> None:
    context = log_in(browser, running, "admin", theme="dark")
    page = context.new_page()
    desk = desk_in(page, running)
    expect(desk.get_by_role("heading", name="News desk")).to_be_visible()
    keep(page, "desk-dark")
    colour = desk.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert colour == "rgb(9, 9, 11)"
    page.goto(f"{running.url}/newswire/outlets/antenne")
    keep(page, "desk-dark-outlet")
    context.close()


def test_a_run_is_triggered_by_the_form_and_goes_green(page: Page, running: Running) -> None:
    page.goto(f"{running.url}/dags")
    expect(page.get_by_text("News ingest").first).to_be_visible()
    keep(page, "dags")
    page.goto(f"{running.url}/dags/news_ingest")
    page.get_by_role("button", name="Trigger").first.click()
    dialogue = page.get_by_role("dialog")
    expect(dialogue.get_by_text("Dry run").first).to_be_visible()
    keep(page, "trigger")
    dialogue.locator("#element_outlets").fill("malice")
    dialogue.locator("label[id*=element_force]").first.click()
    dialogue.get_by_role("button", name="Trigger").last.click()
    expect(dialogue).to_be_hidden()
    run = wait_for_run(page, running, run_type="manual")
    asked = running.airflow.api("GET", f"/api/v2/dags/news_ingest/dagRuns/{quote(run)}")["conf"]
    assert (asked["outlets"], asked["force"], asked["dry_run"]) == (["malice"], True, False)
    page.goto(f"{running.url}/dags/news_ingest/runs/{run}")
    expect(page.get_by_text("Success").first).to_be_visible()
    keep(page, "run")
    news = page.get_by_role("link", name="News", exact=True).or_(page.get_by_role("tab", name="News", exact=True))
    news.first.click()
    desk = page.frame_locator("iframe")
    expect(desk.get_by_role("heading", name="What this run did")).to_be_visible()
    expect(desk.get_by_text("2 polls, ")).to_be_visible()
    keep(page, "run-news")
