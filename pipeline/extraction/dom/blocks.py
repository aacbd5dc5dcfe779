"""Text blocks: the visible paragraphs, headings, list items and table rows of a page, in order, with their DOM path.

Every published text is built from blocks, so that an article reads the same for every method of selection. Which blocks
are the article is left to others.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from lxml import html

from pipeline.extraction.boilerplate.markup_kinds import Kind, kind_of, without_terms
from pipeline.extraction.dom.xpath import text_of
from pipeline.text.normalize import clean_text, key_of

__all__ = ["Block", "Blocks", "Mark", "branch_of", "read_blocks"]


def _names(listed: str) -> frozenset[str]:
    return frozenset(listed.split())


_INLINE = _names(
    "a abbr acronym b bdi bdo big cite code data del dfn em font g i ins kbd label mark nobr q rb rp rt ruby s samp "
    "small span strike strong sub sup time tt u var wbr"
)
_SKIPPED = _names(
    "head script style noscript template svg math iframe object embed applet video audio canvas map nav select option "
    "datalist input textarea button progress meter dialog link meta base source track param picture img"
)
# Elements that begin a line of their own. An unknown element within a paragraph (`_PHRASED`) is a part of its line.
_LINES = _names(
    "address article aside blockquote body caption center dd details dir div dl dt fieldset figcaption figure footer "
    "form h1 h2 h3 h4 h5 h6 header hgroup legend li main menu ol p pre section summary table tbody td tfoot th thead "
    "tr ul"
)
_PHRASED = _names("p h1 h2 h3 h4 h5 h6 li td a span em strong b i")
_HEADINGS = _names("h1 h2 h3 h4 h5 h6")
_HOLDERS = _names("div td body article section main")  # hold bare text between breaks
_VARIABLE = re.compile(r"\d|^[a-z]{0,3}[A-Z][a-zA-Z0-9]{5,}$|^(?:sc|css|jss|jsx|svelte|emotion)-|[:\[\]/@!]")
# What styled-components and CSS modules add to a name on every build: `Chapo__Block-sc-1igo-0`, `Article_body__x7Yz2`.
_BUILD = re.compile(r"(?<=.)(?:-sc-[a-z0-9]+-\d+|__(?![a-z]{5}$)[A-Za-z0-9]{5})$")
_CAMEL_PART = re.compile("[A-Z]?[^A-Z]+|[A-Z]")
_MAX_LABELS = 5  # of a DOM path: more would differ between pages, fewer would confuse sidebars with the text
_MAX_QUOTE_PARTS = 4
_MAX_POST_LINES = 12
_MAX_QUOTE_CHARS = 1_500
_MAX_SPEAKER_CHARS = 160
_SPEAKER = re.compile(r"author|auteur|autor|cite|source|speaker|name|attribution|signature|credit|legend|caption", re.I)
_MAX_HEADING_CHARS = 120
_MAX_CELL_CHARS = 160  # a longer cell is a layout's
_PARAGRAPH_CHARS = 60
_DENSE = re.compile("[\u3040-\u9fff\uac00-\ud7af]")
_DENSE_PARAGRAPH_CHARS = 25  # Chinese, Japanese and Korean say as much in fewer signs
_CELL_PARAGRAPH_CHARS = 120  # in a table of facts cells are short, in a layout's they hold the text
_NO_PROSE = _HEADINGS | {"tr", "th"}
_HIDING = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
# Read out and not shown: `opens in a new tab` beside a link, by a class or by being cut to nothing.
_READ_OUT = re.compile(
    r"(?:^|[\s_-])(?:sr-only|srOnly|screen-?reader(?:-text)?|visually-?hidden|a11y-hidden|u-hidden)(?:$|[\s_-])", re.I
)
_read_out = lru_cache(maxsize=10_000)(_READ_OUT.search)
_CLIPPED = re.compile(r"clip(?:-path)?\s*:\s*(?:rect\(\s*[01]|inset\(\s*(?:50|100)%)", re.IGNORECASE)


@dataclass(slots=True)
class Mark:
    """An element whose markup says what kind of thing it holds, with the characters found in it."""

    kind: Kind
    node: html.HtmlElement
    name: str
    chars: int = 0


class Block(NamedTuple):
    """A run of text that a reader sees as one: `node` is its block element."""

    text: str
    tag: str
    node: html.HtmlElement
    dom_path: str
    link_chars: int
    marks: tuple[Mark, ...]
    marked: frozenset[str]  # its marks' names: elements of one kind and label share theirs
    is_paragraph: bool  # whether it reads like a sentence or more of prose

    @property
    def key(self) -> str:
        """Its letters and digits, to compare by."""
        return key_of(self.text)

    @property
    def is_heading(self) -> bool:
        """Whether the page sets it as a heading."""
        return self.tag in _HEADINGS

    @property
    def link_share(self) -> float:
        """How much of it is links."""
        return self.link_chars / max(1, len(self.text))

    @property
    def container(self) -> html.HtmlElement | None:
        """The element around its siblings: its own element where bare text stands between line breaks."""
        return self.node if self.tag in _HOLDERS else self.node.getparent()

    @property
    def line(self) -> tuple[html.HtmlElement, ...]:
        """Its element and all around it, from the inside out."""
        return (self.node, *self.node.iterancestors())


Blocks = Sequence[Block]  # those of a page, in order; a set of indices selects from them


@lru_cache(maxsize=20_000)
def _label(tag: str, classes: str) -> str:
    """A tag with those of its classes that the next page will have too."""
    words = {name for word in classes.split() if (name := _lasting(word))}
    if "sc-" in classes:  # styled-components, whose letters may all be small too
        words = {word for word in words if not (5 <= len(word) <= 7 and word.isalpha())}
    stable = sorted(without_terms(words))[:3]
    return ".".join([tag, *stable])


@lru_cache(maxsize=50_000)
def _lasting(word: str) -> str:
    """What of a class the next page will have too, nothing where it will have another; many outlets share theirs."""
    name = _BUILD.sub("", word)
    if _VARIABLE.search(name):
        return ""
    # Letters that a tool drew for a style sheet, others on every build: `dSlXtj`, `kLrRNP`.
    may_be_drawn = 5 <= len(name) <= 7 and name.isalpha() and not name.islower() and not name.isupper()
    return "" if may_be_drawn and any(len(part) < 3 for part in _CAMEL_PART.findall(name)) else name


def _look(element: html.HtmlElement, tag: str) -> tuple[str, Kind | None] | None:
    """An element's label and kind, None for one that is not shown."""
    attributes = element.items()  # all at once: asking for one after another takes longer than the rest of the walk
    if len(attributes) < 2 and (not attributes or attributes[0][0] == "class"):
        return _look_of(tag, attributes[0][1] if attributes else None)
    by_name = dict(attributes)
    if _is_hidden(by_name):
        return None
    get = by_name.get
    name = get("data-testid") or get("data-component")
    return _label(tag, get("class", "")), kind_of(tag, get("class"), get("id"), get("itemprop"), get("rel"), name)


