"""Each constraint of a profile, asked of one report: what it finds, where, and what it leaves alone."""

from __future__ import annotations

import pytest

from routes.hl7.message import Message
from routes.hl7.notation import Place
from routes.language.scope import Scope
from tests.routes.conformance.asking import REPORT, found, look, make_profile


def changed(before: bytes, after: bytes) -> bytes:
    assert REPORT.count(before) == 1
    return REPORT.replace(before, after)


# --- required and forbidden --------------------------------------------------------------------------


@pytest.mark.parametrize("said", ["{required: yes}", "{required: true}", "required", "{required}"])
def test_a_value_that_is_required_and_absent_is_found(said: str) -> None:
    assert found(f"PID-13: {said}\nPID-5: {said}") == ["PID-13 required"]


@pytest.mark.parametrize("said", ["{forbidden: yes}", "{forbidden: true}", "forbidden", "{forbidden}"])
def test_a_value_that_is_forbidden_and_there_is_found(said: str) -> None:
    assert found(f"PID-13: {said}\nPID-5: {said}") == ["PID-5 forbidden"]


def test_what_is_not_required_and_not_forbidden_may_be_either() -> None:
    assert found("PID-13: {required: no}\nPID-5: {forbidden: no}") == []


def test_null_counts_as_a_value_for_both() -> None:
    assert found("PID-9: required") == []
    assert found("PID-9: forbidden") == ["PID-9 forbidden"]


def test_nothing_but_delimiters_is_nothing() -> None:
    bare = changed(b"TARRANT^ELSPETH", b"^^")

    assert found("PID-5: required", bare) == ["PID-5 required"]
    assert found("PID-5: forbidden", bare) == []


def test_a_segment_is_required_or_forbidden_as_a_whole() -> None:
    assert found("PV1: required\nOBR: required") == ["PV1 required"]
    assert found("NTE: forbidden\nPV1: forbidden") == ["NTE forbidden"]


def test_every_forbidden_segment_and_repetition_is_found() -> None:
    assert found("OBX: forbidden") == ["OBX[1] forbidden", "OBX[2] forbidden", "OBX[3] forbidden"]
    assert found("PID-3: forbidden") == ["PID-3[1] forbidden", "PID-3[2] forbidden"]


# --- length ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("7", True),
        ("6", False),
        ("20", True),
        ("1-7", True),
        ("8-20", False),
        ("1..7", True),
        ("7-", True),
        ("8-", False),
        ("at most 7", True),
        ("up to 6", False),
        ("at least 8", False),
        ("at least 6", True),
        ("'>= 6'", True),
        ("exactly 7", True),
        ("exactly 8", False),
        ("'>= 8'", False),
        ("'<= 7'", True),
        ("7+", True),
        ("8 or more", False),
        ("[1, 7]", True),
        ("[8, 9]", False),
        ("{least: 1, most: 7}", True),
        ("{most: 6}", False),
        ("{min: 8}", False),
        ("{max: 7}", True),
    ],
)
def test_a_length_is_a_most_or_a_range(said: str, good: bool) -> None:
    assert found(f"PID-5.1: {{length: {said}}}") == ([] if good else ["PID-5.1 length"])


def test_characters_are_counted_decoded_and_not_in_bytes() -> None:
    name = changed(b"TARRANT", "SM\\T\\TH Ë".encode())  # S M & T H blank Ë

    assert found("PID-5.1: {length: exactly 7}", name) == []


def test_a_length_is_not_asked_of_what_is_absent_or_null() -> None:
    assert found("PID-13: {length: 5-10}\nPID-9: {length: 5-10}") == []


# --- values ------------------------------------------------------------------------------------------


def test_a_value_must_be_listed_exactly() -> None:
    assert found("PID-8: {values: [M, F]}") == []
    assert found("PID-8: {values: [m, f]}") == ["PID-8 values"]
    assert found("PID-8: {values: [M]}") == ["PID-8 values"]
    assert found("PID-8: {values: M}") == ["PID-8 values"]
    assert found("PID-8: {values: F}") == []


def test_values_that_look_like_numbers_or_switches_are_texts() -> None:
    assert found("MSH-12: {values: [2.5.1]}\nOBX[1]-5: {values: [062]}\nPID-8: {values: [no]}") == [
        "OBX[1]-5 values",
        "PID-8 values",
    ]


def test_values_may_be_the_keys_of_a_table() -> None:
    for said in ("lab_codes", "{table: lab_codes}"):
        assert found(f"OBX[*]-3.1:\n  values: {said}") == ["OBX[3]-3.1 values"]


def test_a_table_that_ignores_case_and_one_with_validity_say_what_they_say_elsewhere() -> None:
    small = REPORT.replace(b"HB^Haem", b"Hb^Haem")
    assert found("OBX-3.1: {values: loose}", small) == []
    assert found("OBX-3.1: {values: lab_codes}", small) == ["OBX[1]-3.1 values"]

    assert found("OBX-3.1: {values: dated}", REPORT.replace(b"HB^Haem", b"NEW^Haem")) == []
    assert found("OBX-3.1: {values: dated}", REPORT.replace(b"HB^Haem", b"OLD^Haem")) == ["OBX[1]-3.1 values"]


