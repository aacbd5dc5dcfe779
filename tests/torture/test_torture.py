"""The torture's short form; the long one is `make torture`."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.torture.run import FAULTS, Plan, torture


@pytest.fixture
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where PostgreSQL's own user may go."""
    made = tmp_path_factory.mktemp("torture")
    made.chmod(0o755)
    return made


def test_whatever_is_killed_stopped_or_cut_every_message_is_there_once_and_in_order(folder: Path) -> None:
    plan = Plan(faults=len(FAULTS) + 3, seed=5, pause_s=0.7, beat_s=1.0, delivery_timeout_s=2.0)
    lines: list[str] = []
    outcome = torture(folder, plan, say=lines.append)
    assert outcome.differences == [], "\n".join(lines)
    assert set(outcome.done) == set(FAULTS)
    assert outcome.articles > 20
