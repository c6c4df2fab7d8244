"""Sending recorded requests again, in their order or together, and staging what befell the server."""

import asyncio
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from captiond.simulator import Fault, Simulator
from captiond.simulator.asks import read_chat, read_generate
from simulator.comparing import differences
from simulator.raw_client import Answer, send
from simulator.recorded import Scenario, body_of

GAP_SECONDS = 0.01
TOGETHER_MS = 5


class ShiftedClock:
    """The real clock, moved on where the recording slept."""

    def __init__(self) -> None:
        self.shift = 0.0

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self.shift)

    def monotonic_seconds(self) -> float:
        return asyncio.get_running_loop().time() + self.shift

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class Replay:
    """One scenario on its way through a simulator."""

    def __init__(self, scenario: Scenario) -> None:
        self.clock = ShiftedClock()
        self.name = scenario.name
        self.steps = scenario.steps
        self.simulator = Simulator(scenario.settings, self.clock)
        self.answers: dict[int, Answer] = {}
        self.hanging = asyncio.Event()

    async def run(self) -> dict[int, Answer]:
        await self.simulator.start()
        try:
            for group in self._groups():
                await self._together(group)
        finally:
            await self.simulator.stop()
        return self.answers

    def compare(self, at: int, answer: Answer) -> Iterator[str]:
        """Give the differences between an answer and the recorded one."""
        step = self.steps[at]
        alone = "parallel_group" not in step
        return differences(step["response"], answer, step["request"]["path"], alone=alone)

    def _groups(self) -> Iterator[list[int]]:
        """Give the steps one by one, those with the same group together and by their start."""
        done: set[int] = set()
        for at, step in enumerate(self.steps):
            group = step.get("parallel_group")
            same = [i for i, other in enumerate(self.steps) if group and other.get("parallel_group") == group]
            if at not in done:
                chosen = sorted(same or [at], key=lambda i: self.steps[i]["start_ms"])
                done.update(chosen)
                yield chosen

    async def _together(self, group: list[int]) -> None:
        running: dict[int, asyncio.Task[None]] = {}
        for before, at in zip([None, *group], group, strict=False):
            start = self.steps[at]["start_ms"]
            await self._after_those_that_ended(running, start)
            if before is not None and start - self.steps[before]["start_ms"] > TOGETHER_MS:
                await asyncio.sleep(GAP_SECONDS)
            received = self.simulator.counters.requests
            running[at] = asyncio.create_task(self._step(at, alone=len(group) == 1))
            await self._arrival(running[at], received)
            if len(group) > 1 and self._died(at):
                await self.hanging.wait()
        if len(group) > 1 and any(self._died(at, "unexpected EOF") for at in group):
            await asyncio.sleep(10 * GAP_SECONDS)
            self.simulator.kill_runner()
        await asyncio.gather(*running.values())

    async def _arrival(self, step: "asyncio.Task[None]", received: int) -> None:
        """Wait until a request has come to the server: those that go together keep their order."""
        while self.simulator.counters.requests == received and not step.done():
            await asyncio.wait([step], timeout=0.001)

    async def _after_those_that_ended(self, running: dict[int, asyncio.Task[None]], start: int) -> None:
        for at, task in running.items():
            response = self.steps[at].get("response") or {}
            ended = self.steps[at]["start_ms"] + response.get("end_after_ms", 0)
            if ended <= start and response.get("status") != 503:
                await task

    async def _step(self, at: int, *, alone: bool) -> None:
        step = self.steps[at]
        if action := step.get("action"):
            await self._act(action, step)
        elif step.get("response"):
            if _fetched_again(step):
                self.simulator.shelf.remove(step["request"]["body"]["model"])
            self.answers[at] = await self._ask(step, alone=alone)
        elif "unexpected EOF" in str(step.get("client")) or "unexpectedly stopped" in str(step.get("client")):
            self.simulator.kill_runner()

    async def _act(self, action: str, step: dict[str, Any]) -> None:
        match action:
            case "sleep":
                self.clock.shift += step["ms"] / 1000
            case "kill-runner":
                self.simulator.kill_runner()
            case "server started again":
                await self.simulator.start()

    def _died(self, at: int, why: str = "") -> bool:
        """Say whether the answer to a step broke off with the runner."""
        frames = (self.steps[at].get("response") or {}).get("frames") or [{"text": ""}]
        last = frames[-1]["text"]
        return "an error was encountered" in last and why in last

    async def _ask(self, step: dict[str, Any], *, alone: bool) -> Answer:
        request, response = step["request"], step["response"]
        frames = response.get("frames") or []
        if fault := self._staged(step, alone=alone):
            self.simulator.faults.add(replace(fault, times=1, **_only(request)))
        closed, stopped = response["end"] == "client-closed", response["end"] == "server-closed-early"
        stopping: list[asyncio.Task[None]] = []

        def watch(count: int) -> None:
            if count == len(frames) - 1:
                self.hanging.set()
            if stopped and count == len(frames):
                stopping.append(asyncio.create_task(self.simulator.stop()))

        if stopped and not frames:
            asyncio.get_running_loop().call_later(5 * GAP_SECONDS, watch, 0)
        answer = await send(
            self.simulator.url,
            request["method"],
            request["path"],
            body_of(request),
            request.get("headers"),
            close_after=len(frames) if closed else None,
            on_frame=watch,
        )
        await asyncio.gather(*stopping)
        return answer

    def _staged(self, step: dict[str, Any], *, alone: bool) -> Fault | None:
        """Let happen what happened to the recorded answer: the simulator does not break by itself."""
        response = step["response"]
        frames = [frame["text"] for frame in response.get("frames") or []]
        last = frames[-1] if frames else ""
        if step["request"]["path"] == "/api/pull":
            return _staged_pull(step)
        if response["end"] in ("client-closed", "server-closed-early"):
            return Fault("hang-mid-stream", after_frames=len(frames))
        if "an error was encountered" in last and response["status"] == 200:
            fault = Fault("kill-runner", after_frames=len(frames) - 1)
            return fault if alone else replace(fault, kind="hang-mid-stream")
        if response["status"] == 500 and self.name == "runner-killed-nonstream":
            return Fault("kill-runner", after_frames=0)
        if "_debug_render_only" in step["request"].get("body", {}):
            return None
        repeats = last.strip().endswith('"done":false}') and self.name != "mid-stream-bad-output"
        return Fault("repeat") if repeats else None


