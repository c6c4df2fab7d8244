"""The power goes: what was acknowledged is kept, no sidecar is torn, and captiond goes on from there.

The disk is a simulated one (disk.py), fed with all that a real captiond told a real one. Acknowledged is what
somebody else has seen: a line "described" in the log, and that the model server was asked the next question.
"""

import random
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from .agreement import SIDECAR, told, torn, unfinished, unsound
from .cases import PROMPTS, Case, laid_out
from .conftest import Measured
from .disk import OPTIONS, Call, Disk, calls_in
from .tracing import traced, why_not

pytestmark = pytest.mark.skipif(why_not() is not None, reason=str(why_not()))

SEED = 7
TURNS = ("fsync", "rename", "renameat", "renameat2", "unlink", "unlinkat", "write", "ftruncate")


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with laid_out(tmp_path / "case") as laid:
        yield laid


def recorded(case: Case, photos: int, trace: Path) -> list[Call]:
    """Let captiond make its catalogue and describe photos, and give all that it told the disk."""
    for number in range(photos):
        case.draw(f"{number}.jpg", number)
    assert traced(case, *OPTIONS, trace=trace) == 0
    return list(calls_in(trace.read_text().splitlines()))


@dataclass
class Cut:
    """The power goes after some call."""

    case: Case
    past: Sequence[Call]
    chance: random.Random

    def strike(self) -> None:
        """Leave on the real disk what the power cut left."""
        disk = Disk(self.case.root)
        for call in self.past:
            disk.follow(call)
        self.case.forget()
        for path, content in disk.after_a_cut(self.chance).items():
            if not path.endswith("-shm"):
                Path(path).parent.mkdir(mode=0o700, exist_ok=True)
                Path(path).write_bytes(content)

    def lost(self) -> Iterator[str]:
        """Tell what is not there that somebody has seen, or that the catalogue says is there."""
        answered, clean = 0, []
        if self.case.catalogue.exists():
            yield from unsound(self.case.catalogue)
            answered, clean = self._kept()
        yield from torn(self.case.inbox)
        if answered < self._acknowledged():
            yield f"{answered} answers of {self._acknowledged()} that were acknowledged"
        for path, digest in clean:
            sidecar = Path(f"{path}{SIDECAR}")
            if not sidecar.exists() or sha256(sidecar.read_bytes()).hexdigest() != digest:
                yield f"the catalogue takes {sidecar.name} for written"

    def _acknowledged(self) -> int:
        """Count the answers that must be kept: of described photos, and before the question in flight."""
        said = [text for call in self.past if call.name in ("write", "sendto") for text in call.texts]
        described = sum(text.count(b"event=described ") for text in said)
        asked = sum(text.startswith(b"POST /api/chat") for text in said)
        return max(described * len(PROMPTS), asked - 1)

    def _kept(self) -> tuple[int, list[tuple[str, str]]]:
        with closing(sqlite3.connect(self.case.catalogue)) as connection:
            if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'files'").fetchone():
                return 0, []
            answered: int = connection.execute("SELECT count(*) FROM results").fetchone()[0]
            clean = connection.execute(
                "SELECT CAST(path_bytes AS TEXT), sidecar_sha256 FROM files "
                "WHERE sidecar_dirty = 0 AND sidecar_sha256 IS NOT NULL"
            ).fetchall()
        return answered, clean


def moments(calls: Sequence[Call], count: int, chance: random.Random) -> Iterator[int]:
    """Choose after how many calls the power goes: half of them around what syncs or names something."""
    turns = [number for number, call in enumerate(calls) if call.name in TURNS]
    for number in range(count):
        yield chance.choice(turns) + number // 2 % 2 if number % 2 else chance.randint(0, len(calls))


def check_cuts(case: Case, calls: Sequence[Call], cuts: int, *, restarts: int, measured: Measured) -> None:
    """Cut the power at that many moments, and start captiond again after some of them."""
    chance, wrong, acknowledged = random.Random(SEED), [], 0
    restarted = set(chance.sample(range(cuts), restarts))
    for number, moment in enumerate(moments(calls, cuts, chance)):
        cut = Cut(case, calls[:moment], random.Random(number))
        cut.strike()
        found = list(cut.lost())
        acknowledged += cut._acknowledged()
        if number in restarted:
            # Reading rolled back what a crash left half done; captiond must manage that itself.
            Cut(case, cut.past, random.Random(number)).strike()
            found += [f"it ended with {code}" for code in [case.once()] if code != 0]
            found += unfinished(case.catalogue, case.inbox, PROMPTS)
        wrong += [f"cut {number} after {len(cut.past)} calls: {sentence}" for sentence in found]
    assert not wrong, told(wrong)
    measured(f"{cuts} cuts in {len(calls)} calls, {acknowledged} answers acknowledged, {restarts} restarts")


def test_twenty_power_cuts_lose_nothing_that_was_acknowledged(
    case: Case, tmp_path: Path, measured: Measured
) -> None:
    calls = recorded(case, 3, tmp_path / "trace")

    check_cuts(case, calls, 20, restarts=2, measured=measured)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_thousand_power_cuts_lose_nothing_that_was_acknowledged(
    case: Case, tmp_path: Path, measured: Measured
) -> None:
    calls = recorded(case, 12, tmp_path / "trace")

    check_cuts(case, calls, 1000, restarts=200, measured=measured)
