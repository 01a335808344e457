"""Where a profile's paths lead, and what is found where they lead nowhere."""

from __future__ import annotations

import pytest

from tests.routes.conformance.asking import REPORT, found, look


def test_a_bare_path_is_the_first_as_in_an_expression() -> None:
    assert found("OBX-5: {values: [62]}") == []
    assert found("OBX-5: {values: [48]}") == ["OBX[1]-5 values"]
    assert found("PID-3.1: {values: [9990001006]}") == []


def test_a_star_is_each_segment_or_repetition_there_is() -> None:
    assert found("OBX[*]-11: {values: [F]}") == ["OBX[3]-11 values"]
    assert found("OBX[*]-8[*]: {values: [LL, L]}") == ["OBX[2]-8[2] values"]
    assert found("PID-3[*].4: required", REPORT.replace(b"N77^^^NORTH", b"N77^^^")) == ["PID-3[2].4 required"]


def test_a_star_over_nothing_asks_nothing_of_values() -> None:
    assert found("PV1[*]-3: required\nZZZ[*]-1: {values: [A]}") == []


def test_a_star_at_the_end_of_a_path_can_be_required() -> None:
    assert found("PV1[*]: required\nPID-13[*]: required\nOBX[*]-8[*]: required") == [
        "PV1[*] required",
        "PID-13[*] required",
        "OBX[3]-8[*] required",
    ]


def test_an_empty_field_is_missed_in_every_segment_of_a_row() -> None:
    bare = REPORT.replace(b"LL|||F", b"|||F").replace(b"L~A|||F", b"|||F")

    assert found("OBX[*]-8[*]: required", bare) == [f"OBX[{number}]-8[*] required" for number in (1, 2, 3)]
    assert found("OBX[*]-8: required", bare) == [f"OBX[{number}]-8 required" for number in (1, 2, 3)]


def test_a_number_is_that_occurrence() -> None:
    assert found("OBX[3]-11: {values: [F]}\nOBX[9]-11: {values: [F]}") == ["OBX[3]-11 values"]
    assert found("OBX[9]-11: required\nPID-3[7].1: required") == ["OBX[9]-11 required", "PID-3[7].1 required"]


def test_a_selector_is_everyone_that_it_picks() -> None:
    assert found("OBX[2='NM']-11: {values: [F]}") == ["OBX[3]-11 values"]
    assert found("PID-3[4='NORTH' or 4='NHS'].1: {format: nhs_number}") == ["PID-3[2].1 format"]
    assert found("PID-3[5='NH'].1: required\nPID-3[5='SS'].1: required") == ["PID-3[5='SS'].1 required"]


def test_a_segment_below_another_is_looked_for_there() -> None:
    assert found("OBR[1]/OBX[*]-11: {values: [X]}") == ["OBX[1]-11 values", "OBX[2]-11 values"]
    assert found("OBR[*]/OBX-11: {values: [X]}") == ["OBX[1]-11 values", "OBX[3]-11 values"]
    assert found("OBR[2]/OBX[2]-11: required") == ["OBR[2]/OBX[2]-11 required"]
    assert found("OBX[*]/NTE: required") == ["OBX[2]/NTE required", "OBX[3]/NTE required"]
    assert found("OBX[*]/NTE-3: required") == ["OBX[2]/NTE-3 required", "OBX[3]/NTE-3 required"]


def test_the_batch_that_a_message_came_in_can_be_asked() -> None:
    envelope = b"FHS|^~\\&|LAB\rBHS|^~\\&|LAB|NORTH|||||||B7\r"

    assert found("BHS-11: {values: [B8]}\nBHS-4: required\nFHS-4: required", envelope=envelope) == [
        "BHS-11 values",
        "FHS-4 required",
    ]
    assert found("BHS-11: required") == ["BHS-11 required"]
    own = REPORT + b"BHS|^~\\&|LAB|SOUTH\r"
    assert found("BHS-4: {values: [SOUTH]}", own, envelope=envelope) == [], "its own goes first"


def test_the_delimiters_of_a_header_are_values_and_are_never_cut() -> None:
    assert found("MSH-1: {values: ['|']}\nMSH-2: {values: ['^~\\&'], length: 4}") == []
    assert found("MSH-2: {length: 3}") == ["MSH-2 length"]


def test_fields_of_msh_are_counted_as_the_standard_counts_them() -> None:
    assert found("MSH-9.1: {values: [ORU]}\nMSH-10: {values: [A1]}\nMSH-3: {values: [LAB]}") == []


def test_other_delimiters_are_those_of_the_message() -> None:
    odd = b"MSH#!+*%#LAB#NORTH#GP#GP##ORU!R01#A1#P#2.5.1\rPID#1##1!!!N+9990001006!!!NHS!NH##A%B!C\r"

    assert found("PID-3[5='NH'].1: {format: nhs_number}\nPID-5.1.2: {values: [B]}", odd) == []
    assert found("PID-3[1].1: {format: nhs_number}", odd) == ["PID-3[1].1 format"]


def test_a_place_is_numbered_only_where_there_are_several() -> None:
    assert [f.path for f in look("PID-5.1: {length: 1}\nOBX[2]-5: {length: 1}\nPID-3[2].1: {length: 1}")] == [
        "PID-5.1",
        "OBX[2]-5",
        "PID-3[2].1",
    ]


@pytest.mark.parametrize("path", ["OBX[*]-3.1", "OBR[*]/OBX[*]-3.1", "OBX[3.1!='']-3.1"])
def test_ways_that_lead_to_the_same_values_find_the_same(path: str) -> None:
    assert found(f"{path}:\n  values: [HB, WBC]") == ["OBX[3]-3.1 values"]
