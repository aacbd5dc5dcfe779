"""What an operator reads on a run in the grid."""

from __future__ import annotations

from pipeline.domain.model import Verdict
from pipeline.reporting.report import Report
from pipeline.reporting.terminal import MAX_NOTE_CHARS, run_note, upkeep_note


def made(outlets: int = 1, *, error: str = "") -> Report:
    report = Report(seconds=4.2)
    for number in range(outlets):
        report.count_entries(f"gazette-{number}", 3)
        report.record_verdict(f"gazette-{number}", Verdict.NEW, count=2)
        report.record_pending(f"gazette-{number}", "host_waits")
        report.record_poll(f"gazette-{number}", "parsed")
        if error:
            report.record_poll(f"gazette-{number}", error)
    return report


def test_a_note_counts_entries_by_verdict_and_what_waits() -> None:
    assert run_note(made()).splitlines()[0] == "3 entries: 2 new; 1 pending; 1 polls in 4 s"


def test_what_is_wrong_stands_first() -> None:
    report = made()
    report.faults.append("not delivered: broker away")
    assert run_note(report).startswith("**not delivered: broker away**")


def test_an_outlet_that_is_down_is_named_with_its_error() -> None:
    assert run_note(made(error="timed_out")).endswith("gazette-0: 1 timed_out")


def test_polls_that_a_full_outbox_put_off_are_the_brokers_trouble_and_no_outlets() -> None:
    note = run_note(made(3, error="outbox_full"))
    assert "**3 polls put off: NEWSWIRE_OUTBOX_BOUND messages wait**" in note
    assert "gazette" not in note


def test_many_errors_are_cut_to_what_airflow_keeps() -> None:
    note = run_note(made(500, error="http_500"))
    assert "… and 492 more outlets with errors" in note
    assert len(note) <= MAX_NOTE_CHARS


def test_why_entries_wait_is_told_over_all_outlets() -> None:
    assert "6 pending:host_waits" in run_note(made(6)).splitlines()


def test_the_note_of_upkeep_tells_faults_before_feeds_in_trouble() -> None:
    faults, troubles = ("3 settled entries have no verdict",), ("gazette/une is silent: nothing new since Monday",)
    assert upkeep_note(faults, troubles).splitlines()[::2] == [f"**{faults[0]}**", "1 feeds in trouble", troubles[0]]
    assert upkeep_note((), ()).splitlines()[::2] == ["store, outbox and topics agree", "no feed is in trouble"]
