"""The real command in a process of its own, against a simulated model server in another."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest


@dataclass
class SimulatedServer:
    """A simulated Ollama server in a process of its own."""

    url: str
    process: subprocess.Popen[str]

    @property
    def counters(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/simulator/counters") as answer:
            return json.load(answer)

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [call for call in self.counters["calls"] if call["endpoint"] == "/api/chat"]


@dataclass
class Command:
    """The `captiond` command with a home and a catalogue of its own."""

    home: Path
    catalogue: Path
    url: str

    @property
    def environment(self) -> dict[str, str]:
        foreign = ("CAPTIOND_", "OLLAMA")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return kept | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / ".config"),
            "XDG_DATA_HOME": str(self.home / ".local/share"),
            "CAPTIOND_CATALOGUE": str(self.catalogue),
            "OLLAMA_HOST": self.url,
        }

    def __call__(self, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "captiond", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    @contextmanager
    def running(self, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        command = [sys.executable, "-m", "captiond", "run", *map(str, arguments)]
        log = (self.home / "log").open("a")
        with log, subprocess.Popen(command, env=self.environment, stderr=log, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()


@contextmanager
def simulated_server(*arguments: object) -> Iterator[SimulatedServer]:
    command = [sys.executable, "-m", "captiond.simulator", "--port", "0", "--stop-with-stdin"]
    with subprocess.Popen(
        [*command, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield SimulatedServer(process.stdout.readline().strip(), process)
        finally:
            process.terminate()


@pytest.fixture
def server() -> Iterator[SimulatedServer]:
    with simulated_server() as running:
        yield running


@pytest.fixture
def captiond(tmp_path: Path, server: SimulatedServer) -> Command:
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, tmp_path / "catalogue.db", server.url)


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, at most 20 seconds."""

    def wait(holds: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.05)

    return wait
