"""What `captiond search` costs beside a bare Python, in a catalogue of 10,000 photos; and what it imports."""

import argparse
import os
import random
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from workbench import CAPTIOND, Captiond, figure, headline, scratch, told, verdict

from captiond.catalogue.database import close_for_readers, open_to_write

GOAL = 4.0
PHOTOS = 10_000
WORDS = 60
FORBIDDEN = ("PIL", "alembic", "httpx", "ollama")
HEAVY = ("pydantic", "pydantic_settings", "rich", "sqlalchemy", "structlog", "typer", "watchdog", "asyncio")
SAID = {
    "bare": "python -c pass",
    "sqlite": "python -c 'import argparse, sqlite3'",
    "typer": "python -c 'import typer, sqlite3'",
    "help": "captiond --help",
    "rare": "captiond search, a word of one photo",
    "frequent": "captiond search, a word of every second photo",
}
LISTING = """
import sys
from captiond.cli import app
try:
    app(sys.argv[1:], standalone_mode=False)
finally:
    print("\\n".join(sorted(sys.modules)), file=sys.stderr)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took: wall seconds, and CPU seconds of it with all its children."""

    wall_seconds: float
    cpu_seconds: float


def main() -> None:
    """Measure all commands in turns, then list the modules."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    chosen = parser.parse_args()
    headline(f"captiond search over {PHOTOS:,} photos: {chosen.rounds} rounds in turns")
    with scratch() as folder:
        captiond = Captiond(folder, "http://127.0.0.1:1")
        _fill(captiond.catalogue)
        figures: dict[str, list[Spent]] = {name: [] for name in SAID}
        for _ in range(chosen.rounds):
            for name, command in _commands().items():
                figures[name].append(_spent(command, captiond.environment))
        _tell(figures)
        _tell_modules(_modules(captiond))


def _commands() -> dict[str, list[str]]:
    return {
        "bare": [sys.executable, "-c", "pass"],
        "sqlite": [sys.executable, "-c", "import argparse, sqlite3"],
        "typer": [sys.executable, "-c", "import typer, sqlite3"],
        "help": [*CAPTIOND, "--help"],
        "rare": [*CAPTIOND, "search", "only4711"],
        "frequent": [*CAPTIOND, "search", "elephant"],
    }


def _spent(command: Sequence[str], environment: dict[str, str]) -> Spent:
    """Run a command and say what it and its children took."""
    started = time.perf_counter()
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return Spent(time.perf_counter() - started, usage.ru_utime + usage.ru_stime)


def _fill(catalogue: Path) -> None:
    """Make a catalogue as captiond does, and put photos straight into the table that search reads."""
    close_for_readers(open_to_write(catalogue, datetime.now(UTC)))
    columns = "name, folder, path, inbox, description, objects, state, bytes, sha256, added_at, updated_at"
    with closing(sqlite3.connect(catalogue)) as connection, connection:
        places = ", ".join("?" * len(columns.split(", ")))
        connection.executemany(f"INSERT INTO photos ({columns}) VALUES ({places})", _photos())


def _photos() -> Iterator[tuple[object, ...]]:
    draw = random.Random(1)
    for number in range(PHOTOS):
        words = [f"w{int(draw.paretovariate(0.7)) % PHOTOS}" for _ in range(WORDS)]
        seen = '["elephant", "sign"]' if number % 2 else '["boat"]'
        name, now = f"IMG_{number}.jpg", "2026-05-01T10:00:00Z"
        yield (
            name,
            "",
            name,
            "/photos",
            " ".join([f"only{number}", *words]),
            seen,
            "done",
            1,
            f"{number:064}",
            now,
            now,
        )


def _tell(figures: dict[str, list[Spent]]) -> None:
    cpu = {name: [one.cpu_seconds for one in taken] for name, taken in figures.items()}
    wall = {name: [one.wall_seconds for one in taken] for name, taken in figures.items()}
    for name, said in SAID.items():
        figure(said, f"CPU {told(cpu[name])}   wall {told(wall[name])}")
    print()
    for name in ("typer", "help", "rare", "frequent"):
        for kind, seconds in (("CPU", cpu), ("wall", wall)):
            ratios = [a / b for a, b in zip(seconds[name], seconds["bare"], strict=True)]
            verdict(f"{SAID[name]} / bare, {kind}", ratios, GOAL)


def _modules(captiond: Captiond) -> list[str]:
    command = [sys.executable, "-c", LISTING, "search", "elephant"]
    ended = subprocess.run(command, env=captiond.environment, capture_output=True, text=True, check=True)
    return ended.stderr.split()


def _tell_modules(modules: list[str]) -> None:
    packages = {name.partition(".")[0] for name in modules}
    found = sorted(packages & set(FORBIDDEN))
    print()
    figure("modules imported by search", str(len(modules)))
    figure("  of the heavy ones", ", ".join(sorted(packages & set(HEAVY))) or "none")
    figure("  that must not be there", f"{', '.join(found)}: MISSED" if found else "none: kept")


if __name__ == "__main__":
    main()
