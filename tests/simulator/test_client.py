"""Every fault as the official Python client sees it."""

import asyncio
import json
from contextlib import nullcontext
from typing import Any

import httpx
import ollama
import pytest

from captiond.simulator import Fault
from captiond.simulator.faults import KINDS, PULL_KINDS
from simulator.conftest import MODEL, Asked, Paint

ENDS = {
    "hang": httpx.ReadTimeout,
    "reset": httpx.ReadError,
    "eof": httpx.RemoteProtocolError,
    "forbidden": 403,
    "model-missing": 404,
    "crash": 500,
    "out-of-memory": 500,
    "busy": 503,
    "bad-request": 400,
    "too-large": 413,
    "server-error": 500,
    "hang-mid-stream": httpx.ReadTimeout,
    "reset-mid-stream": httpx.ReadError,
    "eof-mid-stream": httpx.RemoteProtocolError,
    "cut-chunk": httpx.RemoteProtocolError,
    "error-line": -1,
    "kill-runner": -1,
    "garbage-line": json.JSONDecodeError,
}
UNFINISHED = {"no-done", "done-false", "repeat", "whitespace", "hashes"}
LIMITED = {"loop"}
NOTHING = {"zero-frames"}
WELL = KINDS - set(ENDS) - UNFINISHED - LIMITED - NOTHING - PULL_KINDS - {"invalid-utf8", "slow", "long-line"}


async def streamed(client: ollama.AsyncClient, image: bytes, **more: Any) -> list[ollama.ChatResponse]:
    messages = [{"role": "user", "images": [image]}, {"role": "user", "content": "Describe this picture."}]
    return [part async for part in await client.chat(MODEL, messages, stream=True, **more)]


def words(parts: list[ollama.ChatResponse]) -> str:
    return "".join(part.message.content or "" for part in parts)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ENDS)
async def test_a_fault_raises_what_it_raises_with_a_real_server(
    kind: str, serving: Asked, paint: Paint
) -> None:
    async with serving(timeout=1.5, faults=(Fault(kind),)) as (_, client):
        with pytest.raises(Exception) as raised:  # noqa: PT011 - the class is what is compared
            await streamed(client, paint())
    expected = ENDS[kind]
    if isinstance(expected, int):
        assert getattr(raised.value, "status_code", None) == expected
    else:
        assert isinstance(raised.value, expected)


@pytest.mark.anyio
@pytest.mark.parametrize("kind", sorted(UNFINISHED))
async def test_an_aborted_answer_ends_without_done(kind: str, serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault(kind),)) as (_, client):
        parts = await streamed(client, paint(), options={"num_predict": 400})
    assert parts
    assert not parts[-1].done


@pytest.mark.anyio
async def test_a_later_version_says_that_an_answer_repeats_itself(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("repeat"),), repeat_error=True) as (_, client):
        with pytest.raises(ollama.ResponseError, match="token repeat limit reached"):
            await streamed(client, paint())


@pytest.mark.anyio
async def test_an_answer_may_have_no_frame_at_all(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("zero-frames"),)) as (_, client):
        assert await streamed(client, paint()) == []


@pytest.mark.anyio
@pytest.mark.parametrize("kind", sorted(WELL))
async def test_wrong_words_come_in_an_answer_that_ends_well(kind: str, serving: Asked, paint: Paint) -> None:
    async with serving() as (simulator, client):
        good = words(await streamed(client, paint()))
        simulator.faults.set(Fault(kind))
        parts = await streamed(client, paint())
    assert parts[-1].done_reason == "stop"
    assert words(parts) != good


@pytest.mark.anyio
async def test_a_loop_goes_on_until_the_limit(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("loop"),)) as (_, client):
        parts = await streamed(client, paint(), options={"num_predict": 900})
    assert (parts[-1].done_reason, parts[-1].eval_count) == ("length", 900)


@pytest.mark.anyio
async def test_a_thought_without_an_answer_has_empty_content(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("thinking"),)) as (_, client):
        parts = await streamed(client, paint())
    assert words(parts) == ""
    assert any(part.message.thinking for part in parts)


@pytest.mark.anyio
async def test_a_line_can_be_very_long(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("long-line", size_bytes=3_000_000),)) as (_, client):
        parts = await streamed(client, paint())
    assert max(len(part.message.content or "") for part in parts) == 3_000_000


