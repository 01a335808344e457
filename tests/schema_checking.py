"""A small checker of JSON Schema (draft 7), of the keywords that our schemas use and no others.

It knows nothing of how the schemas are made, and refuses a keyword that it does not know, so that nothing
in a schema goes untried.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

__all__ = ["faults"]

TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
    "null": (type(None),),
}
SHOWN_ONLY = {
    "$schema", "title", "description", "markdownDescription", "default", "examples", "enumDescriptions",
    "definitions", "format",
}  # fmt: skip


def faults(value: Any, schema: dict[str, Any], root: dict[str, Any] | None = None) -> list[str]:
    """What does not fit, each as `path: keyword`."""
    return list(_faults(value, schema, schema if root is None else root, ""))


def _faults(value: Any, schema: Any, root: dict[str, Any], path: str) -> Iterator[str]:
    assert isinstance(schema, dict), f"{path}: a schema is an object"
    unknown = schema.keys() - SHOWN_ONLY - _CHECKS.keys() - {"properties", "additionalProperties"}
    assert unknown - {"patternProperties"} == set(), f"{path}: nobody tries {unknown}"
    for keyword, check in _CHECKS.items():
        if keyword in schema and not check(value, schema[keyword], root, path):
            yield f"{path}: {keyword}"
    if isinstance(value, dict):
        yield from _inside(value, schema, root, path)
    if isinstance(value, list) and "items" in schema:
        for number, item in enumerate(value):
            yield from _faults(item, schema["items"], root, f"{path}[{number}]")
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/definitions/")
        yield from _faults(value, root["definitions"][name], root, path)
    for part in schema.get("allOf", ()):
        yield from _faults(value, part, root, path)


def _inside(value: dict[str, Any], schema: dict[str, Any], root: dict[str, Any], path: str) -> Iterator[str]:
    patterns = schema.get("patternProperties", {})
    for key, each in value.items():
        known = [schema["properties"][key]] if key in schema.get("properties", {}) else []
        known += [part for pattern, part in patterns.items() if re.search(pattern, key)]
        rest = schema.get("additionalProperties", True)
        if not known and rest is False:
            yield f"{path}.{key}: additionalProperties"
        for part in known or ([rest] if isinstance(rest, dict) else []):
            yield from _faults(each, part, root, f"{path}.{key}")
        if "propertyNames" in schema:
            yield from _faults(key, schema["propertyNames"], root, f"{path}.{key}")


def _type(value: Any, wanted: Any, _root: dict[str, Any], _path: str) -> bool:
    names = wanted if isinstance(wanted, list) else [wanted]
    if isinstance(value, bool):
        return "boolean" in names
    return any(isinstance(value, TYPES[name]) for name in names)


def _fits(value: Any, part: Any, root: dict[str, Any], path: str) -> bool:
    return next(_faults(value, part, root, path), None) is None


_CHECKS: dict[str, Any] = {
    "type": _type,
    "enum": lambda value, wanted, _r, _p: any(value == each and type(value) is type(each) for each in wanted),
    "const": lambda value, wanted, _r, _p: value == wanted,
    "pattern": lambda value, wanted, _r, _p: not isinstance(value, str) or re.search(wanted, value),
    "minimum": lambda value, wanted, _r, _p: not isinstance(value, int | float) or value >= wanted,
    "maximum": lambda value, wanted, _r, _p: not isinstance(value, int | float) or value <= wanted,
    "required": lambda value, wanted, _r, _p: not isinstance(value, dict) or set(wanted) <= value.keys(),
    "minProperties": lambda value, wanted, _r, _p: not isinstance(value, dict) or len(value) >= wanted,
    "maxProperties": lambda value, wanted, _r, _p: not isinstance(value, dict) or len(value) <= wanted,
    "minItems": lambda value, wanted, _r, _p: not isinstance(value, list) or len(value) >= wanted,
    "maxItems": lambda value, wanted, _r, _p: not isinstance(value, list) or len(value) <= wanted,
    "dependencies": lambda value, wanted, _r, _p: (
        not isinstance(value, dict)
        or all(set(others) <= value.keys() for key, others in wanted.items() if key in value)
    ),
    "anyOf": lambda value, wanted, root, path: any(_fits(value, part, root, path) for part in wanted),
    "oneOf": lambda value, wanted, root, path: sum(_fits(value, part, root, path) for part in wanted) == 1,
    "not": lambda value, wanted, root, path: not _fits(value, wanted, root, path),
    "items": lambda _v, _w, _r, _p: True,
    "propertyNames": lambda _v, _w, _r, _p: True,
    "allOf": lambda _v, _w, _r, _p: True,
    "$ref": lambda _v, _w, _r, _p: True,
}
