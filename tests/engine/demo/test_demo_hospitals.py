"""Simulated hospitals: each writes in its own dialect, plausibly, and the same for the same seed."""

from __future__ import annotations

import base64
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

import hl7
import pytest

from engine.demo.hospitals import FEEDS, SHARES, Sending, hospital
from engine.demo.letters import pdf
from engine.demo.people import Doctor, is_valid
from engine.demo.stage import doctors_of, example_site

START = datetime(2026, 3, 9, 9, 30, tzinfo=UTC)
DOCTORS = tuple(
    Doctor(f"G91000{number}", family, family[0], f"Y066{number}")
    for number, family in enumerate(("Fennimore", "Oduya", "Whitlock", "Sandhu"), 11)
)


def sendings(feed: str, count: int, seed: int = 1) -> list[Sending]:
    return list(islice(hospital(feed, seed, DOCTORS, START), count))


def text(sending: Sending) -> str:
    """The message as text with CR ends, decoded as its hospital encodes."""
    if sending.feed.startswith("northfield"):
        return sending.body.decode("cp1252").replace("\n", "\r")
    return sending.body.decode("utf-8")


def segment(sending: Sending, name: str) -> list[str]:
    found = next(line for line in text(sending).split("\r") if line.startswith(name + "|"))
    return found.split("|")


@pytest.mark.parametrize("feed", FEEDS)
def test_a_foreign_parser_reads_every_message_and_finds_its_control_id(feed: str) -> None:
    for sending in sendings(feed, 150):
        message = hl7.parse(text(sending))

        assert str(message["MSH"][0][10]) == sending.control
        assert [str(line[0]) for line in message][:2] in (["MSH", "PID"], ["MSH", "EVN"])


@pytest.mark.parametrize("feed", FEEDS)
def test_the_same_seed_gives_the_same_bytes_and_another_seed_others(feed: str) -> None:
    assert sendings(feed, 40) == sendings(feed, 40)
    assert sendings(feed, 40) != sendings(feed, 40, seed=2)


def test_control_ids_are_unique_among_all_hospitals() -> None:
    controls = [sending.control for feed in FEEDS for sending in sendings(feed, 200)]

    assert len(set(controls)) == len(controls)


@pytest.mark.parametrize("feed", FEEDS)
def test_every_nhs_number_is_valid_and_of_the_range_that_is_never_issued(feed: str) -> None:
    numbers = [
        number for sending in sendings(feed, 150) for number in re.findall(r"\b999\d{7}\b", text(sending))
    ]

    assert len(numbers) > 100
    assert all(is_valid(number) for number in numbers)


@pytest.mark.parametrize("feed", ["northfield_lims", "northfield_pas"])
def test_northfield_ends_lines_with_lf_and_writes_2_3_with_the_number_in_pid_2(feed: str) -> None:
    for sending in sendings(feed, 30):
        assert b"\r" not in sending.body
        assert sending.body.endswith(b"\n")
        assert segment(sending, "MSH")[11] == "2.3"
        pid = segment(sending, "PID")
        assert pid[2] == "" or is_valid(pid[2])
        assert re.fullmatch(r"\d\d/\d\d/\d{4}", pid[7])


def test_st_annes_names_the_authority_of_the_number_and_the_doctor_who_asked() -> None:
    for sending in sendings("st_annes_tie", 60):
        assert segment(sending, "MSH")[11] == "2.4"
        assert "^^^NHS" in segment(sending, "PID")[3] or "999" not in segment(sending, "PID")[3]
        assert segment(sending, "PID")[32].startswith("NSTS01")
        if segment(sending, "MSH")[8] == "ORU^R01":
            assert segment(sending, "PV1")[8].startswith("G")


def test_westmoor_says_its_charset_and_names_the_practice_that_asked() -> None:
    for sending in sendings("westmoor_lims", 60):
        assert segment(sending, "MSH")[11] == "2.5.1"
        assert segment(sending, "MSH")[17] == "UNICODE UTF-8"
        assert re.fullmatch(r"\^{9}Y\d{5}", segment(sending, "PV1")[3])


