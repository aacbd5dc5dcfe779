"""Exports: the field's formats, each true to the message it was made from."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipeline.app.export import write_parquet
from pipeline.delivery import export_formats
from pipeline.delivery.export_formats import MessageFilter
from pipeline.delivery.messages import article_value
from pipeline.domain.model import ReceivedMessage
from tests.delivery.test_messages import publication
from tests.values import NOW

VALUE = json.loads(json.dumps(article_value(publication())))


def test_dated_text_is_month_and_text() -> None:
    assert export_formats.dated_text(VALUE) == f" date 2026-11 {VALUE['text']}"


def test_dated_text_without_a_date_uses_when_the_article_was_first_seen() -> None:
    assert export_formats.dated_text(VALUE | {"published": None}).startswith(" date 2026-11 ")


def test_json_lines_give_the_value_back() -> None:
    assert [json.loads(line) for line in export_formats.lines([VALUE], "jsonl")] == [VALUE]


def test_ninjs_has_its_main_properties() -> None:
    article = json.loads(export_formats.ninjs(VALUE))
    assert article["uri"] == f"urn:newswire:{VALUE['id']}"
    assert article["bodies"][0]["value"] == VALUE["text"]
    assert article["pubStatus"] == "usable"
    assert json.loads(export_formats.ninjs(VALUE | {"state": "withdrawn"}))["pubStatus"] == "canceled"


def test_json_ld_is_a_news_article() -> None:
    article = json.loads(export_formats.json_ld(VALUE))
    assert (article["@type"], article["articleBody"]) == ("NewsArticle", VALUE["text"])
    assert json.loads(export_formats.json_ld(VALUE | {"is_live_blog": True}))["@type"] == "LiveBlogPosting"


def test_the_month_of_dated_text_is_the_outlets_own() -> None:
    last_of_october = {"time": "2026-10-31T23:30:00Z", "offset_s": 3600}
    assert export_formats.dated_text(VALUE | {"published": last_of_october}).startswith(" date 2026-11 ")


def test_parquet_has_a_file_per_day_and_a_row_per_article(tmp_path: Path) -> None:
    from pyarrow import parquet

    other = VALUE | {"first_seen": "2026-11-24T00:00:01Z", "section": None, "similarity": None}
    written = dict(write_parquet([VALUE, other, other], tmp_path / "out"))
    assert {path.name: rows for path, rows in written.items()} == {"2026-11-23.parquet": 1, "2026-11-24.parquet": 2}
    (row,) = parquet.read_table(tmp_path / "out" / "2026-11-23.parquet").to_pylist()
    assert (row["text"], row["outlet_id"]) == (VALUE["text"], "antenne")
    assert row["first_seen"] == datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
    first, second = (parquet.read_schema(path) for path in sorted((tmp_path / "out").iterdir()))
    assert first.equals(second)  # one table, whatever is missing on a day


MESSAGES = {
    "fr": {
        "outlet": {"id": "antenne"},
        "language": "fr-CA",
        "section": "France",
        "title": "Le marché",
        "text": "rouvre",
    },
    "fro": {"outlet": {"id": "gazette"}, "language": "fro", "section": None, "title": "Marché", "text": "x"},
}


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        pytest.param(MessageFilter(), ["fr", "fro", "tombstone"], id="nothing asked for"),
        pytest.param(MessageFilter(outlet="gazette"), ["fro"], id="outlet"),
        pytest.param(MessageFilter(language="FR"), ["fr"], id="language, with what is below it"),
        pytest.param(MessageFilter(language="fr-CA"), ["fr"], id="language and region"),
        pytest.param(MessageFilter(section="france"), ["fr"], id="section in any case"),
        pytest.param(MessageFilter(text="MARCHÉ rouvre"), ["fr"], id="all words, in headline or text"),
        pytest.param(MessageFilter(text="marché", outlet="gazette"), ["fro"], id="all that is asked for"),
    ],
)
def test_message_filter_selects_messages(wanted: MessageFilter, names: list[str]) -> None:
    bodies = {name: json.dumps(value).encode() for name, value in MESSAGES.items()} | {"tombstone": None}
    received = [
        ReceivedMessage(topic="news.articles", partition=0, offset=1, key=name, headers={}, value=body, timestamp=NOW)
        for name, body in bodies.items()
    ]
    assert [message.key for message in received if wanted.has(message)] == names


def test_unknown_export_format_is_rejected() -> None:
    with pytest.raises(KeyError):
        list(export_formats.lines([VALUE], "docx"))
