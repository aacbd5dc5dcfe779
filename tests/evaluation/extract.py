"""Extraction quality and speed, compared with trafilatura and other peers: `python -m tests.evaluation.extract`.

Prints, per corpus and extractor:
- 4-gram precision, recall and F1, the share of pages exactly right (F1 ≥ 0.99) and bad (< 0.9);
- ROUGE-LSum and segments where the corpus has them;
- title, authors, date and language;
- CPU time per page, and its ratio to trafilatura with metadata in the same run.
`--short` prints less. The worst pages go side by side into `var/eval-extract.html` (`--report FILE`).
"""

from __future__ import annotations

import argparse
import socket
import sys
import time
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import py3langid
from htmldate.extractors import external_date_parser
from rich.console import Console
from rich.progress import track
from rich.table import Table

from pipeline.extraction.dom.page import page_in_utf8
from pipeline.extraction.values import Observation
from pipeline.extraction.wrapper.wrapper import ENOUGH_PAGES, Wrapper, learn
from pipeline.identity.urls import registrable_domain
from tests.evaluation.extraction_metrics import (
    Score,
    overall,
    rouge_lsum,
    segment_counts,
    shingle_score,
    shingle_score_of_options,
    word_score,
)
from tests.evaluation.extraction_pages import CORPORA, NAMES, NEWS, LabelledPage, read_pages
from tests.evaluation.extraction_peers import PEERS, Extracted, absent_peers, run_ours, run_peer
from tests.evaluation.extraction_report import write_report

COLD, WARM = "newswire (cold)", "newswire (wrappers)"
SPEED_BASE = "trafilatura with metadata"
PROCESSES = 2
SHORT_SAMPLE = 8  # of each corpus: under a minute with two processes


@dataclass(frozen=True, slots=True)
class Result:
    """One extractor on one page."""

    page_id: str
    extractor: str
    extracted: Extracted
    cpu_s: float
    observation: Observation | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A result with its scores."""

    page: LabelledPage
    result: Result
    text: str
    shingles: Score
    words: Score
    rouge: Score | None


def main() -> int:
    """Run the comparison; 1 when the corpora are not there."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 170)
    if not CORPORA.exists():
        console.print(
            "The labelled pages are not beside this checkout (../shared/corpora/extraction): nothing to evaluate."
        )
        return 1
    names = [options.corpus] if options.corpus else [name for name in NAMES if name != "htmldate" or not options.short]
    pages = read_pages(names, sample=SHORT_SAMPLE if options.short else options.sample)
    extractors = [COLD, *([] if options.only_ours else [name for name in PEERS if name not in absent_peers()])]
    for name in absent_peers():
        console.print(f"absent: {name} (install locks/eval.txt into a second environment to compare with it)")
    results = _run(pages, extractors)
    results += _run_warm(pages, [r for r in results if r.extractor == COLD])
    scored = [_score(page, result) for page, result in _paired(pages, results)]
    for name in names:
        _print_corpus(console, name, [s for s in scored if s.page.corpus == name])
    _print_ways(console, scored)
    options.report.parent.mkdir(parents=True, exist_ok=True)
    write_report(options.report, [s for s in scored if s.result.extractor == COLD and s.page.gold])
    console.print(f"worst pages side by side: {options.report}")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.evaluation.extract", description=__doc__)
    parser.add_argument("--sample", type=int, help="so many pages of each corpus")
    parser.add_argument("--corpus", choices=NAMES, help="one corpus only")
    parser.add_argument("--short", action="store_true", help="a small sample, under a minute")
    parser.add_argument("--only-ours", action="store_true", help="without trafilatura and the peers")
    parser.add_argument(
        "--report",
        type=Path,
        default=Path("var/eval-extract.html"),
        help="the HTML page of the worst pages side by side",
    )
    return parser.parse_args()


def _run(pages: list[LabelledPage], extractors: list[str]) -> list[Result]:
    """Every extractor on every page, page by page so that a loaded machine weighs on all alike."""
    with ProcessPoolExecutor(PROCESSES, initializer=_warm_up) as pool:
        answers = pool.map(_run_page, pages, [extractors] * len(pages), chunksize=2)
        found = track(answers, description="extracting", total=len(pages), disable=not sys.stderr.isatty())
        return [result for results in found for result in results]


def _no_names(*_: object, **__: object) -> NoReturn:
    raise OSError("no network in an evaluation")


