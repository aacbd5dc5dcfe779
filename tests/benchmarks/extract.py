"""Extraction per second: pages of the newsroom through the teacher's way, the wrapper's way and bare trafilatura.

`python -m tests.benchmarks.extract`: CPU time of one process, all three in the same run, and
the memory after 20,000 pages.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import psutil
from rich.console import Console
from rich.progress import track
from trafilatura import bare_extraction

from pipeline.extract import PageInput, extract
from pipeline.wrapper import Wrapper, learn
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
class Measured:
    """A way of extracting and its CPU milliseconds per page."""

    way: str
    ms: float


def main() -> None:
    """Measure and print."""
    console = Console()
    pages = _pages()
    wrappers = _learn(pages)
    base = _measure("trafilatura with metadata", pages, lambda page: bare_extraction(page.html, with_metadata=True))
    cold = _measure("newswire, outlet unknown", pages, lambda page: extract(page, None))
    warm = _measure("newswire, outlet known", pages, lambda page: extract(page, wrappers.get(page.outlet_id)))
    for measured in (base, cold, warm):
        console.print(f"{measured.way:28} {measured.ms:6.2f} ms a page, {base.ms / measured.ms:5.2f} ×")
    process = psutil.Process()
    for count in track(range(LONG_RUN), description="long run"):
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
            pages.append(PageInput(outlet.url(article), wide, outlet.id, outlet.language, outlet.timezone))
    return pages


def _learn(pages: list[PageInput]) -> dict[str, Wrapper]:
    wrappers: dict[str, Wrapper] = {}
    for page in pages:
        observation = extract(page, None).observation
        if observation is not None:
            wrappers[page.outlet_id] = learn(wrappers.get(page.outlet_id), [observation])
    return wrappers


def _measure(way: str, pages: list[PageInput], run: Callable[[PageInput], object]) -> Measured:
    start = time.process_time()
    for page in pages:
        run(page)
    return Measured(way, 1000 * (time.process_time() - start) / len(pages))


if __name__ == "__main__":
    main()
