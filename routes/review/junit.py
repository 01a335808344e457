"""Results of tests of routes as JUnit XML, which build servers show. Pure: results in, a text out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from routes.review.running import Result
from routes.review.telling import tell_differences

__all__ = ["as_junit"]

_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_junit(site: str, results: Sequence[Result]) -> str:
    """One test suite for each route, one case for each test; a failure holds its differences."""
    failed = sum(not result.passed for result in results)
    top = ET.Element("testsuites", name=site, tests=str(len(results)), failures=str(failed))
    for route in dict.fromkeys(result.route for result in results):
        own = [result for result in results if result.route == route]
        failures = str(sum(not result.passed for result in own))
        suite = ET.SubElement(top, "testsuite", name=route, tests=str(len(own)), failures=failures)
        for result in own:
            spot = result.spot
            case = ET.SubElement(
                suite,
                "testcase",
                name=_fit(result.name),
                classname=route,
                file=spot.file,
                line=str(spot.line),
            )
            if not result.passed:
                lines = [_fit(line) for line in tell_differences(result)]
                failure = ET.SubElement(case, "failure", message=lines[0])
                failure.text = "\n".join(lines)
    ET.indent(top)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(top, encoding="unicode")}\n'


def _fit(text: str) -> str:
    """A text without the characters that XML cannot hold."""
    return _NOT_XML.sub("?", text)
