"""`newswire topics|tail|export`: the topics, from the side of whoever subscribes."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from pipeline.errors import SettingsError
from pipeline.model import Received, Topic
from pipeline.show import terminal
from pipeline.times import time_of_option

console = terminal()
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
    from pipeline.app import App

    with App.from_env() as newswire:
        created = newswire.create_topics()
        console.print(f"created {', '.join(created)}" if created else "every topic is there already")


@topics.command(epilog="Example: `newswire topics describe`")
def describe() -> None:
    """The topics as they should be, and how the broker's differ; exit 1 on a difference."""
    from pipeline.app import App

    with App.from_env() as newswire:
        table = Table("topic", "partitions", "cleanup", "retention", "what is in it", header_style="bold")
        for spec in newswire.topic_specs():
            table.add_row(spec.name, str(spec.partitions), spec.cleanup, spec.kept, spec.sentence)
        console.print(table)
        differences = newswire.topic_differences()
        for difference in differences:
            console.print(f"[red]✗[/red] {difference}", soft_wrap=True)
        if differences:
            raise typer.Exit(1)


def tail(
    topic: Annotated[Topic, typer.Argument(help="articles, articles.latest, copies, feeds or dead-letters.")],
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more, until Ctrl-C.")] = False,
    since: Annotated[str | None, typer.Option(help="Only newer: 90s, 15m, 6h, 2d, or an RFC 3339 time.")] = None,
    outlet: Annotated[str | None, typer.Option(help="Only this outlet's id.")] = None,
    language: Annotated[str | None, typer.Option(help="Only this language, BCP 47.")] = None,
    section: Annotated[str | None, typer.Option(help="Only this section.")] = None,
    text: Annotated[str | None, typer.Option(help="Only articles with these words in headline or text.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The message's value, a JSON line each.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", "-n", help="End after so many.")] = None,
) -> None:
    """Read a topic as a consumer does: committed messages only, from Kafka or from the embedded log.

    Examples: `newswire tail articles -n 1`, `newswire tail articles --follow --language fr --json`
    """
    from pipeline.app import App

    with App.from_env() as newswire:
        shown = 0
        try:
            for received in newswire.read(
                topic, since=time_of_option(since, "--since", now=datetime.now(UTC)), follow=follow
            ):
                if not matches(received, outlet=outlet, language=language, section=section, text=text):
                    continue
                print_received(received, as_json=as_json)
                shown += 1
                if limit and shown >= limit:
                    break
        except KeyboardInterrupt:
            return


def export(
    file_format: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.JSONL,
    topic: Annotated[Topic, typer.Option(help="Which topic.")] = Topic.ARTICLES,
    since: Annotated[str | None, typer.Option(help="Only newer: 90s, 15m, 6h, 2d, or an RFC 3339 time.")] = None,
    outlet: Annotated[str | None, typer.Option(help="Only this outlet's id.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File (parquet: folder); none: print.")] = None,
) -> None:
    """Write a topic's articles to a file, in one of the field's formats.

    Examples: `newswire export --format jsonl -o articles.jsonl`, `newswire export --format dated-text`,
    `newswire export --format parquet -o articles/`
    """
    from pipeline import exports
    from pipeline.app import App
    from pipeline.app_files import write_parquet_by_day

    with App.from_env() as newswire:
        values = (
            json.loads(received.value)
            for received in newswire.read(
                topic, since=time_of_option(since, "--since", now=datetime.now(UTC)), follow=False
            )
            if received.value is not None and matches(received, outlet=outlet)
        )
        if file_format is Format.PARQUET:
            if output is None:
                raise SettingsError("parquet needs a folder: newswire export --format parquet --output FOLDER")
            for path, count in write_parquet_by_day(values, output):
                console.print(f"{count} articles in {path}")
            return
        write_lines(exports.lines(values, file_format.value), output)


def write_lines(lines: Iterator[str], output: Path | None) -> None:
    """Write lines to a file, whole or not at all, or to the terminal."""
    if output is None:
        for line in lines:
            sys.stdout.write(line + "\n")
        return
    partial = output.with_name(output.name + ".partial")
    with partial.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    partial.replace(output)


def print_received(received: Received, *, as_json: bool) -> None:
    """One message, for a person or for a program."""
    from pipeline.show import message_lines

    if as_json:
        sys.stdout.write((received.value.decode() if received.value is not None else "null") + "\n")
        sys.stdout.flush()
        return
    for line in message_lines(received):
        console.print(line, soft_wrap=True, markup=False)


def matches(
    received: Received,
    *,
    outlet: str | None = None,
    language: str | None = None,
    section: str | None = None,
    text: str | None = None,
) -> bool:
    """Whether a message passes every filter that was given; a tombstone passes only when none was."""
    if not (outlet or language or section or text):
        return True
    if received.value is None:
        return False
    value = json.loads(received.value)
    words = f"{value.get('title') or ''} {value.get('text') or ''}".casefold()
    return (
        (not outlet or (value.get("outlet") or {}).get("id") == outlet)
        and (not language or str(value.get("language") or "").startswith(language))
        and (not section or value.get("section") == section)
        and (not text or text.casefold() in words)
    )
