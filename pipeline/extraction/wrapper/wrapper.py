"""Wrappers: what an outlet's own pages teach about where its articles stand, without labels.

A place that the teacher keeps on page after page is the article; a text that many pages show is not. Learnt
incrementally in bounded memory; has a version, says how sure it is, and forgets when the outlet was redesigned.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any
from zlib import crc32

from pipeline.extraction.values import Observation, PathCount, SkipRegion

__all__ = ["Observation", "PathCount", "SkipRegion", "Wrapper", "key_hash", "learn", "needs_full_selection"]

ENOUGH_PAGES = 5  # under four or five pages a wrapper takes one article's oddities for the outlet's
MOST_PLACES = 400
MOST_TEXTS = 1500
MEMORY_PAGES = 200  # older pages fade: counts are halved when so many were seen
ENOUGH_DEAD = 3  # pages on which a branch held nothing before it is skipped
MOST_GAPS = 60
LEFT_SHARE = 0.02
FURNITURE_PAGES = 3  # that show a text: on two it may be a copy of an article
RECENT = 0.95  # what a page that shows a gap counts for after one more page: the last twenty weigh most
ENOUGH_EMPTY = 3.5  # four pages in a row, or four of five; and as many as the gap that most pages have, nearly
NEARLY_AS_MANY = 0.9
MOST_BEHIND, MOST_BEFORE = 1, 2  # each is looked for on every page; before the article one may stand within another
AUDIT_SHARE = 0.05  # 1 page in 20 goes to the teacher all the same
REDESIGN_AGREEMENT = 0.5  # below it, page after page, the wrapper describes another design
TRUSTED_AGREEMENT = 0.9


@dataclass(frozen=True, slots=True)
class Wrapper:
    """What is known of an outlet. `places`: characters kept and left, pages; `texts`: pages that show a text; `gaps`:
    pages on which nothing stood in them, older ones for less, in the order of the newest; below zero where once
    something stood.
    """

    version: int = 0
    pages: int = 0
    places: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    texts: Mapping[int, int] = field(default_factory=dict)
    dead: Mapping[str, int] = field(default_factory=dict)
    agreement: float = 1.0
    redesigns: int = 0
    recent: tuple[int, ...] = ()
    gaps: Mapping[SkipRegion, float] = field(default_factory=dict)
    # Told by the others, and asked for on every page: how much of each place's text is article, how long an article is
    # on average in characters, branches that never held a word of one, texts of several pages, and the largest gaps
    # before articles and behind them.
    shares: Mapping[str, float] = field(init=False, compare=False, repr=False)
    usual_chars: float = field(init=False, compare=False, repr=False)
    dead_branches: frozenset[str] = field(init=False, compare=False, repr=False)
    repeated: frozenset[int] = field(init=False, compare=False, repr=False)
    skip_regions: tuple[SkipRegion, ...] = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        dead = frozenset(branch for branch, pages in self.dead.items() if pages >= ENOUGH_DEAD)
        repeated = frozenset(mark for mark, pages in self.texts.items() if pages >= FURNITURE_PAGES)
        shares = {place: kept / max(1.0, kept + left) for place, (kept, left, _) in self.places.items()}
        most = max((pages for _, _, pages in self.places.values()), default=0.0)
        object.__setattr__(self, "shares", shares)
        object.__setattr__(self, "usual_chars", sum(kept for kept, _, _ in self.places.values()) / max(1.0, most))
        object.__setattr__(self, "dead_branches", dead)
        object.__setattr__(self, "repeated", repeated)
        object.__setattr__(
            self, "skip_regions", (*_largest(self.gaps, behind=True), *_largest(self.gaps, behind=False))
        )

    @property
    def confidence(self) -> float:
        """From 0 (never seen) to 1."""
        return min(1.0, self.pages / ENOUGH_PAGES) * self.agreement

    @property
    def is_mature(self) -> bool:
        """Whether enough pages were learnt to stand on its own."""
        return self.pages >= ENOUGH_PAGES

    def share_kept(self, place: str) -> float | None:
        """How much of a place's text is article; None for a place never seen."""
        return self.shares.get(place)

    def is_usually_dropped(self, place: str) -> bool:
        """Whether hardly a word of a place is article, on several pages that show it."""
        kept, left, pages = self.places.get(place, (0.0, 0.0, 0.0))
        return pages >= FURNITURE_PAGES and kept <= LEFT_SHARE * (kept + left)

    def is_repeated(self, mark: int, *, share: float = 0.0) -> bool:
        """Whether other pages show this text too: three, and this share of all that were learnt."""
        return self.texts.get(mark, 0) >= max(FURNITURE_PAGES, share * self.pages)

    def to_json(self) -> str:
        """As text, to be stored."""
        return json.dumps(
            {
                "version": self.version,
                "pages": self.pages,
                "places": {place: [round(x, 1) for x in counts] for place, counts in self.places.items()},
                "texts": {str(mark): pages for mark, pages in self.texts.items()},
                "dead": dict(self.dead),
                "agreement": round(self.agreement, 4),
                "redesigns": self.redesigns,
                "recent": list(self.recent),
                "gaps": [[*gap, round(pages, 2)] for gap, pages in self.gaps.items()],
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    @classmethod
    def from_json(cls, text: str) -> Wrapper:
        """The wrapper that `to_json` wrote."""
        saved: dict[str, Any] = json.loads(text)
        return cls(
            version=saved["version"],
            pages=saved["pages"],
            places={place: (x[0], x[1], x[2]) for place, x in saved["places"].items()},
            texts={int(mark): pages for mark, pages in saved["texts"].items()},
            dead=saved["dead"],
            agreement=saved["agreement"],
            redesigns=saved["redesigns"],
            recent=tuple(saved["recent"]),
            # those stored before there were any know none
            gaps={SkipRegion(start, stop): pages for start, stop, pages in saved.get("gaps", ())},
        )


def _largest(gaps: Mapping[SkipRegion, float], *, behind: bool) -> tuple[SkipRegion, ...]:
    """The largest of the gaps that most pages have: an outlet has pages of several kinds, and one may lack them."""
    counts = {gap: pages for gap, pages in gaps.items() if bool(gap.stop) != behind}
    least = max(ENOUGH_EMPTY, NEARLY_AS_MANY * max(counts.values(), default=0.0))
    return tuple(gap for gap, pages in counts.items() if pages >= least)[: MOST_BEHIND if behind else MOST_BEFORE]


def key_hash(key: str) -> int:
    """A small number for a text's letters."""
    return crc32(key.encode())


def needs_full_selection(wrapper: Wrapper | None, page_count: int, draw: float) -> bool:
    """Whether a page goes to the teacher: outlet unknown, wrapper in doubt, or drawn for the audit (draw in [0, 1))."""
    if wrapper is None or min(wrapper.pages, page_count) < ENOUGH_PAGES:
        return True
    return wrapper.agreement < TRUSTED_AGREEMENT or draw < AUDIT_SHARE


def learn(wrapper: Wrapper | None, observations: Sequence[Observation]) -> Wrapper:
    """The wrapper with these pages learnt; a page seen before teaches nothing twice."""
    known = wrapper or Wrapper()
    for observation in observations:
        if observation.page not in known.recent:
            known = _learn_one(known, observation)
    return known


def _learn_one(wrapper: Wrapper, observation: Observation) -> Wrapper:
    agreement = wrapper.agreement
    if observation.agreement is not None and wrapper.is_mature:
        agreement = 0.8 * agreement + 0.2 * observation.agreement
    if agreement < REDESIGN_AGREEMENT:
        wrapper = Wrapper(version=wrapper.version, redesigns=wrapper.redesigns + 1)
        agreement = 1.0
    fade = 0.5 if wrapper.pages and wrapper.pages % MEMORY_PAGES == 0 else 1.0
    places = {place: (k * fade, d * fade, n * fade) for place, (k, d, n) in wrapper.places.items()}
    for count in observation.places:
        kept, left, pages = places.pop(count.path, (0.0, 0.0, 0.0))
        places[count.path] = (kept + count.kept, left + count.left, pages + 1)
    texts = dict(wrapper.texts)
    for mark in observation.texts:
        texts[mark] = texts.pop(mark, 0) + 1
    dead = dict(wrapper.dead)
    for branch in observation.dead:
        seen = dead.pop(branch, 0)
        dead[branch] = seen + 1 if seen >= 0 else seen
    for branch in observation.alive:
        dead[branch] = -1  # once alive, never skipped again
    return replace(
        wrapper,
        version=wrapper.version + 1,
        pages=wrapper.pages + 1,
        places=_newest(places, MOST_PLACES),
        texts=_most_seen(texts),
        dead=dict(list(dead.items())[-MOST_PLACES * 2 :]),
        agreement=agreement,
        recent=(*wrapper.recent, observation.page)[-64:],
        gaps=_with_gaps(wrapper.gaps, observation),
    )


def _with_gaps(known: Mapping[SkipRegion, float], seen: Observation) -> dict[SkipRegion, float]:
    """The page's own first, in its order. A gap that once held something is never one again: a box that stands behind
    the text on some pages and within it on others ends nothing.
    """
    faded = {gap: pages * RECENT if pages > 0 else pages for gap, pages in known.items()}
    before = {gap: faded.pop(gap, 0.0) for gap in seen.gaps}
    newest = {gap: pages + 1 if pages >= 0 else pages for gap, pages in before.items()}
    return dict(islice({**newest, **faded, **dict.fromkeys(seen.filled, -1.0)}.items(), MOST_GAPS))


def _newest(places: dict[str, tuple[float, float, float]], most: int) -> dict[str, tuple[float, float, float]]:
    return places if len(places) <= most else dict(list(places.items())[-most:])


def _most_seen(texts: dict[int, int]) -> dict[int, int]:
    """The texts worth remembering: those of several pages, and the newest of the others."""
    if len(texts) <= MOST_TEXTS:
        return texts
    repeated = {mark: pages for mark, pages in texts.items() if pages > 1}
    single = {mark: pages for mark, pages in texts.items() if pages == 1}
    kept = dict(list(repeated.items())[-MOST_TEXTS:])
    return {**kept, **dict(list(single.items())[-max(0, MOST_TEXTS - len(kept)) :])} if len(kept) < MOST_TEXTS else kept
