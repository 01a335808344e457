"""`gatepost trace` shows what each entry did with a message, to the person who asks and to nobody else.

To renew the golden trace after a change that was meant: GATEPOST_GOLDEN=renew pytest tests/engine/cli
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.cli import main
from engine.journal.records import Arrival, Stored, Verdict
from engine.journal.sqlite import SqliteJournal

EXAMPLE = Path(__file__).resolve().parents[3] / "config"
GOLDEN = Path(__file__).parent / "golden" / "trace.txt"
RESULT = EXAMPLE / "samples" / "northfield_result_final.hl7"


def trace(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["trace", *[str(argument) for argument in arguments]])


def traced(*arguments: object) -> dict[str, object]:
    result = trace(*arguments, "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert isinstance(found, dict)
    return found


ROUTE = """
route: admissions
from: [ward_pas]
accept:
  - that: MSH-9.1 = 'ADT'
    rule: not_an_admission
names:
  nhs_number: PID-3[5='NH'].1
  ward: PV1-3.1
  urgent: any OBX[*] with (it-5 > upper of it-7)
check:
  - that: nhs_number is valid nhs_number
    else: {hold: no_nhs_number}
  - conforms_to: names
    when: PID is present
    else: {warn: Names are missing}
  - that: ward in wards and all OBX[*]-3.1 in wards
    else: {warn: "A ward that is not in the table"}
change:
  - set:
      PV1-3.9: wards[ward].name
  - move: {from: PID-2, to: PID-4}
  - for_each: OBX[*]
    when: it-8 is present
    change:
      - set_text: {it-9: x}
      - add: NTE
        after: it
        set: {NTE-3: "'was ' & it-8"}
  - arrange: PID-3
    by: 5
    order: [PI, NH]
  - remove: OBX[8='N']
send:
  - first_of:
      - when: ward = 'HERON'
        to: admissions
      - when: urgent
        pass_to: urgent
        change:
          - set_text: {MSH-6: URGENT}
      - otherwise: {hold: slow}
  - each: PID-3[*]
    when: it.5 = 'XX'
    to: admissions
