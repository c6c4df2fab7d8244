"""One captiond in a folder of its own, with a few photos, made anew for each crash."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from anyio.from_thread import start_blocking_portal
from PIL import Image

from acceptance.conftest import Command
from captiond.simulator import Simulator
from starting import LONGEST_SECONDS, Starter, starter

from .agreement import SIDECAR

PROMPTS = ("objects", "description")
SETTINGS = """\
inboxes = ["{inbox}"]
catalogue = "{catalogue}"
log_level = "{log_level}"

[inbox]
quiet_seconds = 0.05

[ollama]
url = "{url}"

[prompts.ocr]
enabled = false

[prompts.translation]
enabled = false
"""
"""Two prompts are enough to be killed between."""


@dataclass
class Case:
    """A home, a catalogue and an inbox below `root`, and what runs captiond there."""

    root: Path
    server: Simulator
    starter: Starter

    def __post_init__(self) -> None:
        self.inbox.mkdir(parents=True)
        self.configure()

    @property
    def inbox(self) -> Path:
        return self.root / "inbox"

    @property
    def catalogue(self) -> Path:
        return self.root / "state" / "catalogue.db"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def environment(self) -> dict[str, str]:
        command = Command(self.root, self.catalogue, self.server.url)
        return {**command.environment, "CAPTIOND_CONFIG": str(self.root / "captiond.toml")}

    def configure(self, log_level: str = "info") -> None:
        settings = {"inbox": self.inbox, "catalogue": self.catalogue, "url": self.server.url}
        text = SETTINGS.format(**settings, log_level=log_level)
        (self.root / "captiond.toml").write_text(text)

    def draw(self, name: str, number: int) -> Path:
        """Put a photo into the inbox, other bytes for each number, complete at once."""
        path = self.inbox / name
        unfinished = path.with_name(f".{path.name}")
        colour = (number % 256, number // 256 % 256, number // 65_536)
        Image.new("RGB", (64, 48), colour).save(unfinished, "JPEG", quality=95, comment=str(number))
        return unfinished.rename(path)

    def asked(self) -> int:
        """Count the questions since this was asked last."""
        calls = self.server.counters.calls
        count = len(calls)
        calls.clear()
        return count

    def run(self, *arguments: object) -> int:
        """Run captiond to its end; gives its exit code."""
        return self.starter.run(arguments, self.environment, self.log)

    def once(self, longest_seconds: float = LONGEST_SECONDS) -> int:
        """Have captiond do what is there."""
        return self.starter.run(["run", "--once"], self.environment, self.log, longest_seconds)

    def let_time_pass(self) -> None:
        """Make due what waits for its time; no captiond runs."""
        with closing(sqlite3.connect(self.catalogue)) as connection, connection:
            connection.execute("UPDATE jobs SET next_try_at = '2000-01-01T00:00:00Z' WHERE state = 'waiting'")

    def forget(self) -> None:
        """Remove all that captiond made."""
        shutil.rmtree(self.catalogue.parent, ignore_errors=True)
        self.log.unlink(missing_ok=True)
        for path in [*self.inbox.rglob(f"*{SIDECAR}"), *self.inbox.rglob(".captiond-*")]:
            path.unlink()

    def restore(self, catalogue: Path) -> None:
        """Begin again with a catalogue that was put aside."""
        self.forget()
        self.catalogue.parent.mkdir(mode=0o700)
        shutil.copyfile(catalogue, self.catalogue)
        self.catalogue.chmod(0o600)


@contextmanager
def laid_out(root: Path) -> Iterator[Case]:
    """Give a case below a new folder, with a model server and a starter of its own."""
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(Simulator()) as server,
        starter() as starting,
    ):
        yield Case(root, server, starting)
