"""The peers of `tests.evaluation.dedup`, run by the python of their own environment: rows in, clusters out.

datasketch: MinHash LSH over word-3-grams, 128 permutations, its own bands for the threshold, best match by estimated
Jaccard. SimHash: 64 bits over words, distance 3 as its authors use it. Both link to the cluster of the best match.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Sequence

WORD = re.compile(r"\w+")


def shingles(text: str) -> set[bytes]:
    """Word-3-grams."""
    words = WORD.findall(text.casefold())
    return {" ".join(words[at : at + 3]).encode() for at in range(max(1, len(words) - 2))}


def minhash_clusters(texts: Sequence[str], threshold: float) -> list[str]:
    """Clusters by datasketch's MinHash LSH."""
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=128)
    kept: list[MinHash] = []
    clusters: list[str] = []
    for number, text in enumerate(texts):
        sketch = MinHash(num_perm=128)
        sketch.update_batch(list(shingles(text)))
        likely = [(sketch.jaccard(kept[int(found)]), int(found)) for found in index.query(sketch)]
        best = max((pair for pair in likely if pair[0] >= threshold), default=None)
        clusters.append(clusters[best[1]] if best else str(number))
        index.insert(str(number), sketch)
        kept.append(sketch)
    return clusters


def simhash_clusters(texts: Sequence[str], distance: int) -> list[str]:
    """Clusters by SimHash."""
    from simhash import Simhash, SimhashIndex

    index = SimhashIndex([], k=distance)
    kept: list[Simhash] = []
    clusters: list[str] = []
    for number, text in enumerate(texts):
        value = Simhash(WORD.findall(text.casefold()))
        likely = [(value.distance(kept[int(found)]), int(found)) for found in index.get_near_dups(value)]
        best = min(likely, default=None)
        clusters.append(clusters[best[1]] if best else str(number))
        index.add(str(number), value)
        kept.append(value)
    return clusters


def main() -> None:
    """Read rows, write one line per method."""
    texts = [json.loads(line)["text"] for line in sys.stdin if line.strip()]
    methods: dict[str, Callable[[], list[str]]] = {
        "datasketch MinHash LSH 0.7": lambda: minhash_clusters(texts, 0.7),
        "datasketch MinHash LSH 0.5": lambda: minhash_clusters(texts, 0.5),
        "SimHash 64, distance 3": lambda: simhash_clusters(texts, 3),
    }
    for method, clusters in methods.items():
        print(json.dumps({"method": method, "clusters": clusters()}), flush=True)


if __name__ == "__main__":
    main()
