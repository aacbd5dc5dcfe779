"""The report: what is counted once adds up, and what is lost is said."""

from __future__ import annotations

from pipeline.domain.model import Verdict
from pipeline.reporting.report import Report


def tallied() -> Report:
    report = Report()
    report.count_entries("franceinfo", 5)
    report.record_verdict("franceinfo", Verdict.NEW, count=3)
    report.record_verdict("franceinfo", Verdict.REJECTED, "consent_wall")
    report.record_pending("franceinfo", "http_503")
    return report


def test_verdicts_and_pending_add_up_to_entries() -> None:
    assert tallied().imbalance() == ()


def test_a_lost_entry_makes_the_run_red() -> None:
    report = tallied()
    report.count_entries("franceinfo", 1)
    assert report.problems == ("franceinfo: 6 entries, but 4 verdicts and 1 pending",)


def test_reasons_are_kept_of_what_was_not_published() -> None:
    assert tallied().outlet("franceinfo").reasons == {"rejected:consent_wall": 1, "pending:http_503": 1}


def test_json_gives_the_same_report_back() -> None:
    assert Report.from_json(tallied().to_json()) == tallied()


def test_shards_add_up() -> None:
    merged = Report.merge([tallied(), tallied()])
    assert merged.outlet("franceinfo").entries == 10
    assert merged.total(Verdict.NEW) == 6
    assert merged.imbalance() == ()
