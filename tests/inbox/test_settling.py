from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captiond.inbox.leasing import Writer
from captiond.inbox.settling import LONGEST_PAUSE_SECONDS, Gate, Settling
from captiond.model import FileStamp, InboxFile

INBOX = Path("/in")
PATH = INBOX / "x.jpg"
SECOND_NS = 1_000_000_000
QUIET_SECONDS = 2.0
HINTED_QUIET_SECONDS = 0.5
WALL_AHEAD_SECONDS = 1_000_000.0
FRACTION = 100.0625
"""A moment that no clock of whole seconds tells."""


def wall_ns(now: float) -> int:
    return int((now + WALL_AHEAD_SECONDS) * SECOND_NS)


def file_at(changed_at: float, *, size_bytes: int = 10, path: Path = PATH) -> InboxFile:
    return InboxFile(INBOX, path, FileStamp(1, 2, size_bytes, wall_ns(changed_at), wall_ns(changed_at)))


def notice(settling: Settling, file: InboxFile, now: float, *, hinted: bool = False) -> InboxFile | None:
    return settling.notice(file, now, wall_ns(now), hinted=hinted, unwritten=hinted)


def test_a_file_that_has_been_quiet_for_long_passes_straight_through() -> None:
    settling = Settling()
    old = file_at(changed_at=0)
    assert notice(settling, old, now=10) == old
    assert len(settling) == 0


def test_a_file_that_was_quiet_before_it_was_seen_passes_as_a_young_one() -> None:
    settling = Settling()
    file = file_at(changed_at=97)
    assert notice(settling, file, now=100) == replace(file, young=True)
    assert len(settling) == 0


def test_in_a_folder_that_an_event_told_of_half_a_second_is_enough() -> None:
    settling = Settling()
    file = file_at(changed_at=FRACTION)
    told = partial(settling.notice, file, hinted=True, unwritten=False)
    assert told(now=FRACTION + 0.6, wall_now_ns=wall_ns(FRACTION + 0.6)) == replace(file, young=True)
    assert told(now=FRACTION + 0.4, wall_now_ns=wall_ns(FRACTION + 0.4)) is None
    assert settling.due(FRACTION + 0.9) == [file]
    assert settling.observe(PATH, file.stamp, FRACTION + 0.9, Writer.SOMEBODY) is None


def test_where_it_is_not_known_who_writes_no_file_is_young() -> None:
    settling = Settling()
    fresh = file_at(changed_at=100)
    notice(settling, fresh, now=100)
    settling.observe(PATH, fresh.stamp, 102, Writer.UNKNOWN)
    settling.observe(PATH, None, 103)
    file = file_at(changed_at=200)
    assert notice(settling, file, now=203) is None
    assert settling.due(203) == [file]
    assert settling.observe(PATH, file.stamp, 203, Writer.NOBODY) == file


def test_a_file_that_is_held_open_waits_however_quiet_it_is() -> None:
    settling = Settling()
    file = file_at(100)
    notice(settling, file, now=100)
    looks = []
    while (now := settling.next_look()) is not None and now < 300:
        looks.append(now)
        assert settling.observe(PATH, file.stamp, now, Writer.SOMEBODY) is None
    assert looks[:6] == [102, 102.5, 103.5, 105.5, 109.5, 117.5]
    assert {later - earlier for earlier, later in pairwise(looks[7:])} == {30}
    (waiting,) = settling.waiting()
    assert (waiting.gate, waiting.reason) == (Gate.WRITER, "A program has the file open for writing.")
    assert settling.observe(PATH, file.stamp, 300, Writer.NOBODY) == file


def test_a_close_that_is_told_ends_the_wait_for_the_writer() -> None:
    settling = Settling()
    file = file_at(100)
    notice(settling, file, now=100)
    settling.observe(PATH, file.stamp, 102, Writer.SOMEBODY)
    assert notice(settling, file, now=102.1, hinted=True) == file


def test_where_nobody_knows_who_writes_a_file_must_stand_still_for_longer() -> None:
    settling = Settling()
    file = file_at(100)
    notice(settling, file, now=100)
    assert settling.observe(PATH, file.stamp, 102, Writer.UNKNOWN) is None
    assert settling.next_look() == 110
    assert settling.observe(PATH, file.stamp, 110, Writer.UNKNOWN) == file


def settle_unsure(settling: Settling, changed_at: float) -> float:
    """Let a file settle of which nobody knows who writes to it; gives how long that took."""
    file = file_at(changed_at)
    now = changed_at
    settled = notice(settling, file, now=now)
    while settled is None:
        now = settling.next_look() or now
        settled = settling.observe(PATH, file.stamp, now, Writer.UNKNOWN)
    return now - changed_at


