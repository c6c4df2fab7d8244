"""What the official Python client made of the real servers it must make of the simulator too."""

import asyncio
import json
from typing import Any

import ollama
import pytest

from simulator.recorded import Scenario, body_of, scenarios
from simulator.replaying import Replay

STAGED = ("runner-", "server-", "client-d", "client-t", "queue-", "repeat-", "pull-", "oversize-")
"""Something else happened to the server, or to the time: `test_client.py` has these cases, one by one."""

UNCOMPARED = {
    ("client-arguments", "[5]"): "the random model's own words decide when it stops",
    ("load-timeout", "progress 1.00"): "how far a load had got when it was given up",
    ("broken-models", "[2] stream_false"): "how much the dying runner still wrote in its log (0.24)",
}

ARGUMENTS = {
    "model",
    "messages",
    "prompt",
    "images",
    "system",
    "options",
    "format",
    "keep_alive",
    "think",
    "tools",
}
STREAMS = {"stream_false": False, "stream_true": True}

CASES = [
    scenario
    for scenario in scenarios()
    if not scenario.name.startswith(STAGED) and '"client"' in json.dumps(scenario.steps)
]


class ClientReplay(Replay):
    """A replay in which the client asks right after each recorded request, as it did."""

    def __init__(self, scenario: Scenario) -> None:
        super().__init__(scenario)
        self.found: list[str] = []

    async def _step(self, at: int, *, alone: bool) -> None:
        await super()._step(at, alone=alone)
        step = self.steps[at]
        for how, recorded in step.get("client", {}).items():
            if how in STREAMS and step["request"]["path"] in ("/api/chat", "/api/generate"):
                got = await self._call(step["request"], stream=STREAMS[how])
                if got != expected(recorded):
                    self.found.append(f"[{at}] {how}: {expected(recorded)} was {got}")

    async def _call(self, request: dict[str, Any], *, stream: bool) -> Any:
        body = json.loads(body_of(request))
        given = {name: value for name, value in body.items() if name in ARGUMENTS}
        async with ollama.AsyncClient(self.simulator.url, trust_env=False) as client:
            call = client.generate if "generate" in request["path"] else client.chat
            try:
                answer = await asyncio.wait_for(call(**given, stream=stream), 10)
                parts = [part async for part in answer] if stream else [answer]
            except Exception as error:  # noqa: BLE001 - what is raised is what is compared
                kind = type(error)
                raised = f"{kind.__module__}.{kind.__qualname__}"
                return raised, getattr(error, "status_code", None), getattr(error, "error", None)
        return ending(parts[-1].model_dump(exclude_none=True)) if parts else "nothing"


def expected(recorded: dict[str, Any]) -> Any:
    if "raised" in recorded:
        return recorded["raised"], recorded.get("status_code"), recorded.get("error")
    last = recorded.get("object") or recorded.get("last")
    return ending(last) if last else "nothing"


def ending(part: dict[str, Any]) -> tuple[Any, ...]:
    return part.get("model"), part["done"], part.get("done_reason"), part.get("prompt_eval_count")


@pytest.mark.anyio
@pytest.mark.parametrize("scenario", CASES, ids=lambda one: f"{one.generation}-{one.name}")
async def test_the_client_sees_what_it_saw(scenario: Scenario) -> None:
    replay = ClientReplay(scenario)
    await replay.run()
    excused = [part for name, part in UNCOMPARED if name == scenario.name]
    assert [found for found in replay.found if not any(part in found for part in excused)] == []
