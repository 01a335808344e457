"""The profiles of the example site: its samples conform, and each mistake a hospital makes is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.site.loading import load_site
from engine.site.model import Site
from routes.flow.decide import decide
from routes.flow.decision import Known, RouteDecision

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
LIVE = {"RABBIT_PASSWORD": "tr0ut"}
RESULT = ("westmoor_result", "westmoor_lims", "gp_results")
LETTER = ("westmoor_letter", "westmoor_letters", "gp_letters")
STAY = ("st_annes_discharge", "st_annes_tie", "adt_archive")


@pytest.fixture(scope="module")
def site() -> Site:
    return load(EXAMPLE)


def load(folder: Path, environment: str = "") -> Site:
    loaded, problems = load_site(folder, environment, environ=LIVE)
    assert loaded is not None, [str(problem) for problem in problems]
    assert problems == []
    return loaded


def sent(site: Site, of: tuple[str, str, str], *edits: tuple[str, str]) -> RouteDecision:
    """What the route makes of a sample, after edits that must each find their place."""
    sample, feed, route = of
    text = (EXAMPLE / "samples" / f"{sample}.hl7").read_bytes().decode()
    for before, after in edits:
        assert before in text, before
        text = text.replace(before, after, 1)
    decision = decide(site.plan, feed, text.encode(), Known(1_773_063_000_000_000))
    return next(found for found in decision.routes if found.route == route)


def findings(decided: RouteDecision) -> list[str]:
    """`PID-7 format` for an error, `PID-8 values (warning)` for a warning."""
    found = [finding.words for finding in decided.warnings if finding.kind == "conformance"]
    return [
        f"{words.split(': ')[0]} {words.rsplit('[', 1)[1].split(']')[0]}"
        + (" (warning)" if words.endswith("(warning)") else "")
        for words in found
    ]


@pytest.mark.parametrize("of", [RESULT, LETTER, STAY])
def test_the_samples_conform_without_a_finding(site: Site, of: tuple[str, str, str]) -> None:
    decided = sent(site, of)

    assert (findings(decided), decided.held) == ([], ())


RESULTS: list[tuple[str, str, list[str]]] = [
    ("|WESTMOOR|", "||", ["MSH-4.1 required"]),
    ("20260313142500+0000", "13/03/2026", ["MSH-7 format"]),
    ("ORU_R01|WM", "ORU_R01|WM" + "0" * 200, ["MSH-10 length"]),
    ("|2.5.1|", "|25|", ["MSH-12.1 values"]),
    ("~W0091725", "~9990001499^^^NHS^NH~W0091725", ["PID-3 count"]),
    ("BRANNIGAN^", "^", ["PID-5.1 required"]),
    ("19950614", "14/06/1995", ["PID-7 format"]),
    ("19950614", "", ["PID-7 required"]),
    ("|F|||27 Sluice", "|X|||27 Sluice", ["PID-8 values (warning)"]),
    ("ZZ99 3VZ", "00000", ["PID-11.5 format (warning)"]),
    ("^^^^^^^^^Y06609", "^^^^^^^^^Y-0660", ["PV1-3.10 format"]),
    ("OBR|1|WM-55102|26W118204", "OBR|1|WM-55102|", ["OBR-3.1 required"]),
    ("TFT^Thyroid function^NATLAB", "^Thyroid function^NATLAB", ["OBR-4.1 required"]),
    ("202603130900+0000", "13 March", ["OBR-7 format"]),
    ("OBX|1|NM|", "OBX|1||", ["OBX[1]-2 required"]),
    ("OBX|1|NM|", "OBX|1|QQ|", ["OBX[1]-2 values (warning)"]),
    ("N4001^", "^", ["OBX[1]-3.1 required"]),
    ("|8.7|", "|<8.7|", ["OBX[1]-5 format (warning)"]),
    ("|8.7|", "||", ["OBX[1]-5 required (warning)"]),
    ("|mIU/L|", "||", ["OBX[1]-6.1 required (warning)"]),
    ("|H|||F", "|HIGH|||F", ["OBX[1]-8 values (warning)"]),
    ("|H|||F", "|H|||", ["OBX[1]-11 required"]),
    ("|H|||F", "|H|||Q", ["OBX[1]-11 values"]),
    ("|H|||F|||202603131405+0000", "|H|||F|||2 pm", ["OBX[1]-14 format (warning)"]),
]
LETTERS: list[tuple[str, str, list[str]]] = [
    ("EVN|T02|20260314111500+0000\r", "", ["EVN count (warning)"]),
    ("19950614", "1995-06-14", ["PID-7 format"]),
    ("^^^^^^^^^Y06612", "^^^^^^^^^", ["PD1-3.3 required (warning)"]),
    ("^^^^^^^^^Y06612", "^^^^^^^^^Y0661", ["PD1-3.3 format"]),
    ("DS^Discharge summary", "^Discharge summary", ["TXA-2.1 required"]),
    ("WM-DOC-30912", "", ["TXA-12.1 required"]),
    ("OBX|1|ED|", "OBX|1|ED|DISCH||^AP^PDF^Base64^JVBERg==||||||F\rOBX|2|QQ|", ["OBX[2]-2 values"]),
    ("^AP^PDF^", "^AP^^", ["OBX-5.3 required (warning)"]),
    ("^Base64^", "^Base65^", ["OBX-5.4 values"]),
    ("^Base64^", "^^", ["OBX-5.4 required"]),
]
STAYS: list[tuple[str, str, list[str]]] = [
    ("EVN|A03|20260312160000\r", "", ["EVN count", "EVN-2 required"]),
    ("|19630518|", "|18 May 1963|", ["PID-7 format"]),
    ("|2|||9 Chapel", "|F|||9 Chapel", ["PID-8 values"]),
    ("|NSTS01", "|", ["PID-32 required (warning)"]),
    ("|NSTS01", "|NSTS02", ["PID-32 values (warning)"]),
    ("|NSTS01", "|VERIFIED", ["PID-32 values", "PID-32 values (warning)"]),
    ("PD1|||^^Y06601", "PD1|||^^V81998", ["PD1-3.3 format"]),
    ("PD1|||^^Y06601", "PD1|||^^Y06601|G9999998", ["PD1-4.1 format"]),
    ("PD1|||^^Y06601", "PD1|||^^Y06601|G9100011", []),
    ("PV1|1|I", "PV1|1|Q", ["PV1-2 values (warning)"]),
    ("PV1|1|I|ASTER^3^1^STANNES||||C6640^DURANT^PIERS|||300", "ZPV|1", ["PV1 required"]),
    ("ADT^A03", "ADT^A40", ["MRG required"]),
    ("9990001146", "9990001147", ["PID-3[2].1 format"]),
    ("9990001146", "9999999999", ["PID-3[2].1 format"]),
]


@pytest.mark.parametrize(("before", "after", "expected"), RESULTS)
def test_a_result_that_is_not_as_it_should_be(
    site: Site, before: str, after: str, expected: list[str]
) -> None:
    decided = sent(site, RESULT, (before, after))

    assert findings(decided) == expected
    errors = [finding for finding in expected if not finding.endswith("(warning)")]
    assert [held.tray for held in decided.held] == ["does_not_conform"] * bool(errors)


@pytest.mark.parametrize(("before", "after", "expected"), LETTERS)
def test_a_letter_that_is_not_as_it_should_be(
    site: Site, before: str, after: str, expected: list[str]
) -> None:
    assert findings(sent(site, LETTER, (before, after))) == expected


@pytest.mark.parametrize(("before", "after", "expected"), STAYS)
def test_an_admission_that_is_not_as_the_itk_lays_it_out(
    site: Site, before: str, after: str, expected: list[str]
) -> None:
    decided = sent(site, STAY, (before, after))

    assert findings(decided) == expected
    assert [copy.channel for copy in decided.copies] == ["adt_archive"], "it is kept all the same"


def test_a_merge_names_the_record_that_goes(site: Site) -> None:
    merge = ("ADT^A03", "ADT^A40")

    assert findings(sent(site, STAY, merge, ("PD1|||", "MRG|7100^^^STANNES\rPD1|||"))) == []
    assert findings(sent(site, STAY, merge, ("PD1|||", "MRG|^^^STANNES\rPD1|||"))) == ["MRG-1.1 required"]


def test_in_live_use_the_numbers_of_the_samples_are_refused_and_real_ones_are_not() -> None:
    site = load(EXAMPLE, "live")
    real = ("9990001146", "4505577104")

    assert findings(sent(site, STAY)) == ["PID-3[2].1 format"]
    assert findings(sent(site, STAY, real)) == []
    assert [held.tray for held in sent(site, RESULT).held] == ["no_nhs_number"]
    assert sent(site, RESULT, ("9990001499", "4505577104")).held == ()


def test_every_profile_of_the_site_is_asked_by_a_route(site: Site) -> None:
    assert site.plan.origin is not None
    asked = {
        check.profile.value
        for route in site.plan.origin.files.routes.values()
        for check in route.checks
        if check.profile is not None
    }

    assert asked == {path.stem for path in (EXAMPLE / "profiles").iterdir()}
