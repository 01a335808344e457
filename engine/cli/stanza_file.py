"""Puts a test behind `tests:` of a route's file, and takes it out again where the site does not stand it.

Knows how a route's file is laid out, no more: `tests:` is the last key of a route.
"""

from __future__ import annotations

import re
from pathlib import Path

from engine.site.files import read_samples
from engine.site.loading import load_site
from routes.language.problems import Problems
from routes.review.running import run_all

__all__ = ["NotAppended", "append_stanza"]

_TESTS = re.compile(r"^tests:[ ]*(#.*)?$", re.MULTILINE)
_DASH = re.compile(r"^([ ]*)- ", re.MULTILINE)


class NotAppended(Exception):
    """The file is as it was; the text says why, without a full stop."""


def append_stanza(site: Path, environment: str, file: Path, stanza: str) -> None:
    """Append a test to a route's file. The site is loaded and the test run before it may stay.

    Raises NotAppended where the file's tests are laid out otherwise, or the test does not pass.
    """
    before = file.read_bytes()
    text = before.decode("utf-8")
    after = _appended(text.replace("\r\n", "\n"), stanza)
    file.write_bytes((after.replace("\n", "\r\n") if "\r\n" in text else after).encode("utf-8"))
    try:
        why = _trouble(site, environment, file)
    except BaseException:
        file.write_bytes(before)
        raise
    if why:
        file.write_bytes(before)
        raise NotAppended(why)


def _appended(text: str, stanza: str) -> str:
    head = text.rstrip() + "\n"
    found = _TESTS.search(head)
    if found is None:
        return f"{head}\ntests:\n{stanza}"
    dash = _DASH.search(head, found.end())
    if dash is None:
        raise NotAppended("its tests are not a list with a dash for each")
    shift = len(dash[1]) - 2  # a stanza is indented by two
    lines = [line[-shift:] if shift < 0 else " " * shift + line for line in stanza.splitlines()]
    return head + "\n" + "".join(f"{line}\n" for line in lines)


def _trouble(site: Path, environment: str, file: Path) -> str:
    """What is wrong with the site now, or with the last test of the file; "" where all is well."""
    loaded, problems = load_site(site, environment)
    if loaded is None:
        error = next(problem for problem in problems if problem.severity == "error")
        return f"{error.spot}: {error.message} [{error.rule}]"
    name = f"{file.parent.name}/{file.name}"
    results = list(
        run_all(loaded.plan, read_samples(site, Problems()), lambda route, _: route.spot.file == name)
    )
    if not results or not results[-1].passed:
        return "the test does not pass as it is written"
    return ""
