"""What expressions say of messages: truth tables, read as `expression: answer`."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
import re2

from routes.hl7.message import Message
from routes.hl7.path import Place
from routes.language.compiler import Scope, compile_condition, compile_expression, compile_text
from routes.language.hours import read_hours
from routes.language.parser import parse_expression
from routes.language.problems import Problems
from routes.language.types import check_types, define_names
from routes.language.vocabulary import Kind, Vocabulary
from routes.tables import Table, read_table

MESSAGE = "\r".join(
    [
        r"MSH|^~\&|LIMS|NF|GP|Y06601|20260105093000||ORU^R01|42|P|2.5.1",
        r'PID|1||9990000018^^^NHS^NH~77^^^NF^MR||DOE^JANE^""||200801051030|""||||||||||||||||||||||||VIP~RES',
        "PV1|1|O||||||||Y06601|",
        "OBR|1|A1|||||20260105|20260105103000+0000|||||||||||||||||||||||",
        r"OBX|1|NM|HB^Haemoglobin||7.0|g/L|3.5-12.0|N|||F",
        r"OBX|2|NM|NA^Sodium||160|mmol/L|135-145|HH|||F",
        r"OBX|3|ST|XX^Local \T\ odd||>200|u|<5||||C",
        r"OBX|4|NM|K^Potassium||4|mmol/L||A",
        "NTE|1||INTERNAL",
        "ZAL|x",
    ]
)
RECEIVED = 1_767_605_400_000_000  # 2026-01-05T09:30:00Z, a Monday


def table(name: str, text: str, sidecar: dict[str, object] | None = None) -> Table:
    problems = Problems()
    found = read_table(name, text, sidecar, problems, f"{name}.csv")
    assert found is not None, problems.in_order()
    return found


VOCABULARY = Vocabulary(
    tables={
        "lab_codes": table("lab_codes", "code,national\nHB,1001\nNA,1002\nK,1003\n"),
        "gp_directory": table(
            "gp_directory",
            "code,accepts,successor\nY06601,electronic,\nA81001,paper,Y06601\n",
            {"follow": "successor"},
        ),
        "wards": table("wards", "code,name\nW1,One\n", {"on_miss": "default", "default": {"name": "Other"}}),
        "tariff": table(
            "tariff",
            "code,price,from,to\nHB,old,,2025-12-31\nHB,new,2026-01-01,\n",
            {"valid_from": "from", "valid_to": "to"},
        ),
    },
    hours={
        "working": read_hours(
            {"zone": "Europe/London", "monday_to_friday": "08:00-18:30"}, closed=["2026-12-25"]
        )
    },
    patterns={name: re2.compile("[A-Z]+") for name in ("capitals", "CAPITALS", "ABC")}
    | {"two": re2.compile("..")},
    zone="Europe/London",
)
NAMES = {
    "nhs_number": "PID-3[5='NH'].1",
    "requester": "PV1-10",
    "urgent": "any OBX[*]-8 in ['HH', 'LL']",
    "urgent_and_final": "urgent and OBX-11 = 'F'",
    "observations": "count of OBX[*]",
    "practice": "gp_directory[requester]",
}
VOCABULARY, WRONG = define_names({n: parse_expression(t) for n, t in NAMES.items()}, VOCABULARY)
assert not WRONG


def scope(text: str = MESSAGE, it: Place | None = None) -> Scope:
    return Scope(Message.parse(text.encode()), RECEIVED, it)


def says(expression: str, text: str = MESSAGE) -> bool:
    tree = parse_expression(expression)
    check_types(tree, VOCABULARY, Kind.YES_NO)
    answer = compile_condition(tree, VOCABULARY)(scope(text))
    assert compile_expression(tree, VOCABULARY)(scope(text)) is answer
    return answer


def gives(expression: str, text: str = MESSAGE) -> object:
    tree = parse_expression(expression)
    check_types(tree, VOCABULARY)
    return compile_expression(tree, VOCABULARY)(scope(text))


TEXTS = """
    MSH-9.1 = 'ORU': yes
    'ORU' = MSH-9.1: yes
    MSH-9.1 = 'oru': no
    MSH-9.1 != 'ORU': no
    MSH-9.1 != 'ADT': yes
    MSH-9.1 = MSH-9.1: yes
    MSH-9.1 in ['ADT', 'ORU']: yes
    MSH-9.1 in ['ADT']: no
    OBX[3]-3.2 = 'Local & odd': yes
    PID-5.1 & ', ' & PID-5.2 = 'DOE, JANE': yes
    PID-5.1 starts with 'DO': yes
    PID-5.1 starts with 'OE': no
    PID-5.1 ends with 'OE': yes
    PID-5.1 contains 'O': yes
    PID-5.1 contains PID-5.1: yes
    PID-5.1 matches capitals: yes
    PID-5.1 matches two: no
    PID-5.1 matches CAPITALS: yes
    PID-5.1 matches ABC: yes
    nhs_number is valid nhs_number: yes
    PID-3[5='MR'].1 is valid nhs_number: no
    OBR-7 is valid YYYYMMDD: yes
    OBR-7 is valid YYYYMMDDhhmm: no
    OBR-7 is valid 'DD/MM/YYYY': no
    '31/12/2025' is valid 'DD/MM/YYYY': yes
    '31/02/2025' is valid 'DD/MM/YYYY': no
    PID-20 is valid YYYYMMDD: no
