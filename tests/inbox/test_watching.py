import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from captiond.inbox import watching
from captiond.inbox.hints import Hints
from captiond.inbox.reading import look, read
from captiond.inbox.watching import Watcher
from captiond.model import InboxFile

pytestmark = pytest.mark.filterwarnings("ignore:Callback with id:RuntimeWarning")

PATIENCE_SECONDS = 10


class Heard:
    """What a watcher told, from whichever thread."""

    def __init__(self) -> None:
        self.hints: Counter[Path] = Counter()
        self.reasons: list[str] = []
        self._news = threading.Condition()

    def hint(self, path: str) -> None:
        with self._news:
            self.hints[Path(path)] += 1
            self._news.notify_all()

    def rescan(self, reason: str) -> None:
        with self._news:
            self.reasons.append(reason)
            self._news.notify_all()

    def wait(self, condition: Callable[[], bool]) -> bool:
        with self._news:
            return self._news.wait_for(condition, PATIENCE_SECONDS)

    def wait_for(self, path: Path, times: int = 1) -> bool:
        return self.wait(lambda: self.hints[path] >= times)

    def forget_written(self, path: Path) -> None:
        """Forget a file's making and closing, both of which are hinted."""
        assert self.wait_for(path, times=2)
        self.hints.clear()


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def watcher(inbox: Path, heard: Heard) -> Iterator[Watcher]:
    watcher = Watcher(inbox, heard.hint, heard.rescan)
    watcher.start()
    assert watcher.trouble is None
    yield watcher
    watcher.stop()


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    folder.mkdir()
    return folder


def lose_track(inbox: Path, outside: Path, heard: Heard) -> None:
    """Move a folder out, give another its name, and remove both: watchdog's tables then lose step."""
    (inbox / "2024").mkdir()
    assert heard.wait_for(inbox / "2024")
    (inbox / "2024").rename(outside / "2024")
    heard.hints.clear()
    (inbox / "2024").mkdir()
    assert heard.wait_for(inbox / "2024")
    (inbox / "2024").rmdir()
    (outside / "2024").rmdir()
    assert heard.wait(lambda: bool(heard.reasons))


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.parametrize("name", ["x.jpg", "caf\udce9.jpg", "two\nlines.jpg", "-rf.jpg"])
def test_a_written_file_is_hinted(inbox: Path, watcher: Watcher, heard: Heard, name: str) -> None:
    (inbox / name).write_bytes(b"picture")
    assert heard.wait_for(inbox / name)


def test_a_copied_file_is_hinted(inbox: Path, outside: Path, watcher: Watcher, heard: Heard) -> None:
    (outside / "x.jpg").write_bytes(b"picture")
    subprocess.run(["cp", outside / "x.jpg", inbox], check=True)
    assert heard.wait_for(inbox / "x.jpg")


def test_a_file_moved_in_is_hinted(inbox: Path, outside: Path, watcher: Watcher, heard: Heard) -> None:
    (outside / "x.jpg").write_bytes(b"picture")
    (outside / "x.jpg").rename(inbox / "x.jpg")
    assert heard.wait_for(inbox / "x.jpg")


def test_a_hard_link_is_hinted(inbox: Path, outside: Path, watcher: Watcher, heard: Heard) -> None:
    (outside / "x.jpg").write_bytes(b"picture")
    (inbox / "x.jpg").hardlink_to(outside / "x.jpg")
    assert heard.wait_for(inbox / "x.jpg")


def test_a_file_that_is_closed_is_hinted_again(inbox: Path, watcher: Watcher, heard: Heard) -> None:
    with (inbox / "x.jpg").open("wb"):
        assert heard.wait_for(inbox / "x.jpg")
        heard.hints.clear()
    assert heard.wait_for(inbox / "x.jpg")


def test_a_file_renamed_over_another_is_hinted(inbox: Path, watcher: Watcher, heard: Heard) -> None:
    (inbox / "x.jpg").write_bytes(b"old")
    (inbox / ".x.jpg.Ab12Cd").write_bytes(b"new")
    heard.forget_written(inbox / "x.jpg")
    (inbox / ".x.jpg.Ab12Cd").rename(inbox / "x.jpg")
    assert heard.wait_for(inbox / "x.jpg")


