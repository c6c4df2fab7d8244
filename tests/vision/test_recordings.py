"""What two real servers sent, byte for byte, through the adapter: each recorded failure has its error."""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from captiond.errors import CaptiondError
from captiond.vision.backend import Question
from captiond.vision.ollama import OllamaBackend
from vision.raw_server import Answer, MakeBackend, RawServer, chunk, head

RECORDINGS = Path(__file__).resolve().parent.parent / "recordings"
PICTURE = Question("Describe the image.", b"jpeg", num_predict=100_000)


@dataclass(frozen=True, slots=True)
class Recorded:
    """One answer of a recorded server to a chat."""

    generation: str
    scenario: str
    status: int
    headers: tuple[tuple[str, str], ...]
    frames: tuple[str, ...]
    end: str

    def answer(self) -> Answer:
        chunked = ("transfer-encoding", "chunked") in self.headers

        headers = dict(self.headers)
        if not chunked:
            # Paths were made neutral in the recorded texts, and so their length changed.
            headers["content-length"] = str(len("".join(self.frames).encode()))

        async def play(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(head(self.status, headers))
            for text in self.frames:
                writer.write(chunk(text) if chunked else text.encode())
            if chunked and self.end == "complete":
                writer.write(b"0\r\n\r\n")
            await writer.drain()
            if self.end != "complete":
                writer.close()

        return play


def recorded_chats() -> Iterator[Recorded]:
    for path in sorted(RECORDINGS.glob("v*/*.json")):
        for step in json.loads(path.read_text())["steps"]:
            response = step.get("response")
            if response and response["status"] and step["request"]["path"] == "/api/chat":
                yield Recorded(
                    path.parent.name,
                    path.stem,
                    response["status"],
                    tuple(response["headers"].items()),
                    tuple(frame["text"] for frame in response["frames"]),
                    response["end"],
                )


CHATS = list(recorded_chats())

BOTH = {
    "bad-base64": {"ServerRefused"},
    "broken-models": {"ModelMissing"},
    "chat-two-messages": {"UnusableReply"},
    "chat-two-messages-anyres": {"UnusableReply"},
    "chat-two-messages-jinja": {"UnusableReply"},
    "client-disconnect": {"ConnectionLost"},
    "context-overflow": {"ServerRefused"},
    "format-bad": {"BadConfiguration"},
    "http-errors": {"BadConfiguration", "ServerAway", "ServerRefused"},
    "keep-alive": {"BadConfiguration"},
    "load-out-of-memory": {"ServerStumbled"},
    "load-timeout": {"ServerStumbled"},
    "model-missing": {"ModelNotPulled"},
    "queue-full": {"ServerAway"},
    "repeat-abort": {"UnusableReply"},
    "runner-frozen": {"ConnectionLost"},
    "runner-frozen-waiting": {"ConnectionLost"},
    "runner-killed-nonstream": {"ServerStumbled"},
    "runner-killed-stream": {"ServerStumbled"},
    "runner-killed-waiting": {"ServerStumbled"},
    "server-killed-stream": {"ConnectionLost"},
    "server-stopped-stream": {"ConnectionLost"},
    "tags-empty": {"ModelNotPulled"},
}
"""The errors of ours that the chats of a scenario end with, where not all are answered."""

REFUSED_PICTURES = (
    *("image-animated-webp", "image-drawing-svg", "image-empty-bin", "image-garbage-bin"),
    *("image-heic-header-bin", "image-huge-header-png", "image-still-avif", "image-still-ico"),
    *("image-still-jp2", "image-still-tiff", "image-tone-wav", "image-truncated-png", "image-truncated-webp"),
)

ENDINGS = {
    "v0.33": {
        **BOTH,
        **{scenario: {"ServerRefused"} for scenario in REFUSED_PICTURES},
        "bad-image-jinja": {"ServerRefused"},
        "bad-image-kills-others": {"ServerRefused"},
        "chat-multi-image": {"ServerStumbled"},
        "load-failed": {"ServerStumbled"},
        "mid-stream-bad-output": {"UnusableReply"},
        "multi-image-then-single": {"ServerStumbled"},
        "oversize-body": {"ServerRefused"},
        "textonly-image": {"ModelMissing"},
    },
    "v0.24": {
        # The old server dies of what the new one refuses, but for an empty picture.
        **BOTH,
        **{scenario: {"ServerStumbled"} for scenario in REFUSED_PICTURES},
        "image-empty-bin": {"ServerRefused"},
        "image-lossless-webp": {"ServerStumbled"},
        "image-still-webp": {"ServerStumbled"},
        "bad-image-jinja": {"ServerRefused", "ServerStumbled"},
        "bad-image-kills-others": {"ServerStumbled"},
    },
}


async def ending(chat: Recorded, server: RawServer, backend: OllamaBackend) -> str | None:
    server.on("/api/chat", chat.answer())
    try:
        await backend.ask(PICTURE)
    except CaptiondError as error:
        return type(error).__name__
    return None


def test_there_are_recordings_of_both_generations() -> None:
    assert {chat.generation for chat in CHATS} == {"v0.33", "v0.24"}
    assert len(CHATS) > 1000


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("generation", "scenario"), [(name, scenario) for name in ENDINGS for scenario in ENDINGS[name]]
)
async def test_a_recorded_failure_has_its_error(
    generation: str, scenario: str, server: RawServer, backend: OllamaBackend
) -> None:
    chats = [chat for chat in CHATS if (chat.generation, chat.scenario) == (generation, scenario)]
    endings = {await ending(chat, server, backend) for chat in chats}
    assert endings - {None} == ENDINGS[generation][scenario]


@pytest.mark.anyio
@pytest.mark.parametrize("generation", ENDINGS)
async def test_all_other_recorded_chats_are_answered(
    generation: str, server: RawServer, backend: OllamaBackend
) -> None:
    chats = [
        chat for chat in CHATS if chat.generation == generation and chat.scenario not in ENDINGS[generation]
    ]
    assert {chat.scenario for chat in chats if await ending(chat, server, backend)} == set()


@pytest.mark.anyio
async def test_a_picture_that_the_old_server_cut_out_is_refused(
    server: RawServer, backend_at: MakeBackend
) -> None:
    backend = backend_at(server.url, options={"num_ctx": 2048})
    overflows = [chat for chat in CHATS if (chat.generation, chat.scenario) == ("v0.24", "context-overflow")]
    cut = [chat for chat in overflows if '"prompt_eval_count":2048' in chat.frames[-1]]
    assert {await ending(chat, server, backend) for chat in cut} == {"ServerRefused"}
