"""Makes a profile of a few lines of YAML and asks it of an invented message."""

from __future__ import annotations

from textwrap import dedent, indent

import re2

from routes.conformance.finding import Finding
from routes.conformance.profile import Profile
from routes.hl7.message import Message
from routes.language.conforming import ProfileBinder
from routes.language.problems import Problems
from routes.language.profile_files import read_profile
from routes.language.scope import Scope
from routes.language.table_files import read_tables
from routes.language.vocabulary import Vocabulary

TABLES = {
    "tables/lab_codes.csv": "code,name\nHB,Haemoglobin\nWBC,White cells\n",
    "tables/loose.csv": "code,name\nHB,Haemoglobin\n",
    "tables/loose.yaml": "case: ignore\n",
    "tables/dated.csv": "code,valid_from,valid_to\nOLD,2020-01-01,2020-12-31\nNEW,2026-01-01,\n",
    "tables/dated.yaml": "valid_from: valid_from\nvalid_to: valid_to\n",
}
RECEIVED = 1_773_063_000_000_000  # 2026-03-09
REPORT = (
    b"MSH|^~\\&|LAB|NORTH|GP|GP|20260309120000||ORU^R01|A1|P|2.5.1\r"
    b'PID|1||9990001006^^^NHS^NH~N77^^^NORTH^MR||TARRANT^ELSPETH||19510307|F|""\r'
    b"OBR|1|R-1|F-1|FBC^Full blood count\r"
    b"OBX|1|NM|HB^Haemoglobin||62|g/L|115-165|LL|||F\r"
    b"NTE|1||Seen\r"
    b"OBX|2|ST|WBC^White cells||<0.1||4.0-11.0|L~A|||F\r"
    b"OBR|2|R-2|F-2|CRP^C-reactive protein\r"
    b"OBX|3|NM|CRP^C-reactive protein||48|mg/L|||||P\r"
)


def make_profile(paths: str, *, live: bool = False) -> Profile:
    """A profile with these paths, which are YAML. What is wrong with them fails the test."""
    text = f"profile: example\npaths:\n{indent(dedent(paths).strip(), '  ')}\n"
    problems = Problems()
    file = read_profile("profiles/example.yaml", text, problems)
    assert file is not None, [str(problem) for problem in problems.in_order()]
    words = Vocabulary(
        tables=read_tables(TABLES, problems), patterns={"ward": re2.compile("W[0-9]{2}")}, live=live
    )
    profile = ProfileBinder({"example": file}, frozenset(), words, problems).make(file)
    assert profile is not None
    assert [str(problem) for problem in problems.in_order() if problem.severity == "error"] == []
    return profile


def look(paths: str, message: bytes = REPORT, *, live: bool = False, envelope: bytes = b"") -> list[Finding]:
    """Every finding on a message."""
    scope = Scope(Message.parse(message, envelope=envelope), RECEIVED)
    return list(make_profile(paths, live=live).check(scope))


def found(paths: str, message: bytes = REPORT, *, live: bool = False, envelope: bytes = b"") -> list[str]:
    """Every finding as `PID-5.1 required`, to be compared."""
    return [f"{each.path} {each.rule}" for each in look(paths, message, live=live, envelope=envelope)]
