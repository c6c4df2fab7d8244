"""`python -m captiond.simulator` as other programs use it."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from captiond.simulator import SimulatorSettings, running_in_thread


@contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "captiond.simulator", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        try:
            yield server, server.stdout.readline().strip()
        finally:
            server.kill()


def test_the_first_line_is_the_address_and_sigterm_ends_it() -> None:
    with started("--generation", "0.24", "--model", "mine") as (server, url):
        assert httpx.get(f"{url}/api/version").json() == {"version": "0.24.0-simulated"}
        assert [model["name"] for model in httpx.get(f"{url}/api/tags").json()["models"]] == ["mine:latest"]
        server.send_signal(signal.SIGTERM)
        assert server.wait(10) == 0


def test_it_ends_with_standard_input() -> None:
    with started("--stop-with-stdin", "--missing-model") as (server, url):
        assert httpx.get(f"{url}/api/tags").json() == {"models": []}
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(10) == 0


def test_faults_are_set_and_figures_read_over_http() -> None:
    with started("--fault", "busy:nth=1") as (_, url):
        body = {"model": "llava:13b-v1.6", "messages": [{"role": "user", "content": "hi"}], "stream": False}
        assert httpx.post(f"{url}/api/chat", json=body).status_code == 503
        faults = {"faults": [{"kind": "too-large", "prompt": "hi"}]}
        assert httpx.post(f"{url}/simulator/faults", json=faults).status_code == 200
        assert httpx.post(f"{url}/api/chat", json=body).json() == {"error": ""}
        assert httpx.get(f"{url}/simulator/counters").json()["faults"] == 2


def test_a_wrong_fault_over_http_is_refused() -> None:
    with running_in_thread() as simulator:
        answer = httpx.post(
            f"{simulator.url}/simulator/faults", content=json.dumps({"faults": [{"kind": "x"}]})
        )
    assert answer.status_code == 400
    assert "There is no fault" in answer.json()["error"]


def test_only_the_loopback_interface_is_served() -> None:
    command = [sys.executable, "-m", "captiond.simulator", "--host", "0.0.0.0"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 2
    assert "loopback" in ended.stderr


def test_a_simulator_in_a_thread_is_controlled_from_outside() -> None:
    with running_in_thread(SimulatorSettings(models=())) as simulator:
        simulator.control(lambda one: one.shelf.put("llava", digest="f" * 64))
        models = httpx.get(f"{simulator.url}/api/tags").json()["models"]
        assert [(model["name"], model["digest"]) for model in models] == [("llava:latest", "f" * 64)]
        assert simulator.counters.requests == 1


@pytest.mark.parametrize("gpu", ["gpu", "partial", "cpu"])
def test_the_share_of_the_gpu_is_told(gpu: str) -> None:
    with running_in_thread(SimulatorSettings(gpu=gpu)) as simulator:
        httpx.post(f"{simulator.url}/api/chat", json={"model": "llava:13b-v1.6", "messages": []})
        entry = httpx.get(f"{simulator.url}/api/ps").json()["models"][0]
    assert entry["size_vram"] / entry["size"] == {"gpu": 1.0, "partial": 0.5, "cpu": 0.0}[gpu]
