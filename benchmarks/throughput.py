"""How much of a model server's time the daemon wastes: photos a minute against the server alone.

A bare client asks the same server the very same questions, recorded from the daemon, with nothing to prepare
and nothing to keep. Both are timed by the server, from the first question's arrival to the last answer.
"""

import argparse
import asyncio
import json
import sys
from collections.abc import Sequence
from itertools import pairwise, product
from pathlib import Path
from statistics import median

from listening_server import ListeningServer, Question
from workbench import Captiond, draw_photos, figure, headline, scratch, told, verdict

from captiond.simulator.settings import SimulatorSettings

GOAL = 1.053
"""Not more than 1 / 0.95 of the time that the server alone needs."""

QUESTIONS = 4
BARE_CLIENT = Path(__file__).with_name("bare_client.py")


async def main() -> None:
    """Measure each speed and each number of slots."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--slots", type=int, nargs="+", default=[1, 4])
    parser.add_argument("--time-scale", type=float, nargs="+", default=[0.1, 0.5], help="1 is an RTX 4090")
    chosen = parser.parse_args()
    headline(
        f"Throughput: {chosen.photos} photos of 12 MP, {QUESTIONS} prompts, {chosen.rounds} rounds in turns"
    )
    with scratch() as folder:
        photos = draw_photos(folder / "photos", chosen.photos)
        chains = folder / "chains.json"
        chains.write_text(json.dumps(await _recorded(folder / "recorded", photos)))
        for scale, slots in product(chosen.time_scale, chosen.slots):
            settings = SimulatorSettings(slots=slots, time_scale=scale)
            rounds = await _in_turns(settings, folder / f"{scale}-{slots}", photos, chains, chosen.rounds)
            print(f"the server's time × {scale:g}, {slots} slot{'s' * (slots > 1)}")
            _tell(rounds, slots, chosen.photos)


async def _in_turns(
    settings: SimulatorSettings, home: Path, photos: Sequence[Path], chains: Path, count: int
) -> dict[str, list[Sequence[Question]]]:
    """Let daemon and bare client ask one server in turns."""
    questions = QUESTIONS * len(photos)
    rounds: dict[str, list[Sequence[Question]]] = {"captiond": [], "the server alone": []}
    async with ListeningServer(settings) as server:
        await _alone(chains, server, questions)  # loads the model
        for turn in range(count):
            captiond = Captiond(home / str(turn), server.url, parallel=settings.slots)
            rounds["captiond"].append(await _daemon(captiond, photos, server))
            rounds["the server alone"].append(await _alone(chains, server, questions))
    return rounds


async def _recorded(home: Path, photos: Sequence[Path]) -> list[list[str]]:
    """Give the bodies that the daemon sends, in a chain for each photo."""
    async with ListeningServer(SimulatorSettings(slots=1)) as server:
        asked = await _daemon(Captiond(home, server.url), photos, server)
    bodies = [question.body.decode() for question in asked]
    return [bodies[start : start + QUESTIONS] for start in range(0, len(bodies), QUESTIONS)]


async def _daemon(captiond: Captiond, photos: Sequence[Path], server: ListeningServer) -> Sequence[Question]:
    captiond.drop(photos)
    return await _asked_by(captiond.reading_once, captiond.environment, server, QUESTIONS * len(photos))


async def _alone(chains: Path, server: ListeningServer, count: int) -> Sequence[Question]:
    command = [sys.executable, str(BARE_CLIENT), str(chains), server.url, str(server.settings.slots)]
    return await _asked_by(command, None, server, count)


async def _asked_by(
    command: Sequence[str], environment: dict[str, str] | None, server: ListeningServer, count: int
) -> Sequence[Question]:
    server.forget()
    quiet = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(*command, env=environment, stdout=quiet, stderr=quiet)
    code = await process.wait()
    asked = server.forget()
    if code or len(asked) != count:
        raise SystemExit(f"{command} ended with {code} after {len(asked)} of {count} questions")
    return asked


def _tell(rounds: dict[str, list[Sequence[Question]]], slots: int, photos: int) -> None:
    for name, spans in rounds.items():
        figure(
            f"  {name}: photos a minute", told([60 * photos / _span(asked) for asked in spans], "", 1.0, 0)
        )
        figure(f"  {name}: slots idle", told([_idle(asked, slots) for asked in spans], "%", 100.0))
    if slots == 1:
        figure("  captiond between two questions", told([_between(asked) for asked in rounds["captiond"]]))
    pairs = zip(rounds["captiond"], rounds["the server alone"], strict=True)
    verdict("  captiond's time / the server's alone", [_span(a) / _span(b) for a, b in pairs], GOAL)


def _span(asked: Sequence[Question]) -> float:
    return max(one.answered for one in asked) - min(one.came for one in asked)


def _idle(asked: Sequence[Question], slots: int) -> float:
    return 1 - sum(one.answered - one.came for one in asked) / (slots * _span(asked))


def _between(asked: Sequence[Question]) -> float:
    """Give the median pause of the only slot, in seconds."""
    in_order = sorted(asked, key=lambda one: one.came)
    return median(later.came - earlier.answered for earlier, later in pairwise(in_order))


if __name__ == "__main__":
    asyncio.run(main())
