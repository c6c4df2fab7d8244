"""Faults that strike while an answer is on its way."""

from .dialects import Dialect
from .errors import Refusal, RunnerDied
from .faults import Fault
from .settings import Clock
from .slots import Runner
from .wire import Exchange

MEGABYTE = 1 << 20


class Broken(Exception):
    """The answer was broken off on purpose; nothing more is to be sent."""


class Mischief:
    """One fault (or none) that waits for its frame."""

    def __init__(
        self, fault: Fault | None, exchange: Exchange, runner: Runner, dialect: Dialect, clock: Clock
    ) -> None:
        self._fault = fault
        self._exchange = exchange
        self._runner = runner
        self._dialect = dialect
        self._clock = clock
        self._frames = 0
        self._struck = False

    @property
    def nothing_comes(self) -> bool:
        """Say whether the answer has no frame at all."""
        return self._fault is not None and self._fault.kind == "zero-frames"

    async def before_frame(self, frame: str, *, last: bool = False) -> None:
        """Strike before a frame of a stream, at the latest before the last one."""
        fault = self._fault
        if fault is None:
            return
        if fault.kind == "slow":
            await self._clock.sleep(fault.seconds)
        self._frames += 1
        if self._struck or not (last or self._frames > fault.after_frames):
            return
        self._struck = True
        await self._break_off(fault, frame)
        await self._end_early(fault)
        await self._slip_in(fault)

    async def _break_off(self, fault: Fault, frame: str) -> None:
        match fault.kind:
            case "hang-mid-stream":
                await self._runner.spend(fault.seconds)
                self._exchange.cut()
            case "reset-mid-stream":
                self._exchange.reset()
            case "eof-mid-stream":
                self._exchange.cut()
            case "cut-chunk":
                await self._exchange.torn_chunk(frame.encode() or b"{}\n")
            case "kill-runner":
                self._runner.kill()
                raise RunnerDied
            case _:
                return
        raise Broken

    async def _end_early(self, fault: Fault) -> None:
        if fault.kind not in ("no-done", "done-false", "error-line"):
            return
        if fault.kind == "error-line":
            text = fault.text or "an error was encountered while running the model: CUDA error"
            await self._exchange.chunk(self._dialect.error(text))
        await self._exchange.end()
        raise Broken

    async def _slip_in(self, fault: Fault) -> None:
        match fault.kind:
            case "garbage-line":
                await self._exchange.chunk(f"{fault.text or '%$ this is not JSON'}\n")
            case "invalid-utf8":
                await self._exchange.chunk(
                    self._dialect.piece("\x00").encode().replace(b"\\u0000", b"\xff\xfe")
                )
            case "long-line":
                await self._long_line(fault)
            case _:
                return

    async def _long_line(self, fault: Fault) -> None:
        before, after = self._dialect.piece("\x00").split("\\u0000")
        await self._exchange.chunk(before)
        for start in range(0, fault.size_bytes, MEGABYTE):
            await self._exchange.chunk(b"x" * min(MEGABYTE, fault.size_bytes - start))
        await self._exchange.chunk(after)

    async def while_collecting(self) -> None:
        """Let time pass between the words of an answer that is sent in one piece."""
        if self._fault is not None and self._fault.kind == "slow":
            await self._clock.sleep(self._fault.seconds)

    async def before_whole(self, body: str, unfinished: str) -> None:
        """Strike in the place of an answer in one piece."""
        fault = self._fault
        if fault is None:
            return
        if fault.kind in ("hang-mid-stream", "reset-mid-stream", "eof-mid-stream", "kill-runner"):
            await self._break_off(fault, body)
        if fault.kind == "error-line":
            raise Refusal(500, fault.text or "an error was encountered while running the model: CUDA error")
        changed = self._changed(fault, body, unfinished)
        if changed is None:
            return
        if fault.kind == "cut-chunk":
            await self._exchange.begin(self._dialect.whole_kind)
            await self._exchange.torn_chunk(changed)
        else:
            await self._exchange.send(200, changed, self._dialect.whole_kind)
        raise Broken

    @staticmethod
    def _changed(fault: Fault, body: str, unfinished: str) -> bytes | None:
        match fault.kind:
            case "cut-chunk":
                return body.encode()
            case "no-done" | "done-false":
                return unfinished.encode()
            case "garbage-line":
                return (fault.text or "%$ this is not JSON").encode()
            case "invalid-utf8":
                return body.encode().replace(b'content":"', b'content":"\xff\xfe')
            case "long-line":
                return body.replace('content":"', f'content":"{"x" * fault.size_bytes}').encode()
            case _:
                return None
