"""A closed practice gets nothing: what was meant for it is held, and a person is told which one took over."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Known, RouteDecision
from tests.system_sites import write

RECEIVED = 1_767_606_000_000_000
DIRECTORY = (
    "code,name,accepts,successor,until\nY06601,Ash,electronic,,\nY06602,Beacon,paper,,\n"
    "Y06620,Rose,electronic,Y06621,\nY06621,Thorn,electronic,Y06601,\n"
)
TOLD = "Y06620 has closed; practices names Y06601 as its successor"


def site(folder: Path, sidecar: str) -> Site:
    write(
        folder,
        {
            "gatepost.yaml": "site: closed\ndata: ../data\n",
            "feeds.yaml": "feeds:\n  lab: {kind: mllp, listen: 127.0.0.1:2575}\n",
            "channels.yaml": """\
                channels:
                  gp: {kind: folder, path: gp, directory: practices}
                  paper: {kind: folder, path: paper, directory: practices}
                  archive: {kind: folder, path: archive}
                """,
            "tables/practices.csv": DIRECTORY,
            "tables/practices.yaml": sidecar,
            "routes/results.yaml": """\
                route: results
                about: Results.
                owner: interfaces@example.nhs.uk
                from: [lab]
                send:
                  - to: gp
                    address: PV1-11
                    else: {hold: no_practice}
                  - first_of:
                      - when: practices[PV1-12].accepts = 'paper'
                        to: paper
                        address: PV1-12
                      - otherwise: {hold: not_on_paper}
                  - to: paper
                    address: PV1-13
                    when: PV1-13 is present
                  - to: archive
                """,
        },
    )
    loaded, problems = load_site(folder)
    assert loaded is not None, [str(problem) for problem in problems]
    return loaded


def decided(loaded: Site, first: str, second: str = "Y06602", third: str = "") -> RouteDecision:
    body = f"MSH|^~\\&|LAB|NF|||20260105||ORU^R01|1|P|2.4\rPID|1\rPV1|1|O{'|' * 9}{first}|{second}|{third}\r"
    (route,) = decide(loaded.plan, "lab", body.encode(), Known(RECEIVED)).routes
    return route


@pytest.mark.parametrize("sidecar", ["suggest: successor\n", "follow: successor\n"])
def test_a_row_that_names_a_successor_is_no_address_and_the_reason_names_the_last_of_the_chain(
    sidecar: str, tmp_path: Path
) -> None:
    loaded = site(tmp_path / "site", sidecar)

    open_ = decided(loaded, "Y06601")
    assert ([one.address for one in open_.copies], open_.held) == (["Y06601", "Y06602", ""], ())
    closed = decided(loaded, "Y06620", third="Y06620")
    assert [one.address for one in closed.copies] == ["Y06602", ""], "what is not for it goes on"
    assert [(one.tray, one.reason) for one in closed.held] == [
        ("no_practice", TOLD), ("unknown_address", TOLD),
    ]  # fmt: skip


def test_where_no_entry_is_taken_the_reason_says_that_one_of_their_addresses_has_closed(
    tmp_path: Path,
) -> None:
    loaded = site(tmp_path / "site", "suggest: successor\n")

    (held,) = decided(loaded, "Y06601", "Y06620").held
    assert (held.tray, held.reason) == ("not_on_paper", TOLD)
    (other,) = decided(loaded, "Y06601", "Z99999").held
    assert (other.tray, other.reason) == ("not_on_paper", "none of the entries of first_of was true")


def test_a_code_that_is_not_in_the_directory_is_told_as_that(tmp_path: Path) -> None:
    loaded = site(tmp_path / "site", "suggest: successor\n")

    (held,) = decided(loaded, "Z99999").held
    assert "Z99999" not in held.reason
    assert "has closed" not in held.reason
