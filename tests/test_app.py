"""The composition root: how a run ends, and what is read again while it lasts."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, MutableMapping
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from captiond import app, wiring
from captiond.caging import caged
from captiond.catalogue import outlook, queries
from captiond.catalogue.database import asking
from captiond.catalogue.locking import locked
from captiond.catalogue.store import Catalogue
from captiond.clock import SystemClock
from captiond.errors import BadConfiguration, CatalogueInUse, InboxGone
from captiond.imaging.limits import Limits
from captiond.imaging.worker import Decoder
from captiond.model import PromptName, SidecarPlace
from captiond.settings import Settings
from captiond.simulator import Fault, Simulator, SimulatorSettings
from conftest import MakePhoto

DESCRIPTION = PromptName("description")
OCR = PromptName("ocr")


def settings(tmp_path: Path, **more: Any) -> Settings:
    chosen = {"inboxes": (tmp_path / "inbox",), "catalogue": tmp_path / "catalogue.db"}
    return Settings(**{**chosen, **more})


# ── a run ──


@dataclass
class Run:
    """Runs of the daemon in this process, in real time, on a simulated server."""

    settings: Settings
    server: Simulator
    lines: list[MutableMapping[str, Any]]
    log: structlog.stdlib.BoundLogger
    read_again: Callable[[], Settings] = field(init=False)
    """What gives the settings when they are read again."""

    @property
    def inbox(self) -> Path:
        return self.settings.inboxes[0]

    def _reload(self) -> Settings:
        return self.read_again()

    async def __call__(self, *, once: bool = True) -> int:
        async with asyncio.timeout(30):
            return await app.run(self.settings, reload=self._reload, once=once, environ={}, log=self.log)

    @asynccontextmanager
    async def running(self, *, once: bool = False) -> AsyncIterator["asyncio.Task[int]"]:
        """Run until the block ends, then stop by a signal."""
        working = asyncio.create_task(self(once=once))
        await self.until(lambda: self.said("reading" if once else "watching"))
        yield working
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait([working])

    async def until(self, holds: Callable[[], object]) -> None:
        latest = time.monotonic() + 20
        while not holds():
            assert time.monotonic() < latest, "it did not come about"
            await asyncio.sleep(0.01)

    def said(self, event: str) -> list[MutableMapping[str, Any]]:
        return [line for line in self.lines if line["event"] == event]

    def done(self) -> int:
        with asking(self.settings.catalogue) as connection:
            return queries.progress(connection).photos["done"]


@pytest.fixture
def heard() -> LogCapture:
    return LogCapture()


def logging_to(heard: LogCapture) -> structlog.stdlib.BoundLogger:
    log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        None, processors=[heard], wrapper_class=structlog.stdlib.BoundLogger
    )
    return log


@pytest.fixture
def _signals_as_before() -> Iterator[None]:
    before = signal.getsignal(signal.SIGIO)
    yield
    signal.signal(signal.SIGIO, before)


@pytest.fixture
async def run(tmp_path: Path, inbox: Path, heard: LogCapture, _signals_as_before: None) -> AsyncIterator[Run]:
    async with Simulator() as server:
        chosen = settings(tmp_path, ollama={"url": server.url, "pull": False}, inbox={"quiet_seconds": 0.01})
        yield Run(chosen, server, heard.entries, logging_to(heard))


@pytest.mark.anyio
async def test_a_run_that_did_all_ends_well(run: Run, make_photo: MakePhoto) -> None:
    make_photo()
    assert await run() == 0
    assert run.done() == 1
    assert [line["event"] for line in run.lines if line["log_level"] == "info"] == [
        "reading",
        "server ready",
        "described",
    ]


@pytest.mark.anyio
async def test_a_run_with_a_broken_picture_tells_so(run: Run, make_photo: MakePhoto) -> None:
    make_photo().write_text("no picture")
    assert await run() == 1


@pytest.mark.anyio
async def test_a_run_without_a_server_tells_so(run: Run, make_photo: MakePhoto) -> None:
    make_photo()
    await run.server.stop()
    assert await run() == 69
    assert "No Ollama answers" in run.said("server away")[0]["reason"]


@pytest.mark.anyio
async def test_a_run_that_was_stopped_left_something(run: Run, make_photo: MakePhoto) -> None:
    run.server.faults.set(Fault("hang"))
    make_photo()
    async with run.running(once=True) as working:
        await run.until(lambda: run.server.counters.faults)
    assert working.result() == 75


@pytest.mark.anyio
async def test_a_daemon_that_is_stopped_ends_well(run: Run, make_photo: MakePhoto) -> None:
    async with run.running() as working:
        make_photo()
        await run.until(lambda: run.said("described"))
    assert working.result() == 0


@pytest.mark.anyio
async def test_two_daemons_do_not_share_a_catalogue(run: Run) -> None:
    with locked(run.settings.catalogue), pytest.raises(CatalogueInUse):
        await run()


@pytest.mark.anyio
async def test_an_inbox_that_is_missing_is_made(run: Run) -> None:
    run.inbox.rmdir()
    assert await run() == 0
    assert run.inbox.is_dir()
    assert run.said("made the inbox")


@pytest.mark.anyio
async def test_an_inbox_that_held_photos_is_not_made_anew(run: Run, make_photo: MakePhoto) -> None:
    make_photo()
    await run()
    run.inbox.rename(run.inbox.with_name("unmounted"))
    with pytest.raises(InboxGone):
        await run()
    assert not run.inbox.exists()


@pytest.mark.anyio
async def test_the_folder_for_sidecars_is_made(run: Run, make_photo: MakePhoto, tmp_path: Path) -> None:
    make_photo("2024/a.jpg")
    run.settings = run.settings.model_copy(update={"sidecars": SidecarPlace("tree", tmp_path / "new/tree")})
    assert await run() == 0
    assert (tmp_path / "new/tree/2024/a.jpg.captiond.json").exists()


@pytest.mark.anyio
async def test_an_inbox_that_is_no_folder_is_told_in_a_sentence(run: Run) -> None:
    run.inbox.rmdir()
    run.inbox.touch()
    with pytest.raises((BadConfiguration, InboxGone)):
        await run()


@pytest.mark.anyio
async def test_a_model_that_is_missing_is_fetched_and_that_is_told(run: Run, make_photo: MakePhoto) -> None:
    make_photo()
    async with Simulator(SimulatorSettings(models=())) as bare:
        changes = {"url": (bare.url,), "pull": True, "model": "llava16hd"}
        ollama = run.settings.ollama.model_copy(update=changes)
        run.settings = run.settings.model_copy(update={"ollama": ollama})
        assert await run() == 0
    told = [(line["step"], line["percent"]) for line in run.said("fetching the model")]
    assert told[0] == ("pulling manifest", 0)
    assert told[-1] == ("verifying sha256 digest", 0)


def test_fetching_is_told_in_steps_of_five_percent_for_each_part(heard: LogCapture) -> None:
    talk = wiring._Talk(logging_to(heard))
    for part in ("pulling a", "pulling b"):
        for done_bytes in range(1001):
            talk.pulling(part, done_bytes, 1000)
    told = [(line["step"], line["percent"]) for line in heard.entries]
    assert told == [(part, percent) for part in ("pulling a", "pulling b") for percent in range(0, 101, 5)]


# ── reading the settings again ──


async def hang_up(run: Run, event: str) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    await run.until(lambda: run.said(event))


@pytest.mark.anyio
async def test_a_new_prompt_is_asked_after_the_settings_are_read_again(
    run: Run, make_photo: MakePhoto
) -> None:
    make_photo()
    async with run.running():
        await run.until(lambda: run.said("described"))
        changed = run.settings.model_copy(update={"prompts": settings_of({"mood": {"enabled": True}})})
        run.read_again = lambda: changed
        run.server.faults.set(Fault("same", text="calm"))
        await hang_up(run, "settings read again")
        await run.until(lambda: len(run.said("described")) == 2)
    assert run.said("settings read again")[0]["prompts"][-3:] == ["mood", "ocr", "translation"]


@pytest.mark.anyio
async def test_settings_that_are_wrong_change_nothing(run: Run, make_photo: MakePhoto) -> None:
    def wrong() -> Settings:
        raise BadConfiguration("config.toml:3: no such setting")

    run.read_again = wrong
    async with run.running():
        await hang_up(run, "settings are wrong; the old ones stay")
        make_photo()
        await run.until(lambda: run.said("described"))


@pytest.mark.anyio
async def test_what_needs_a_restart_is_told_and_waits(run: Run) -> None:
    imaging = run.settings.imaging.model_copy(update={"formats": ("BMP",), "max_file_megabytes": 1})
    changed = run.settings.model_copy(update={"imaging": imaging})
    run.read_again = lambda: changed
    async with run.running():
        await hang_up(run, "settings read again")
        (run.inbox / "scan.bmp").write_bytes(b"BM" + bytes(12) + b"\x28\0\0\0" + bytes(100))
        await run.until(lambda: run.said("refused"))
    (warning,) = run.said("these settings need a restart")
    assert set(warning["settings"]) == {"imaging.formats", "imaging.max_file_megabytes"}


@pytest.mark.anyio
async def test_versions_name_the_model_that_is_asked(run: Run, make_photo: MakePhoto) -> None:
    before = app.choices_from(run.settings).versions[DESCRIPTION]
    ollama = run.settings.ollama.model_copy(update={"model": "llava:7b"})
    changed = run.settings.model_copy(update={"ollama": ollama})
    run.read_again = lambda: changed
    async with run.running():
        await hang_up(run, "settings read again")
        make_photo()
        await run.until(lambda: run.said("described"))
    with asking(run.settings.catalogue) as connection, closing(connection):
        entry = queries.entry(connection, 1)
    assert {result.prompt_version for result in entry.results if result.prompt == DESCRIPTION} == {before}


def settings_of(prompts: dict[str, Any]) -> Any:
    return Settings(prompts=prompts).prompts


# ── the cage ──

GAPPED = """
import sys
from captiond.imaging.wire import packed
sys.stdout.buffer.write(packed({{"bars": {bars!r}}}))
sys.stdout.flush()
sys.stdin.buffer.read()
"""


@pytest.mark.anyio
async def test_what_holds_the_decode_process_is_told(run: Run) -> None:
    await run()
    with asking(run.settings.catalogue) as connection:
        said = {each.subject: each.sentence for each in outlook.sayings(connection)}
    assert said["cage"].startswith("The decode process is held by ")
    warned = run.said("the cage has gaps")
    assert [line["reason"] for line in warned] == ([said["cage"]] if ";" in said["cage"] else [])


@pytest.mark.anyio
async def test_gaps_in_the_cage_are_warned_of(run: Run, tmp_path: Path) -> None:
    program = GAPPED.format(bars={"landlock_abi": 0, "seccomp": True, "gaps": ["no Landlock: old kernel"]})
    decoder = Decoder(Limits(), command=(sys.executable, "-c", program))
    with Catalogue(tmp_path / "own.db", SystemClock().now()) as catalogue:
        async with caged(decoder, catalogue, SystemClock(), run.log):
            assert [line["log_level"] for line in run.said("the cage has gaps")] == ["warning"]
        (saying,) = catalogue.ask(outlook.sayings)
    assert saying.sentence == run.said("the cage has gaps")[0]["reason"]
    assert "held by seccomp and limits on resources; no Landlock: old kernel." in saying.sentence
