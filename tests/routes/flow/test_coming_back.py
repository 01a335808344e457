"""A copy that comes back goes out once more, by the rule of its entry, and never a third time."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Copy, Known, Readdress
from routes.language.facts import ChannelFacts
from routes.review.playing import Made, Pretended, play
from tests.system_sites import write

RECEIVED = 1_773_600_000_000_000


def site_with(folder: Path, rule: str) -> tuple[Site | None, list[str]]:
    """Results to the requester, with this rule for what comes back."""
    write(
        folder,
        {
            "gatepost.yaml": "site: back\ndata: ../data\n",
            "feeds.yaml": """\
                feeds:
                  lab: {kind: mllp, listen: 127.0.0.1:2575}
                  replies: {kind: mllp, listen: 127.0.0.1:2576, answers_for: [gp]}
                """,
            "channels.yaml": """\
                channels:
                  gp: {kind: mllp, send_to: 127.0.0.1:2600, directory: practices}
                  paper: {kind: folder, path: paper, directory: practices}
                  archive: {kind: folder, path: archive}
                """,
            "tables/practices.csv": "code,name\nY06601,Ash\nY06602,Beacon\n",
            "routes/results.yaml": f"""\
                route: results
                about: Results.
                owner: interfaces@example.nhs.uk
                from: [lab]
                send:
                  - to: gp
                    address: PV1-11
                    if_not_acknowledged_in: 3d
                    then: paper
                    if_returned: {rule}
                  - to: archive
                """,
        },
    )
    site, problems = load_site(folder)
    # Nothing answers for a folder, which is beside the point here.
    beside = ("never-acknowledged", "never-returned")
    return site, [problem.rule for problem in problems if problem.rule not in beside]


def decided(site: Site, registered: str) -> Copy:
    body = (
        f"MSH|^~\\&|LAB|NF|||20260105||ORU^R01|1|P|2.4\rPID|1\rPD1|||^^{registered}\rPV1|1|O{'|' * 9}Y06601\r"
    )
    (route,) = decide(site.plan, "lab", body.encode(), Known(RECEIVED)).routes
    return route.copies[0]


def test_where_it_goes_then_is_settled_when_it_is_decided(tmp_path: Path) -> None:
    site, problems = site_with(tmp_path / "site", "{reasons: [left, misdirected], address: PD1-3.3}")
    assert site is not None, problems
    assert decided(site, "Y06602").readdress == Readdress(("left", "misdirected"), "gp", "Y06602", "Y06602")
    assert decided(site, "Z99999").readdress == Readdress(("left", "misdirected"), "gp", None, None)
    assert decided(site, "Y06601").readdress is None, "that is where it came back from"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        ("{reasons: [left]}", "missing-key"),
        ("{reasons: [gone], address: PD1-3.3}", "wrong-choice"),
        ("{address: PD1-3.3}", "missing-key"),
        ("{reasons: [left], to: gp}", "missing-address"),
        ("{reasons: [left], to: nobody, address: PD1-3.3}", "unknown-channel"),
        ("{reasons: [left], to: archive, address: PD1-3.3}", "needless-address"),
    ],
)
def test_a_rule_that_cannot_work_is_told_where_it_stands(rule: str, problem: str, tmp_path: Path) -> None:
    _, problems = site_with(tmp_path / "site", rule)
    assert problems == [problem]


def test_a_test_of_a_route_sees_the_second_copy_and_the_first_as_refused(tmp_path: Path) -> None:
    site, _ = site_with(tmp_path / "site", "{reasons: [left], address: PD1-3.3}")
    assert site is not None
    copy = decided(site, "Y06602")
    made, held = play([copy], {}, Pretended({"gp": "left"}), RECEIVED)
    assert [(one.where, one.ending, one.instead_of) for one in made] == [
        ("gp @ Y06601", "refused_by_recipient", ""),
        ("gp @ Y06602", "refused_by_recipient", "gp @ Y06601"),
        ("paper @ Y06602", "acknowledged", "gp @ Y06602"),
    ]
    assert held == []
    other, _ = play([copy], {}, Pretended({"gp": "deceased"}), RECEIVED)
    assert [one.where for one in other] == ["gp @ Y06601", "paper @ Y06601"], (
        "for other reasons it is not sent on"
    )


PLACES = st.tuples(st.sampled_from(("gp", "letters")), st.sampled_from(("A", "B", "C")))


@given(st.lists(st.tuples(PLACES, PLACES), max_size=6, unique_by=lambda pair: pair[0]))
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_nothing_goes_round_however_the_rules_point_at_each_other(
    pairs: list[tuple[tuple[str, str], tuple[str, str]]],
) -> None:
    """Every place sends everything back: each copy of a route makes one more at most, and those make none."""
    copies = [Copy(*place, b"x", readdress=Readdress(("left",), *other)) for place, other in pairs]
    facts = {name: ChannelFacts(name) for name in ("gp", "letters")}
    made, _ = play(copies, facts, Pretended({"gp": "left", "letters": "left"}), RECEIVED)
    assert all(one.ending == "refused_by_recipient" for one in made)
    assert len({one.where for one in made}) == len(made) <= 2 * len(copies)
    first: list[Made] = [one for one in made if not one.instead_of]
    assert len(first) == len(copies)
