"""A command's log lines go to stderr: JSON unless stderr is a terminal, without locals of a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.newsroom import Newsroom
from tests.newsroom.catalogue import OUTLETS, catalogue_toml

PROGRAM = """if True:
    import sys
    from pipeline.app.logging import configure_logging
    from pipeline.domain.model import FeedState
    from pipeline.reporting import logs
    configure_logging(is_service="service" in sys.argv)
    state = FeedState(feed_id="a/main", outlet_id="a", url="https://a.test/rss")
    logs.log_poll(state, "not_modified")
    if "import" in sys.argv:
        print("structlog" in sys.modules)
    logs.log_poll(state, "parsed", entries=4, new=3)
    try:
        password = "hunter2"
        raise ValueError("broken")
    except ValueError as error:
        logs.log_defect("poll failed", error, feed="a/main")
    import logging
    logging.getLogger("kafka").warning("broker %s is away", 1)
"""


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """The program in a process of its own."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("NEWSWIRE_")} | variables
    command = [sys.executable, "-c", PROGRAM, *words]
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment)


def json_lines(ran: subprocess.CompletedProcess[str]) -> list[dict[str, Any]]:
    """The lines on stderr."""
    return [json.loads(line) for line in ran.stderr.splitlines()]


def test_lines_are_json_where_stderr_is_no_terminal() -> None:
    ran = run()
    poll, defect, foreign = json_lines(ran)
    assert (poll["event"], poll["level"], poll["feed"], poll["new"]) == ("poll", "info", "a/main", 3)
    assert defect["level"] == "error"
    assert "ValueError: broken" in defect["exception"]
    assert (foreign["event"], foreign["level"]) == ("broker 1 is away", "warning")
    assert all(line["timestamp"].endswith("Z") for line in (poll, defect, foreign))
    assert ran.stdout == ""


def test_locals_are_not_logged() -> None:
    assert "hunter2" not in run().stderr


def test_the_console_form_shows_warnings_and_a_service_more() -> None:
    assert "outcome=parsed" not in run(NEWSWIRE_LOG_FORMAT="console").stderr
    (poll,) = [line for line in run("service", NEWSWIRE_LOG_FORMAT="console").stderr.splitlines() if "outcome" in line]
    assert "feed=a/main" in poll and "new=3" in poll


@pytest.mark.parametrize(("level", "polls"), [("debug", 2), ("info", 1), ("warning", 0)])
def test_the_level_is_a_setting(level: str, polls: int) -> None:
    lines = json_lines(run(NEWSWIRE_LOG_LEVEL=level))
    assert sum(line["event"] == "poll" for line in lines) == polls


def test_structlog_is_not_loaded_before_the_first_line() -> None:
    assert run("import").stdout == "False\n"


def test_wrong_settings_leave_the_defaults() -> None:
    """The command itself reports what is wrong."""
    assert len(json_lines(run(NEWSWIRE_LOG_LEVEL="loud"))) == 3


def test_a_run_logs_its_polls_verdicts_and_batches_and_no_text(tmp_path: Path) -> None:
    catalogue = tmp_path / "feeds.toml"
    catalogue.write_text(catalogue_toml(OUTLETS[:1]), encoding="utf-8")
    variables = {"NEWSWIRE_HOME": str(tmp_path / "home"), "NEWSWIRE_CATALOGUE": str(catalogue)}
    program = "from pipeline.cli.main import main; main(['poll', '--force'])"

    def poll() -> list[dict[str, Any]]:
        command = [sys.executable, "-c", program]
        return json_lines(
            subprocess.run(command, capture_output=True, text=True, check=True, env=os.environ | variables)
        )

    with Newsroom() as newsroom:
        variables |= {"NEWSWIRE_NEWSROOM": newsroom.address, "NEWSWIRE_HOST_SPACING_S": "0"}
        first, second = poll(), poll()
    events = Counter(line["event"] for line in first)
    assert events["poll"] == len(OUTLETS[0].feeds)
    assert events["verdict"] == sum(line["new"] for line in first if line["event"] == "poll")
    assert sum(line["messages"] for line in first if line["event"] == "batch delivered") > events["verdict"]
    assert {"feed", "outlet", "url", "verdict", "article"} <= next(
        line.keys() for line in first if line.get("verdict") == "new"
    )
    assert max(len(json.dumps(line)) for line in first) < 600
    assert "poll" not in {line["event"] for line in second}  # quiet polls are for debugging
