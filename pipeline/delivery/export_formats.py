"""Export formats of articles: JSON lines, dated text, ninjs 3.1, schema.org JSON-LD, rows of a table by day.

The input is the values of topic messages (schemas/article.v1.json). schemas/README.md has the mapping as a table.
`MessageFilter` chooses messages by outlet, language, section and words.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import schemas
from pipeline.domain.model import ReceivedMessage

Value = Mapping[str, Any]

WITHDRAWN = "withdrawn"
NINJS_SCHEMA = "http://www.iptc.org/std/ninjs/ninjs-schema_3.1.json#"
TDM_RESERVED = "Text and data mining is reserved by the rights holder (TDMRep)."


def lines(values: Iterable[Value], form: str) -> Iterator[str]:
    """A line per article in one of the line formats. Raises KeyError for an unknown form."""
    return map(FORMS[form], values)


def jsonl(value: Value) -> str:
    return json.dumps(value, ensure_ascii=False)


def dated_text(value: Value) -> str:
    """` date YYYY-MM ` and the text. The month is in the outlet's time zone.

    An article without a date is dated by when it was first seen.
    """
    published = value.get("published") or {"time": value["first_seen"]}
    moment = datetime.fromisoformat(published["time"]) + timedelta(seconds=published.get("offset_s") or 0)
    return f" date {moment:%Y-%m} {value['text']}"


def ninjs(value: Value) -> str:
    """IPTC ninjs 3.1, without empty properties; its schema allows no other names than these."""
    published = value.get("published") or {}
    article = {
        "standard": {"name": "ninjs", "version": "3.1", "schema": NINJS_SCHEMA},
        "uri": urn(value["id"]),
        "type": "text",
        "version": str(value["revision"]),
        "contentCreated": published.get("time"),
        "firstCreated": value["first_seen"],
        "versionCreated": value["fetched"],
        "pubStatus": "canceled" if value["state"] == WITHDRAWN else "usable",
        "language": value["language"],
        "by": ", ".join((*value["authors"], *value["author_organisations"])),
        "headlines": [{"role": "main", "value": value["title"]}],
        "descriptions": [{"role": "summary", "value": value["lead"]}] if value.get("lead") else [],
        "bodies": [
            {"role": "main", "contentType": "text/plain", "value": value["text"], "wordCount": value["word_count"]}
        ],
        "people": [{"name": name, "rel": "author"} for name in value["authors"]],
        "organisations": [{"name": name, "rel": "author"} for name in value["author_organisations"]],
        "subjects": subjects(value),
        "genres": [{"name": "live blog"}] if value["is_live_blog"] else [],
        "infoSources": [
            {"role": "publisher", "name": value["outlet"]["name"], "uri": value["outlet"]["homepage"]},
            *({"role": "agency", "name": name} for name in value["agency_credits"]),
        ],
        "copyrightNotice": value.get("rights"),
        **usage(value.get("tdm") or {}),
        "associations": associations(value),
        "altIds": [
            {"role": role, "value": value[role]} for role in ("canonical_url", "url", "link", "guid") if value[role]
        ],
    }
    return without_empty(article)


def usage(tdm: Value) -> dict[str, Any]:
    """The text and data mining reservation."""
    return {
        "usageTerms": TDM_RESERVED if tdm.get("reserved") else None,
        "rightsInfo": {"linkedRights": tdm["policy"]} if tdm.get("policy") else {},
    }


def subjects(value: Value) -> list[dict[str, str]]:
    """Section and keywords, distinguished by their relation."""
    section = [{"name": value["section"], "rel": "section"}] if value.get("section") else []
    return [*section, *({"name": word, "rel": "keyword"} for word in value["keywords"])]


def associations(value: Value) -> list[dict[str, Any]]:
    """The lead image, and the article that this one copies."""
    image, original = value.get("image"), value.get("copy_of")
    picture = {"name": "lead image", "uri": image, "type": "picture", "renditions": [{"name": "main", "href": image}]}
    copied = {"name": "original", "rel": "copy_of", "uri": urn(original) if original else None}
    return [*([picture] if image else []), *([copied] if original else [])]


def json_ld(value: Value) -> str:
    """schema.org NewsArticle."""
    people = [{"@type": "Person", "name": name} for name in value["authors"]]
    organisations = [{"@type": "Organization", "name": name} for name in value["author_organisations"]]
    article = {
        "@context": "https://schema.org",
        "@type": "LiveBlogPosting" if value["is_live_blog"] else "NewsArticle",
        "@id": urn(value["id"]),
        "identifier": value["id"],
        "url": value["canonical_url"],
        "sameAs": [url for url in (value["url"], *value["aliases"]) if url != value["canonical_url"]],
        "headline": value["title"],
        "abstract": value.get("lead"),
        "articleBody": value["text"],
        "wordCount": value["word_count"],
        "datePublished": (value.get("published") or {}).get("time"),
        "dateModified": (value.get("modified") or {}).get("time"),
        "sdDatePublished": value["fetched"],
        "author": people + organisations,
        "creditText": ", ".join(value["agency_credits"]),
        "inLanguage": value["language"],
        "articleSection": value.get("section"),
        "keywords": value["keywords"],
        "image": value.get("image"),
        "isAccessibleForFree": value.get("is_accessible_for_free"),
        "copyrightNotice": value.get("rights"),
        "usageInfo": (value.get("tdm") or {}).get("policy"),
        "isBasedOn": urn(value["copy_of"]) if value.get("copy_of") else None,
        "publisher": {
            "@type": "NewsMediaOrganization",
            "name": value["outlet"]["name"],
            "url": value["outlet"]["homepage"],
        },
        "creativeWorkStatus": value["state"],
        "version": value["revision"],
    }
    return without_empty(article)


def urn(article_id: str) -> str:
    """An article's id as a URI."""
    return f"urn:newswire:{article_id}"


