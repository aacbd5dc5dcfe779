"""The articles of the sample newsroom, read from `articles/<outlet>/<slug>.txt`.

A file is a header, a blank line, and paragraphs with one blank line between them; the first is the lead.

    title: Le marché couvert de Valmer rouvrira en juin
    published: 2026-03-01 08:12
    authors: Léa Marchal, Hugo Tessier
    section: france
    feeds: titres, france

    The lead.

    ## An intertitle; `## [14:05] …` is the heading of a live blog's post

    > "A pull quote." | Speaker, function

    @@ 2 revised
    title: a headline for act 2
    - a phrase of the text
    + the phrase that replaces it; without a `-` before it, a paragraph that is added
    + ^a paragraph that is added below the lead

What may follow `@@ <act>`: revised, cosmetic (typography, counters and "mis à jour" alone), withdrawn (with
`status: 404`, `410` or `section`), back. `act:` in the header is the act in which the article appears (1 by default),
`copy_of:` names the article of another outlet whose paragraphs come first (`keep:` so many of them),
`duplicate_of:` the one of the same outlet that is printed again under this URL.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from itertools import pairwise
from pathlib import Path
from zoneinfo import ZoneInfo

FOLDER = Path(__file__).parent / "articles"
ACTS = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class Block:
    """A paragraph (p), an intertitle (h2), a pull quote with its speaker (quote), or a live blog's post (post)."""

    kind: str
    text: str
    speaker: str = ""
    time: str = ""  # of a post: 14:05; its paragraphs follow

    @property
    def printed(self) -> str:
        """As it stands in the text of a message."""
        return f"{self.text} {self.speaker}".strip()


@dataclass(frozen=True, slots=True)
class Version:
    """An article as its outlet shows it from one act on. `blocks` begins with the lead."""

    act: int
    change: str  # new, revised, cosmetic, withdrawn, back
    title: str
    blocks: tuple[Block, ...]
    published: datetime
    updated: datetime | None
    authors: tuple[str, ...] = ()
    agency: str = ""
    section: str = ""
    status: str = ""  # of a withdrawn page: 404, 410 or section (a redirect to the section page)
    is_live: bool = False  # a live blog that still goes on

    @property
    def lead(self) -> str:
        """The chapô."""
        return self.blocks[0].text

    @property
    def body(self) -> tuple[Block, ...]:
        """What comes after the lead."""
        return self.blocks[1:]

    @property
    def text(self) -> str:
        """What a message must carry: lead first, one blank line between paragraphs, nothing else."""
        return "\n\n".join(block.printed for block in self.blocks)

    @property
    def is_withdrawn(self) -> bool:
        """Whether the page is gone."""
        return self.change == "withdrawn"


@dataclass(frozen=True, slots=True)
class Article:
    """One article file."""

    outlet_id: str
    slug: str
    number: str
    feeds: tuple[str, ...]
    versions: tuple[Version, ...]
    form: str = ""  # what is special about its page: paywalled, live, amp, mobile
    copy_of: str = ""  # <outlet>/<slug>
    duplicate_of: str = ""  # <slug>

    @property
    def first_act(self) -> int:
        """The act in which it appears."""
        return self.versions[0].act

    def at(self, act: int) -> Version | None:
        """The version shown in an act; None before it appears."""
        return next((version for version in reversed(self.versions) if version.act <= act), None)

    def changed_in(self, act: int) -> bool:
        """Whether the act begins a version of it."""
        return any(version.act == act for version in self.versions)


@cache
def read_articles(outlet_id: str, timezone: str) -> tuple[Article, ...]:
    """An outlet's articles, newest first as feeds show them. Raises ValueError naming the file that cannot be read."""
    articles = [_read(path, ZoneInfo(timezone)) for path in sorted((FOLDER / outlet_id).glob("*.txt"))]
    return tuple(sorted(articles, key=lambda article: (article.versions[0].published, article.slug), reverse=True))


def _read(path: Path, zone: ZoneInfo) -> Article:
    try:
        return parse_article(path.read_text(encoding="utf-8"), outlet_id=path.parent.name, slug=path.stem, zone=zone)
    except (KeyError, ValueError) as error:
        raise ValueError(f"{path.parent.name}/{path.name}: {error}") from error


