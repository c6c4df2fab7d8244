"""Every system call that lasts fails once, or is the last one of the process: nothing is lost or doubled.

The places come from recorded runs: one that makes its catalogue, and one that finds one.
"""

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from .agreement import photos_in, told, unfinished
from .cases import PROMPTS, Case, laid_out
from .conftest import Measured
from .originals import originals
from .tracing import Place, places, strike, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

FAULTS = ("KILL", "EIO", "ENOSPC", "EROFS", "EACCES")
NEVER = {"close": {"ENOSPC", "EROFS", "EACCES"}, "flock": set(FAULTS)}
"""Errors that these calls do not know: who closes or locks has been let in already."""
PHOTOS = 3
SPREAD = 7
SEED = 20


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with laid_out(tmp_path / "case") as laid:
        yield laid


@pytest.fixture
def prepared(case: Case, tmp_path: Path) -> Path:
    """A catalogue that an earlier captiond made, without a photo."""
    assert case.once() == 0
    return shutil.copyfile(case.catalogue, tmp_path / "prepared.db")


def begin(case: Case, prepared: Path | None) -> None:
    case.restore(prepared) if prepared else case.forget()
    case.asked()


def wrong_after(case: Case, place: Place, fault: str, trace: Path) -> Iterator[str]:
    """Let one fault strike, run captiond again, and tell what is not as if it had never been."""
    before = originals(case.inbox)
    ended = strike(case, place, fault, trace)
    if ended is None:
        yield "it hung"
    if "Traceback" in case.log.read_text():
        yield "it ended with a traceback"
    again = case.once()
    if again == os.EX_TEMPFAIL:
        # A photo that could not be read when its turn came waits some minutes.
        case.let_time_pass()
        again = case.once()
    if again != 0:
        yield f"the run after it ended with {again}: {case.log.read_text()[-500:]}"
    yield from unfinished(case.catalogue, case.inbox, PROMPTS)
    asked, needed = case.asked(), PHOTOS * len(PROMPTS)
    if not needed <= asked <= needed + 1:
        yield f"{asked} questions instead of {needed}"
    if originals(case.inbox) != before:
        yield "an original was touched"


def check(
    case: Case, prepared: Path | None, struck: Sequence[tuple[Place, str]], trace: Path
) -> Counter[str]:
    """Let each fault strike at its place; gives how many there were of each kind of place."""
    wrong, seen = [], Counter[str]()
    for place, fault in struck:
        begin(case, prepared)
        seen[f"{place.kind} {place.call}"] += 1
        wrong += [f"{fault} at {place}: {sentence}" for sentence in wrong_after(case, place, fault, trace)]
    assert not wrong, told(wrong)
    return seen


def draw(case: Case) -> None:
    for number in range(PHOTOS):
        case.draw(f"{number}.jpg", number)
    assert len(photos_in(case.inbox)) == PHOTOS


def every_place(case: Case, prepared: Path | None, trace: Path) -> list[Place]:
    """Record what such a run does."""
    begin(case, prepared)
    found = places(case, trace)
    assert {place.kind for place in found} >= {"catalogue", "wal", "lock", "sidecar", "inbox"}
    return found


def spread(found: Sequence[Place]) -> list[tuple[Place, str]]:
    """Choose a few places of different kinds, and a fault for each: the same ones every time."""
    chance = random.Random(SEED)
    by_kind: dict[tuple[str, str], list[Place]] = {}
    for place in sorted(found):
        by_kind.setdefault((place.kind, place.call), []).append(place)
    chosen = [chance.choice(by_kind[kind]) for kind in chance.sample(sorted(by_kind), SPREAD)]
    return [(place, chance.choice([fault for fault in FAULTS if can(fault, place)])) for place in chosen]


def can(fault: str, place: Place) -> bool:
    """Tell whether a fault is possible at a place: only what was written to can fail to be closed."""
    read_only = place.call == "close" and place.kind in {"folder", "inbox", "lock"}
    return fault == "KILL" or not (read_only or fault in NEVER.get(place.call, ()))


@pytest.mark.parametrize("made_before", [False, True], ids=["first run", "later run"])
def test_a_spread_of_faults_loses_and_doubles_nothing(
    *, made_before: bool, case: Case, prepared: Path, tmp_path: Path, measured: Measured
) -> None:
    draw(case)
    trace, known = tmp_path / "trace", prepared if made_before else None
    found = every_place(case, known, trace)
    struck = spread(found)

    check(case, known, struck, trace)

    measured(f"{len(struck)} of {len(found)} places x {len(FAULTS)} faults")


@pytest.mark.slow
@pytest.mark.timeout(3 * 3600)
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("made_before", [False, True], ids=["first run", "later run"])
def test_no_fault_at_any_system_call_loses_or_doubles_anything(
    *, made_before: bool, fault: str, case: Case, prepared: Path, tmp_path: Path, measured: Measured
) -> None:
    draw(case)
    trace, known = tmp_path / "trace", prepared if made_before else None
    found = every_place(case, known, trace)

    seen = check(case, known, [(place, fault) for place in found if can(fault, place)], trace)

    measured(f"{seen.total()} times {fault}: {dict(seen)}")