"""

# Absent (PID-20, PID-99, ZZZ-1), null (PID-8), and a value (PID-5.1) differ everywhere.
NOTHING = """
    PID-20 = 'x': no
    PID-20 != 'x': yes
    PID-20 = PID-20: no
    PID-20 != PID-20: yes
    not PID-20 = 'x': yes
    PID-20 in ['x']: no
    PID-20 in lab_codes: no
    PID-20 is empty: yes
    PID-20 is present: no
    PID-20 is null: no
    PID-20 is blank: yes
    PID-20 is valid number: no
    PID-20 starts with 'x': no
    PID-20 contains PID-20: no
    PID-20 < 5: no
    PID-20 >= 5: no
    PID-20 < '2026-01-01': no
    PID-20 in hours working: no
    PID-99 is empty: yes
    ZZZ-1 is empty: yes
    PID-8 = 'x': no
    PID-8 != 'x': yes
    PID-8 = '""': yes
    PID-8 = PID-8: yes
    PID-8 in ['""']: yes
    PID-8 is empty: no
    PID-8 is present: yes
    PID-8 is null: yes
    PID-8 is blank: yes
    PID-8 is valid nhs_number: no
    PID-8 in lab_codes: no
    PID-8 starts with '"': no
    PID-8 contains '"': no
    PID-8 matches two: no
    PID-8 < 5: no
    PID-5.1 is empty: no
    PID-5.1 is present: yes
    PID-5.1 is null: no
    PID-5.1 is blank: no
    'x' & PID-20 & PID-8 = 'x': yes
    PID-20 & PID-8 is empty: yes
    ZAL is present: yes
    ZZZ is present: no
    ZZZ is empty: yes
    NTE[3='INTERNAL'] is present: yes
    NTE[3='OTHER'] is empty: yes
"""

NUMBERS = """
    OBX-5 = 7: yes
    OBX-5 = 7.00: yes
    OBX-5 != 7: no
    OBX-5 = '7': no
    OBX-5 = '7.0': yes
    OBX-5 > 6.9: yes
    OBX-5 > 7: no
    OBX-5 >= 7: yes
    OBX-5 < 10: yes
    10 > OBX-5: yes
    OBX-5 <= 6: no
    OBX-5 in [6, 7]: yes
    OBX-5 in ['x', 7]: yes
    OBX[3]-5 > 7.0: no
    OBX[3]-5 <= 7.0: no
    OBX[3]-5 != 200: yes
    OBX[2]-5 > OBX-5: yes
    OBX-5 > OBX[2]-5: no
    OBX[3]-5 > OBX-5: no
    upper of OBX-7 = 12: yes
    lower of OBX-7 = 3.5: yes
    upper of OBX[3]-7 = 5: yes
    lower of OBX[3]-7 is empty: yes
    lower of OBX[3]-7 < 1: no
    upper of OBX[4]-7 is present: no
    upper of OBX-7 is present: yes
    OBX[2]-5 > upper of OBX[2]-7: yes
    count of OBX[*] = 4: yes
    count of OBX[*] in [1, 4]: yes
    count of PID-3[*] = 2: yes
    count of PID-20[*] = 0: yes
    count of OBX[8='HH'] = 1: yes
    observations = 4: yes
    observations > 4: no
    count of ZZZ[*] < 1: yes
    OBX-5 > -3: yes