def _warm_up() -> None:
    """Imports and models that the first page would pay for; and no names looked up for what a page refers to.

    A peer does that for each page: without a network it waits ten seconds, with one it would read more than its page.
    """
    socket.getaddrinfo = _no_names
    py3langid.classify("Not every page needs the model, and the first that does would pay for it.")
    external_date_parser("Freitag, 3. Mai", "%Y-%m-%d")  # no whole date: all its languages are loaded, in a second
    html = (
        "<html><body><h1>Warm</h1><p>"
        + "One sentence of many words is said again and again here. " * 9
        + "</p></body></html>"
    )
    run_ours("http://warm.invalid/a/b", html, None)
    run_peer(SPEED_BASE, html)


def _run_page(page: LabelledPage, extractors: list[str]) -> list[Result]:
    html = page_in_utf8(page.html(), None)
    text = html.decode()
    results = []
    for name in extractors:
        start = time.process_time()
        if name == COLD:
            extracted, extraction = run_ours(page.url, html, None)
            results.append(Result(page.id, name, extracted, time.process_time() - start, extraction.observation))
        else:
            extracted = run_peer(name, text)
            results.append(Result(page.id, name, extracted, time.process_time() - start))
    return results


def _run_warm(pages: list[LabelledPage], cold: list[Result]) -> list[Result]:
    """Outlets with enough pages again, with a wrapper learnt from the outlet's other pages; the others as before."""
    outlets: dict[tuple[str, str], list[tuple[LabelledPage, Result]]] = defaultdict(list)
    for page, result in zip(pages, cold, strict=True):
        outlets[page.corpus, registrable_domain(page.url)].append((page, result))
    jobs = []
    for members in outlets.values():
        for page, result in members:
            others = [r.observation for p, r in members if p.id != page.id and r.observation is not None]
            wrapper = learn(None, others) if len(others) >= ENOUGH_PAGES - 1 else None
            jobs.append((page, result, wrapper))
    with ProcessPoolExecutor(PROCESSES, initializer=_warm_up) as pool:
        return list(pool.map(_run_page_warm, *zip(*jobs, strict=True), chunksize=4))


def _run_page_warm(page: LabelledPage, cold: Result, wrapper: Wrapper | None) -> Result:
    if wrapper is None:
        return Result(page.id, WARM, cold.extracted, cold.cpu_s)
    html = page_in_utf8(page.html(), None)
    start = time.process_time()
    extracted, _ = run_ours(page.url, html, wrapper)
    return Result(page.id, WARM, extracted, time.process_time() - start)


def score_page(page: LabelledPage) -> Scored:
    """Ours on one page, as of an outlet never seen before, with its scores."""
    extracted, extraction = run_ours(page.url, page_in_utf8(page.html(), None), None)
    return _score(page, Result(page.id, COLD, extracted, 0.0, extraction.observation))


def _paired(pages: list[LabelledPage], results: list[Result]) -> list[tuple[LabelledPage, Result]]:
    known = {page.id: page for page in pages}
    return [(known[result.page_id], result) for result in results]


def _score(page: LabelledPage, result: Result) -> Scored:
    text = page.predicted(result.extracted.text, result.extracted.lead)
    rouge = rouge_lsum(page.paragraphs, result.extracted.text) if page.corpus == "fundus_eval" else None
    shingles = shingle_score_of_options(page.paragraphs, text) if rouge else shingle_score(page.gold, text)
    return Scored(page, result, text, shingles, word_score(page.gold, text), rouge)


def _print_corpus(console: Console, name: str, scored: list[Scored]) -> None:
    if not scored:
        return
    extractors = list(dict.fromkeys(s.result.extractor for s in scored))
    count = len({s.page.id for s in scored})
    note = ", lead left out as its gold does" if name == "aeb" else ""
    table = Table(title=f"{name}: {count} pages{note}", title_justify="left")
    for heading in (
        "",
        "P",
        "R",
        "F1",
        "exact",
        "bad",
        "word F",
        "other",
        "title",
        "soft",
        "authors",
        "date",
        "lang",
        "ms",
        "×",
    ):
        table.add_column(heading, justify="right" if heading else "left")
    base = _milliseconds([s for s in scored if s.result.extractor == SPEED_BASE])
    for extractor in extractors:
        table.add_row(extractor, *_figures([s for s in scored if s.result.extractor == extractor], base))
    console.print(table)


