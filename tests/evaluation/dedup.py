"""Deduplication quality, for copies and revisions: `python -m tests.evaluation.dedup` (`make eval-dedup`).

Decides on every row of a labelled corpus in its order of arrival. A link is right when the article joins the cluster
whose first member has the same story. Digests stay in the stream. datasketch's MinHash LSH and SimHash run on the same
rows in an environment of their own. Without the corpus the rows are generated news, and the table names them so.
"""

from __future__ import annotations

import argparse
import gzip
import json
import operator
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path

from pipeline.dedup.jsonl import Deduplicator, DedupRow
from pipeline.domain.model import Verdict
from pipeline.identity.urls import canonicalise
from tests.evaluation.revision_cases import CASES, judge
from tests.made_news import MadeArticle, Newsroom
from tests.url_cases import APART, JOINS

ROOT = Path(__file__).parents[2]
CORPUS = ROOT.parent / "shared" / "corpora" / "dedup" / "docs.jsonl.gz"
PEERS_PROGRAM = Path(__file__).with_name("dedup_peers.py")
URL_PEERS_PROGRAM = Path(__file__).with_name("url_peers.py")

COPIES = ("exact", "typo", "credit", "boiler", "boiler_head", "headline", "reorder", "edit5", "edit10", "edit20")
CUTS = ("cut75", "cut50", "cut30")
# (line of the table, kinds by their beginning, floor of recall on copies under another URL)
RECALLS = (
    ("all copies under another URL", ("",), 0.96),
    ("plain copies and cuts", (*COPIES, *CUTS), 0.985),
    ("expansions", ("exp",), 0.975),
    ("paywall teasers", ("paywall",), 0.85),
    ("a third of the words replaced", ("edit35",), 0.0),
)
# (line of the table, kinds by their beginning, ceiling of false copies)
FALSE_COPIES = (
    ("templates", ("neg_template",), 0.01),
    ("shared boilerplate", ("neg_sharedboiler",), 0.02),
    ("follow-ups, 15 % background", ("neg_followup15",), 0.02),
    ("follow-ups, 30 % background", ("neg_followup30",), 0.02),
    ("follow-ups, 40 % background", ("neg_followup40",), 1.0),
    ("digests", ("neg_roundup",), 0.0),
)


@dataclass(frozen=True, slots=True)
class Row:
    """A labelled article."""

    id: str
    story: str
    kind: str
    url: str
    title: str
    text: str
    published: datetime | None


@dataclass(frozen=True, slots=True)
class Judged:
    """A row with what a method made of it: `cluster` is the id of the cluster it was put in, or was given."""

    row: Row
    is_due: bool  # its story was there before
    is_elsewhere: bool  # under another URL only
    joined: bool
    right: bool


@dataclass(frozen=True, slots=True)
class Score:
    """Link precision and recall."""

    precision: float
    recall: float

    @property
    def f1(self) -> float:
        """Their harmonic mean."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


def main() -> int:
    """Print the tables; 1 when a floor is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="labelled rows, .jsonl.gz")
    parser.add_argument("--peers", type=Path, default=sys.executable, help="a python with locks/eval.txt installed")
    parser.add_argument("--short", action="store_true", help="newswire alone: under 30 seconds")
    arguments = parser.parse_args()
    rows = read_rows(arguments.corpus)
    missed = print_copies(rows)
    if not arguments.short:
        print_unlike_headlines(rows)
        print_peers(rows, arguments.peers)
    missed += print_revisions(rows)
    missed += print_urls(None if arguments.short else arguments.peers)
    print(f"\n{missed} of the floors missed" if missed else "\nevery floor held")
    return 1 if missed else 0


def read_rows(corpus: Path) -> list[Row]:
    """The corpus in its order of arrival, or made news."""
    if not corpus.exists():
        print(f"no corpus at {corpus.name}: made news instead, which is easier")
        return made_rows()
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        fields = [json.loads(line) for line in lines]
    return [
        Row(
            f["id"], f["cluster_id"], f["kind"], f["url"], f["title"], f["text"], datetime.fromisoformat(f["published"])
        )
        for f in fields
    ]