@pytest.mark.anyio
async def test_bytes_that_are_no_utf8_are_replaced_by_the_client(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("invalid-utf8"),)) as (_, client):
        assert "\ufffd" in words(await streamed(client, paint()))


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["no-done", "done-false", "repeat"])
async def test_without_a_stream_done_is_false(kind: str, serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault(kind),)) as (_, client):
        reply = await client.chat(MODEL, [{"role": "user", "content": "Describe.", "images": [paint()]}])
    assert (reply.done, reply.done_reason, reply.eval_count) == (False, None, None)


@pytest.mark.anyio
async def test_a_crash_is_healed_by_the_next_request(serving: Asked, paint: Paint) -> None:
    async with serving(faults=(Fault("kill-runner", nth=1),)) as (simulator, client):
        with pytest.raises(ollama.ResponseError, match="unexpected EOF"):
            await streamed(client, paint())
        assert (await streamed(client, paint()))[-1].done
    assert simulator.counters.loads == 2


@pytest.mark.anyio
async def test_a_server_that_is_down_is_a_connection_error(serving: Asked) -> None:
    async with serving() as (simulator, client):
        await simulator.stop()
        with pytest.raises(ConnectionError):
            await client.chat(MODEL, [])
        await simulator.start()
        assert (await client.chat(MODEL, [])).done_reason == "load"


@pytest.mark.anyio
async def test_a_client_that_gives_up_frees_the_slot(serving: Asked, paint: Paint) -> None:
    async with serving(timeout=1.5, faults=(Fault("hang-mid-stream", nth=1),)) as (simulator, client):
        with pytest.raises(httpx.ReadTimeout):
            await streamed(client, paint())
        assert (await asyncio.wait_for(streamed(client, paint()), 5))[-1].done
    assert simulator.counters.disconnects == 1


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("fault", "struck"),
    [
        (Fault("busy", nth=2), [False, True, False, False]),
        (Fault("busy", every=2), [False, True, False, True]),
        (Fault("busy", times=1), [True, False, False, False]),
        (Fault("busy", prompt="no such words"), [False, False, False, False]),
        (Fault("busy", prompt="Describe"), [True, True, True, True]),
        (Fault("busy", image="0000"), [False, False, False, False]),
        (Fault("busy", probability=0.5, seed=1), [True, False, False, True]),
    ],
    ids=lambda one: str(one)[:60],
)
async def test_a_fault_strikes_when_it_should(
    fault: Fault, struck: list[bool], serving: Asked, paint: Paint
) -> None:
    async with serving(faults=(fault,)) as (simulator, client):
        for expected in struck:
            before = simulator.counters.faults
            with pytest.raises(ollama.ResponseError) if expected else nullcontext():
                await streamed(client, paint())
            assert (simulator.counters.faults > before) == expected


@pytest.mark.anyio
async def test_a_fault_may_strike_any_path(serving: Asked) -> None:
    async with serving(faults=(Fault("server-error", path="/api/tags"),)) as (_, client):
        with pytest.raises(ollama.ResponseError, match="internal error"):
            await client.list()
        assert (await client.show(MODEL)).capabilities == ["completion", "vision"]


@pytest.mark.parametrize("text", ["nonsense", "busy:nosuch=1", "busy:nth=x"])
def test_a_fault_that_does_not_exist_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"fault|invalid literal"):
        Fault.from_text(text)


def test_a_fault_is_read_from_the_command_line() -> None:
    fault = Fault.from_text("slow:seconds=0.5,prompt=List,nth=3")
    assert fault == Fault("slow", seconds=0.5, prompt="List", nth=3)


@pytest.mark.anyio
async def test_a_model_is_pulled_and_then_there(serving: Asked) -> None:
    async with serving(models=()) as (_, client):
        with pytest.raises(ollama.ResponseError, match="not found"):
            await client.chat("moondream", [])
        stages = [part.status async for part in await client.pull("moondream", stream=True)]
        assert (stages[0], stages[-1]) == ("pulling manifest", "success")
        assert [model.model for model in (await client.list()).models] == ["moondream:latest"]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", sorted(PULL_KINDS - {"pull-cut", "pull-stall"}))
async def test_a_pull_fails_in_the_middle_of_its_stream(kind: str, serving: Asked) -> None:
    async with serving(models=(), faults=(Fault(kind, path="/api/pull"),)) as (_, client):
        with pytest.raises(ollama.ResponseError):
            [part async for part in await client.pull("llava", stream=True)]
        assert (await client.list()).models == []
