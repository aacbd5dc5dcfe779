"""The decision: copies, duplicates, digests, returns and merges, with a reason each; order does not matter."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.dedup.decide import Decision, Direction, article_after, decide
from pipeline.dedup.fingerprint import fingerprint, paragraph_hashes
from pipeline.dedup.jsonl import BadLine, Deduplicator, DedupRow, RowDecision, decision_json, dedup_lines
from pipeline.dedup.model import ArticleState, Candidate, DecidePolicy, KnownArticle, NearbyArticles, Relation
from pipeline.domain.model import Verdict
from pipeline.text.tokens import normalise
from tests.made_news import MadeArticle, Newsroom

NOW = datetime(2026, 3, 12, 9, 0, tzinfo=UTC)
POLICY = DecidePolicy()
NEWSROOM = Newsroom(11)
STORY = NEWSROOM.article(1)
OTHER = NEWSROOM.article(2)
THIRD = NEWSROOM.article(3)
PARAGRAPHS = STORY.paragraphs
NUMBERED = "\n".join(f"{text} Bilan {n * 37 + 11} et {n * 53 + 5}." for n, text in enumerate(PARAGRAPHS))
QUAKE = (
    "A magnitude {0}.{1} earthquake was reported this morning {2} miles from {3}, according to the survey.\n"
    "It occurred {4} miles below the surface and was felt by {5} people who wrote to the observatory.\n"
    "In the last ten days there were {6} earthquakes of magnitude 3.0 or greater centred nearby.\n"
    "Find out what to do before and during an earthquake near you by reading our preparedness guide."
)

ACCIDENT = (
    "Trois véhicules se sont heurtés ce matin sur la rocade à hauteur de {0}, dans le sens qui mène vers {1}.\n"
    "La circulation est coupée sur une voie et un bouchon s'est formé. Les secours sont sur place et une déviation a "
    "été mise en place par la préfecture jusqu'à la sortie de {2} pour la matinée.\n"
    "Les automobilistes sont invités à reporter leur trajet ou à emprunter les itinéraires conseillés par les "
    "panneaux. Le retour à la normale n'est pas attendu avant le milieu de la journée."
)


def candidate(
    text: str, *, title: str = STORY.title, article_id: str = "a2", outlet: str = "herald", hours: float = 1
) -> Candidate:
    """An article of another outlet, an hour after the known one."""
    seen_at = NOW + timedelta(hours=hours)
    return Candidate(
        article_id=article_id,
        outlet_id=outlet,
        domain=f"{outlet}.example",
        title=title,
        fingerprint=fingerprint(title, text),
        seen_at=seen_at,
    )


def known(
    text: str = STORY.text, *, title: str = STORY.title, article_id: str = "a1", outlet: str = "gazette"
) -> KnownArticle:
    """An article that was there before."""
    made = fingerprint(title, text)
    return KnownArticle(
        article_id=article_id,
        outlet_id=outlet,
        domain=f"{outlet}.example",
        title=title,
        fingerprint=made,
        seen_at=NOW,
        revision=1,
        cluster_id=article_id,
        last_revised_at=NOW,
    )


def near(*articles: KnownArticle) -> NearbyArticles:
    """They share keys with the candidate."""
    return NearbyArticles(sharing_keys=articles)


def decided(new: Candidate, nearby: NearbyArticles) -> Decision:
    """The decision, an hour on."""
    return decide(new, nearby, now=new.seen_at, policy=POLICY)


# ---------------------------------------------------------------- copies


@pytest.mark.parametrize(
    ("text", "direction"),
    [
        pytest.param(STORY.text.upper(), Direction.EQUAL, id="capitals"),
        pytest.param(f"PARIS (AFP) - {STORY.text}", Direction.EQUAL, id="dateline"),
        pytest.param("\n".join(PARAGRAPHS[:5]), Direction.CUT, id="half"),
        pytest.param("\n".join(PARAGRAPHS[:2]), Direction.CUT, id="teaser"),
        pytest.param(f"{STORY.text}\n{OTHER.text}", Direction.EXPANDED, id="twice as long"),
        pytest.param("\n".join([*PARAGRAPHS[4:], *PARAGRAPHS[:4]]), Direction.EQUAL, id="reordered"),
    ],
)
def test_version_of_another_outlet_is_a_copy(text: str, direction: Direction) -> None:
    decision = decided(candidate(text), near(known()))
    assert (decision.verdict, decision.relation, decision.copy_of) == (Verdict.COPY, Relation.COPY, "a1")
    assert (decision.cluster_id, decision.direction, decision.article_id) == ("a1", direction, "a2")


def test_whole_copy_under_another_headline_is_a_copy() -> None:
    assert decided(candidate(STORY.text, title=OTHER.title), near(known())).verdict is Verdict.COPY


SIGNED = "Le maire Paul Renaud et la juge Anna Meier, de Lurs, ont parlé devant 230 personnes, puis 45 ont voté."


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        pytest.param(f"{STORY.text}\n{SIGNED}\nUne phrase de plus ici.", Verdict.DUPLICATE, id="a sentence more"),
        pytest.param(f"{STORY.text}\n{SIGNED.replace('230', '240')}", Verdict.NEW, id="another number"),
        pytest.param(f"{STORY.text}\n{SIGNED.replace('Lurs', 'Brest')}", Verdict.NEW, id="another place"),
        pytest.param("\n".join([*PARAGRAPHS[:4], SIGNED]), Verdict.COPY, id="half of it"),
        pytest.param(f"{STORY.text}\n{SIGNED}\n{OTHER.text}", Verdict.COPY, id="twice as long"),
    ],
)
def test_only_the_same_text_of_an_outlet_is_a_duplicate(text: str, verdict: Verdict) -> None:
    before = near(known(f"{STORY.text}\n{SIGNED}"))
    assert decided(candidate(text, outlet="gazette"), before).verdict is verdict


def test_without_numbers_and_names_only_the_same_words_are_a_duplicate() -> None:
    more = decided(candidate(f"{STORY.text}\nUne phrase de plus ici.", outlet="gazette"), near(known()))
    assert (more.verdict, more.relation) == (Verdict.NEW, Relation.RELATED)
    same = decided(candidate(STORY.text, outlet="gazette"), NearbyArticles(same_hash=(known(),)))
    assert (same.verdict, same.relation) == (Verdict.DUPLICATE, Relation.DUPLICATE)


def test_one_text_under_unlike_headlines_of_an_outlet_is_a_duplicate_unless_it_is_short() -> None:
    for text, verdict in ((STORY.text, Verdict.DUPLICATE), ("\n".join(PARAGRAPHS[:2]), Verdict.NEW)):
        same = NearbyArticles(same_hash=(known(text),))
        assert decided(candidate(text, title=OTHER.title, outlet="gazette"), same).verdict is verdict


def test_similarity_holds_containment_in_both_directions() -> None:
    similarity = decided(candidate("\n".join(PARAGRAPHS[:5])), near(known())).similarity
    assert similarity is not None
    assert similarity.containment_of_copy > 0.95
    assert 0.4 < similarity.containment_of_original < 0.75
    assert similarity.jaccard < similarity.containment_of_copy


def test_copy_names_the_original_and_its_cluster() -> None:
    original = known()
    copy = replace(known(article_id="a9", outlet="tribune"), cluster_id="a1", relation=Relation.COPY, copy_of="a1")
    decision = decided(candidate(STORY.text), near(copy, original))
    assert (decision.copy_of, decision.cluster_id) == ("a1", "a1")


@pytest.mark.parametrize(
    ("new", "old", "reason"),
    [
        pytest.param(candidate(OTHER.text), known(), "shares", id="another story under the same headline"),
        pytest.param(
            candidate("\n".join([*OTHER.paragraphs[3:], *PARAGRAPHS[:3]]), title=OTHER.title),
            known(),
            "shares",
            id="follow-up",
        ),
        pytest.param(
            candidate("Kurs: unverändert bei der Bank am Abend.", title=OTHER.title),
            known("Kurs: unverändert bei der Bank am Morgen.", title=STORY.title),
            "too short",
            id="a dozen words",
        ),
        pytest.param(
            candidate(QUAKE.format(5, 2, 16, "Reno", 9, 41, 4), title="5.2 quake near Reno", outlet="gazette"),
            known(QUAKE.format(3, 7, 22, "Elko", 6, 87, 11), title="3.7 quake near Elko"),
            "",
            id="template of one host",
        ),
        pytest.param(
            candidate(ACCIDENT.format("Brest", "Quimper", "Morlaix"), title="Accident près de Brest", outlet="gazette"),
            known(ACCIDENT.format("Dax", "Orthez", "Pau"), title="Accident près de Dax"),
            "0 of 3 names",
            id="one host's notices of other places",
        ),
        pytest.param(
            candidate("\n".join([*OTHER.paragraphs[:2], *PARAGRAPHS[2:]]), title=OTHER.title, outlet="gazette"),
            known(),
            "same host",
            id="one host's furniture under unlike headlines",
        ),
        pytest.param(
            candidate(STORY.text + "\nEncore un mot.", hours=24 * 31), known(), "days apart", id="a month later"
        ),
        pytest.param(
            candidate("\n".join(PARAGRAPHS[:5]) + OTHER.text[:500], hours=24 * 6),
            known(),
            "days apart",
            id="six days later, in part",
        ),
        pytest.param(
            candidate("\n".join(PARAGRAPHS[:3]), title="Morning digest: the news"),
            known(),
            "digest",
            id="announced as a digest",
        ),
    ],
)
def test_article_that_is_no_copy_is_new_with_a_reason(new: Candidate, old: KnownArticle, reason: str) -> None:
    same = new.fingerprint.content_hash == old.fingerprint.content_hash
    decision = decided(new, NearbyArticles(same_hash=(old,)) if same else near(old))
    assert (decision.verdict, decision.cluster_id, decision.copy_of) == (Verdict.NEW, "a2", None)
    assert reason in (decision.considered[0].refusal or "")


def test_whole_copy_is_accepted_after_six_days() -> None:
    assert decided(candidate(f"{STORY.text}\n(avec AFP)", hours=144), near(known())).verdict is Verdict.COPY


def test_corrected_figures_of_another_outlet_are_no_template() -> None:
    corrected = NUMBERED.replace("Bilan 48", "Bilan 49").replace("Bilan 85", "Bilan 86")
    assert decided(candidate(corrected), near(known(NUMBERED))).verdict is Verdict.COPY


def test_doubted_extraction_is_never_matched() -> None:
    new = candidate(STORY.text)
    repeated = frozenset(paragraph_hashes("\n".join(PARAGRAPHS[:8])))
    doubted = replace(new, fingerprint=fingerprint(STORY.title, STORY.text, repeated=repeated))
    decision = decided(doubted, NearbyArticles(same_hash=(known(),)))
    assert (decision.verdict, decision.relation) == (Verdict.NEW, None)
    assert "extraction doubted" in decision.reason


def test_digest_of_two_articles_has_its_own_cluster() -> None:
    quoted = "\n".join([*PARAGRAPHS[:4], *OTHER.paragraphs[:4], *THIRD.paragraphs[:1]])
    others = near(known(), known(OTHER.text, title=OTHER.title, article_id="a3", outlet="tribune"))
    decision = decided(candidate(quoted, title=THIRD.title), others)
    assert (decision.verdict, decision.relation, decision.cluster_id) == (Verdict.NEW, Relation.DIGEST, "a2")
    assert set(decision.related_to) == {"a1", "a3"}


def test_article_that_shares_a_part_with_one_other_is_related() -> None:
    half = "\n".join([*OTHER.paragraphs[:5], *PARAGRAPHS[:4]])
    decision = decided(candidate(half, title=OTHER.title), near(known()))
    assert (decision.verdict, decision.relation, decision.related_to) == (Verdict.NEW, Relation.RELATED, ("a1",))


# ---------------------------------------------------------------- known articles


def test_same_article_again_is_unchanged() -> None:
    same = candidate(STORY.text, article_id="a1", outlet="gazette")
    decision = decided(same, NearbyArticles(known=(known(),)))
    assert (decision.verdict, decision.revision, decision.article_id) == (Verdict.UNCHANGED, 1, "a1")


def test_revision_names_the_hash_of_the_previous_text() -> None:
    old = known()
    decision = decided(candidate(f"{STORY.text}\n{OTHER.paragraphs[0]}", article_id="a1"), NearbyArticles(known=(old,)))
    assert (decision.verdict, decision.revision, decision.changed) == (Verdict.REVISED, 2, ("text",))
    assert decision.previous_text_hash == old.fingerprint.content_hash


def test_revised_copy_stays_a_copy() -> None:
    old = replace(known(), relation=Relation.COPY, copy_of="a0", cluster_id="a0")
    decision = decided(candidate(f"{STORY.text}\n{OTHER.paragraphs[0]}", article_id="a1"), NearbyArticles(known=(old,)))
    assert (decision.relation, decision.copy_of, decision.cluster_id) == (Relation.COPY, "a0", "a0")


def test_withdrawn_article_that_returns_is_new_with_its_old_id() -> None:
    gone = replace(known(), state=ArticleState.WITHDRAWN, revision=3)
    decision = decided(candidate(STORY.text, article_id="a1"), NearbyArticles(known=(gone,)))
    assert (decision.verdict, decision.article_id, decision.revision) == (Verdict.NEW, "a1", 4)


def test_two_ids_of_one_article_are_merged_into_the_older() -> None:
    older, younger = known(), replace(known(article_id="a0"), seen_at=NOW + timedelta(minutes=5), revision=2)
    decision = decided(candidate(STORY.text, article_id="a0"), NearbyArticles(known=(younger, older)))
    assert (decision.verdict, decision.article_id, decision.merged_id) == (Verdict.REVISED, "a1", "a0")
    assert decision.revision == 3


@pytest.mark.parametrize(
    "worse",
    [
        pytest.param({"relation": Relation.DUPLICATE, "copy_of": "a9"}, id="nobody was told of it"),
        pytest.param({"state": ArticleState.WITHDRAWN}, id="consumers were told that it is gone"),
    ],
)
def test_merge_keeps_the_published_id_even_if_it_is_younger(worse: dict[str, Any]) -> None:
    older = replace(known(), **worse)
    younger = replace(known(article_id="a0"), seen_at=NOW + timedelta(minutes=5))
    decision = decided(candidate(STORY.text, article_id="a1"), NearbyArticles(known=(older, younger)))
    assert (decision.article_id, decision.merged_id) == ("a0", "a1")


def test_debounced_live_blog_keeps_its_revision() -> None:
    blog = replace(known(), is_live_blog=True)
    soon = replace(candidate(f"{STORY.text}\nUn mot.", article_id="a1", hours=0.05), is_live_blog=True)
    decision = decided(soon, NearbyArticles(known=(blog,)))
    assert (decision.verdict, decision.debounced, decision.revision) == (Verdict.UNCHANGED, True, 1)


# ---------------------------------------------------------------- whatever the order

STORIES = [Newsroom(20 + number).article(number, words=200) for number in range(3)]
VERSIONS = [
    version for number, story in enumerate(STORIES) for version in (story, *Newsroom(40 + number).copies(story))
]


def rows(versions: list[MadeArticle]) -> list[DedupRow]:
    """As `newswire dedup` reads them."""
    return [DedupRow(id=v.url, url=v.url, title=v.title, text=v.text, published=NOW) for v in versions]


@settings(max_examples=40, deadline=None)
@given(st.permutations(VERSIONS))
def test_clusters_and_ids_do_not_depend_on_the_order_of_arrival(versions: list[MadeArticle]) -> None:
    deduplicator = Deduplicator()
    results = [deduplicator.add(row) for row in rows(versions)]
    stories: dict[str, set[str]] = {}
    for version, result in zip(versions, results, strict=True):
        stories.setdefault(result.decision.cluster_id, set()).add(version.story)
    assert sorted(next(iter(found)) for found in stories.values()) == sorted(story.story for story in STORIES)
    assert all(len(found) == 1 for found in stories.values())
    assert {r.id: r.decision.article_id for r in results} == IDS


@settings(max_examples=25, deadline=None)
@given(st.permutations(VERSIONS), st.lists(st.integers(0, len(VERSIONS) - 1), max_size=8))
def test_deciding_again_is_idempotent(versions: list[MadeArticle], again: list[int]) -> None:
    deduplicator = Deduplicator()
    first = [deduplicator.add(row) for row in rows(versions)]
    for number in again:
        repeated = deduplicator.add(rows(versions)[number])
        assert repeated.verdict is Verdict.UNCHANGED
        ours, theirs = repeated.decision, first[number].decision
        assert (ours.article_id, ours.cluster_id) == (theirs.article_id, theirs.cluster_id)


IDS = {row.id: Deduplicator().add(row).decision.article_id for row in rows(VERSIONS)}


def test_stored_article_is_unchanged_when_decided_again() -> None:
    new = candidate(f"{STORY.text}\n(avec AFP)")
    decision = decided(new, near(known()))
    kept = article_after(new, decision, None, now=NOW)
    assert decided(new, NearbyArticles(known=(kept,))).verdict is Verdict.UNCHANGED
    assert (kept.copy_of, kept.cluster_id, kept.relation) == ("a1", "a1", Relation.COPY)


# ---------------------------------------------------------------- newswire dedup


def test_answers_keep_the_order_of_the_lines() -> None:
    given_lines = [
        json.dumps(
            {"id": "1", "url": STORY.url, "title": STORY.title, "text": STORY.text, "published": "2026-03-12T09:00:00Z"}
        ),
        json.dumps(
            {
                "id": "2",
                "url": "https://b.example/x",
                "title": STORY.title,
                "text": STORY.text + "\n(AFP)",
                "published": "2026-03-12T10:00:00Z",
            }
        ),
        json.dumps({"id": "3", "url": STORY.url + "?utm_source=rss", "title": STORY.title, "text": STORY.text}),
    ]
    first, second, third = (json.loads(decision_json(answer)) for answer in dedup_lines(given_lines))
    assert list(first) == ["id", "verdict", "article_id", "cluster_id", "copy_of", "similarity"]
    assert (first["verdict"], second["verdict"], third["verdict"]) == ("new", "copy", "unchanged")
    assert second["copy_of"] == first["article_id"] == third["article_id"]
    assert second["similarity"]["jaccard"] > 0.9


def test_row_without_a_valid_date_counts_after_the_row_before() -> None:
    lines = [
        json.dumps({"id": 1, "url": STORY.url, "title": STORY.title, "text": STORY.text, "published": "2026-03-12"}),
        json.dumps({"id": 2, "url": "https://b.example/x", "title": STORY.title, "text": f"{STORY.text}\n(AFP)"}),
        json.dumps({"id": 3, "url": "https://c.example/x", "text": f"{STORY.text}\n(dpa)", "published": "soon"}),
    ]
    assert [answer.verdict for answer in dedup_lines(lines) if isinstance(answer, RowDecision)] == [
        "new",
        "copy",
        "copy",
    ]


BAD_LINES = [
    pytest.param(b"{broken", None, "no JSON", id="no JSON"),
    pytest.param(b"[1]", None, "no JSON object", id="a list"),
    pytest.param(b'{"url": "https://a.example/1", "text": "x"}', None, "without an id", id="no id"),
    pytest.param(b'{"id": 7, "text": "x"}', 7, "without a url", id="no URL"),
    pytest.param(b'{"id": "a", "url": "688858", "text": "x"}', "a", "no web address", id="no web address"),
    pytest.param(b'{"id": "a", "url": "https://a.example/1", "text": null}', "a", "without a text", id="no text"),
    pytest.param(b'{"id": "\xff"}', None, "utf-8", id="no UTF-8"),
]


@pytest.mark.parametrize(("line", "row_id", "fault"), BAD_LINES)
def test_invalid_line_is_answered_with_its_number_and_fault(line: bytes, row_id: str | int | None, fault: str) -> None:
    good = json.dumps({"id": 1, "url": STORY.url, "text": STORY.text}).encode()
    before, answer, after = dedup_lines([b"\n", good, line, good])
    assert isinstance(answer, BadLine)
    assert (answer.number, answer.id) == (3, row_id)
    assert fault in answer.fault
    assert isinstance(before, RowDecision)
    assert isinstance(after, RowDecision)
    written = json.loads(decision_json(answer))
    assert (written["verdict"], written["line"], written["cluster_id"]) == ("failed", 3, None)


def test_skipped_answers_are_not_repeated_but_their_rows_are_known() -> None:
    lines = [json.dumps({"id": n, "url": f"https://o{n}.example/x", "text": STORY.text}) for n in range(5)]
    everything = [decision_json(answer) for answer in dedup_lines(lines)]
    assert [decision_json(answer) for answer in dedup_lines(lines, skip=3)] == everything[3:]


def test_boilerplate_of_a_host_is_learnt_from_its_pages() -> None:
    furniture = "\n".join(NEWSROOM.paragraph(20) for _ in range(12))
    deduplicator = Deduplicator()
    verdicts = [
        deduplicator.add(
            DedupRow(
                id=str(n),
                url=f"https://lines.example/{n}",
                title=NEWSROOM.words(8),
                text=f"{NEWSROOM.paragraph(60)}\n{furniture}",
                published=NOW,
            )
        ).verdict
        for n in range(12)
    ]
    assert verdicts == [Verdict.NEW] * 12


def test_normalisation_is_idempotent() -> None:
    assert normalise(normalise("Ｌ’Été ½ ﬁn")) == normalise("Ｌ’Été ½ ﬁn")
