"""What every step, check and send entry may have: `when`, and the outcome behind `else`.

Must not know tables, channels or expressions: only how a file is laid out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from routes.language.kinds import Expression, Name, Text
from routes.language.problems import Problems
from routes.language.shapes import Field, Shape
from routes.language.source import Block, Node, Scalar
from routes.language.steps import Otherwise

__all__ = ["ELSE", "OUTCOME", "WHEN", "ElseKind", "step_shape"]


@dataclass(frozen=True, slots=True)
class ElseKind:
    """`else: {hold: TRAY}`, `{reject: "words"}` or `{warn: "words"}`."""

    words: str = 'what happens otherwise: {hold: TRAY}, {reject: "words"} or {warn: "words"}'

    def read(self, node: Node, problems: Problems) -> Otherwise | None:
        if not isinstance(node, Block):
            hint = ""
            if isinstance(node, Scalar) and node.value in ("hold", "reject", "warn"):
                hint = f" Name it: {{{node.value}: …}}."
            problems.add(node.spot, f"This must be {self.words}.{hint}", "wrong-kind")
            return None
        record = OUTCOME.read(node, problems)
        if record is None or not record.whole:
            return None
        found = list(record.present())
        if len(found) != 1:
            problems.add(
                node.spot, f"This must be exactly one of hold, reject and warn: {self.words}.", "one-outcome"
            )
            return None
        kind = cast("Literal['hold', 'reject', 'warn']", found[0])
        value = record.values[kind]
        words = value.value if isinstance(value, Scalar) else str(value)
        return Otherwise(kind, words, record.nodes[kind].spot)

    def schema(self) -> dict[str, object]:
        return {"$ref": "#/definitions/outcome"}


_HOLD = Field(
    "hold", Name("the name of a tray (small letters, digits and _)"), "the tray to wait in", "restricted"
)
_REJECT = Field("reject", Text("the words for the sender"), "literal words, sent to the sender with AE")
_WARN = Field("warn", Text("the words of the warning"), "words for the record; the message goes on")
OUTCOME = Shape("an outcome", (_HOLD, _REJECT, _WARN), either=("hold", "reject", "warn"))

WHEN = Field("when", Expression(), "only when this is true", "when: abnormal")
ELSE = Field("else", ElseKind(), "what happens where it cannot be done", "else: {hold: doubtful_date}")


def step_shape(verb: Field[Any], *more: Field[Any], either: tuple[str, ...] = ()) -> Shape:
    """The shape of a change step: its verb, what belongs to it, when and else."""
    return Shape(f'a step with "{verb.key}"', (verb, *more, WHEN, ELSE), either=either)