def test_each_of_some_folders_made_at_once_is_hinted(inbox: Path, watcher: Watcher, heard: Heard) -> None:
    (inbox / "a/b/c").mkdir(parents=True)
    assert heard.wait_for(inbox / "a/b/c")
    folder, told = inbox / "a/b/c", heard.hints[inbox / "a/b/c"]
    (folder / "x.jpg").write_bytes(b"picture")
    # watchdog may tell of a folder before it watches it; once it does, it tells of the folder again.
    assert heard.wait(lambda: folder / "x.jpg" in heard.hints or heard.hints[folder] > told)


def test_a_file_moved_out_is_hinted(inbox: Path, outside: Path, watcher: Watcher, heard: Heard) -> None:
    (inbox / "x.jpg").write_bytes(b"picture")
    heard.forget_written(inbox / "x.jpg")
    (inbox / "x.jpg").rename(outside / "x.jpg")
    assert heard.wait_for(inbox / "x.jpg")


def test_ignored_names_and_our_own_reading_are_not_hinted(
    inbox: Path, watcher: Watcher, heard: Heard
) -> None:
    (inbox / "x.jpg").write_bytes(b"picture")
    heard.forget_written(inbox / "x.jpg")
    found = look(inbox, inbox / "x.jpg")
    assert isinstance(found, InboxFile)
    read(found, 100)
    (inbox / "x.jpg.captiond.json").write_bytes(b"{}")
    (inbox / "z.jpg").write_bytes(b"the last one")
    assert heard.wait_for(inbox / "z.jpg")
    assert heard.hints.keys() == {inbox / "z.jpg"}


def test_an_inbox_that_is_a_symbolic_link_is_watched(inbox: Path, tmp_path: Path, heard: Heard) -> None:
    link = tmp_path / "link"
    link.symlink_to(inbox)
    watcher = Watcher(link, heard.hint, heard.rescan)
    watcher.start()
    (inbox / "x.jpg").write_bytes(b"picture")
    assert heard.wait_for(link / "x.jpg")
    watcher.stop()


def test_the_attributes_that_the_guard_holds_on_to_are_there(watcher: Watcher) -> None:
    assert watcher.guarded


def test_a_watcher_that_lost_track_says_so(
    inbox: Path, outside: Path, watcher: Watcher, heard: Heard
) -> None:
    lose_track(inbox, outside, heard)
    assert heard.reasons[0] == "The watcher lost track (KeyError)."
    assert not watcher.alive()


def test_a_watcher_that_lost_track_watches_again_after_a_restart(
    inbox: Path, outside: Path, watcher: Watcher, heard: Heard
) -> None:
    lose_track(inbox, outside, heard)
    watcher.restart()
    assert watcher.alive()
    (inbox / "x.jpg").write_bytes(b"picture")
    assert heard.wait_for(inbox / "x.jpg")


def test_nothing_is_left_of_a_watcher_whose_tables_are_in_disorder(
    inbox: Path, watcher: Watcher, heard: Heard
) -> None:
    (inbox / "2024").mkdir()
    assert heard.wait_for(inbox / "2024")
    threads, descriptors = threading.active_count(), open_descriptors()
    assert watcher._observer is not None
    (emitter,) = watcher._observer.emitters
    emitter._inotify._active_callbacks_by_path.clear()  # type: ignore[attr-defined]
    watcher.restart()
    deadline = time.monotonic() + 30
    while threading.active_count() > threads or open_descriptors() > descriptors:
        assert time.monotonic() < deadline, "something stays"
        time.sleep(0.01)
    assert watcher.alive()


def test_a_dead_reader_is_noticed(watcher: Watcher) -> None:
    assert watcher.alive()
    watcher._observer._inotify_fd.stop()  # type: ignore[union-attr]
    watcher._observer._inotify_fd.join()  # type: ignore[union-attr]
    assert not watcher.alive()


def test_a_stopped_watcher_leaves_no_thread(inbox: Path, heard: Heard) -> None:
    before = {*threading.enumerate()}
    watcher = Watcher(inbox, heard.hint, heard.rescan)
    watcher.start()
    its_own = {*threading.enumerate()} - before
    assert len(its_own) == 3
    watcher.stop()
    assert its_own.isdisjoint(threading.enumerate())
    assert not watcher.alive()


