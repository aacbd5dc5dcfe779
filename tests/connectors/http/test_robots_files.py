"""Site rules outlive the process in files."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from connectors.http.robots import SiteRules, TdmRule
from connectors.http.robots_files import RobotsFiles

ORIGIN = "https://gazette.test"
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RULES = SiteRules("User-agent: *\nDisallow: /privé", (TdmRule("/", reserved=True, policy="p"),), NOON)


@pytest.mark.parametrize("rules", [RULES, SiteRules(None, (), NOON)], ids=["rules", "none"])
def test_what_is_kept_is_recalled_by_another_process(tmp_path: Path, rules: SiteRules) -> None:
    RobotsFiles(tmp_path / "robots").keep(ORIGIN, rules)
    assert RobotsFiles(tmp_path / "robots").recall(ORIGIN) == rules
    assert RobotsFiles(tmp_path / "robots").recall("https://another.test") is None


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"null", b'{"robots_text": 1}', b"\xff", b'{"asked_at": "x"}'])
def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, damage: bytes) -> None:
    files = RobotsFiles(tmp_path)
    files.path(ORIGIN).write_bytes(damage)
    assert files.recall(ORIGIN) is None


def test_what_nobody_asked_for_in_a_month_is_removed(tmp_path: Path) -> None:
    files = RobotsFiles(tmp_path)
    files.keep(ORIGIN, RULES)
    files.keep("https://another.test", RULES)
    os.utime(files.path(ORIGIN), (0, 0))
    again = RobotsFiles(tmp_path)
    assert again.recall(ORIGIN) is None
    assert again.recall("https://another.test") == RULES


def test_a_folder_that_cannot_be_written_costs_nothing_but_the_memory(tmp_path: Path) -> None:
    files = RobotsFiles(tmp_path / "robots")
    (tmp_path / "robots").rmdir()
    files.keep(ORIGIN, RULES)
    assert files.recall(ORIGIN) is None