"""

# PID-7 is 200801051030, OBR-7 20260105, OBR-8 20260105103000+0000, received 2026-01-05T09:30Z.
DATES = """
    PID-7 = '2008-01-05': yes
    PID-7 = '2008-01-05T10:30': yes
    PID-7 = '2008-01-05T10:31': no
    PID-7 != '2008-01-05': no
    PID-7 = '2008-01': yes
    PID-7 < '2008-01-05': no
    PID-7 <= '2008-01-05': yes
    PID-7 >= '2008-01-05': yes
    PID-7 > '2008-01-05': no
    PID-7 > '2008-01-04': yes
    PID-7 < '20080106': yes
    '2008-01-04' < PID-7: yes
    '2008-01-05' = PID-7: yes
    PID-7 in ['2008-01-05', 'x']: yes
    PID-7 < OBR-7: yes
    OBR-7 <= OBR-8: no
    OBR-7 < '2026-01-05': no
    OBR-7 = '20260105': yes
    OBR-8 = '2026-01-05': yes
    OBR-8 > '2026-01-05T10:30': no
    OBR-8 = '2026-01-05T10:30:00+00:00': yes
    OBR-8 >= '2026-01-05T11:00+01:00': yes
    MSH-7 < OBR-8: yes
    PID-5.1 < '2026-01-05': no
    received >= '2026-01-05': yes
    received < '2026-01-05': no
    received = '2026-01-05T09:30': yes
    received < OBR-8: yes
    received in hours working: yes
    OBR-8 in hours working: yes
    PID-7 in hours working: no
    OBR-7 in hours working: no
"""

SEVERAL = """
    any OBX[*]-8 = 'HH': yes
    any OBX[*]-8 = 'LL': no
    any OBX[*]-8 != 'HH': yes
    all OBX[*]-2 in ['NM', 'ST']: yes
    all OBX[*]-2 = 'NM': no
    all OBX[*]-11 is present: no
    any OBX[*]-11 is empty: yes
    no OBX[*]-8 = 'LL': yes
    no OBX[*]-8 = 'HH': no
    all OBX[*]-3.1 in lab_codes: no
    any OBX[*]-3.1 in lab_codes: yes
    any OBX[*]-5 > 150: yes
    all OBX[*]-5 > 1: no
    any PID-32[*] = 'RES': yes
    no PID-32[*] = 'RES': no
    any PID-3[*].1 is valid nhs_number: yes
    any ZZZ[*]-1 = 'x': no
    any ZZZ[*]-1 != 'x': no
    all ZZZ[*]-1 = 'x': no
    all ZZZ[*]-1 in ['x']: no
    no ZZZ[*]-1 = 'x': yes
    any PID-20[*] != 'x': no
    all PID-20[*] = 'x': no
    no PID-20[*] = 'x': yes
    any OBX[*] with (it-5 > upper of it-7): yes
    all OBX[*] with (it-5 > upper of it-7): no
    no OBX[*] with (it-8 = 'LL'): yes
    any OBX[*] with (it-3.1 = 'NA' and it-8 = 'HH'): yes
    any OBX[*] with (it-3.1 = 'HB' and it-8 = 'HH'): no
    all ZZZ[*] with (it-1 = 'x'): no
    no ZZZ[*] with (it-1 = 'x'): yes
    any PID-3[*] with (it.5 = 'NH' and it.1 is valid nhs_number): yes
    any OBR[*] with (any OBX[*] with (it-8 = 'HH') and it-2 = 'A1'): yes
    any OBX[*] with (urgent and it-8 = 'A'): yes
    any OBX[8='HH']-5 > 150: yes
    any OBX[*]-8 = 'HH' and all OBX[*]-2 in ['NM', 'ST']: yes
