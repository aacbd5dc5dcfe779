"""Serve the sample newsroom to a person."""

from __future__ import annotations

import argparse
import signal
import sys
import threading

from tests.newsroom.articles import ACTS
from tests.newsroom.catalogue import OUTLETS, catalogue_toml
from tests.newsroom.server import Newsroom

EXAMPLES = """examples:
  python -m tests.newsroom --port 8765              serve act 1 on 127.0.0.1:8765
  python -m tests.newsroom --catalogue > feeds.toml the outlets as a catalogue, without serving
  curl -X POST http://127.0.0.1:8765/-/act/2        articles are revised, added, copied
  curl http://127.0.0.1:8765/-/ledger/2             what a perfect pipeline has after act 2
  curl --connect-to ::127.0.0.1:8765 http://www.antenne-info.test/titres.rss
"""


def main() -> int:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.newsroom",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=8765, help="0 takes a free one (default: 8765)")
    parser.add_argument("--act", type=int, choices=ACTS, default=1, help="the act to begin with (default: 1)")
    parser.add_argument("--slow", type=float, default=3.0, metavar="S", help="seconds the slow feed takes (default: 3)")
    parser.add_argument("--quiet", action="store_true", help="print the address alone")
    parser.add_argument("--catalogue", action="store_true", help="print feeds.toml and stop")
    words = parser.parse_args()
    if words.catalogue:
        sys.stdout.write(catalogue_toml())
        return 0
    newsroom = Newsroom(words.port, act=words.act, slow_s=words.slow)
    for name in (signal.SIGINT, signal.SIGTERM):
        signal.signal(name, lambda *_: threading.Thread(target=newsroom.shutdown).start())
    print(f"newsroom on {newsroom.address}", flush=True)
    if not words.quiet:
        introduce(newsroom)
    newsroom.serve_forever()
    newsroom.stop()
    return 0


def introduce(newsroom: Newsroom) -> None:
    """Print the outlets and how to look at one page."""
    for outlet in OUTLETS:
        feeds = ", ".join(feed.name for feed in outlet.feeds)
        print(f"  {outlet.homepage:<34} {len(outlet.articles):>3} articles; feeds: {feeds}")
    first = next(article for article in OUTLETS[0].articles if article.first_act == 1)
    print(f"\nact {newsroom.act}; move on with: curl -X POST http://{newsroom.address}/-/act/2")
    print(f"one page: curl --connect-to ::{newsroom.address} {OUTLETS[0].url(first)}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
