"""Articles in the field's formats: JSON lines, dated text, ninjs 3.1, schema.org JSON-LD, Parquet by day.

Takes the values of topic messages (schemas/article.v1.json). The mapping is published as a table in schemas/README.md.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

Value = Mapping[str, Any]

WITHDRAWN = "withdrawn"
NINJS_SCHEMA = "https://iptc.org/std/ninjs/ninjs-schema_3.1.json"


def lines(values: Iterable[Value], form: str) -> Iterator[str]:
    """A line per article in one of the line formats. Raises KeyError for a form there is not."""
    write = FORMS[form]
    return (write(value) for value in values)


def jsonl(value: Value) -> str:
    """The value itself."""
    return json.dumps(value, ensure_ascii=False)


def dated_text(value: Value) -> str:
    """` date YYYY-MM ` and the text: the form of the document this project was created from.

    An article without a date of its own is dated by when it was first seen.
    """
    moment = value["published"]["time"] if value.get("published") else value["first_seen"]
    return f" date {moment[:7]} {value['text']}"


def ninjs(value: Value) -> str:
    """IPTC ninjs 3.1."""
    article = {
        "standard": {"name": "ninjs", "version": "3.1", "schema": NINJS_SCHEMA},
        "uri": f"urn:newswire:{value['id']}",
        "type": "text",
        "version": str(value["revision"]),
        "firstCreated": (value.get("published") or {}).get("time") or value["first_seen"],
        "versionCreated": (value.get("modified") or {}).get("time") or value["fetched"],
        "pubStatus": "canceled" if value["state"] == WITHDRAWN else "usable",
        "language": value["language"],
        "by": ", ".join((*value["authors"], *value["author_organisations"])),
        "headlines": [{"role": "main", "value": value["title"]}],
        "descriptions": [{"role": "summary", "value": value["lead"]}] if value.get("lead") else [],
        "bodies": [
            {"role": "main", "contentType": "text/plain", "value": value["text"], "wordCount": value["word_count"]}
        ],
        "people": [{"name": name, "rel": "author"} for name in value["authors"]],
        "subjects": [{"name": value["section"]}] if value.get("section") else [],
        "infoSources": [{"name": value["outlet"]["name"], "uri": value["outlet"]["homepage"]}],
        "rightsInfo": {"usageTerms": value["rights"]} if value.get("rights") else {},
        "altIds": [{"role": "url", "value": value["canonical_url"]}],
    }
    return json.dumps({name: part for name, part in article.items() if part not in ("", [], {})}, ensure_ascii=False)


def json_ld(value: Value) -> str:
    """schema.org NewsArticle."""
    people = [{"@type": "Person", "name": name} for name in value["authors"]]
    organisations = [{"@type": "Organization", "name": name} for name in value["author_organisations"]]
    article = {
        "@context": "https://schema.org",
        "@type": "LiveBlogPosting" if value["is_live_blog"] else "NewsArticle",
        "@id": f"urn:newswire:{value['id']}",
        "url": value["canonical_url"],
        "headline": value["title"],
        "abstract": value.get("lead"),
        "articleBody": value["text"],
        "wordCount": value["word_count"],
        "datePublished": (value.get("published") or {}).get("time"),
        "dateModified": (value.get("modified") or {}).get("time"),
        "author": people + organisations,
        "inLanguage": value["language"],
        "articleSection": value.get("section"),
        "keywords": value["keywords"],
        "image": value.get("image"),
        "isAccessibleForFree": value.get("is_accessible_for_free"),
        "publisher": {
            "@type": "NewsMediaOrganization",
            "name": value["outlet"]["name"],
            "url": value["outlet"]["homepage"],
        },
        "version": value["revision"],
    }
    return json.dumps({name: part for name, part in article.items() if part not in (None, [], "")}, ensure_ascii=False)


FORMS: Mapping[str, Callable[[Value], str]] = {
    "jsonl": jsonl,
    "dated-text": dated_text,
    "ninjs": ninjs,
    "json-ld": json_ld,
}


def parquet_rows(values: Iterable[Value]) -> Mapping[str, list[dict[str, Any]]]:
    """Rows by day (UTC) of first sight; nested parts flattened to columns a table can have."""
    days: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for value in values:
        row = {name: part for name, part in value.items() if not isinstance(part, dict)}
        for name, part in value.items():
            if isinstance(part, dict):
                row |= {f"{name}_{inner}": item for inner, item in part.items()}
        for name in ("published", "modified"):
            row.setdefault(f"{name}_time", None)
            row.pop(name, None)
        days[value["first_seen"][:10]].append(row)
    return days
