"""Bad photo or bad server: who is charged, who waits, and when it goes on."""

import asyncio
import base64
import json
import random
from collections import Counter
from collections.abc import Callable

import pytest

from captiond.errors import BadConfiguration, ModelMissing, ServerAway, ServerStumbled, UnusableReply
from captiond.pipeline import TRIES_ALLOWED
from captiond.vision.backend import Question
from captiond.vision.endpoints import Endpoint, Health, ModelLacking
from captiond.vision.ollama import OllamaBackend
from captiond.vision.suspects import RETRIES_IN_PLACE
from vision.raw_server import (
    MODEL,
    Answer,
    FakeClock,
    MakeBackend,
    RawServer,
    Received,
    body,
    failing,
    frame,
    good,
    stream,
)

CANARY = b"canary"
OTHER = "qwen2.5vl:7b"
CRASH = failing(500, "model runner has unexpectedly stopped")
GOOD = good("a cat")


def photo(number: int) -> Question:
    return Question("What is this?", f"photo {number}".encode())


def picture_in(request: Received) -> str:
    return base64.b64decode(request.content["messages"][0]["images"][0]).decode()


def asked(server: RawServer) -> list[str]:
    return [picture_in(request) for request in server.sent_to("/api/chat")]


def crashing_on(*pictures: str) -> Callable[[Received], Answer]:
    return lambda request: CRASH if picture_in(request) in pictures else GOOD


class Heard(list[Health]):
    """The changes that an endpoint announced."""

    def __call__(self, _name: str, health: Health) -> None:
        self.append(health)


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def endpoint(backend: OllamaBackend, clock: FakeClock, heard: Heard) -> Endpoint:
    return Endpoint(
        backend,
        parallel=2,
        canary_jpeg=CANARY,
        clock=clock,
        rng=random.Random(1),
        pull=True,
        changed=heard,
    )


@pytest.mark.anyio
async def test_a_good_server_is_up_at_once(endpoint: Endpoint, clock: FakeClock, heard: Heard) -> None:
    assert not endpoint.was_probed
    await endpoint.until_up()
    assert (endpoint.is_up, endpoint.reason, endpoint.fit_for(None).boxes) == (True, None, ((336, 336),))
    assert (len(heard), clock.seconds) == (1, 0.0)


