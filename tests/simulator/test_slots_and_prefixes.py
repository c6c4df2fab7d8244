"""What is encoded and what is reused: the figures on which the order of questions depends."""

import asyncio

import ollama
import pytest

from captiond.simulator import Simulator
from simulator.conftest import MODEL, Asked, Paint

QUESTIONS = ("List the objects.", "Describe the scene.", "Read all text.", "Read all text and translate it.")


async def ask(
    client: ollama.AsyncClient, image: bytes, question: str, *, together: bool = False, model: str = MODEL
) -> ollama.ChatResponse:
    apart = [{"role": "user", "images": [image]}, {"role": "user", "content": question}]
    messages = [{"role": "user", "content": question, "images": [image]}] if together else apart
    return await client.chat(model, messages)


def encodes(simulator: Simulator) -> int:
    return simulator.counters.image_encodes


@pytest.mark.anyio
@pytest.mark.parametrize("generation", ["0.33", "0.24"])
async def test_four_questions_in_a_row_encode_the_picture_once(
    generation: str, serving: Asked, paint: Paint
) -> None:
    async with serving(generation=generation) as (simulator, client):
        for question in QUESTIONS:
            await ask(client, paint(), question)
    assert encodes(simulator) == 1


@pytest.mark.anyio
@pytest.mark.parametrize(("generation", "expected"), [("0.33", 4), ("0.24", 1)])
async def test_four_questions_at_once_on_four_slots(
    generation: str, expected: int, serving: Asked, paint: Paint
) -> None:
    async with serving(generation=generation, slots=4, time_scale=0.2) as (simulator, client):
        await client.chat(MODEL, [])
        await asyncio.gather(*(ask(client, paint(), question) for question in QUESTIONS))
    assert encodes(simulator) == expected


@pytest.mark.anyio
@pytest.mark.parametrize(("ram_cache", "expected"), [(False, 4), (True, 2)])
async def test_two_pictures_in_turn_on_one_slot(
    ram_cache: bool, expected: int, serving: Asked, paint: Paint
) -> None:
    async with serving(ram_cache=ram_cache) as (simulator, client):
        for question in QUESTIONS[:2]:
            await ask(client, paint("green"), question)
            await ask(client, paint("blue"), question)
    assert encodes(simulator) == expected


@pytest.mark.anyio
async def test_two_pictures_at_once_each_with_its_own_chain(serving: Asked, paint: Paint) -> None:
    async with serving(slots=2) as (simulator, client):

        async def chain(colour: str) -> None:
            for question in QUESTIONS:
                await ask(client, paint(colour), question)

        await asyncio.gather(chain("green"), chain("blue"))
    assert encodes(simulator) == 2


@pytest.mark.anyio
@pytest.mark.parametrize(("together", "expected"), [(True, 4), (False, 1)])
async def test_the_native_path_puts_the_text_first(
    together: bool, expected: int, serving: Asked, paint: Paint
) -> None:
    async with serving() as (simulator, client):
        for question in QUESTIONS:
            await ask(client, paint(), question, together=together, model="nativechat")
    assert encodes(simulator) == expected


@pytest.mark.anyio
async def test_reading_a_known_picture_is_quick_but_counts_as_many_tokens(
    serving: Asked, paint: Paint
) -> None:
    async with serving() as (_, client):
        first = await ask(client, paint(), QUESTIONS[0])
        second = await ask(client, paint(), QUESTIONS[0])
    assert first.prompt_eval_count == second.prompt_eval_count
    assert second.prompt_eval_duration < first.prompt_eval_duration / 20


@pytest.mark.anyio
async def test_another_context_length_loads_the_model_again(serving: Asked, paint: Paint) -> None:
    async with serving() as (simulator, client):
        for context in (4096, 2048, None):
            await client.chat(MODEL, [], options={"num_ctx": context} if context else None)
    assert (simulator.counters.loads, simulator.counters.reloads) == (3, 2)


@pytest.mark.anyio
async def test_those_who_wait_are_served_in_their_order(serving: Asked, paint: Paint) -> None:
    ended: list[str] = []
    async with serving(time_scale=0.01) as (_, client):
        await client.chat(MODEL, [])

        async def one(question: str) -> None:
            await ask(client, paint(), question)
            ended.append(question)

        async with asyncio.TaskGroup() as group:
            for question in QUESTIONS:
                group.create_task(one(question))
                await asyncio.sleep(0.02)
    assert ended == list(QUESTIONS)


@pytest.mark.anyio
async def test_one_who_gives_up_waiting_does_not_take_the_slot_along(serving: Asked, paint: Paint) -> None:
    async with serving(time_scale=0.02) as (_, client):
        await client.chat(MODEL, [])
        first = asyncio.create_task(ask(client, paint(), "Describe the scene."))
        await asyncio.sleep(0.02)
        second = asyncio.create_task(ask(client, paint(), "List the objects."))
        await asyncio.sleep(0.02)
        second.cancel()
        await first
        assert (await asyncio.wait_for(ask(client, paint(), "Read all text."), 5)).done


@pytest.mark.anyio
async def test_the_calls_are_logged(serving: Asked, paint: Paint) -> None:
    async with serving() as (simulator, client):
        await client.chat(MODEL, [{"role": "user", "content": "Why?"}], options={"seed": 7, "num_predict": 9})
    call = simulator.counters.calls[0]
    assert (call.endpoint, call.prompt, call.images, call.options["seed"]) == ("/api/chat", "Why?", (), 7)
