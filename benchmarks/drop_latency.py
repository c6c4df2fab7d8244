"""From a photo dropped into an idle inbox until its first question reaches the server.

A rename counts from the rename, a copy from its end. The time that preparing the same picture takes alone is
measured after each drop and taken off.
"""

import argparse
import asyncio
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from listening_server import ListeningServer
from workbench import WARM_UPS, Captiond, draw_photos, figure, headline, scratch, told

from captiond.imaging.limits import Limits
from captiond.imaging.worker import Decoder
from captiond.inbox.reading import look, read
from captiond.model import Fit, InboxFile
from captiond.simulator.settings import SimulatorSettings

GOAL_SECONDS = 1.0
PATIENCE_SECONDS = 30.0
IDLE_SECONDS = 0.7
FIT = Fit(((336, 336),))


@dataclass
class Drops:
    """What was measured for one way of dropping, in seconds."""

    until_asked: list[float] = field(default_factory=list)
    preparing: list[float] = field(default_factory=list)

    @property
    def more(self) -> list[float]:
        """Give what is not preparing."""
        return [whole - part for whole, part in zip(self.until_asked, self.preparing, strict=True)]


def _rename(source: Path, target: Path) -> float:
    started = time.monotonic()
    source.rename(target)
    return started


def _copy(source: Path, target: Path) -> float:
    shutil.copyfile(source, target)
    return time.monotonic()


WAYS: dict[str, Callable[[Path, Path], float]] = {"rename": _rename, "copy": _copy}


async def main() -> None:
    """Drop photos one by one, by rename and by copy in turns."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--drops", type=int, default=15, help="so many in each way")
    chosen = parser.parse_args()
    headline(f"Drop to first question, 12 MP JPEG: {chosen.drops} drops in each way, in turns")
    drops = {way: Drops() for way in WAYS}
    with scratch() as folder:
        photos = iter(draw_photos(folder / "photos", len(WAYS) * chosen.drops + WARM_UPS))
        async with ListeningServer(SimulatorSettings()) as server, Decoder(Limits()) as decoder:
            captiond = Captiond(folder / "home", server.url)
            with captiond.watching():
                for _ in range(WARM_UPS):
                    await _drop(next(photos), captiond, server, _rename)
                for way in [*WAYS] * chosen.drops:
                    photo = next(photos)
                    drops[way].until_asked.append(await _drop(photo, captiond, server, WAYS[way]))
                    drops[way].preparing.append(await _prepare(captiond.inbox / photo.name, decoder))
    for way, measured in drops.items():
        _tell(way, measured)


async def _drop(
    photo: Path, captiond: Captiond, server: ListeningServer, way: Callable[[Path, Path], float]
) -> float:
    """Drop a photo, wait until all is done and quiet again, and give the seconds until it was asked about."""
    server.forget()
    dropped = way(photo, captiond.inbox / photo.name)
    arrived = await asyncio.wait_for(server.arrivals.get(), PATIENCE_SECONDS)
    sidecar = captiond.inbox / f"{photo.name}.captiond.json"
    while not sidecar.exists():  # noqa: ASYNC110 - another process writes it
        await asyncio.sleep(0.01)
    await asyncio.sleep(IDLE_SECONDS)
    return arrived - dropped


async def _prepare(photo: Path, decoder: Decoder) -> float:
    """Read, hash and decode the same photo once more, as the daemon does."""
    started = time.monotonic()
    file = look(photo.parent, photo)
    assert isinstance(file, InboxFile)
    await decoder.prepare(read(file, Limits().max_file_bytes).content, FIT)
    return time.monotonic() - started


def _tell(way: str, drops: Drops) -> None:
    p95 = _p95(drops.more)
    figure(f"{way}: until the first question", f"{told(drops.until_asked)}  p95 {_p95(drops.until_asked)}")
    figure(f"{way}: preparing alone", f"{told(drops.preparing)}  p95 {_p95(drops.preparing)}")
    word = "kept" if float(p95) <= GOAL_SECONDS * 1000 else "MISSED"
    figure(f"{way}: the first without the second", f"{told(drops.more)}  p95 {p95}  goal ≤ 1000: {word}")


def _p95(seconds: Sequence[float]) -> str:
    return f"{quantiles(seconds, n=20, method='inclusive')[-1] * 1000:.1f}"


if __name__ == "__main__":
    asyncio.run(main())
