"""Data types: the quick judgement and the slow explanation agree, and both agree with the calendar."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routes.conformance.dictionary import VERSIONS, Composite, Leaf, Part, Spec, Table, read_dictionary
from routes.conformance.explaining import NULL, explain
from routes.conformance.judging import compile_judge
from routes.conformance.leaves import check_of
from routes.hl7.times import read_date, read_datetime, read_time

YES_NO = Table("0136", "Yes/no indicator", frozenset({"Y", "N"}))
LEAVES = st.sampled_from(
    [Leaf("ST"), Leaf("NM"), Leaf("SI"), Leaf("DT"), Leaf("TM"), Leaf("DTM"), Leaf("ID", YES_NO)]
)


def _composite(parts: list[tuple[Spec | None, bool, bool]]) -> Composite:
    made = [
        Part(number, "", None if gone else spec, required and not gone, gone)
        for number, (spec, required, gone) in enumerate(parts, 1)
    ]
    return Composite("XX", tuple(made))


def _parts(inner: st.SearchStrategy[Spec]) -> st.SearchStrategy[Composite]:
    part = st.tuples(st.one_of(st.none(), inner), st.booleans(), st.sampled_from([False, False, True]))
    return st.lists(part, min_size=1, max_size=4).map(_composite)


SPECS: st.SearchStrategy[Spec] = st.one_of(LEAVES, _parts(st.one_of(LEAVES, _parts(LEAVES))))
TEXTS = st.lists(
    st.sampled_from(["^", "^", "&", "", "Y", "12", "x", "20260105", "0930", NULL, "1.5", "-", " "]),
    max_size=9,
).map("".join)


@given(SPECS, TEXTS)
def test_a_value_is_judged_right_exactly_when_nothing_is_found_in_it(spec: Spec, text: str) -> None:
    if text in ("", NULL):
        return
    faults = list(explain(spec, text, "^", "&"))

    assert bool(compile_judge(spec)(text, "^", "&")) == (faults == [])


@pytest.mark.parametrize("version", VERSIONS)
@given(text=TEXTS)
def test_the_same_for_the_types_of_every_version(version: str, text: str) -> None:
    if text in ("", NULL):
        return
    dictionary = read_dictionary(version)
    for name in ("CX", "XPN", "XCN", "TS", "CE", "CWE", "PL", "XTN", "TQ", "CQ", "CN", "MSG"):
        spec = dictionary.datatype(name)
        if spec is not None:
            faults = list(explain(spec, text, "^", "&"))
            assert bool(compile_judge(spec)(text, "^", "&")) == (faults == []), name


DIGITS = st.text("0123456789", max_size=15)
NEARLY_TIMES = st.builds(
    "{}{}{}".format,
    DIGITS,
    st.sampled_from(["", ".", ".1", ".12345"]),
    st.sampled_from(["", "+0100", "-9999"]),
)
MOMENTS = st.datetimes().map(lambda moment: moment.strftime("%Y%m%d%H%M%S").rjust(14, "0"))


@given(st.one_of(NEARLY_TIMES, MOMENTS, st.text(max_size=8)))
@example("20240229")
@example("20230229")
@example("00000101")
@example("20260105240000")
@example("20260105235960")
@example("٢٠٢٦٠١٠٥")
def test_dates_and_times_are_those_that_the_program_can_read(text: str) -> None:
    for datatype, read in (("DT", read_date), ("DTM", read_datetime), ("TM", read_time)):
        check = check_of(Leaf(datatype))
        assert check is not None
        assert bool(check(text)) == (read(text) is not None), datatype


@pytest.mark.parametrize("text", ["1", "-1", "+1", "007", "1.50", ".5", "1.", "12345678901234567890"])
def test_numbers(text: str) -> None:
    check = check_of(Leaf("NM"))
    assert check is not None
    assert check(text)


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1,5", "1e5", ">1", "1 ", " 1", "--1", "0x1", "١", "nan", "1-2"]
)
def test_what_is_no_number(text: str) -> None:
    check = check_of(Leaf("NM"))
    assert check is not None
    assert not check(text)


def test_faults_name_component_and_sub_component() -> None:
    spec = read_dictionary("2.5").datatype("CX")
    assert spec is not None
    faults = list(explain(spec, "1^2^?^A&B&C&D^NH^^2026-01-05^20260105^^^X", "^", "&"))

    assert [(fault.component, fault.subcomponent, fault.rule) for fault in faults] == [
        (4, 4, "extra-subcomponent"), (7, 0, "date"), (11, 0, "extra-component"),
    ]  # fmt: skip


def test_required_components_are_asked_where_the_field_has_a_value() -> None:
    spec = read_dictionary("2.7").datatype("XTN")
    assert spec is not None

    assert [f.rule for f in explain(spec, "^PRN^^^^^123", "^", "&")] == ["required-component"]
    assert [f.rule for f in explain(spec, "^PRN^PH^^^^123", "^", "&")] == []
    assert [f.rule for f in explain(spec, "^^", "^", "&")] == []
    assert [f.rule for f in explain(spec, NULL, "^", "&")] == []