def test_an_inbox_that_was_renamed_is_no_longer_watched(inbox: Path, watcher: Watcher) -> None:
    inbox.rename(inbox.with_name("away"))
    assert not watcher.alive()


def test_an_inbox_made_anew_is_watched_after_a_restart(inbox: Path, watcher: Watcher, heard: Heard) -> None:
    inbox.rmdir()
    inbox.mkdir()
    assert heard.wait(lambda: not watcher.alive()), "its number may be the old one's"
    watcher.restart()
    (inbox / "x.jpg").write_bytes(b"picture")
    assert heard.wait_for(inbox / "x.jpg")


def test_an_inbox_that_is_removed_asks_for_a_scan(inbox: Path, watcher: Watcher, heard: Heard) -> None:
    inbox.rmdir()
    assert heard.wait(lambda: "Something happened to the inbox itself." in heard.reasons)


def test_an_inbox_that_is_not_there_is_trouble_and_no_crash(tmp_path: Path, heard: Heard) -> None:
    watcher = Watcher(tmp_path / "nowhere", heard.hint, heard.rescan)
    watcher.start()
    assert not watcher.alive()
    assert watcher.trouble is not None
    assert "No such file or directory" in watcher.trouble
    watcher.stop()


WATCH = """
import sys, time
from pathlib import Path
from captiond.inbox.watching import Watcher
reasons = []
watcher = Watcher(Path(sys.argv[1]), lambda path: None, reasons.append)
watcher.start()
print(watcher.trouble, flush=True)
sys.stdin.readline()
patience = time.monotonic() + float(sys.argv[2])
while not reasons and time.monotonic() < patience:
    time.sleep(0.01)
print(*reasons, flush=True)
watcher.stop()
"""


def under_limit(name: str, limit: int, inbox: Path) -> str:
    """Start a watcher in a user namespace of its own, where the limit holds, and give its trouble."""
    script = f'echo {limit} > /proc/sys/user/{name} && exec "$@"'
    watch = [sys.executable, "-c", WATCH, str(inbox), "0"]
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", script, "sh", *watch]
    done = subprocess.run(command, capture_output=True, text=True, input="\n", check=False)
    if done.returncode != 0:
        pytest.skip(f"no user namespaces here: {done.stderr}")
    return done.stdout


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_too_few_watches_are_told_with_the_cure(inbox: Path) -> None:
    for number in range(60):
        (inbox / str(number)).mkdir()
    assert "sysctl fs.inotify.max_user_watches" in under_limit("max_inotify_watches", 50, inbox)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs unshare")
def test_no_inotify_instance_is_told_with_the_cure(inbox: Path) -> None:
    assert "sysctl fs.inotify.max_user_instances" in under_limit("max_inotify_instances", 0, inbox)


