"""Elements: what HTML's tags are to a reader: parts of a line, lines, headings, or nothing to read at all."""

from __future__ import annotations

__all__ = ["HEADINGS", "INLINE", "LINES", "PHRASED", "SKIPPED"]

INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "g",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "nobr",
        "q",
        "rb",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
SKIPPED = frozenset(
    [
        "head",
        "script",
        "style",
        "noscript",
        "template",
        "svg",
        "math",
        "iframe",
        "object",
        "embed",
        "applet",
        "video",
        "audio",
        "canvas",
        "map",
        "nav",
        "select",
        "option",
        "datalist",
        "input",
        "textarea",
        "button",
        "progress",
        "meter",
        "dialog",
        "link",
        "meta",
        "base",
        "source",
        "track",
        "param",
        "picture",
        "img",
    ]
)
# Elements that begin a line of their own; one that HTML does not know, within a paragraph, is a phrase of it.
LINES = frozenset({
    "address", "article", "aside", "blockquote", "body", "caption", "center", "dd", "details", "dir", "div", "dl",
    "dt", "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header",
    "hgroup", "legend", "li", "main", "menu", "ol", "p", "pre", "section", "summary", "table", "tbody", "td",
    "tfoot", "th", "thead", "tr", "ul",
})  # fmt: skip
PHRASED = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "li", "td", "a", "span", "em", "strong", "b", "i"})
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