"""

WORDS = """
    urgent: yes
    not urgent: no
    urgent_and_final: yes
    urgent or MSH-9.1 = 'ADT' and MSH-9.1 = 'ADT': yes
    (urgent or MSH-9.1 = 'ADT') and MSH-9.1 = 'ADT': no
    not urgent or urgent: yes
    not (urgent or urgent): no
    MSH-9.1 = 'ORU' and MSH-11 = 'P' and urgent: yes
    MSH-9.1 = 'ORU' and MSH-11 = 'T' and urgent: no
    MSH-9.1 = 'ADT' or MSH-11 = 'T' or urgent: yes
    requester = 'Y06601': yes
    gp_directory[requester].accepts = 'electronic': yes
    gp_directory['A81001'].accepts = 'electronic': yes
    gp_directory['A81001'].code = 'Y06601': yes
    gp_directory['Z99999'].accepts = 'electronic': no
    gp_directory['Z99999'] is present: no
    gp_directory[requester] is present: yes
    gp_directory[PID-20] is empty: yes
    practice is present: yes
    requester in gp_directory: yes
    'A81001' in gp_directory: yes
    wards['W1'].name = 'One': yes
    wards['W9'].name = 'Other': yes
    wards['W9'] is present: no
    wards[PID-20].name is empty: yes
    tariff['HB'].price = 'new': yes
    'HB' in tariff: yes
    'NA' in tariff: no
