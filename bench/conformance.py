"""`python -m bench.conformance`: what the rules of the standard cost for a message, beside hl7apy.

Each figure is the middle of several runs of this process's own CPU time. The first message of a version
pays for its tables; that is shown apart. hl7apy parses, with groups, and validates; ours parses and checks.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from hl7apy.exceptions import HL7apyException
from hl7apy.parser import parse_message

from bench.rig import ROOT
from routes.conformance.standard import check_message
from routes.hl7.message import Message

__all__ = ["main"]

_HEADER = "MSH|^~\\&|BENCHLAB|NFD|ENGINE|GATE|20260105093000||{kind}|1|P|2.5"
_PATIENT = "PID|1||9990000018^^^NHS^NH||MARROW^TOBIAS^Q||19610314|M|||7 FENWICK ROW^^NORTHFIELD^^NF1 2AB"
_VISIT = "PV1|1|O|OPD^1^1||||G9990001^VALE^ANN"
GOALS = {"20-OBX result": 300.0, "1.5 MB letter": 20_000.0}
"""The most that a message may cost, in microseconds."""
RATIO = 100.0


def _message(kind: str, *rows: str) -> str:
    return "\r".join([_HEADER.format(kind=kind), *rows]) + "\r"


def _result(observations: int) -> str:
    order = "OBR|1|R1|L1|FBC^Full blood count^L|||20260105081500|||||||||G9990001^VALE^ANN|||||||||F"
    rows = [
        f"OBX|{n}|NM|T{n}^Test {n}^L||{n}.5|10*9/L^^L|4.0-11.0|N|||F|||20260105090000"
        for n in range(1, observations + 1)
    ]
    return _message("ORU^R01^ORU_R01", _PATIENT, _VISIT, "ORC|RE|R1|L1", order, *rows)


def _messages() -> dict[str, str]:
    document = base64.b64encode(random.Random(1).randbytes(1_150_000)).decode()
    letter = f"OBX|1|ED|LETTER^Letter^L||^application^pdf^Base64^{document}||||||F"
    return {
        "admission": _message(
            "ADT^A01^ADT_A01", "EVN|A01|20260105093000", _PATIENT, _VISIT, "AL1|1|DA|PEN^P"
        ),
        "20-OBX result": _result(20),
        "200-OBX result": _result(200),
        "1.5 MB letter": _message(
            "MDM^T02^MDM_T02",
            "EVN|T02|20260105093000",
            _PATIENT,
            _VISIT,
            "TXA|1|CN|TX|20260105093000||||||||DOC1|||||AU",
            letter,
        ),
    }


def _ours(data: bytes) -> None:
    check_message(Message.parse(data))


def _theirs(text: str, report: Path) -> None:
    with suppress(HL7apyException):  # what it finds is not looked at here
        parse_message(text.rstrip("\r"), find_groups=True).validate(report_file=str(report))


def _microseconds(what: Callable[[], None], seconds: float) -> float:
    """The middle of runs that take about so long together."""
    started = time.process_time()
    what()
    once = max(time.process_time() - started, 1e-6)
    batch = max(1, int(0.02 / once))
    runs: list[float] = []
    while sum(runs) * batch < seconds or len(runs) < 3:
        started = time.process_time()
        for _ in range(batch):
            what()
        runs.append((time.process_time() - started) / batch)
    return statistics.median(runs) * 1e6


def _first(text: str) -> float:
    """What a process pays for its first message, in milliseconds: tables, and all that is compiled."""
    program = (
        "import sys, time\nfrom routes.conformance.standard import check_message\n"
        "from routes.hl7.message import Message\nmessage = Message.parse(sys.stdin.buffer.read())\n"
        "started = time.process_time()\ncheck_message(message)\nprint(time.process_time() - started)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=text.encode(), capture_output=True, check=True, cwd=ROOT
    )
    return float(done.stdout) * 1e3


def main() -> int:
    """Run from the command line. Exit status 1 where a goal is missed."""
    parser = argparse.ArgumentParser(prog="python -m bench.conformance", description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=1.0, metavar="S", help="for each figure")
    parser.add_argument("--json", action="store_true", help="figures for programs")
    given = parser.parse_args()
    figures = [_figures(name, text, given.seconds) for name, text in _messages().items()]
    if given.json:
        print(json.dumps(figures, indent=2))
    else:
        for line in _table(figures):
            print(line)
    return 1 if any(figure["missed"] for figure in figures) else 0


def _figures(name: str, text: str, seconds: float) -> dict[str, object]:
    data = text.encode()
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report"
        theirs = _microseconds(lambda: _theirs(text, report), seconds)
    ours = _microseconds(lambda: _ours(data), seconds)
    findings = [str(finding) for finding in check_message(Message.parse(data))]
    missed = ours > GOALS.get(name, ours) or theirs / ours < RATIO or bool(findings)
    return {
        "message": name,
        "bytes": len(data),
        "us": round(ours, 1),
        "hl7apy_us": round(theirs),
        "ratio": round(theirs / ours),
        "first_ms": round(_first(text), 1),
        "findings": findings,
        "missed": missed,
    }


def _table(figures: list[dict[str, object]]) -> list[str]:
    lines = ["message            bytes       µs   hl7apy µs   ratio   first, ms"]
    for each in figures:
        mark = "   below its goal" if each["missed"] else ""
        lines.append(
            f"{each['message']:15} {each['bytes']:>8} {each['us']:>8} {each['hl7apy_us']:>11} "
            f"{each['ratio']:>7} {each['first_ms']:>11}{mark}"
        )
    return lines


if __name__ == "__main__":
    sys.exit(main())