def made_rows() -> list[Row]:
    """Made news of the corpus's kinds, shuffled."""
    newsroom = Newsroom(1)
    originals = [newsroom.article(number) for number in range(120)]
    made: list[tuple[str, MadeArticle]] = [("original", original) for original in originals]
    names = {"exact": "exact", "typography": "typo", "credit": "credit", "cut": "cut50", "longer cut": "cut75"}
    names |= {"expanded": "exp100", "reordered": "reorder", "edited": "edit5"}
    made += [(names[copy.kind], copy) for original in originals for copy in newsroom.copies(original)]
    made += [("neg_followup30", newsroom.follow_up(original, share=0.3)) for original in originals[:60]]
    made += [("neg_roundup", newsroom.digest(originals[n : n + 4])) for n in range(0, 60, 4)]
    made += [("neg_template_river", newsroom.template(number)) for number in range(60)]
    newsroom.random.shuffle(made)
    return [Row(f"m{n}", a.story, kind, a.url, a.title, a.text, None) for n, (kind, a) in enumerate(made)]


def our_clusters(rows: Sequence[Row]) -> list[str]:
    """The cluster that newswire puts each row in."""
    deduplicator = Deduplicator()
    return [
        deduplicator.add(
            DedupRow(id=row.id, url=row.url, title=row.title, text=row.text, published=row.published)
        ).decision.cluster_id
        for row in rows
    ]


def judge_rows(rows: Sequence[Row], clusters: Sequence[str]) -> list[Judged]:
    """Whether each row joined the cluster of its story, told by the cluster's first member."""
    story_of: dict[str, str] = {}
    urls_of: defaultdict[str, set[str]] = defaultdict(set)
    judged = []
    for row, cluster in zip(rows, clusters, strict=True):
        url, urls = canonicalise(row.url), urls_of[row.story]
        joined = cluster in story_of
        right = joined and story_of[cluster] == row.story
        judged.append(Judged(row, bool(urls), bool(urls) and url not in urls, joined, right))
        story_of.setdefault(cluster, row.story)
        urls.add(url)
    return judged


def score(judged: Iterable[Judged]) -> Score:
    """Precision and recall of links."""
    counts = Counter((each.is_due, each.joined, each.right) for each in judged)
    right = sum(n for (_, _, is_right), n in counts.items() if is_right)
    joined = sum(n for (_, has_joined, _), n in counts.items() if has_joined)
    due = sum(n for (is_due, _, _), n in counts.items() if is_due)
    return Score(right / joined if joined else 1.0, right / due if due else 1.0)


def print_copies(rows: Sequence[Row]) -> int:
    """Newswire's own table; how many floors it misses."""
    judged = judge_rows(rows, our_clusters(rows))
    ours = score(judged)
    print(f"copies: {len(rows)} articles, {len({row.story for row in rows})} stories, in order of arrival")
    print(f"  {'link precision':34s} {ours.precision:6.3f}   floor 0.990")
    print(f"  {'link recall':34s} {ours.recall:6.3f}")
    print(f"  {'link F1':34s} {ours.f1:6.3f}   floor 0.985")
    missed = (ours.precision < 0.99) + (ours.f1 < 0.985)
    for name, kinds, floor in RECALLS:
        due = [each.right for each in judged if each.is_elsewhere and each.row.kind.startswith(kinds)]
        missed += print_share(name, due, f"floor {floor:.3f}", holds=partial(operator.le, floor))
    for name, kinds, ceiling in FALSE_COPIES:
        false = [each.joined and not each.right for each in judged if each.row.kind.startswith(kinds)]
        missed += print_share(name, false, f"ceiling {ceiling:.3f}", holds=partial(operator.ge, ceiling))
    return missed


def print_share(name: str, found: Sequence[bool], limit: str, *, holds: Callable[[float], bool]) -> int:
    """A line of the table; 1 when its limit is missed."""
    if not found:
        return 0
    share = sum(found) / len(found)
    mark = "" if holds(share) else "   MISSED"
    print(f"  {name:34s} {share:6.3f}   {limit}   {sum(found)} of {len(found)}{mark}")
    return int(not holds(share))


def print_unlike_headlines(rows: Sequence[Row]) -> None:
    """The same with headlines dealt out at random: what the texts alone tell."""
    titles = [row.title for row in rows]
    random.Random(1).shuffle(titles)
    dealt = [row if row.kind == "neg_roundup" else replace(row, title=t) for row, t in zip(rows, titles, strict=True)]
    print_line("newswire, headlines at random", judge_rows(dealt, our_clusters(dealt)))


def print_line(name: str, judged: Sequence[Judged]) -> None:
    """A method in one line."""
    total = score(judged)
    elsewhere = [each for each in judged if each.is_elsewhere]
    found = sum(each.right for each in elsewhere) / len(elsewhere) if elsewhere else 1.0
    print(
        f"  {name:34s} precision {total.precision:.3f}  recall {total.recall:.3f}  F1 {total.f1:.3f}"
        f"  other URL {found:.3f}"
    )


