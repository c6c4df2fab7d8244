"""A server of raw bytes and a clock that is moved by hand, for everything that asks a model server."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from captiond.vision.ollama import OllamaBackend, TimeLimits

MODEL = "llava:13b-v1.6"
Answer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class FakeClock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.slept: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic_seconds(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds
        await asyncio.sleep(0)


def head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} X", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode()


def chunk(text: str | bytes) -> bytes:
    content = text.encode() if isinstance(text, str) else text
    return b"%x\r\n%s\r\n" % (len(content), content)


def body(status: int, text: str, content_type: str = "application/json; charset=utf-8") -> Answer:
    """Answer whole, with a Content-Length."""
    content = text.encode()

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, {"content-type": content_type, "content-length": str(len(content))}))
        writer.write(content)
        await writer.drain()

    return answer


def stream(*frames: str | bytes, status: int = 200, end: str = "complete") -> Answer:
    """Answer in chunks; `end`: complete, cut (no last chunk), mid-chunk, or hang (until the client goes)."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(head(status, {"content-type": "application/x-ndjson", "transfer-encoding": "chunked"}))
        for frame in frames:
            writer.write(chunk(frame))
            await writer.drain()
        if end == "complete":
            writer.write(b"0\r\n\r\n")
        if end == "mid-chunk":
            writer.write(b'40\r\n{"message"')
        await writer.drain()
        if end == "hang":
            await reader.read()
        elif end != "complete":
            writer.close()

    return answer


def bytes_as_they_are(*pieces: bytes) -> Answer:
    """Write these bytes, which may be no HTTP at all, and hang up."""

    async def answer(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.writelines(pieces)
        await writer.drain()
        writer.close()

    return answer


async def hang(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Say nothing until the client goes."""
    await reader.read()


def frame(content: str = "", **more: Any) -> str:
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if "thinking" in more:
        message["thinking"] = more.pop("thinking")
    return json.dumps({"model": MODEL, "message": message, "done": False, **more}) + "\n"


def last(**more: Any) -> str:
    return frame("", done=True, **{"done_reason": "stop", "prompt_eval_count": 650, "eval_count": 2, **more})


def good(*words: str) -> Answer:
    return stream(*(frame(word) for word in words), last())


def failing(status: int, text: Any) -> Answer:
    return body(status, json.dumps({"error": text}))


SHOWN: dict[str, Any] = {
    "details": {"family": "llama", "families": ["llama", "clip"], "parameter_size": "13B"},
    "model_info": {"general.architecture": "llama", "llama.context_length": 4096},
    "projector_info": {"clip.has_llava_projector": True, "clip.vision.image_size": 336},
    "capabilities": ["completion", "vision"],
}


@dataclass(slots=True)
class Received:
    path: str
    headers: dict[str, str]
    content: Any


@dataclass(slots=True)
class RawServer:
    """Answers each path with the answers set for it, one after another; the last one for ever."""

    url: str = ""
    received: list[Received] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    _answers: dict[str, list[Answer]] = field(default_factory=dict)
    _choose: Callable[[Received], Answer] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _server: asyncio.Server | None = None
    _clients: set[asyncio.StreamWriter] = field(default_factory=set)

    def on(self, path: str, *answers: Answer) -> None:
        self._answers[path] = list(answers)

    def with_models(self, *names: str, shown: Mapping[str, Any] = SHOWN, version: str = "0.33.0") -> None:
        entries = [{"name": name, "model": name, "digest": "d" * 64} for name in names]
        self.on("/api/version", body(200, json.dumps({"version": version})))
        self.on("/api/tags", body(200, json.dumps({"models": entries})))
        self.on("/api/show", body(200, json.dumps(shown)))
        self.on("/api/ps", body(200, '{"models":[]}'))

    def on_chat(self, choose: Callable[[Received], Answer]) -> None:
        self._choose = choose

    async def heard(self, path: str) -> None:
        """Wait for a request."""
        while not self.sent_to(path):
            self._news.clear()
            await self._news.wait()

    def sent_to(self, path: str) -> list[Received]:
        return [one for one in self.received if one.path == path]

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._clients:
                writer.close()
            await self._server.wait_closed()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(writer)
        try:
            while not writer.is_closing():
                request = await self._read(reader)
                self.received.append(request)
                self._news.set()
                await self._answer_to(request)(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self._clients.discard(writer)
            self.hung_up.set()
            writer.close()

    def _answer_to(self, request: Received) -> Answer:
        if request.path == "/api/chat" and self._choose is not None:
            return self._choose(request)
        answers = self._answers.get(request.path) or [body(404, "404 page not found", "text/plain")]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> Received:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:-2])}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        return Received(lines[0].split()[1], headers, json.loads(content) if content else None)


QUICK = TimeLimits(connect_seconds=2.0, first_frame_seconds=1.5, gap_seconds=1.5, total_seconds=30.0)

MakeBackend = Callable[..., OllamaBackend]