"""
URGENT = "route: urgent\nsend:\n  - to: admissions\n"
PROFILE = "profile: names\npaths:\n  PID-6: {required: yes}\n  PID-9: {required: yes, severity: warning}\n"
OBXS = b"OBX|1|NM|WARD7||9|g|4-5|HH\rOBX|2|NM|ODD||4|g|4-5|N\r"


@pytest.fixture
def small_site(tmp_path: Path) -> Path:
    site = tmp_path / "site"
    assert CliRunner().invoke(main, ["init", str(site)]).exit_code == 0
    (site / "routes" / "admissions.yaml").write_text(ROUTE, encoding="utf-8")
    (site / "routes" / "urgent.yaml").write_text(URGENT, encoding="utf-8")
    (site / "profiles").mkdir(exist_ok=True)
    (site / "profiles" / "names.yaml").write_text(PROFILE, encoding="utf-8")
    sample = site / "samples" / "admission.hl7"
    sample.write_bytes(sample.read_bytes() + OBXS)
    return site


def test_a_trace_reads_as_reviewed(small_site: Path) -> None:
    sample = small_site / "samples" / "admission.hl7"
    result = trace(sample, small_site, "-r", "admissions", "--received", "2026-01-05T09:30:00+00:00")
    first, _, rest = result.stdout.partition("\n")
    if os.environ.get("GATEPOST_GOLDEN") == "renew":
        GOLDEN.write_text(rest, encoding="utf-8")

    assert result.exit_code == 0
    assert first.startswith("ADT^A01 MY00000001, 308 bytes, as if it came in by feed ward_pas at 2026-01-05 ")
    assert rest == GOLDEN.read_text(encoding="utf-8")
    assert max(len(line) for line in result.stdout.splitlines()) <= 100
    assert "patient data" in result.stderr


def test_the_feed_is_the_first_of_the_route_unless_one_is_named() -> None:
    assert traced(RESULT, EXAMPLE, "-r", "gp_results")["feed"] == "northfield_lims"
    assert traced(RESULT, EXAMPLE, "-r", "gp_results", "-f", "westmoor_lims")["feed"] == "westmoor_lims"


def test_only_the_route_that_was_asked_for_is_shown() -> None:
    shown = traced(RESULT, EXAMPLE, "-r", "gp_results", "-f", "northfield_lims")
    moments = shown["moments"]

    assert isinstance(moments, list)
    assert {moment["route"] for moment in moments} == {"", "gp_results"}


def test_a_document_is_shown_by_its_length_and_json_holds_it_whole(tmp_path: Path) -> None:
    document = base64.b64encode(bytes(range(256)) * 20)
    long = tmp_path / "long.hl7"
    long.write_bytes(RESULT.read_bytes().replace(b"TARRANT", document))

    shown = trace(long, EXAMPLE, "-r", "gp_results")

    assert shown.exit_code == 0
    assert f"(base64, {len(document):,} characters)" in shown.stdout
    assert document.decode() in json.dumps(traced(long, EXAMPLE, "-r", "gp_results")["moments"])


@pytest.mark.parametrize("ends", [b"\n", b"\r\n", b"\r"])
def test_a_file_may_have_any_line_ends(tmp_path: Path, ends: bytes) -> None:
    file = tmp_path / "x.hl7"
    file.write_bytes(RESULT.read_bytes().replace(b"\n", ends))
    expected = traced(RESULT, EXAMPLE, "-r", "gp_results")["moments"]

    assert traced(file, EXAMPLE, "-r", "gp_results")["moments"] == expected


def test_a_file_may_hold_mllp_frames_and_several_messages(tmp_path: Path) -> None:
    one = RESULT.read_bytes().replace(b"\n", b"\r")
    file = tmp_path / "two.mllp"
    file.write_bytes(b"\x0b" + one + b"\x1c\r\x0b" + one.replace(b"NF00310057", b"SECOND") + b"\x1c\r")

    first = trace(file, EXAMPLE, "-r", "gp_results")
    second = trace(file, EXAMPLE, "-r", "gp_results", "--message", 2)
    third = trace(file, EXAMPLE, "-r", "gp_results", "--message", 3)

    assert "NF00310057" in first.stdout
    assert "2 messages" in first.stderr
    assert "SECOND" in second.stdout
    assert third.exit_code == 2


def test_a_message_of_a_batch_sees_its_envelope(tmp_path: Path) -> None:
    one = RESULT.read_bytes().replace(b"\n", b"\r")
    file = tmp_path / "batch.hl7"
    file.write_bytes(b"FHS|^~\\&|X\rBHS|^~\\&|LAB\r" + one + one + b"BTS|2\rFTS|1\r")

    result = trace(file, EXAMPLE, "-r", "gp_results", "--message", 2)

    assert result.exit_code == 0
    assert "NF00310057" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-r", "gp_result"), 'did you mean "gp_results"?'),
        (("-f", "northfield_lim"), 'did you mean "northfield_lims"?'),
        (("-r", "gp_results", "-f", "westmoor_pas"), "do not come to route gp_results"),
        ((), "say which route"),
    ],
)
def test_what_does_not_fit_is_wrong_use_and_says_what_would(arguments: tuple[str, ...], words: str) -> None:
    result = trace(RESULT, EXAMPLE, *arguments)

    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())


def test_a_message_of_the_journal_is_traced_by_its_id(tmp_path: Path) -> None:
    body = RESULT.read_bytes().replace(b"\n", b"\r")
    came = Arrival(
        "northfield_lims", 1767605400_000000, body, hashlib.sha256(body).digest(), sender=b"x",
        control_id="NF00310057", type="ORU^R01", version="2.3", peer="p", verdict=Verdict("ok"),
    )  # fmt: skip

    async def store() -> int:
        journal = SqliteJournal.open(tmp_path, loop=asyncio.get_running_loop())
        stored: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        journal.append(came, stored.set_result)
        found = await stored
        await journal.close()
        assert isinstance(found, Stored)
        return found.id

    number = asyncio.run(store())

    shown = traced(number, EXAMPLE, "-r", "gp_results", "--data", tmp_path)
    assert (shown["feed"], shown["received"]) == ("northfield_lims", "2026-01-05T09:30:00.000000+00:00")
    assert trace(number + 1, EXAMPLE, "--data", tmp_path).exit_code == 1
