"""Small text in a picture: read from tiles that show it at the model's own resolution, and put together.

The whole picture is asked about first, which costs no further encode; where it has no text, no tile is made.
Where it has, the decode process tells whether a single view loses what looks like small text
(`imaging/cutting.py`). So hardly any photo costs a call more, nor does a large sign.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from captiond.errors import DecoderDied, Rejected, UnusableReply
from captiond.imaging.tiling import Cutting
from captiond.model import Answer, Reply, Status, Tile, Tiles
from captiond.prompts.languages import guess
from captiond.prompts.prompt import AUTO, OFF, Prompt
from captiond.prompts.seams import merged
from captiond.prompts.texts import CANNOT_BE_READ, shortened
from captiond.vision.backend import Question
from captiond.vision.questions import question_for

AUTO_TILES = 12
"""Each is a call; of 336 pixels, they show a page of a book."""
TRIES_OF_A_TILE = 2

Read = tuple[Reply, Answer]
"""A reply, and the answer that it was understood as."""
Cut = Callable[[Prompt, Cutting], Awaitable[Tiles]]
"""Cuts the picture that a prompt is asked about; raises as `Decoder.cut` does."""
Ask = Callable[[Question], Awaitable[Read]]
"""Asks, and raises UnusableReply where the reply is no answer."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """A tile and what was read in it; None where no reply was an answer."""

    tile: Tile
    read: Read | None

    @property
    def text(self) -> str | None:
        return self.read[1].value if self.read and self.read[1].status is Status.OK else None


async def read_closely(
    prompt: Prompt, ask_whole: Callable[[], Awaitable[Read]], cut: Cut, ask: Ask, *, tries: int
) -> Read:
    """Ask about the whole picture, then about its tiles where they show more; `tries` failed before.

    Raises what `ask_whole` does where the tiles give no answer either.
    """
    whole, failure = await _attempt(ask_whole)
    cutting = _cutting(prompt, whole[1] if whole else None)
    tiles, trouble = await _tiles(prompt, cutting, cut) if cutting else (Tiles(()), None)
    pieces = [_Piece(tile, await _read_tile(prompt, tile, ask, tries)) for tile in tiles.tiles]
    replies = [reply for reply, _ in filter(None, [whole, *(piece.read for piece in pieces)])]
    if any(piece.text for piece in pieces):
        # Comparing the lines of odd replies may take seconds.
        return _sum(replies), await asyncio.to_thread(_put_together, prompt, tiles, pieces)
    if failure is not None:
        raise failure
    assert whole is not None
    return _sum(replies), _in_spite(whole[1], trouble or _unread(pieces))


async def _attempt(
    ask_whole: Callable[[], Awaitable[Read]],
) -> tuple[Read, None] | tuple[None, UnusableReply]:
    try:
        return await ask_whole(), None
    except UnusableReply as failure:
        # Not the end of it: a page of small print is what makes a model repeat itself.
        return None, failure


async def _tiles(prompt: Prompt, cutting: Cutting, cut: Cut) -> tuple[Tiles, str | None]:
    """Cut the picture, or tell why that cannot be: its whole view could be had."""
    try:
        return await cut(prompt, cutting), None
    except (Rejected, DecoderDied) as trouble:
        return Tiles(()), str(trouble)


def _cutting(prompt: Prompt, answer: Answer | None) -> Cutting | None:
    """Say how to cut, where the answer about the whole picture (None: it was none) leaves more to be read."""
    if prompt.tiles == OFF:
        return None
    if prompt.tiles != AUTO:
        return Cutting(int(prompt.tiles), only_small_text=False)
    has_text = answer is None or answer.status is Status.OK or answer.reason == CANNOT_BE_READ
    return Cutting(AUTO_TILES, only_small_text=True) if has_text else None


async def _read_tile(prompt: Prompt, tile: Tile, ask: Ask, tries: int) -> Read | None:
    """Ask about one tile, again with other luck where the reply is no answer."""
    for again in range(TRIES_OF_A_TILE):
        try:
            return await ask(question_for(prompt, tile.jpeg, tries=tries + again))
        except UnusableReply:
            continue
    return None


def _put_together(prompt: Prompt, tiles: Tiles, pieces: Sequence[_Piece]) -> Answer:
    texts = {(piece.tile.row, piece.tile.column): piece.text for piece in pieces if piece.text}
    text = merged(texts, across=tiles.across, down=tiles.down)
    value = shortened(text, prompt.max_chars)
    short = None if value == text else f"shortened to {prompt.max_chars} characters"
    reasons = [f"read from {len(pieces)} tiles", _unread(pieces), short]
    raw = "\n\n".join(piece.read[0].text for piece in pieces if piece.read)
    return Answer(Status.OK, value, language=guess(value), reason="; ".join(filter(None, reasons)), raw=raw)


def _unread(pieces: Sequence[_Piece]) -> str | None:
    """Tell how many tiles gave no answer."""
    unread = sum(piece.read is None for piece in pieces)
    return f"{unread} of {len(pieces)} tiles could not be read" if unread else None


def _in_spite(answer: Answer, trouble: str | None) -> Answer:
    """Keep what the whole picture said, with what went wrong about its tiles."""
    if trouble is None:
        return answer
    return replace(answer, reason="; ".join(filter(None, [answer.reason, trouble])))


def _sum(replies: Sequence[Reply]) -> Reply:
    """Give the first reply with what all of them cost."""
    return replace(
        replies[0],
        seconds=sum(reply.seconds for reply in replies),
        load_seconds=sum(reply.load_seconds for reply in replies),
        reading_seconds=sum(reply.reading_seconds for reply in replies),
        prompt_tokens=sum(reply.prompt_tokens for reply in replies),
        output_tokens=sum(reply.output_tokens for reply in replies),
    )
