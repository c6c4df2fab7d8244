"""What every test of a model server may ask for."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from captiond.clock import SystemClock
from captiond.vision.ollama import OllamaBackend
from vision.raw_server import MODEL, QUICK, FakeClock, MakeBackend, RawServer


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def server() -> AsyncIterator[RawServer]:
    raw = RawServer()
    await raw.start()
    raw.with_models(MODEL)
    yield raw
    await raw.stop()


@pytest.fixture
async def backend_at() -> AsyncIterator[MakeBackend]:
    """Make adapters with small limits, closed at the end."""
    made: list[OllamaBackend] = []

    def make(url: str, model: str = MODEL, **settings: Any) -> OllamaBackend:
        settings = {"clock": SystemClock(), "limits": QUICK, "options": {"num_ctx": 4096}, **settings}
        made.append(OllamaBackend(url, model, **settings))
        return made[-1]

    yield make
    for backend in made:
        await backend.close()


@pytest.fixture
def backend(server: RawServer, backend_at: MakeBackend) -> OllamaBackend:
    return backend_at(server.url)
