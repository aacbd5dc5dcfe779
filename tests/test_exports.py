"""Exports: the field's formats, each true to the message it was made from."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import exports
from pipeline.app_files import write_parquet_by_day
from pipeline.messages import article_value
from tests.test_messages import publication

VALUE = json.loads(json.dumps(article_value(publication())))


def test_dated_text_is_month_and_text() -> None:
    assert exports.dated_text(VALUE) == f" date 2026-11 {VALUE['text']}"


def test_dated_text_without_a_date_takes_the_first_sight() -> None:
    assert exports.dated_text(VALUE | {"published": None}).startswith(" date 2026-11 ")


def test_json_lines_give_the_value_back() -> None:
    assert [json.loads(line) for line in exports.lines([VALUE], "jsonl")] == [VALUE]


def test_ninjs_has_what_its_readers_look_for() -> None:
    article = json.loads(exports.ninjs(VALUE))
    assert article["uri"] == f"urn:newswire:{VALUE['id']}"
    assert article["bodies"][0]["value"] == VALUE["text"]
    assert article["pubStatus"] == "usable"
    assert json.loads(exports.ninjs(VALUE | {"state": "withdrawn"}))["pubStatus"] == "canceled"


def test_json_ld_is_a_news_article() -> None:
    article = json.loads(exports.json_ld(VALUE))
    assert (article["@type"], article["articleBody"]) == ("NewsArticle", VALUE["text"])
    assert json.loads(exports.json_ld(VALUE | {"is_live_blog": True}))["@type"] == "LiveBlogPosting"


def test_parquet_has_a_file_per_day_and_a_row_per_article(tmp_path: Path) -> None:
    from pyarrow import parquet

    other = VALUE | {"first_seen": "2026-11-24T00:00:01Z"}
    written = dict(write_parquet_by_day([VALUE, other, other], tmp_path / "out"))
    assert {path.name: rows for path, rows in written.items()} == {"2026-11-23.parquet": 1, "2026-11-24.parquet": 2}
    (row,) = parquet.read_table(tmp_path / "out" / "2026-11-23.parquet").to_pylist()
    assert (row["text"], row["outlet_id"]) == (VALUE["text"], "antenne")


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(KeyError):
        list(exports.lines([VALUE], "docx"))
