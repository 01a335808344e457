"""Formats, numbers, reference ranges, dates and their patterns."""

from __future__ import annotations

from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routes.hl7.formats import (
    FORMATS,
    PatternError,
    When,
    formats_for,
    from_microseconds,
    in_zone,
    is_nhs_number,
    is_no_address,
    is_practice_code,
    read_date,
    read_datetime,
    read_number,
    read_pattern,
    read_time,
    reference_range,
)

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        (
            "nhs_number",
            ["9990000018", "9990000026"],
            ["9990000019", "999 000 0018", "9999999999", "0000000000", ""],
        ),
        (
            "practice_code",
            ["Y06601", "A81001", "A81001002"],
            ["V81999", "V81998", "V81997", "X99999", "y06601", "A8100"],
        ),
        (
            "ods_code",
            ["RX1", "7Z001A", "Y06601"],
            ["V81999", "G9999998", "G9999981", "X99998", "123456", "rx1", ""],
        ),
        ("gnc", ["G9100011", "G3456789"], ["G9999998", "G9999981", "g9100011", "C9100011", "G910001", ""]),
        ("date", ["2026", "202601", "20260105"], ["20261301", "20260230", "202601051200", "05/01/2026", ""]),
        (
            "datetime",
            [
                "2026",
                "20260105",
                "2026010509",
                "202601050930",
                "20260105093015.1234+0100",
                "202601050930-0500",
            ],
            ["20260105250000", "2026010509301", "20260105093060x", "202601050930+2500", "2026-01-05"],
        ),
        ("time", ["09", "0930", "093015", "0930+0100"], ["24", "0960", "9", ""]),
        (
            "number",
            ["7.1", "-12.5", "+3", ".5", "007", " 7 "],
            [">200", "7,1", "1e5", "", ".", "٣", "9" * 50],
        ),
        ("whole_number", ["12", "-3"], ["1.0", "", "٣"]),
        ("postcode", ["AA1 1AA", "SW1A1AA", "GIR 0AA"], ["aa1 1aa", "A 1", ""]),
    ],
)
def test_formats_say_yes_and_no(name: str, good: list[str], bad: list[str]) -> None:
    check = FORMATS[name].check

    assert [text for text in good if not check(text)] == []
    assert [text for text in bad if check(text)] == []


@given(st.from_regex(r"[0-9]{9}", fullmatch=True))
def test_at_most_one_check_digit_makes_an_nhs_number(nine: str) -> None:
    valid = [digit for digit in "0123456789" if is_nhs_number(nine + digit)]
    total = sum(int(d) * w for d, w in zip(nine, range(10, 1, -1), strict=True))
    expected = {11: "0", 10: ""}.get(11 - total % 11, str(11 - total % 11))
    if len(set(nine + expected)) == 1:
        expected = ""

    assert "".join(valid) == expected


@given(st.text())
def test_no_check_fails_on_any_text(text: str) -> None:
    for kind in FORMATS.values():
        kind.check(text)
    reference_range(text)


def test_branches_of_what_is_no_practice_are_none_either() -> None:
    assert not is_practice_code("V81999001")


@pytest.mark.parametrize(
    ("text", "bounds"),
    [
        ("3.5-5.0", (Decimal("3.5"), Decimal("5.0"))),
        (" 3.5 - 5 ", (Decimal("3.5"), Decimal(5))),
        ("-2-5", (Decimal(-2), Decimal(5))),
        ("-5--2", (Decimal(-5), Decimal(-2))),
        ("<5", (None, Decimal(5))),
        (">3", (Decimal(3), None)),
        ("5-3", (None, None)),
        ("", (None, None)),
        ("negative", (None, None)),
        ("3.5-", (None, None)),
        ("<=5", (None, None)),
    ],
)
def test_reference_ranges_are_read_or_absent(
    text: str, bounds: tuple[Decimal | None, Decimal | None]
) -> None:
    assert reference_range(text) == bounds


def test_numbers_are_exact() -> None:
    assert read_number("0.10") == Decimal("0.1")
    assert read_number(">200") is None


def when(text: str) -> When:
    found = read_datetime(text)
    assert found is not None
    return found


@pytest.mark.parametrize(
    "text",
    ["2026", "202601", "20260105", "2026010509", "202601050930", "20260105093015", "20260105093015.1+0100"],
)
def test_precision_and_offset_are_kept(text: str) -> None:
    assert str(when(text)) == text


@pytest.mark.parametrize(
    ("left", "right", "order"),
    [
        ("20260105", "20260106", -1),
        ("20260105", "20260105", 0),
        ("2026", "20260105", 0),
        ("20260105", "202601051200", 0),
        ("202601051200", "202601051159", 1),
        ("20260105120000.5", "20260105120000.49", 1),
        ("20260105120000.5", "20260105120000.50", 0),
        ("202601051200+0000", "202601051300+0100", 0),
        ("202601051200+0000", "202601051200+0100", 1),
        ("202601051200", "202601051200+0100", None),
        ("202601041000", "202601051200+0100", None),
        ("202601021000", "202601051200+0100", -1),
        ("202601081000", "202601051200+0100", 1),
        ("20260105", "202601052330-0500", 0),
        ("2026010512+0000", "202601051330+0100", 0),
    ],
)
def test_times_are_compared_as_far_as_they_are_known(left: str, right: str, order: int | None) -> None:
    assert when(left).compare(when(right)) == order
    assert when(right).compare(when(left)) == (None if order is None else -order)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("202610250130", "repeated"),
        ("202603290130", "missing"),
        ("202607010130", "202607010130+0100"),
        ("202601010130", "202601010130+0000"),
        ("202610250130+0100", "202610250130+0100"),
        ("20261025", "20261025"),
        ("202610250030", "202610250030+0100"),
        ("202610250200", "202610250200+0000"),
    ],
)
def test_a_zone_gives_an_offset_or_says_that_it_cannot(text: str, expected: str) -> None:
    assert str(in_zone(when(text), LONDON)) == expected


