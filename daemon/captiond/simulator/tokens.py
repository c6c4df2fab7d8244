"""An answer token by token: where words break, where stop strings end it, and when it repeats itself."""

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

PIECE = re.compile(r"\s?[^\s]{1,5}|\s")
SILENT_REPEATS, TOLD_REPEATS = 30, 100


def pieces(text: str, *, characters: bool, rambling: bool) -> Iterator[str]:
    """Split an answer into tokens; a rambling one never ends."""
    split = list(text) if characters else PIECE.findall(text)
    return itertools.cycle([*split, " "]) if rambling and split else iter(split)


@dataclass(slots=True)
class Stops:
    """Holds back what may be the beginning of a stop string, and ends the answer at a whole one."""

    strings: Sequence[str]
    stopped: bool = False
    _held: str = ""

    def feed(self, piece: str) -> str:
        """Take a token and give what can be sent."""
        text = self._held + piece
        found = [at for at in (text.find(stop) for stop in self.strings) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((self._overlap(text, stop) for stop in self.strings), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def rest(self) -> str:
        """Give what was held back, at the end."""
        held, self._held = self._held, ""
        return held

    @staticmethod
    def _overlap(text: str, stop: str) -> int:
        return next(
            (size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0
        )


@dataclass(slots=True)
class Repeats:
    """Counts equal chunks in a row, as the Go side does before it gives up."""

    most: int = SILENT_REPEATS
    last: str = field(default="\0")
    count: int = 0

    def too_many(self, piece: str) -> bool:
        """Take a chunk and say whether the limit is reached."""
        trimmed = piece.strip()
        self.count = self.count + 1 if trimmed == self.last else 0
        self.last = trimmed
        return self.count > self.most