def without_empty(article: Mapping[str, Any]) -> str:
    """As JSON, without empty values."""
    kept = {name: part for name, part in article.items() if part not in ("", [], {}, None)}
    return json.dumps(kept, ensure_ascii=False)


FORMS: Mapping[str, Callable[[Value], str]] = {
    "jsonl": jsonl,
    "dated-text": dated_text,
    "ninjs": ninjs,
    "json-ld": json_ld,
}


DATE_TIME = "date-time"


@dataclass(frozen=True, slots=True)
class Column:
    """A table's column: name, type in the schema or date-time, and path in a message's value."""

    name: str
    kind: str
    path: tuple[str, ...]


@cache
def columns() -> tuple[Column, ...]:
    """The columns of an article: the schema's fields in their order, nested ones with their parent's name."""
    return tuple(columns_of(schemas.load("article.v1"), ()))


def columns_of(schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Column]:
    """The columns of an object of the schema."""
    for name, field in schema["properties"].items():
        here = (*path, name)
        if "properties" in field:
            yield from columns_of(field, here)
            continue
        types = field["type"] if isinstance(field["type"], list) else [field["type"]]
        kind = next(each for each in types if each != "null")
        yield Column("_".join(here), DATE_TIME if field.get("format") == DATE_TIME else kind, here)


def table_rows(values: Iterable[Value]) -> Mapping[str, list[dict[str, Any]]]:
    """Rows by the day (UTC) when an article was first seen; missing values are None."""
    days: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for value in values:
        days[value["first_seen"][:10]].append({column.name: cell(value, column) for column in columns()})
    return days


def cell(value: Value, column: Column) -> Any:
    found: Any = value
    for name in column.path:
        found = None if found is None else found.get(name)
    return datetime.fromisoformat(found) if column.kind == DATE_TIME and found else found


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """A field that is None matches everything. Tombstones match only an empty filter."""

    outlet: str | None = None
    language: str | None = None  # BCP 47 basic filtering (RFC 4647 section 3.3.1): fr matches fr-CA too
    section: str | None = None
    text: str | None = None  # all of these words, in headline or text

    def has(self, received: ReceivedMessage) -> bool:
        if not (self.outlet or self.language or self.section or self.text):
            return True
        return received.value is not None and self.has_value(json.loads(received.value))

    def has_value(self, value: dict[str, Any]) -> bool:
        outlet = (value.get("outlet") or {}).get("id")
        section = str(value.get("section") or "").casefold()
        language = f"{value.get('language') or ''}-".lower()
        text = f"{value.get('title') or ''} {value.get('text') or ''}".casefold()
        return all(
            (
                not self.outlet or outlet == self.outlet,
                not self.language or language.startswith(f"{self.language.lower()}-"),
                not self.section or section == self.section.casefold(),
                not self.text or all(word in text for word in self.text.casefold().split()),
            )
        )