def test_slow_producers_are_learned() -> None:
    settling = Settling()
    now, waits = 0.0, []
    for _ in range(8):
        waits.append(settle_unsure(settling, now))
        now += waits[-1] + 60
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_a_change_long_after_is_no_slow_producer() -> None:
    settling = Settling()
    assert settle_unsure(settling, 0) == 10
    assert settle_unsure(settling, 5000) == 10


def test_a_touch_of_the_mode_is_no_slow_producer() -> None:
    settling = Settling()
    settle_unsure(settling, 0)
    touched = replace(file_at(0), stamp=file_at(0).stamp._replace(ctime_ns=wall_ns(60)))
    notice(settling, touched, now=60)
    assert settling.unsure.quiet_seconds == 10


def test_an_old_modification_time_does_not_make_a_file_quiet() -> None:
    settling = Settling()
    copied = file_at(changed_at=99.9)
    copied = replace(copied, stamp=copied.stamp._replace(mtime_ns=0))
    assert notice(settling, copied, now=100) is None
    assert len(settling) == 1


def test_a_change_time_in_the_future_is_not_quiet() -> None:
    assert notice(Settling(), file_at(changed_at=5000), now=100) is None


def test_a_file_settles_when_its_stamp_stood_still() -> None:
    settling = Settling()
    file = file_at(100)
    notice(settling, file, now=100)
    assert settling.due(101.9) == []
    assert settling.due(102) == [file]
    assert settling.observe(PATH, file.stamp, 102) == file
    assert len(settling) == 0


def test_a_hint_that_the_writer_is_done_shortens_the_wait() -> None:
    settling = Settling()
    file = file_at(FRACTION)
    notice(settling, file, now=100, hinted=True)
    assert settling.observe(PATH, file.stamp, 100.5) == file


@pytest.mark.parametrize("quiet_seconds", [0.2, 2.0])
def test_where_times_are_whole_seconds_a_hint_shortens_nothing(quiet_seconds: float) -> None:
    settling = Settling(quiet_seconds)
    file = file_at(100)
    assert notice(settling, file, now=100.9, hinted=True) is None
    assert settling.observe(PATH, file.stamp, 102.8) is None, "a change meanwhile could have the same time"
    assert settling.observe(PATH, file.stamp, 102.9) == file


def test_a_hint_for_a_waiting_file_may_settle_it_at_once() -> None:
    settling = Settling()
    file = file_at(FRACTION)
    notice(settling, file, now=100)
    assert notice(settling, file, now=100.6, hinted=True) == file


def test_a_scan_does_not_lengthen_the_wait_that_a_hint_shortened() -> None:
    settling = Settling()
    file = file_at(FRACTION)
    notice(settling, file, now=100, hinted=True)
    notice(settling, file, now=100.1)
    assert settling.observe(PATH, file.stamp, 100.5) == file


def test_a_change_after_the_hint_needs_the_whole_quiet_time() -> None:
    settling = Settling()
    notice(settling, file_at(100), now=100, hinted=True)
    later = file_at(100.4)
    assert settling.observe(PATH, later.stamp, 100.5) is None
    assert settling.observe(PATH, later.stamp, 102.4) is None
    assert settling.observe(PATH, later.stamp, 102.5) == later


def test_a_look_that_comes_early_does_not_settle() -> None:
    settling = Settling()
    file = file_at(100)
    notice(settling, file, now=100)
    assert settling.observe(PATH, file.stamp, 101) is None
    assert settling.next_look() == 102


def test_a_growing_file_is_not_settled() -> None:
    settling = Settling()
    notice(settling, file_at(0), now=0)
    assert all(settling.observe(PATH, file_at(now).stamp, now) is None for now in range(2, 1000, 2))


def test_a_file_that_vanishes_is_forgotten() -> None:
    settling = Settling()
    notice(settling, file_at(100), now=100)
    assert settling.observe(PATH, None, 102) is None
    assert len(settling) == 0
    assert settling.next_look() is None


def test_an_unknown_path_observed_is_nothing() -> None:
    assert Settling().observe(PATH, file_at(0).stamp, 10) is None


def test_an_empty_file_waits_however_old_it_is() -> None:
    settling = Settling()
    assert notice(settling, file_at(0, size_bytes=0), now=5000) is None
    assert [waiting.reason for waiting in settling.waiting()] == ["The file is empty so far."]


def test_an_empty_file_is_looked_at_less_and_less_often() -> None:
    settling = Settling()
    empty = file_at(0, size_bytes=0)
    notice(settling, empty, now=0)
    looks = []
    while (now := settling.next_look()) is not None and now < 200:
        looks.append(now)
        settling.observe(PATH, empty.stamp, now)
    assert looks[:5] == [2, 4, 8, 16, 32]
    assert {later - earlier for earlier, later in pairwise(looks[4:])} == {30}


