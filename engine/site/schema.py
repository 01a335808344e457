"""JSON Schema of every kind of file of a site, for editors, and the names that one site has.

Made of the declarations that read the files. Names are looked for in files that may be half written: what
cannot be read has no name, and nothing is said about it. Must not know the command that writes schemas.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePath
from typing import Any

from engine.site import channels, feeds, settings
from engine.site.files import SiteFiles, read_folder
from routes.language.problems import Problems
from routes.language.schemas import Json, SiteNames, finish, language_schemas
from routes.language.shapes import Shape
from routes.language.source import Block, read_yaml

__all__ = ["all_schemas", "names_of"]

FOLDERS = {"routes": "route", "dialects": "dialect", "guards": "guard", "profiles": "profile"}


def all_schemas(names: SiteNames) -> dict[str, Json]:
    """The schemas by what they are of: route, dialect, …, gatepost, feeds, channels, environment."""
    found = language_schemas(names)
    site: Json = settings.SITE.schema()
    own: dict[str, Json] = {"feed": _by_kind(feeds.KINDS), "channel": _by_kind(channels.KINDS)}
    all_feeds = _entries("feed", names, "Feeds: what comes in. Each has a name.")
    all_channels = _entries("channel", names, "Channels: what goes out. Each has a name.")
    found["gatepost"] = finish({**site, "title": "gatepost.yaml"}, names)
    found["feeds"] = finish(_file("feeds", all_feeds), names, own)
    found["channels"] = finish(_file("channels", all_channels), names, own)
    # In an environment's file stands what differs: any of it, and nothing has to be there.
    over = {
        "type": "object",
        "title": "what differs in this environment",
        "properties": {**site["properties"], "feeds": all_feeds, "channels": all_channels},
        "additionalProperties": False,
    }
    found["environment"] = finish(_loose(over), names, {name: _loose(part) for name, part in own.items()})
    return found


def _file(what: str, entries: Json) -> Json:
    return {
        "type": "object",
        "title": f"{what}.yaml",
        "properties": {what: entries},
        "required": [what],
        "additionalProperties": False,
    }


def _by_kind(shapes: Mapping[str, Shape]) -> Json:
    """A feed or channel: each kind with its own keys; `kind` says which."""
    kinds = []
    for kind, shape in shapes.items():
        schema: Json = shape.schema()
        properties = schema["properties"]
        properties["kind"] = {
            key: value for key, value in properties["kind"].items() if key != "enumDescriptions"
        }
        properties["kind"] |= {"enum": [kind], "examples": [kind]}
        kinds.append(schema)
    return {"anyOf": kinds}


def _entries(one: str, names: SiteNames, words: str) -> Json:
    entry = {"$ref": f"#/definitions/{one}"}
    return {
        "type": "object",
        "description": words,
        "minProperties": 1,
        "propertyNames": {"pattern": "^[a-z][a-z0-9_]*$"},
        "properties": dict.fromkeys(names.get(one, ()), entry),
        "additionalProperties": entry,
    }


def _loose(part: Any) -> Any:
    if isinstance(part, list):
        return [_loose(each) for each in part]
    if not isinstance(part, dict):
        return part
    left_out = ("required", "oneOf", "dependencies")
    # Below `properties` stand keys of the files, which may well be called `required`.
    return {
        key: {name: _loose(each) for name, each in value.items()} if key == "properties" else _loose(value)
        for key, value in part.items()
        if key not in left_out
    }


# --- the names of a site -------------------------------------------------------------------------------


def names_of(folder: Path) -> SiteNames:
    """The names that a site's files have, in the order of the files; none of what cannot be read."""
    files = read_folder(folder, Problems())
    if files is None:
        return {}
    found: dict[str, list[str]] = {sort: [] for sort in (*FOLDERS.values(), "table")}
    for path in map(PurePath, files.texts):
        if path.parent.name in FOLDERS:
            found[FOLDERS[path.parent.name]].append(path.stem)
        elif path.parent.name == "tables" and path.suffix == ".csv":
            found["table"].append(path.stem)
    found["feed"] = list(_keys(files, "feeds.yaml", "feeds"))
    found["channel"] = list(_keys(files, "channels.yaml", "channels"))
    found["tray"] = list(_keys(files, "gatepost.yaml", "trays"))
    found["format"] = list(_keys(files, "gatepost.yaml", "patterns"))
    return found


def _keys(files: SiteFiles, file: str, key: str) -> Iterator[str]:
    node = read_yaml(file, files.texts.get(file, ""), Problems())
    inside = node.get(key) if isinstance(node, Block) else None
    if isinstance(inside, Block):
        yield from (name.value for name, _ in inside.entries)
