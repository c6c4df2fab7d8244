"""CPU seconds for each 12 MP JPEG through the whole daemon, against the least that anybody has to do.

The daemon and its decode process are weighed from the moment that they have done a few photos and are idle
until they have done all, so that the start is not in it. The model server is another process and not counted.
The goal is for preparing alone: the floor asks nothing and keeps nothing.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from workbench import (
    WARM_UPS,
    Captiond,
    cpu_seconds,
    draw_photos,
    figure,
    headline,
    scratch,
    simulated_server,
    told,
    verdict,
)

GOAL = 1.3
SAID = {
    "daemon": "captiond run, with its decode process",
    "floor": "floor: read, SHA-256, draft, thumbnail, encode",
    "prepare": "  prepare: read and hash twice, pipe, decode",
    "ask": "  ask: four prompts over HTTP, understood",
    "keep": "  keep: catalogue and sidecar",
}
PARTS = ("prepare", "ask", "keep")
SCRIPT = Path(__file__).with_name("photo_parts.py")
PATIENCE_SECONDS = 600.0


def main() -> None:
    """Measure the daemon, the floor and the parts in turns, and tell what they take for each photo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=28)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--time-scale", default="0", help="the server's: 1 is an RTX 4090, 0 does not wait")
    chosen = parser.parse_args()
    headline(
        f"CPU for each 12 MP JPEG: {chosen.photos} photos, {chosen.rounds} rounds in turns, "
        f"the server's time × {chosen.time_scale}"
    )
    seconds: dict[str, list[float]] = {name: [] for name in SAID}
    with scratch() as folder, simulated_server("--time-scale", chosen.time_scale) as url:
        photos = draw_photos(folder / "photos", chosen.photos)
        for turn in range(chosen.rounds):
            for name, each in seconds.items():
                captiond = Captiond(folder / f"{name}{turn}", url)
                each.append(_daemon(captiond, photos) if name == "daemon" else _alone(name, captiond, photos))
    _tell(seconds)


def _daemon(captiond: Captiond, photos: Sequence[Path]) -> float:
    captiond.drop(photos[:WARM_UPS])
    with captiond.watching() as process:
        _wait_for_sidecars(captiond.inbox, WARM_UPS)
        before = cpu_seconds(process.pid)
        captiond.drop(photos[WARM_UPS:])
        _wait_for_sidecars(captiond.inbox, len(photos))
        return (cpu_seconds(process.pid) - before) / len(photos[WARM_UPS:])


def _wait_for_sidecars(inbox: Path, count: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while len(list(inbox.glob("*.captiond.json"))) < count:
        if time.monotonic() > deadline:
            raise SystemExit("The daemon takes too long.")
        time.sleep(0.1)
    time.sleep(0.5)


def _alone(part: str, captiond: Captiond, photos: Sequence[Path]) -> float:
    captiond.drop(photos)
    command = [sys.executable, str(SCRIPT), part, str(captiond.inbox)]
    return float(subprocess.run(command, env=captiond.environment, stdout=subprocess.PIPE, check=True).stdout)


def _tell(seconds: dict[str, list[float]]) -> None:
    for name, each in seconds.items():
        figure(SAID[name], told(each))
    rest = median(seconds["daemon"]) - sum(median(seconds[name]) for name in PARTS)
    figure("  the rest: watching, loops, logs", f"{rest * 1000:>8.1f} ms\n")
    for name in ("ask", "keep", "daemon"):
        figure(f"{name} / floor", told(_ratios(seconds, name), "×", 1.0, 2))
    verdict("prepare / floor", _ratios(seconds, "prepare"), GOAL)


def _ratios(seconds: dict[str, list[float]], name: str) -> list[float]:
    return [mine / least for mine, least in zip(seconds[name], seconds["floor"], strict=True)]


if __name__ == "__main__":
    main()
