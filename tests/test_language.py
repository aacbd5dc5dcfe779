"""Plain English (CONTRIBUTING.md): what a machine can hold of it, file by file."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests import language

FILES = [path for path in language.files([language.ROOT]) if "shared" not in path.parts]


def name(path: Path) -> str:
    return str(path.relative_to(language.ROOT))


@pytest.mark.parametrize("path", FILES, ids=name)
def test_sentences_are_short_plain_and_name_paths_that_exist(path: Path) -> None:
    assert [str(finding) for finding in language.check(path)] == []


def test_the_language_test_finds_files() -> None:
    assert len(FILES) > 300


@pytest.mark.parametrize(
    "text, kind",
    [
        ("word " * 26, "26 words"),
        ("Nobody reads this.", "private word 'Nobody'"),
        ("It is in tests/no_such_file.py.", "no such path"),
    ],
)
def test_the_checker_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, kind: str) -> None:
    monkeypatch.setattr(language, "ROOT", tmp_path)
    (tmp_path / "module.py").write_text(f'"""{text}"""\n', encoding="utf-8")
    assert [finding.kind for finding in language.check(tmp_path / "module.py")] == [kind]
