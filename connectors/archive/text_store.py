"""Claim-check store: texts too large for a topic, beside the raw pages (pipeline/delivery/dead_letters.py).

Guarantee: a text is on the disk when `keep` returns, whole or not at all; a second `keep` replaces the same file. Texts
expire with their day, as raw pages do (connectors/archive/warc_archive.py).
"""

from __future__ import annotations

import os
from datetime import UTC
from pathlib import Path

from pipeline.domain.errors import StoreError
from pipeline.domain.model import Message

FOLDER = "texts"


class TextStore:
    """A folder of `<day>/texts/<event id>.txt`, UTF-8."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def keep(self, message: Message, text: str) -> str:
        """Write the text of this message; its path under the folder. Raises StoreError (a full disk)."""
        path = self.folder / message.time.astimezone(UTC).date().isoformat() / FOLDER / f"{message.id}.txt"
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("w", encoding="utf-8", newline="") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(path)
        except OSError as error:
            raise StoreError(f"{self.folder} keeps no texts: {error.strerror}", retriable=True) from error
        return str(path.relative_to(self.folder))

    def read(self, location: str) -> str:
        """The text at this path."""
        return (self.folder / location).read_bytes().decode()
