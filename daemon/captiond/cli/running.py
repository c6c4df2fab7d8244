"""Running the daemon for a person or for a service manager: how it talks is decided here."""

import asyncio
import gc
import os
import sys
from collections.abc import Callable

import structlog
from rich.console import Console

from captiond import app
from captiond.logs import configure, is_journal, set_level, style_for
from captiond.settings import Settings
from captiond.unblocked import Unblocked

from .display import LiveProgress

RECORDS_BETWEEN_COLLECTIONS = 20_000
"""Then Python looks for those that only hold each other: of those of a burst, none is of that sort."""

LONGEST_TURN_SECONDS = 0.0005
"""Of one thread while others wait for Python's lock: the catalogue's needs it after each statement, and in a
burst all wait for the catalogue. Python's own is 5 ms."""


def run_daemon(settings: Settings, load_settings: Callable[[], Settings], *, once: bool) -> int:
    """Run until done or stopped, with a live line on a terminal; gives the exit code. Raises Fatal.

    `load_settings` reads them again.
    """
    # The catalogue and the sidecars hold the text of letters and passports: for their owner alone.
    os.umask(0o077)
    gc.set_threshold(RECORDS_BETWEEN_COLLECTIONS)
    sys.setswitchinterval(LONGEST_TURN_SECONDS)
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    style = style_for(settings.log, os.environ, sys.stderr)
    display = LiveProgress(console) if style == "terminal" else None
    lines = Unblocked(sys.stderr)
    configure(
        style,
        settings.log_level,
        display.print if display else lines.give,
        priorities=is_journal(os.environ, sys.stderr),
    )
    log = structlog.stdlib.get_logger("captiond")

    def reload() -> Settings:
        again = load_settings()
        set_level(again.log_level)
        return again

    work = app.run(settings, reload=reload, once=once, environ=os.environ, log=log, display=display)
    try:
        return asyncio.run(work)
    finally:
        lines.flush(1.0)
