"""The daemon's side of the decode process: pictures in, prepared pictures or tiles out.

What runs inside is `cage.py`, how it is kept is `caged.py`.
"""

import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self, TypeVar

from captiond.errors import DecoderDied, Outage, Rejected
from captiond.model import Fit, Json, PreparedImage, Tiles

from .bars import Bars
from .caged import Caged, Trade
from .limits import Limits
from .tiling import Cutting
from .wire import MAX_JPEG_BYTES, read_bars, read_reply, read_tiles, request

CAGE = (sys.executable, "-P", "-m", "captiond.imaging.cage")
"""The decode process; `-P` keeps the current folder, which may be an inbox, off its import path."""

_Made = TypeVar("_Made", PreparedImage, Tiles)
_START_SECONDS = 30.0


class Decoder:
    """Prepares pictures in a process of its own, which may die of them.

    The process is replaced after `recycle_after` pictures, or when it keeps more than `recycle_bytes` of
    memory from one picture to the next. `command` is what is started; it must speak as `cage.py` does.
    """

    def __init__(
        self,
        limits: Limits,
        *,
        time_limit_seconds: float = 30.0,
        recycle_after: int = 500,
        recycle_bytes: int = 512 * 1024 * 1024,
        command: Sequence[str] = CAGE,
    ) -> None:
        self._limits = limits
        self._caged = Caged(
            Trade(
                name="the decoder",
                title="the decode process",
                command=command,
                read_ready=read_bars,
                most_reply_bytes=MAX_JPEG_BYTES,
                start_seconds=_START_SECONDS,
                time_limit_seconds=time_limit_seconds,
                recycle_after=recycle_after,
                recycle_bytes=recycle_bytes,
                died=DecoderDied,
                away=Outage,
            )
        )

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def pid(self) -> int | None:
        """Give the process id of the decode process, None where none runs."""
        return self._caged.pid

    async def start(self) -> Bars:
        """Start the decode process now, so that the first picture does not wait for it; tells what holds it.

        Raises `Outage` where it does not start: no photo is to blame.
        """
        return await self._caged.start()

    async def prepare(self, content: bytes, fit: Fit) -> PreparedImage:
        """Prepare a picture, after those that came before.

        Raises a `Rejected` error where the picture is no good, `DecoderDied` where the decode process died
        or did not finish in time.
        """
        return await self._answered(request(len(content), fit, self._limits), content, read_reply)

    async def cut(self, content: bytes, fit: Fit, cutting: Cutting) -> Tiles:
        """Cut a picture into tiles; none where the whole shows as much. Raises as `prepare` does."""
        return await self._answered(request(len(content), fit, self._limits, cutting), content, read_tiles)

    async def close(self) -> None:
        """End the decode process, whatever it does."""
        await self._caged.close()

    async def _answered(
        self, header: Json, content: bytes, read: Callable[[Json, bytes], _Made | Rejected]
    ) -> _Made:
        answer = await self._caged.ask(header, content, read)
        if isinstance(answer, Rejected):
            raise answer
        return answer