def parse_article(text: str, *, outlet_id: str, slug: str, zone: ZoneInfo) -> Article:
    """The article that a file's text describes."""
    first, *changes = text.strip().split("\n@@ ")
    head, _, rest = first.partition("\n\n")
    header = _header(head.splitlines())
    copied = _copied(header, outlet_id, zone)
    blocks = (*copied, *(_block(part) for part in rest.split("\n\n") if part.strip()))
    version = Version(
        act=int(header.get("act", "1")),
        change="new",
        title=header["title"],
        blocks=blocks,
        published=_time(header["published"], zone),
        updated=_time(header["updated"], zone) if "updated" in header else None,
        authors=_names(header.get("authors", "")),
        agency=header.get("agency", ""),
        section=header.get("section", "actualites"),
        is_live=header.get("form") == "live",
    )
    versions = [version]
    for change in changes:
        versions.append(_changed(versions[-1], change, zone))
    return Article(
        outlet_id=outlet_id,
        slug=header.get("slug", slug),
        number=header.get("number", ""),
        feeds=_names(header.get("feeds", "")),
        versions=tuple(versions),
        form=header.get("form", ""),
        copy_of=header.get("copy_of", ""),
        duplicate_of=header.get("duplicate_of", ""),
    )


def _copied(header: dict[str, str], outlet_id: str, zone: ZoneInfo) -> tuple[Block, ...]:
    """The paragraphs taken over from another article, as it first ran."""
    source = header.get("copy_of") or (f"{outlet_id}/{header['duplicate_of']}" if "duplicate_of" in header else "")
    if not source:
        return ()
    original = _read(FOLDER / f"{source}.txt", zone).versions[0].blocks
    return original[: int(header.get("keep", len(original)))]


def _changed(before: Version, change: str, zone: ZoneInfo) -> Version:
    """The version that follows, from the lines behind `@@`."""
    first, *lines = change.strip().splitlines()
    act, _, kind = first.partition(" ")
    header = _header(line for line in lines if line[:2] not in ("- ", "+ "))
    after = replace(
        before,
        act=int(act),
        change=kind.strip(),
        title=header.get("title", before.title),
        updated=_time(header["updated"], zone) if "updated" in header else before.updated,
        status=header.get("status", ""),
        is_live=before.is_live and "ended" not in header,
        blocks=_edited(before.blocks, [line for line in lines if line[:2] in ("- ", "+ ")]),
    )
    return _retypeset(after) if after.change == "cosmetic" else after


def _edited(blocks: tuple[Block, ...], edits: list[str]) -> tuple[Block, ...]:
    """The blocks with `- old` / `+ new` replaced, and every other `+` added: at the end, or (`+ ^`) below the lead."""
    top = tuple(_block(edit[3:]) for edit in edits if edit.startswith("+ ^"))
    blocks = (blocks[0], *top, *blocks[1:])
    for before, edit in pairwise(("", *edits)):
        if edit.startswith("+ ") and not edit.startswith("+ ^") and not before.startswith("- "):
            blocks = (*blocks, _block(edit[2:]))
    for old, new in pairwise(edits):
        if old.startswith("- ") and new.startswith("+ "):
            if not any(old[2:] in block.text for block in blocks):
                raise ValueError(f"nothing to replace: {old[2:]!r}")
            blocks = tuple(replace(block, text=block.text.replace(old[2:], new[2:])) for block in blocks)
    return blocks


def _retypeset(version: Version) -> Version:
    """The same words in other typography: curly apostrophes, French or English quotation marks."""
    blocks = tuple(replace(block, text=retypeset(block.text)) for block in version.blocks)
    return replace(version, title=retypeset(version.title), blocks=blocks)


def retypeset(text: str) -> str:
    """Straight quotation marks and apostrophes as typographers set them."""
    pieces = text.replace("'", "’").split('"')
    marks = ("«\u00a0", "\u00a0»")
    return "".join(piece + (marks[n % 2] if n < len(pieces) - 1 else "") for n, piece in enumerate(pieces))


def _block(part: str) -> Block:
    line = " ".join(part.split())
    if line.startswith("## ["):
        time, _, heading = line[4:].partition("] ")
        return Block("post", heading, time=time)
    if line.startswith("## "):
        return Block("h2", line[3:])
    if line.startswith("> "):
        quote, _, speaker = line[2:].partition(" | ")
        return Block("quote", quote.strip(), speaker.strip())
    return Block("p", line)


def _header(lines: Iterable[str]) -> dict[str, str]:
    pairs = (line.partition(":") for line in lines if line.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _time(text: str, zone: ZoneInfo) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)
