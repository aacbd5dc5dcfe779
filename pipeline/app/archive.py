"""The archive from the operator's side: is it whole, what is in it, and its index made anew."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from connectors.archive.cdxj_index import Capture, check_file, find_captures, warc_files, write_index
from pipeline.app.runs import Newswire


def day_of(newswire: Newswire, text: str | None, option: str) -> date | None:
    """The day (UTC) that an option names, None when it is not given. Raises SettingsError."""
    moment = newswire.moment(text, option)
    return None if moment is None else moment.date()


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """A WARC file by its path under the archive's folder: its records, and a sentence for each fault."""

    name: str
    records: int
    faults: tuple[str, ...]


def check_archive(newswire: Newswire, *, since: str | None, until: str | None) -> Iterator[CheckedFile]:
    """Read every file of these days whole, and compare it with its index. Raises SettingsError."""
    folder = newswire.settings.archive_folder
    for path in warc_files(folder, since=day_of(newswire, since, "--since"), until=day_of(newswire, until, "--until")):
        found = check_file(path)
        yield CheckedFile(str(path.relative_to(folder)), found.records, found.faults)


def index_archive(newswire: Newswire, *, since: str | None, until: str | None) -> Iterator[CheckedFile]:
    """Make the index of every file of these days anew. Raises SettingsError."""
    folder = newswire.settings.archive_folder
    for path in warc_files(folder, since=day_of(newswire, since, "--since"), until=day_of(newswire, until, "--until")):
        yield CheckedFile(str(path.relative_to(folder)), write_index(path), ())


def find_pages(newswire: Newswire, url: str) -> Iterator[Capture]:
    """Every raw page of a URL, the oldest day first."""
    return find_captures(newswire.settings.archive_folder, url)
