import pytest

from captiond.doctor.programs import is_older, program_findings


@pytest.mark.parametrize(
    ("installed", "older"),
    [("12.2.0", True), ("12.3.0", False), ("13.0.0", False), ("12.3.0.dev1", False), ("9.5", True)],
)
def test_versions_are_compared_by_their_numbers(installed: str, older: bool) -> None:
    assert is_older(installed, (12, 3)) is older


def test_the_versions_that_a_bug_report_needs_are_named() -> None:
    sentence = next(iter(program_findings())).sentence
    assert all(name in sentence for name in ("captiond", "SQLite", "pillow"))
