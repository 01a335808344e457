"""R3, R5: of a cluster of three brokers one is killed, one is frozen, or two are: no majority is left."""

from __future__ import annotations

import asyncio
import time
from itertools import pairwise

from bench.faults.result import Row
from bench.faults.site import Target
from bench.faults.stage import Options, Stage
from bench.site import CHANNEL
from tests.broker import BrokerNode
from tests.broker_cluster import BrokerCluster

__all__ = ["frozen", "leader_killed"]

_FROZEN = 15.0  # seconds
_SAID = 60.0  # seconds within which the engine must say that nothing is confirmed
_FLOW = 20  # deliveries after a blow that show that they flow again


async def leader_killed(options: Options) -> list[Row]:
    """R3: the node that leads a practice's queue is killed under load, and comes back."""
    targets: tuple[Target, ...] = ("mailboxes",) if options.short else ("mailboxes", "tickets")
    return [await _leader_killed(options, target) for target in targets]


async def _leader_killed(options: Options, target: Target) -> Row:
    row = Row("R3", f"leader of three killed, {target}", options.seed)
    async with Stage(options, row, target=target, cluster=True) as stage:
        await stage.more(50)
        flows = []
        for _ in range(options.count(10, 2)):
            queue = f"gatepost.{CHANNEL}.{stage.chance.choice(stage.codes)}"
            leader = await asyncio.to_thread(_cluster(stage).leader, queue)
            await asyncio.to_thread(leader.kill)
            blow = time.monotonic()
            row.n += 1
            await stage.recovered(blow)
            flows.append(await _flow(stage, blow))
            await asyncio.to_thread(leader.restart)
            await asyncio.to_thread(_cluster(stage).whole)
        await stage.more(50)
        await stage.finish()
        _tell(stage, flows)
    return row


async def frozen(options: Options) -> list[Row]:
    """R5: nodes stop, and their connections stay open."""
    one = Row("R5", "one broker of three frozen", options.seed)
    async with Stage(options, one, target="mailboxes", cluster=True, streams=2) as stage:
        await stage.more(50)
        flows = []
        for _ in range(options.count(5, 1)):
            node = await _in_use(stage)
            flows.append(await _freeze(stage, [node]))
        await stage.more(50)
        await stage.finish()
        _tell(stage, flows)
    two = Row("R5", "two brokers of three frozen", options.seed)
    async with Stage(options, two, target="tickets", cluster=True, streams=2) as stage:
        await stage.more(50)
        flows = []
        for number in range(options.count(2, 1)):
            used = await _in_use(stage)
            others = [node for node in _cluster(stage).nodes if node is not used]
            flows.append(
                await _freeze(stage, others if number % 2 == 0 else [used, others[0]], majority=True)
            )
        await stage.more(50)
        await stage.finish(patience=240)
        _tell(stage, flows)
    return [one, two]


async def _freeze(stage: Stage, nodes: list[BrokerNode], *, majority: bool = False) -> float:
    """Freeze these for a while; the time from the blow (of a majority: from its end) to deliveries."""
    for node in nodes:
        node.freeze()
    blow = time.monotonic()
    stage.row.n += 1
    try:
        await stage.recovered(blow)
        if majority:
            said = await stage.until_trouble(_SAID)
            stage.row.notes.append(
                f"status says after {said:.0f} s: {(await stage.broker_troubles())[0][:70]}..."
            )
            await stage.more(50)
        else:
            flow = await _flow(stage, blow)
            await asyncio.sleep(max(0.0, blow + _FROZEN - time.monotonic()))
    finally:
        for node in nodes:
            node.thaw()
    thawed = time.monotonic()
    if majority:
        flow = await _flow(stage, thawed)
    await asyncio.to_thread(_cluster(stage).whole)
    return flow


async def _flow(stage: Stage, since: float) -> float:
    """Wait until deliveries flow again; how long after `since` (time.monotonic) that was."""
    await asyncio.sleep(0.2)  # what was confirmed before is counted
    wanted = await stage.delivered() + _FLOW
    while await stage.delivered() < wanted:
        if time.monotonic() > since + 180:
            raise TimeoutError("deliveries do not flow again within 180 s")
        await asyncio.sleep(0.05)
    return time.monotonic() - since


async def _in_use(stage: Stage) -> BrokerNode:
    """The node that the engine publishes to."""
    await stage.more(1)
    condition = await stage.broker_condition()
    return next(node for node in _cluster(stage).nodes if f":{node.port}" in condition)


def _cluster(stage: Stage) -> BrokerCluster:
    assert stage.cluster is not None
    return stage.cluster


def _tell(stage: Stage, flows: list[float]) -> None:
    promises = stage.senders.promises
    gaps = [after.at - before.at for before, after in pairwise(promises)]
    stage.row.notes.append(f"longest time without an acknowledgement: {max(gaps) * 1000:.0f} ms")
    stage.row.notes.append(f"deliveries flowed again after {', '.join(f'{flow:.1f}' for flow in flows)} s")
