"""`gatepost send` and `gatepost listen`, the hand tools, against one another over real sockets."""

from __future__ import annotations

import json
import re
import socketserver
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import trustme
from click.testing import CliRunner, Result

from engine.cli import main

NAME = "TARRANT"
MESSAGE = (
    "MSH|^~\\&|LAB|NF|GP|GP|20260309134000||ORU^R01|NF{}|P|2.4\r"
    f"PID|1||9990001006^^^NHS||{NAME}^ELSPETH\rOBX|1|NM|HB||62|g/L\r"
)


@contextmanager
def listening(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The real program on a free port; its address, and the process."""
    command = [sys.executable, "-m", "engine.cli", "listen", "0", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        first = process.stderr.readline()
        found = re.fullmatch(r"listening on (\S+)\n", first)
        assert found, first
        try:
            yield found[1], process
        finally:
            process.terminate()
            process.wait(10)


def run_send(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["send", *arguments])


@pytest.fixture
def three(tmp_path: Path) -> Path:
    file = tmp_path / "three.hl7"
    file.write_text("".join(MESSAGE.format(n) for n in (1, 2, 3)), encoding="utf-8", newline="")
    return file


def test_each_message_of_a_file_is_sent_and_its_answer_shown(three: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with listening("--count", "3", "--save", str(kept)) as (address, process):
        result = run_send(address, str(three))
        lines, _ = process.communicate(timeout=10)

    assert result.exit_code == 0, result.output
    assert [line.split()[1:2] for line in result.output.splitlines()[:3]] == [["AA"]] * 3
    assert "3 of 3 accepted" in result.output
    assert [line.split()[1:3] for line in lines.splitlines()] == [["ORU^R01", f"NF{n}"] for n in (1, 2, 3)]
    assert [file.read_bytes() for file in sorted(kept.iterdir())] == [
        MESSAGE.format(n).encode() for n in (1, 2, 3)
    ]
    assert {file.stat().st_mode & 0o777 for file in kept.iterdir()} == {0o600}


def test_neither_tool_prints_what_a_message_says(three: Path) -> None:
    with listening("--count", "3") as (address, process):
        result = run_send(address, str(three))
        out, err = process.communicate(timeout=10)

    assert NAME not in result.output + out + err
    assert "9990001006" not in result.output + out + err


@pytest.mark.parametrize("code", ["AE", "AR"])
def test_a_negative_answer_is_shown_and_ends_with_status_1(code: str, three: Path) -> None:
    with listening("--answer", code) as (address, _):
        result = run_send(address, str(three), "--json")

    assert result.exit_code == 1
    assert [json.loads(line)["code"] for line in result.stdout.splitlines()] == [code] * 3


def test_silence_ends_with_status_1_after_the_timeout(three: Path) -> None:
    with listening("--answer", "none") as (address, _):
        result = run_send(address, str(three), "--timeout", "0.3")

    assert result.exit_code == 1
    assert "no answer" in result.output


def test_nobody_at_the_port_is_said_plainly(three: Path) -> None:
    with listening("--count", "1") as (address, process):
        process.terminate()
        process.wait(10)
        result = run_send(address, str(three))

    assert result.exit_code == 1
    assert address in result.output


class _OthersAnswer(socketserver.StreamRequestHandler):
    """A peer that answers another message than the one that it was sent."""

    def handle(self) -> None:
        while self.rfile.readline().strip(b"\x1c\r\n"):
            self.wfile.write(b"\x0bMSH|^~\\&|||||||ACK|1|P|2.4\rMSA|AA|SOMEBODY\r\x1c\r")


def test_an_answer_to_another_message_is_no_good_answer(tmp_path: Path) -> None:
    file = tmp_path / "one.hl7"
    file.write_bytes(b"MSH|^~\\&|LAB|NF|GP|GP|20260309134000||ORU^R01|NF1|P|2.4\n")
    with socketserver.TCPServer(("127.0.0.1", 0), _OthersAnswer) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        result = run_send(f"127.0.0.1:{server.server_address[1]}", str(file), "--as-is", "--json")

    assert result.exit_code == 1
    assert json.loads(result.stdout)["note"] == "answers another control id"


@pytest.mark.parametrize(
    "answer",
    [
        b"MSA|AE|NF1|OBR-4 is \x1b[31mempty\rERR||||E||||not this",
        b"MSA|AE|NF1\rERR|||101|E|||\rERR|||101|E||||OBR-4 is \x1b[31mempty",
    ],
)
def test_the_receivers_own_words_are_shown_fit_for_a_terminal(answer: bytes, tmp_path: Path) -> None:
    class Refusal(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            while self.rfile.readline().strip(b"\x1c\r\n"):
                self.wfile.write(b"\x0bMSH|^~\\&|||||||ACK|1|P|2.5\r" + answer + b"\r\x1c\r")

    file = tmp_path / "one.hl7"
    file.write_bytes(b"MSH|^~\\&|LAB|NF|GP|GP|20260309134000||ORU^R01|NF1|P|2.4\n")
    told = []
    with socketserver.TCPServer(("127.0.0.1", 0), Refusal) as server:
        for options in ([], ["--json"]):
            threading.Thread(target=server.handle_request, daemon=True).start()
            address = f"127.0.0.1:{server.server_address[1]}"
            told.append(run_send(address, str(file), "--as-is", *options).stdout)

    assert told[0].splitlines()[0].endswith("one.hl7  OBR-4 is ?[31mempty")
    assert json.loads(told[1])["words"] == "OBR-4 is ?[31mempty"


def test_new_ids_make_every_repeat_another_message(three: Path) -> None:
    with listening("--count", "6", "--json") as (address, process):
        result = run_send(address, str(three), "--repeat", "2", "--new-ids")
        out, _ = process.communicate(timeout=10)

    assert result.exit_code == 0, result.output
    assert len({json.loads(line)["control_id"] for line in out.splitlines()}) == 6


def test_a_rate_spreads_messages_over_time(three: Path) -> None:
    with listening() as (address, _):
        result = run_send(address, str(three), "--rate", "20")

    assert result.exit_code == 0
    seconds = re.search(r"in ([\d.]+) s", result.output)
    assert seconds is not None
    assert float(seconds[1]) >= 0.1


def test_enhanced_mode_is_answered_ca(tmp_path: Path) -> None:
    file = tmp_path / "enhanced.hl7"
    text = MESSAGE.format(1).replace("|P|2.4\r", "|P|2.4|||AL|NE\r")
    file.write_text(text, encoding="utf-8", newline="")
    with listening() as (address, _):
        result = run_send(address, str(file))

    assert result.exit_code == 0
    assert result.output.split()[1] == "CA"


def test_what_is_no_hl7_is_answered_ar(tmp_path: Path) -> None:
    file = tmp_path / "letter.txt"
    file.write_text("Dear Sir or Madam", encoding="utf-8")
    with listening() as (address, _):
        result = run_send(address, str(file))

    assert result.exit_code == 1
    assert result.output.split()[1] == "AR"


def test_tls_checks_the_peers_certificate(three: Path, tmp_path: Path) -> None:
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    with listening() as (address, _):
        result = run_send(address, str(three), "--ca", str(ca), "--timeout", "2")

    assert result.exit_code == 1, "a plain listener cannot answer a TLS handshake"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "FILE"], "host:port"),
        (["127.0.0.1:99999", "FILE"], "host:port"),
        (["127.0.0.1:1"], "Missing argument"),
        (["127.0.0.1:1", "FILE", "--key", "FILE"], "belong together"),
        (["127.0.0.1:1", "absent.hl7"], "does not exist"),
    ],
)
def test_wrong_use_ends_with_status_2(arguments: list[str], words: str, three: Path) -> None:
    result = run_send(*(str(three) if a == "FILE" else a for a in arguments))

    assert result.exit_code == 2
    assert words in result.output


def test_a_port_that_is_taken_is_said_plainly() -> None:
    with listening() as (address, _):
        result = CliRunner().invoke(main, ["listen", address.rpartition(":")[2]])

    assert result.exit_code == 1
    assert f"gatepost listen cannot listen on {address}: Address already in use." in result.output
    assert "`ss -ltnp` shows which" in result.output
    assert "Errno" not in result.output


def test_bytes_from_outside_cannot_command_the_terminal(tmp_path: Path) -> None:
    file = tmp_path / "escape.hl7"
    file.write_bytes(MESSAGE.format("\x1b[31m").encode())
    with listening("--count", "1") as (address, process):
        result = run_send(address, str(file))
        out, _ = process.communicate(timeout=10)

    assert "\x1b" not in out + result.output
