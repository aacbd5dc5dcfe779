"""The peers of `tests.evaluation.dedup` on URLs, run by the python of their own environment: URLs in, their keys out.

One line of JSON per method: its name, and a key for each URL, null where it knows none or fails.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable

import courlan
import url_normalize
import w3lib.url

METHODS: dict[str, Callable[[str], str | None]] = {
    "w3lib canonicalize_url": w3lib.url.canonicalize_url,
    "url-normalize": url_normalize.url_normalize,
    "url-normalize, filter_params": lambda url: url_normalize.url_normalize(url, filter_params=True),
    "courlan clean_url": courlan.clean_url,
    "courlan normalize_url, strict": lambda url: courlan.normalize_url(url, strict=True),
}


def key(method: Callable[[str], str | None], url: str) -> str | None:
    """A method's key; None when it fails."""
    try:
        return method(url)
    except Exception:  # a peer's own errors, of any kind: counted as no answer
        return None


def main() -> None:
    """Read a list of URLs, write one line per method."""
    urls = json.load(sys.stdin)
    for name, method in METHODS.items():
        print(json.dumps({"method": name, "keys": [key(method, url) for url in urls]}), flush=True)


if __name__ == "__main__":
    main()
