"""Wrapper induction: learns per outlet where its articles are on a page, without labels.

A DOM path that full selection keeps on page after page holds the article; a text that many pages show is boilerplate.
Learning is incremental in bounded memory. A wrapper has a version and a confidence, and restarts after a redesign.
When two processes learn for one outlet, the later version stays. The other's observations are lost, which costs little:
a wrapper needs only a few pages.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import islice
from typing import Any
from zlib import crc32

from pipeline.domain.ports import StoreCall, WrapperStore
from pipeline.extraction.values import Observation, SkipRegion

ENOUGH_PAGES = 5  # with fewer, one article's peculiarities would count as the outlet's
MAX_PATHS = 400
MAX_TEXTS = 1500
MAX_BRANCHES = 800
MAX_RECENT_PAGES = 64
MEMORY_PAGES = 200  # counts are halved each time so many pages were seen
ENOUGH_DEAD = 3  # pages on which a branch held nothing before it is skipped
MAX_REGIONS = 60
DROPPED_SHARE = 0.02
REPEATED_PAGES = 3  # on two, a repeated text may be a copy of an article
RECENT = 0.95  # weight of a region's page after one more page: the last twenty count most
ENOUGH_EMPTY = 3.5  # four pages in a row, or four of five; and nearly as many as the most frequent region has
NEARLY_AS_MANY = 0.9
MAX_BEHIND, MAX_BEFORE = 1, 2  # each is searched on every page; before the article one may be within another
AUDIT_SHARE = 0.05  # 1 page in 20 is selected fully all the same,
SETTLED_PAGES, SETTLED_AGREEMENT, SETTLED_SHARE = 15, 0.97, 0.02  # and 1 in 50 after so many that agreed
REDESIGN_AGREEMENT = 0.5  # on average: below it the wrapper describes another design
TRUSTED_AGREEMENT = 0.9
LATEST_WEIGHT = 0.2  # of one page in the average agreement
LEARNING_BATCH = 5  # pages between two updates: a wrapper is of use from about five on, and an update costs a write


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrapper:
    """What is known of an outlet's pages.

    `paths`: characters kept and dropped, pages. `texts`: pages that show a text. `dead`: pages on which a branch held
    nothing, -1 for a branch that once did. `regions`: weight of the pages on which it was empty, newest first, below
    zero for a region that once held something.
    """

    version: int = 0
    pages: int = 0
    paths: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    texts: Mapping[int, int] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    agreement: float = 1.0
    redesigns: int = 0
    recent: tuple[int, ...] = ()
    regions: Mapping[SkipRegion, float] = field(default_factory=dict)
    # Derived from the others once, because every page needs them. `shares`: how much of a path's text is article;
    # `usual_chars`: mean length of an article; `repeated`: texts of several pages.
    shares: Mapping[str, float] = field(init=False, compare=False, repr=False)
    usual_chars: float = field(init=False, compare=False, repr=False)
    dead_branches: frozenset[str] = field(init=False, compare=False, repr=False)
    repeated: frozenset[int] = field(init=False, compare=False, repr=False)
    skip_regions: tuple[SkipRegion, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        counts = self.paths.values()
        pages = max((pages for _, _, pages in counts), default=0.0)
        derived = {
            "shares": {path: kept / max(1.0, kept + dropped) for path, (kept, dropped, _) in self.paths.items()},
            "usual_chars": sum(kept for kept, _, _ in counts) / max(1.0, pages),
            "dead_branches": frozenset(branch for branch, pages in self.dead.items() if pages >= ENOUGH_DEAD),
            "repeated": frozenset(text for text, pages in self.texts.items() if pages >= REPEATED_PAGES),
            "skip_regions": (*_largest(self.regions, behind=True), *_largest(self.regions, behind=False)),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def confidence(self) -> float:
        """From 0 (never seen) to 1."""
        return min(1.0, self.pages / ENOUGH_PAGES) * self.agreement

    @property
    def is_mature(self) -> bool:
        """Whether it has learnt enough pages to be used."""
        return self.pages >= ENOUGH_PAGES

    def is_usually_dropped(self, path: str) -> bool:
        """Whether hardly any text of a path is article, on several pages that have it."""
        kept, dropped, pages = self.paths.get(path, (0.0, 0.0, 0.0))
        return pages >= REPEATED_PAGES and kept <= DROPPED_SHARE * (kept + dropped)

    def is_repeated(self, text: int, *, share: float = 0.0) -> bool:
        """Whether at least three other pages show this text, and this share of all that were learnt."""
        return self.texts.get(text, 0) >= max(REPEATED_PAGES, share * self.pages)

    def to_json(self) -> str:
        """As text, to be stored."""
        saved = {
            "version": self.version,
            "pages": self.pages,
            "places": {path: [round(x, 1) for x in counts] for path, counts in self.paths.items()},
            "texts": {str(text): pages for text, pages in self.texts.items()},
            "dead": dict(self.dead),
            "agreement": round(self.agreement, 4),
            "redesigns": self.redesigns,
            "recent": list(self.recent),
            "gaps": [[*region, round(pages, 2)] for region, pages in self.regions.items()],
        }
        return json.dumps(saved, ensure_ascii=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> Wrapper:
        """The wrapper that `to_json` wrote."""
        saved: dict[str, Any] = json.loads(text)
        return cls(
            **{name: saved[name] for name in ("version", "pages", "dead", "agreement", "redesigns")},
            paths={path: (x[0], x[1], x[2]) for path, x in saved["places"].items()},
            texts={int(text): pages for text, pages in saved["texts"].items()},
            recent=tuple(saved["recent"]),
            # absent from wrappers that were stored before regions existed
            regions={SkipRegion(start, stop): pages for start, stop, pages in saved.get("gaps", ())},
        )


def _largest(regions: Mapping[SkipRegion, float], *, behind: bool) -> tuple[SkipRegion, ...]:
    """The largest of the most frequent regions: an outlet has pages of several kinds, and one kind may lack them."""
    counts = {region: pages for region, pages in regions.items() if bool(region.stop) != behind}
    needed = max(ENOUGH_EMPTY, NEARLY_AS_MANY * max(counts.values(), default=0.0))
    return tuple(region for region, pages in counts.items() if pages >= needed)[: MAX_BEHIND if behind else MAX_BEFORE]


def key_hash(key: str) -> int:
    """A small number for a text's comparison key."""
    return crc32(key.encode())


