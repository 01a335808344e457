"""The reference: an MLLP server that answers AA from memory and keeps nothing.

Whatever the load client measures here is the cost of the wire, the client and this machine alone.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from bench.process import announce, until_told
from bench.wire import Reply, answer, serve

__all__ = ["main"]


def _received(body: bytes, reply: Reply) -> None:
    reply(answer(body))


async def _run(port: int) -> None:
    server, _ = await serve(_received, port)
    announce(server)
    await until_told()
    server.close()


def main() -> int:
    """Serve until SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m bench.donothing", description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="0 (the default) takes a free one and prints it")
    asyncio.run(_run(parser.parse_args().port))
    return 0


if __name__ == "__main__":
    sys.exit(main())
