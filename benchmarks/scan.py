"""A scan of 20,000 files, or more, that are all known and unchanged, against listing and stating them."""

import argparse
import asyncio
import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from logging import WARNING
from pathlib import Path

import structlog
from workbench import figure, headline, scratch, told, verdict

from captiond.catalogue import intake
from captiond.catalogue.store import Catalogue, Connection
from captiond.clock import SystemClock
from captiond.errors import TryAgain
from captiond.inbox.reading import stamp_of
from captiond.inbox.scanning import scan
from captiond.model import InboxFile
from captiond.noticing import Noticing
from captiond.patience import Patience

GOAL = 1.6
FILES_IN_EACH = 1_000
SAID = {
    "bare": "bare: os.scandir and stat",
    "compared": "listing and comparing with the catalogue",
    "first": "the first whole scan, with the look for missing files",
    "whole": "a whole scan that finds all as the last one did",
}


def main() -> None:
    """Measure in turns; all files are in the cache of the file system."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--folders", type=int, default=20, help=f"of {FILES_IN_EACH:,} files each")
    chosen = parser.parse_args()
    headline(f"Scan of {chosen.folders * FILES_IN_EACH:,} unchanged files: {chosen.rounds} rounds in turns")
    with scratch() as folder, ExitStack() as stack:
        inbox = _fill(folder / "inbox", chosen.folders)
        catalogue = stack.enter_context(Catalogue(folder / "catalogue.db", SystemClock().now()))
        asyncio.run(catalogue.write(_know, inbox))
        keeping = _noticing(inbox, catalogue)
        asyncio.run(_sweep(keeping))
        cpu: dict[str, list[float]] = {name: [] for name in SAID}
        wall: dict[str, list[float]] = {name: [] for name in SAID}
        for _ in range(chosen.rounds):
            for name, work in _works(inbox, catalogue, keeping).items():
                started, cpu_started = time.perf_counter(), time.process_time()
                work()
                cpu[name].append(time.process_time() - cpu_started)
                wall[name].append(time.perf_counter() - started)
    for name, said in SAID.items():
        figure(said, f"CPU {told(cpu[name])}   wall {told(wall[name])}")
    print()
    for name in ("compared", "first"):
        figure(f"{SAID[name]} / bare", told(_ratios(cpu, name), "×", 1.0, 2))
    verdict(f"{SAID['whole']} / bare", _ratios(cpu, "whole"), GOAL)


def _ratios(seconds: dict[str, list[float]], name: str) -> list[float]:
    return [mine / bare for mine, bare in zip(seconds[name], seconds["bare"], strict=True)]


def _works(inbox: Path, catalogue: Catalogue, keeping: Noticing) -> dict[str, Callable[[], object]]:
    return {
        "bare": lambda: _bare(inbox),
        "compared": lambda: list(scan(inbox, _noticing(inbox, catalogue))),
        "first": lambda: asyncio.run(_sweep(_noticing(inbox, catalogue))),
        "whole": lambda: asyncio.run(_sweep(keeping)),
    }


def _bare(folder: Path | str) -> int:
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                count += _bare(entry.path)
            else:
                entry.stat(follow_symlinks=False)
                count += 1
    return count


def _noticing(inbox: Path, catalogue: Catalogue) -> Noticing:
    async def take_in(files: Sequence[InboxFile], _fresh: bool) -> Mapping[Path, TryAgain]:
        raise SystemExit(f"{files[0].path} is not known")

    clock = SystemClock()
    log = structlog.wrap_logger(None, wrapper_class=structlog.make_filtering_bound_logger(WARNING))
    return Noticing(
        inbox,
        take_in=take_in,
        catalogue=catalogue,
        patience=Patience(catalogue, clock, log),
        clock=clock,
        log=log,
        quiet_seconds=2.0,
        scan_seconds=60.0,
    )


async def _sweep(noticing: Noticing) -> None:
    await noticing.sweep(patience_seconds=0.0)


def _fill(inbox: Path, folders: int) -> Path:
    for folder in range(folders):
        (inbox / f"{folder:03}").mkdir(parents=True)
        for number in range(FILES_IN_EACH):
            (inbox / f"{folder:03}" / f"IMG_{number:05}.jpg").write_bytes(b"no picture")
    return inbox


def _know(connection: Connection, inbox: Path) -> None:
    now = SystemClock().now()
    for path in sorted(inbox.rglob("*.jpg")):
        stamp = stamp_of(path.stat())
        intake.note_unread(connection, inbox, path, stamp, state="skipped", reason="known", now=now)


if __name__ == "__main__":
    main()
