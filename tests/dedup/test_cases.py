"""Written cases of sameness: bulletins, templates, digests, one text under several addresses, letters in two spellings.

Each `cases/NAME.jsonl` goes through the deduplicator in order; `NAME.expect.json` has the right verdicts and groups.
"""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from pipeline.dedup.jsonl import BadLine, Deduplicator, read_line

CASES = sorted((Path(__file__).parent / "cases").glob("*.jsonl"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_written_case_has_its_verdicts_and_groups(case: Path) -> None:
    wanted = json.loads(case.with_suffix(".expect.json").read_text(encoding="utf-8"))
    deduplicator, clusters = Deduplicator(), defaultdict[int, set[str]](set)
    for line, row in zip(case.read_text(encoding="utf-8").splitlines(), wanted["rows"], strict=True):
        read = read_line(line, 1)
        assert not isinstance(read, BadLine)
        decision = deduplicator.add(read).decision
        assert decision.verdict.value in row["verdict"], (row["id"], decision.reason)
        if row["group"] is not None:
            clusters[row["group"]].add(decision.cluster_id)
    assert [len(ids) for ids in clusters.values()] == [1] * len(clusters)
    assert len(set().union(*clusters.values())) == len(clusters)
