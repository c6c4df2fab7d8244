"""A client that sees every chunk: what came, in which frames, and how it ended."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h11


@dataclass(slots=True)
class Answer:
    """A response as the recordings keep it."""

    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    frames: list[bytes] = field(default_factory=list)
    end: str = "server-closed-early"

    @property
    def body(self) -> bytes:
        return b"".join(self.frames)


async def send(
    url: str,
    method: str,
    path: str,
    body: bytes = b"",
    headers: dict[str, str] | None = None,
    *,
    close_after: int | None = None,
    on_frame: Callable[[int], None] = lambda _: None,
) -> Answer:
    """Send one request; `close_after` frames (or while waiting, with 0) the client goes away."""
    answer = Answer()
    where = urlsplit(url)
    try:
        reader, writer = await asyncio.open_connection(where.hostname, where.port)
    except ConnectionError:
        answer.end = "connect-failed"
        return answer
    connection = h11.Connection(h11.CLIENT)
    all_headers = {"Host": where.netloc, "Content-Length": str(len(body))} | (headers or {})
    request = h11.Request(method=method, target=path, headers=list(all_headers.items()))
    for event in (request, h11.Data(data=body), h11.EndOfMessage()):
        writer.write(connection.send(event) or b"")
    try:
        await writer.drain()
        if close_after == 0:
            await asyncio.sleep(0.03)
            answer.end = "client-closed"
            return answer
        await _read(connection, reader, answer, close_after, on_frame)
    except (ConnectionError, h11.RemoteProtocolError):
        pass
    finally:
        writer.close()
    return answer


async def _read(
    connection: h11.Connection,
    reader: asyncio.StreamReader,
    answer: Answer,
    close_after: int | None,
    on_frame: Callable[[int], None],
) -> None:
    frame = b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(1 << 16))
        elif isinstance(event, h11.Response):
            answer.status = event.status_code
            answer.headers = {name.decode().lower(): value.decode() for name, value in event.headers}
        elif isinstance(event, h11.Data):
            frame += bytes(event.data)
            if event.chunk_end:
                answer.frames.append(frame)
                frame = b""
                on_frame(len(answer.frames))
                if len(answer.frames) == close_after:
                    answer.end = "client-closed"
                    return
        elif isinstance(event, h11.EndOfMessage):
            answer.frames += [frame] if frame else []
            answer.end = "complete"
            return
        else:
            return
