"""What each rule of extraction earns on the labelled pages: `make eval-extract ABLATE=1`.

Leaves out one step, one kind of phrases, one list of lines or one kind of markup at a time.
Prints how many pages of how many outlets answer otherwise, and how the F1 of each news set changes.
A minus says that the rule earns something. Pages are read without a wrapper; a rule is tried where it may apply.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from collections.abc import Set as AbstractSet
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from unittest.mock import patch

from lxml import etree, html
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipeline.domain.model import Rejection
from pipeline.extraction.boilerplate.markup_kinds import NON_CONTENT_KINDS
from pipeline.extraction.boilerplate.phrases import LISTS, OFF, PATTERNS, phrase_kind
from pipeline.extraction.content.clean import STEPS
from pipeline.extraction.content.select import select_by_trafilatura
from pipeline.extraction.dom.blocks import Block, read_blocks
from pipeline.extraction.dom.page import page_in_utf8, parse_page
from pipeline.identity.urls import registrable_domain
from tests.evaluation.extraction_metrics import Score, overall, shingle_score, shingle_score_of_options
from tests.evaluation.extraction_pages import CORPORA, NEWS, LabelledPage, read_pages
from tests.evaluation.extraction_peers import Extracted, run_ours

PROCESSES = 2
ALL = "everything on"
# What a step writes into the explanation, where it cannot change an answer without writing it.
TRACES = {
    "scrambled text": {"scrambled"},
    "live posts": {"live posts"},
    "markup": {"markup"},
    "title": {"title"},
    "own teaser": {"own teaser"},
    "between": {"between"},
    "following": {"between"},
    "opening": {"opening"},
    "embeds": {"embed"},
    "captions": {"caption"},
    "offers": {"offer"},
    "teasers": {"teaser"},
    "comments": {"comments"},
    "boxes": {"box"},
    "links": {"links"},
    "rest of lead": {"lead"},
    "below lead": {"between"},
    "author lines": {"byline", "biography"},
    "pull quotes": {"pull quote"},
    "trim again": {"head", "tail"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The score of one page with one rule left out, where that changes the answer."""

    rule: str
    page_id: str
    corpus: str
    outlet: str
    score: Score
    text: str


def main() -> int:
    """Print the table; 1 when the corpora are not there."""
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.ablation", description=__doc__)
    parser.add_argument("--sample", type=int, help="so many pages of each corpus")
    options = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 170)
    if not CORPORA.exists():
        console.print("The labelled pages are not beside this checkout (../shared/corpora/extraction).")
        return 1
    pages = read_pages(sample=options.sample)
    with ProcessPoolExecutor(PROCESSES) as pool:
        done = track(
            pool.map(ablate, pages, chunksize=4),
            description="pages",
            total=len(pages),
            console=Console(stderr=True),
            refresh_per_second=0.1 if not sys.stderr.isatty() else 5,
        )
        answers = [answer for found in done for answer in found]
    console.print(table_of(answers))
    return 0


def ablate(page: LabelledPage) -> list[Answer]:
    """The page's answer with every rule on, and all that differ from it with one rule left out."""
    content = page_in_utf8(page.html(), None)
    with remembered_selections():
        whole, extraction = run_ours(page.url, content, None)
        answers = [_answer(page, ALL, whole)]
        for rule in rules_that_may_apply(content, {step.rule for step in extraction.explanation}):
            with switched_off(rule):
                found, _ = run_ours(page.url, content, None)
            if found != whole:
                answers.append(_answer(page, rule, found))
    return answers


@contextmanager
def remembered_selections() -> Iterator[None]:
    """Call trafilatura once for each tree of a page: no rule reaches into it, and it takes most of the time."""
    found: dict[tuple[bytes, bool], frozenset[int]] = {}

    def remember(root: html.HtmlElement, blocks: Sequence[Block], *, fast: bool) -> frozenset[int]:
        key = (etree.tostring(root), fast)
        if key not in found:
            found[key] = select_by_trafilatura(root, blocks, fast=fast)
        return found[key]

    with patch("pipeline.extraction.content.select.select_by_trafilatura", remember):
        yield


def rules_that_may_apply(content: bytes | str, written: AbstractSet[str]) -> Iterator[str]:
    """The steps that may have done something, and of phrases, lists and markup the kinds that the page has."""
    yield from (name for name, _ in STEPS if written & TRACES.get(name, written))
    parsed = parse_page(content)
    if isinstance(parsed, Rejection):
        return
    blocks = read_blocks(parsed.root)
    phrases = {phrase_kind(block.text) for block in blocks}
    markup = {mark.kind for block in blocks for mark in block.marks}
    yield from dict.fromkeys(f"phrases {rule.kind}" for rule in PATTERNS if rule.kind in phrases)
    yield from (f"lines {group.kind} {group.language}" for group in LISTS if group.kind in phrases)
    yield from (f"markup {kind}" for kind in sorted(NON_CONTENT_KINDS & markup))


def table_of(answers: Sequence[Answer]) -> Table:
    """One row for each rule that changes an answer, the one with most outlets first."""
    whole = {answer.page_id: answer for answer in answers if answer.rule == ALL}
    by_rule: defaultdict[str, dict[str, Answer]] = defaultdict(dict)
    for answer in answers:
        by_rule[answer.rule][answer.page_id] = answer
    table = Table(title=f"{len(whole)} pages; F1 without the rule minus F1 with it, in 0.0001", title_justify="left")
    for heading in ("left out", "outlets", "pages", *NEWS):
        table.add_column(heading, justify="left" if heading == "left out" else "right")
    base = {corpus: _f1(whole, {}, corpus) for corpus in NEWS}
    table.add_row(ALL, "", str(len(whole)), *(f"{base[corpus]:.4f}" for corpus in NEWS))
    rows = [(len({a.outlet for a in found.values()}), rule, found) for rule, found in by_rule.items() if rule != ALL]
    for outlets, rule, found in sorted(rows, key=lambda row: (-row[0], row[1])):
        changes = (10_000 * (_f1(whole, found, corpus) - base[corpus]) for corpus in NEWS)
        table.add_row(rule, str(outlets), str(len(found)), *(f"{change:+.0f}" for change in changes))
    return table


def _f1(whole: dict[str, Answer], changed: dict[str, Answer], corpus: str) -> float:
    answers = [changed.get(page_id, answer) for page_id, answer in whole.items() if answer.corpus == corpus]
    return overall([a.score for a in answers], [a.text for a in answers]).f1 if answers else 0.0


@contextmanager
def switched_off(*names: str) -> Iterator[None]:
    """Leave these rules out within the block."""
    before = OFF.set(frozenset(names))
    try:
        yield
    finally:
        OFF.reset(before)


def _answer(page: LabelledPage, rule: str, found: Extracted) -> Answer:
    text = page.predicted(found.text, found.lead)
    by_options = page.corpus == "fundus_eval"
    score = shingle_score_of_options(page.paragraphs, text) if by_options else shingle_score(page.gold, text)
    return Answer(
        rule=rule,
        page_id=page.id,
        corpus=page.corpus,
        outlet=registrable_domain(page.url),
        score=score,
        text=text,
    )


if __name__ == "__main__":
    sys.exit(main())
