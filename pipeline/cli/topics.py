"""`newswire topics|tail|export`: read the topics and export them. Tested by tests/cli/test_main.py."""

from __future__ import annotations

import sys
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pipeline.cli.console import console, fail_if, open_newswire, print_faults, print_lines, remarks
from pipeline.domain.errors import SettingsError
from pipeline.domain.model import Topic

topics = typer.Typer(no_args_is_help=True, help="Create the topics and compare them with what they should be.")


class Format(StrEnum):
    """What `newswire export` can write."""

    JSONL = "jsonl"
    DATED_TEXT = "dated-text"
    PARQUET = "parquet"
    NINJS = "ninjs"
    JSON_LD = "json-ld"


@topics.command(epilog="Example: `NEWSWIRE_KAFKA_BOOTSTRAP=localhost:9092 newswire topics create`")
def create() -> None:
    """Create the topics that are missing, with their partitions, retention and compaction; nothing is changed."""
    with open_newswire() as newswire:
        created = newswire.create_topics()
        console.print(f"created {', '.join(created)}" if created else "every topic is there already")


@topics.command(epilog="Example: `newswire topics describe`")
def describe() -> None:
    """The topics as they should be, and how the broker's differ; exit 1 on a difference."""
    with open_newswire() as newswire:
        table = Table("topic", "partitions", "cleanup", "retention", "what is in it", header_style="bold")
        for spec in newswire.topic_specs():
            table.add_row(spec.name, str(spec.partitions), spec.cleanup, spec.kept, spec.sentence)
        console.print(table)
        fail_if(print_faults(newswire.topic_differences()))


Since = Annotated[str | None, typer.Option(help="Only newer: 90s, 15m, 6h, 2d, or an RFC 3339 time.")]
OfOutlet = Annotated[str | None, typer.Option(help="Only this outlet's id.")]
InLanguage = Annotated[str | None, typer.Option(help="Only this language, BCP 47: fr means fr-CA too.")]
OfSection = Annotated[str | None, typer.Option(help="Only this section.")]
WithText = Annotated[str | None, typer.Option(help="Only with these words in headline or text.")]


def tail(
    topic: Annotated[Topic, typer.Argument(help="articles, articles.latest, copies, feeds or dead-letters.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until Ctrl-C.")] = False,
    since: Since = None,
    outlet: OfOutlet = None,
    language: InLanguage = None,
    section: OfSection = None,
    text: WithText = None,
    as_json: Annotated[bool, typer.Option("--json", help="The message's value, a JSON line each.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="End after so many.")] = None,
) -> None:
    """Read a topic as a consumer does: committed messages only, from Kafka or from the embedded log.

    Examples: `newswire tail articles -n 1`, `newswire tail articles --follow --language fr --json`,
    `newswire tail dead-letters --since 2d`
    """
    from pipeline.delivery.export_formats import MessageFilter
    from pipeline.reporting.terminal import format_message

    wanted, count = MessageFilter(outlet=outlet, language=language, section=section, text=text), 0
    with open_newswire() as newswire:
        messages = newswire.topics.read(topic, since=newswire.moment(since, "--since"), follow=follow)
        try:
            for received in islice((message for message in messages if wanted.has(message)), limit):
                count += 1
                if not as_json:
                    print_lines(format_message(received))
                    continue
                sys.stdout.write((received.value.decode() if received.value is not None else "null") + "\n")
                sys.stdout.flush()
        except KeyboardInterrupt:
            return
        if not count:
            remarks.print(f"{newswire.settings.topics.prefix}{topic.value} has no such message")


def export(
    file_format: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.JSONL,
    topic: Annotated[Topic, typer.Option(help="articles, copies, or articles.latest for each one's last state.")] = (
        Topic.ARTICLES
    ),
    since: Since = None,
    outlet: OfOutlet = None,
    language: InLanguage = None,
    section: OfSection = None,
    text: WithText = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File (parquet: folder); none: print.")] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Append what came since the last time, or since it was killed.")
    ] = False,
) -> None:
    """Write a topic's articles to a file, in one of the field's formats: what is there at the start, each once.

    The file is written whole or not at all; with --resume it grows, and a note beside it says how far it is.

    Examples: `newswire export --format jsonl -o articles.jsonl --resume`, `newswire export --format dated-text`,
    `newswire export --topic articles.latest --format parquet -o articles/`
    """
    from pipeline.app import export
    from pipeline.delivery.export_formats import MessageFilter

    wanted = MessageFilter(outlet=outlet, language=language, section=section, text=text)
    with open_newswire() as newswire:
        since_at = newswire.moment(since, "--since")
        choice = export.ExportChoice(topic=topic, form=file_format.value, wanted=wanted, since=since_at)
        if output is None:
            if resume or file_format is Format.PARQUET:
                raise SettingsError("this needs somewhere to write to: newswire export … --output PATH")
            for line in export.lines(newswire, choice):
                sys.stdout.write(line + "\n")
            return
        written = list(export.write(newswire, choice, output, resume=resume))
        print_lines(f"{count} articles in {path}" for path, count in written)
        if not written:
            print_lines([f"nothing new for {output}"])
