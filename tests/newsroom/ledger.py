"""The ledger: what a perfect pipeline has on each topic, and which verdict it gave each entry.

A perfect pipeline polls every feed once per act. It fetches every page of an entry that is new or has new words, and
revisits the known articles, which is how it finds withdrawals.

What counts as an entry: an entry of a feed in this act's poll, when the body differs from the last one. A feed that
answers 304, or the same body but for build dates and counters, shows no entries; nor does one that fails. Each entry
shown has one verdict:

    new        never shown by this outlet, its page is an article not known yet
    copy       never shown by this outlet; its article carries another outlet's text that was published before
    duplicate  shown by another feed of the same outlet, in this act or before; or never shown, but its page prints
               again what the outlet published under another URL
    rejected   never shown by this outlet, its page is no article
    revised    this feed showed it with other words (title, summary, modified), and headline or text truly changed
    unchanged  this feed showed it before; its words, or at least headline and text of its page, are as they were

Duplicates and rejected pages give no message; copies go to the topic `copies`; all else goes to `articles`, whose
compacted twin `articles.latest` is in `Ledger.latest` (a withdrawn article is not in it: its key holds a tombstone).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache

from tests.newsroom.articles import Article, Version
from tests.newsroom.outlets import Feed, Outlet
from tests.newsroom.pages.walls import WRONG_PAGES
from tests.newsroom.quirks import GONE_FROM_ACT, SHOWN_BEFORE_THE_END, SICK

TYPES = {"new": "published", "back": "published", "revised": "updated", "withdrawn": "withdrawn"}


@dataclass(frozen=True, slots=True)
class Expected:
    """A message that must be on a topic. `act` is the act whose poll brings it."""

    act: int
    outlet: str
    url: str
    topic: str  # articles, articles.latest or copies
    type: str  # published, updated or withdrawn
    revision: int
    title: str
    text: str
    relation: str | None = None  # copy
    copy_of_url: str | None = None
    is_live_blog: bool = False
    is_free: bool | None = None  # as the page declares it; None: not declared
    published: str = ""  # ISO 8601
    authors: tuple[str, ...] = ()  # people; a desk or an agency is none


@dataclass(frozen=True, slots=True)
class ExpectedVerdict:
    """The verdict of one entry that a feed shows in an act."""

    outlet: str
    feed: str
    url: str
    verdict: str
    reason: str = ""  # of a rejected one: a word for it, not the only right one


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is right after an act. `messages` and `latest` add up over the acts; `verdicts` are those of this act."""

    act: int
    messages: tuple[Expected, ...]
    latest: tuple[Expected, ...]
    verdicts: tuple[ExpectedVerdict, ...]

    def counts(self) -> dict[str, dict[str, int]]:
        """Entries of this act by outlet and verdict."""
        counted: dict[str, dict[str, int]] = {}
        for each in self.verdicts:
            of_outlet = counted.setdefault(each.outlet, {})
            of_outlet[each.verdict] = of_outlet.get(each.verdict, 0) + 1
        return counted


def make_ledger(act: int, outlets: Iterable[Outlet]) -> Ledger:
    """What is right after polling every act up to this one, once each."""
    outlets = tuple(outlets)
    messages = tuple(
        message for now in range(1, act + 1) for outlet in outlets for message in _messages(outlet, now, outlets)
    )
    verdicts = tuple(verdict for outlet in outlets for verdict in outlet_verdicts(outlet, act))
    return Ledger(act, messages, _latest(messages), verdicts)


def _messages(outlet: Outlet, act: int, outlets: tuple[Outlet, ...]) -> Iterable[Expected]:
    """The messages that an act adds."""
    for article in outlet.articles:
        version = article.at(act)
        if version is None or version.act != act or version.change == "cosmetic" or article.duplicate_of:
            continue
        if is_reachable(outlet, article):
            yield _expected(outlet, article, version, outlets)


def is_reachable(outlet: Outlet, article: Article) -> bool:
    """Whether some feed ever shows the article."""
    return any(article in shown_by(outlet, feed, act) for feed in outlet.feeds for act in (1, 2, 3, 4))


