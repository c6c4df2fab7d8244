"""The real command in a process of its own, against a simulated model server in another."""

import json
import os
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from captiond.vision.sight import WORDS as SIGHT_WORDS
from conftest import MakePhoto
from starting import Starter, starter

Eventually = Callable[..., None]
Sidecar = Callable[[Path], dict[str, Any]]


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
        """Give all but those about test pictures: photos that look alike make the model's sight doubted."""
        asked = [call for call in self.counters["calls"] if call["endpoint"] == "/api/chat"]
        return [call for call in asked if SIGHT_WORDS not in call["prompt"]]

    def plant(self, *faults: dict[str, Any]) -> None:
        """Let these faults strike, and no others."""
        body = json.dumps({"faults": faults}).encode()
        urllib.request.urlopen(f"{self.url}/simulator/faults", body).close()


def originals(inbox: Path) -> dict[Path, tuple[object, ...]]:
    """Everything in an inbox that is not captiond's own, with all that a command could change of it."""
    return {
        path: (_digest(path), status.st_mode, status.st_mtime_ns, status.st_ctime_ns)
        for path in inbox.rglob("*")
        if "captiond" not in path.name and stat.S_ISREG((status := path.lstat()).st_mode)
    }


def _digest(path: Path) -> str:
    return sha256(path.read_bytes()).hexdigest() if os.access(path, os.R_OK) else "not to be read"


@dataclass
class Command:
    """The `captiond` command with a home and a catalogue of its own."""

    home: Path
    catalogue: Path
    url: str
    settings: dict[str, str] = field(default_factory=dict)
    """Variables of one test."""
    started_by: tuple[str, ...] = ()
    """A program, with its arguments, that starts the command."""
    starter: Starter | None = None
    """Spares commands that end by themselves the time that Python takes to load their modules."""

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
            **self.settings,
        }

    def __call__(self, *arguments: object, timeout: float = 60) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; whatever it is, it leaves all originals of the test as they were."""
        inbox = self.home.parent / "inbox"
        before = originals(inbox)
        if self.starter is None or self.started_by or "PYTHONPATH" in self.settings:
            ended = self._started(arguments, timeout)
        else:
            ended = self._forked(self.starter, arguments, timeout)
        assert originals(inbox) == before, "an original was touched"
        return ended

    def _started(self, arguments: Sequence[object], timeout: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.started_by, sys.executable, "-m", "captiond", *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def _forked(
        self, starter: Starter, arguments: Sequence[object], timeout: float
    ) -> subprocess.CompletedProcess[str]:
        with TemporaryDirectory() as folder:
            output, log = Path(folder, "output"), Path(folder, "log")
            code = starter.run(arguments, self.environment, log, timeout, output=output)
            return subprocess.CompletedProcess(arguments, code, output.read_text(), log.read_text())

    @contextmanager
    def running(self, *arguments: object) -> Iterator[subprocess.Popen[str]]:
        command = [*self.started_by, sys.executable, "-m", "captiond", "run", *map(str, arguments)]
        log = (self.home / "log").open("a")
        with log, subprocess.Popen(command, env=self.environment, stderr=log, text=True) as process:
            try:
                yield process
            finally:
                process.kill()

    @property
    def log(self) -> str:
        return (self.home / "log").read_text()

    def told(self, event: str) -> list[str]:
        """The lines that the daemon wrote of an event."""
        written = f'event="{event}"' if " " in event else f"event={event} "
        return [line for line in self.log.splitlines() if written in line]

    def rows(self, question: str) -> list[Any]:
        with closing(sqlite3.connect(f"{self.catalogue.as_uri()}?mode=ro", uri=True)) as connection:
            return connection.execute(question).fetchall()

    def configure(self, toml: str) -> None:
        """Give the command a configuration file."""
        path = self.home / "captiond.toml"
        path.write_text(toml)
        self.settings["CAPTIOND_CONFIG"] = str(path)

    def let_time_pass(self) -> None:
        """Make every try due that waits for its time; nobody else has the catalogue open."""
        with closing(sqlite3.connect(self.catalogue)) as connection, connection:
            connection.execute("UPDATE jobs SET next_try_at = '2000-01-01T00:00:00Z' WHERE state = 'waiting'")

    def why(self, path: Path) -> str | None:
        """The sentence of `captiond show`, None where there is nothing to explain."""
        found = json.loads(self("show", path, "--json").stdout)["photos"]
        return found[0]["why"] if found else None


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


@pytest.fixture(scope="session")
def ready_to_start() -> Iterator[Starter]:
    with starter() as process:
        yield process


@pytest.fixture
def first_start(tmp_path: Path, server: SimulatedServer, ready_to_start: Starter) -> Command:
    """captiond before its very first start."""
    home = tmp_path / "home"
    home.mkdir()
    return Command(home, tmp_path / "catalogue.db", server.url, starter=ready_to_start)


@pytest.fixture
def captiond(first_start: Command, empty_catalogue: Path) -> Command:
    """captiond after a first start without any photo."""
    shutil.copy(empty_catalogue, first_start.catalogue)
    return first_start


@pytest.fixture
def impatient(captiond: Command) -> Command:
    """captiond, content with files that have stood still for a moment."""
    captiond.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "0.2"
    return captiond


@pytest.fixture
def watching(impatient: Command, inbox: Path, eventually: Eventually) -> Iterator[Command]:
    """A daemon that has seen the inbox once; it must hear of what comes: the next scan is a minute off."""
    impatient.settings["CAPTIOND_LOG_LEVEL"] = "debug"
    with impatient.running(inbox) as process:
        eventually(lambda: impatient.told("scanned"))
        yield impatient
        assert process.poll() is None, "it never stops by itself"
    assert "Traceback" not in impatient.log


@pytest.fixture
def outside(tmp_path: Path, make_photo: MakePhoto) -> Path:
    """A photo with a text, in a folder of its own beside the inbox."""
    (tmp_path / "outside").mkdir()
    return make_photo("../outside/photo.jpg", "navy", text="Fremd")


@pytest.fixture
def sidecar_of() -> Sidecar:
    """Read the JSON file beside a picture; it keeps to the schema that is shipped."""
    schema = json.loads(files("captiond.sidecars").joinpath("sidecar.schema.json").read_text())
    valid = Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)

    def read(photo: Path) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(beside(photo).read_bytes())
        valid.validate(document)
        return document

    return read


def beside(photo: Path) -> Path:
    return photo.with_name(f"{photo.name}.captiond.json")


@pytest.fixture
def free_port() -> int:
    """A port on which nobody listens for now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], None]:
    """Wait until something holds, at most 20 seconds."""

    def wait(holds: Callable[[], object], seconds: float = 20) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "it did not come about"
            time.sleep(0.05)

    return wait
