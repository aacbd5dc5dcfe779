"""Checkpoint file of a long job: a restart after a kill continues from it.

Written whole or not at all, deleted when the job is done. Its content is left to the job.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class CheckpointFile:
    """`<folder>/<job>-<digest of its options>.json`."""

    def __init__(self, folder: Path, job: str, *options: object) -> None:
        digest = hashlib.sha256(repr(options).encode()).hexdigest()[:12]
        self.path = folder / f"{job}-{digest}.json"

    def load(self) -> Mapping[str, Any] | None:
        """The stored progress; None when there is none."""
        try:
            kept: Mapping[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        return kept

    def keep(self, progress: Mapping[str, Any]) -> None:
        """Store the progress."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps(progress), encoding="utf-8")
        partial.replace(self.path)

    def forget(self) -> None:
        """Delete the checkpoint: the job is done, or starts again."""
        self.path.unlink(missing_ok=True)
