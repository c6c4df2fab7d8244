"""Whatever the model server does wrong, at whichever question: all photos are done, and none pays for it."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from .agreement import told
from .conftest import Measured
from .striking import KINDS, POSITIONS, PULL_KINDS, Cell, lane

ONE = [Cell("reset-mid-stream", "middle")]
"""It waits some seconds for its next try, while others are run."""
OTHERS = [
    Cell("busy", "first"),
    Cell("model-missing", "last"),
    Cell("too-large", "middle"),
    Cell("fence", "first"),
]


def wrong_in(cells: Sequence[Cell], root: Path) -> list[str]:
    """Run cells one after another."""
    with lane(root) as running:
        return [wrong for cell in cells for wrong in running.wrong_in(cell)]


def wrong_beside_each_other(root: Path, *lanes: Sequence[Cell]) -> list[str]:
    roots = [root / f"lane-{number}" for number in range(len(lanes))]
    with ThreadPoolExecutor(len(lanes)) as pool:
        return [wrong for some in pool.map(wrong_in, lanes, roots) for wrong in some]


def test_a_few_faults_of_the_server_cost_no_photo_its_answers(tmp_path: Path) -> None:
    wrong = wrong_beside_each_other(tmp_path, ONE, OTHERS)
    assert not wrong, told(wrong)


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("position", POSITIONS)
def test_no_fault_of_the_server_costs_a_photo_its_answers(
    position: str, tmp_path: Path, measured: Measured
) -> None:
    cells = [Cell(kind, position) for kind in sorted(KINDS - PULL_KINDS)]
    wrong = wrong_beside_each_other(tmp_path, cells[::3], cells[1::3], cells[2::3])
    assert not wrong, told(wrong)
    measured(f"{len(cells)} kinds of faults at the {position} question")
