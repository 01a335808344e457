"""How paths are written, and what is said of those that are not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from routes.hl7.notation import EVERY, Comparison, Path, PathError, Selector, Step
from routes.hl7.path import compile_path, parse_path


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("PID-5", Path((Step("PID"),), 5)),
        ("PID-5.1.2", Path((Step("PID"),), 5, None, 1, 2)),
        ("PID-3[2].1", Path((Step("PID"),), 3, 2, 1)),
        ("OBX[3]-5", Path((Step("OBX", 3),), 5)),
        ("OBR[1]/OBX[*]-5", Path((Step("OBR", 1), Step("OBX", EVERY)), 5)),
        ("OBX/NTE[*]-3", Path((Step("OBX"), Step("NTE", EVERY)), 3)),
        ("NTE", Path((Step("NTE"),))),
        ("OBR[*]-28[*]", Path((Step("OBR", EVERY),), 28, EVERY)),
        ("PID-3[5='NH'].1", Path((Step("PID"),), 3, Selector(((Comparison((5,), "NH"),),)), 1)),
        (
            "PID-3[4='NHS' and 5!='MR'].1",
            Path((Step("PID"),), 3, Selector(((Comparison((4,), "NHS"), Comparison((5,), "MR", False)),)), 1),
        ),
        ("OBX[3.1='HB']-5", Path((Step("OBX", Selector(((Comparison((3, 1), "HB"),),))),), 5)),
        ("ZDL-3", Path((Step("ZDL"),), 3)),
        ("BHS-3", Path((Step("BHS"),), 3)),
        ("it", Path((), relative=True)),
        ("it-3[2].1", Path((), 3, 2, 1, 0, True)),
        ("it.1.2", Path((), 0, None, 1, 2, True)),
        ("it/NTE[*]-3", Path((Step("NTE", EVERY),), 3, relative=True)),
    ],
)
def test_paths_are_read_and_written_one_way(text: str, path: Path) -> None:
    assert parse_path(text) == path
    assert str(path) == text


def test_blanks_in_brackets_and_around_do_not_matter() -> None:
    assert str(parse_path("  PID-3[ 4 = 'O''Neill'  or 5!= 'x' ].1 ")) == "PID-3[4='O''Neill' or 5!='x'].1"


@pytest.mark.parametrize(
    ("text", "fix", "rule", "says"),
    [
        ("/.PID-3-1", "PID-3.1", "path-foreign", "Terser"),
        ("PID-3(0)-1", "PID-3.1", "path-foreign", "Terser"),
        ("/PATIENT/PID-3(1)-1", "PID-3[2].1", "path-foreign", "Terser"),
        ("OBX(1)-5", "OBX[2]-5", "path-foreign", "Terser"),
        ("PID-5-1", "PID-5.1", "path-foreign", "Terser"),
        ("msg['PID']['PID.3']['PID.3.1'].toString()", "PID-3.1", "path-foreign", "Mirth"),
        ("msg['OBX'][1]['OBX.5'][0]['OBX.5.1']", "OBX[2]-5.1", "path-foreign", "Mirth"),
        ("PID.3.1", "PID-3.1", "path-foreign", "Rhapsody"),
        ("/PID/3", "PID-3", "path-foreign", "Rhapsody"),
        ("PID.F3.R2.C1", "PID-3[2].1", "path-foreign", "python-hl7"),
        ("OBX2.F5.R1.C1", "OBX[2]-5.1", "path-foreign", "python-hl7"),
        ("pid-3", "PID-3", "path-lower-case", "capitals"),
        ("PID3", "PID-3", "path-syntax", "PID-3"),
        ("PID 3", "PID-3", "path-syntax", "PID-3"),
        ("PID-0", "", "path-zero", "from one"),
        ("PID-3[0]", "", "path-zero", "from one"),
        ("PID-3.1.1.1", "PID-3.1.1", "path-too-deep", "sub-component"),
        ("PID-3[5=NH].1", "PID-3[5='NH'].1", "path-quotes", "single quotes"),
        ('PID-3[5="NH"].1', "PID-3[5='NH'].1", "path-quotes", "single quotes"),
        ("PID-3[5=‘NH’].1", "PID-3[5='NH'].1", "path-quotes", "single quotes"),
        ("PID-3[5=='NH']", "PID-3[5='NH']", "path-selector", "one ="),
        ("PID-3[5<>'NH']", "PID-3[5!='NH']", "path-selector", "!="),
        ("PID-3[]", "", "path-selector", "5='NH'"),
        ("PID-3[5='NH'", "", "path-syntax", "]"),
        ("PID-", "", "path-syntax", "number"),
        ("", "", "path-syntax", "PID-5.1"),
        ("PIDX-5", "", "path-syntax", "PID-5.1"),
        ("PID-99999", "", "path-syntax", "limit"),
    ],
)
def test_what_is_written_otherwise_is_answered_with_the_remedy(
    text: str, fix: str, rule: str, says: str
) -> None:
    with pytest.raises(PathError) as caught:
        parse_path(text)
    error = caught.value

    assert (error.fix, error.rule) == (fix, rule)
    assert says in error.message
    assert 0 <= error.offset <= len(text)
    assert error.length >= 1
    if fix:
        assert str(parse_path(fix)) == fix


@pytest.mark.parametrize("text", ["MSH-1", "MSH-2", "BHS-3", "FHS-4", "MSH", "PID"])
def test_some_places_cannot_be_written(text: str) -> None:
    with pytest.raises(PathError) as caught:
        compile_path(parse_path(text), "write")

    assert caught.value.rule == "path-not-writable"


def test_whole_segments_can_be_removed_but_not_msh() -> None:
    compile_path(parse_path("NTE[2='INTERNAL']"), "remove")
    with pytest.raises(PathError):
        compile_path(parse_path("MSH"), "remove")


def test_a_path_says_whether_it_needs_a_quantifier() -> None:
    assert parse_path("OBX[*]-5").many
    assert parse_path("PID-3[*]").many
    assert not parse_path("OBX[2]-5").many


numbers = st.integers(1, 99)
values = st.text(st.characters(exclude_characters="\r\n"), max_size=6)


def selectors(levels: int) -> st.SearchStrategy[Selector]:
    tests = st.builds(
        Comparison, st.lists(numbers, min_size=1, max_size=levels).map(tuple), values, st.booleans()
    )
    some = st.lists(tests, min_size=1, max_size=3).map(tuple)
    return st.builds(Selector, st.lists(some, min_size=1, max_size=2).map(tuple))


names = st.from_regex(r"[A-Z][A-Z0-9]{2}", fullmatch=True)
steps = st.builds(Step, names, st.one_of(st.none(), numbers, st.just(EVERY), selectors(3)))


@st.composite
def paths(draw: st.DrawFn) -> Path:
    relative = draw(st.booleans())
    found = tuple(draw(st.lists(steps, min_size=0 if relative else 1, max_size=3)))
    field = draw(st.one_of(st.just(0), numbers))
    narrow = field or (relative and not found)
    repetition = draw(st.one_of(st.none(), numbers, st.just(EVERY), selectors(2))) if field else None
    component = draw(st.integers(0, 20)) if narrow else 0
    subcomponent = draw(st.integers(0, 20)) if component else 0
    return Path(found, field, repetition, component, subcomponent, relative)


@given(paths())
def test_every_path_reads_back_from_how_it_is_written(path: Path) -> None:
    text = str(path)
    if len(text) <= 500:
        assert parse_path(text) == path


@given(st.text(st.sampled_from("PIDOBXmsgit-[].'=!*0159/() \"andor")))
def test_any_text_is_a_path_or_gives_an_error_inside_it(text: str) -> None:
    try:
        path = parse_path(text)
    except PathError as error:
        offset = error.offset
    else:
        offset = 0
        assert parse_path(str(path)) == path

    assert 0 <= offset <= len(text)
