"""JSON Schema (draft 7) of the files that make routes, for editors: made of the declarations that read them.

A schema says less than `gatepost check` (it knows keys, kinds and names, not expressions), and says it
while one types. Names of one site are put in as suggestions: another name fits the schema all the same, for
a file may name what is still to be written. Must not know files.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from routes.hl7.formats import FORMATS
from routes.language.kinds import NAMES
from routes.language.outcome_shapes import OUTCOME
from routes.language.profile_files import PROFILE, STANDARD
from routes.language.route_files import DIALECT, GUARD, ROUTE
from routes.language.send_shapes import EARLIER
from routes.language.shapes import Shape
from routes.language.step_shapes import CHANGE_SHAPES
from routes.tables.reading import SIDECAR_KEYS

__all__ = ["Json", "SiteNames", "finish", "language_schemas"]

Json = dict[str, Any]

SiteNames = Mapping[str, Sequence[str]]
"""The names that a site has, by their sort: feed, channel, table, tray, guard, profile, route, dialect,
format."""

DRAFT = "http://json-schema.org/draft-07/schema#"
ALWAYS: SiteNames = {"format": tuple(FORMATS), "channel": (EARLIER,), "profile": (STANDARD,)}


def language_schemas(names: SiteNames) -> dict[str, Json]:
    """The schemas of routes, dialects, guards, profiles and tables' sidecars, by what they are of."""
    shapes: Mapping[str, Shape] = {"route": ROUTE, "dialect": DIALECT, "guard": GUARD, "profile": PROFILE}
    found = {what: finish(shape.schema(), names) for what, shape in shapes.items()}
    return {**found, "table": finish(_sidecar(), names)}


def finish(schema: Json, names: SiteNames, own: Mapping[str, Json] | None = None) -> Json:
    """A schema of a whole file: with the definitions that it needs, and the site's names.

    own: definitions besides those that routes have.
    """
    known = own or {}
    needed: Json = {}
    ahead = [schema]
    while ahead:
        for name in _references(ahead.pop()):
            if name not in needed:
                needed[name] = known[name] if name in known else _definition(name)
                ahead.append(needed[name])
    whole = {"$schema": DRAFT, **schema}
    if needed:
        whole["definitions"] = {name: needed[name] for name in sorted(needed)}
    found: Json = _with_names(whole, names)
    return found


def _definition(name: str) -> Json:
    """What several places share, or what holds itself."""
    if name == "outcome":
        return OUTCOME.schema()
    if name == "step":
        return {"anyOf": [shape.schema() for shape, _ in CHANGE_SHAPES.values()]}
    raise KeyError(name)


def _references(part: object) -> list[str]:
    if isinstance(part, dict):
        own = [str(part["$ref"]).removeprefix("#/definitions/")] if "$ref" in part else []
        return own + [name for value in part.values() for name in _references(value)]
    return [name for value in part for name in _references(value)] if isinstance(part, list) else []


def _with_names(part: Any, names: SiteNames) -> Any:
    """The same with a list of suggestions wherever a name of some sort is wanted."""
    if isinstance(part, list):
        return [_with_names(each, names) for each in part]
    if not isinstance(part, dict):
        return part
    found = {key: _with_names(value, names) for key, value in part.items() if key != NAMES}
    sort = part.get(NAMES)
    if not isinstance(sort, str):
        return found
    known = list(dict.fromkeys([*names.get(sort, ()), *ALWAYS.get(sort, ())]))
    if not known:
        return found
    said = {key: found.pop(key) for key in ("type", "pattern") if key in found}
    return {**found, "anyOf": [{"enum": known}, said]}


def _sidecar() -> Json:
    """tables/NAME.yaml, whose keys the table's own reader knows."""
    words: Json = {"type": ["string", "number"]}
    row = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
    special: Mapping[str, Json] = {
        "on_miss": {"enum": ["hold", "keep", "default"], "default": "hold"},
        "case": {"enum": ["exact", "ignore"], "default": "exact"},
        "default": row,
    }
    properties = {
        key: {**special.get(key, words), "description": f"{about[:1].upper()}{about[1:].rstrip('.')}."}
        for key, about in SIDECAR_KEYS.items()
    }
    return {
        "type": "object",
        "title": "what goes with a table",
        "description": "Stands beside tables/NAME.csv, whose first column is the key.",
        "properties": properties,
        "additionalProperties": False,
    }
