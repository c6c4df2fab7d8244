"""A simulated server that listens, in an event loop of one's own or in a thread."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from .counters import Counters
from .faults import Faults
from .models import Shelf
from .routes import answer
from .settings import Clock, SimulatorSettings, SystemClock
from .wire import Exchange, serve
from .world import World

START_SECONDS = 30.0
BUFFER_BYTES = 1 << 20

T = TypeVar("T")


class Simulator:
    """An Ollama server without a model: `async with Simulator(settings) as simulator: … simulator.url`."""

    def __init__(self, settings: SimulatorSettings | None = None, clock: Clock | None = None) -> None:
        self.settings = settings or SimulatorSettings()
        self._clock = clock or SystemClock()
        self._world = World.build(self.settings, self._clock)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._port = 0

    @property
    def url(self) -> str:
        """Give the address to ask."""
        return f"http://{self.settings.host}:{self._port}"

    @property
    def counters(self) -> Counters:
        """Give what happened so far."""
        return self._world.counters

    @property
    def faults(self) -> Faults:
        """Give the faults, to set and to clear."""
        return self._world.faults

    def kill_runner(self, model: str | None = None) -> None:
        """Let the process that holds a model (or every such process) die."""
        self._world.scheduler.kill_runner(model)

    @property
    def shelf(self) -> Shelf:
        """Give the installed models, to put some there and to take some away."""
        return self._world.shelf

    async def start(self) -> None:
        """Begin to listen, on the same port as before where there was one."""
        port = self._port or self.settings.port
        self._server = await asyncio.start_server(
            self._connected, self.settings.host, port, limit=BUFFER_BYTES
        )
        self._port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, break off what is under way and forget what is loaded, as when the process ends."""
        if self._server is None:
            return
        self._server.close()
        for connection in self._connections:
            connection.cancel()
        if self._connections:
            await asyncio.wait(self._connections)
        await self._server.wait_closed()
        self._server = None
        self._world.scheduler.forget_all()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.current_task()
        assert connection is not None
        self._connections.add(connection)
        try:
            await serve(reader, writer, self._respond, self._clock)
        except asyncio.CancelledError:
            return
        finally:
            self._connections.discard(connection)

    async def _respond(self, exchange: Exchange) -> None:
        try:
            await answer(self._world, exchange)
        except (asyncio.CancelledError, ConnectionError):
            self._world.counters.disconnects += 1
            raise


class SimulatorThread:
    """A simulator in a thread of its own; counters and faults can be used from any thread."""

    def __init__(self, simulator: Simulator, loop: asyncio.AbstractEventLoop) -> None:
        self._simulator = simulator
        self._loop = loop
        self.url = simulator.url
        self.counters = simulator.counters
        self.faults = simulator.faults

    def control(self, action: Callable[[Simulator], T]) -> T:
        """Run an action on the simulator in its own thread and give what it returns."""

        async def run() -> T:
            return action(self._simulator)

        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(START_SECONDS)


@contextmanager
def running_in_thread(settings: SimulatorSettings | None = None) -> Iterator[SimulatorThread]:
    """Run a simulator in a thread for as long as the block lasts."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="simulator", daemon=True)
    thread.start()
    simulator = Simulator(settings)
    try:
        asyncio.run_coroutine_threadsafe(simulator.start(), loop).result(START_SECONDS)
        yield SimulatorThread(simulator, loop)
    finally:
        asyncio.run_coroutine_threadsafe(simulator.stop(), loop).result(START_SECONDS)
        asyncio.run_coroutine_threadsafe(loop.shutdown_default_executor(), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()