def _only(request: dict[str, Any]) -> dict[str, str]:
    """Let a fault strike this request alone."""
    if request["path"] == "/api/pull":
        return {}
    ask = read_generate(body_of(request)) if "generate" in request["path"] else read_chat(body_of(request))
    digests = [hashlib.sha256(image).hexdigest() for image in ask.images]
    return {"prompt": ask.prompt, "image": digests[0] if digests else ""}


def _fetched_again(step: dict[str, Any]) -> bool:
    """Say whether a pull fetched what an earlier one had fetched: it was deleted in between, unrecorded."""
    note = step.get("note", "")
    pull = step["request"]["path"] == "/api/pull" and "body" in step["request"]
    return pull and not ("already" in note or "resumes" in note)


def _staged_pull(step: dict[str, Any]) -> Fault | None:
    text = "".join(frame["text"] for frame in step["response"].get("frames") or [])
    kinds = {
        "manifest: file does not exist": "pull-missing",
        "manifest: 500": "pull-error",
        '"file does not exist"': "pull-blob-missing",
        "digest mismatch": "pull-damaged",
    }
    kind = next((kind for sign, kind in kinds.items() if sign in text), None)
    if "cut twice" in step.get("note", ""):
        kind = "pull-cut"
    return Fault(kind, path="/api/pull") if kind else None