def test_an_empty_file_that_is_filled_settles() -> None:
    settling = Settling()
    notice(settling, file_at(0, size_bytes=0), now=0)
    filled = file_at(3)
    assert settling.observe(PATH, filled.stamp, 4) is None
    assert settling.observe(PATH, filled.stamp, 6) == filled


def test_the_folders_of_files_that_find_no_room_are_told_once_these_may_be_quiet() -> None:
    settling = Settling(room=2)
    for number, path in enumerate(["a.jpg", "b.jpg", "2024/a.jpg", "2025/a.jpg", "2024/b.jpg"]):
        notice(settling, file_at(100, path=INBOX / path), now=100 + number / 4)
    assert len(settling) == 2
    assert [settling.left_out.take(now) for now in (102, 102.9)] == [[], []]
    for file in settling.due(102.5):
        settling.observe(file.path, None, 102.5)
    assert not len(settling)
    assert settling.changing
    assert settling.next_look() == 103
    assert settling.left_out.take(103) == [INBOX / "2024", INBOX / "2025"]
    assert not settling.changing
    assert settling.next_look() is None


def test_where_it_is_not_known_who_writes_they_are_told_later() -> None:
    settling = Settling(room=1)
    first = file_at(100)
    notice(settling, first, now=100)
    settling.observe(PATH, first.stamp, 102, Writer.UNKNOWN)
    notice(settling, file_at(103, path=INBOX / "2024/a.jpg"), now=103)
    assert settling.left_out.next_look() == 113


def test_of_files_in_too_many_folders_the_inbox_is_told() -> None:
    settling = Settling(room=2)
    for path in ["a.jpg", "b.jpg", "1/a.jpg", "2/a.jpg", "3/a.jpg", "4/a.jpg"]:
        notice(settling, file_at(100, path=INBOX / path), now=100)
    assert settling.left_out.take(102) == [INBOX / "1", INBOX / "2", INBOX]


def test_who_waits_longest_is_named_first_with_the_reason() -> None:
    settling = Settling()
    notice(settling, file_at(100), now=100)
    notice(settling, file_at(99, path=INBOX / "older.jpg"), now=99)
    older, newer = settling.waiting()
    assert (older.path.name, newer.since_ns) == ("older.jpg", wall_ns(100))
    assert newer.reason == "The file has changed just now; it must stand still for 2 s."


short_pauses = st.floats(0.01, HINTED_QUIET_SECONDS * 0.9)
sights = st.sampled_from(["scan", "hint", "look", "nothing"])


def see(settling: Settling, kind: str, file: InboxFile, now: float) -> InboxFile | None:
    if kind == "look":
        return settling.observe(file.path, file.stamp, now)
    return notice(settling, file, now, hinted=kind == "hint") if kind != "nothing" else None


@given(
    st.lists(st.tuples(short_pauses, st.lists(st.tuples(st.floats(0, 1), sights), max_size=4)), min_size=1)
)
def test_a_file_that_keeps_changing_never_settles(
    changes: list[tuple[float, list[tuple[float, str]]]],
) -> None:
    settling = Settling(QUIET_SECONDS, HINTED_QUIET_SECONDS)
    changed_at = 0.0
    for pause, seen in changes:
        file = file_at(changed_at)
        for share, kind in sorted(seen):
            assert see(settling, kind, file, changed_at + share * pause) is None
        changed_at += pause


@given(
    history=st.lists(st.tuples(st.floats(0.01, 5), sights, st.sampled_from([0, 1, 2]))),
    poll_seconds=st.floats(0.05, 1),
)
def test_a_file_that_stopped_settles_in_bounded_time(
    history: list[tuple[float, str, int]], poll_seconds: float
) -> None:
    settling = Settling(QUIET_SECONDS, HINTED_QUIET_SECONDS)
    now = 0.0
    was_empty = False
    for pause, kind, size_bytes in history:
        see(settling, kind, file_at(now, size_bytes=size_bytes), now)
        was_empty = was_empty or size_bytes == 0
        now += pause
    stopped_at, last = now, file_at(now, size_bytes=3)
    settled = notice(settling, last, now)
    while settled is None:
        now += poll_seconds
        for file in settling.due(now):
            settled = settling.observe(file.path, last.stamp, now)
        assert now - stopped_at < 2 * QUIET_SECONDS + 2 * poll_seconds + was_empty * LONGEST_PAUSE_SECONDS
    assert settled == last


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 3), sights)))
def test_memory_is_bounded_whatever_comes(events: list[tuple[int, float, str]]) -> None:
    settling = Settling(room=5)
    now = 0.0
    for number, pause, kind in events:
        now += pause
        see(settling, kind, file_at(now, path=INBOX / str(number)), now)
        assert len(settling) <= 5
