"""The archive for operators: check its files, rebuild its index, find pages.

Tested by tests/cli/test_main.py.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

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


def files_of(newswire: Newswire, since: str | None, until: str | None) -> Iterator[Path]:
    """The WARC files of these days. Raises SettingsError."""
    days = {"since": day_of(newswire, since, "--since"), "until": day_of(newswire, until, "--until")}
    return iter(warc_files(newswire.settings.archive_folder, **days))


def check_archive(newswire: Newswire, *, since: str | None, until: str | None) -> Iterator[CheckedFile]:
    """Check every file of these days, and compare it with its index. Raises SettingsError."""
    folder = newswire.settings.archive_folder
    for path in files_of(newswire, since, until):
        found = check_file(path)
        yield CheckedFile(str(path.relative_to(folder)), found.records, found.faults)


def index_archive(newswire: Newswire, *, since: str | None, until: str | None) -> Iterator[CheckedFile]:
    """Rebuild the index of every file of these days. Raises SettingsError."""
    folder = newswire.settings.archive_folder
    for path in files_of(newswire, since, until):
        yield CheckedFile(str(path.relative_to(folder)), write_index(path), ())


def find_pages(newswire: Newswire, url: str) -> Iterator[Capture]:
    """Every raw page of a URL, the oldest day first."""
    return find_captures(newswire.settings.archive_folder, url)
