"""Which faults there are, by their numbers, and which of them cannot be played on one plain machine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from bench.faults import brokers, clocks, clusters, disks, kills, practice_trouble, scale, steps, wires
from bench.faults.result import Row
from bench.faults.stage import Options

__all__ = ["ABSENT", "FAULTS", "Play"]

Play = Callable[[Options], Awaitable[list[Row]]]

FAULTS: Mapping[str, Play] = {
    "R1": kills.killed_at_random,
    "R2": steps.killed_at_each_step,
    "R3": clusters.leader_killed,
    "R4": brokers.killed,
    "R5": clusters.frozen,
    "R6": wires.broker_cut_off,
    "R7": brokers.alarms,
    "R8": brokers.queues_deleted,
    "R9": disks.disk_full,
    "R10": disks.disk_fails,
    "R12": disks.bits_flipped,
    "R13": wires.frames_cut,
    "R14": wires.answers_eaten,
    "R15": wires.same_id_again,
    "R16": practice_trouble.one_practice_in_trouble,
    "R17": practice_trouble.late_answers,
    "R18": practice_trouble.poison,
    "R19": scale.large_backlog,
    "R20": clocks.clock_jumps,
    "R21": kills.ended_and_reloaded,
}

ABSENT: Mapping[str, str] = {
    "R11": "power loss: needs a file system that drops what was not synced",
}
