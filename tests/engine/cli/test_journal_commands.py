"""`gatepost messages` and `gatepost show` tell where a message is, and its content only when asked."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import importlib
import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.control import EngineNotRunning
from engine.journal.records import (
    Arrival,
    Awaited,
    Changed,
    Decided,
    DeliveryState,
    HeldPart,
    NewDelivery,
    RoutePart,
    Stored,
    Verdict,
)
from engine.journal.sqlite import SqliteJournal

show_module = importlib.import_module("engine.cli.show")
EXAMPLE = str(Path(__file__).resolve().parents[3] / "config")
NAME = "PENHALIGON"
NHS = "9990001081"
NOW = int(time.time() * 1e6)
HOUR = 3600 * 10**6


def body(control_id: str) -> bytes:
    return (
        f"MSH|^~\\&|LAB|SA|GP|GP|20260311113000||ORU^R01|{control_id}|P|2.4\rPID|1||{NHS}^^^NHS||{NAME}^M\r"
    ).encode()


def arrival(control_id: str, received: int) -> Arrival:
    data = body(control_id)
    return Arrival(
        "st_annes_tie",
        received,
        data,
        hashlib.sha256(data).digest(),
        sender=b"LAB\rSA\r" + control_id.encode(),
        control_id=control_id,
        type="ORU^R01",
        version="2.4",
        peer="127.0.0.1:5555",
        verdict=Verdict("ok"),
    )


async def store(journal: SqliteJournal, what: Arrival) -> Stored:
    result: asyncio.Future[object] = asyncio.get_running_loop().create_future()
    journal.append(what, result.set_result)
    stored = await result
    assert isinstance(stored, Stored)
    return stored


def decided(message: int, practices: Sequence[str], held: tuple[HeldPart, ...] = ()) -> Decided:
    return Decided(
        message,
        "c0ffee" * 8,
        NOW,
        parts=(RoutePart("gp_results", "held" if held else "sent"),),
        deliveries=tuple(
            NewDelivery("gp_results", "gp_message", practice, None, b"SA1") for practice in practices
        ),
        held=held,
        warnings=("A test code is not in the national list",),
        keys={"nhs_number": (NHS,)},
    )


async def fill_with_conflicts(folder: Path) -> None:
    """2 and 3 repeat the control id of 1 with other content. 2 is decided and held, 3 still waits."""
    journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    await store(journal, arrival("SA1", NOW - HOUR))
    rows = []
    for number in (1, 2):
        data = body("SA1").replace(b"PID|1", b"PID|%d" % (number + 1))
        other = replace(arrival("SA1", NOW), body=data, sha256=hashlib.sha256(data).digest())
        rows.append(await store(journal, other))
    held = (HeldPart("gp_results", "no_practice", "no such practice", "routes/gp_results.yaml:49", True),)
    await journal.record([decided(rows[0].id, [], held)])
    await journal.close()


async def fill(folder: Path) -> None:
    """1: sent to two practices, one parked. 2: held. 3: duplicate of 1. 4: refused evidence."""
    journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    first = await store(journal, arrival("SA1", NOW - 3 * HOUR))
    second = await store(journal, arrival("SA2", NOW - HOUR))
    await store(journal, arrival("SA1", NOW))
    data = b"GET / HTTP/1.1"
    await store(
        journal,
        Arrival("st_annes_tie", NOW, data, hashlib.sha256(data).digest(), refused="no readable MSH segment"),
    )
    held = (HeldPart("gp_results", "no_practice", "no such practice", "routes/gp_results.yaml:49", True),)
    rows = await journal.record([decided(first.id, ["Y06601", "Y06602"]), decided(second.id, [], held)])
    states: tuple[DeliveryState, ...] = ("delivered", "parked")
    await journal.change(
        [
            Changed(row.id, state, NOW, 1, reason="" if state == "delivered" else "the practice answered AR")
            for row, state in zip(rows[0], states, strict=True)
        ]
    )
    await journal.close()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    asyncio.run(fill(folder))
    return folder


def gatepost(command: str, data: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, [command, *arguments, "--data", str(data)])


def ids(result: Result) -> list[int]:
    return [json.loads(line)["id"] for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    ("search", "found"),
    [
        ([], [4, 3, 2, 1]),
        (["--id", "2"], [2]),
        (["--control-id", "SA1"], [3, 1]),
        (["--nhs", "999 000 1081"], [2, 1]),
        (["--practice", "Y06602"], [1]),
        (["--channel", "gp_message"], [1]),
        (["--type", "ORU"], [3, 2, 1]),
        (["--feed", "st_annes_tie", "--limit", "2"], [4, 3]),
        (["--state", "held"], [2]),
        (["--state", "parked"], [1]),
        (["--since", "2h"], [4, 3, 2]),
        (["--until", "2000-01-01"], []),
    ],
)
def test_messages_are_found_by_what_people_ask_for(search: list[str], found: list[int], data: Path) -> None:
    result = gatepost("messages", data, *search, "--json")

    assert ids(result) == found
    assert result.exit_code == (0 if found else 1)


def test_the_list_tells_where_each_message_is(data: Path) -> None:
    result = gatepost("messages", data)

    assert "1 delivered, 1 parked" in result.output
    assert "held" in result.output
    assert "duplicate of 1" in result.output
    assert NAME not in result.output
    assert NHS not in result.output


def test_an_unknown_state_is_wrong_use_and_lists_the_states(data: Path) -> None:
    result = gatepost("messages", data, "--state", "lost")

    assert result.exit_code == 2
    assert "parked" in result.output


def test_conflicts_are_found_whether_they_wait_are_held_or_went_on(tmp_path: Path) -> None:
    asyncio.run(fill_with_conflicts(tmp_path))

    found = gatepost("messages", tmp_path, "--state", "conflict", "--json")
    shown = gatepost("messages", tmp_path, "--state", "conflict", "--feed", "st_annes_tie", "--type", "ORU")

    assert ids(found) == [3, 2]
    assert "held; same control id as 1, other content" in shown.stdout
    assert "waiting for a decision; same control id as" in shown.stdout


@pytest.mark.parametrize(
    ("search", "words"),
    [
        (["--feed", "st_anes_tie"], '"st_anes_tie" is not a feed of this site; did you mean "st_annes_tie"?'),
        (["--channel", "gp_mesage"], '"gp_mesage" is not a channel of this site; did you mean "gp_message"?'),
    ],
)
def test_a_name_that_nobody_has_is_wrong_use_and_not_an_empty_answer(
    search: list[str], words: str, data: Path
) -> None:
    result = gatepost("messages", data, EXAMPLE, *search)

    assert result.exit_code == 2
    assert words in " ".join(result.output.split())
    assert "No such message" not in result.output


def test_a_feed_of_the_site_that_has_brought_nothing_yet_is_no_mistake(data: Path) -> None:
    result = gatepost("messages", data, EXAMPLE, "--feed", "northfield_lims")

    assert (result.exit_code, result.stderr) == (1, "No such message.\n")


def test_a_feed_that_the_site_no_longer_has_is_still_found_in_the_journal(data: Path, tmp_path: Path) -> None:
    result = gatepost("messages", data, str(tmp_path / "no_site"), "--feed", "st_annes_tie", "--json")

    assert ids(result) == [4, 3, 2, 1]


def test_a_number_with_a_slip_is_searched_for_and_said_to_be_no_nhs_number(data: Path) -> None:
    result = gatepost("messages", data, EXAMPLE, "--nhs", "999 000 1082")

    assert result.exit_code == 1
    assert '"999 000 1082" is not a valid NHS number: ten digits with a check digit.' in result.stderr


def test_a_practice_that_no_directory_lists_is_searched_for_and_named(data: Path) -> None:
    unknown = gatepost("messages", data, EXAMPLE, "--practice", "Y0660")
    known = gatepost("messages", data, EXAMPLE, "--practice", "Y06603")

    assert '"Y0660" is in no directory of this site; did you mean "Y06620"?' in unknown.stderr
    assert (known.exit_code, known.stderr) == (1, "No such message.\n")


def test_status_says_the_whole_command_where_no_engine_answers(tmp_path: Path) -> None:
    result = gatepost("status", tmp_path, "my site", "--environment", "live")

    assert result.exit_code == 1
    assert f"gatepost run 'my site' --environment live --data {tmp_path}" in result.stderr


def test_a_time_that_is_none_is_wrong_use(data: Path) -> None:
    result = gatepost("messages", data, "--since", "yesterday")

    assert result.exit_code == 2
    assert "2h" in result.output


def test_show_tells_the_journey_without_the_content(data: Path) -> None:
    result = gatepost("show", data, "1")

    assert result.exit_code == 0, result.output
    for words in ("st_annes_tie", "gp_results: sent", "Y06601", "delivered", "the practice answered AR",
                  "A test code is not in the national list", "repeated by"):  # fmt: skip
        assert words in result.output
    assert NAME not in result.output
    assert NHS not in result.output


@pytest.mark.parametrize(
    ("running", "words", "as_json"),
    [
        ("c0ffeec0ffee", "by configuration c0ffeec0ffee, which is in force", True),
        ("decadedecade", "by configuration c0ffeec0ffee, no longer in force (now decadedecade)", False),
        ("", "by configuration c0ffeec0ffee\n", None),
    ],
)
def test_show_says_whether_the_configuration_that_decided_is_in_force(
    running: str, words: str, as_json: bool | None, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answer(_folder: Path, _question: object) -> dict[str, object]:
        if not running:
            raise EngineNotRunning("nobody answers")
        return {"config": running}

    monkeypatch.setattr(show_module, "ask", answer)
    assert words in gatepost("show", data, "1").output
    assert json.loads(gatepost("show", data, "1", "--json").stdout)["config_in_force"] is as_json


def test_show_names_the_tray_the_reason_and_the_line_that_held_it(data: Path) -> None:
    result = gatepost("show", data, "2")

    for words in ("no_practice", "no such practice", "routes/gp_results.yaml:49"):
        assert words in result.output


def test_show_tells_why_evidence_was_refused(data: Path) -> None:
    assert "no readable MSH segment" in gatepost("show", data, "4").output


def test_the_content_is_shown_when_asked_one_segment_a_line_with_a_reminder(data: Path) -> None:
    result = gatepost("show", data, "1", "--body")

    assert "patient data" in result.stderr
    assert result.stdout.splitlines()[-2:] == [line.decode() for line in body("SA1").split(b"\r")[:2]]


async def wait_for_proofs(folder: Path) -> None:
    """One copy is delivered: that is the proof which one deadline waits for, and another does not."""
    journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    first = await store(journal, arrival("SA1", NOW))
    proofs: tuple[Literal["delivered", "acknowledged"], ...] = ("delivered", "acknowledged")
    copies = [
        NewDelivery("gp_results", "gp_message", f"Y0660{number}", None, b"SA1", awaited=Awaited(
            proof, NOW + HOUR, "print_room", f"Y0660{number}"
        ))
        for number, proof in enumerate(proofs, 1)
    ]  # fmt: skip
    [rows] = await journal.record([replace(decided(first.id, []), deliveries=tuple(copies))])
    await journal.change([Changed(row.id, "delivered", NOW, 1) for row in rows])
    await journal.close()


def test_a_deadline_whose_proof_has_come_is_told_as_kept_before_its_time_is_up(tmp_path: Path) -> None:
    asyncio.run(wait_for_proofs(tmp_path))

    shown = " ".join(gatepost("show", tmp_path, "1").output.split())

    assert "delivered in time" in shown
    assert "must be delivered by" not in shown
    assert "must be" in shown
    assert "acknowledged in time" not in shown


async def keep_one_in_windows_1252(folder: Path) -> None:
    journal = SqliteJournal.open(folder, loop=asyncio.get_running_loop())
    data = body("NF1").decode().replace(NAME, "PENHALIGÖN").encode("windows-1252")
    await store(journal, replace(arrival("NF1", NOW), feed="northfield_lims", body=data))
    await journal.close()


def test_the_content_is_read_in_the_character_set_of_its_feed_where_msh_18_is_empty(tmp_path: Path) -> None:
    asyncio.run(keep_one_in_windows_1252(tmp_path))

    result = CliRunner().invoke(main, ["show", "1", EXAMPLE, "--data", str(tmp_path), "--body"])

    assert "PENHALIGÖN" in result.stdout


def test_a_copy_is_shown_as_it_goes_out(data: Path) -> None:
    story = json.loads(gatepost("show", data, "1", "--json").stdout)
    copy = story["copies"][0]["id"]

    shown = json.loads(gatepost("show", data, "1", "--copy", str(copy), "--json").stdout)

    assert base64.b64decode(shown["body_base64"]) == body("SA1")
    assert gatepost("show", data, "2", "--copy", str(copy)).exit_code == 2


def test_json_holds_the_whole_journey_and_no_content(data: Path) -> None:
    result = gatepost("show", data, "1", "--json")
    story = json.loads(result.stdout)

    assert [copy["state"] for copy in story["copies"]] == ["delivered", "parked"]
    assert story["routes"] == [{"route": "gp_results", "outcome": "sent", "detail": ""}]
    assert len(story["events"]) >= 4
    assert NAME not in result.stdout
    assert NHS not in result.stdout


def test_a_message_that_is_not_there_ends_with_status_1(data: Path) -> None:
    for id_ in ("99", "nonsense"):
        result = gatepost("show", data, id_)
        assert result.exit_code == 1
        assert f"no message {id_}" in result.output


@pytest.mark.parametrize("command", [["messages"], ["show", "1"]])
def test_a_folder_without_a_journal_says_what_to_do(command: list[str], tmp_path: Path) -> None:
    result = gatepost(command[0], tmp_path, *command[1:])

    assert result.exit_code == 1
    assert "no journal" in result.output
    assert "gatepost run" in result.output