@lru_cache(maxsize=20_000)
def _look_of(tag: str, classes: str | None) -> tuple[str, Kind | None]:
    """The label and kind of an element that has no attribute but its class: most."""
    return _label(tag, classes or ""), kind_of(tag, classes, None, None, None, None)


def branch_of(element: html.HtmlElement) -> str:
    """An element's label under its parent's: what a wrapper knows branches of the tree by."""
    parent = element.getparent()
    above = _label(parent.tag, parent.get("class") or "") if parent is not None else ""
    return f"{above}>{_label(element.tag, element.get('class') or '')}"


def read_blocks(root: html.HtmlElement, *, skipped: frozenset[str] = frozenset()) -> list[Block]:
    """The blocks under an element, but for those in branches to be skipped."""
    walker = _BlockReader(skipped)
    walker.walk(root)
    walker.flush()
    return walker.blocks


class _BlockReader:
    """One traversal of a tree: the open elements, and the text collected since the last block ended."""

    def __init__(self, skipped: frozenset[str]) -> None:
        self.blocks: list[Block] = []
        self._skipped = skipped
        self._parts: list[str] = []
        self._link_chars = 0
        self._in_link = 0
        self._open: list[html.HtmlElement] = []
        self._labels: list[str] = []
        self._marks: tuple[Mark, ...] = ()
        self._marked: frozenset[str] = frozenset()
        self._breaks = 0

    def walk(self, element: html.HtmlElement) -> None:
        tag = element.tag
        if tag in _LINES:
            self._walk_block(element, tag)
        elif tag in _INLINE:
            self._walk_inline(element, tag)
        elif tag == "br":
            if _ends_heading(element):
                self.flush(tag="h6")
            self._breaks += 1
            self._parts.append("\n")
        elif tag == "hr":
            self.flush()
        elif tag not in _SKIPPED and isinstance(tag, str):
            # Of no known kind, it may be a part of a line: `<location>PARIS</location> The mayor …`.
            parent = element.getparent()
            is_phrase = parent is not None and parent.tag in _PHRASED
            (self._walk_inline if is_phrase else self._walk_block)(element, tag)

    def _walk_inline(self, element: html.HtmlElement, tag: str) -> None:
        if attributes := dict(element.items()):
            classes, style = attributes.get("class", ""), attributes.get("style", "")
            if _is_hidden(attributes) or _CLIPPED.search(style) or (classes and _read_out(classes)):
                return
            is_alone = tag == "span" and classes and _begins_line(element) and not (element.tail or "").strip()
            if is_alone and _look_of(tag, classes)[1] is Kind.LEAD:  # a block, whatever its tag
                self._walk_block(element, tag)
                return
        self._in_link += tag == "a"
        self._children(element)
        self._in_link -= tag == "a"

    def _walk_block(self, element: html.HtmlElement, tag: str) -> None:
        look = _look(element, tag)
        if look is None:
            return
        label, kind = look
        self.flush()
        is_skipped = self._skipped and self._labels and f"{self._labels[-1]}>{label}" in self._skipped
        if is_skipped or (tag == "tr" and self._row(element)):
            return
        if tag == "figure" and kind is Kind.CAPTION:
            kind = _kind_of_figure(element)
        around = self._marks, self._marked
        if kind is not None:
            mark = Mark(kind, element, f"{kind}:{label}")
            self._marks, self._marked = (*self._marks, mark), self._marked | {mark.name}
        start = len(self.blocks)
        self._open.append(element)
        self._labels.append(label)
        self._children(element)
        self.flush()
        if kind is Kind.QUOTE or kind is Kind.EMBED:
            self._join_quotation(start, kind)
        self._open.pop()
        self._labels.pop()
        self._marks, self._marked = around

    def _children(self, element: html.HtmlElement) -> None:
        if text := element.text:
            self._say(text)
        if len(element):  # most have no children, and an empty loop is slower than this check
            for child in element:
                self.walk(child)
                if text := child.tail:
                    self._say(text)

    def _say(self, text: str) -> None:
        is_blank = text.isspace()
        if is_blank and not self._parts and not self._in_link and text.isascii():
            return  # blanks begin no block
        if self._breaks and not is_blank:
            if self._breaks > 1:
                self.flush()
            self._breaks = 0
        if self._in_link:
            self._link_chars += len(text)
        if self._parts or not (is_blank and text.isascii()):
            self._parts.append(text)

    def flush(self, *, tag: str | None = None) -> None:
        """End the block that is open, if it has any text; `tag` where it is another thing than its element says."""
        link_chars, self._link_chars = self._link_chars, 0
        if not self._parts:
            return
        self._breaks = 0
        text = clean_text("".join(self._parts))
        self._parts.clear()
        if text and self._open:
            self._add(text, min(link_chars, len(text)), tag=tag)

    def _add(self, text: str, link_chars: int, *, count: bool = True, tag: str | None = None) -> None:
        node = self._open[-1]
        for mark in self._marks if count else ():
            mark.chars += len(text)
        dom_path = "/".join(self._labels[-_MAX_LABELS:])
        tag = tag or node.tag
        size, least = len(text), _CELL_PARAGRAPH_CHARS if tag == "td" else _PARAGRAPH_CHARS
        is_text = size >= _DENSE_PARAGRAPH_CHARS and 2 * link_chars < size and tag not in _NO_PROSE
        is_dense = is_text and size < least and tag != "td" and len(_DENSE.findall(text, 0, 40)) > 10
        is_paragraph = is_dense or (is_text and size >= least)
        self.blocks.append(Block(text, tag, node, dom_path, link_chars, self._marks, self._marked, is_paragraph))

    def _join_quotation(self, start: int, kind: Kind) -> None:
        """A quotation and who said it, as one block; a quoted text of several paragraphs stays as it is."""
        parts = self.blocks[start:]
        most = _MAX_QUOTE_PARTS if kind is Kind.QUOTE else _MAX_POST_LINES
        if not 2 <= len(parts) <= most or sum(len(part.text) for part in parts) > _MAX_QUOTE_CHARS:
            return
        if kind is Kind.EMBED or all(map(_is_attribution, parts[1:])):
            del self.blocks[start:]
            self._add(" ".join(part.text for part in parts), 0, count=False)

    def _row(self, row: html.HtmlElement) -> bool:
        """Take a row of a table of facts as one block; False for a layout's row."""
        cells = [cell for cell in row if cell.tag in {"td", "th"}]
        if len(cells) < 2 or any(True for _ in row.iter("table", "p", "div", "ul", "article", "section")):
            return False
        texts = [clean_text(text_of(cell)) for cell in cells]
        if any(len(text) > _MAX_CELL_CHARS for text in texts):
            return False
        if any(texts):
            self._open.append(row)
            self._labels.append("tr")
            links = sum(len(text_of(link)) for link in row.iter("a"))
            self._add(" | ".join(texts), links)
            self._open.pop()
            self._labels.pop()
        return True