def needs_full_selection(wrapper: Wrapper | None, draw: float) -> bool:
    """Whether the wrapper may not decide: too few pages, low agreement, or drawn for the audit (draw in [0, 1))."""
    if wrapper is None or not wrapper.is_mature or wrapper.agreement < TRUSTED_AGREEMENT:
        return True
    is_settled = wrapper.pages >= SETTLED_PAGES and wrapper.agreement >= SETTLED_AGREEMENT
    return draw < (SETTLED_SHARE if is_settled else AUDIT_SHARE)


def learn(wrapper: Wrapper | None, observations: Sequence[Observation]) -> Wrapper:
    """The wrapper with these pages learnt; a recent page that comes again is ignored."""
    known = wrapper or Wrapper()
    for observation in observations:
        if observation.page not in known.recent:
            known = _learn_one(known, observation)
    return known


def _learn_one(wrapper: Wrapper, observation: Observation) -> Wrapper:
    agreement = wrapper.agreement
    if observation.agreement is not None and wrapper.is_mature:
        agreement = (1 - LATEST_WEIGHT) * agreement + LATEST_WEIGHT * observation.agreement
    if agreement < REDESIGN_AGREEMENT:
        wrapper = Wrapper(version=wrapper.version, redesigns=wrapper.redesigns + 1)
        agreement = 1.0
    return replace(
        wrapper,
        version=wrapper.version + 1,
        pages=wrapper.pages + 1,
        paths=_with_paths(wrapper, observation),
        texts=_with_texts(wrapper.texts, observation),
        dead=_with_branches(wrapper.dead, observation),
        agreement=agreement,
        recent=(*wrapper.recent, observation.page)[-MAX_RECENT_PAGES:],
        regions=_with_regions(wrapper.regions, observation),
    )


