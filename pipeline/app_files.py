"""The pipeline's code on files: editing the catalogue, extracting pages, deduplicating a corpus."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from pipeline.app import read_catalogue
from pipeline.errors import CatalogueError
from pipeline.exports import Value, parquet_rows
from pipeline.settings import load


def edit_catalogue(edit: Callable[[str], str], environment: Mapping[str, str] | None = None) -> Path:
    """Write the catalogue as `edit` makes it, whole or not at all; its path. Raises CatalogueError."""
    path = load(os.environ if environment is None else environment).catalogue
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    changed = edit(text)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(changed, encoding="utf-8")
    try:
        read_catalogue(partial)
    except CatalogueError:
        partial.unlink()
        raise
    partial.replace(path)
    return path


def write_parquet_by_day(values: Iterable[Value], folder: Path) -> Iterator[tuple[Path, int]]:
    """Write `<folder>/<day>.parquet`, each whole or not at all; every file with its number of rows."""
    import pyarrow
    from pyarrow import parquet

    folder.mkdir(parents=True, exist_ok=True)
    for day, rows in sorted(parquet_rows(values).items()):
        path = folder / f"{day}.parquet"
        partial = path.with_name(path.name + ".partial")
        parquet.write_table(pyarrow.Table.from_pylist(rows), partial, compression="zstd")
        partial.replace(path)
        yield path, len(rows)
