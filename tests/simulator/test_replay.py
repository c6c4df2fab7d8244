"""Every recorded request, sent again to a fresh simulator: it must answer as the real servers did."""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from captiond.simulator import SimulatorSettings
from simulator.comparing import differences
from simulator.recorded import Scenario, scenarios
from simulator.replaying import Replay

WORDS = "the random model's own words decide when it stops"
READING = "the time to read a body of 60 MB counts as loading; the body is a hundredth of that here"
UNCOMPARED = {
    ("num-predict", 2, "framing"): WORDS,
    ("num-predict", 2, "done_reason"): WORDS,
    ("num-predict", 2, "eval_count"): WORDS,
    ("format-bad", 6, "done_reason"): WORDS,
    ("format-bad", 6, "eval_count"): WORDS,
    ("oversize-body", 1, "load_duration"): READING,
    ("oversize-body", 2, "load_duration"): READING,
    ("oversize-body", 3, "load_duration"): READING,
    (
        "runner-frozen",
        3,
        "load_duration",
    ): "20 s of health checks before a frozen runner is replaced are not simulated",
    (
        "queue-full",
        None,
        "",
    ): "which of eight requests at once gets through is chance; they are counted instead",
}
"""What is not compared, by scenario, step and part, and why. Everything else is.

Steps that only hold what the Python client raised have no response to compare: see `test_client_replay.py`.
"""


async def found_in(scenario: Scenario) -> list[tuple[int, str]]:
    """Replay a scenario and give every difference with its step."""
    replay = Replay(scenario)
    answers = await replay.run()
    return [(at, difference) for at, answer in answers.items() for difference in replay.compare(at, answer)]


def excused(name: str, at: int, difference: str) -> bool:
    return any(
        name == scenario and step in (at, None) and part in difference for scenario, step, part in UNCOMPARED
    )


@pytest.mark.anyio
@pytest.mark.parametrize("scenario", scenarios(), ids=lambda one: f"{one.generation}-{one.name}")
async def test_the_simulator_answers_as_the_real_server_did(scenario: Scenario) -> None:
    found = await found_in(scenario)
    assert [one for one in found if not excused(scenario.name, *one)] == []


@pytest.mark.anyio
@pytest.mark.parametrize("excuse", UNCOMPARED, ids=str)
async def test_every_exception_is_needed(excuse: tuple[str, int | None, str]) -> None:
    name, step, part = excuse
    found = [await found_in(Scenario(generation, name)) for generation in ("v0.24", "v0.33")]
    assert [at for both in found for at, difference in both if step in (at, None) and part in difference]


@pytest.mark.anyio
@pytest.mark.parametrize("generation", ["v0.24", "v0.33"])
async def test_as_many_get_through_a_full_queue_as_did(generation: str) -> None:
    replay = Replay(Scenario(generation, "queue-full"))
    answers = await replay.run()
    counts = Counter(
        (replay.steps[at].get("parallel_group"), answer.status) for at, answer in answers.items()
    )
    recorded = Counter(
        (step.get("parallel_group"), step["response"]["status"])
        for step in replay.steps
        if "response" in step
    )
    assert counts == recorded


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["chat-image", "version", "textonly-image", "bad-base64", "embed"])
async def test_the_other_generation_is_told_apart(name: str) -> None:
    scenario = Scenario("v0.24", name)
    other = OtherGeneration("v0.24", name)
    assert await found_in(scenario) == []
    assert (await found_in(other) != []) == (name != "version")


class OtherGeneration(Scenario):
    """A recording of one generation, replayed to the other."""

    @property
    def settings(self) -> SimulatorSettings:
        return replace(super().settings, generation="0.33")


SWAPPED = '"done_reason":"length","done":true'

BREAKAGES: dict[str, Callable[[dict[str, Any]], object]] = {
    "status": lambda response: response.update(status=201),
    "end": lambda response: response.update(end="server-closed-early"),
    "content type": lambda response: response["headers"].update({"content-type": "application/json"}),
    "framing": lambda response: response["headers"].pop("content-length"),
    "a key more": lambda response: reword(response, '"done":true', '"done":true,"more":1'),
    "key order": lambda response: reword(response, '"done":true,"done_reason":"length"', SWAPPED),
    "reason": lambda response: reword(response, '"length"', '"load"'),
    "tokens of the prompt": lambda response: reword(
        response, '"prompt_eval_count":6', '"prompt_eval_count":7'
    ),
    "tokens of the answer": lambda response: reword(response, '"eval_count":20', '"eval_count":21'),
    "loaded or not": lambda response: reword(response, '"load_duration":2', '"load_duration":0.0000002'),
    "type": lambda response: reword(response, '"done":true', '"done":1'),
}


def reword(response: dict[str, Any], old: str, new: str) -> None:
    frame = response["frames"][-1]
    assert old in frame["text"]
    frame["text"] = frame["text"].replace(old, new)


@pytest.mark.anyio
@pytest.mark.parametrize("what", BREAKAGES)
async def test_the_comparison_notices(what: str) -> None:
    replay = Replay(Scenario("v0.33", "chat-image"))
    answer = (await replay.run())[0]
    response = replay.steps[0]["response"]
    assert list(differences(response, answer, "/api/chat")) == []
    BREAKAGES[what](response)
    assert list(differences(response, answer, "/api/chat")) != []


@pytest.mark.anyio
async def test_the_comparison_notices_one_byte_of_an_error() -> None:
    replay = Replay(Scenario("v0.33", "bad-base64"))
    answer = (await replay.run())[0]
    reword(replay.steps[0]["response"], "at input", "in input")
    assert list(differences(replay.steps[0]["response"], answer, "/api/chat")) != []


OBSERVED = [one for one in scenarios() if one.name.startswith("prefix-")]


@pytest.mark.anyio
@pytest.mark.parametrize("scenario", OBSERVED, ids=lambda one: f"{one.generation}-{one.name}")
async def test_as_much_is_reused_and_encoded_as_the_server_logged(scenario: Scenario) -> None:
    replay = Replay(scenario)
    await replay.run()
    counters, observed = replay.simulator.counters, scenario.recording["observed"].values()
    reused = sorted(call.reused_tokens for call in counters.calls)
    assert reused == sorted(tokens for part in observed for tokens in part["reused_prompt_tokens"])
    kind = "image_encodes" if scenario.generation == "v0.24" else "tile_encodes"
    assert getattr(counters, kind) == sum(part[kind] for part in observed)


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["reload-num-ctx", "reload-other-options"])
@pytest.mark.parametrize("generation", ["v0.24", "v0.33"])
async def test_the_model_is_loaded_as_often_as_the_server_logged(generation: str, name: str) -> None:
    scenario = Scenario(generation, name)
    replay = Replay(scenario)
    await replay.run()
    observed = scenario.recording["observed"]
    starts = observed.get("runner_starts") or sum(sum(one.values()) for one in observed.values())
    assert replay.simulator.counters.loads == starts
