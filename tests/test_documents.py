"""Documents: links and anchors exist, generated pages are up to date, every command is known and runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.domain import reasons
from pipeline.extraction.boilerplate.walls import walls
from tests import reference
from tests.cli.test_main import Newswire, newsroom, newswire  # noqa: F401 # fixtures

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "schemas").rglob("*.md")])
LINK = re.compile(r"\[[^\]]+\]\(([^)\s]+)\)")
FENCE = re.compile(r"^ *```\w*\n(.*?)^ *```", re.MULTILINE | re.DOTALL)

# Commands of the documents that no test runs, and why.
NOT_RUN = {
    "feeds check": "needs the open web",
    "extract https": "needs the open web",
    "backfill": "needs the open web or a crawl; tests/ingest/test_backfill.py runs it on the newsroom",
    "poll": "needs the open web; tests/newsroom/test_acts.py polls the newsroom",
    "metrics": "serves until it is stopped; tests/reporting/test_metrics.py runs it",
    "tail articles --follow": "follows until it is stopped; tests/cli/test_main.py runs it",
    "topics": "needs Kafka; tests/delivery/test_deliver.py runs it",
}


OPML = '<opml version="2.0"><body><outline type="rss" text="Nouveau" xmlUrl="https://nouveau.test/rss"/></body></opml>'


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    heads = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


@pytest.mark.parametrize("path", DOCUMENTS, ids=name)
def test_links_lead_to_files_and_headings_that_exist(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = (path.parent / file).resolve() if file else path
        assert target.exists(), f"{name(path)} links to {link}"
        assert not anchor or anchor in anchors(target), f"{name(path)} links to {link}"


def test_documents_are_found() -> None:
    assert len(DOCUMENTS) > 35


def test_the_readme_has_at_most_90_lines() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 90


@pytest.mark.parametrize("page", reference.PAGES)
def test_the_generated_reference_is_what_the_code_says(page: str) -> None:
    assert (reference.FOLDER / page).read_text(encoding="utf-8") == reference.PAGES[page](), "run `make docs`"


def test_every_reason_in_the_code_has_a_meaning_and_none_is_left_over() -> None:
    of_walls = {wall.reason for wall in walls()}
    source, connectors = source_of("pipeline"), source_of("connectors/http")
    rejected = of_walls | set(re.findall(r'Rejection\(\s*(?:reason=)?"(\w+)"', source))
    rejected |= set(re.findall(r'reject\(\s*\w+, "(\w+)"', source))
    rejected |= set(re.findall(r'^    \d{3}: "(\w+)",', source, re.MULTILINE))
    assert len(rejected) > 20
    rejected |= {f"refused_{rule}" for rule in re.findall(r'RequestRefused\(\s*[^,]+, "(\w+)"', connectors)}
    assert rejected <= {*reasons.REJECTIONS, *reasons.FAILURES}
    left_over = {
        reason
        for reason in {*reasons.REJECTIONS, *reasons.FAILURES, *reasons.DEFERRALS} - of_walls
        if f'"{reason.removeprefix("refused_")}"' not in source + connectors and reason.endswith("_error") is False
    }
    assert left_over == set()


def source_of(folder: str) -> str:
    files = [path for path in sorted((ROOT / folder).rglob("*.py")) if path.name != "reasons.py"]
    return "\n".join(path.read_text(encoding="utf-8") for path in files)


def commands() -> Iterator[tuple[str, str]]:
    """Each `newswire …` line in a code block or in backticks, with its document."""
    for path in DOCUMENTS:
        if path.parent == reference.FOLDER:
            continue
        text = path.read_text(encoding="utf-8")
        lines = [line.strip() for block in FENCE.findall(text) for line in block.split("\n")]
        lines += re.findall(r"`(newswire [^`]+)`", FENCE.sub("", text))
        for line in lines:
            found = re.match(r"(?:\.venv/bin/)?newswire ([a-z].*)", line)
            if found and "…" not in line and "|" not in line:
                yield name(path), found.group(1).partition("  #")[0].strip()


COMMANDS = sorted({command for _, command in commands()})


def test_commands_are_found() -> None:
    assert len(COMMANDS) > 25


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_option_of_the_documents_exists(command: str) -> None:
    words = shlex.split(command)
    pages = (reference.FOLDER / "cli.md").read_text(encoding="utf-8")
    named = next((n for n in (2, 1) if f"## `newswire {' '.join(words[:n])}`" in pages), 0)
    group = f"## `newswire {words[0]} "
    assert named or (len(words) == 1 and group in pages), f"no command: newswire {command}"
    if named:
        own = pages.split(f"## `newswire {' '.join(words[:named])}`", 1)[1].split("\n## ", 1)[0]
        for option in (word for word in words[named:] if re.match(r"--?[a-z]", word)):
            assert re.search(rf"`[^`]*(?<![\w-]){re.escape(option)}(?![\w-])[^`]*`", own), f"no {option}: {command}"


@pytest.mark.parametrize("command", [one for one in COMMANDS if one != "tail" and not one.startswith(tuple(NOT_RUN))])
def test_every_command_of_the_documents_runs(
    command: str,
    newswire: Newswire,  # noqa: F811
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """On the sample newsroom, whose only outlet takes the place of those in the documents."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "feeds.opml").write_text(OPML, encoding="utf-8")
    command = re.sub(r"franceinfo(?=$| )|example(?=$| )(?! https)", "antenne-info", command)
    command = command.replace("lemonde/une", "antenne-info/titres").replace("'example/*'", "'antenne-info/*'")
    run = newswire(*shlex.split(command))
    assert run.returncode in (0, 1), run.stderr  # 2: wrong usage; 1: for example "nothing is known of this address"
    assert "Traceback" not in run.stderr


def test_the_fourteen_searches_lead_to_files_that_name_their_subject() -> None:
    text = (ROOT / "docs" / "explanation" / "finding-your-way.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (?:the )?([^|]+?) \| `([^`]+)` \|$", text, re.MULTILINE)
    assert len(rows) == 14
    for subject, file in rows:
        head = (ROOT / file).read_text(encoding="utf-8").split('"""')[1].split("\n")[0]
        found = f"{file} {head}".lower().replace("_", " ")
        assert any(word[:6] in found for word in subject.lower().split() if len(word) > 3), (subject, file, head)
