"""An invented message has the shape, codes and numbers of the real one, and nobody's particulars."""

from __future__ import annotations

import re
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routes.hl7.formats import is_nhs_number
from routes.hl7.message import Message
from routes.hl7.path import compile_path, parse_path
from routes.hl7.samples import read_sample
from routes.review.disguising import Disguised, disguise

ROOT = Path(__file__).resolve().parents[3]
CANARIES = (
    "Kanarek", "Wilhelmina", "Quirijn", "Zeisig", "4711 Vogelweide", "Finkenberg House", "QX7 9ZB",
    "9990005079", "999 000 5079", "0207 946 0991", "kanarek@example.com", "HOSP778812", "V2231907",
    "19430217", "LAB-2026-55871", "PLC20260077", "Stieglitz", "C5551212", "Dr Nachtigall", "chaffinch",
    "SSN998877", "POL-558811", "Girlitz",
)  # fmt: skip
REAL = "\r".join((
    "MSH|^~\\&|LIMS|NORTH|GATEPOST|GP|20260309134000||ORU^R01|KAN0001|P|2.5",
    (
        "PID|1|9990005079^^^NHS^NH|HOSP778812^^^NORTH^MR~9990005079^^^NHS^NH||Kanarek^Wilhelmina^Quirijn^^MS|"
        "Zeisig|19430217|F|||4711 Vogelweide&Vogelweide&4711^Finkenberg House^Town^^QX7 9ZB^GBR^H||"
        "0207 946 0991^PRN^PH^kanarek@example.com|||||V2231907|SSN998877"
    ),
    "NK1|1|Girlitz^Wilhelmina|SPO|4711 Vogelweide^^^^QX7 9ZB",
    "PV1|1|I|WARD7^2^4||||C5551212^Stieglitz^Anna|G9100011^Fennimore^A",
    "IN1|1|PLAN^Plan||Insurer||||||||||||Kanarek^Wilhelmina|SEL|19430217||||||||||||||||||POL-558811",
    "ORC|RE|PLC20260077|LAB-2026-55871",
    "OBR|1|PLC20260077|LAB-2026-55871|FBC^Full blood count^L|||20260309084500||||||seen by Dr Nachtigall",
    "OBX|1|NM|HB^Haemoglobin^L||62|g/L|115-165|LL|||F",
    "OBX|2|ST|GRP^Group^L||Kanarek, see chaffinch||||||F",
    "OBX|3|ST|CULT^Culture^L||Not detected||||||F",
    "OBX|4|CE|DX^Diagnosis^L||D64.9^Anaemia, Mrs Kanarek^I10||||||F",
    "OBX|5|FT|NOTE^Note^L||Spoke to Kanarek \\.br\\ on 0207 946 0991, born 17/02/1943 (999 000 5079)||||||F",
    "OBX|6|NM|K^Potassium^L||>8|mmol/L|3.5-5.3|HH|||F",
    "NTE|1|L|Filed under HOSP778812 for Wilhelmina",
    "ZPI|1|Kanarek|HOSP778812|Y|9990005079|chaffinch of Finkenberg House",
    "",
))  # fmt: skip


def disguised(text: str | bytes = REAL, seed: int = 1, known: tuple[str, ...] = ()) -> Disguised:
    data = text.encode() if isinstance(text, str) else text
    return disguise(Message.parse(data), Random(seed), known)


def reads(found: Disguised | bytes, path: str) -> str:
    data = found if isinstance(found, bytes) else found.data
    return compile_path(parse_path(path)).first(Message.parse(data))


@pytest.fixture(scope="module")
def many() -> list[Disguised]:
    return [disguised(seed=seed) for seed in range(20)]


@pytest.mark.parametrize("canary", CANARIES)
def test_nothing_that_identifies_survives_anywhere(canary: str, many: list[Disguised]) -> None:
    assert [n for n, found in enumerate(many) if canary.casefold() in found.data.decode().casefold()] == []
    assert [found.left for found in many if found.left] == []


def test_a_day_of_birth_does_not_survive_in_free_text_either() -> None:
    assert b"1943" not in disguised().data


def test_the_same_is_replaced_by_the_same_in_every_place() -> None:
    found = disguised()

    assert reads(found, "PID-5.1") == reads(found, "ZPI-2") != "Kanarek"
    assert reads(found, "PID-5.2") == reads(found, "NK1-2.2") == reads(found, "IN1-16.2")
    assert reads(found, "PID-2.1") == reads(found, "PID-3[5='NH'].1") == reads(found, "ZPI-5")
    assert reads(found, "PID-7") == reads(found, "IN1-18")
    assert (
        reads(found, "ORC-3.1")
        == reads(found, "OBR-3.1")
        != reads(found, "ORC-2.1")
        == reads(found, "OBR-2.1")
    )
    assert reads(found, "PID-3.1") == reads(found, "ZPI-3")


def test_numbers_of_the_nhs_become_valid_ones_that_are_never_issued() -> None:
    number = reads(disguised(), "PID-2.1")
    wrong = reads(disguised(REAL.replace("9990005079", "9990005070")), "PID-2.1")

    assert number.startswith("999")
    assert is_nhs_number(number)
    assert wrong.startswith("999")
    assert not is_nhs_number(wrong)


def test_structure_codes_results_units_and_times_stay() -> None:
    found = disguised()
    kept = ("MSH-3", "MSH-4", "MSH-7", "MSH-9", "MSH-12", "PID-8", "PID-3[2].4", "PV1-3", "OBR-4", "OBR-7")
    results = (
        "OBX[1]-5",
        "OBX[1]-6",
        "OBX[1]-7",
        "OBX[1]-8",
        "OBX[3]-5",
        "OBX[6]-5",
        "OBX[4]-5.1",
        "OBX[4]-5.3",
    )

    for path in (*kept, *results):
        assert reads(found, path) == reads(REAL.encode(), path) != "", path
    assert shape(found.data) == shape(REAL.encode())


