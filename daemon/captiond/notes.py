"""Why paths in an inbox are not read, as the catalogue keeps it for people."""

from pathlib import Path

from .catalogue import intake, queries
from .catalogue.store import Catalogue, Connection
from .clock import Clock
from .inbox.ignoring import IgnoreRules
from .patience import Patience

MOST_REMEMBERED = 10_000


class Notes:
    """Keeps the reason of each path once; without a stamp, so that the next scan looks again.

    Every write waits while the catalogue's disk is full.
    """

    def __init__(self, inbox: Path, catalogue: Catalogue, patience: Patience, clock: Clock) -> None:
        self._inbox = inbox
        self._catalogue = catalogue
        self._patience = patience
        self._clock = clock
        self._kept: dict[Path, tuple[str, str]] = {}
        self._followed = 0

    async def keep(self, path: Path, sentence: str, *, is_problem: bool = False) -> None:
        """Keep why a path is not read; a problem is one that somebody has to attend to."""
        state, now = "refused" if is_problem else "skipped", self._clock.now()
        if path == self._inbox or self._kept.get(path) == (state, sentence):
            return
        if len(self._kept) >= MOST_REMEMBERED:
            self._kept.clear()
        await self._patience.insist(
            intake.note_unread, self._inbox, path, None, state=state, reason=sentence, now=now
        )
        self._kept[path] = state, sentence

    async def renew(self, path: Path, sentence: str) -> None:
        """Keep another reason for a path of which one was kept."""
        if path in self._kept:
            await self.keep(path, sentence)

    def forget(self, path: Path) -> None:
        """Take what was kept of a path for outdated."""
        self._kept.pop(path, None)

    async def follow(self, rules: IgnoreRules) -> None:
        """Set aside the known files that rules ignore since they changed; a scan brings back the others."""
        changes = rules.changes
        if changes == self._followed:
            return
        for path, sentence in await self._catalogue.read(self._ignored, rules):
            await self.keep(path, sentence)
        self._followed = changes

    def _ignored(self, connection: Connection, rules: IgnoreRules) -> list[tuple[Path, str]]:
        known = queries.read_in_inbox(connection, self._inbox)
        verdicts = ((path, rules.verdict_beneath(path)) for path in known)
        return [(path, verdict.reason) for path, verdict in verdicts if verdict.reason]