def _expected(outlet: Outlet, article: Article, version: Version, outlets: tuple[Outlet, ...]) -> Expected:
    known = [v for v in article.versions if v.act <= version.act and v.change != "cosmetic"]
    # A withdrawal repeats the revision that it withdraws.
    revision = sum(v.change != "withdrawn" for v in known)
    return Expected(
        act=version.act,
        outlet=outlet.id,
        url=outlet.url(article),
        topic="copies" if article.copy_of else "articles",
        type=TYPES[version.change],
        revision=revision,
        title=version.title,
        text="" if version.is_withdrawn else version.text,
        relation="copy" if article.copy_of else None,
        copy_of_url=_url_of(article.copy_of, outlets) if article.copy_of else None,
        is_live_blog=article.form == "live",
        is_free=False if article.form == "paywalled" else True if outlet.look == "daily" else None,
        published=version.published.isoformat(),
        authors=version.authors,
    )


def _url_of(source: str, outlets: tuple[Outlet, ...]) -> str:
    outlet_id, _, slug = source.partition("/")
    for outlet in outlets:
        for article in outlet.articles:
            if (outlet.id, article.slug) == (outlet_id, slug):
                return outlet.url(article)
    raise ValueError(f"copy_of names nothing: {source}")


def _latest(messages: tuple[Expected, ...]) -> tuple[Expected, ...]:
    """The newest message of each article, withdrawn ones gone."""
    newest = {(each.outlet, each.url): each for each in messages if each.topic == "articles"}
    return tuple(replace(each, topic="articles.latest") for each in newest.values() if each.type != "withdrawn")


def shown_by(outlet: Outlet, feed: Feed, act: int) -> tuple[Article, ...]:
    """The articles whose entries arrive when the feed is polled in an act, whether it changed or not."""
    if feed.quirk in SICK or (feed.quirk == "gone-later" and act >= GONE_FROM_ACT):
        return ()
    articles = outlet.in_feed(feed, act)
    return articles[:SHOWN_BEFORE_THE_END] if feed.quirk == "truncated" else articles


@cache
def outlet_verdicts(outlet: Outlet, act: int) -> tuple[ExpectedVerdict, ...]:
    """The verdicts of the entries that an outlet's feeds show in an act."""
    known = {slug for feed in outlet.feeds for slug in _shown_before(outlet, feed, act)}
    verdicts: list[ExpectedVerdict] = []
    for feed in outlet.feeds:
        if feed.form == "wrong-pages":
            verdicts += _wrong_pages(outlet, feed) if act == 1 else []
        if not is_parsed(outlet, feed, act):
            continue
        before = _shown_before(outlet, feed, act)
        for article in shown_by(outlet, feed, act):
            verdict = _verdict(article, act, in_feed_before=article.slug in before, in_outlet=article.slug in known)
            verdicts.append(ExpectedVerdict(outlet.id, feed.name, outlet.url(article), verdict))
            known.add(article.slug)
    return tuple(verdicts)


def _shown_before(outlet: Outlet, feed: Feed, act: int) -> set[str]:
    return {article.slug for earlier in range(1, act) for article in shown_by(outlet, feed, earlier)}


def is_parsed(outlet: Outlet, feed: Feed, act: int) -> bool:
    """Whether the feed's body differs from the last act's; a truncated one is never believed to be the same."""
    if act == 1 or feed.quirk == "truncated":
        return True
    now, before = ([(a, a.at(n)) for a in shown_by(outlet, feed, n)] for n in (act, act - 1))
    return now != before


def _verdict(article: Article, act: int, *, in_feed_before: bool, in_outlet: bool) -> str:
    version = article.at(act)
    assert version is not None, "a feed shows only what is there"
    if version.act == act and version.change == "back":
        return "new"
    if in_feed_before:
        return "revised" if version.act == act and version.change == "revised" else "unchanged"
    if in_outlet or article.duplicate_of:
        return "duplicate"
    return "copy" if article.copy_of else "new"


def _wrong_pages(outlet: Outlet, feed: Feed) -> list[ExpectedVerdict]:
    return [ExpectedVerdict(outlet.id, feed.name, wrong.url, "rejected", wrong.reason) for wrong in WRONG_PAGES]