def _with_paths(wrapper: Wrapper, seen: Observation) -> dict[str, tuple[float, float, float]]:
    fade = 0.5 if wrapper.pages and wrapper.pages % MEMORY_PAGES == 0 else 1.0
    paths = {path: (k * fade, d * fade, n * fade) for path, (k, d, n) in wrapper.paths.items()}
    for count in seen.paths:
        kept, dropped, pages = paths.pop(count.path, (0.0, 0.0, 0.0))
        paths[count.path] = (kept + count.kept, dropped + count.dropped, pages + 1)
    return dict(islice(paths.items(), max(0, len(paths) - MAX_PATHS), None))


def _with_branches(known: Mapping[str, int], seen: Observation) -> dict[str, int]:
    dead = dict(known)
    for branch in seen.dead:
        pages = dead.pop(branch, 0)
        dead[branch] = pages + 1 if pages >= 0 else pages
    for branch in seen.alive:
        dead[branch] = -1  # never skipped again
    return dict(islice(dead.items(), max(0, len(dead) - MAX_BRANCHES), None))


def _with_regions(known: Mapping[SkipRegion, float], seen: Observation) -> dict[SkipRegion, float]:
    """The page's own first, in its order. A region that once held something is never skipped again: a box that is after
    the text on some pages and within it on others is no border.
    """
    faded = {region: pages * RECENT if pages > 0 else pages for region, pages in known.items()}
    before = {region: faded.pop(region, 0.0) for region in seen.regions}
    newest = {region: pages + 1 if pages >= 0 else pages for region, pages in before.items()}
    return dict(islice({**newest, **faded, **dict.fromkeys(seen.filled_regions, -1.0)}.items(), MAX_REGIONS))


def _with_texts(known: Mapping[int, int], seen: Observation) -> dict[int, int]:
    """The texts worth remembering: those of several pages, and the newest of the others."""
    texts = dict(known)
    for text in seen.texts:
        texts[text] = texts.pop(text, 0) + 1
    if len(texts) <= MAX_TEXTS:
        return texts
    repeated = [item for item in texts.items() if item[1] > 1][-MAX_TEXTS:]
    single = [item for item in texts.items() if item[1] == 1]
    return dict([*repeated, *single[max(0, len(single) - MAX_TEXTS + len(repeated)) :]])


@dataclass(slots=True, kw_only=True)
class WrapperSession:
    """Wrappers and new observations of one run, by outlet.

    A frozen session learns nothing: revisits and replays read pages that were learnt from before. A page seen often
    would make its own text look like what the outlet repeats, and a replay depend on its own order.
    """

    store: WrapperStore
    in_store: StoreCall
    clock: Callable[[], datetime]
    is_frozen: bool = False
    on_learnt: Callable[[str, Wrapper, int], None] = lambda _outlet_id, _wrapper, _pages: None
    wrappers: dict[str, Wrapper | None] = field(default_factory=dict)
    observations: dict[str, list[Observation]] = field(default_factory=dict)

    def fresh(self, *, is_frozen: bool = False) -> WrapperSession:
        """Another session on the same store, which loads the wrappers again."""
        return replace(self, is_frozen=is_frozen, wrappers={}, observations={})

    async def wrapper(self, outlet_id: str) -> Wrapper | None:
        """The outlet's wrapper so far."""
        if outlet_id not in self.wrappers:
            kept = await self.in_store(self.store.load_wrapper, outlet_id)
            self.wrappers.setdefault(outlet_id, Wrapper.from_json(kept) if kept else None)
        return self.wrappers[outlet_id]

    async def observe(self, outlet_id: str, observation: Observation) -> None:
        """Add a page's observation; learn when there are enough new ones."""
        if self.is_frozen:
            return
        batch = self.observations.setdefault(outlet_id, [])
        batch.append(observation)
        if len(batch) >= LEARNING_BATCH:
            await self.learn(outlet_id)

    async def learn(self, outlet_id: str) -> None:
        """Update the outlet's wrapper with the collected observations, and store it."""
        batch = self.observations.pop(outlet_id, [])
        if not batch:
            return
        learnt = learn(self.wrappers.get(outlet_id), batch)
        self.wrappers[outlet_id] = learnt
        await self.in_store(
            self.store.save_wrapper, outlet_id, learnt.to_json(), version=learnt.version, now=self.clock()
        )
        self.on_learnt(outlet_id, learnt, len(batch))

    async def finish(self) -> None:
        """Learn from the remaining observations at the end of the run."""
        for outlet_id in list(self.observations):
            await self.learn(outlet_id)
