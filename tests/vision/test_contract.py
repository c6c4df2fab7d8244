"""What a VisionBackend promises, on a simulated server of both generations and, with `-m live`, a real one.

The real server is $OLLAMA_HOST with the model $CAPTIOND_LIVE_MODEL (llava:13b-v1.6 where that is not set).
"""

import asyncio
import io
import json
import os
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from captiond.clock import SystemClock
from captiond.errors import CaptiondError, ModelMissing, ServerRefused, ServerStumbled, UnusableReply
from captiond.simulator import Fault, Simulator, SimulatorSettings
from captiond.simulator.faults import CONNECTION_KINDS, STATUS_KINDS, STREAM_KINDS, WORD_KINDS
from captiond.vision.backend import ModelNotPulled, Question
from captiond.vision.ollama import OllamaBackend, TimeLimits
from vision.raw_server import MODEL, QUICK

GENERATIONS = ["0.33", "0.24"]
SCHEMA = {
    "type": "object",
    "properties": {"objects": {"type": "array", "items": {"type": "string", "maxLength": 20}, "maxItems": 3}},
    "required": ["objects"],
}


def jpeg(colour: str = "red", size: tuple[int, int] = (64, 64)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", quality=92)
    return out.getvalue()


def adapter(url: str, model: str = MODEL, limits: TimeLimits = QUICK) -> OllamaBackend:
    options = {"num_ctx": 4096, "temperature": 0.0, "seed": 1, "repeat_penalty": 1.1}
    return OllamaBackend(url, model, clock=SystemClock(), options=options, limits=limits, keep_alive="5m")


@pytest.fixture(params=GENERATIONS)
async def simulator(request: pytest.FixtureRequest) -> AsyncIterator[Simulator]:
    async with Simulator(SimulatorSettings(generation=request.param, version="0.33.0")) as running:
        yield running


@pytest.fixture
async def simulated(simulator: Simulator) -> AsyncIterator[OllamaBackend]:
    backend = adapter(simulator.url)
    yield backend
    await backend.close()


@pytest.fixture(params=[*GENERATIONS, pytest.param("live", marks=pytest.mark.live)])
async def backend(request: pytest.FixtureRequest) -> AsyncIterator[OllamaBackend]:
    if request.param == "live":
        made = adapter(
            os.environ.get("OLLAMA_HOST") or "http://127.0.0.1:11434",
            os.environ.get("CAPTIOND_LIVE_MODEL") or MODEL,
            TimeLimits(),
        )
        yield made
        await made.close()
        return
    async with Simulator(SimulatorSettings(generation=request.param)) as running:
        made = adapter(running.url)
        yield made
        await made.close()


@pytest.mark.anyio
async def test_a_look_tells_version_digest_and_size(backend: OllamaBackend) -> None:
    found = await backend.inspect()
    assert found.server_version
    assert len(found.digest) == 64
    assert all(width > 0 and height > 0 for width, height in found.fit_for(None).boxes)


@pytest.mark.anyio
async def test_a_question_about_a_picture_is_answered(backend: OllamaBackend) -> None:
    found = await backend.inspect()
    reply = await backend.ask(Question("Describe this picture in one sentence.", jpeg(), num_predict=60))
    assert reply.text.strip()
    assert reply.finish in {"stop", "length"}
    assert reply.model.digest == found.digest
    assert reply.prompt_tokens > reply.output_tokens > 0


@pytest.mark.anyio
async def test_a_question_about_text_is_answered(backend: OllamaBackend) -> None:
    question = Question("Translate into English: Guten Morgen!", num_predict=40)
    assert (await backend.ask(question)).text.strip()


@pytest.mark.anyio
async def test_a_schema_is_followed(backend: OllamaBackend) -> None:
    question = Question("List the objects in this picture as JSON.", jpeg(), SCHEMA, num_predict=300)
    reply = await backend.ask(question)
    assert isinstance(json.loads(reply.text)["objects"], list)


@pytest.mark.anyio
async def test_a_reply_that_is_cut_says_so(backend: OllamaBackend) -> None:
    reply = await backend.ask(Question("Describe this picture in ten sentences.", jpeg(), num_predict=3))
    assert (reply.finish, reply.output_tokens) == ("length", 3)


@pytest.mark.anyio
async def test_a_model_that_is_missing_can_be_named(backend: OllamaBackend) -> None:
    with pytest.raises(ModelNotPulled, match="ollama pull no-such-model"):
        await backend.ask(Question("?", model="no-such-model"))


@pytest.mark.anyio
async def test_bytes_that_are_no_picture_are_refused_or_a_stumble(backend: OllamaBackend) -> None:
    with pytest.raises((ServerRefused, ServerStumbled)):
        await backend.ask(Question("?", b"no picture"))
    assert (await backend.ask(Question("What is this?", jpeg(), num_predict=8))).text


@pytest.mark.anyio
async def test_four_questions_about_a_picture_encode_it_once(
    simulator: Simulator, simulated: OllamaBackend
) -> None:
    picture = jpeg("blue")
    for words in ("What is on it?", "Describe it.", "Read the text in it.", "What mood has it?"):
        await simulated.ask(Question(words, picture))
    assert (simulator.counters.image_encodes, simulator.counters.loads) == (1, 1)


@pytest.mark.anyio
async def test_ten_pictures_are_encoded_ten_times_and_the_model_loaded_once(
    simulator: Simulator, simulated: OllamaBackend
) -> None:
    for number in range(10):
        picture = jpeg(size=(40 + number, 40))
        for words in ("What is on it?", "Describe it.", "Read the text in it."):
            await simulated.ask(Question(words, picture, num_predict=20 + number, options={"seed": number}))
        await simulated.ask(Question("Translate: Hallo"))
    counters = simulator.counters
    assert (counters.image_encodes, counters.loads, counters.reloads) == (10, 1, 0)


@pytest.mark.anyio
async def test_a_model_that_cannot_see_is_not_asked(simulator: Simulator) -> None:
    backend = adapter(simulator.url, "textonly")
    with pytest.raises(ModelMissing, match="cannot see pictures"):
        await backend.ask(Question("?", jpeg()))
    assert not simulator.counters.calls
    await backend.close()


@pytest.mark.anyio
async def test_cancelling_frees_the_slot_at_once(simulator: Simulator, simulated: OllamaBackend) -> None:
    simulator.faults.set(Fault("hang-mid-stream", times=1))
    patient = adapter(simulator.url, limits=TimeLimits())
    asking = asyncio.create_task(patient.ask(Question("Describe it.", jpeg())))
    while not simulator.counters.calls:  # noqa: ASYNC110  # the server is asked from outside
        await asyncio.sleep(0.005)
    asking.cancel()
    await asyncio.wait([asking])
    async with asyncio.timeout(2):
        assert (await simulated.ask(Question("Describe it.", jpeg("green")))).text
    await patient.close()


@pytest.mark.anyio
@pytest.mark.parametrize("generation", GENERATIONS)
async def test_a_missing_model_is_pulled(generation: str) -> None:
    settings = SimulatorSettings(generation=generation, models=())  # type: ignore[arg-type]
    async with Simulator(settings) as running:
        backend = adapter(running.url, "llava16hd")
        with pytest.raises(ModelNotPulled):
            await backend.inspect()
        heard: list[str] = []
        await backend.pull(lambda status, _done, _all: heard.append(status))
        assert heard[-1] == "success"
        assert (await backend.inspect()).model == "llava16hd"
        await backend.close()


@pytest.mark.anyio
async def test_a_pull_without_network_is_a_missing_model() -> None:
    async with Simulator(SimulatorSettings(models=(), registry="offline")) as running:
        backend = adapter(running.url, "llava16hd")
        with pytest.raises(ModelMissing, match="ollama pull llava16hd"):
            await backend.pull(lambda *_: None)
        await backend.close()


ANSWERED_ALL_THE_SAME = {"slow"}
FRAMES_ARE_STILL_WORDS = {"done-false", "no-done", "zero-frames"}


@pytest.mark.anyio
@pytest.mark.parametrize("kind", sorted(CONNECTION_KINDS | STATUS_KINDS | STREAM_KINDS))
async def test_a_fault_comes_out_as_an_error_of_ours_and_passes(
    kind: str, simulator: Simulator, simulated: OllamaBackend
) -> None:
    await simulated.inspect()
    simulator.faults.set(Fault(kind, path="/api/chat", times=1, seconds=0.01 if kind == "slow" else 3600.0))
    outcome = "answered"
    try:
        await simulated.ask(Question("Describe it.", jpeg()))
    except CaptiondError as error:
        outcome = type(error).__name__
    assert (outcome == "answered") == (kind in ANSWERED_ALL_THE_SAME)
    assert (outcome == UnusableReply.__name__) == (kind in FRAMES_ARE_STILL_WORDS)
    assert (await simulated.ask(Question("Describe it.", jpeg()))).text


@pytest.mark.anyio
@pytest.mark.parametrize("kind", sorted(WORD_KINDS))
async def test_bad_words_are_for_the_checks_to_judge(
    kind: str, simulator: Simulator, simulated: OllamaBackend
) -> None:
    simulator.faults.set(Fault(kind, times=1))
    outcome = ""
    try:
        outcome = (await simulated.ask(Question("Describe it.", jpeg(), num_predict=200))).finish
    except UnusableReply:
        outcome = "stopped by the server"
    assert outcome in {"stop", "length", "stopped by the server"}
