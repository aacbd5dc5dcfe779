"""Pages behind a feed's links, in a whole deployment: which are followed, which are no articles, what they reserve."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.domain.model import Topic
from tests.hostile.page_cases import PARAGRAPHS, page
from tests.hostile.stage import FEED_URL, Scene, a_feed, a_scene, line
from tests.newsroom.pages.walls import CONSENT
from tests.newsroom.replies import Reply

WWW = "http://www.scene.test"


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Scene]:
    with a_scene(tmp_path) as opened:
        yield opened


def a_page(number: int, *, head: str = "", **headers: str) -> Reply:
    """An article that is no other's: its own paragraphs, in their own order."""
    own = random.Random(number)
    words = " ".join(PARAGRAPHS).split()
    made = (" ".join(own.choice(words) for _ in range(60)) for _ in range(5))
    body = "".join(f"<p>Numéro {number} : {paragraph}.</p>" for paragraph in made)
    return Reply(body=page(body, head=head), headers={name.replace("_", "-"): value for name, value in headers.items()})


def refresh(url: str) -> Reply:
    body = f"<html><head><title>Un instant</title><meta http-equiv=refresh content='0; url={url}'></head><body></body>"
    return Reply(body=body.encode())


def canonical(url: str) -> str:
    return f"<link rel='canonical' href='{url}'>"


def articles(scene: Scene) -> dict[str, dict[str, object]]:
    """What was published, by the URL under which it stands."""
    return {value["url"]: value for value in map(json.loads, scene.told(Topic.ARTICLES))}


def test_walls_and_non_articles_are_rejected_with_a_reason(scene: Scene) -> None:
    pages = {
        "consent": Reply(body=CONSENT.encode()),
        "refresh to consent": refresh("/mur.html"),
        "refresh to itself": refresh("/refresh-to-itself.html"),
        "refresh away": refresh("http://www.ailleurs.test/"),
        "random bytes": Reply(body=random.Random(3).randbytes(50_000)),
        "a picture": Reply(body=b"\x89PNG\r\n\x1a\n" + bytes(500)),
        "a feed": a_feed(line("Un")),
        "home page": Reply(302, headers={"Location": "/"}),
    }
    links = {name: f"{WWW}/{name.replace(' ', '-')}.html" for name in pages}
    scene.stage.plays |= {links[name]: reply for name, reply in pages.items()}
    scene.stage.plays |= {f"{WWW}/mur.html": Reply(body=CONSENT.encode()), f"{WWW}/": a_page(99)}
    scene.stage.plays[FEED_URL] = a_feed(*(line(name, link=link) for name, link in links.items()))
    report = scene.poll()
    assert report.problems == ()
    assert scene.verdicts() == {
        "consent": "rejected consent_wall",
        "refresh to consent": "rejected consent_wall",
        "refresh to itself": "rejected empty",
        "refresh away": "rejected empty",
        "random bytes": "rejected garbled",
        "a picture": "rejected image",
        "a feed": "rejected not_html",
        "home page": "rejected redirected_to_section",
    }
    assert articles(scene) == {}


def test_amp_and_canonical_are_followed_within_the_outlet_only(scene: Scene) -> None:
    whole, twin = f"{WWW}/ville/marche.html", f"{WWW}/ville/marche.amp.html"
    theirs, ours = "http://www.agence.test/marche.html", f"{WWW}/ville/repris.html"
    scene.stage.plays |= {
        FEED_URL: a_feed(line("AMP", link=twin), line("Repris", link=ours)),
        twin: a_page(1, head=canonical(whole)),
        whole: a_page(2, head=canonical(whole)),
        ours: a_page(3, head=canonical(theirs)),
        theirs: a_page(4),
    }
    scene.poll()
    found = articles(scene)
    assert set(found) == {whole, ours}
    assert str(found[whole]["text"]).startswith("Numéro 2")
    assert str(found[ours]["text"]).startswith("Numéro 3")
    assert theirs not in scene.stage.hits


def test_the_reservation_of_text_and_data_mining_is_on_the_message(scene: Scene) -> None:
    rules = [{"location": "/reserve/", "tdm-reservation": 1, "tdm-policy": "http://www.scene.test/tdm.json"}]
    silent, by_file, by_header, by_meta = (f"{WWW}/{name}.html" for name in ("rien", "reserve/1", "entete", "meta"))
    scene.stage.plays |= {
        FEED_URL: a_feed(*(line(link, link=link) for link in (silent, by_file, by_header, by_meta))),
        f"{WWW}/.well-known/tdmrep.json": Reply(body=json.dumps(rules).encode(), content_type="application/json"),
        silent: a_page(1),
        by_file: a_page(2),
        by_header: a_page(3, tdm_reservation="1"),
        by_meta: a_page(4, head="<meta name='tdm-reservation' content='0'>"),
    }
    scene.poll()
    assert {url: value["tdm"] for url, value in articles(scene).items()} == {
        silent: None,
        by_file: {"reserved": True, "policy": "http://www.scene.test/tdm.json"},
        by_header: {"reserved": True, "policy": None},
        by_meta: {"reserved": False, "policy": None},
    }


def test_pages_forbidden_by_robots_txt_are_not_fetched(scene: Scene) -> None:
    link = f"{WWW}/prive/1.html"
    scene.stage.plays |= {
        FEED_URL: a_feed(line("Privé", link=link)),
        f"{WWW}/robots.txt": Reply(body=b"User-agent: *\nDisallow: /prive/\n", content_type="text/plain"),
        link: a_page(1),
    }
    scene.poll()
    assert scene.verdicts() == {"Privé": "rejected refused_robots"}
    assert link not in scene.stage.hits