def test_an_overflow_asks_for_a_scan(inbox: Path) -> None:
    longest_queue = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    paths = inbox / "x.jpg", inbox / "y.jpg"
    for path in paths:
        path.touch()
    command = [sys.executable, "-c", WATCH, str(inbox), str(PATIENCE_SECONDS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as watching:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "None\n"
        watching.send_signal(signal.SIGSTOP)
        for number in range(2 * longest_queue):
            # Two in turn, for the kernel joins events that are the same.
            os.close(os.open(paths[number % 2], os.O_WRONLY))
        watching.send_signal(signal.SIGCONT)
        answer, _ = watching.communicate("\n")
    assert "More happened at once than the system reports." in answer


def test_hints_wake_once_until_they_are_drained() -> None:
    wakes: list[str] = []
    hints = Hints(lambda: wakes.append("wake"))
    hints.add("/in/x.jpg")
    hints.add("/in/y.jpg")
    assert len(wakes) == 1
    assert hints.drain() == ([Path("/in/x.jpg"), Path("/in/y.jpg")], False)
    hints.add("/in/z.jpg")
    assert len(wakes) == 2


def test_drained_hints_are_gone() -> None:
    hints = Hints(lambda: None)
    hints.add("/in/x.jpg")
    hints.drain()
    assert hints.drain() == ([], False)


def test_too_many_hints_become_their_folders() -> None:
    hints = Hints(lambda: None, room=5)
    for path in ("2023/a", "2023/b", "2024/07/a", "2024/07/b", "2024/08/a", "2024/08/b", "2023/c", "2023"):
        hints.add(f"/in/{path}")
    assert hints.drain() == ([Path("/in/2023"), Path("/in/2024/07"), Path("/in/2024/08")], False)
    hints.add("/in/2023/d")
    assert hints.drain() == ([Path("/in/2023/d")], False)


def test_hints_in_too_many_folders_become_look_everywhere() -> None:
    hints = Hints(lambda: None, room=3)
    for number in range(10):
        hints.add(f"/in/{number}/x.jpg")
    assert hints.drain() == ([], True)
    hints.add("/in/2/x.jpg")
    assert hints.drain() == ([Path("/in/2/x.jpg")], False)


def test_what_lies_in_a_hinted_folder_is_not_hinted_itself() -> None:
    hints = Hints(lambda: None)
    for path in ("2024", "2024/x.jpg", "2024/07", "2024/07/x.jpg", "2024 x.jpg"):
        hints.add(f"/in/{path}")
    assert hints.drain() == ([Path("/in/2024"), Path("/in/2024/07/x.jpg"), Path("/in/2024 x.jpg")], False)


def test_look_everywhere_wakes() -> None:
    wakes: list[str] = []
    hints = Hints(lambda: wakes.append("wake"))
    hints.look_everywhere()
    hints.look_everywhere()
    assert len(wakes) == 1
    assert hints.drain() == ([], True)


def test_very_many_paths_of_one_folder_become_that_folder() -> None:
    hints = Hints(lambda: None, folder_room=3)
    for number in range(10):
        hints.add(f"/in/2024/{number}.jpg")
    hints.add("/in/a.jpg")
    assert hints.drain() == ([Path("/in/a.jpg"), Path("/in/2024")], False)
    hints.add("/in/2024/again.jpg")
    assert hints.drain() == ([Path("/in/2024/again.jpg")], False)


def test_an_ignore_file_hints_at_its_whole_folder(inbox: Path, watcher: Watcher, heard: Heard) -> None:
    (inbox / "2024").mkdir()
    assert heard.wait_for(inbox / "2024")
    heard.hints.clear()
    (inbox / "2024" / ".captiondignore").write_text("*.psd")
    assert heard.wait_for(inbox / "2024")


def test_no_hint_is_lost_between_threads() -> None:
    hints = Hints(lambda: None, room=100_000, folder_room=100_000)

    def add_from(first: int) -> None:
        for number in range(first, 4000, 4):
            hints.add(f"/{number}")

    adders = [threading.Thread(target=add_from, args=[first]) for first in range(4)]
    for adder in adders:
        adder.start()
    drained: set[Path] = set()
    while any(adder.is_alive() for adder in adders):
        drained |= {*hints.drain()[0]}
    drained |= {*hints.drain()[0]}
    assert len(drained) == 4000


def test_of_files_the_watcher_tells_without_a_queue(
    inbox: Path, watcher: Watcher, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert watcher._observer is not None
    queued: list[object] = []
    with monkeypatch.context() as patched:
        patched.setattr(watcher._observer.event_queue, "put", queued.append)
        (inbox / "x.jpg").write_bytes(b"picture")
        (inbox / "x.jpg").rename(inbox / "y.jpg")
        (inbox / "y.jpg").unlink()
        assert heard.wait_for(inbox / "x.jpg", 3)
        assert heard.wait_for(inbox / "y.jpg", 2)
    assert queued == []


def test_where_watchdog_keeps_its_folders_elsewhere_files_are_hinted_all_the_same(
    inbox: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "_folders_of", lambda _emitter: None)
    watcher = Watcher(inbox, heard.hint, heard.rescan)
    watcher.start()
    try:
        (inbox / "x.jpg").write_bytes(b"picture")
        assert heard.wait_for(inbox / "x.jpg", 2)
    finally:
        watcher.stop()


def test_of_a_folder_that_is_moved_in_no_file_is_hinted(
    inbox: Path, outside: Path, watcher: Watcher, heard: Heard
) -> None:
    assert watcher.guarded
    (outside / "album/2024").mkdir(parents=True)
    for number in range(20):
        (outside / f"album/2024/{number}.jpg").touch()
    (outside / "album").rename(inbox / "album")
    assert heard.wait_for(inbox / "album")
    assert heard.wait_for(inbox / "album/2024")
    assert heard.hints.keys() == {inbox / "album", inbox / "album/2024"}
