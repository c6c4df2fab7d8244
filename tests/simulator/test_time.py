"""Time: none by default; with a scale, that of the card the predictions are made for."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from captiond.simulator import Profile, Simulator, SimulatorSettings
from simulator.conftest import MODEL, Paint


class HandClock:
    """A clock that only sleeping and the test move on."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def now(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def monotonic_seconds(self) -> float:
        return self.seconds

    async def sleep(self, seconds: float) -> None:
        self.seconds += seconds


async def post(url: str, **body: object) -> dict[str, object]:
    async with httpx.AsyncClient() as client:
        value: dict[str, object] = (
            await client.post(f"{url}/api/chat", json={"model": MODEL, **body})
        ).json()
        return value


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("keep_alive", "stays", "gone"), [("1h30m", 5399, 5401), (2.5, 2, 3), ("10m", 599, 601), (300, 299, 301)]
)
async def test_a_model_goes_when_its_time_is_over(keep_alive: object, stays: float, gone: float) -> None:
    clock = HandClock()
    async with Simulator(SimulatorSettings(), clock) as simulator, httpx.AsyncClient() as client:
        await post(simulator.url, messages=[], keep_alive=keep_alive)
        seen: list[int] = []
        for after in (stays, gone - stays):
            clock.seconds += after
            seen.append(len((await client.get(f"{simulator.url}/api/ps")).json()["models"]))
    assert seen == [1, 0]


@pytest.mark.anyio
async def test_a_model_can_stay_for_ever() -> None:
    async with Simulator() as simulator, httpx.AsyncClient() as client:
        await post(simulator.url, messages=[], keep_alive=-1)
        entry = (await client.get(f"{simulator.url}/api/ps")).json()["models"][0]
    assert entry["expires_at"].startswith("23")


@pytest.mark.anyio
@pytest.mark.parametrize(("scale", "expected"), [(0.0, 0.0), (1.0, 1.0), (0.1, 0.1)])
async def test_an_answer_takes_the_time_of_the_card(scale: float, expected: float, paint: Paint) -> None:
    clock = HandClock()
    settings = SimulatorSettings(time_scale=scale, projector="anyres", rambling=True)
    async with Simulator(settings, clock) as simulator:
        await post(simulator.url, messages=[])
        began = clock.seconds
        picture = b64encode(paint()).decode()
        message = {"role": "user", "content": "Describe.", "images": [picture]}
        reply = await post(simulator.url, messages=[message], stream=False, options={"num_predict": 75})
    nominal = 5 * 0.015 + 2900 / 5000 + 75 * (0.0083 + 2950 * 0.862e-6)
    assert clock.seconds - began == pytest.approx(nominal * expected, rel=0.05, abs=0.002)
    assert reply["eval_count"] == 75


def test_more_answers_at_once_make_a_step_longer_but_not_by_much() -> None:
    steps = [Profile().step(answers, 0) for answers in (1, 2, 4, 8, 16, 64)]
    assert steps == sorted(steps)
    assert steps[2] == pytest.approx(0.0097)
    assert steps[-1] == pytest.approx(0.0133)