def test_null_is_admitted_where_it_is_listed() -> None:
    assert found("PID-9: {values: [A, B]}") == ["PID-9 values"]
    assert found("PID-9: {values: [A, '\"\"']}") == []
    assert found("PID-9: {values: lab_codes}") == ["PID-9 values"]


# --- format ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "said", "good"),
    [
        ("PID-3.1", "nhs_number", True),
        ("PID-3[2].1", "nhs_number", False),
        ("PID-7", "date", True),
        ("PID-7", "YYYYMMDD", True),
        ("PID-7", "DD/MM/YYYY", False),
        ("PID-7", "YYYYMMDDhhmm", False),
        ("MSH-7", "datetime", True),
        ("MSH-7", "date", False),
        ("MSH-7", "[date, datetime]", True),
        ("OBX-5", "number", True),
        ("OBX[2]-5", "number", False),
        ("OBX-1", "whole_number", True),
        ("PID-3[2].1", "ward", False),
    ],
)
def test_a_format_is_one_of_the_languages_own_a_date_or_a_pattern(path: str, said: str, good: bool) -> None:
    assert len(found(f"{path}:\n  format: {said}")) == (0 if good else 1)


def test_a_pattern_of_the_site_must_match_the_whole_value() -> None:
    assert found("PID-8: {format: ward}", changed(b"|F|", b"|W12|")) == []
    assert found("PID-8: {format: ward}", changed(b"|F|", b"|W123|")) == ["PID-8 format"]


def test_a_number_made_for_tests_is_no_nhs_number_in_live_use() -> None:
    said = "PID-3[5='NH'].1:\n  format: nhs_number"

    assert found(said) == []
    assert found(said, live=True) == ["PID-3[1].1 format"]
    assert found(said, REPORT.replace(b"9990001006", b"4505577104"), live=True) == []


@pytest.mark.parametrize("code", ["V81999", "V81998", "V81997", "X99998", "X99999"])
def test_a_code_that_means_no_practice_has_no_format_of_an_organisation(code: str) -> None:
    message = changed(b"|F|", f"|{code}|".encode())

    assert found("PID-8: {format: practice_code}", message) == ["PID-8 format"]
    assert found("PID-8: {format: ods_code}", message) == ["PID-8 format"]


# --- count -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "good"),
    [
        ("2", True),
        ("1", False),
        ("3", False),
        ("1-3", True),
        ("1-", True),
        ("3-", False),
        ("0-1", False),
        ("{least: 3}", False),
        ("{most: 2}", True),
        ("[1, 2]", True),
        ('"1..*"', True),
        ("[1..*]", True),
        ("[0..1]", False),
        ("0..n", True),
        ("[3..n]", False),
        ("at least 2", True),
    ],
)
def test_a_count_is_exact_or_a_range(said: str, good: bool) -> None:
    assert found(f"PID-3: {{count: {said}}}") == ([] if good else ["PID-3 count"])


def test_segments_are_counted_in_the_message_or_below_another_segment() -> None:
    assert found("OBX: {count: 3}\nOBR: {count: 1}\nPV1: {count: 0}") == ["OBR count"]
    assert found("OBR[*]/OBX: {count: 2}") == ["OBR[2]/OBX count"]
    assert found("OBR[2]/OBX: {count: 2}") == ["OBR[2]/OBX count"]
    assert found("OBR/OBX: {count: 2}") == ["OBR[2]/OBX count"], "a bare OBR means all of them here"


def test_only_what_a_selector_picks_is_counted() -> None:
    assert found("PID-3[5='NH']: {count: 1}") == []
    assert found("PID-3[5='XX']: {count: 1}") == ["PID-3 count"]
    assert found("OBX[2='NM']: {count: 1}") == ["OBX[2='NM'] count"]


def test_repetitions_are_counted_in_each_segment() -> None:
    assert found("OBX-8: {count: 1}") == ["OBX[2]-8 count", "OBX[3]-8 count"]


def test_of_a_component_those_repetitions_count_that_have_it() -> None:
    assert found("PID-3.4: {count: 1}") == ["PID-3.4 count"]


def test_what_is_missing_is_found_once_where_it_is_required_and_counted() -> None:
    assert found("PID-13: {required: yes, count: 1}") == ["PID-13 required"]
    assert found("PID-3: {required: yes, count: 1}") == ["PID-3 count"]


# --- several, when, severity, words ------------------------------------------------------------------


def test_every_question_that_does_not_hold_is_a_finding() -> None:
    assert found("PID-5.1: {length: 3-4, values: [2026], format: date}") == [
        "PID-5.1 values",
        "PID-5.1 format",
        "PID-5.1 length",
    ]


