"""The disks under the inboxes, each asked in a thread of its own: one that hangs holds up no other."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from captiond.errors import InboxGone
from captiond.model import InboxFile
from captiond.printable import printable

from .hashing import Hasher
from .reading import HashOutcome, HeadCheck
from .threads import OwnThread

P = ParamSpec("P")
T = TypeVar("T")

ANSWER_SECONDS = 120.0
"""A large file on a slow network takes long; who asks while a disk hangs waits so long, and no longer."""


class Disks:
    """Asks the disk of an inbox."""

    def __init__(self) -> None:
        self._hashers: dict[Path, Hasher] = {}
        self._threads: dict[Path, OwnThread] = {}

    async def ask(self, inbox: Path, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do something on the disk of an inbox; raises InboxGone when that hangs, and what `act` raises."""
        thread = self._threads.get(inbox)
        if thread is None:
            thread = self._threads[inbox] = OwnThread("inbox disk", self._hasher(inbox).end)
        asked = asyncio.get_running_loop().run_in_executor(thread, partial(act, *arguments, **named))
        asked.add_done_callback(_heard)
        await asyncio.wait({asked}, timeout=ANSWER_SECONDS)
        if not asked.done():
            raise InboxGone(f"The disk of the inbox {printable(str(inbox))} does not answer.")
        return asked.result()

    async def hash_each(
        self,
        files: Sequence[InboxFile],
        max_bytes: int,
        head_check: HeadCheck,
        clock_seconds: Callable[[], float],
    ) -> list[HashOutcome]:
        """Hash files of one inbox, as `Hasher.hash_each` does; raises as `ask`."""
        hasher = self._hasher(files[0].inbox)
        return await self.ask(files[0].inbox, hasher.hash_each, files, max_bytes, head_check, clock_seconds)

    def _hasher(self, inbox: Path) -> Hasher:
        return self._hashers.setdefault(inbox, Hasher())


def _heard(asked: "asyncio.Future[Any]") -> None:
    """Take notice of an error, for nobody may be left to do so."""
    if not asked.cancelled():
        asked.exception()
