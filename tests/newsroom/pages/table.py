"""A page laid out in 1999: nested tables, font elements, two line breaks for a paragraph."""

# ruff: noqa: E501 - the lines of the HTML are those of the page

from __future__ import annotations

from tests.newsroom.articles import Block
from tests.newsroom.pages.page import Page, html


def render(page: Page) -> str:
    """The HTML of an article."""
    version = page.version
    updated = f"<br>Updated {version.updated:%d %B %Y, %H:%M}" if version.updated else ""
    menu = "".join(
        f'<tr><td bgcolor="#e0e8f0"><font face="Verdana" size="1"><a href="{path}">{html(title)}</a></font></td></tr>'
        for title, path in page.related
    )
    return f"""<HTML><HEAD><TITLE>The Harbour Gazette - {page.title}</TITLE><META HTTP-EQUIV="Content-Type" CONTENT="text/html; charset=utf-8"></HEAD>
<BODY BGCOLOR="#FFFFFF" TEXT="#000000" LINK="#003366">
<CENTER><TABLE WIDTH="780" BORDER="0" CELLPADDING="0" CELLSPACING="0">
<TR><TD COLSPAN="3"><TABLE WIDTH="100%"><TR><TD><IMG SRC="/img/masthead.gif" ALT="The Harbour Gazette" WIDTH="400" HEIGHT="60"></TD><TD ALIGN="right"><FONT SIZE="1">Serving the coast since 1871</FONT></TD></TR></TABLE></TD></TR>
<TR><TD COLSPAN="3" BGCOLOR="#003366"><FONT COLOR="#FFFFFF" SIZE="2"><A HREF="/">Home</A> | <A HREF="/news/">News</A> | <A HREF="/sport/">Sport</A> | <A HREF="/tides/">Tides</A> | <A HREF="/classifieds/">Classifieds</A></FONT></TD></TR>
<TR VALIGN="top"><TD WIDTH="140"><TABLE WIDTH="100%" CELLSPACING="2"><TR><TD><FONT SIZE="2"><B>More news</B></FONT></TD></TR>{menu}<TR><TD><FONT SIZE="1">High water 06:41<BR>Low water 12:55</FONT></TD></TR></TABLE></TD>
<TD WIDTH="480"><TABLE WIDTH="100%" CELLPADDING="8"><TR><TD>
<FONT FACE="Georgia" SIZE="5"><B>{page.title}</B></FONT><BR>
<FONT FACE="Verdana" SIZE="1" COLOR="#666666">By {html(" and ".join(version.authors) or "Gazette staff")}<BR>{version.published:%d %B %Y, %H:%M}{updated}</FONT><BR><BR>
<FONT FACE="Georgia" SIZE="3"><B>{page.lead}</B><BR><BR>
{_body(version.body)}</FONT>
<BR><FONT FACE="Verdana" SIZE="1"><A HREF="/print/{page.article.slug}.htm">Printer-friendly version</A> | <A HREF="/mail/{page.article.slug}.htm">E-mail this page to a friend</A></FONT>
</TD></TR></TABLE></TD>
<TD WIDTH="160"><TABLE BORDER="1" CELLPADDING="4"><TR><TD><FONT SIZE="1">ADVERTISEMENT<BR><A HREF="/ads/chandlery">Coastal Chandlery: rope, paint and oilskins at winter prices</A></FONT></TD></TR></TABLE></TD></TR>
<TR><TD COLSPAN="3" ALIGN="center"><FONT SIZE="1">Copyright 2026 The Harbour Gazette. You are visitor number {104000 + page.counter}.</FONT></TD></TR>
</TABLE></CENTER></BODY></HTML>
"""


def _body(blocks: tuple[Block, ...]) -> str:
    """The blocks, each followed by two line breaks."""
    return "".join(f"{_block(block)}<BR><BR>\n" for block in blocks)


def _block(block: Block) -> str:
    if block.kind == "h2":
        return f"<B>{html(block.text)}</B>"
    if block.kind == "quote":
        return f"<I>{html(block.text)}</I> {html(block.speaker)}"
    return html(block.text)
