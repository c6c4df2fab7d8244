import pytest

from captiond.inbox.cadence import SURPRISES_TO_LEARN, Cadence


def cadence(took_seconds: float = 0.0, scan_seconds: float = 60.0) -> Cadence:
    made = Cadence(scan_seconds)
    made.scanned(took_seconds, 0, expected=True)
    return made


@pytest.mark.parametrize(("took_seconds", "pause_seconds"), [(0.1, 60), (0.6, 60), (5, 500), (100, 900)])
def test_a_scan_costs_a_hundredth_of_the_time_at_most(took_seconds: float, pause_seconds: float) -> None:
    assert cadence(took_seconds).pause_seconds(blind=False) == pause_seconds


@pytest.mark.parametrize(("took_seconds", "pause_seconds"), [(0.1, 10), (0.6, 12), (5, 100), (100, 900)])
def test_where_events_tell_nothing_scans_come_more_often(took_seconds: float, pause_seconds: float) -> None:
    assert cadence(took_seconds).pause_seconds(blind=True) == pause_seconds


def test_the_wish_for_more_or_for_fewer_scans_counts() -> None:
    assert cadence(scan_seconds=2).pause_seconds(blind=True) == 2
    assert cadence(scan_seconds=3600).pause_seconds(blind=False) == 3600
    assert cadence(scan_seconds=3600).pause_seconds(blind=True) == 10


def test_events_are_not_relied_on_when_scans_keep_finding_more() -> None:
    made = cadence()
    for found in range(1, SURPRISES_TO_LEARN + 1):
        assert made.untold is None
        made.scanned(0.1, found, expected=False)
    assert made.untold is not None
    assert made.pause_seconds(blind=False) == 10
    made.scanned(0.1, SURPRISES_TO_LEARN, expected=False)
    assert made.untold, "it stays so"


def test_a_quiet_scan_in_between_restores_the_trust() -> None:
    made = cadence()
    for found in (1, 2, 2, 3, 4, 4, 5):
        made.scanned(0.1, found, expected=False)
    assert made.untold is None


def test_finds_after_events_were_lost_are_no_surprise() -> None:
    made = cadence()
    for found in range(1, 20):
        made.scanned(0.1, found, expected=True)
    assert made.untold is None
