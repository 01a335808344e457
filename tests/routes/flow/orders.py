"""Invented order messages for the tests of split, join and renumber: by hand, and drawn by hypothesis."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

__all__ = ["MSH", "names_of", "order", "orders"]

MSH = rb"MSH|^~\&|LIMS|NFD|X|Y|20260105||ORU^R01|M1|P|2.5.1"


def order(*segments: str) -> bytes:
    """A message of these segments behind one MSH."""
    return b"\r".join([MSH, *(segment.encode() for segment in segments)]) + b"\r"


def names_of(lines: Sequence[str]) -> list[str]:
    """The names of segments."""
    return [line[:3] for line in lines]


@st.composite
def orders(draw: st.DrawFn) -> bytes:
    """One patient's orders in any order of ORC, OBR, OBX and NTE; no two segments are equal."""
    found = draw(st.lists(st.sampled_from(["ORC", "OBR", "OBX", "NTE"]), max_size=14))
    groups = draw(st.lists(st.sampled_from(["", "A", "B", '""']), min_size=len(found), max_size=len(found)))
    body = [
        f"{name}|{number}|||{group}" for number, (name, group) in enumerate(zip(found, groups, strict=True))
    ]
    return order("PID|1", *body)
