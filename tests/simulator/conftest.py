"""Pictures and clients for the simulator's tests."""

import io
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import ollama
import pytest
from PIL import Image, ImageDraw

from captiond.simulator import Simulator, SimulatorSettings, draw_strip

MODEL = "llava:13b-v1.6"
Paint = Callable[..., bytes]
Asked = Callable[..., AbstractAsyncContextManager[tuple[Simulator, ollama.AsyncClient]]]


@pytest.fixture
def paint() -> Paint:
    """Paint a picture in two colours and give its bytes."""

    def paint(
        below: str = "green",
        above: str = "white",
        size: tuple[int, int] = (672, 504),
        text: str = "",
        kind: str = "JPEG",
    ) -> bytes:
        picture = Image.new("RGB", size, below)
        ImageDraw.Draw(picture).rectangle((0, 0, size[0], size[1] // 3), fill=above)
        picture = draw_strip(picture, text) if text else picture
        content = io.BytesIO()
        picture.save(content, kind, **({"quality": 92} if kind == "JPEG" else {}))
        return content.getvalue()

    return paint


@pytest.fixture
def serving() -> Asked:
    """Run a simulator with these settings and give it with a client that does not wait long."""

    @asynccontextmanager
    async def serving(
        timeout: float = 10.0,  # noqa: ASYNC109 - the client's own
        **settings: object,
    ) -> AsyncIterator[tuple[Simulator, ollama.AsyncClient]]:
        async with Simulator(SimulatorSettings(**settings)) as simulator:  # type: ignore[arg-type]
            limits = httpx.Timeout(timeout)
            async with ollama.AsyncClient(simulator.url, timeout=limits, trust_env=False) as client:
                yield simulator, client

    return serving
