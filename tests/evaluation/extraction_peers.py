"""The extractors compared: ours, trafilatura in its modes, and the peers that can be imported, each as one function.

A peer that is not installed (`locks/eval.txt`) is named as absent, never skipped in silence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.util import find_spec
from typing import Any

from pipeline.extraction.extract import Extraction, PageInput, extract
from pipeline.extraction.wrapper.wrapper import Wrapper

__all__ = ["PEERS", "Extracted", "absent_peers", "run_ours", "run_peer"]


@dataclass(frozen=True, slots=True)
class Extracted:
    """What an extractor says of a page."""

    text: str = ""
    lead: str | None = None
    title: str = ""
    authors: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    date: str = ""
    language: str = ""
    rejection: str = ""
    way: str = ""


def run_ours(url: str, html: bytes | str, wrapper: Wrapper | None) -> tuple[Extracted, Extraction]:
    """Our answer, and the extraction behind it for learning."""
    extraction = extract(PageInput(url=url, html=html), wrapper)
    article = extraction.article
    if article is None:
        assert extraction.rejection is not None
        return Extracted(rejection=extraction.rejection.reason), extraction
    published = article.published
    day = published.value + timedelta(seconds=published.offset_s) if published else None
    extracted = Extracted(
        text=article.text,
        lead=article.lead,
        title=article.title,
        authors=(*article.authors, *article.author_organisations),
        people=article.authors,
        date=day.strftime("%Y-%m-%d") if day else "",
        language=(article.language or "")[:2],
        way=article.extractor.partition(" ")[2],
    )
    return extracted, extraction


def _trafilatura(html: str, **options: Any) -> Extracted:
    from trafilatura import bare_extraction

    document: Any = bare_extraction(html, include_comments=False, **options)
    if document is None:
        return Extracted()
    authors = tuple(name.strip() for name in (document.author or "").split(";") if name.strip())
    return Extracted(document.text or "", None, document.title or "", authors, authors, document.date or "")


def _newspaper(html: str) -> Extracted:
    import newspaper

    article = newspaper.article("http://unknown.invalid/", input_html=html, language="en")
    day = article.publish_date.strftime("%Y-%m-%d") if article.publish_date else ""
    authors = tuple(article.authors)
    return Extracted(article.text, None, article.title, authors, authors, day)


def _readability(html: str) -> Extracted:
    from lxml import html as tree
    from readability import Document

    document = Document(html)
    summary = tree.fromstring(document.summary())
    lines = [
        " ".join(str(e.xpath("string()")).split())
        for e in summary.iter("p", "h2", "h3", "li", "blockquote", "div")
        if e.text
    ]
    return Extracted("\n".join(dict.fromkeys(lines)), None, document.short_title())


def _goose(html: str) -> Extracted:
    from goose3 import Goose

    article = Goose().extract(raw_html=html)
    authors = tuple(article.authors)
    return Extracted(article.cleaned_text, None, article.title, authors, authors, (article.publish_date or "")[:10])


def _news_please(html: str) -> Extracted:
    from newsplease import NewsPlease

    article = NewsPlease.from_html(html, url="http://unknown.invalid/")
    day = article.date_publish.strftime("%Y-%m-%d") if article.date_publish else ""
    authors = tuple(article.authors or ())
    return Extracted(article.maintext or "", None, article.title or "", authors, authors, day)


# Name → the module it needs, and how it is run. trafilatura with metadata is what ours does on a page, so speeds are
# compared with that one.
PEERS: dict[str, tuple[str, Callable[[str], Extracted]]] = {
    "trafilatura with metadata": ("trafilatura", lambda html: _trafilatura(html, with_metadata=True)),
    "trafilatura default": ("trafilatura", _trafilatura),
    "trafilatura fast": ("trafilatura", lambda html: _trafilatura(html, fast=True)),
    "trafilatura precision": ("trafilatura", lambda html: _trafilatura(html, favor_precision=True)),
    "trafilatura recall": ("trafilatura", lambda html: _trafilatura(html, favor_recall=True)),
    "newspaper4k": ("newspaper", _newspaper),
    "readability-lxml": ("readability", _readability),
    "goose3": ("goose3", _goose),
    "news-please": ("newsplease", _news_please),
}


def absent_peers() -> list[str]:
    """The peers that this environment lacks."""
    return [name for name, (module, _) in PEERS.items() if find_spec(module) is None]


def run_peer(name: str, html: str) -> Extracted:
    """A peer's answer; nothing where it fails on a page."""
    try:
        found = PEERS[name][1](html)
    except Exception:
        return Extracted(rejection="raised")
    names = tuple(_names(found.authors))
    return replace(found, title=str(found.title), authors=names, people=names)


def _names(found: Any) -> Iterator[str]:
    """The names in what a peer calls authors: a name, or a list of names and lists, as JSON-LD has them."""
    if isinstance(found, str):
        yield found
    elif isinstance(found, Iterable):
        for part in found:
            yield from _names(part)