def test_one_path_may_have_several_constraints_each_with_its_when() -> None:
    said = """
        PID-13:
          - {required: yes, when: PID-8 = 'F'}
          - {required: yes, when: PID-8 = 'M'}
          - forbidden
    """

    assert found(said) == ["PID-13 required"]


def test_a_constraint_with_a_when_is_asked_only_where_that_is_true() -> None:
    assert found("PID-13: {required: yes, when: PID-8 = 'F'}") == ["PID-13 required"]
    assert found("PID-13: {required: yes, when: PID-8 = 'M'}") == []


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("it-2 = 'NM'", ["OBX[3]-7 required"]),
        ("it-2 = 'ST'", []),
        ("it is empty", ["OBX[3]-7 required"]),
        ("it-3.1 = 'CRP' and it-6 = 'mg/L'", ["OBX[3]-7 required"]),
    ],
)
def test_it_is_the_value_that_is_looked_at_or_a_field_beside_it(when: str, expected: list[str]) -> None:
    assert found(f"OBX[*]-7: {{required: yes, when: {when}}}") == expected


def test_it_is_the_repetition_that_is_looked_at() -> None:
    said = "PID-3[*]:\n  length: 3\n  when: it.5 = 'MR'"

    assert found(said) == ["PID-3[2] length"]


def test_it_speaks_of_the_segment_where_no_repetition_is_picked() -> None:
    assert found("PID-3[5='XX'].1: {required: yes, when: it-8 = 'F' and it is empty}") == [
        "PID-3[5='XX'].1 required"
    ]
    assert found("PV1-3: {required: yes, when: it-2 is empty}") == [], "there is no PV1 that it could be of"


def test_a_warning_is_called_one_and_own_words_take_the_place_of_ours() -> None:
    ours, own = look("PID-13: required\nPID-14: {required, severity: warning, words: Ask the ward}")

    assert (ours.severity, ours.words) == ("error", "a value is required here")
    assert (own.severity, own.words) == ("warning", "Ask the ward")


def test_it_is_again_what_it_was_when_the_profile_has_been_asked() -> None:
    scope = Scope(Message.parse(REPORT), it=Place(3, 5, 1))

    make_profile("OBX[*]-7: {required: yes, when: it-2 = 'NM'}").check(scope)

    assert scope.it == Place(3, 5, 1)


# --- how a finding reads -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("PID-13: required", "PID-13: a value is required here; found empty [required]"),
        ("PV1-3: required", "PV1-3: a value is required here; found none [required]"),
        ("PV1: required", "PV1: this segment is required; found none [required]"),
        ("PID-9: forbidden", "PID-9: nothing may stand here; found null [forbidden]"),
        ("PID-8: {values: [M]}", "PID-8: this must be M; found 1 letter [values]"),
        ("PID-8: {values: [M, U]}", "PID-8: this must be one of M, U; found 1 letter [values]"),
        (
            "OBX[*]-3.1: {values: lab_codes}",
            "OBX[3]-3.1: this must be in the table lab_codes; found 3 letters [values]",
        ),
        (
            "PID-7: {format: DD/MM/YYYY}",
            "PID-7: this must be written as DD/MM/YYYY; found 8 digits [format]",
        ),
        (
            "PID-8: {format: ward}",
            "PID-8: this must be written as the pattern ward says; found 1 letter [format]",
        ),
        ("PID-5.1: {length: 3}", "PID-5.1: this must have at most 3 characters; found 7 characters [length]"),
        ("PID-5.1: {length: 1}", "PID-5.1: this must have at most 1 character; found 7 characters [length]"),
        ("PID-3: {count: 1}", "PID-3: there must be 1 repetition; found 2 [count]"),
        ("OBX: {count: 5-}", "OBX: there must be at least 5 OBX; found 3 [count]"),
        (
            "OBX[2]-5: {format: whole_number}",
            (
                "OBX[2]-5: this must be a number without decimals such as 12; found 1 sign, 1 digit, 1 sign "
                "and 1 digit [format]"
            ),
        ),
    ],
)
def test_a_finding_names_place_rule_and_shape(said: str, text: str) -> None:
    assert [str(finding) for finding in look(said)] == [text]


def test_long_lists_of_values_are_cut_short() -> None:
    (finding,) = look("PID-8: {values: [A, B, C, D, E, G, H, I, J, K]}")

    assert finding.words == "this must be one of A, B, C, D, E, G, H, I or one of 2 others"


def test_past_two_hundred_findings_are_only_counted_and_keep_their_weight() -> None:
    many = REPORT + b"OBX|1|NM|HB||5\r" * 300
    findings = look("OBX[*]-8: {required, severity: warning}\nOBX[*]-7: required", many)

    assert len(findings) == 201
    assert {finding.severity for finding in findings[:200]} == {"warning"}
    assert (findings[-1].rule, findings[-1].severity) == ("more", "error")
    assert findings[-1].words == "402 more findings are not listed"
