"""The settings of this process: its environment variables, and the files of secrets that they name.

Cheap to import, for the DAG processor. What each setting means is pipeline/domain/settings.py's.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pipeline.domain.settings import Settings, load


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """The settings of these variables, or of the process's. Raises SettingsError with every fault."""
    return load(os.environ if environment is None else environment, lambda path: Path(path).read_text(encoding="utf-8"))
