"""Extraction per second: our way on known and unknown outlets beside bare trafilatura, page by page in the same run.

`python -m tests.benchmarks.extract [--step N] [--rounds N]`: CPU milliseconds of one process. Of the labelled pages of
four news sets, where they are beside this checkout, every N-th outlet; of the newsroom, all pages, widened to the size
of real ones; and first the memory that a long run over these keeps. A round is all pages by trafilatura, then all by us
without wrappers, then with them, as a worker reads page after page; a page's best round counts.
"""

from __future__ import annotations

import argparse
import gc
import math
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import psutil
from rich.console import Console
from rich.progress import track
from trafilatura import bare_extraction

from pipeline.extraction.dom.page import page_in_utf8
from pipeline.extraction.extract import Extraction, PageInput, extract
from pipeline.extraction.values import Observation
from pipeline.extraction.wrapper.wrapper import ENOUGH_PAGES, Wrapper, learn
from pipeline.identity.urls import registrable_domain
from tests.evaluation.extraction_pages import CORPORA, NEWS, read_pages
from tests.newsroom.catalogue import OUTLETS
from tests.newsroom.pages.page import Page
from tests.newsroom.site import look_of

RELATED = (("Un titre voisin", "/a/1"), ("Un autre titre", "/a/2"), ("Encore un titre", "/a/3"))
# Real pages are a hundred times as large as the newsroom's: menus, teasers and scripts around the same article.
TEASER = '<li class="teaser-{n}"><a href="/a/{n}"><span>Teaser number {n}</span> of a long list of stories</a></li>'
NOISE = "".join(TEASER.format(n=n) for n in range(300))
SCRIPT = "<script>" + "window.data = window.data || []; " * 4_000 + "</script>"
LONG_RUN = 20_000


@dataclass(frozen=True, slots=True)
class Timed:
    """A page's best CPU seconds: trafilatura with metadata, ours on an unknown outlet, ours on a known one."""

    base_s: float
    cold_s: float
    warm_s: float
    by_wrapper: bool  # else an audit, or the wrapper was in doubt


def main() -> None:
    """Measure and print."""
    options = _options()
    console = Console(width=None if sys.stdout.isatty() else 170)
    made = _pages()
    _run_long(console, made)  # first: what trafilatura and the labelled pages leave behind is no worker's
    if CORPORA.exists():
        _report(console, "labelled pages", _time_all(console, _labelled(options.step), options.rounds))
    else:
        console.print("The labelled pages are not beside this checkout (../shared/corpora/extraction): made ones only.")
    _report(console, "made pages", _time_all(console, made, options.rounds))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.extract", description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="every so many of the labelled pages' outlets")
    parser.add_argument("--rounds", type=int, default=3, help="how often each page is timed")
    return parser.parse_args()


def _report(console: Console, title: str, timed: Sequence[Timed]) -> None:
    """The means tell pages a second, the medians what the page in the middle gains: half of all pages are small."""
    console.print(f"{title}: {len(timed)}, trafilatura with metadata {_ms([t.base_s for t in timed])}")
    alone = [t for t in timed if t.by_wrapper]
    _print_way(console, "newswire, outlet unknown", [(t.base_s, t.cold_s) for t in timed])
    _print_way(console, "newswire, outlet known, by wrapper", [(t.base_s, t.warm_s) for t in alone])
    _print_way(console, "newswire, outlet known, all with audits", [(t.base_s, t.warm_s) for t in timed])


def _print_way(console: Console, way: str, pairs: Sequence[tuple[float, float]]) -> None:
    if not pairs:
        return
    ratio = sum(base for base, _ in pairs) / sum(ours for _, ours in pairs)
    middle = statistics.median(base / ours for base, ours in pairs)
    console.print(
        f"  {way:40} {len(pairs):5} pages, {_ms([ours for _, ours in pairs])}, "
        f"{ratio:5.2f} × as many pages a second, {middle:5.2f} × on the page in the middle"
    )


