"""The disks under the inboxes, each asked in a thread of its own: one that hangs holds up no other."""

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from captiond.errors import InboxGone
from captiond.printable import printable

from .hashing import Hasher
from .threads import OwnThread

P = ParamSpec("P")
T = TypeVar("T")

ANSWER_SECONDS = 120.0
"""A large file on a slow network takes long; who asks while a disk hangs waits so long, and no longer."""


class Disks:
    """Asks the disk of an inbox."""

    def __init__(self) -> None:
        self._of_inbox: dict[Path, tuple[OwnThread, Hasher]] = {}

    async def ask(self, inbox: Path, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do something on the disk of an inbox; raises InboxGone when that hangs, and what `act` raises."""
        thread, _ = self._disk(inbox)
        asked = asyncio.get_running_loop().run_in_executor(thread, partial(act, *arguments, **named))
        asked.add_done_callback(_heard)
        await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
        if not asked.done():
            raise InboxGone(f"The disk of the inbox {printable(str(inbox))} does not answer.")
        return asked.result()

    def hasher(self, inbox: Path) -> Hasher:
        """Give what hashes the files of an inbox: through `ask` alone, for it is for one thread."""
        _, hasher = self._disk(inbox)
        return hasher

    def _disk(self, inbox: Path) -> tuple[OwnThread, Hasher]:
        if inbox not in self._of_inbox:
            hasher = Hasher()
            self._of_inbox[inbox] = OwnThread("inbox disk", hasher.end), hasher
        return self._of_inbox[inbox]


def _heard(asked: "asyncio.Future[Any]") -> None:
    """Take notice of an error, for nobody may be left to do so."""
    if not asked.cancelled():
        asked.exception()
