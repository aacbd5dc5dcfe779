"""The sample newsroom: outlets of our own on loopback, as nasty as the real web. Standard library only.

    with Newsroom() as newsroom:            # NEWSWIRE_NEWSROOM=newsroom.address
        ...                                 # poll
        differences = compare(newsroom.ledger(1).messages, received)
        newsroom.move_to(2)

Act 1: the outlets publish. Act 2: articles are revised, touched up, added, promoted again under another URL, copied by
another outlet; live blogs grow. Act 3: articles are withdrawn (404, 410, a redirect to their section), a feed is gone,
a live blog ends, more is revised and copied. Act 4: a withdrawn article is back.

Used by the demo, the tests and the benchmarks; `python -m tests.newsroom --help` serves it to a person.
"""

from tests.newsroom.compare import Difference, Got, compare, compare_counts
from tests.newsroom.ledger import Expected, ExpectedVerdict, Ledger
from tests.newsroom.seed import render_public_broadcaster_page, seed_newsroom
from tests.newsroom.server import Newsroom, Served

__all__ = [
    "Difference",
    "Expected",
    "ExpectedVerdict",
    "Got",
    "Ledger",
    "Newsroom",
    "Served",
    "compare",
    "compare_counts",
    "render_public_broadcaster_page",
    "seed_newsroom",
]