def _ms(seconds: Sequence[float]) -> str:
    return f"mean {1000 * statistics.mean(seconds):6.2f} ms, median {1000 * statistics.median(seconds):6.2f} ms"


def _time_all(console: Console, pages: Sequence[PageInput], rounds: int) -> list[Timed]:
    wrappers = _learn(pages)
    known = [wrappers.get(page.outlet_id) for page in pages]
    texts = [page.html.decode() if isinstance(page.html, bytes) else page.html for page in pages]
    base, cold, warm = ([math.inf] * len(pages) for _ in range(3))
    for count in range(rounds):
        say = f"round {count + 1} of {rounds}"
        _time_pass(base, [partial(bare_extraction, text, with_metadata=True) for text in texts])
        console.print(f"{say}: trafilatura done")
        _time_pass(cold, [partial(extract, page, None) for page in pages])
        _time_pass(warm, [partial(extract, *pair) for pair in zip(pages, known, strict=True)])
        console.print(f"{say}: newswire done")
    by_wrapper = [_is_by_wrapper(extract(*pair)) for pair in zip(pages, known, strict=True)]
    return [Timed(*times) for times in zip(base, cold, warm, by_wrapper, strict=True)]


def _is_by_wrapper(found: Extraction) -> bool:
    return found.article is not None and " wrapper " in found.article.extractor


def _time_pass(best: list[float], ways: Sequence[Callable[[], object]]) -> None:
    """Better the best CPU seconds of each page."""
    gc.collect()
    for n, way in enumerate(ways):
        start = time.process_time()
        way()
        best[n] = min(best[n], time.process_time() - start)


def _labelled(step: int) -> list[PageInput]:
    outlets: dict[str, list[PageInput]] = defaultdict(list)
    for page in read_pages(NEWS):
        outlet = registrable_domain(page.url) or page.url
        outlets[outlet].append(PageInput(url=page.url, html=page_in_utf8(page.html(), None), outlet_id=outlet))
    return [page for outlet in sorted(outlets)[::step] for page in outlets[outlet]]


def _run_long(console: Console, pages: Sequence[PageInput]) -> None:
    wrappers = _learn(pages)
    process = psutil.Process()
    for count in track(range(LONG_RUN), "long run", console=console):
        page = pages[count % len(pages)]
        extract(page, wrappers.get(page.outlet_id))
        if count in {1_000, 10_000, LONG_RUN - 1}:
            console.print(f"after {count + 1} pages: {process.memory_info().rss / 2**20:.0f} MiB")


def _pages() -> list[PageInput]:
    pages = []
    for outlet in OUTLETS:
        for article in outlet.articles:
            html = look_of(outlet).render(Page(outlet, article, article.versions[0], RELATED))
            wide = html.replace("</body>", f"<footer class='wide'><ul>{NOISE}</ul></footer>{SCRIPT}</body>")
            pages.append(
                PageInput(
                    url=outlet.url(article),
                    html=wide.encode(),
                    outlet_id=outlet.id,
                    language=outlet.language,
                    zone=outlet.timezone,
                )
            )
    return pages


def _learn(pages: Sequence[PageInput]) -> dict[str, Wrapper]:
    """A grown wrapper for each outlet; one that has too few pages here is shown its own again."""
    seen: dict[str, list[Observation]] = defaultdict(list)
    for page in pages:
        observation = extract(page, None).observation
        if observation is not None:
            seen[page.outlet_id].append(observation)
    return {outlet: learn(None, [*observed, *_again(observed)]) for outlet, observed in seen.items()}


def _again(observed: Sequence[Observation]) -> list[Observation]:
    """The same pages under other marks, without their texts, which are no furniture for being shown again."""
    missing = max(0, ENOUGH_PAGES - len(observed))
    return [replace(observed[n % len(observed)], page=n, texts=()) for n in range(missing)]


if __name__ == "__main__":
    main()