def test_a_moment_is_a_time_in_utc() -> None:
    assert str(from_microseconds(1_767_605_400_123_456)) == "20260105093000.1234+0000"


@pytest.mark.parametrize(
    ("pattern", "text", "hl7"),
    [
        ("DD/MM/YYYY", "05/01/2026", "20260105"),
        ("DDMMYYYY hhmm", "05012026 0930", "202601050930"),
        ("DD-MMM-YYYY", "05-JAN-2026", "20260105"),
        ("YYYY-MM-DDThh:mm:ss+zzzz", "2026-01-05T09:30:15+0100", "20260105093015+0100"),
        ("YYYYMMDDhhmm", "202601050930", "202601050930"),
        ("date", "202601", "202601"),
        ("datetime", "2026010509", "2026010509"),
    ],
)
def test_patterns_read_and_write(pattern: str, text: str, hl7: str) -> None:
    compiled = read_pattern(pattern)
    found = compiled.read(text)

    assert found is not None
    assert str(found) == hl7
    assert compiled.write(found) == text


def test_what_is_not_written_so_is_not_read() -> None:
    pattern = read_pattern("DD/MM/YYYY")

    assert [pattern.read(text) for text in ("5/1/2026", "31/02/2026", "2026/01/05", "05/01/2026 ", "")] == [
        None
    ] * 5
    assert read_pattern("DD-MMM-YYYY").read("05-XYZ-2026") is None


def test_no_precision_is_made_up() -> None:
    assert read_pattern("DD/MM/YYYY").write(when("2026")) is None
    assert read_pattern("YYYYMMDD+zzzz").write(when("20260105")) is None
    assert read_pattern("date").write(when("2026")) == "2026"
    assert read_pattern("date").write(when("202601051200+0100")) == "20260105"


@pytest.mark.parametrize(
    ("pattern", "says"),
    [
        ("DD/MM/YY", "four digits"),
        ("DD/MM", "gap"),
        ("YYYYDD", "gap"),
        ("", "YYYY"),
        ("DD/MM/YYYY/DD", "twice"),
        ("dd/MM/YYYY", "`d`"),
        ("hhmm", "gap"),
    ],
)
def test_a_bad_pattern_says_what_may_stand_in_one(pattern: str, says: str) -> None:
    with pytest.raises(PatternError, match=says):
        read_pattern(pattern)


@given(
    st.datetimes().map(lambda d: d.strftime("%Y%m%d%H%M%S").zfill(14)),
    st.sampled_from([4, 6, 8, 10, 12, 14]),
)
def test_every_precision_reads_back(text: str, length: int) -> None:
    cut = text[:length]

    assert str(when(cut)) == cut


@given(st.text(st.sampled_from("0123456789+-.")))
def test_reading_a_date_gives_that_date_or_nothing(text: str) -> None:
    found = read_datetime(text)

    assert found is None or str(found) == text
    assert read_date(text) is None or text.isdigit()
    read_time(text)


@given(
    st.from_regex(
        r"[0-2][0-9]{3}[01][0-9][0-3][0-9][0-2][0-9][0-5][0-9](\.[0-9]{1,5})?([+-][01][0-9]{3})?",
        fullmatch=True,
    )
)
@example("20260105")
@example("202601050930+1400")
@example("00000105")
@example("20260229")
@example("20240229")
@example("20260105+0100")
def test_the_quick_look_at_a_time_says_what_reading_it_says(text: str) -> None:
    for cut in range(len(text) + 1):
        assert FORMATS["datetime"].check(text[:cut]) is (read_datetime(text[:cut]) is not None)


@given(st.text(alphabet="0123456789+-. <e", max_size=45))
def test_the_quick_look_at_a_number_says_what_reading_it_says(text: str) -> None:
    assert FORMATS["number"].check(text) is (read_number(text) is not None)


def test_in_live_use_a_number_that_was_made_for_tests_is_not_valid() -> None:
    assert formats_for(live=False)["nhs_number"].check("9990001006")
    assert not formats_for(live=True)["nhs_number"].check("9990001006")
    assert formats_for(live=True)["nhs_number"].check("4505577104")
    assert not formats_for(live=True)["nhs_number"].check("4505577105")
    assert {name for name in FORMATS if formats_for(live=True)[name] != FORMATS[name]} == {"nhs_number"}


@pytest.mark.parametrize(
    "code", ["V81999", "v81998", " V81997 ", "V81999001", "X99998", "X99999", "G9999998", "G9999981"]
)
def test_a_code_that_means_nobody_is_no_address(code: str) -> None:
    assert is_no_address(code)


@pytest.mark.parametrize("code", ["", "Y06601", "V81990", "G9100011", "V819999", "A81001002"])
def test_a_code_of_somebody_may_be_one(code: str) -> None:
    assert not is_no_address(code)
