"""When a fault strikes, and how it is written."""

import pytest

from captiond.simulator import Fault
from captiond.simulator.faults import Faults

QUESTION = "/api/chat"


def struck(
    fault: Fault, times: int = 8, *, path: str = QUESTION, prompt: str = "", image: str = ""
) -> list[int]:
    """Ask so often, and give the numbers (from 1) of those that were struck."""
    faults = Faults([fault])
    found = (faults.find(path, prompt, [image] if image else [], question=True) for _ in range(times))
    return [number for number, one in enumerate(found, start=1) if one is not None]


@pytest.mark.parametrize(
    ("fault", "numbers"),
    [
        (Fault("empty"), [1, 2, 3, 4, 5, 6, 7, 8]),
        (Fault("empty", nth=3), [3]),
        (Fault("empty", every=3), [3, 6]),
        (Fault("empty", times=2), [1, 2]),
        (Fault("empty", every=2, times=2), [2, 4]),
        (Fault("empty", probability=0.0), []),
    ],
)
def test_a_fault_strikes_at_its_moments(fault: Fault, numbers: list[int]) -> None:
    assert struck(fault) == numbers


def test_chance_is_the_same_for_the_same_seed() -> None:
    often = struck(Fault("empty", probability=0.3, seed=5), 1000)
    assert often == struck(Fault("empty", probability=0.3, seed=5), 1000)
    assert often != struck(Fault("empty", probability=0.3, seed=6), 1000)
    assert 200 < len(often) < 400


def test_a_fault_chooses_its_requests() -> None:
    assert struck(Fault("empty", prompt="Describe"), prompt="Describe this", times=1)
    assert not struck(Fault("empty", prompt="Describe"), prompt="List this")
    assert struck(Fault("empty", image="ab"), image="abcd", times=1)
    assert not struck(Fault("empty", image="ab"), image="bcd")
    assert not struck(Fault("empty", image="ab"))
    assert not struck(Fault("eof", path="/api/tags"))


def test_without_a_path_only_questions_are_struck() -> None:
    assert Faults([Fault("eof")]).find("/api/tags") is None
    assert Faults([Fault("eof", path="/api/tags")]).find("/api/tags") is not None


def test_the_first_fault_that_strikes_is_taken() -> None:
    faults = Faults([Fault("empty", nth=2), Fault("loop")])
    kinds = [fault.kind for _ in range(3) if (fault := faults.find(QUESTION, question=True))]
    assert kinds == ["loop", "empty", "loop"]


def test_faults_are_added_replaced_and_cleared() -> None:
    faults = Faults()
    faults.add(Fault("empty"), Fault("loop"))
    faults.set(Fault("echo"))
    assert faults.listed() == [Fault("echo")]
    faults.clear()
    assert faults.listed() == []


def test_a_fault_is_written_on_the_command_line() -> None:
    assert Fault.from_text("hang") == Fault("hang")
    assert Fault.from_text("slow:seconds=0.5,nth=3,prompt=Describe") == Fault(
        "slow", seconds=0.5, nth=3, prompt="Describe"
    )


@pytest.mark.parametrize("text", ["earthquake", "hang:colour=red", "hang:nth=soon"])
def test_what_is_no_fault_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Fault.from_text(text)
