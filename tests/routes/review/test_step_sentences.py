"""Every kind of step, check, entry and outcome has a sentence of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import pytest

from routes.language import steps
from routes.language.problems import Spot
from routes.language.source import Scalar
from routes.language.steps import Accept, Check, FirstOf, SendEntry, Step
from routes.review.document import plain
from routes.review.explaining import Entry, describe_entry, explain_route
from routes.review.outcome_words import Wording, duration, names_of
from routes.review.text_form import write_text
from tests.routes.review.whole_site import compiled

ORIGIN = compiled()
ROUTE = ORIGIN.files.routes["everything"]
WORDING = Wording(names_of(ROUTE.names), ORIGIN)


def parts(value: object) -> Iterator[object]:
    """Every value of `steps` within one, itself included."""
    if isinstance(value, tuple):
        for each in value:
            yield from parts(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield value
        for field in dataclasses.fields(value):
            yield from parts(getattr(value, field.name))


def told(kind: type[Entry]) -> str:
    """The text of the first entry of a kind in the whole site."""
    found = next(each for each in parts(ROUTE) if type(each) is kind)
    assert isinstance(found, Step | Check | Accept | SendEntry | FirstOf)
    return describe_entry(found, WORDING)


def test_the_whole_site_uses_every_class_that_the_language_has() -> None:
    files = [ROUTE, *ORIGIN.files.dialects.values(), *ORIGIN.files.guards.values()]
    used = {type(part).__name__ for file in files for part in parts(file)}
    defined = {
        name
        for name, value in vars(steps).items()
        if dataclasses.is_dataclass(value) and value.__module__ == steps.__name__
    }

    assert defined - used == {"Step"}  # the common part of all steps


def test_every_entry_of_the_whole_site_has_a_sentence_of_its_own() -> None:
    entries = [each for each in parts(ROUTE) if isinstance(each, Step | Check | Accept | SendEntry | FirstOf)]
    sentences = [describe_entry(entry, WORDING) for entry in entries]

    assert len(set(sentences)) == len(entries)
    assert all(sentence[0].isupper() and sentence.rstrip(")").endswith((".", ":")) for sentence in sentences)


def test_every_sentence_can_be_told_without_the_site() -> None:
    entries = [each for each in parts(ROUTE) if isinstance(each, Step | Check | Accept | SendEntry | FirstOf)]
    single = [entry for entry in entries if not _speaks_of_names(entry)]

    assert all(describe_entry(entry) for entry in single)


def _speaks_of_names(entry: Entry) -> bool:
    return "requester" in repr(entry) or "critical" in repr(entry)


def test_a_kind_of_step_without_a_sentence_is_a_fault() -> None:
    @dataclasses.dataclass(frozen=True)
    class Juggle(Step):
        pass

    with pytest.raises(TypeError, match="Juggle"):
        describe_entry(Juggle(Spot(""), None, None))


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (
            steps.Accept,
            "It takes messages of which this is so: the message type (MSH-9.1) is “ORU” (results).",
        ),
        (
            steps.Set,
            "Write requester into the receiving facility (MSH-6). If there is nothing to write, the message",
        ),
        (
            steps.SetText,
            "Write the text “GP” into the receiving application (MSH-5).) (Write the text “2.5.1”",
        ),
        (steps.CopyStep, "Copy the patient identifier list (PID-3) to the patient ID (PID-2)"),
        (steps.Remove, "Take out each note whose source of comment is “INTERNAL” (NTE[2='INTERNAL'])."),
        (
            steps.Translate,
            "Translate the observation identifier of every result line (OBX[*]-3) by the table",
        ),
        (steps.Reformat, "which comes as “DD/MM/YYYY”, as a date in the form of HL7 (YYYYMMDD). If it is"),
        (steps.Replace, "In the patient's family name (PID-5.1), put “ss” wherever “ß” stands."),
        (steps.Recase, "Take away blanks before and behind the patient's family name (PID-5.1)."),
        (steps.Add, "Add a new note (NTE) behind result line 1 (OBX[1])."),
        (
            steps.ForEach,
            "For each result line (OBX[*]), when its value type (it-2) is “NM” (a number), do this",
        ),
        (
            steps.Join,
            "of each result line (OBX[*]-5) into the first of them, for every test order (OBR) by itself",
        ),
        (steps.Renumber, "1, 2, 3 and so on, beginning again for every test order (OBR)."),
        (steps.Arrange, "by their identifier type code: “NH” (NHS number) then “MR” (medical record number)"),
        (steps.Split, "Cut the message into pieces, one for each test order (OBR), each with everything"),
        (steps.Plugin, "The plugin step trust.tidy@1.2 changes the message."),
        (steps.FirstOf, "Exactly one of these is done, the first that applies:"),
    ],
)
def test_a_step_is_told_in_these_words(kind: type[Entry], words: str) -> None:
    assert words in told(kind)


def test_deadlines_fallbacks_and_waits_are_told() -> None:
    page = write_text(explain_route(ORIGIN, "everything"))

    assert (
        "If this copy is not acknowledged by the recipient within 3 days, another one goes to print_room"
        in page
    )
    assert "If this copy is not delivered within 1 hour 30 minutes, another one goes to archive" in page
    assert (
        "everyone who was sent an earlier message that is the same in the sending facility (MSH-4) and"
        in page
    )
    assert "goes on to the route onward" in page
    assert "In this copy alone, this is changed first:" in page
    assert "nothing more is sent by this choice" in page


def test_a_table_says_what_becomes_of_a_code_that_it_does_not_list() -> None:
    held = told(steps.Translate)
    kept = compiled({"tables/lab_codes.yaml": "on_miss: keep\n"})
    step = next(each for each in kept.files.routes["everything"].changes if isinstance(each, steps.Translate))

    assert "waits in the tray unknown_code" in held
    assert "stays as it came" in describe_entry(step, Wording(WORDING.naming, kept))


def test_a_profile_is_told_constraint_by_constraint() -> None:
    check = next(check for check in ROUTE.checks if check.profile is not None)
    standard = dataclasses.replace(check, profile=Scalar("standard", Spot("")))
    told_of = [describe_entry(check, WORDING), describe_entry(standard, WORDING)]

    assert "The date/time of birth (PID-7) must be filled in and be a valid date." in told_of[0]
    assert "if not, this is only noted; the words for it are “Only final results”" in told_of[0]
    assert "the HL7 standard of its version" in told_of[1]


def test_a_fall_back_says_who_looks_at_a_tray() -> None:
    check = next(check for check in ROUTE.checks if check.otherwise.words == "no_practice")

    assert "waits in the tray no_practice, for GP liaison" in describe_entry(check, WORDING)
    assert "GP liaison" not in describe_entry(check, Wording(WORDING.naming))


@pytest.mark.parametrize(
    ("microseconds", "words"),
    [
        (3 * 86_400_000_000, "3 days"),
        (90 * 60_000_000, "1 hour 30 minutes"),
        (1_000_000, "1 second"),
        (250_000, "0.25 seconds"),
    ],
)
def test_a_length_of_time_is_said_in_its_units(microseconds: int, words: str) -> None:
    assert duration(microseconds) == words


def test_a_scalar_that_is_a_name_is_told_by_the_name() -> None:
    assert plain(WORDING.place(Scalar("requester", Spot("")))) == "requester"
