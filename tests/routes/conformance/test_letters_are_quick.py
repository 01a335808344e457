"""A letter of 1.5 MB is asked by the profile of letters without its document being looked through."""

from __future__ import annotations

import base64
from time import process_time

import pytest

from routes.conformance.profile import Profile
from routes.hl7.message import Message
from routes.language.conforming import ProfileBinder
from routes.language.problems import Problems
from routes.language.profile_files import read_profile
from routes.language.scope import Scope
from routes.language.vocabulary import Vocabulary
from tests.docs.pages import ROOT

DOCUMENT = base64.b64encode(bytes(range(256)) * 4_400)  # 1.5 MB
LETTER = (
    b"MSH|^~\\&|WMDOCS|WESTMOOR|GATEPOST|GP|20260314111500+0000||MDM^T02^MDM_T02|WM-1|P|2.5.1\r"
    b"EVN|T02|20260314111500+0000\rPID|1||9990001499^^^NHS^NH||BRANNIGAN^ZOE||19950614|F\r"
    b"PD1|||^^Y06612\rTXA|1|DS|AP|20260314111500+0000||||||||WM-DOC-1|||||AU\r"
    b"OBX|1|ED|DISCH^Discharge summary^L||^AP^PDF^Base64^" + DOCUMENT + b"||||||F\r"
)


def letters() -> Profile:
    file = "profiles/mdm_t02_uk.yaml"
    problems = Problems()
    read = read_profile(file, (ROOT / "config" / file).read_text(encoding="utf-8"), problems)
    assert read is not None
    made = ProfileBinder({"mdm_t02_uk": read}, frozenset(), Vocabulary(), problems).make(read)
    assert made is not None
    return made


def test_a_letter_of_one_and_a_half_megabytes_takes_less_than_twenty_milliseconds() -> None:
    profile, message = letters(), Message.parse(LETTER)
    assert len(LETTER) > 1_500_000
    took = []
    for _ in range(5):
        start = process_time()
        findings = profile.check(Scope(message))
        took.append(process_time() - start)
        assert findings == ()

    assert min(took) < 0.020


def test_however_many_constraints_ask_for_it_a_document_is_decoded_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    decoded: list[int] = []
    show = Message._show

    def watched(message: Message, raw: bytes) -> str:
        if len(raw) > 1_000_000:
            decoded.append(len(raw))
        return show(message, raw)

    monkeypatch.setattr(Message, "_show", watched)

    assert letters().check(Scope(Message.parse(LETTER))) == ()
    assert len(decoded) == 1