def _kind_of_figure(figure: html.HtmlElement) -> Kind | None:
    """A caption, unless the figure is a quotation (QUOTE), a table or a list (None)."""
    if figure.find(".//blockquote") is not None:
        return Kind.QUOTE
    return Kind.CAPTION if next(figure.iter("table", "pre", "ul", "ol"), None) is None else None


def _ends_heading(line_break: html.HtmlElement) -> bool:
    """Whether a line break ends a line all in bold or in its own font: how pages of tables set headings."""
    line = line_break.getprevious()
    if line is None or line.tag not in {"b", "strong", "font", "big"} or (line.tail or "").strip():
        return False
    words, before = text_of(line).strip(), line.getprevious()
    is_sentence = words.endswith((".", "!", "…", ":"))
    may_head = not is_sentence and len(words) <= _MAX_HEADING_CHARS and line.find(".//br") is None
    return may_head and (before is None or before.tag == "br") and _begins_line(line)


def _begins_line(element: html.HtmlElement) -> bool:
    """Whether neither words nor an inline element stand before an element in its parent."""
    before, parent = element.getprevious(), element.getparent()
    words = (before.tail if before is not None else parent.text if parent is not None else "") or ""
    return (before is None or before.tag not in _INLINE) and not words.strip()


def _is_attribution(part: Block) -> bool:
    """Whether a part of a quotation names the speaker: by its markup, or as a short line that is no sentence."""
    node = part.node
    if node.tag in {"footer", "cite", "figcaption", "address"} or _SPEAKER.search(node.get("class") or ""):
        return True
    return len(part.text) < _MAX_SPEAKER_CHARS and not part.text.endswith((".", "!", "?", "…", "»", "”", '"'))


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    if "hidden" in attributes:
        # React streams a page's parts hidden, in `<div hidden id="S:4">`, and a script puts them in their place.
        return not attributes.get("id", "").startswith("S:")
    style = attributes.get("style")
    return style is not None and _HIDING.search(style) is not None
