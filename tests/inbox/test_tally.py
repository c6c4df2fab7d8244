from pathlib import Path

from captiond.inbox.tally import GRACE_SECONDS, MOST_PENDING, Tally

A = Path("/in/a.jpg")


def test_what_an_event_told_of_counts_as_that() -> None:
    tally = Tally()
    tally.told()
    assert (tally.by_event, tally.by_scan) == (1, 0)


def test_what_only_a_scan_found_counts_as_that() -> None:
    tally = Tally()
    tally.scanned(A, now=0)
    assert (tally.by_event, tally.by_scan) == (0, 1)


def test_an_event_that_comes_a_moment_after_the_scan_still_counts() -> None:
    tally = Tally()
    tally.scanned(A, now=0)
    assert tally.settle(GRACE_SECONDS) == 0, "it may still come"
    tally.heard(A)
    assert (tally.by_event, tally.by_scan) == (1, 0)


def test_an_event_of_a_folder_is_one_of_all_that_lies_in_it() -> None:
    tally = Tally()
    for name in ("2024/a.jpg", "2024/07/a.jpg", "2024 a.jpg", "2025/a.jpg"):
        tally.scanned(Path("/in") / name, now=0)
    tally.heard_beneath([Path("/in/2024"), Path("/in/2025")])
    assert (tally.by_event, tally.by_scan) == (3, 1)
    tally.heard_beneath([])
    tally.heard_beneath([Path("/in")])
    assert (tally.by_event, tally.by_scan) == (4, 0)


def test_an_event_long_after_the_scan_comes_too_late() -> None:
    tally = Tally()
    tally.scanned(A, now=0)
    assert tally.settle(GRACE_SECONDS + 0.1) == 1
    tally.heard(A)
    assert (tally.by_event, tally.by_scan) == (0, 1)


def test_an_event_alone_is_no_find() -> None:
    tally = Tally()
    tally.heard(A)
    assert tally.by_event == 0


def test_memory_is_bounded_and_nothing_is_left_uncounted() -> None:
    tally = Tally()
    for number in range(MOST_PENDING + 10):
        tally.scanned(Path(str(number)), now=0)
    assert len(tally._pending) == MOST_PENDING
    assert tally.by_scan == MOST_PENDING + 10
