"""HTTP/1.1 to the byte: requests in, answers out in one piece or chunk by chunk, and every way to break off.

The request is watched while it is answered: when the client goes away, the answer is cancelled.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11

from .settings import Clock

READ_BYTES = 1 << 18
WHOLE_BODY_BYTES = 2048
"""Go sends a body up to this size with its length and a longer one in chunks."""

JSON = "application/json; charset=utf-8"
JSON_BARE = "application/json"
NDJSON = "application/x-ndjson"
TEXT = "text/plain"

Headers = Iterable[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Request:
    """What a client asks."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes = field(repr=False)


class Exchange:
    """One request and the ways to answer it."""

    def __init__(
        self, connection: h11.Connection, writer: asyncio.StreamWriter, request: Request, clock: Clock
    ) -> None:
        self.request = request
        self.started = False
        self.ended = False
        self._connection = connection
        self._writer = writer
        self._clock = clock

    async def send(
        self, status: int, body: str | bytes = b"", kind: str | None = JSON, headers: Headers = ()
    ) -> None:
        """Answer with a whole body, as Go does: short ones with their length, long ones in chunks."""
        whole = body.encode() if isinstance(body, str) else body
        if len(whole) > WHOLE_BODY_BYTES and not headers:
            await self.begin(kind or JSON, status)
            await self.chunk(whole)
            await self.end()
            return
        await self._head(status, kind, [*headers, ("Content-Length", str(len(whole)))])
        if self.request.method != "HEAD" and whole:
            await self._send(h11.Data(data=whole))
        await self._finish()

    async def begin(self, kind: str = NDJSON, status: int = 200) -> None:
        """Begin an answer that comes chunk by chunk."""
        await self._head(status, kind, [("Transfer-Encoding", "chunked")])

    async def chunk(self, frame: bytes | str) -> None:
        """Send one chunk: one frame of a stream."""
        await self._send(h11.Data(data=frame.encode() if isinstance(frame, str) else frame))

    async def end(self) -> None:
        """End the answer properly."""
        await self._finish()

    async def torn_chunk(self, frame: bytes) -> None:
        """Promise a whole chunk, send half of it, and close the connection."""
        self._writer.write(f"{len(frame):x}\r\n".encode() + frame[: len(frame) // 2])
        await self._writer.drain()
        self.cut()

    def cut(self) -> None:
        """Close the connection without ending the answer (the client sees the end of the stream)."""
        self.ended = True
        self._writer.close()

    def reset(self) -> None:
        """Break the connection off (the client sees a reset)."""
        self.ended = True
        plug = self._writer.get_extra_info("socket")
        if plug is not None:
            plug.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._writer.transport.abort()

    async def _head(self, status: int, kind: str | None, headers: Headers) -> None:
        self.started = True
        date = self._clock.now().strftime("%a, %d %b %Y %H:%M:%S GMT")
        all_headers = [*headers, ("Date", date)]
        if kind:
            all_headers.insert(0, ("Content-Type", kind))
        await self._send(h11.Response(status_code=status, headers=all_headers))

    async def _finish(self) -> None:
        self.ended = True
        await self._send(h11.EndOfMessage())

    async def _send(self, event: h11.Event) -> None:
        written = self._connection.send(event)
        if written:
            self._writer.write(written)
            await self._writer.drain()


Respond = Callable[[Exchange], Awaitable[None]]


class Ear:
    """Hears what the client sends, also while it is being answered."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader
        self._listening: asyncio.Task[bytes] | None = None

    def listen(self) -> asyncio.Task[bytes]:
        """Give the reading that is under way, or begin one."""
        if self._listening is None:
            self._listening = asyncio.create_task(self._read())
        return self._listening

    async def hear(self) -> bytes:
        """Wait for the next bytes; none are the end."""
        heard = await self.listen()
        self._listening = None
        return heard

    async def _read(self) -> bytes:
        try:
            return await self._reader.read(READ_BYTES)
        except ConnectionError:
            return b""

    def close(self) -> None:
        """Stop listening."""
        if self._listening is not None:
            self._listening.cancel()


async def serve(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, respond: Respond, clock: Clock
) -> None:
    """Answer the requests of one connection, one after another, until either side has had enough."""
    connection, ear = h11.Connection(h11.SERVER), Ear(reader)
    try:
        while (request := await _read_request(connection, ear, writer)) is not None:
            exchange = Exchange(connection, writer, request, clock)
            if not await _answer_while_there(exchange, connection, ear, respond):
                return
            if writer.is_closing() or connection.our_state is not h11.DONE:
                return
            connection.start_next_cycle()
    except (ConnectionError, h11.ProtocolError):
        return
    finally:
        ear.close()
        writer.close()


async def _read_request(connection: h11.Connection, ear: Ear, writer: asyncio.StreamWriter) -> Request | None:
    head: h11.Request | None = None
    body = bytearray()
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            if connection.they_are_waiting_for_100_continue:
                writer.write(connection.send(h11.InformationalResponse(status_code=100, headers=[])) or b"")
            connection.receive_data(await ear.hear())
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage) and head is not None:
            return _request(head, bytes(body))
        else:
            return None


def _request(head: h11.Request, body: bytes) -> Request:
    headers = {name.decode().lower(): value.decode() for name, value in head.headers}
    return Request(head.method.decode(), urlsplit(head.target.decode()).path, headers, body)


async def _answer_while_there(
    exchange: Exchange, connection: h11.Connection, ear: Ear, respond: Respond
) -> bool:
    """Answer, and stop when the client goes away; say whether the connection can go on."""
    answer = asyncio.ensure_future(respond(exchange))
    try:
        while not answer.done():
            listening = ear.listen()
            await asyncio.wait({answer, listening}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():
                heard = await ear.hear()
                if not heard and not answer.done():
                    return False
                connection.receive_data(heard)
        answer.result()
    finally:
        if not answer.done():
            answer.cancel()
            await asyncio.wait({answer})
    return exchange.ended