def shape(data: bytes) -> list[str]:
    """Delimiters, and where there is something between them."""
    return [re.sub(r"[^|^~&\r]+", "x", line) for line in data.decode("latin-1").split("\r")]


def test_free_text_keeps_its_shape_and_its_line_breaks() -> None:
    assert reads(disguised(), "OBX[5]-5").startswith(
        "Xxxxx xx Xxxxxxx \\.br\\ xx 9999 999 9999, xxxx 99/99/9999"
    )


def test_a_day_of_birth_is_moved_as_precise_and_as_written_as_it_was() -> None:
    for day, form in (
        ("1943", r"\d{4}"), ("194302", r"\d{6}"), ("19430217", r"\d{8}"), ("194302170830", r"\d{8}0830"),
        ("17/02/1943", r"\d\d/\d\d/\d{4}"), ("1943-02-17", r"\d{4}-\d\d-\d\d"),
    ):  # fmt: skip
        found = reads(disguised(REAL.replace("|19430217|F", f"|{day}|F")), "PID-7")
        assert re.fullmatch(form, found), day
        assert found != day
    assert reads(disguised(REAL.replace("|19430217|F", "|31/02/1943|F")), "PID-7") == "75/46/5387"


def test_a_doctor_who_stands_in_a_table_of_the_site_keeps_the_code_and_not_the_name() -> None:
    found = disguised(known=("G9100011",))

    assert reads(found, "PV1-8.1") == "G9100011"
    assert reads(found, "PV1-8.2") != "Fennimore"
    assert reads(disguised(), "PV1-8.1") != "G9100011"


def test_a_document_becomes_a_tiny_one_that_may_still_be_a_piece_of_several() -> None:
    real = REAL.replace(
        "|NM|HB^Haemoglobin^L||62|", f"|ED|PDF^Report^L||^AP^PDF^Base64^{'JVBERi0xLjQK' * 200}|"
    )
    chunk = REAL.replace("Spoke to Kanarek", "QUJD" * 60 + "\r").replace("\r \\", "\\")
    document = reads(disguised(real), "OBX-5.5")

    assert document.startswith("JVBERi0")
    assert "=" not in document
    assert len(document) < 400
    assert b"QUJDQUJD" not in disguised(chunk).data


def test_names_of_test_patients_stay_since_guards_look_for_them() -> None:
    assert reads(disguised(REAL.replace("Kanarek", "ZZZTEST")), "PID-5.1") == "ZZZTEST"


def test_what_is_left_where_the_message_says_how_to_read_it_is_pointed_out() -> None:
    assert disguised(REAL.replace("Kanarek", "R01-KANAREK").replace("ORU^R01|", "ORU^R01-KANAREK|")).left == (
        "MSH-9.2",
    )


def test_a_short_name_is_looked_for_as_a_word_and_not_within_others() -> None:
    real = REAL.replace("Wilhelmina", "Ann").replace("DX^Diagnosis", "DX^Annual check of Ann")
    found = reads(disguised(real), "OBX[4]-3.2")

    assert found.startswith("Annual check of ")
    assert found != "Annual check of Ann"


@pytest.mark.parametrize("name", ["Ashgrove", "Whinfield", "Jessamy"])
def test_an_invented_name_is_never_the_real_one(name: str) -> None:
    for seed in range(60):
        assert reads(disguised(REAL.replace("Kanarek", name), seed), "PID-5.1") != name


def test_accents_stay_accents_in_the_messages_own_character_set() -> None:
    real = REAL.replace("Wilhelmina", "Zoë").replace("|P|2.5", "|P|2.5||||||8859/1").encode("latin-1")
    found = disguised(real)

    assert not reads(found, "PID-5.2").isascii()
    assert b"\xc3" not in found.data


def test_two_disguises_of_one_message_share_nothing_that_could_be_reckoned_back() -> None:
    numbers = {reads(disguised(seed=seed), "PID-2.1") for seed in range(10)}

    assert len(numbers) == 10


@given(st.text(alphabet="|^~&\\\rABab12 éX.", max_size=120), st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_no_message_makes_it_fail_and_the_shape_is_always_kept(text: str, seed: int) -> None:
    data = f"MSH|^~\\&|A|B|||2026||ORU^R01|1|P|2.5\rPID|1||{text}\rOBX|1|ST|{text}".encode()

    assert shape(disguised(data, seed).data) == shape(data)


def test_messages_of_other_projects_keep_their_shape_and_lose_their_people(shared: Path) -> None:
    people = [compile_path(parse_path(path)) for path in ("PID[*]-5[*].1", "PID[*]-11[*].1", "NK1[*]-2[*].1")]
    seen = 0
    for file in sorted((shared / "corpus").rglob("*.hl7"))[::7]:
        for piece in read_sample(file.read_bytes()).messages if file.stat().st_size < 200_000 else ():
            if not piece.data.startswith(b"MSH"):
                continue
            message = Message.parse(piece.data, charset="latin-1")
            out = Message.parse(disguise(message, Random(seen)).data, charset="latin-1")
            seen += 1
            folded = b"".join(out.text(n).encode("latin-1", "replace") for n in range(out.segments)).lower()
            for path in people:
                for value in path.every(message):
                    telling = (
                        len(value) >= 5 and value.isalpha() and value.upper() not in ("UNKNOWN", "ZZZTEST")
                    )
                    assert not telling or value.encode("latin-1", "replace").lower() not in folded, file
    assert seen > 50
