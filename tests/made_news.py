"""Made news: articles of invented words, and what other pages make of them, all from a seed.

Words follow Zipf's law, sentences and paragraphs have the lengths of news, and no two stories share more than chance.
For benchmarks, races and properties; how good the thresholds are is judged on real text (tests/evaluation/dedup.py).
"""

from __future__ import annotations

import itertools
import random
from dataclasses import dataclass, replace

SYLLABLES = (
    *("ba", "ce", "di", "fo", "gu", "la", "me", "ni", "po", "ru"),
    *("sa", "te", "vi", "zo", "cha", "bre", "dro", "fli", "gra", "pla"),
)
WORDS = ["".join(parts) for parts in itertools.product(SYLLABLES, repeat=2)] + [
    "".join(parts) for parts in itertools.islice(itertools.product(SYLLABLES, repeat=3), 0, 10_000, 2)
]
WEIGHTS = list(itertools.accumulate(1 / (rank + 3) for rank in range(len(WORDS))))


@dataclass(frozen=True, slots=True)
class MadeArticle:
    """An article and the story it tells: articles of one story belong in one cluster."""

    story: str
    kind: str
    url: str
    title: str
    text: str

    @property
    def paragraphs(self) -> list[str]:
        """The paragraphs of the text."""
        return self.text.split("\n")


class Newsroom:
    """A source of articles; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def words(self, count: int) -> str:
        """So many words."""
        return " ".join(self.random.choices(WORDS, cum_weights=WEIGHTS, k=count))

    def paragraph(self, words: int = 45) -> str:
        """A paragraph of about so many words."""
        return self.words(max(8, round(self.random.gauss(words, words / 4)))).capitalize() + "."

    def article(self, number: int, *, words: int = 400) -> MadeArticle:
        """The first article of a story."""
        text = "\n".join(self.paragraph() for _ in range(max(2, words // 45)))
        url = f"https://outlet{number % 97}.example/news/{number}.html"
        return MadeArticle(f"story-{number}", "original", url, self.words(8).capitalize(), text)

    def copies(self, original: MadeArticle) -> list[MadeArticle]:
        """What eight other outlets make of it."""
        paragraphs = original.paragraphs
        half, most = len(paragraphs) // 2 + 1, len(paragraphs) * 3 // 4 + 1
        added = [self.paragraph() for _ in paragraphs]
        mixed = [each for pair in zip(paragraphs, added, strict=True) for each in pair]
        texts = {
            "exact": paragraphs,
            "typography": [each.replace("a", "a\u00ad").replace(" ", "  ").upper() for each in paragraphs],
            "credit": [*paragraphs, "(avec AFP)"],
            "cut": paragraphs[:half],
            "longer cut": paragraphs[:most],
            "expanded": mixed,
            "reordered": [*paragraphs[half:], *paragraphs[:half]],
            "edited": [self.edited(each, share=0.05) for each in paragraphs],
        }
        return [self.copy(original, kind, text, n) for n, (kind, text) in enumerate(texts.items())]

    def copy(self, original: MadeArticle, kind: str, paragraphs: list[str], number: int) -> MadeArticle:
        """The same story at another outlet."""
        url = f"https://copier{number}.example/{original.story}"
        return replace(original, kind=kind, url=url, text="\n".join(paragraphs))

    def edited(self, text: str, *, share: float) -> str:
        """The text with a share of its words replaced."""
        return " ".join(self.words(1) if self.random.random() < share else word for word in text.split())

    def follow_up(self, original: MadeArticle, *, share: float) -> MadeArticle:
        """A new story that quotes a share of an old one as background."""
        kept = original.paragraphs[: max(1, round(share * len(original.paragraphs)))]
        fresh = [self.paragraph() for _ in range(len(original.paragraphs) - len(kept))]
        url = original.url.replace(".html", "-next.html")
        story = f"{original.story}-next"
        return MadeArticle(story, "follow-up", url, self.words(8).capitalize(), "\n".join([*fresh, *kept]))

    def digest(self, originals: list[MadeArticle]) -> MadeArticle:
        """A page that quotes two paragraphs in five of each."""
        parts = [each for o in originals for each in o.paragraphs[: max(1, len(o.paragraphs) * 2 // 5)]]
        story = "digest-" + "-".join(o.story for o in originals)
        return MadeArticle(
            story, "digest", f"https://digests.example/{story}", self.words(8).capitalize(), "\n".join(parts)
        )

    def template(self, number: int) -> MadeArticle:
        """One of a series: the same words around other figures."""
        a, b, c, d, e = (str(self.random.randint(2, 998)) for _ in range(5))
        town = self.words(1).capitalize()
        text = (
            f"The river at {town} stood at {a} centimetres this morning, {b} more than the day before.\n"
            f"The flow was measured at {c} cubic metres a second and is expected to reach {d} in the coming days.\n"
            f"Barges of more than {e} tonnes may not pass until further notice; the towpath is closed to walkers.\n"
            "Readings are taken twice a day by automatic gauges and are checked by the service before publication."
        )
        return MadeArticle(
            f"river-{number}", "template", f"https://rivers.example/{number}", f"River at {town}: the levels", text
        )
