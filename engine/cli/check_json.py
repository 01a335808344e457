"""Problems as JSON, so that an editor's extension or a language server can be built on `gatepost check`.

docs/editors.md describes every key. Lines and columns count from one, columns in characters (Unicode code
points); the end of a range is the first column behind it. Must not know how a site is loaded.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.cli.rules import Rule, rules
from engine.site.model import Site
from routes.language.problems import Edit, Problem

__all__ = ["check_as_json"]

Json = dict[str, object]


def check_as_json(site: Site | None, problems: Sequence[Problem]) -> Json:
    """The whole answer: what the site holds where it can run, and every problem."""
    summary: Json = {"ok": site is not None}
    if site is not None:
        summary |= {
            "site": site.name,
            "hash": site.hash,
            "environment": site.environment,
            "data": str(site.data),
            "broker": site.broker_shown,
            "feeds": sorted(site.feeds),
            "routes": sorted(site.plan.routes),
            "channels": sorted(site.channels),
            "tables": sorted(site.plan.tables),
        }
    known = rules()
    return {**summary, "problems": [_problem(problem, known) for problem in problems]}


def _problem(problem: Problem, known: Mapping[str, Rule]) -> Json:
    spot, rule = problem.spot, known.get(problem.rule)
    return {
        "file": spot.file,
        "range": _range(spot.line, spot.column, spot.length),
        "severity": problem.severity,
        "rule": problem.rule,
        "message": problem.message,
        "help": None if rule is None else {"wrong": rule.wrong, "remedy": rule.remedy, "link": rule.link},
        "fix": None if problem.edit is None else _edit(problem.edit),
        "also": [
            {"file": each.file, "range": _range(each.line, each.column, each.length)} for each in problem.also
        ],
    }


def _edit(edit: Edit) -> Json:
    return {"range": _range(edit.line, edit.column, edit.length), "new_text": edit.text}


def _range(line: int, column: int, length: int) -> Json:
    return {"start": {"line": line, "column": column}, "end": {"line": line, "column": column + length}}
