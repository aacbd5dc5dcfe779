"""Density: complexity of functions, modules in a folder, a test for every module of `pipeline/`."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from radon.complexity import cc_visit

ROOT = Path(__file__).parents[1]
PRODUCT = ("pipeline", "connectors", "dags", "schemas")
# Radon counts boolean operators and the conditions of comprehensions; ruff's C901 does not.
MAX_COMPLEXITY = 12
MAX_MODULES = 20


MODULES = sorted(path for top in PRODUCT for path in (ROOT / top).rglob("*.py"))
PIPELINE = [path for path in MODULES if path.is_relative_to(ROOT / "pipeline") and path.name != "__init__.py"]


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", MODULES, ids=name)
def test_no_function_is_too_complex(path: Path) -> None:
    blocks = cc_visit(path.read_text(encoding="utf-8"))
    functions = [block for block in blocks if block.letter in "FM"]
    assert {block.fullname: block.complexity for block in functions if block.complexity > MAX_COMPLEXITY} == {}


def test_no_folder_holds_too_many_modules() -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    held = Counter(name(path.parent) for path in [*MODULES, *tests] if path.name != "__init__.py")
    assert held
    assert {folder: count for folder, count in held.items() if count > MAX_MODULES} == {}


def test_every_module_of_the_pipeline_is_found() -> None:
    assert len(PIPELINE) > 80


@pytest.mark.parametrize("path", PIPELINE, ids=name)
def test_every_module_has_a_test_of_its_name_or_names_one(path: Path) -> None:
    own = ROOT / "tests" / path.relative_to(ROOT / "pipeline").with_name(f"test_{path.name}")
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    named = re.findall(r"Tested by `?(tests/[\w/]+\.py)", " ".join(docstring.split()))
    assert own.exists() or (named and all((ROOT / test).exists() for test in named))
