"""Plain English, as far as a machine can hold it: `python -m tests.language [PATH ...]` prints what it finds.

Reads the docstrings and the comments of Python files, and the prose of Markdown files. It
reports sentences of more than 25 words, words of our former private dialect, and paths that do not exist.
CONTRIBUTING.md has the rule. It cannot judge whether a sentence is clear: a reader does that.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
MAX_WORDS = 25

# The private dialect: what each word said is in brackets. The patterns look at prose, never at code.
DIALECT = (
    r"\bnobody\b",  # no one, not
    r"\bwhoever\b",  # the process that, the reader who
    r"\boftener\b",  # more often
    r"\bwhom\b",
    r"\b(?:is|are|was|were) (?:told|heard|believed)\b",  # is read from, is accepted
    r"\b(?:page|feed|outlet|host|topic|store|text|server|entry|address)s? (?:tells?|says?|hears?|asks?|speaks?)\b",
    r"\bstands? (?:beside|among|behind|still|in its own|alone)\b",  # is next to, is part of, does not move
    r"\bnone of (?:it|the article)\b",  # not part of the article
    r"\bcosts itself\b",  # is skipped and counted
    r"\bin words\b",
    r"\bby the name of\b",
    r"\bsister rooms?\b",  # other modules
    r"\brooms?\b",  # module, capacity
    r"\bnamesakes?\b",
    r"\bthe teacher\b",  # trafilatura
    r"\blessons?\b",
)
_DIALECT = re.compile("|".join(DIALECT), re.IGNORECASE)
_PATH = re.compile(
    r"(?<![\w/.*<{-])((?:pipeline|connectors|dags|schemas|tests|docs)/[\w./-]+\.(?:py|md|toml|json|yml|html|sql))\b"
)
_SENTENCE_END = re.compile(r"(?<=[.!?;:])[\"')`]*\s+|\n\s*\n|\n\s*(?:[-*] |\d+\. )")
_CODE = re.compile(r"``[^`]+``|`[^`\n]+`|https?://\S+|\([^()]*\.(?:py|md)[^()]*\)")
_DIRECTIVE = re.compile(r"^#\s*(?:noqa|type:|fmt:|pragma:|!)")


@dataclass(frozen=True, slots=True)
class Finding:
    """One place to mend."""

    path: str
    line: int
    kind: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.kind}: {self.text}"


def prose_of_python(source: str) -> Iterator[tuple[int, str]]:
    """Docstrings and comment blocks with their first line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node)
            if text:
                yield node.body[0].lineno, text
    block: list[str] = []
    began = last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or _DIRECTIVE.match(token.string):
            continue
        text = re.sub(r"#\s*(?:noqa|type|fmt|pragma)\b.*$", "", token.string.lstrip("#!: ")).strip()
        is_own_line = token.line.lstrip().startswith("#")
        if block and is_own_line and token.start[0] == last + 1:
            block.append(text)
        else:
            if block:
                yield began, "\n".join(block)
            block, began = [text], token.start[0]
        last = token.start[0]
    if block:
        yield began, "\n".join(block)


def prose_of_markdown(source: str) -> Iterator[tuple[int, str]]:
    """Paragraphs outside code fences and tables, with their first line."""
    paragraph: list[str] = []
    began, is_code = 0, False
    for number, line in enumerate([*source.split("\n"), ""], 1):
        if line.lstrip().startswith("```"):
            is_code = not is_code
        is_prose = bool(line.strip()) and not is_code and not line.lstrip().startswith(("|", "```", "#", "<", "!["))
        if is_prose and not (paragraph and re.match(r"\s*(?:[-*] |\d+\. )", line)):
            began = began if paragraph else number
            paragraph.append(line.strip())
            continue
        if paragraph:
            yield began, "\n".join(paragraph)
        paragraph, began = ([line.strip()], number) if is_prose else ([], 0)


def sentences(prose: str) -> Iterator[str]:
    """The sentences of a text. Lines that are drawn or indented as examples are left out."""
    kept = [line for line in prose.split("\n") if not re.search(r"[─▶│└├┌]|^ {4,}\S|^>>>|^\s*\|", line)]
    for sentence in _SENTENCE_END.split("\n".join(kept)):
        yield " ".join(_CODE.sub(" x ", sentence).split())


def words_in(sentence: str) -> int:
    """How many words a reader counts."""
    return sum(1 for word in sentence.split() if re.search(r"[^\W_]", word))


def check(path: Path) -> Iterator[Finding]:
    """What a machine finds in one file."""
    source = path.read_text(encoding="utf-8")
    name = str(path.relative_to(ROOT))
    parts = prose_of_python(source) if path.suffix == ".py" else prose_of_markdown(source)
    for line, text in parts:
        for sentence in sentences(text):
            if (count := words_in(sentence)) > MAX_WORDS:
                yield Finding(name, line, f"{count} words", sentence)
            if match := _DIALECT.search(sentence):
                yield Finding(name, line, f"private word {match.group()!r}", sentence)
        for found in _PATH.findall(text):
            if not (ROOT / found).exists():
                yield Finding(name, line, "no such path", found)


def files(paths: list[Path]) -> list[Path]:
    """The tracked Python and Markdown files below these paths."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "--", *map(str, paths)]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    return sorted(ROOT / name for name in listed if name.endswith((".py", ".md")) and (ROOT / name).exists())


def main(arguments: list[str]) -> int:
    """Print the findings of these paths, and their number; 1 when there are any."""
    if set(arguments) & {"-h", "--help"}:
        print(__doc__)
        return 0
    found = [
        finding for path in files([Path(word).resolve() for word in arguments] or [ROOT]) for finding in check(path)
    ]
    for finding in found:
        print(finding)
    print(f"{len(found)} found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