def print_peers(rows: Sequence[Row], python: Path) -> None:
    """The peers' lines, or why there are none."""
    given = "\n".join(json.dumps({"text": row.text}, ensure_ascii=False) for row in rows)
    for line in ask_peers(PEERS_PROGRAM, python, given):
        answer = json.loads(line)
        print_line(answer["method"], judge_rows(rows, answer["clusters"]))


def ask_peers(program: Path, python: Path, given: str) -> list[str]:
    """What the peers answer; none, and the reason printed, when they are not there."""
    ran = subprocess.run([python, program], input=given, capture_output=True, text=True, check=False)
    if ran.returncode:
        error = ran.stderr.strip().splitlines()[-1:]
        print(f"  no peers ({''.join(error)}): make eval-dedup, or --peers with a python that has locks/eval.txt")
    return ran.stdout.splitlines()


def print_urls(python: Path | None) -> int:
    """Which written pairs of URLs get one key: ours, and the peers'; 1 when ours joins what are two articles."""
    urls = [url for pair in (*JOINS, *APART) for url in (pair.left, pair.right)]
    print(f"URLs: {len(JOINS)} written pairs of one article, {len(APART)} of two")
    wrong = print_joins("newswire", [canonicalise(url) for url in urls])
    if python:
        for line in ask_peers(URL_PEERS_PROGRAM, python, json.dumps(urls)):
            answer = json.loads(line)
            print_joins(answer["method"], answer["keys"])
    return int(wrong > 0)


def print_joins(name: str, keys: Sequence[str | None]) -> int:
    """A method's line; its wrong joins."""
    joined = [left is not None and left == right for left, right in zip(keys[::2], keys[1::2], strict=True)]
    right, wrong = sum(joined[: len(JOINS)]), sum(joined[len(JOINS) :])
    print(f"  {name:34s} {right:3d} joined, {wrong:2d} joined wrongly")
    return wrong


def print_revisions(rows: Sequence[Row]) -> int:
    """REVISED against UNCHANGED: the written cases, and articles seen again in the corpus."""
    wrong = [case for case in CASES if judge(case) is not case.expected]
    revised = [case for case in CASES if case.expected is Verdict.REVISED]
    missed = sum(case.expected is Verdict.REVISED for case in wrong)
    false = len(wrong) - missed
    found = len(revised) - missed
    print(f"revisions: {len(CASES)} written cases")
    print(f"  {'precision of REVISED':34s} {found / (found + false):6.3f}   recall {found / len(revised):.3f}")
    for case in wrong:
        print(f"  WRONG: {case.name}, {case.expected} expected")
    again = seen_again(rows)
    if again:
        right = sum(verdict is expected for verdict, expected in again)
        print(f"  {'live blogs of the corpus seen again':34s} {right / len(again):6.3f}   {right} of {len(again)}")
    return len(wrong) + sum(verdict is not expected for verdict, expected in again)


def seen_again(rows: Sequence[Row]) -> list[tuple[Verdict, Verdict]]:
    """Each live blog of the corpus, from short to long, every state twice: verdicts given and expected."""
    states: defaultdict[str, list[Row]] = defaultdict(list)
    for row in rows:
        if row.kind.startswith("liveblog"):
            states[canonicalise(row.url)].append(row)
    pairs: list[tuple[Verdict, Verdict]] = []
    for blog in states.values():
        pairs += follow(sorted(blog, key=lambda row: row.kind))
    return pairs


def follow(states: Sequence[Row]) -> list[tuple[Verdict, Verdict]]:
    """One blog's verdicts: its first state is NEW, the next ones REVISED, each of them UNCHANGED when seen again."""
    deduplicator = Deduplicator()
    pairs = []
    for number, state in enumerate(states):
        row = DedupRow(id=state.id, url=state.url, title=state.title, text=state.text, published=state.published)
        noisy = replace(
            row, text=f"Updated at 10:{number:02d} GMT\n{state.text.replace(' ', '  ')}\n{number + 3} comments"
        )
        pairs.append((deduplicator.add(row).verdict, Verdict.REVISED if number else Verdict.NEW))
        pairs.append((deduplicator.add(noisy).verdict, Verdict.UNCHANGED))
    return pairs


if __name__ == "__main__":
    sys.exit(main())
