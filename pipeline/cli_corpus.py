"""`newswire extract` and `newswire dedup`: the pipeline's own code on files, for a corpus or for a doubt."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from pipeline.show import terminal

console = terminal()


def extract(
    sources: Annotated[list[str] | None, typer.Argument(help="URLs or HTML files.")] = None,
    url: Annotated[str | None, typer.Option(help="The URL that a file came from.")] = None,
    explain: Annotated[bool, typer.Option(help="Print what was dropped and added, and why.")] = False,
    jsonl: Annotated[
        bool, typer.Option("--jsonl", help="Read {id, url, file} lines on stdin, write a line each.")
    ] = False,
    learn: Annotated[bool, typer.Option(help="Learn each outlet's wrapper from the pages of this run.")] = True,
    processes: Annotated[int, typer.Option(help="Worker processes for --jsonl.")] = 2,
) -> None:
    """Extract articles from pages, as JSON.

    Examples: `newswire extract https://www.franceinfo.fr/politique/x_6433624.html --explain`,
    `newswire extract page.html --url https://example.org/a`, `newswire extract --jsonl < pages.jsonl > articles.jsonl`
    """
    from pipeline.app_files import extract_lines, extract_one

    if jsonl:
        lines = (line for line in sys.stdin if line.strip())
        for row in extract_lines(lines, learn=learn, processes=processes, explain=explain):
            sys.stdout.write(json.dumps(row, ensure_ascii=False) + "\n")
        return
    rejected = 0
    for source in sources or []:
        result = extract_one(source, url=url, explain=explain)
        rejected += result.get("verdict") == "rejected"
        sys.stdout.write(json.dumps(result, ensure_ascii=False, indent=2) + "\n")
    if rejected:
        raise typer.Exit(1)


def dedup(
    jsonl: Annotated[bool, typer.Option("--jsonl", help="Read lines on stdin, write lines (the only form).")] = True,
) -> None:
    """Deduplicate a corpus: {id, url, title, text, published, outlet?} lines in arrival order.

    Writes {id, verdict, article_id, cluster_id, copy_of, similarity} lines. Example:
    `newswire dedup --jsonl < articles.jsonl > verdicts.jsonl`
    """
    from pipeline.dedup_lines import dedup_lines

    del jsonl  # the flag names the format; there is one so far
    for line in dedup_lines(line for line in sys.stdin if line.strip()):
        sys.stdout.write(line + "\n")