def test_a_letter_holds_a_pdf_or_visibly_nothing() -> None:
    documents = [segment(sending, "OBX")[5].split("^")[4] for sending in sendings("westmoor_letters", 120)]
    decoded = [base64.b64decode(document, validate=True) for document in documents]

    assert sum(not document for document in decoded) in range(1, 15)
    assert all(document.startswith(b"%PDF-1.4\n") for document in decoded if document)
    assert all(document.endswith(b"%%EOF\n") for document in decoded if document)


def test_the_places_in_a_pdfs_table_are_those_of_its_objects() -> None:
    document = pdf(["A line (in brackets)", "and a backslash \\"])
    table = int(re.findall(rb"startxref\n(\d+)\n", document)[0])
    places = [int(place) for place in re.findall(rb"(\d{10}) 00000 n", document)]

    assert document[table:].startswith(b"xref\n0 6\n")
    assert [document[place:].split(b" ")[0] for place in places] == [b"1", b"2", b"3", b"4", b"5"]
    assert rb"A line \(in brackets\)" in document


@pytest.mark.parametrize("feed", ["northfield_lims", "st_annes_tie", "westmoor_lims"])
def test_an_order_is_preliminary_first_then_final_and_never_final_twice(feed: str) -> None:
    stages: dict[str, str] = {}
    for sending in sendings(feed, 600):
        if segment(sending, "MSH")[8].startswith("ORU"):
            request = segment(sending, "OBR")
            stages[request[2]] = stages.get(request[2], "") + request[25]

    assert set(stages.values()) <= {"P", "PF", "PFC", "F", "FC", "W"}
    assert {"PF", "PFC"} <= set(stages.values())


@pytest.mark.parametrize("feed", ["northfield_pas", "westmoor_pas"])
def test_a_stay_begins_with_an_admission_and_ends_once(feed: str) -> None:
    events: dict[str, str] = {}
    for sending in sendings(feed, 300):
        person = segment(sending, "PID")[2] or segment(sending, "PID")[3]
        events[person] = events.get(person, "") + segment(sending, "EVN")[1] + " "

    assert all(history.startswith("A01") for history in events.values())
    assert any("A08" in history for history in events.values())
    assert any("A03" in history for history in events.values())


def test_some_results_are_abnormal_and_a_few_critical() -> None:
    flags = Counter(
        line.split("|")[8]
        for sending in sendings("westmoor_lims", 600)
        for line in text(sending).split("\r")
        if line.startswith("OBX|")
    )

    assert flags["N"] > flags["H"] > flags["HH"] > 0
    assert flags["L"] > flags["LL"] > 0


def test_a_few_messages_are_such_as_a_person_must_look_at() -> None:
    everything = [text(sending) for sending in sendings("st_annes_tie", 500)]

    assert sum("ZZZTEST" in one for one in everything) in range(1, 25)
    assert sum("NSTS01~RES" in one for one in everything) in range(1, 25)
    assert sum("^^^NHS|" not in one for one in everything) in range(1, 25)
    assert sum("G9999998" in one for one in everything) in range(1, 25)


def test_time_moves_on_from_the_start() -> None:
    first, second = sendings("westmoor_pas", 2)

    assert segment(first, "MSH")[6] == "20260309093000+0000"
    assert segment(second, "MSH")[6] == f"{START + timedelta(seconds=7):%Y%m%d%H%M%S}+0000"


def test_shares_are_of_a_hundred() -> None:
    assert sum(SHARES.values()) == 100


def test_the_example_sites_doctors_are_read_with_their_practices() -> None:
    doctors = doctors_of(example_site())

    assert len(doctors) == 20
    assert Doctor("G9100011", "Fennimore", "A", "Y06601") in doctors


def test_northfield_writes_letters_beyond_ascii_in_its_own_charset() -> None:
    bodies = [sending.body for sending in sendings("northfield_lims", 400)]

    assert any(b"S\xd8NDERGAARD" in body for body in bodies)
    assert not any("SØNDERGAARD".encode() in body for body in bodies)
