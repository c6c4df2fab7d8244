"""The composition root: builds everything from the settings, hands it over, and closes it in reverse."""

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any, Protocol

import structlog

from . import __version__
from .caging import caged
from .catalogue import queries
from .catalogue.guarding import OpenFile
from .catalogue.locking import locked
from .catalogue.store import Catalogue
from .choices import Choices
from .choosing import choices_from, place_for
from .clock import Clock, SystemClock
from .errors import BadConfiguration, CaptiondError, CatalogueBusy
from .gathering import SidecarFound, find_all, folders_of
from .imaging.worker import Decoder
from .inbox.threads import OwnThread
from .model import SidecarPlace
from .orders import orders_taken
from .outbox import Outbox
from .pipeline import Pipeline
from .printable import counted, printable
from .reader.reading import Reader
from .service import PATIENCE, Outcome, Service
from .settings import Settings, changed_needing_restart, taking_over
from .sidecars import SidecarPlaces
from .signals import ended, until_stopped
from .systemd import ServiceManager
from .wiring import endpoint_for

EXIT_CODES = {Outcome.LEFT: 75, Outcome.SERVER_AWAY: 69}
SOME_FAILED = 1
LOCKED_SECONDS = 1.0
IMPORT_FIRST = (
    "this catalogue is new, and sidecars of an earlier one lie here: stop captiond and run `captiond import`,"
    " which takes over what they say; else the model is asked all of it again"
)


class Display(Protocol):
    """Somebody who watches the work go on, on a terminal."""

    async def follow(self, catalogue: Catalogue, clock: Clock) -> None:
        """Show how it goes, until cancelled."""


async def run(
    settings: Settings,
    *,
    reload: Callable[[], Settings],
    once: bool,
    environ: Mapping[str, str],
    log: structlog.stdlib.BoundLogger,
    display: Display | None = None,
) -> int:
    """Run the daemon until it is done or told to stop; gives the exit code. Raises Fatal."""
    manager = ServiceManager(environ)
    clock = SystemClock()
    # A writer that opens a file while it is leased makes the kernel send SIGIO, which would kill.
    signal.signal(signal.SIGIO, signal.SIG_IGN)
    async with AsyncExitStack() as stack:
        lock = stack.enter_context(locked(settings.catalogue))
        catalogue = stack.enter_context(await _opened(settings.catalogue, lock, clock, log, once=once))
        for inbox in settings.inboxes:
            _make_inbox(inbox, catalogue, log)
            _make_tree(place_for(inbox, settings), log)
        service = await _service(settings, catalogue, stack, clock=clock, log=log, heartbeat=manager.alive)
        if display is not None:
            _go_on_beside(stack, display.follow(catalogue, clock))
        log.info(
            "watching" if not once else "reading",
            inboxes=[str(inbox) for inbox in settings.inboxes],
            catalogue=str(settings.catalogue),
            sidecars=_told(settings.sidecars),
            model=_mostly_asked(service.choices),
        )
        _go_on_beside(stack, _warn_of_sidecars(service.choices.sidecars, catalogue, clock, log))
        manager.ready()
        reloading = _Reloading(settings, reload, service, manager, log)
        work = service.run_once() if once else service.run()
        # On a terminal SIGHUP says that it was closed.
        reload_on_hangup = None if display else reloading.reload
        outcome = await until_stopped(work, stopping=manager.stopping, reload=reload_on_hangup)
        exit_code = await _ended(outcome, catalogue, settings.inboxes, log)
        return exit_code if once else 0


async def _opened(
    path: Path, lock: OpenFile, clock: Clock, log: structlog.stdlib.BoundLogger, *, once: bool
) -> Catalogue:
    """Open the catalogue as soon as no other program has it locked; where it only reads, that is enough.

    Raises Fatal, DiskFull, and in a single run CatalogueBusy after two minutes.
    """
    latest = clock.monotonic_seconds() + PATIENCE.total_seconds()
    told = False
    while True:
        try:
            return Catalogue(path, clock.now(), lock)
        except CatalogueBusy as busy:
            if once and clock.monotonic_seconds() >= latest:
                raise
            if not told:
                log.warning("catalogue locked", reason=str(busy))
        told = True
        await clock.sleep(LOCKED_SECONDS)


async def _service(
    settings: Settings,
    catalogue: Catalogue,
    stack: AsyncExitStack,
    *,
    clock: Clock,
    log: structlog.stdlib.BoundLogger,
    heartbeat: Callable[[str], None],
) -> Service:
    choices = choices_from(settings)
    decoder = Decoder(choices.limits, time_limit_seconds=settings.imaging.decode_seconds)
    await stack.enter_async_context(caged(decoder, catalogue, clock, log))
    endpoints = [endpoint_for(url, settings, choices, clock, log) for url in settings.ollama.url]
    for endpoint in endpoints:
        stack.push_async_callback(endpoint.close)
    reader = Reader(clock)
    stack.push_async_callback(reader.close)
    outbox = Outbox(catalogue, log, __version__)
    service = Service(
        Pipeline(choices, reader, catalogue=catalogue, decoder=decoder, clock=clock, log=log, outbox=outbox),
        settings.inboxes,
        endpoints,
        [reader],
        catalogue=catalogue,
        outbox=outbox,
        clock=clock,
        log=log,
        heartbeat=heartbeat,
        quiet_seconds=settings.inbox.quiet_seconds,
        scan_seconds=settings.inbox.scan_minutes * 60,
    )
    told, asked = (lambda: service.sentence), (lambda: service.choices.names)
    await stack.enter_async_context(
        orders_taken(catalogue, clock, log, service.look_around, sentence=told, asked=asked)
    )
    return service


