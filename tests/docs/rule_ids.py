"""Collects from the program's own text every rule id that a problem can carry.

A function or class with a parameter called `rule` makes problems, and whoever calls it gives the id as a
text. So ids need no list of their own beside the code that uses them.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("routes", "engine/site")
COMPOSED = {"unknown-dialect", "unknown-guard", "key-not-text"}
"""Ids that are put together from parts, or stand in a pair with their words: the code is read, not run."""
RULE = re.compile(r"[a-z][a-z0-9]*(?:-[a-z0-9]+)*")


def rule_ids(*, warnings: bool = False) -> set[str]:
    """Every rule id in the code; or only those of problems that are warnings."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in _modules()]
    makers = {name: place for tree in trees for name, place in _makers(tree)}
    found: set[str] = set()
    for tree in trees:
        found |= set(_ids(tree, makers, warnings))
    return found if warnings else found | COMPOSED


def _modules() -> Iterator[Path]:
    for room in ROOMS:
        yield from sorted((ROOT / room).rglob("*.py"))


def _makers(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Functions that take a `rule`, and at which place; a class goes by its own name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            fields = [ast.unparse(each.target) for each in node.body if isinstance(each, ast.AnnAssign)]
            if "rule" in fields and node.name == "Problem":
                yield node.name, fields.index("rule")
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    names = [each.arg for each in inner.args.args[1:]]
                    if "rule" in names:
                        yield node.name, names.index("rule")
        elif isinstance(node, ast.FunctionDef) and node.name != "__init__":
            names = [each.arg for each in node.args.args]
            if "rule" in names:
                yield node.name, names.index("rule") - (1 if names[0] == "self" else 0)


def _ids(tree: ast.AST, makers: dict[str, int], warnings: bool) -> Iterator[str]:
    for node in ast.walk(tree):
        if warnings and not _warns(node):
            continue
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in makers and len(node.args) > makers[name]:
                yield from _texts(node.args[makers[name]])
            for keyword in node.keywords:
                if keyword.arg == "rule":
                    yield from _texts(keyword.value)
        elif isinstance(node, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == "rule" for target in node.targets
        ):
            yield from _texts(node.value)
        elif isinstance(node, ast.FunctionDef):
            names = [each.arg for each in node.args.args]
            defaults = dict(zip(reversed(names), reversed(node.args.defaults), strict=False))
            if "rule" in defaults:
                yield from _texts(defaults["rule"])


def _warns(node: ast.AST) -> bool:
    keywords = node.keywords if isinstance(node, ast.Call) else []
    return any(each.arg == "warning" and getattr(each.value, "value", False) is True for each in keywords)


def _texts(node: ast.expr) -> Iterator[str]:
    """The ids that an expression may give: `"a" if x else "b"` gives two."""
    if isinstance(node, ast.IfExp):
        yield from _texts(node.body)
        yield from _texts(node.orelse)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str) and RULE.fullmatch(node.value):
        yield node.value
