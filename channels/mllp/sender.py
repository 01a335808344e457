"""The sending side of an MLLP channel: one lane, one connection, one message in flight.

Implements `channels.contract.Sender`. It says truthfully what happened to each parcel and knows nothing
of retries, parking or the journal.

The rules:

1. An answer counts only if it came after the message was sent, on the same connection, and its MSA-2
   equals the message's MSH-10 byte for byte.
2. After silence, or an answer that is no answer to this message, the connection is closed. A late answer
   then finds nobody, and is never credited to another message.
3. Where the peer commits first (CA) and gives its application acknowledgement later on the same
   connection, the latter is recognised by its MSA-2, passed to `on_late_answer`, and answers nothing else.
   A message whose control id may still be so answered goes out on a fresh connection.
4. A connection that has ended, or on which a frame came unasked, is replaced before anything is sent.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Sequence

from channels.contract import Parcel, Receipt
from channels.mllp.framer import Unframeable, frame
from channels.mllp.line import Ending, Line, open_line
from routes.hl7.ack import read_answer

__all__ = ["MllpSender"]

POSITIVE = ("AA", "CA")
CODES = ("AA", "AE", "AR", "CA", "CE", "CR")
LATE_CODES = ("AA", "AE", "AR")

MOST_COMMITTED = 1000
"""Control ids of one connection that are remembered for a late application acknowledgement."""

STOPPED = Receipt("unreachable", detail="the channel is stopped")


class MllpSender:
    """Sends to one address. Opens its connection when there is something to send, and keeps it."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        connect_timeout: float = 10.0,
        reply_timeout: float = 30.0,
        tls: ssl.SSLContext | None = None,
        server_name: str = "",
        idle_close: float = 0.0,
        on_late_answer: Callable[[bytes, str, bytes], None] | None = None,
    ) -> None:
        """Connects to nothing yet. Times in seconds.

        server_name: the name in the peer's certificate, where it is not `host`. idle_close: an unused
        connection is closed after so long; 0 keeps it. on_late_answer: told the control id and the code
        (AA, AE, AR) of an application acknowledgement that follows a commit one, and given its bytes.
        """
        self._host = host
        self._port = port
        self._connect_timeout = connect_timeout
        self._reply_timeout = reply_timeout
        self._tls = tls
        self._server_name = server_name
        self._idle_close = idle_close
        self._on_late_answer = on_late_answer
        self._lock = asyncio.Lock()
        self._line: Line | None = None
        self._committed: dict[bytes, None] = {}
        self._opening: asyncio.Task[Line] | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._used = 0.0
        self._stopped = False

    async def send(self, parcels: Sequence[Parcel]) -> list[Receipt]:
        """Send in order until the first parcel that is not answered AA or CA; the rest was not sent.

        Never raises for trouble with the peer. Calls at the same time wait for one another. Where the
        task is cancelled the connection is closed; `close` instead lets it return what is known.
        """
        receipts: list[Receipt] = []
        async with self._lock:
            try:
                await self._look_at_kept_line()
                for parcel in parcels:
                    receipt = await self._deliver(parcel)
                    receipts.append(receipt)
                    if receipt.kind != "reply" or receipt.code not in POSITIVE:
                        break
            except asyncio.CancelledError:
                self._drop()
                raise
            self._rest()
        return receipts

    async def close(self) -> None:
        """Close the connection and send no more. A parcel in flight gets the receipt `none`."""
        self._stopped = True
        if self._idle is not None:
            self._idle.cancel()
        if self._opening is not None:
            self._opening.cancel()
        self._drop()

    # -- one parcel ---------------------------------------------------------------------------------

    async def _deliver(self, parcel: Parcel) -> Receipt:
        if not parcel.control_id:
            return Receipt("unsendable", detail="MSH-10 is empty: no answer could be matched to the message")
        try:
            wire = frame(parcel.body)
        except Unframeable as why:
            return Receipt("unsendable", detail=str(why))
        try:
            line = await self._line_for(parcel.control_id)
        except ConnectionError as why:
            return Receipt("unreachable", detail=str(why))
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if self._stopped and task is not None and not task.cancelling():
                return STOPPED  # `close` cancelled the connecting, nobody cancelled us
            raise
        reply = await line.ask(wire)
        while isinstance(reply, bytes) and self._is_late(reply):
            reply = await line.ask_again()
        receipt = self._judge(reply, parcel.control_id)
        if receipt.kind != "reply":
            self._drop()
        elif receipt.code == "CA":
            self._remember(parcel.control_id)
        return receipt

    def _judge(self, reply: bytes | Ending, control_id: bytes) -> Receipt:
        if reply == "silent":
            return Receipt("none", detail=f"no answer within {self._reply_timeout:g} s")
        if reply == "closed":
            return Receipt("none", detail="the connection ended before an answer")
        if not isinstance(reply, bytes) or (answer := read_answer(reply)) is None:
            return Receipt("garbled", detail="the answer could not be read")
        if answer.control_id != control_id:
            return Receipt("garbled", detail="the answer's MSA-2 is not the control id of the message")
        if answer.code not in CODES:
            return Receipt("garbled", detail="the answer's MSA-1 is not a code of table 0008")
        says_more = answer.words_length or answer.code not in POSITIVE
        return Receipt("reply", code=answer.code, answer=reply if says_more else b"")

    # -- late application acknowledgements ----------------------------------------------------------

    def _remember(self, control_id: bytes) -> None:
        self._committed[control_id] = None
        if len(self._committed) > MOST_COMMITTED:
            del self._committed[next(iter(self._committed))]

    def _is_late(self, reply: bytes) -> bool:
        """True where the frame is an application acknowledgement of a message that was committed."""
        if not self._committed:
            return False
        answer = read_answer(reply)
        if answer is None or answer.code not in LATE_CODES or answer.control_id not in self._committed:
            return False
        del self._committed[answer.control_id]
        if self._on_late_answer is not None:
            self._on_late_answer(answer.control_id, answer.code, reply)
        return True

    # -- the connection -----------------------------------------------------------------------------

    async def _look_at_kept_line(self) -> None:
        """Let the loop read what has come on a kept connection: an end, or a frame that nobody asked for.

        One round hands over what has arrived, a second one acts on it.
        """
        if self._line is not None:
            await asyncio.sleep(0)
            await asyncio.sleep(0)

    async def _line_for(self, control_id: bytes) -> Line:
        """A connection on which nothing stands that could be taken for this message's answer."""
        line = self._line
        if line is not None:
            explained = all(self._is_late(stray) for stray in line.take_strays())
            if explained and line.usable and control_id not in self._committed:
                return line
            self._drop()
        if self._stopped:
            raise ConnectionError(STOPPED.detail)
        self._opening = asyncio.get_running_loop().create_task(
            open_line(
                self._host,
                self._port,
                connect_timeout=self._connect_timeout,
                reply_timeout=self._reply_timeout,
                tls=self._tls,
                server_name=self._server_name,
            )
        )
        try:
            self._line = await self._opening
        finally:
            self._opening.cancel()
            self._opening = None
        if not self._line.usable:
            self._drop()
            text = (
                f"cannot use the connection to {self._host}:{self._port}: it ended, or the peer spoke first"
            )
            raise ConnectionError(text)
        return self._line

    def _drop(self) -> None:
        line, self._line = self._line, None
        self._committed.clear()
        if line is not None:
            line.close()

    def _rest(self) -> None:
        """Nothing more to send for now."""
        if self._idle_close and self._line is not None:
            loop = asyncio.get_running_loop()
            self._used = loop.time()
            if self._idle is None:
                self._idle = loop.call_at(self._used + self._idle_close, self._end_idle)

    def _end_idle(self) -> None:
        self._idle = None
        if self._line is None or self._lock.locked():
            return
        loop = asyncio.get_running_loop()
        if loop.time() >= self._used + self._idle_close:
            self._drop()
        else:
            self._idle = loop.call_at(self._used + self._idle_close, self._end_idle)
