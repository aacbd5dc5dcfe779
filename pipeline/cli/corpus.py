"""`newswire extract` and `dedup`: the pipeline's code on files. Tested by tests/cli/test_main.py."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.console import fail_if, remarks
from pipeline.domain.errors import SettingsError


def extract(
    sources: Annotated[
        list[str] | None, typer.Argument(help="URLs or HTML files; with --jsonl, files of lines (.gz or not).")
    ] = None,
    url: Annotated[str | None, typer.Option(help="The URL that a file came from.")] = None,
    explain: Annotated[bool, typer.Option(help="Print what was dropped and added, and why.")] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read {id, url, file} lines, of files or of stdin, write a line each.")
    ] = False,
    learn: Annotated[bool, typer.Option(help="Learn each outlet's wrapper from the pages of this run.")] = True,
    processes: Annotated[int, typer.Option(help="Worker processes for --jsonl.")] = 2,
) -> None:
    """Extract articles from pages, as JSON.

    Examples: `newswire extract https://www.franceinfo.fr/politique/x_6433624.html --explain`,
    `newswire extract page.html --url https://example.org/a`,
    `newswire extract --jsonl pages.jsonl > articles.jsonl`
    """
    from pipeline.app.files import Progress, extract_lines, extract_one, lines_of

    if jsonl:
        progress = Progress("pages", remarks.print)
        for row in extract_lines(lines_of(sources or []), learn=learn, processes=processes, explain=explain):
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
            progress.count(row["verdict"])
        progress.tell_rate()
        return
    if not sources:
        raise SettingsError("nothing to extract: name a URL or a file, or give --jsonl")
    rejected = 0
    for source in sources:
        result = extract_one(source, url=url, explain=explain)
        rejected += result.get("verdict") == "rejected"
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    fail_if(rejected)


def dedup(
    source: Annotated[Path | None, typer.Argument(help="A file of lines, .gz or not; none: stdin.")] = None,
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Read JSON lines, write JSON lines (the only form).")] = True,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write here; go on where an earlier run stopped.")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(help="Keep what was seen on a store: a database URL, or `settings` for NEWSWIRE_DATABASE_URL's."),
    ] = None,
) -> None:
    """Deduplicate a corpus: {id, url, title, text, published, outlet?} lines in order of arrival.

    Writes a {id, verdict, article_id, cluster_id, copy_of, similarity} line for each, in the same order. Verdicts: new,
    copy (of another outlet's article), duplicate (of the outlet's own), revised and unchanged (the same URL again).
    Articles of one cluster_id have the same text; similarity is the share of each that is in the other.
    A `published` that is not a date is ignored. A line that is not a row gets the verdict `failed` with its number and
    fault, in the output and on stderr; the exit code is then 1.

    In memory by default: about 8 kB an article. A store keeps earlier corpora: a row that was there before is
    unchanged, and several processes may add at once.

    Examples: `newswire dedup --jsonl < articles.jsonl > verdicts.jsonl`, `newswire dedup articles.jsonl.gz -o
    verdicts.jsonl`, `newswire dedup articles.jsonl -o verdicts.jsonl --store sqlite:///corpus.db`
    """
    from pipeline.app.files import deduplicate

    del jsonl  # the flag names the format; there is one so far
    try:
        fail_if(deduplicate(source, output, store, tell=remarks.print))
    except KeyboardInterrupt:
        again = "the same command goes on here" if output else "with --output it could be gone on with"
        remarks.print(f"stopped; {again}")
        raise typer.Exit(130) from None