def _figures(scored: list[Scored], base_ms: float) -> list[str]:
    golden = [s for s in scored if s.page.gold and s.page.corpus not in {"traf_eval", "htmldate"}]
    ms = _milliseconds(scored)
    return [
        *_text_figures(golden),
        _other(scored),
        _share([_plain(s.page.title) == _plain(s.result.extracted.title) for s in scored if s.page.title]),
        _share([_alike(s.page.title, s.result.extracted.title) for s in scored if s.page.title]),
        _share([_same_authors(s) for s in scored if s.page.authors]),
        _share([s.page.date == s.result.extracted.date for s in scored if s.page.date]),
        _share([s.page.language == s.result.extracted.language for s in scored if s.page.language]),
        f"{ms:.1f}",
        f"{base_ms / ms:.2f}" if base_ms and ms else "",
    ]


def _text_figures(golden: list[Scored]) -> list[str]:
    if not golden:
        return [""] * 6
    total = overall([s.shingles for s in golden], [s.text for s in golden])
    return [
        f"{total.precision:.4f}",
        f"{total.recall:.4f}",
        f"{total.f1:.4f}",
        _share([s.shingles.f1 >= 0.99 for s in golden]),
        _share([s.shingles.f1 < 0.9 for s in golden]),
        f"{overall([s.words for s in golden], [s.text for s in golden]).f1:.4f}",
    ]


def _other(scored: list[Scored]) -> str:
    """ROUGE-LSum of fundus-evaluation, the segments' F of trafilatura's set."""
    rouges = [s.rouge.f1 for s in scored if s.rouge is not None]
    if rouges:
        return f"ROUGE {100 * sum(rouges) / len(rouges):.2f}"
    counts = [segment_counts(s.text, s.page.wanted, s.page.unwanted) for s in scored if s.page.corpus == "traf_eval"]
    if not counts:
        return ""
    found, wrong, missed, _ = (sum(column) for column in zip(*counts, strict=True))
    return f"seg F {2 * found / max(1, 2 * found + wrong + missed):.4f}"


def _print_ways(console: Console, scored: list[Scored]) -> None:
    """How often the wrapper decided, rejections, and pages exactly right over all news sets."""
    warm = [s for s in scored if s.result.extractor == WARM]
    by_wrapper = [s for s in warm if s.result.extracted.way.startswith("wrapper")]
    cold_ms = {s.page.id: s.result.cpu_s for s in scored if s.result.extractor == SPEED_BASE}
    if by_wrapper and cold_ms:
        ratio = sum(cold_ms[s.page.id] for s in by_wrapper) / max(1e-9, sum(s.result.cpu_s for s in by_wrapper))
        console.print(
            f"the wrapper alone decided on {len(by_wrapper)} pages, {ratio:.1f} × as fast as {SPEED_BASE} there"
        )
    news = [s for s in warm if s.page.corpus in NEWS]
    if news:
        console.print(f"pages exactly right over the news sets: {_share([s.shingles.f1 >= 0.99 for s in news])}")
    rejected = [s for s in warm if s.result.extracted.rejection and s.page.gold]
    console.print(
        f"pages with gold text that the gate rejected: {len(rejected)} of {len([s for s in warm if s.page.gold])}"
    )
    for s in rejected[:20]:
        console.print(f"  {s.page.id}: {s.result.extracted.rejection}")


def _milliseconds(scored: list[Scored]) -> float:
    return 1000 * sum(s.result.cpu_s for s in scored) / len(scored) if scored else 0.0


def _share(hits: list[bool]) -> str:
    return f"{sum(hits) / len(hits):.3f}" if hits else ""


def _plain(text: str) -> str:
    return " ".join("".join(c if c.isalnum() else " " for c in text.casefold()).split())


def _alike(gold: str, found: str) -> bool:
    """Soft: one holds the other."""
    a, b = _plain(gold), _plain(found)
    return bool(a and b) and (a in b or b in a)


def _same_authors(scored: Scored) -> bool:
    """As sets, with or without the organisations: half of the gold lists leave agencies out."""
    gold = {_plain(name) for name in scored.page.authors}
    found = scored.result.extracted
    return gold in ({_plain(name) for name in found.authors}, {_plain(name) for name in found.people})


if __name__ == "__main__":
    sys.exit(main())
