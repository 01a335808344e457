"""What a site's files said, by the names that they give themselves; and what was known around them.

Values only. A compiled plan keeps them, so that whoever explains, draws, tests or compares a site reads the
very files that decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from routes.language.facts import ChannelFacts, FeedFacts, SiteFacts
from routes.language.profile_files import ProfileFile
from routes.language.steps import DialectFile, GuardFile, RouteFile
from routes.language.table_files import TableFiles

__all__ = ["FileSet", "Files", "Origin"]

T = TypeVar("T")


class FileSet(dict[str, T]):
    """The files of one folder, by name. `failed`: the stems of those that have problems of their own."""

    failed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Files:
    """What the site's files said, by name."""

    routes: FileSet[RouteFile]
    dialects: FileSet[DialectFile]
    guards: FileSet[GuardFile]
    tables: TableFiles
    profiles: FileSet[ProfileFile] = field(default_factory=FileSet)


@dataclass(frozen=True, slots=True)
class Origin:
    """What a plan was compiled from: everything that `compile_plan` was given, and what it read in it.

    sources: texts by their path within the site; with other sources in their place a plan can be compiled
    anew, as the tests of routes do for tables of their own.
    """

    sources: Mapping[str, str]
    feeds: Mapping[str, FeedFacts]
    channels: Mapping[str, ChannelFacts]
    settings: SiteFacts
    files: Files
