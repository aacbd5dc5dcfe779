"""Generated reference: `python -m tests.reference` writes docs/reference/ from the code; `--check` only compares.

One page each for the command line, settings, topics and fields, metrics, verdicts and reasons, and errors. A page names
its source at the top. The glossary is written by hand.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from connectors.desk.formatting import VERDICT_MEANINGS
from connectors.kafka.config import desired_topics
from pipeline.cli.main import app
from pipeline.domain import errors, reasons
from pipeline.domain.settings import Settings, describe
from pipeline.reporting.metrics import METRICS
from schemas import NAMES, load

FOLDER = Path(__file__).parents[1] / "docs" / "reference"
MADE = "<!-- Made by `make docs` from {source}. Edit the source, not this page. -->"


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(value) for value in line) + " |" for line in lines)


def cell(value: object) -> str:
    """A value that keeps a table's row in one line."""
    return " ".join(str(value).replace("|", "\\|").split())


def page(title: str, source: str, *parts: str) -> str:
    """A page with its title and its source."""
    return "\n\n".join([f"# {title}", MADE.format(source=source), *parts]) + "\n"


def cli() -> str:
    """Every command with its arguments, options and examples."""
    root = typer.main.get_command(app)
    return page(
        "Command line",
        "`pipeline/cli/`",
        "Every command has `--help` with the same text. Exit codes: 0 done; 1 done, but something is wrong and was"
        " printed; 2 wrong usage, settings or catalogue.",
        *commands(root, "newswire"),
    )


def commands(group: Any, prefix: str) -> Iterable[str]:
    """The commands of a group, depth first, in alphabetical order."""
    for name in sorted(group.commands):
        command = group.commands[name]
        if hasattr(command, "commands"):
            yield from commands(command, f"{prefix} {name}")
        elif not command.hidden:
            yield "\n\n".join(part for part in describe_command(command, f"{prefix} {name}") if part)


def describe_command(command: Any, name: str) -> Iterable[str]:
    """Heading, description, parameters and examples of one command."""
    yield f"## `{name}`"
    yield inspect.cleandoc(command.help or "")
    rows = [
        (
            f"`{' '.join([*parameter.opts, *parameter.secondary_opts])}`",
            default_of(parameter),
            help_of(parameter),
        )
        for parameter in command.params
        if "--help" not in parameter.opts
    ]
    yield table(("parameter", "default", "meaning"), rows) if rows else ""
    yield command.epilog or ""


def help_of(parameter: Any) -> str:
    """A parameter's help; arguments of plain click have none."""
    return getattr(parameter, "help", None) or ""


def default_of(parameter: Any) -> str:
    """A parameter's default as one would type it."""
    value = parameter.default
    if value in (None, False, ()) or callable(value) or repr(value).startswith("Sentinel"):
        return ""
    return f"`{'on' if value is True else value}`"


def settings() -> str:
    """Every setting."""
    rows = [
        (f"`{line.name}`", f"`{line.default}`" if line.default else "", line.sentence) for line in describe(Settings())
    ]
    return page(
        "Settings",
        "`pipeline/domain/settings.py`",
        "Settings are environment variables. A variable with the suffix `_FILE` names a file that holds the value, for"
        " example `NEWSWIRE_DATABASE_URL_FILE=/run/secrets/database-url`. All faults are reported together at start."
        " `newswire check --settings` prints this table with the values in force; secrets are shown as `***`.",
        table(("variable", "default", "meaning"), rows),
    )


def topics() -> str:
    """The topics, and every field of every message."""
    specs = desired_topics("news.", partitions=6, replication=1)
    rows = [(f"`{spec.name}`", spec.sentence, spec.kept, f"`{spec.cleanup}`") for spec in specs]
    parts = [table(("topic", "content", "kept", "cleanup.policy"), rows)]
    for name in NAMES:
        schema = load(name)
        required = set(schema.get("required", ()))
        fields = [
            (f"`{field}`", type_of(value), "yes" if field in required else "", value.get("description", ""))
            for field, value in schema["properties"].items()
        ]
        parts += [f"## {name}", str(schema["description"]), table(("field", "type", "always", "meaning"), fields)]
    return page("Topics and fields", "`connectors/kafka/config.py` and `schemas/`", *parts)


def type_of(value: Mapping[str, Any]) -> str:
    """The type of a field in short."""
    if "$ref" in value:
        return str(value["$ref"]).rpartition("/")[2]
    if "anyOf" in value or "oneOf" in value:
        return " or ".join(type_of(one) for one in value.get("anyOf") or value["oneOf"])
    if "enum" in value:
        return " or ".join(f"`{one}`" for one in value["enum"])
    kind = value.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def metrics() -> str:
    """Every metric."""
    rows = [(f"`{one.name}`", one.kind, ", ".join(one.labels), one.sentence) for one in METRICS]
    return page(
        "Metrics",
        "`pipeline/reporting/metrics.py`",
        "`newswire metrics` serves them; a Grafana dashboard and alert rules are in `connectors/metrics/`.",
        table(("metric", "type", "labels", "meaning"), rows),
    )


def verdicts() -> str:
    """Verdicts and reasons."""
    parts = [
        "Every entry of a feed ends in exactly one verdict.",
        table(
            ("verdict", "meaning"), [(f"`{verdict.name}`", meaning) for verdict, meaning in VERDICT_MEANINGS.items()]
        ),
    ]
    groups = (
        ("Reasons of REJECTED", reasons.REJECTIONS),
        ("Reasons of FAILED, after the last attempt", reasons.FAILURES),
        ("Reasons of waiting, without a verdict yet", reasons.DEFERRALS),
    )
    for title, group in groups:
        rows = [(f"`{reason}`", meaning) for reason, meaning in group.items()]
        parts += [f"## {title}", table(("reason", "meaning"), rows)]
    return page("Verdicts and reasons", "`pipeline/domain/reasons.py` and `connectors/desk/formatting.py`", *parts)


def error_tree() -> str:
    """Every error that the project raises on purpose."""
    found = [one for _, one in inspect.getmembers(errors, inspect.isclass) if issubclass(one, errors.NewswireError)]
    rows = [
        (f"`{one.__name__}`", f"`{one.__mro__[1].__name__}`", f"`{one.code}`", "yes" if one.retriable else "",
         (inspect.getdoc(one) or "").split("\n\n", maxsplit=1)[0])
        for one in sorted(found, key=lambda one: one.__name__)
    ]  # fmt: skip
    return page(
        "Errors",
        "`pipeline/domain/errors.py`",
        "An error names the feed or URL at fault. `retriable`: trying the same again later may help.",
        table(("error", "is a", "code", "retriable", "meaning"), rows),
    )


PAGES: Mapping[str, Callable[[], str]] = {
    "cli.md": cli,
    "settings.md": settings,
    "topics.md": topics,
    "metrics.md": metrics,
    "verdicts.md": verdicts,
    "errors.md": error_tree,
}


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` name those that are not what the code says."""
    if set(arguments) - {"--check"}:
        print(__doc__)
        return 0 if set(arguments) & {"-h", "--help"} else 2
    stale = 0
    for name, make in PAGES.items():
        path, text = FOLDER / name, make()
        if path.exists() and path.read_text(encoding="utf-8") == text:
            continue
        stale += 1
        if arguments:
            print(f"docs/reference/{name} is not what the code says: run `make docs`")
        else:
            path.write_text(text, encoding="utf-8")
            print(f"wrote docs/reference/{name}")
    return 1 if stale and arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
