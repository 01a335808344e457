"""Reading values by path: the first, every one, where they are, and what is absent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.message import Message
from routes.hl7.path import Place, compile_path, parse_path
from routes.hl7.reading import _simple_first, compile_places
from routes.hl7.values import value_at

ORU = Message.parse(
    b"MSH|^~\\&|LIMS|WESTMOOR^7Z^L|TIE|TRUST|20260105093000||ORU^R01^ORU_R01|W1|P|2.5.1\r"
    b'PID|1||9990000018^^^NHS^NH~RX12^^^RX1&R&L^MR~~X9||O\\T\\NEILL^ANNA||19700101|F|||""\r'
    b"NTE|1|L|about the patient\r"
    b"PV1|1|O||||||G1^A~G2^B||Y06601\r"
    b"ORC|RE|10\r"
    b"OBR|1|10|20|FBC^Full blood count|||20260105|||||||||||||||||||||G7^C&D~G8^E\r"
    b"NTE|1|L|about the order\r"
    b"OBX|1|NM|HB^Haemoglobin||7.1|g/L|12.0-16.0|LL|||F\r"
    b"NTE|1|INTERNAL|first note\r"
    b"NTE|2|L|second note\\.br\\line\r"
    b"OBX|2|NM|WBC^White cells||5.0|10*9/L\r"
    b"ZLX|1|local\r"
    b"ORC|RE|11\r"
    b"OBR|2|11|21|UE^Urea\r"
    b"OBX|1|NM|K^Potassium||4.2|mmol/L|3.5-5.0|N|||P\r"
)


def first(text: str, it: Place | None = None) -> str:
    return compile_path(parse_path(text)).first(ORU, it)


def every(text: str, it: Place | None = None) -> list[str]:
    return compile_path(parse_path(text)).every(ORU, it)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("MSH-1", "|"), ("MSH-2", "^~\\&"), ("MSH-2.1", "^~\\&"), ("MSH-2.2", ""), ("MSH-3", "LIMS"),
        ("MSH-4", "WESTMOOR^7Z^L"), ("MSH-4.2", "7Z"), ("MSH-9.2", "R01"),
        ("PID-3", "9990000018^^^NHS^NH"), ("PID-3.1", "9990000018"), ("PID-3[2].1", "RX12"),
        ("PID-3[2].4", "RX1&R&L"), ("PID-3[2].4.2", "R"), ("PID-3[3].1", ""), ("PID-3[4]", "X9"),
        ("PID-3[4].1", "X9"), ("PID-3[4].1.1", "X9"), ("PID-3[4].1.2", ""), ("PID-3[5]", ""),
        ("PID-5", "O\\T\\NEILL^ANNA"), ("PID-5.1", "O&NEILL"), ("PID-8", "F"), ("PID-8.1", "F"),
        ("PID-8.2", ""),
        ("PID-11", '""'), ("PID-30", ""), ("PV2-1", ""), ("OBX[9]-5", ""),
        ("PID-3[5='NH'].1", "9990000018"), ("PID-3[4='NHS' and 5='NH'].1", "9990000018"),
        ("PID-3[4.2='R'].1", "RX12"), ("PID-3[5='XX'].1", ""), ("PID-3[5!='NH'].1", "RX12"),
        ("PID-3[5='XX' or 5='MR'].1", "RX12"),
        ("OBX[3.1='K']-5", "4.2"), ("OBX[3]-5", "4.2"), ("OBX[2]-3.2", "White cells"),
        ("NTE[2='INTERNAL']-3", "first note"), ("NTE[4]-3", "second note\\.br\\line"),
        ("OBR[2]/OBX-3.1", "K"), ("OBR[1]/OBX[2]-3.1", "WBC"), ("OBR[1]/OBX[3]-3.1", ""),
        ("OBR/NTE-3", "about the order"), ("PID/NTE-3", "about the patient"), ("OBX/NTE[2]-2", "L"),
        ("OBX[2]/NTE-3", ""), ("OBX[2]/ZLX-2", "local"), ("PID/OBR[2]-4.1", "UE"), ("ORC[2]/OBX-3.1", "K"),
        ("ZLX-2", "local"), ("ZLX", "ZLX|1|local"), ("ZZZ", ""), ("BHS-3", ""),
    ],
)  # fmt: skip
def test_a_bare_path_reads_the_first(path: str, value: str) -> None:
    assert first(path) == value


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("OBX[*]-8", ["LL", "", "N"]), ("OBX[*]-3.1", ["HB", "WBC", "K"]), ("OBX[*]-11", ["F", "", "P"]),
        ("OBR[1]/OBX[*]-5", ["7.1", "5.0"]), ("OBR[*]/OBX-5", ["7.1", "4.2"]),
        ("OBX/NTE[*]-3", ["first note", "second note\\.br\\line"]),
        ("OBX[*]/NTE[*]-2", ["INTERNAL", "L"]), ("OBR[*]/NTE[*]-3", ["about the order"]),
        ("OBR[*]-28", ["G7^C&D", ""]), ("OBR[*]-28[*]", ["G7^C&D", "G8^E"]), ("OBR[*]-28[*].2.2", ["D", ""]),
        ("PID-3[*].1", ["9990000018", "RX12", "", "X9"]), ("PID-30[*]", []), ("PID-11[*]", ['""']),
        ("PV1-8[*].1", ["G1", "G2"]), ("ZZZ[*]-1", []), ("PID-5.1", ["O&NEILL"]), ("MSH-2[*]", ["^~\\&"]),
        ("NTE[2='L']-1", ["1", "1", "2"]),
    ],
)  # fmt: skip
def test_a_star_reads_all_elements(path: str, values: list[str]) -> None:
    assert every(path) == values


def test_a_group_ends_at_a_segment_of_the_same_rank() -> None:
    message = Message.parse(b"MSH|^~\\&|A\rOBX|1\rZLX|1\rDG1|1\rZLX|2\rNTE|1\rOBX|2\rZLX|3\r")

    assert compile_path(parse_path("OBX[*]/ZLX[*]-1")).every(message) == ["1", "3"]
    assert compile_path(parse_path("DG1/ZLX[*]-1")).every(message) == ["2"]
    assert compile_path(parse_path("DG1/NTE[*]-1")).every(message) == ["1"]
    assert compile_path(parse_path("OBX[*]/NTE[*]-1")).every(message) == []


def test_it_stands_where_the_current_element_is() -> None:
    segment = Place(7)
    repetition = Place(5, 28, 1)
    component = Place(5, 28, 1, 2)

    assert first("it-5", segment) == "7.1"
    assert first("it-3.2", segment) == "Haemoglobin"
    assert first("it", segment).startswith("OBX|1|NM")
    assert first("it.1", segment) == ""
    assert every("it/NTE[*]-3", segment) == ["first note", "second note\\.br\\line"]
    assert first("it", repetition) == "G7^C&D"
    assert first("it.1", repetition) == "G7"
    assert first("it.2.2", repetition) == "D"
    assert first("it-4.1", repetition) == "FBC"
    assert first("it", component) == "C&D"
    assert first("it.2", component) == "D"
    with pytest.raises(ValueError, match="it"):
        first("it-5")


def test_a_place_that_names_no_repetition_is_in_the_first() -> None:
    assert first("it", Place(5, 28, 0, 2)) == "C&D"
    assert first("it.1", Place(5, 28)) == "G7"


def test_places_say_where_the_elements_are() -> None:
    places = compile_path(parse_path("OBR[*]-28[*].1")).places(ORU)

    assert places == [Place(5, 28, 1, 1, 0), Place(5, 28, 2, 1, 0)]
    assert compile_path(parse_path("OBX[*]")).places(ORU) == [Place(7), Place(10), Place(14)]


def test_raw_keeps_structure_and_escapes() -> None:
    def raw(text: str) -> str:
        return compile_path(parse_path(text)).raw(ORU)

    assert raw("PID-5") == "O\\T\\NEILL^ANNA"
    assert raw("PID-5.1") == "O\\T\\NEILL"
    assert raw("PV1-8[*]") == "G1^A~G2^B"
    assert raw("PV1-8") == "G1^A"
    assert raw("ZLX") == "ZLX|1|local"
    assert raw("ZZZ[*]-1[*]") == ""


def test_removed_segments_are_not_read() -> None:
    message = ORU.copy()
    message.remove(7)

    assert compile_path(parse_path("OBX[*]-3.1")).every(message) == ["WBC", "K"]
    assert compile_path(parse_path("OBX-5")).first(message) == "5.0"


def test_the_envelope_of_a_batch_is_read_where_the_message_has_none() -> None:
    message = Message.parse(b"MSH|^~\\&|A\rPID|1\r", envelope=b"FHS|^~\\&|FILE\rBHS|^~\\&|BATCH|NORTH^X\r")

    assert compile_path(parse_path("FHS-3")).first(message) == "FILE"
    assert compile_path(parse_path("BHS-4.2")).first(message) == "X"
    assert compile_path(parse_path("BHS-2")).first(message) == "^~\\&"
    assert compile_path(parse_path("BHS-4")).every(message) == ["NORTH^X"]
    assert compile_path(parse_path("BHS-4")).raw(message) == "NORTH^X"


@pytest.mark.parametrize(
    ("source", "path", "value"),
    [
        (b"MSH|@~\\&|A\rPID|1||1@@@X^Y\r", "PID-3.4", "X^Y"),
        (b"MSH:;~\\&:A\rPID:1::1;2|3\r", "PID-3.2", "2|3"),
        (b"MSH|^~|A\rPID|1||A\\T\\B&C^D\r", "PID-3.1", "A\\T\\B&C"),
        (b"MSH|^~|A\rPID|1||A\\T\\B&C^D\r", "PID-3.1.2", ""),
        (b"MSH|^~\\&#|A\rPID|1||A\\P\\^D#\r", "PID-3.1", "A#"),
        (b"MSH|^~\\&|A\rOBR|1|||^^\r", "OBR-4", ""),  # nothing but delimiters is nothing
        (b"MSH|^~\\&|A\rOBR|1|||&^\r", "OBR-4.1", ""),
        (b"MSH|^~\\&|A\rOBR|1|||^X\r", "OBR-4", "^X"),
        (b"MSH||A\rPID|1||A^B\r", "PID-3", "A^B"),
        (b"MSH||A\rPID|1||A^B\r", "PID-3.2", ""),
        (b"MSH|^~\\&|A|||||||||||||||8859/1\rPID|1||\\XB5\\g\r", "PID-3", "\u00b5g"),
    ],
)
def test_the_messages_own_delimiters_count(source: bytes, path: str, value: str) -> None:
    assert compile_path(parse_path(path)).first(Message.parse(source)) == value


texts = st.text(st.sampled_from('AB^~&\\TSF"'), max_size=12)


@given(texts, st.integers(1, 3), st.integers(0, 3), st.integers(0, 3))
def test_the_short_way_reads_what_the_long_way_reads(text: str, repetition: int, comp: int, sub: int) -> None:
    message = Message.parse(b"MSH|^~\\&|A\rPID|" + text.encode() + b"\r")
    path = parse_path(f"PID-1[{repetition}]" + (f".{comp}" + (f".{sub}" if sub else "") if comp else ""))
    short = _simple_first(path)
    places = compile_places(path)(message)

    assert short is not None
    assert short(message) == (value_at(message, places[0]) if places else "")
