"""The example site does with its samples what its routes say they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Decision, Known
from routes.hl7.formats import FORMATS
from routes.hl7.message import Message
from routes.hl7.path import compile_path, parse_path

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
SAMPLES = sorted((EXAMPLE / "samples").glob("*.hl7"))


@pytest.fixture(scope="module")
def site() -> Site:
    loaded, problems = load_site(EXAMPLE)
    assert loaded is not None, [str(problem) for problem in problems]
    assert problems == []
    return loaded


def feed_of(sample: str) -> str:
    """Which feed a sample comes in by, as its name says."""
    if sample.startswith("st_annes"):
        return "st_annes_tie"
    hospital, kind = sample.split("_")[:2]
    return f"{hospital}_{ {'result': 'lims', 'letter': 'letters', 'admission': 'pas'}[kind] }"


def decision_on(site: Site, sample: str) -> Decision:
    data = (EXAMPLE / "samples" / f"{sample}.hl7").read_bytes()
    return decide(site.plan, feed_of(sample), data, Known(0))


EXPECTED = {
    "northfield_result_preliminary": {"gp_message Y06601", "duty_desk", "archive"},
    "northfield_result_final": {"gp_message Y06601", "duty_desk", "archive"},
    "northfield_result_corrected": {"gp_message Y06601", "archive"},
    "northfield_result_no_number": {"held no_nhs_number"},
    "northfield_admission": {"adt_archive"},
    "northfield_admission_doubtful": {"held doubtful_date"},
    "st_annes_result": {"gp_message Y06601", "archive"},
    "st_annes_result_copy_to": {
        "gp_message Y06602", "gp_message Y06605", "archive", "held copies_by_hand",
    },
    "st_annes_result_critical": {"held no_practice", "duty_desk", "archive"},
    "st_annes_test_patient": {"held test_messages"},
    "st_annes_restricted": {"held restricted"},
    "st_annes_discharge": {"adt_archive"},
    "westmoor_result": {"gp_message Y06609", "archive"},
    "westmoor_result_withdrawn": {"gp_message Y06609", "archive"},
    "westmoor_letter": {"gp_message Y06612", "archive"},
    "westmoor_letter_unsigned": {"held unsigned_letters"},
    "westmoor_letter_empty": {"rejected"},
    "westmoor_admission": {"adt_archive"},
}  # fmt: skip


def test_every_sample_has_its_expectation() -> None:
    assert {sample.stem for sample in SAMPLES} == set(EXPECTED)


@pytest.mark.parametrize("sample", EXPECTED)
def test_a_sample_ends_as_its_name_says(sample: str, site: Site) -> None:
    decision = decision_on(site, sample)
    outcomes = set[str]()
    for route in decision.routes:
        outcomes |= {f"{copy.channel} {copy.address}".strip() for copy in route.copies}
        outcomes |= {f"held {held.tray}" for held in route.held}
        outcomes |= {"rejected"} if route.rejected else set()
        assert route.warnings == ()

    if decision.held_before_routing is not None:
        outcomes.add(f"held {decision.held_before_routing.tray}")
    assert outcomes == EXPECTED[sample]


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: path.stem)
def test_every_patient_is_invented_and_every_number_is_well_formed(sample: Path, site: Site) -> None:
    decision = decision_on(site, sample.stem)
    numbers = decision.keys.get("nhs_number", ())

    assert all(number.startswith("999") and FORMATS["nhs_number"].check(number) for number in numbers)
    assert bool(numbers) == ("no_number" not in sample.stem)


@pytest.mark.parametrize("sample", ["northfield_result_final", "st_annes_result", "westmoor_result"])
def test_all_hospitals_leave_in_one_common_form(sample: str, site: Site) -> None:
    [copy] = [copy for route in decision_on(site, sample).routes for copy in route.copies if copy.address]
    message = Message.parse(copy.body, charset="utf-8", segment_ends="any")

    def read(path: str) -> str:
        return compile_path(parse_path(path)).first(message)

    assert read("PID-3[5='NH'].1").startswith("999")
    assert read("PID-7").isdigit()
    assert read("PV1-3.10") == read("MSH-6") == copy.address
    assert read("OBX[1]-3.3") == "NATLAB"


def test_a_local_test_code_stays_beside_the_national_one(site: Site) -> None:
    [route] = decision_on(site, "northfield_result_final").routes

    assert b"|N1001^Haemoglobin^NATLAB^HB^Haemoglobin^L|" in route.copies[0].body


def test_notes_for_the_laboratory_stay_in_the_laboratory(site: Site) -> None:
    [route] = decision_on(site, "northfield_result_final").routes

    assert all(b"INTERNAL" not in copy.body and b"Film examined" in copy.body for copy in route.copies)


def test_twenty_practices_and_an_endpoint_for_each_that_takes_messages(site: Site) -> None:
    directory = site.plan.tables["gp_directory"]
    electronic = {row[0] for row in directory.plain.values() if row[2] == "electronic"}

    assert len(directory.plain) == 20
    assert electronic == set(site.channels["gp_message"].endpoints)
    assert len(set(site.channels["gp_message"].endpoints.values())) == len(electronic)


def test_every_doctors_practice_is_in_the_directory(site: Site) -> None:
    directory = site.plan.tables["gp_directory"]

    assert all(directory.has(row[2]) for row in site.plan.tables["gp_of_doctor"].plain.values())


def test_every_feed_has_a_port_of_its_own_that_the_container_publishes(site: Site) -> None:
    assert sorted(feed.listen[1] for feed in site.feeds.values()) == list(range(2575, 2581))