@pytest.mark.anyio
async def test_a_stumble_is_the_photos_when_the_canary_sings(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(crashing_on("photo 1"))
    await endpoint.until_up()
    with pytest.raises(ServerStumbled):
        await endpoint.ask(photo(1))
    assert asked(server) == ["photo 1", "canary"]
    assert endpoint.is_up


@pytest.mark.anyio
async def test_a_stumble_is_the_servers_when_the_canary_is_silent(
    endpoint: Endpoint, server: RawServer
) -> None:
    server.on_chat(lambda _request: CRASH)
    await endpoint.until_up()
    with pytest.raises(ServerAway, match="fails on a test picture too"):
        await endpoint.ask(photo(1))
    assert "unexpectedly stopped" in (endpoint.reason or "")


@pytest.mark.anyio
async def test_a_canary_that_answers_badly_sings_still(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(lambda request: stream(frame("gr")) if picture_in(request) == "canary" else CRASH)
    with pytest.raises(ServerStumbled):
        await endpoint.ask(photo(1))


@pytest.mark.anyio
async def test_the_canary_asks_for_little(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(crashing_on("photo 1"))
    with pytest.raises(ServerStumbled):
        await endpoint.ask(photo(1))
    assert server.sent_to("/api/chat")[-1].content["options"]["num_predict"] <= 20


@pytest.mark.anyio
async def test_an_unusable_reply_needs_no_canary(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(lambda _request: stream(frame("half")))
    with pytest.raises(UnusableReply):
        await endpoint.ask(photo(1))
    assert asked(server) == ["photo 1"]


@pytest.mark.anyio
@pytest.mark.parametrize("photos", [300, pytest.param(1000, marks=pytest.mark.slow)])
async def test_a_server_that_fails_at_random_condemns_no_photo(
    endpoint: Endpoint, server: RawServer, photos: int
) -> None:
    dice = random.Random(5)
    server.on_chat(lambda _request: CRASH if dice.random() < 0.4 else GOOD)
    charged: Counter[int] = Counter()
    for number in range(photos):
        for _ in range(20):
            await endpoint.until_up()
            try:
                await endpoint.ask(photo(number))
            except ServerStumbled:
                charged[number] += 1
            except ServerAway:
                continue
            else:
                break
    assert max(charged.values(), default=0) < 3
    assert len(asked(server)) < photos * 1.9, "test pictures counted"


@pytest.mark.anyio
@pytest.mark.parametrize("photos", [100, pytest.param(1000, marks=pytest.mark.slow)])
async def test_exactly_the_poisonous_photos_fail(endpoint: Endpoint, server: RawServer, photos: int) -> None:
    poisonous = {7, 8, 40, 41, photos - 1}
    server.on_chat(crashing_on(*(f"photo {number}" for number in poisonous)))
    await endpoint.until_up()
    tries: Counter[int] = Counter()
    due = list(range(photos))
    while due:
        number = due.pop(0)
        try:
            await endpoint.ask(photo(number))
        except ServerStumbled:
            tries[number] += 1
            if tries[number] < TRIES_ALLOWED:
                due.append(number)  # behind all others, as the queue has it
    assert {number for number, count in tries.items() if count == TRIES_ALLOWED} == poisonous
    assert set(tries) == poisonous, "nobody else was charged"
    assert max(Counter(asked(server))[f"photo {number}"] for number in poisonous) <= 8
    assert endpoint.is_up


@pytest.mark.anyio
async def test_a_poisonous_photo_is_asked_a_few_times_only(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(crashing_on("photo 1", "photo 2"))
    await endpoint.until_up()
    for _ in range(3):
        for number in (1, 2, 3):
            with_poison = number != 3
            try:
                await endpoint.ask(photo(number))
                assert not with_poison
            except ServerStumbled:
                assert with_poison
    counts = Counter(asked(server))
    assert max(counts["photo 1"], counts["photo 2"]) <= RETRIES_IN_PLACE + 3


@pytest.mark.anyio
async def test_two_photos_far_apart_do_not_make_a_server_flaky(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(crashing_on("photo 1", "photo 2"))
    for number in (1, *[7] * 10, 2):
        try:
            await endpoint.ask(photo(number))
        except ServerStumbled:
            assert number in {1, 2}
    assert Counter(asked(server))["photo 2"] == 1


@pytest.mark.anyio
async def test_probes_grow_apart_up_to_a_minute(
    endpoint: Endpoint, server: RawServer, clock: FakeClock, heard: Heard
) -> None:
    await server.stop()
    waiting = asyncio.create_task(endpoint.until_up())
    while len(clock.slept) < 12:  # noqa: ASYNC110  # the clock is moved by the waiting itself
        await asyncio.sleep(0)
    waiting.cancel()
    for pause, middle in zip(clock.slept, [0, 1, 2, 4, 8, 16, 32, 60, 60], strict=False):
        assert middle * 0.75 <= pause <= middle * 1.25
    assert len(heard) == 1, "an outage is announced once"


@pytest.mark.anyio
@pytest.mark.parametrize("hours", [2, pytest.param(24, marks=pytest.mark.slow)])
async def test_a_day_without_a_server_costs_few_probes(
    endpoint: Endpoint, server: RawServer, clock: FakeClock, hours: int
) -> None:
    await server.stop()
    waiting = asyncio.create_task(endpoint.until_up())
    while clock.seconds < hours * 3600:  # noqa: ASYNC110  # the clock is moved by the waiting itself
        await asyncio.sleep(0)
    waiting.cancel()
    assert len(clock.slept) < hours * 1500 / 24 + 6, "the first minute has more"
    assert max(clock.slept) <= 75, "a minute, with jitter"


@pytest.mark.anyio
async def test_a_server_that_comes_back_is_used_again(
    endpoint: Endpoint, server: RawServer, clock: FakeClock, heard: Heard
) -> None:
    server.on_chat(lambda _request: GOOD)
    port = int(server.url.rpartition(":")[2])
    await server.stop()
    waiting = asyncio.create_task(endpoint.until_up())
    while len(clock.slept) < 5:  # noqa: ASYNC110  # the clock is moved by the waiting itself
        await asyncio.sleep(0)
    await server.start(port)
    await asyncio.wait_for(waiting, 5)
    assert [health.up for health in heard] == [False, True]
    assert (await endpoint.ask(photo(1))).text == "a cat"


@pytest.mark.anyio
async def test_an_outage_while_asking_lets_all_others_wait(endpoint: Endpoint, server: RawServer) -> None:
    await endpoint.until_up()
    server.on_chat(lambda _request: failing(503, "server busy"))
    with pytest.raises(ServerAway):
        await endpoint.ask(photo(1))
    assert not endpoint.is_up


@pytest.mark.anyio
async def test_two_that_fall_together_are_one_outage(
    endpoint: Endpoint, server: RawServer, clock: FakeClock, heard: Heard
) -> None:
    await endpoint.until_up()
    server.on_chat(lambda _request: failing(503, "server busy"))
    await asyncio.gather(*(endpoint.ask(photo(number)) for number in (1, 2)), return_exceptions=True)
    server.on_chat(lambda _request: GOOD)
    await endpoint.until_up()
    assert [health.up for health in heard] == [True, False, True]
    assert clock.slept[-1] < 2


@pytest.mark.anyio
async def test_workers_that_wait_share_one_prober(endpoint: Endpoint, server: RawServer) -> None:
    await asyncio.gather(*(endpoint.until_up() for _ in range(20)))
    assert len(server.sent_to("/api/version")) == 1


@pytest.mark.anyio
async def test_when_the_prober_is_stopped_another_goes_on(endpoint: Endpoint, server: RawServer) -> None:
    await server.stop()
    first, second = (asyncio.create_task(endpoint.until_up()) for _ in range(2))
    await asyncio.sleep(0.01)
    first.cancel()
    await server.start(int(server.url.rpartition(":")[2]))
    await asyncio.wait_for(second, 5)
    assert endpoint.is_up


@pytest.mark.anyio
async def test_a_server_that_failed_to_answer_must_answer_before_it_is_up(
    endpoint: Endpoint, server: RawServer, clock: FakeClock
) -> None:
    await endpoint.until_up()
    answers = iter([CRASH, CRASH, CRASH, CRASH])
    server.on_chat(lambda _request: next(answers, GOOD))
    with pytest.raises(ServerAway):
        await endpoint.ask(photo(1))
    await endpoint.until_up()
    assert asked(server) == ["photo 1", *["canary"] * 4]
    assert clock.slept[-1] > clock.slept[-2] > clock.slept[-3]


@pytest.mark.anyio
async def test_a_server_that_looks_well_but_never_answers_is_asked_less_and_less(
    endpoint: Endpoint, server: RawServer, clock: FakeClock
) -> None:
    server.on_chat(lambda request: GOOD if picture_in(request) == "canary" else failing(503, "server busy"))
    for _ in range(6):
        await endpoint.until_up()
        with pytest.raises(ServerAway):
            await endpoint.ask(photo(1))
    assert clock.slept[-1] > 8


@pytest.mark.anyio
async def test_a_missing_model_is_pulled(endpoint: Endpoint, server: RawServer) -> None:
    server.with_models()

    async def pulled(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server.with_models(MODEL)
        await stream('{"status":"success"}\n')(reader, writer)

    server.on("/api/pull", pulled)
    await endpoint.until_up()
    assert endpoint.inspection is not None
    assert endpoint.inspection.model == MODEL


@pytest.mark.anyio
async def test_a_missing_model_is_not_pulled_where_that_is_off(
    backend: OllamaBackend, server: RawServer, clock: FakeClock, heard: Heard
) -> None:
    server.with_models()
    endpoint = Endpoint(
        backend, parallel=1, canary_jpeg=CANARY, clock=clock, rng=random.Random(1), changed=heard
    )
    waiting = asyncio.create_task(endpoint.until_up())
    while not heard:  # noqa: ASYNC110  # the clock is moved by the waiting itself
        await asyncio.sleep(0)
    waiting.cancel()
    assert "ollama pull" in (endpoint.reason or "")
    assert not server.sent_to("/api/pull")


@pytest.mark.anyio
async def test_a_model_that_is_removed_is_an_outage_and_fetched_anew(
    endpoint: Endpoint, server: RawServer
) -> None:
    await endpoint.until_up()
    server.on_chat(lambda _request: failing(404, "model not found"))
    with pytest.raises(ModelMissing):
        await endpoint.ask(photo(1))
    server.on_chat(lambda _request: GOOD)
    await endpoint.until_up()
    assert endpoint.is_up


@pytest.mark.anyio
async def test_a_wrong_setting_is_not_waited_out(endpoint: Endpoint, server: RawServer) -> None:
    server.on_chat(lambda _request: failing(500, 'option "num_ctx" must be of type integer'))
    with pytest.raises(BadConfiguration):
        await endpoint.ask(photo(1))


@pytest.mark.anyio
async def test_no_more_work_at_once_than_there_are_slots(endpoint: Endpoint) -> None:
    most = now = 0

    async def work() -> None:
        nonlocal most, now
        async with endpoint.slot():
            now += 1
            most = max(most, now)
            await asyncio.sleep(0)
            now -= 1

    await asyncio.gather(*(work() for _ in range(10)))
    assert most == endpoint.parallel


# ── models of single prompts ──


@pytest.fixture
def with_other(server: RawServer, backend_at: MakeBackend, clock: FakeClock) -> Endpoint:
    """A server that is to have another model for single prompts, and may not fetch it."""
    backend = backend_at(server.url, other_models={OTHER: True})
    return Endpoint(backend, parallel=1, canary_jpeg=CANARY, clock=clock, rng=random.Random(1))


def fine(number: int) -> Question:
    return Question("What does the fine print say?", f"photo {number}".encode(), model=OTHER)


@pytest.mark.anyio
async def test_a_server_without_the_model_of_a_single_prompt_works(
    with_other: Endpoint, server: RawServer
) -> None:
    await with_other.until_up()
    server.on_chat(lambda _request: GOOD)
    assert with_other.lacking.keys() == {OTHER}
    assert f"`ollama pull {OTHER}` there fetches it" in with_other.lacking[OTHER]
    assert any("Prompts with this model wait" in warning for warning in with_other.health.warnings)
    assert (await with_other.ask(photo(1))).text == "a cat"


@pytest.mark.anyio
async def test_a_question_to_a_missing_model_is_no_outage(with_other: Endpoint, server: RawServer) -> None:
    await with_other.until_up()
    with pytest.raises(ModelLacking, match=OTHER):
        await with_other.ask(fine(1))
    assert with_other.is_up


@pytest.mark.anyio
async def test_a_model_that_is_removed_later_takes_only_its_own_prompts_along(
    with_other: Endpoint, server: RawServer
) -> None:
    server.with_models(MODEL, OTHER)
    await with_other.until_up()
    assert not with_other.lacking
    server.on_chat(lambda _request: failing(404, "model not found"))
    with pytest.raises(ModelLacking):
        await with_other.ask(fine(1))
    assert with_other.lacking.keys() == {OTHER}
    assert with_other.is_up


@pytest.mark.anyio
async def test_a_model_that_comes_is_found_at_the_next_look(with_other: Endpoint, server: RawServer) -> None:
    await with_other.until_up()
    await with_other.look_again()
    assert with_other.lacking
    server.with_models(MODEL, OTHER)
    await with_other.look_again()
    assert not with_other.lacking
    looked = len(server.sent_to("/api/tags"))
    await with_other.look_again()
    assert len(server.sent_to("/api/tags")) == looked, "there is nothing to look for any more"


@pytest.mark.anyio
async def test_a_model_that_was_fetched_anew_is_known_by_its_new_digest_within_ten_minutes(
    with_other: Endpoint, server: RawServer, clock: FakeClock
) -> None:
    server.with_models(MODEL, OTHER)
    server.on_chat(lambda _request: GOOD)
    await with_other.until_up()
    before = (await with_other.ask(photo(1))).model.digest
    newer = {"models": [{"name": name, "model": name, "digest": "ff" * 32} for name in (MODEL, OTHER)]}
    server.on("/api/tags", body(200, json.dumps(newer)))
    await with_other.look_again()
    assert (await with_other.ask(photo(1))).model.digest == before
    await clock.sleep(600)
    await with_other.look_again()
    assert (await with_other.ask(photo(1))).model.digest == "ff" * 32


@pytest.mark.anyio
async def test_a_look_for_a_model_on_a_server_that_went_away_is_no_fault(
    with_other: Endpoint, server: RawServer
) -> None:
    await with_other.until_up()
    await server.stop()
    await with_other.look_again()
    assert with_other.lacking


@pytest.mark.anyio
async def test_a_model_of_a_single_prompt_that_cannot_be_fetched_stops_nobody(
    server: RawServer, backend_at: MakeBackend, clock: FakeClock
) -> None:
    backend = backend_at(server.url, other_models={OTHER: True})
    server.on("/api/pull", stream('{"error":"pull model manifest: file does not exist"}\n'))
    endpoint = Endpoint(backend, parallel=1, canary_jpeg=CANARY, clock=clock, rng=random.Random(1), pull=True)
    await endpoint.until_up()
    assert endpoint.is_up
    assert "could not be fetched" in endpoint.lacking[OTHER]
