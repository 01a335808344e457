"""Which files the tests of a route rest on."""

from __future__ import annotations

from routes.language.facts import FeedFacts
from routes.language.plan import SiteFacts
from routes.review.resting import files_of
from tests.routes.review.conftest import site_of

RESULTS = """\
route: results
from: [lims]
guards: [own]
check:
  - conforms_to: shape
    else: {hold: odd}
  - that: OBX-3.1 in lab_codes
    else: {hold: odd}
send:
  - to: archive
tests:
  - name: a
    given: samples/oru.hl7
    expect: {sent: archive}
"""
VISITS = "route: visits\nfrom: [pas]\nsend:\n  - to: archive\n"
FILES = {
    "guards/own.yaml": "guard: own\ncheck:\n  - that: PID-3 is present\n    else: {hold: odd}\n",
    "guards/all.yaml": "guard: all\ncheck:\n  - that: PID-3 is present\n    else: {hold: odd}\n",
    "dialects/north.yaml": "dialect: north\ntables: {lab_codes: north_codes}\n",
    "profiles/shape.yaml": "profile: shape\npaths:\n  PID-3: {required: yes}\n  OBX-3.1: {values: units}\n",
    "tables/units.csv": "unit\ng\n",
    "tables/holidays.csv": "day\n2026-12-25\n",
}


def test_a_route_rests_on_all_that_it_uses_and_on_no_more() -> None:
    feeds = {"lims": FeedFacts("lims", dialect="north")}
    plan = site_of(RESULTS, VISITS, files=FILES, feeds=feeds, settings=SiteFacts(guards=("all",)))
    assert plan.origin is not None
    found = files_of(plan.origin.files.routes["results"], plan.origin)
    tables = {"lab_codes", "north_codes", "units", "gp_directory"}

    assert found == {
        "routes/results.yaml", "guards/own.yaml", "guards/all.yaml", "dialects/north.yaml",
        "profiles/shape.yaml", "samples/oru.hl7",
        *(f"tables/{name}.{ending}" for name in tables for ending in ("csv", "yaml")),
    }  # fmt: skip


def test_routes_that_share_a_message_rest_on_one_another() -> None:
    first = "route: first\nfrom: [lims]\nsend:\n  - pass_to: second\n"
    second = "route: second\nsend:\n  - to: archive\n"
    plan = site_of(first, second, VISITS)
    assert plan.origin is not None
    both = {"routes/first.yaml", "routes/second.yaml"}

    for name in ("first", "second"):
        found = files_of(plan.origin.files.routes[name], plan.origin)
        assert {file for file in found if file.startswith("routes/")} == both
