"""Compare the answers of two checkouts on the labelled pages, the dedup corpus and the feeds, field by field.

`python -m tests.evaluation.compare_answers --before /other/checkout/.venv/bin/newswire --after .venv/bin/newswire`
runs the same commands with both and exits with 1 when one answer differs. Answers of a clean checkout are kept under
`var/compare-answers` by its commit, so that a baseline runs once.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.evaluation.extraction_pages import CORPORA, NAMES, read_pages

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "var" / "compare-answers"
MOST_SHOWN = 20  # differences printed per command
MOST_SHOWN_CHARS = 160  # of a value, from just before the first character that differs
CONTEXT_CHARS = 30


def main() -> int:
    """Print how many answers differ; 1 when any does."""
    options = _options()
    commands = {
        name: command
        for name, command in _commands(options.sample, explain=options.explain).items()
        if name in options.only
    }
    differing = 0
    for name, (arguments, stdin) in commands.items():
        before, after = (_answers(program, name, arguments, stdin) for program in (options.before, options.after))
        differing += _report(name, before, after)
    return 1 if differing else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, required=True, help="the `newswire` command of the baseline")
    parser.add_argument("--after", type=Path, required=True, help="the `newswire` command to test")
    parser.add_argument("--sample", type=int, help="only so many pages of each corpus")
    parser.add_argument("--explain", action="store_true", help="compare the explanations of extractions too")
    names = list(_commands(1, explain=False))
    parser.add_argument("--only", nargs="+", choices=names, default=names, help="only these comparisons")
    return parser.parse_args()


def _commands(sample: int | None, *, explain: bool) -> dict[str, tuple[list[str], str]]:
    """By name: arguments of `newswire`, and what it reads from stdin. One process, so that learning has one order."""
    pages = read_pages(NAMES, sample=sample)
    lines = "".join(json.dumps({"id": page.id, "url": page.url, "file": str(page.file)}) + "\n" for page in pages)
    extract = ["extract", "--jsonl", "--processes", "1", "--explain" if explain else "--no-explain"]
    feeds = sorted(str(file) for file in (CORPORA.parent / "feeds").glob("*") if file.suffix in {".xml", ".json"})
    return {
        "extract": ([*extract, "--no-learn"], lines),
        "learn": ([*extract, "--learn"], lines),
        "dedup": (["dedup", "--jsonl", str(CORPORA.parent / "dedup" / "docs.jsonl.gz")], ""),
        "feeds": (["feeds", "parse", *feeds], ""),
    }


def _answers(program: Path, name: str, arguments: Sequence[str], stdin: str) -> list[str]:
    kept = _kept_answers(program, name, arguments, stdin)
    if kept is not None and kept.exists():
        return kept.read_text(encoding="utf-8").splitlines()
    command = [str(program.absolute()), *arguments]
    written = subprocess.run(  # the operator names the program
        command, input=stdin, stdout=subprocess.PIPE, text=True, check=True, cwd=_checkout(program)
    ).stdout
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(written, encoding="utf-8")
    return written.splitlines()


def _kept_answers(program: Path, name: str, arguments: Sequence[str], stdin: str) -> Path | None:
    """The file that keeps these answers; None for a checkout with changes that are not committed."""
    git = ["git", "-C", str(_checkout(program))]
    if _output([*git, "status", "--porcelain", "--untracked-files=no"]):
        return None
    asked = hashlib.sha256("\0".join([*arguments, stdin]).encode()).hexdigest()[:12]
    return KEPT / f"{_output([*git, 'rev-parse', '--short=12', 'HEAD'])}-{name}-{asked}.jsonl"


def _output(command: Sequence[str]) -> str:
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def _checkout(program: Path) -> Path:
    """The checkout whose `.venv/bin/newswire` this is."""
    return program.absolute().parents[2]


def _report(name: str, before: Sequence[str], after: Sequence[str]) -> int:
    """Print what differs; how many answers do."""
    pairs = [(json.loads(old), json.loads(new)) for old, new in zip(before, after, strict=False) if old != new]
    differing: int = sum(old != new for old, new in pairs) + abs(len(before) - len(after))
    print(
        f"{name}: {differing} of {len(before)} answers differ" + f", {len(after)} after" * (len(before) != len(after))
    )
    for shown, line in enumerate(line for old, new in pairs for line in _differences(old, new)):
        if shown == MOST_SHOWN:
            print("  …")
            break
        print(line)
    sys.stdout.flush()
    return differing


def _differences(old: dict[str, object], new: dict[str, object]) -> Iterator[str]:
    for field in [*old, *(new.keys() - old.keys())]:
        one, other = json.dumps(old.get(field), ensure_ascii=False), json.dumps(new.get(field), ensure_ascii=False)
        if one != other:
            start = max(0, _first_difference(one, other) - CONTEXT_CHARS)
            part = slice(start, start + MOST_SHOWN_CHARS)
            yield f"  {old.get('id', old.get('file'))} {field} [{start}]\n    - {one[part]}\n    + {other[part]}"


def _first_difference(one: str, other: str) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(one), len(other)))


if __name__ == "__main__":
    raise SystemExit(main())
