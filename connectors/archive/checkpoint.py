"""How far a long job got, on a file of its own: what a start after a kill goes on from.

Written whole or not at all; gone when the job is done. What is in it is the job's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class CheckpointFile:
    """`<folder>/<job>-<digest of its choices>.json`."""

    def __init__(self, folder: Path, job: str, *choices: object) -> None:
        digest = hashlib.sha256(repr(choices).encode()).hexdigest()[:12]
        self.path = folder / f"{job}-{digest}.json"

    def load(self) -> Mapping[str, Any] | None:
        """What was last kept; None when nothing was."""
        try:
            kept: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return kept

    def keep(self, progress: Mapping[str, Any]) -> None:
        """Remember this."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(progress), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> None:
        """The job is done, or begins anew."""
        self.path.unlink(missing_ok=True)
