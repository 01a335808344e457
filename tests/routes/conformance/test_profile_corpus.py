"""Other projects' messages: no profile fails on them, no finding shows content, and verdicts agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from routes.conformance.profile import Profile
from routes.hl7.message import Message, Unreadable
from routes.language.conforming import ProfileBinder
from routes.language.problems import Problems
from routes.language.profile_files import read_profile
from routes.language.scope import Scope
from routes.language.vocabulary import Vocabulary
from tests.docs.pages import ROOT
from tests.routes.conformance.asking import found

STARTERS = sorted((ROOT / "config" / "profiles").glob("*.yaml"))
# What the other project's profile asks, written as one of ours: an identifier, one only, and a listed sex.
MINIMUM = "PID-3: {required: yes, count: 1}\nPID-8: {values: [M, F, O, U]}"
VERDICTS = {
    "violates profile: cardinality": ["PID-3 count"],
    "violates profile: missing-required": ["PID-3 required"],
    "violates profile: value-not-in-set": ["PID-8 values"],
}


def starter(path: Path) -> Profile:
    problems = Problems()
    file = read_profile(path.name, path.read_text(encoding="utf-8"), problems)
    assert file is not None
    made = ProfileBinder({path.stem: file}, frozenset(), Vocabulary(), problems).make(file)
    assert made is not None, problems.in_order()
    return made


def messages(shared: Path) -> list[Message]:
    read = []
    for path in sorted((shared / "corpus").rglob("*")):
        data = path.read_bytes() if path.is_file() else b""
        if data.startswith(b"MSH"):
            try:
                read.append(Message.parse(data, segment_ends="any"))
            except Unreadable:
                continue
    return read


@pytest.mark.parametrize("path", STARTERS, ids=[path.stem for path in STARTERS])
def test_no_message_fails_a_starter_profile_or_shows_its_surname_in_a_finding(
    path: Path, shared: Path
) -> None:
    profile, seen = starter(path), 0
    for message in messages(shared):
        surname = message.field(message.rows(b"PID")[0], 5) if message.rows(b"PID") else ""
        found = profile.check(Scope(message))
        seen += 1
        assert len(surname) < 6 or not any(surname in str(finding) for finding in found)

    assert seen > 800


def test_the_verdicts_of_another_project_are_ours(shared: Path) -> None:
    lines = (shared / "corpus" / "expectations.jsonl").read_text(encoding="utf-8").splitlines()
    told = [entry for entry in map(json.loads, lines) if entry["kind"] == "profile"]

    assert {entry["expectation"] for entry in told} == set(VERDICTS)
    for entry in told:
        message = (
            (shared / "corpus" / entry["path"]).read_bytes().replace(b"\r\n", b"\r").replace(b"\n", b"\r")
        )
        assert found(MINIMUM, message) == VERDICTS[entry["expectation"]], entry["path"]
