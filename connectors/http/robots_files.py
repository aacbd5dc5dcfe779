"""Site rules kept in files, one per origin, so that robots.txt is asked once a day and not once per run.

Promises that a file is whole or absent (written beside, then moved), that an unreadable one is as good as absent, and
that what nobody asked for in 30 days is removed. Several processes may share the folder.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from connectors.http.robots import SiteRules, TdmRule

KEPT_S = 30 * 86_400  # a copy older than a day serves only while the site's robots.txt cannot be had


class RobotsFiles:
    """Implements `connectors.http.robots.RobotsMemory` in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.forget_old(before=time.time() - KEPT_S)

    def recall(self, origin: str) -> SiteRules | None:
        """What was kept for this origin, if it can be read."""
        try:
            kept = json.loads(self.path(origin).read_bytes())
            return SiteRules(
                robots_text=kept["robots_text"],
                tdm_rules=tuple(TdmRule(**rule) for rule in kept["tdm_rules"]),
                asked_at=datetime.fromisoformat(kept["asked_at"]),
            )
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def keep(self, origin: str, rules: SiteRules) -> None:
        """Keep it; a full disk costs a request tomorrow and nothing else."""
        kept = {
            "origin": origin,
            "robots_text": rules.robots_text,
            "tdm_rules": [asdict(rule) for rule in rules.tdm_rules],
            "asked_at": rules.asked_at.isoformat(),
        }
        path = self.path(origin)
        beside = path.with_suffix(f".{os.getpid()}.new")
        with suppress(OSError):
            beside.write_text(json.dumps(kept), encoding="utf-8")
            beside.replace(path)

    def path(self, origin: str) -> Path:
        """The origin's file."""
        return self.folder / f"{sha256(origin.encode()).hexdigest()[:32]}.json"

    def forget_old(self, *, before: float) -> None:
        """Remove files last written before this moment (seconds since the epoch), and what a crash left behind."""
        for path in self.folder.iterdir():
            with suppress(OSError):
                if path.stat().st_mtime < before:
                    path.unlink()
