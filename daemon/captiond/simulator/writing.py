"""Writing an answer down, token by token: time, frames, limits, and the faults that strike in the middle."""

import asyncio
from dataclasses import dataclass, replace

from .asks import Ask
from .dialects import Dialect, Native, Outcome
from .errors import WHILE_RUNNING, Refusal, RunnerDied, died_before_answer
from .faults import Fault
from .mischief import Broken, Mischief
from .models import Model
from .prompts import Prompt, context_tokens, rendered
from .settings import SimulatorSettings
from .slots import Lease, Runner
from .tokens import SILENT_REPEATS, TOLD_REPEATS, Repeats, Stops, pieces
from .wire import Exchange
from .world import World

SHORTEST_NAP = 0.001
REPEATED = "prediction aborted, token repeat limit reached"


@dataclass(frozen=True, slots=True)
class Words:
    """An answer before it is written, and its limits."""

    answer: str
    limit: int
    stops: tuple[str, ...]
    rambling: bool
    prompt_tokens: int
    load_seconds: float = 0.0


class Writing:
    """One answer on its way to the client."""

    def __init__(
        self,
        world: World,
        runner: Runner,
        lease: Lease,
        exchange: Exchange,
        dialect: Dialect,
        *,
        fault: Fault | None,
    ) -> None:
        self._world = world
        self._runner = runner
        self._lease = lease
        self._exchange = exchange
        self._dialect = dialect
        self._mischief = Mischief(fault, exchange, runner, dialect, world.clock)
        self._thinking = fault is not None and fault.kind == "thinking"
        self._scale = world.settings.time_scale
        self._due = 0.0
        self._seconds = 0.0
        self._text = ""

    async def run(self, ask: Ask, prompt: Prompt, words: Words) -> None:
        """Write the answer, streamed or in one piece, and end it the way it ends."""
        try:
            read_seconds, other_seconds = await self._read(prompt, words)
            if self._mischief.nothing_comes:
                await self._end_with_nothing(ask)
                return
            outcome = await self._write(ask, words)
            outcome = replace(
                outcome,
                load=words.load_seconds,
                prompt_tokens=words.prompt_tokens,
                prompt_seconds=read_seconds,
                other_seconds=other_seconds,
                context=self._context(ask, prompt),
            )
            await self._end(ask, outcome)
        except Broken:
            return
        except RunnerDied as died:
            await self._fail(died_before_answer(died, old=self._world.settings.old), WHILE_RUNNING + died.why)
        except Refusal as refusal:
            await self._fail(refusal, refusal.text)

    async def _read(self, prompt: Prompt, words: Words) -> tuple[float, float]:
        """Decode the images, encode and read what is new; others wait meanwhile. Give both durations."""
        profile, old = self._world.settings.profile, self._world.settings.old
        decode = sum(image.byte_count for image in prompt.images) * profile.picture_byte
        await self._runner.spend(decode * self._scale)
        fresh = max(1, words.prompt_tokens - self._lease.reused_tokens)
        encode = self._lease.tile_encodes * profile.tile_encode
        read = fresh * profile.prefill_token
        async with self._runner.prefill:
            await self._runner.spend((encode + read) * self._scale)
        self._due = self._world.clock.monotonic_seconds()
        return (read, decode + encode) if old else (encode + read, decode)

    async def _write(self, ask: Ask, words: Words) -> Outcome:
        """Write token by token until the words end, or a stop string, a limit or too many repetitions do."""
        most = TOLD_REPEATS if self._world.settings.repeat_error else SILENT_REPEATS
        stops, repeats = Stops(words.stops), Repeats(most)
        watched = isinstance(self._dialect, Native) and not is_native(
            self._runner.model, ask, self._world.settings
        )
        characters = self._world.settings.tokens == "characters"
        reason, count = "stop", 0
        for piece in pieces(words.answer, characters=characters, rambling=words.rambling):
            count += 1
            await self._pace()
            ready = stops.feed(piece)
            if ready:
                await self._give(ask, ready)
            if stops.stopped:
                break
            if watched and ready and repeats.too_many(ready):
                if self._world.settings.repeat_error:
                    raise Refusal(500, REPEATED, by_runner=True)
                return Outcome()
            if count >= words.limit:
                reason = "length"
                break
        else:
            count += 1
        if rest := stops.rest():
            await self._give(ask, rest)
        await self._runner.spend(0.0)
        return Outcome(
            reason, tokens=count, seconds=0.0 if self._world.settings.old and count == 1 else self._seconds
        )

    async def _pace(self) -> None:
        """Let one decoding step pass; short ones are saved up."""
        profile = self._world.settings.profile
        step = profile.step(max(self._runner.answering, 1), self._runner.cached_tokens())
        self._seconds += step
        self._lease.slot.tokens += 1
        if self._scale and self._runner.prefill.locked():
            async with self._runner.prefill:
                self._due = max(self._due, self._world.clock.monotonic_seconds())
        self._due += step * self._scale
        ahead = self._due - self._world.clock.monotonic_seconds()
        await asyncio.sleep(0)
        await self._runner.spend(ahead if self._scale and ahead > SHORTEST_NAP else 0.0)

    async def _give(self, ask: Ask, text: str) -> None:
        self._text += text
        if not ask.stream:
            await self._mischief.while_collecting()
            return
        frame = self._dialect.piece(text, thinking=self._thinking)
        if not self._exchange.started:
            await self._exchange.begin(self._dialect.stream_kind)
        await self._mischief.before_frame(frame)
        await self._exchange.chunk(frame)

    async def _end(self, ask: Ask, outcome: Outcome) -> None:
        thinking, text = (self._text, "") if self._thinking else ("", self._text)
        if not ask.stream:
            body = self._dialect.whole(text, outcome, thinking=thinking)
            await self._mischief.before_whole(body, self._dialect.whole(text, Outcome()))
            await self._exchange.send(200, body, self._dialect.whole_kind)
            return
        if not self._exchange.started:
            await self._exchange.begin(self._dialect.stream_kind)
        last = self._dialect.last(outcome) if outcome.reason else ""
        await self._mischief.before_frame(last, last=True)
        if last:
            await self._exchange.chunk(last)
        await self._exchange.end()

    async def _fail(self, refusal: Refusal, line: str) -> None:
        """Refuse the request, or end its stream with an error line where it has begun."""
        if not self._exchange.started:
            raise refusal
        await self._exchange.chunk(self._dialect.error(line))
        await self._exchange.end()

    def _context(self, ask: Ask, prompt: Prompt) -> tuple[int, ...]:
        if ask.endpoint != "/api/generate" or ask.raw:
            return ()
        spoken = rendered(prompt.parts, lambda number: f"[img-{number}]")
        return (*context_tokens(spoken), *context_tokens(self._text)[1:])

    async def _end_with_nothing(self, ask: Ask) -> None:
        if ask.stream:
            await self._exchange.begin(self._dialect.stream_kind)
            await self._exchange.end()
        elif isinstance(self._dialect, Native):
            await self._exchange.send(200, self._dialect.nothing())
        else:
            raise Refusal(500, "unexpected EOF", by_runner=True)


def is_native(model: Model, ask: Ask, settings: SimulatorSettings) -> bool:
    """Say whether the answer goes the new generation's native way: sorted keys, no count of repetitions."""
    return model.template == "jinja" and not settings.old and ask.endpoint != "/api/generate"