"""


def rows(*tables: str) -> list[tuple[str, bool]]:
    lines = [line.strip() for text in tables for line in text.strip().splitlines()]
    return [
        (line.rpartition(": ")[0], {"yes": True, "no": False}[line.rpartition(": ")[2]]) for line in lines
    ]


@pytest.mark.parametrize(("expression", "answer"), rows(TEXTS, NOTHING, NUMBERS, DATES, SEVERAL, WORDS))
def test_truth_table(expression: str, answer: bool) -> None:
    assert says(expression) is answer


@pytest.mark.parametrize(("expression", "answer"), rows(TEXTS, NOTHING, NUMBERS, DATES, SEVERAL, WORDS))
def test_not_gives_the_opposite_and_the_canonical_text_the_same(expression: str, answer: bool) -> None:
    assert says(f"not ({expression})") is not answer
    assert says(str(parse_expression(expression))) is answer


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("nhs_number", "9990000018"),
        ("PID-8", '""'),
        ("PID-20", ""),
        ("OBX[2]-5", "160"),
        ("'it''s'", "it's"),
        ("PID-5.2 & ' ' & PID-5.1 & PID-5.3", "JANE DOE"),
        ("count of OBX[*]", 4),
        ("'n=' & count of OBX[*]", "n=4"),
        ("upper of OBX-7", Decimal("12.0")),
        ("upper of OBX[4]-7", None),
        ("'up to ' & upper of OBX-7", "up to 12.0"),
        ("7.50", Decimal("7.50")),
        ("received", RECEIVED),
        ("gp_directory['A81001'].accepts", "electronic"),
        ("gp_directory['Z99999'].accepts", ""),
        ("gp_directory['Z99999']", None),
        ("practice", ("Y06601", "electronic", "")),
        ("urgent", True),
    ],
)
def test_values(expression: str, value: object) -> None:
    assert gives(expression) == value


def test_a_value_to_be_written_is_a_text() -> None:
    def text_of(expression: str) -> str:
        return compile_text(parse_expression(expression), VOCABULARY)(scope())

    assert text_of("observations") == "4"
    assert text_of("7.50") == "7.50"
    assert text_of("upper of OBX[4]-7") == ""
    assert text_of("requester") == "Y06601"


def test_it_is_the_current_element_of_each() -> None:
    tree = parse_expression("gp_directory[it.1].accepts")
    place = Place(2, 10, 1)

    assert compile_text(tree, VOCABULARY)(scope(it=place)) == "electronic"


def test_it_is_what_it_was_after_a_quantifier() -> None:
    place = Place(2, 10, 1)
    asked = scope(it=place)

    assert compile_condition(parse_expression("any OBX[*] with (it-8 = 'HH')"), VOCABULARY)(asked)
    assert asked.it is place


def test_a_name_is_worked_out_once_until_the_scope_forgets() -> None:
    asked = scope()
    condition = compile_condition(parse_expression("requester = 'Y06601'"), VOCABULARY)
    assert condition(asked)
    asked.message = Message.parse(MESSAGE.replace("Y06601", "A81001").encode())

    assert condition(asked)
    asked.forget()
    assert not condition(asked)


def test_a_code_that_a_table_does_not_have_is_counted_and_an_absent_one_is_not() -> None:
    asked = scope()
    look_up = compile_text(
        parse_expression(
            "gp_directory['Z99999'].accepts & gp_directory['Z99999'].code & gp_directory[PID-20].code"
        ),
        VOCABULARY,
    )
    look_up(asked)
    compile_condition(parse_expression("'XX' in lab_codes"), VOCABULARY)(asked)

    assert asked.misses == {("gp_directory", "Z99999"): 2}


def test_a_pattern_is_asked_about_bytes_that_the_charset_does_not_know() -> None:
    data = MESSAGE.encode().replace(b"DOE^JANE", b"D\xffE^JANE")
    asked = Scope(Message.parse(data), RECEIVED)

    assert not compile_condition(parse_expression("PID-5.1 matches capitals"), VOCABULARY)(asked)


def test_a_date_in_a_route_is_the_senders_own_day_where_no_zone_is_known() -> None:
    day = compile_condition(parse_expression("OBR-8 = '2026-01-05'"), Vocabulary())

    assert day(scope())


@pytest.mark.parametrize(
    ("zone", "written"),
    [
        ("", "20260105093000+0000"),
        ("Europe/London", "20260105093000+0000"),
        ("Asia/Kolkata", "20260105150000+0530"),
    ],
)
def test_the_time_of_receipt_is_written_by_the_feeds_clock(zone: str, written: str) -> None:
    read = compile_text(parse_expression("'at ' & received"), Vocabulary(zone=zone))

    assert read(scope()) == f"at {written}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OBR-8 > PID-7", True),  # 18 years apart: no zone moves a clock so far
        ("PID-7 < received", True),
        ("PID-7 >= received", False),
        ("PID-7 = received", False),
        ("OBR-7 < received", False),  # the same day, and one of them has no offset: nobody knows
        ("OBR-7 >= OBR-8", False),
    ],
)
def test_where_no_zone_is_known_only_what_lies_far_apart_has_an_order(text: str, expected: bool) -> None:
    assert compile_condition(parse_expression(text), Vocabulary())(scope()) is expected


def test_a_scopes_zone_goes_before_the_vocabularys() -> None:
    condition = compile_condition(parse_expression("received < '2026-01-05T10:00'"), Vocabulary(zone="UTC"))
    asked = scope()
    assert condition(asked)
    asked.zone = "Asia/Tokyo"

    assert not condition(asked)


def test_other_tables_make_a_vocabulary_that_reads_them() -> None:
    vocabulary, _ = define_names({"practice": parse_expression("gp_directory['A1'].accepts")}, VOCABULARY)
    before = compile_text(parse_expression("practice"), vocabulary)
    other = {**VOCABULARY.tables, "gp_directory": table("gp_directory", "code,accepts\nA1,paper\n")}
    after = compile_text(parse_expression("practice"), replace(vocabulary, tables=other))

    assert before(scope()) == ""
    assert after(scope()) == "paper"


def test_names_that_refer_to_names_twice_each_are_compiled_once() -> None:
    texts = {"n0": "PID-20"} | {f"n{i}": f"n{i - 1} & n{i - 1}" for i in range(1, 45)}
    vocabulary, errors = define_names({n: parse_expression(t) for n, t in texts.items()}, Vocabulary())
    assert not errors

    assert compile_text(parse_expression("n44"), vocabulary)(scope()) == ""


def test_what_could_not_be_read_is_absent_and_breaks_nothing() -> None:
    vocabulary, errors = define_names(
        {"broken": None, "uses_it": parse_expression("broken & 'x'")}, Vocabulary()
    )
    assert not errors

    assert compile_text(parse_expression("broken"), vocabulary)(scope()) == ""
    assert compile_condition(parse_expression("broken = 'x'"), vocabulary)(scope()) is False
    assert compile_condition(parse_expression("broken"), vocabulary)(scope()) is False
