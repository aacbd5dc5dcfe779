"""Schema compatibility: whether a schema may replace an older one without breaking any message or reader of the past.

Both directions at once (registries call it FULL): every old message validates, and a reader of the old schema finds in
a new message what it relies on. So a version may only gain optional properties, and only where the schema is open.
Descriptions, titles and examples are free. Standard library only, no I/O.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

FREE = frozenset({"$id", "$schema", "$comment", "title", "description", "examples", "deprecated"})
COMPARED = frozenset({"type", "properties", "required", "items", "additionalProperties"})


def differences(old: Mapping[str, Any], new: Mapping[str, Any], where: str = "") -> tuple[str, ...]:
    """A sentence for each change that breaks messages or readers of the old schema; empty when it may replace it."""
    return tuple(_compare(old, new, where or "the value"))


def _compare(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    if _types(old) != _types(new):
        yield f"{where}: its type was {_type_names(old)} and is {_type_names(new)}"
    yield from _required(old, new, where)
    yield from _properties(old, new, where)
    if "items" in old or "items" in new:
        yield from _compare(_schema(old.get("items", {})), _schema(new.get("items", {})), f"{where}, each")
    yield from _openness(old, new, where)
    for name in sorted((set(old) | set(new)) - FREE - COMPARED):
        if old.get(name) != new.get(name):
            yield f"{where}: {name} was {old.get(name)!r} and is {new.get(name)!r}"


def _types(schema: Mapping[str, Any]) -> frozenset[str]:
    types = schema.get("type", ())
    return frozenset([types] if isinstance(types, str) else types)


def _type_names(schema: Mapping[str, Any]) -> str:
    return " or ".join(sorted(_types(schema))) or "anything"


def _schema(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _required(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    before, after = set(old.get("required", ())), set(new.get("required", ()))
    for name in sorted(before - after):
        yield f"{where}: readers rely on {name}, and it need not be there any more"
    for name in sorted(after - before):
        yield f"{where}: {name} must be there, and old messages do not have it"


def _properties(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    for name, schema in before.items():
        if name not in after:
            yield f"{where}: {name} is gone"
        else:
            yield from _compare(schema, after[name], name if where == "the value" else f"{where}.{name}")
    if old.get("additionalProperties", True) is False:
        for name in sorted(set(after) - set(before)):
            yield f"{where}: {name} is new, and the old schema allows no others"


def _openness(old: Mapping[str, Any], new: Mapping[str, Any], where: str) -> Iterator[str]:
    before, after = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        yield from _compare(before, after, f"{where}.*")
    elif before != after:
        yield f"{where}: additionalProperties was {before!r} and is {after!r}"
