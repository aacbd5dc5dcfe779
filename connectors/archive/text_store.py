"""Texts too large for a topic, kept beside the raw pages: the other half of a claim check
(pipeline/delivery/claim_check.py).

Guarantee: a text is on the disk when `keep` returns, whole or not at all; kept twice under one name it is the same
file. It goes with its day, as the raw pages do (connectors/archive/warc_archive.py).
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
        """Write the text of this message; where it is, under the folder. Raises StoreError (a full disk)."""
        try:
            return self.write(message, text)
        except OSError as error:
            raise StoreError(f"{self.folder} keeps no texts: {error.strerror}", retriable=True) from error

    def write(self, message: Message, text: str) -> str:
        """Write the text to its file; where it is."""
        path = self.folder / message.time.astimezone(UTC).date().isoformat() / FOLDER / f"{message.id}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
        with partial.open("w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
        return str(path.relative_to(self.folder))

    def read(self, location: str) -> str:
        """The text kept there."""
        return (self.folder / location).read_bytes().decode()