class _Reloading:
    """Reads the settings again when asked, and keeps the old ones when the new ones are wrong."""

    def __init__(
        self,
        settings: Settings,
        load: Callable[[], Settings],
        service: Service,
        manager: ServiceManager,
        log: structlog.stdlib.BoundLogger,
    ) -> None:
        self._settings = settings
        self._load = load
        self._service = service
        self._manager = manager
        self._log = log

    async def reload(self) -> None:
        """Read them once, and tell the service manager when that is done."""
        self._manager.reloading()
        await self._reload()
        self._manager.ready()

    async def _reload(self) -> None:
        try:
            settings = await asyncio.to_thread(self._load)
            in_force = taking_over(self._settings, settings)
            choices = choices_from(in_force)
        except BadConfiguration as mistake:
            self._log.error("settings are wrong; the old ones stay", reason=str(mistake))
            return
        later = changed_needing_restart(self._settings, settings)
        if later:
            self._log.warning("these settings need a restart", settings=list(later))
        await self._service.apply(choices)
        self._settings = in_force
        self._log.info("settings read again", prompts=list(choices.names))


def _go_on_beside(stack: AsyncExitStack, work: Coroutine[Any, Any, None]) -> None:
    stack.push_async_callback(ended, asyncio.create_task(work))


async def _warn_of_sidecars(
    places: SidecarPlaces, catalogue: Catalogue, clock: Clock, log: structlog.stdlib.BoundLogger
) -> None:
    """Say that an earlier catalogue is lost, where this one knows no photo and older sidecars are there."""
    began_seconds = clock.now().timestamp()

    def an_older_one() -> Path | None:
        for found in find_all(folders_of(places), places):
            if isinstance(found, SidecarFound) and found.path.lstat().st_mtime < began_seconds:
                return found.path
        return None

    # What cannot be read here is told by those whose work it stops.
    with suppress(OSError, CaptiondError):
        if await catalogue.read(queries.knows_photos):
            return
        # A thread of its own: the disk may hang, or hold a million files.
        thread = OwnThread("old sidecars")
        old = await asyncio.get_running_loop().run_in_executor(thread, an_older_one)
        if old is not None:
            log.warning("sidecars of another catalogue", sidecar=str(old), reason=IMPORT_FIRST)


async def _ended(
    outcome: Outcome | None, catalogue: Catalogue, inboxes: Sequence[Path], log: structlog.stdlib.BoundLogger
) -> int:
    """Say what is left, and give the exit code of a single run; without an outcome it was stopped."""
    waiting = (await catalogue.read(queries.progress)).photos_to_do
    if outcome is None:
        log.info("stopped", waiting=waiting)
        return EXIT_CODES[Outcome.LEFT]
    if outcome is not Outcome.DONE:
        left = counted(waiting, "photo waits", "photos wait") if waiting else "some files are not settled"
        log.warning("not finished", reason=f"{left}; `captiond status` and `captiond why FILE` tell for what")
        return EXIT_CODES[outcome]
    if await catalogue.read(queries.problems_in, inboxes):
        log.warning("finished with problems", reason="`captiond status` lists them")
        return SOME_FAILED
    return 0


def _mostly_asked(choices: Choices) -> str:
    """Name the model that is asked where a prompt names none; or who is asked, where each names one."""
    return choices.model if choices.model in choices.models else choices.models[0]


def _told(place: SidecarPlace) -> str:
    return {"beside": "beside each picture", "off": "none"}.get(place.kind, f"in {place.folder}")


def _make_inbox(inbox: Path, catalogue: Catalogue, log: structlog.stdlib.BoundLogger) -> None:
    """Make a missing inbox, unless it held photos before: then its disk is away, and must not be hidden."""
    if inbox.is_dir() or catalogue.ask(queries.knows_inbox, inbox):
        return
    _make_folder(inbox)
    log.info("made the inbox", inbox=str(inbox))


def _make_tree(place: SidecarPlace, log: structlog.stdlib.BoundLogger) -> None:
    if place.folder is not None and not place.folder.is_dir():
        _make_folder(place.folder)
        log.info("made the folder for sidecars", folder=str(place.folder))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise BadConfiguration(
            f"{printable(str(folder))} cannot be made a folder: {error.strerror}."
        ) from error
