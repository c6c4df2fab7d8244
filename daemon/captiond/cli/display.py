"""A line for each photo and one live line below them, on a terminal."""

from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from captiond.catalogue import jobs, outlook, queries
from captiond.catalogue.store import Catalogue
from captiond.clock import Clock

REFRESH_SECONDS = 1.0
BAR_WIDTH = 26
NARROWEST_BAR = 4
DAY_NAMED_AFTER_SECONDS = 20 * 3600


class LiveProgress:
    """Prints lines above a line that says how far the work is."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def print(self, line: str) -> None:
        """Print a line above the live one; it is plain text, whatever is in it."""
        self._console.print(Text(line))

    async def follow(self, catalogue: Catalogue, clock: Clock) -> None:
        """Keep the live line up to date, until cancelled."""
        with Live(console=self._console, auto_refresh=False, transient=True) as live:
            while True:
                progress = await catalogue.read(queries.progress)
                at_work = await catalogue.read(outlook.in_hand)
                remaining = await catalogue.read(outlook.remaining) if at_work else None
                paused = await catalogue.read(jobs.is_paused)
                words = _words(progress, remaining, clock, paused=paused)
                live.update(_line(words, progress, self._console.width), refresh=True)
                await clock.sleep(REFRESH_SECONDS)


def _line(words: str, progress: queries.Progress, width: int) -> Table | Text:
    """Put a bar before the words where both fit on one line; what wraps could not be erased."""
    text = Text(words, no_wrap=True, overflow="ellipsis")
    bar_width = min(BAR_WIDTH, width - len(words) - 2)
    if bar_width < NARROWEST_BAR:
        return text
    done = progress.photos["done"]
    row = Table.grid(padding=(0, 1))
    total = max(done + progress.photos_to_do, 1)
    row.add_row(ProgressBar(total=total, completed=done, width=bar_width), text)
    return row


def _words(
    progress: queries.Progress, remaining: outlook.Remaining | None, clock: Clock, *, paused: bool
) -> str:
    done, waiting = progress.photos["done"], progress.photos_to_do
    problems = progress.need_attention
    words = [f"{done:,}/{done + waiting:,}"]
    if waiting and remaining:
        words.append(f"{remaining.middle_seconds / waiting:.1f} s each")
        words.append(f"done {_about(remaining.middle_seconds, clock)}")
    words.append("waiting for new photos" if not waiting else f"{waiting:,} waiting")
    words.append(f"{problems} problems" if problems != 1 else "1 problem")
    if paused:
        words.append("paused: captiond resume goes on")
    words.append("Ctrl-C stops")
    return " · ".join(words)


def _about(seconds: float, clock: Clock) -> str:
    ready_at = (clock.now() + timedelta(seconds=seconds)).astimezone()
    return f"about {ready_at:%H:%M}" if seconds < DAY_NAMED_AFTER_SECONDS else f"{ready_at:%a %H:%M}"
