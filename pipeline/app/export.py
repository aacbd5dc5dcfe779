"""Exports: a topic's articles to a file, whole or resumed, each once.

A resumable export has a checkpoint file beside it (`.<file>-….json`): the last message, and the length of the file.
The next run cuts off whatever a killed run wrote after it, so no article is in the file twice.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from connectors.archive.warc_archive import CheckpointFile, TextStore
from pipeline.app.runs import Newswire
from pipeline.delivery import export_formats
from pipeline.delivery.export_formats import DATE_TIME, MessageFilter, Value, columns, table_rows
from pipeline.domain.errors import SettingsError
from pipeline.domain.model import ReceivedMessage, Topic

PARQUET = "parquet"
ARTICLE_TOPICS = (Topic.ARTICLES, Topic.LATEST, Topic.COPIES)
AT_ONCE = 5_000  # messages between two notes, and of one Parquet file of a growing folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportChoice:
    """Which messages of which topic to export, in which form (`pipeline.delivery.export_formats.FORMS`, or parquet)."""

    topic: Topic
    form: str
    wanted: MessageFilter
    since: datetime | None = None


def lines(newswire: Newswire, choice: ExportChoice) -> Iterator[str]:
    return export_formats.lines(values(newswire, choice, messages(newswire, choice)), choice.form)


def write(newswire: Newswire, choice: ExportChoice, output: Path, *, resume: bool) -> Iterator[tuple[Path, int]]:
    """Write the articles to a file, or (parquet) to files of a folder; each file with its new articles."""
    if choice.form != "jsonl" and choice.topic not in ARTICLE_TOPICS:
        raise SettingsError(f"{choice.topic.value} has no articles: --format jsonl writes its values as they are")
    if resume:
        if choice.topic is Topic.LATEST:
            raise SettingsError("articles.latest is a state, not a log: export it whole, or articles with --resume")
        yield from ResumableExport(newswire, choice, output).go_on()
    elif choice.form == PARQUET:
        yield from write_parquet(values(newswire, choice, messages(newswire, choice)), output)
    else:
        yield output, write_whole(lines(newswire, choice), output)


def messages(
    newswire: Newswire, choice: ExportChoice, *, after: Mapping[int, int] | None = None
) -> Iterator[ReceivedMessage]:
    """The messages of a choice; of articles.latest each key's last one only, as after compaction."""
    read = newswire.topics.read(choice.topic, since=choice.since, after=after)
    if choice.topic is not Topic.LATEST:
        return read
    last = {received.key: (received.partition, received.offset) for received in read}
    again = newswire.topics.read(choice.topic, since=choice.since)
    return (received for received in again if last.get(received.key) == (received.partition, received.offset))


def values(newswire: Newswire, choice: ExportChoice, received: Iterable[ReceivedMessage]) -> Iterator[dict[str, Any]]:
    """The values that match, each with its text; tombstones are skipped."""
    texts = TextStore(newswire.settings.archive_folder)
    for message in received:
        if message.value is None:
            continue
        value = json.loads(message.value)
        if value.get("text_location"):  # it was too large for the topic
            with suppress(FileNotFoundError):  # past retention
                value["text"] = texts.read(value["text_location"])
        if choice.wanted.has_value(value):
            yield value


def write_whole(written: Iterator[str], output: Path) -> int:
    """Write lines to a file, atomically; how many."""
    output.parent.mkdir(parents=True, exist_ok=True)
    partial = output.with_name(output.name + ".partial")
    count = 0
    with partial.open("w", encoding="utf-8") as file:
        for line in written:
            file.write(line + "\n")
            count += 1
    partial.replace(output)
    return count


def write_parquet(rows_of: Iterable[Value], folder: Path, *, part: str = "") -> Iterator[tuple[Path, int]]:
    """Write `<folder>/<day><part>.parquet`, each atomically; every file with its number of rows."""
    import pyarrow
    from pyarrow import parquet

    kinds = {
        "string": pyarrow.string(),
        "array": pyarrow.list_(pyarrow.string()),
        "integer": pyarrow.int64(),
        "number": pyarrow.float64(),
        "boolean": pyarrow.bool_(),
        DATE_TIME: pyarrow.timestamp("us", tz="UTC"),
    }
    schema = pyarrow.schema([(column.name, kinds[column.kind]) for column in columns()])
    folder.mkdir(parents=True, exist_ok=True)
    for day, rows in sorted(table_rows(rows_of).items()):
        path = folder / f"{day}{part}.parquet"
        partial = path.with_name(path.name + ".partial")
        parquet.write_table(pyarrow.Table.from_pylist(rows, schema=schema), partial, compression="zstd")
        partial.replace(path)
        yield path, len(rows)


class ResumableExport:
    def __init__(self, newswire: Newswire, choice: ExportChoice, output: Path) -> None:
        self.newswire = newswire
        self.choice = choice
        self.output = output
        name = choice.topic.value, choice.form, choice.wanted
        self.note = CheckpointFile(output.parent, f".{output.name}", *name)
        kept = self.note.load() or {}
        self.after = {int(part): int(offset) for part, offset in kept.get("after", {}).items()}
        self.bytes = int(kept.get("bytes", 0))
        self.parts = int(kept.get("parts", 0))
        if not kept and output.exists():
            raise SettingsError(f"{output} exists, and this export did not begin it: choose another --output")
        self.keep()

    def go_on(self) -> Iterator[tuple[Path, int]]:
        """Write the new messages, portion by portion."""
        received = messages(self.newswire, self.choice, after=self.after)
        write_portion = self.add_parquet if self.choice.form == PARQUET else self.add_lines
        while portion := list(islice(received, AT_ONCE)):
            self.after |= {message.partition: message.offset for message in portion}
            yield from write_portion(list(values(self.newswire, self.choice, portion)))

    def add_lines(self, portion: list[dict[str, Any]]) -> Iterator[tuple[Path, int]]:
        """Append lines, then the checkpoint."""
        self.output.touch()
        with self.output.open("r+b") as file:
            file.truncate(self.bytes)
            file.seek(self.bytes)
            for line in export_formats.lines(portion, self.choice.form):
                file.write(line.encode() + b"\n")
            self.bytes = file.tell()
            file.flush()
            os.fsync(file.fileno())  # before the checkpoint says so
        self.keep()
        yield self.output, len(portion)

    def add_parquet(self, portion: list[dict[str, Any]]) -> Iterator[tuple[Path, int]]:
        """Write new files; after a kill the same names are written again."""
        yield from write_parquet(portion, self.output, part=f".{self.parts:06}")
        self.parts += 1
        self.keep()

    def keep(self) -> None:
        after = {str(part): offset for part, offset in self.after.items()}
        self.note.keep({"after": after, "bytes": self.bytes, "parts": self.parts})
