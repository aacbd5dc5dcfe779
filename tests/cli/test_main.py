"""The command line as an operator uses it: one deployment on the embedded default, against the sample newsroom."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipeline.cli.main import main
from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS

Run = subprocess.CompletedProcess[str]
Newswire = Callable[..., Run]


@pytest.fixture(scope="module")
def newsroom() -> Iterator[Newsroom]:
    with Newsroom(outlets=OUTLETS[:1]) as running:
        yield running


@pytest.fixture(scope="module")
def newswire(newsroom: Newsroom, tmp_path_factory: pytest.TempPathFactory) -> Newswire:
    """Runs the command on a deployment that has polled once."""
    home = tmp_path_factory.mktemp("cli")
    (home / "feeds.toml").write_text(newsroom.catalogue_toml(), encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith("NEWSWIRE_")}
    environment = kept | {
        "NEWSWIRE_HOME": str(home),
        "NEWSWIRE_CATALOGUE": str(home / "feeds.toml"),
        "NEWSWIRE_NEWSROOM": newsroom.address,
        "NEWSWIRE_HOST_SPACING_S": "0",
        "NEWSWIRE_CONTACT": "desk@example.org",
        "NEWSWIRE_EXTRACT_PROCESSES": "1",
        "PYTHONIOENCODING": "utf-8",
    }

    def run(*words: str, stdin: str = "", **extra: str) -> Run:
        before = dict(os.environ)
        os.environ.clear()
        os.environ.update(environment | extra)
        try:
            return run_here(words, stdin)
        finally:
            os.environ.clear()
            os.environ.update(before)

    polled = run("poll")
    assert polled.returncode == 0, polled.stdout + polled.stderr
    return run


def run_here(words: tuple[str, ...], stdin: str) -> Run:
    """The command in this process: starting one for each call would take most of the time."""
    out, err = io.StringIO(), io.StringIO()
    before, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(stdin.encode()), "utf-8")
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main(words)
    finally:
        sys.stdin = before
    code = ended.value.code
    return Run(words, code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())


def lines(run: Run) -> list[str]:
    assert run.returncode == 0, run.stdout + run.stderr
    return [line for line in run.stdout.splitlines() if line.strip()]


def test_a_poll_prints_a_line_per_outlet_and_what_was_delivered(newswire: Newswire) -> None:
    told = newswire("poll", "--force").stdout
    assert "antenne-info" in told
    assert "delivered:" in told


def test_tail_shows_messages_with_their_headers_and_as_json(newswire: Newswire) -> None:
    (head, *_rest) = lines(newswire("tail", "articles", "-n", "1"))
    assert head.startswith("news.articles partition 0 offset")
    values = [json.loads(line) for line in lines(newswire("tail", "articles", "--json"))]
    assert len(values) > 5
    wanted = values[0]["section"]
    some = [json.loads(line) for line in lines(newswire("tail", "articles", "--json", "--section", wanted))]
    assert {value["section"] for value in some} == {wanted}
    assert newswire("tail", "articles", "--json", "--outlet", "nobody").stdout == ""
    assert newswire("tail", "articles", "--since", "yesterday").returncode == 2


@pytest.mark.parametrize("form", ["jsonl", "dated-text", "ninjs", "json-ld"])
def test_export_writes_every_article(newswire: Newswire, form: str, tmp_path: Path) -> None:
    output = tmp_path / "out"
    assert newswire("export", "--format", form, "-o", str(output)).returncode == 0
    assert output.read_text("utf-8")


def test_export_to_parquet_says_what_it_wrote_and_needs_a_folder(newswire: Newswire, tmp_path: Path) -> None:
    assert "articles in" in newswire("export", "--format", "parquet", "-o", str(tmp_path / "days")).stdout
    assert newswire("export", "--format", "parquet").returncode == 2


def test_why_tells_the_story_of_a_url(newswire: Newswire) -> None:
    value = json.loads(lines(newswire("tail", "articles", "--json", "-n", "1"))[0])
    for name in (value["canonical_url"], value["id"]):
        told = newswire("why", name).stdout
        assert "verdict NEW" in told
        assert "revision 1" in told
    assert newswire("why", "http://nowhere.test/x").returncode == 1


def test_feeds_are_listed_checked_parsed_added_and_exchanged(
    newswire: Newswire, newsroom: Newsroom, tmp_path: Path
) -> None:
    assert "antenne-info/titres" in newswire("feeds", "list").stdout
    catalogue = tmp_path / "feeds.toml"
    catalogue.write_text(newsroom.catalogue_toml(), encoding="utf-8")
    mine = {"NEWSWIRE_CATALOGUE": str(catalogue)}
    url = "http://www.antenne-info.test/titres.rss"
    checked = newswire("feeds", "check", url, "-n", "1")
    assert "entries" in checked.stdout
    assert "words:" in checked.stdout
    body = tmp_path / "titres.rss"
    body.write_bytes(newsroom.answer("www.antenne-info.test", "/titres.rss").body)
    (parsed,) = [json.loads(line) for line in lines(newswire("feeds", "parse", str(body)))]
    assert parsed["entries"][0]["title"]
    added = newswire(
        "feeds", "add", "antenne-info", "http://www.antenne-info.test/sport.rss", "--feed", "sport", **mine
    )
    assert added.returncode == 0, added.stderr
    opml = tmp_path / "feeds.opml"
    opml.write_text(newswire("feeds", "export", **mine).stdout, encoding="utf-8")
    fresh = {"NEWSWIRE_CATALOGUE": str(tmp_path / "fresh.toml")}
    assert newswire("feeds", "import", str(opml), **fresh).returncode == 0
    assert "sport.rss" in (tmp_path / "fresh.toml").read_text("utf-8")


def test_check_says_everything_that_is_wrong_at_once(newswire: Newswire, tmp_path: Path) -> None:
    assert newswire("check").returncode == 0
    wrong = newswire("check", NEWSWIRE_CONTACT="", NEWSWIRE_CATALOGUE=str(tmp_path / "none.toml"))
    assert wrong.returncode == 1
    assert "NEWSWIRE_CONTACT is empty" in wrong.stdout
    assert "none.toml" in wrong.stdout
    settings = newswire("check", "--settings", NEWSWIRE_KAFKA_PASSWORD="hunter2").stdout
    assert "NEWSWIRE_LANES" in settings
    assert "hunter2" not in settings


def test_a_wrong_setting_is_a_line_and_not_a_traceback(newswire: Newswire) -> None:
    wrong = newswire("poll", NEWSWIRE_LANES="many")
    assert wrong.returncode == 2
    assert "NEWSWIRE_LANES" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    unknown = newswire("poll", "antenne-inf")
    assert (unknown.returncode, "did you mean antenne-info" in unknown.stderr) == (2, True)


def test_outbox_and_topics_agree_and_upkeep_finds_nothing_wrong(newswire: Newswire) -> None:
    assert "agree" in newswire("deliver", "--verify").stdout
    assert "left in the outbox" in newswire("deliver").stdout
    assert newswire("upkeep").returncode == 0
    assert newswire("topics", "describe").returncode == 0
    assert newswire("topics", "create").returncode == 2


def test_the_archive_is_whole_is_searched_and_reads_the_same_today(newswire: Newswire) -> None:
    assert "0 faults" in newswire("archive", "check", "--since", "1d").stdout
    assert "raw pages" in newswire("archive", "index").stdout
    assert "0 faults" in newswire("archive", "check").stdout
    value = json.loads(lines(newswire("tail", "articles", "--json", "-n", "1"))[0])
    assert value["raw_location"] in newswire("archive", "find", value["url"]).stdout
    assert newswire("archive", "find", "http://nowhere.test/").returncode == 1
    assert "0 would be revised" in newswire("replay", "--dry-run").stdout
    assert newswire("replay", "--outlet", "nobody").returncode == 2


def test_a_page_is_extracted_from_a_file_from_the_web_and_from_lines(
    newswire: Newswire, newsroom: Newsroom, tmp_path: Path
) -> None:
    url = json.loads(lines(newswire("tail", "articles", "--json", "-n", "1"))[0])["url"]
    page = tmp_path / "page.html"
    page.write_bytes(newsroom.answer("www.antenne-info.test", url.split(".test", 1)[1]).body)
    from_file = json.loads(newswire("extract", str(page), "--url", url).stdout)
    from_web = json.loads(newswire("extract", url).stdout)
    row = json.dumps({"id": "1", "url": url, "file": str(page)})
    (from_lines,) = [json.loads(line) for line in lines(newswire("extract", "--jsonl", stdin=row + "\n"))]
    assert from_file["text"] == from_web["text"] == from_lines["text"]
    assert from_lines["verdict"] == "article"
    (tmp_path / "pages.jsonl").write_text(row + "\n\n", encoding="utf-8")
    of_a_file = newswire("extract", "--jsonl", str(tmp_path / "pages.jsonl"))
    assert (json.loads(of_a_file.stdout), "1 pages in" in of_a_file.stderr) == (from_lines, True)
    assert newswire("extract", "--jsonl", str(tmp_path / "none.jsonl")).returncode == 2
    assert newswire("extract").returncode == 2
    assert "error: none.html: No such file" in newswire("extract", "none.html").stderr
    beside_bad_lines = newswire("extract", "--jsonl", stdin=f'{{"url": null}}\n[1]\nno json\n{row}\n')
    *faults, article = [json.loads(line) for line in lines(beside_bad_lines)]
    assert ([fault["verdict"] for fault in faults], article) == (["failed"] * 3, from_lines)
    assert faults[0]["reason"].startswith("line 1: without url and file")


def test_a_corpus_is_deduplicated_line_by_line(newswire: Newswire) -> None:
    text = "Le conseil municipal a voté lundi soir la réouverture du marché couvert, fermé depuis deux ans. " * 4
    rows = [{"id": str(n), "url": f"http://o{n}.test/a", "title": "Le marché", "text": text} for n in (1, 2)]
    first, second = (json.loads(line) for line in lines(newswire("dedup", stdin="\n".join(map(json.dumps, rows)))))
    assert (first["verdict"], second["verdict"]) == ("new", "copy")
    assert second["copy_of"] == first["article_id"]


def test_a_corpus_on_a_store_goes_on_where_it_stopped_and_names_its_bad_lines(
    newswire: Newswire, tmp_path: Path
) -> None:
    text = "Le conseil municipal a voté lundi soir la réouverture du marché couvert, fermé depuis deux ans. " * 4
    rows = [json.dumps({"id": n, "url": f"http://o{n}.test/a", "title": "Le marché", "text": text}) for n in range(4)]
    corpus, output = tmp_path / "corpus.jsonl", tmp_path / "answers.jsonl"
    corpus.write_text("\n".join([rows[0], "{torn", *rows[1:]]), encoding="utf-8")
    words = ("dedup", str(corpus), "-o", str(output), "--store", f"sqlite:///{tmp_path / 'corpus.db'}")
    first = newswire(*words)
    assert (first.returncode, "line 2: no JSON" in first.stderr, "4 rows" in first.stderr) == (1, True, True)
    answers = output.read_text("utf-8").splitlines()
    verdicts = [json.loads(line)["verdict"] for line in answers]
    assert verdicts == ["new", "failed", "copy", "copy", "copy"]
    output.write_text("\n".join([*answers[:3], answers[3][:20]]), encoding="utf-8")
    again = newswire(*words)
    assert "3 answers are there already" in again.stderr
    resumed = [json.loads(line) for line in output.read_text("utf-8").splitlines()]
    assert [row["cluster_id"] for row in resumed] == [json.loads(line)["cluster_id"] for line in answers]
    assert [row["verdict"] for row in resumed[3:]] == ["unchanged", "unchanged"]
    assert newswire("dedup", str(tmp_path / "none.jsonl")).returncode == 2
    assert newswire("dedup", str(corpus), "-o", str(corpus)).returncode == 2


@pytest.mark.parametrize(
    "command", ["poll", "deliver", "tail", "export", "why", "check", "extract", "dedup", "upkeep", "redrive"]
)
def test_help_has_an_example(newswire: Newswire, command: str) -> None:
    told = newswire(command, "--help").stdout
    assert "Example" in told
    assert f"newswire {command}" in told.replace("\n", " ")
    assert "▌" not in told  # how a `>` at the head of a docstring's line is shown: as a quotation


def test_revisit_plans_and_looks_at_known_articles_again(newswire: Newswire) -> None:
    planned = newswire("revisit", "antenne-info/titres", "--force", "--plan")
    assert planned.returncode == 0, planned.stdout + planned.stderr
    *pages, total = planned.stdout.strip().splitlines()
    assert total == f"{len(pages)} pages"
    assert all("revision 1, live: http://" in page for page in pages)
    looked = newswire("revisit", "--article", pages[0].rpartition(" ")[2])
    assert looked.returncode == 0, looked.stdout + looked.stderr
    assert "looked at 1 pages again: 1 not_modified" in looked.stdout
    assert "1 revisits" in newswire("why", pages[0].rpartition(" ")[2]).stdout
    unknown = newswire("revisit", "--article", "http://nowhere.test/")
    assert unknown.returncode == 2
