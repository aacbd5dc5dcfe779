"""The command line given what is wrong, missing or away: a sentence that says what to do, and the right exit code."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.cli.test_main import Run, run_here
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS

RunCommand = Callable[..., Run]
ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command is called, with nothing in it but a catalogue that is not UTF-8 and a file."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("NEWSWIRE_")]:
        monkeypatch.delenv(name)
    (tmp_path / "latin.toml").write_bytes("name = 'Évreux'".encode("latin-1"))
    (tmp_path / "file").touch()
    return tmp_path


@pytest.fixture
def newswire(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunCommand:
    def run(*words: str, **settings: str) -> Run:
        with monkeypatch.context() as environment:
            for name, value in settings.items():
                environment.setenv(f"NEWSWIRE_{name.upper()}", value)
            return run_here(words, "")

    return run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("feeds parse nofile.xml", "nofile.xml: No such file or directory"),
        ("feeds import nofile.opml", "nofile.opml: No such file or directory"),
        ("extract nofile.html", "nofile.html: No such file or directory"),
        ("extract --jsonl nofile.jsonl", "nofile.jsonl: No such file or directory"),
        ("extract", "nothing to extract: name a URL or a file"),
        ("export -o file/articles.jsonl", "file: "),
        ("feeds list", "dags/feeds.toml: No such file or directory (NEWSWIRE_CATALOGUE says"),
        ("feeds add 'Bad' http://bad.test/feed", "should match pattern '^[a-z0-9][a-z0-9-]*$'"),
    ],
)
def test_what_is_not_there_or_not_understood_is_a_sentence(newswire: RunCommand, words: str, said: str) -> None:
    run = newswire(*words.replace("'", "").split())
    assert (run.returncode, run.stdout) == (2, "")
    assert said in run.stderr


def test_a_command_that_is_interrupted_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Interrupted())
    with pytest.raises(SystemExit) as ended:
        main(("extract", "--jsonl"))
    assert (ended.value.code, capsys.readouterr().err) == (130, "stopped; what was done is kept\n")


class Interrupted:
    """An input at which somebody presses Ctrl-C."""

    def __iter__(self) -> Iterator[str]:
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"database_url": "nonsense"}, "the store's URL is neither postgresql://"),
        ({"database_url": "mysql://desk:secret@host/news"}, "the store's URL is neither postgresql://"),
        ({"home": "file"}, "NEWSWIRE_HOME is where the store goes"),
        ({"catalogue": "latin.toml"}, "latin.toml: not UTF-8 at byte 8"),
    ],
)
def test_check_names_what_cannot_be_used(newswire: RunCommand, settings: dict[str, str], said: str) -> None:
    run = newswire("check", **settings)
    assert run.returncode == 1
    assert said in run.stdout
    assert "secret" not in run.stdout


def test_a_first_feed_begins_the_catalogue_and_its_folder(newswire: RunCommand, folder: Path) -> None:
    assert newswire("feeds", "add", "gazette", "http://www.gazette.test/rss.xml").returncode == 0
    assert "gazette/main" in newswire("feeds", "list").stdout
    assert (folder / "dags" / "feeds.toml").is_file()


def test_an_export_makes_its_folder_and_says_when_nothing_is_new(newswire: RunCommand, folder: Path) -> None:
    assert newswire("export", "-o", "out/all.jsonl").stdout == "0 articles in out/all.jsonl\n"
    assert newswire("export", "-o", "out/more.jsonl", "--resume").stdout == "nothing new for out/more.jsonl\n"


def test_a_topic_without_such_a_message_is_no_silence(newswire: RunCommand) -> None:
    run = newswire("tail", "articles", "--outlet", "nobody")
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "news.articles has no such message\n")


def test_a_port_that_is_taken_is_named(newswire: RunCommand) -> None:
    newswire("feeds", "add", "gazette", "http://www.gazette.test/rss.xml")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = newswire("metrics", "--port", str(taken.getsockname()[1]))
    assert (run.returncode, run.stdout) == (2, "")
    assert "Address already in use" in run.stderr


def test_a_crawl_that_is_not_there_begins_no_backfill(newswire: RunCommand) -> None:
    newswire("feeds", "add", "gazette", "http://www.gazette.test/rss.xml")
    run = newswire("backfill", "--warc", "nofile.warc.gz")
    assert (run.returncode, run.stderr) == (2, "error: nofile.warc.gz: there is no such file\n")
    assert "nothing is left" in newswire("backfill").stdout


def test_a_poll_with_nothing_due_says_when_there_will_be(newswire: RunCommand, folder: Path) -> None:
    with Newsroom(outlets=OUTLETS[:1]) as newsroom:
        (folder / "feeds.toml").write_text(newsroom.catalogue_toml(), encoding="utf-8")
        settings = {"catalogue": "feeds.toml", "newsroom": newsroom.address, "host_spacing_s": "0"}
        assert newswire("poll", "antenne-info/titres", "--dry-run", **settings).stdout.splitlines() == [
            "antenne-info/titres http://www.antenne-info.test/titres.rss",
            "1 of 1 feeds are due",
        ]
        assert newswire("poll", "antenne-info/titres", **settings).returncode == 0
        again = newswire("poll", "antenne-info/titres", **settings).stdout
    assert "0 of 1 feeds are due; the next one at " in again
    assert "entries" not in again  # no table without a line


def test_an_archive_that_takes_nothing_costs_no_entry_an_attempt(newswire: RunCommand, folder: Path) -> None:
    with Newsroom(outlets=OUTLETS[:1]) as newsroom:
        (folder / "feeds.toml").write_text(newsroom.catalogue_toml(), encoding="utf-8")
        settings = {"catalogue": "feeds.toml", "newsroom": newsroom.address, "host_spacing_s": "0", "home": "home"}
        settings |= {"max_attempts": "1", "extract_processes": "1", "log_level": "warning"}
        (folder / "home").mkdir()
        (folder / "home" / "archive").touch()
        red = newswire("poll", "antenne-info/titres", **settings)
        (folder / "home" / "archive").unlink()
        mended = newswire("poll", "antenne-info/titres", **settings)
    assert (red.returncode, mended.returncode) == (2, 0)
    assert red.stderr == "error: home/archive keeps no raw pages: Not a directory\n"
    assert "delivered: 6 to articles" in mended.stdout


@pytest.fixture
def shut() -> Iterator[int]:
    """The writing end of a pipe without a reader."""
    reading, writing = os.pipe()
    os.close(reading)
    yield writing
    os.close(writing)


@pytest.mark.parametrize("words", [["check", "--settings"], ["feeds", "export"]], ids=["printed", "written"])
def test_a_reader_that_has_had_enough_is_no_fault(folder: Path, shut: int, words: list[str]) -> None:
    (folder / "dags").mkdir()
    (folder / "dags" / "feeds.toml").write_text("", encoding="utf-8")
    call = [sys.executable, "-c", f"from pipeline.cli.main import main; main({words!r})"]
    ended = subprocess.run(
        call, stdout=shut, stderr=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False
    )
    assert (ended.returncode, ended.stderr) == (0, "")
