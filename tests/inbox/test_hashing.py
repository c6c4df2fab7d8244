import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import pytest

from captiond.errors import FileChanged, InboxGone, PictureTooLarge, UnsupportedPicture
from captiond.imaging import seccomp
from captiond.imaging.sniffing import check_head
from captiond.inbox import hashing, threads
from captiond.inbox.disks import Disks
from captiond.inbox.hashing import FEWEST_FILES, NICENESS, Hasher
from captiond.inbox.reading import HashOutcome, hash_each, look
from captiond.model import HashedFile, InboxFile
from subprocesses import children

MOST_BYTES = 1_000
DIES = (sys.executable, "-c", "pass")
NEVER_ANSWERS = ("sleep", "60")
ANSWER_OF_ANOTHER_VERSION = (
    "from multiprocessing.connection import Connection; line = Connection(0); line.recv_bytes()\n"
    "line.send_bytes(b'cno_such_module\\nOutcome\\n.')"
)
OF_ANOTHER_VERSION = (sys.executable, "-c", ANSWER_OF_ANOTHER_VERSION)

SET_PRIORITY = 141 if seccomp.machine() == "x86_64" else 140
NOT_ALLOWED = (
    "import sys; sys.path.insert(0, sys.argv[1])\n"
    "from captiond.imaging import kernel, seccomp\n"
    "from captiond.inbox import hashing\n"
    "from errno import EPERM\n"
    "from imaging.filtering import refusing\n"
    "kernel.renounce_new_privileges(); seccomp.install(refusing({int(sys.argv[2]): EPERM})); hashing.main()"
)
NOT_NICE = (sys.executable, "-c", NOT_ALLOWED, str(Path(__file__).parents[1]), str(SET_PRIORITY))

only_jpeg = partial(check_head, enabled=("JPEG",), heif_available=False)
MakeHasher = Callable[..., Hasher]
Started = Callable[[], list[int]]


@pytest.fixture
def make_hasher() -> Iterator[MakeHasher]:
    made: list[Hasher] = []

    def make(*arguments: Sequence[str]) -> Hasher:
        made.append(Hasher(*arguments))
        return made[-1]

    yield make
    for hasher in made:
        hasher.end()


@pytest.fixture
def started() -> Started:
    """Give the living processes that the test started: others may be there, of tests before it."""
    before = children(os.getpid())
    return lambda: [child for child in children(os.getpid()) if child not in before]


@pytest.fixture
def many(inbox: Path) -> list[InboxFile]:
    """Just as many files as are not hashed here."""
    return [written(inbox / f"{number}.jpg", b"\xff\xd8\xff%d" % number) for number in range(FEWEST_FILES)]


def written(path: Path, content: bytes) -> InboxFile:
    path.write_bytes(content)
    found = look(path.parent, path)
    assert isinstance(found, InboxFile)
    return found


def hashed(hasher: Hasher, files: Sequence[InboxFile]) -> list[HashOutcome]:
    return hasher.hash_each(files, MOST_BYTES, only_jpeg, time.monotonic)


def hashed_here(files: Sequence[InboxFile]) -> list[HashOutcome]:
    return hash_each(files, MOST_BYTES, only_jpeg)


def test_many_files_are_hashed_in_another_process(
    make_hasher: MakeHasher, many: list[InboxFile], started: Started
) -> None:
    assert hashed(make_hasher(), many) == hashed_here(many)
    assert len(started()) == 1


def test_the_process_lets_the_daemon_go_first(
    make_hasher: MakeHasher, many: list[InboxFile], started: Started
) -> None:
    hashed(make_hasher(), many)
    (process,) = started()
    assert os.getpriority(os.PRIO_PROCESS, process) == min(os.getpriority(os.PRIO_PROCESS, 0) + NICENESS, 19)
    # Between sessions Linux shares the processor by halves, however nice one is.
    assert os.getsid(process) == os.getsid(0)


def test_the_process_gets_no_ctrl_c(make_hasher: MakeHasher, many: list[InboxFile], started: Started) -> None:
    hashed(make_hasher(), many)
    (process,) = started()
    assert os.getpgid(process) != os.getpgid(0)


def test_where_nobody_may_be_nice_the_process_hashes_all_the_same(
    make_hasher: MakeHasher, many: list[InboxFile], started: Started
) -> None:
    assert hashed(make_hasher(NOT_NICE), many) == hashed_here(many)
    (process,) = started()
    assert os.getpriority(os.PRIO_PROCESS, process) == os.getpriority(os.PRIO_PROCESS, 0)


def test_for_a_few_files_no_process_starts(
    make_hasher: MakeHasher, many: list[InboxFile], started: Started
) -> None:
    assert hashed(make_hasher(), many[1:]) == hashed_here(many[1:])
    assert started() == []


def test_what_cannot_be_hashed_comes_back_with_its_reason(
    make_hasher: MakeHasher, inbox: Path, many: list[InboxFile]
) -> None:
    odd = written(inbox / os.fsdecode(b"caf\xe9\n.jpg"), b"\xff\xd8\xff")
    large = written(inbox / "large.jpg", b"\xff\xd8\xff" + bytes(MOST_BYTES))
    photoshop = written(inbox / "layers.psd", b"8BPS")
    gone = written(inbox / "gone.jpg", b"\xff\xd8\xff")
    gone.path.unlink()
    files = [*many, odd, large, photoshop, gone]

    outcomes = hashed(make_hasher(), files)

    assert outcomes[:-3] == hashed_here(files)[:-3]
    assert isinstance(outcomes[-4], HashedFile)
    assert isinstance(outcomes[-3], PictureTooLarge)
    refused = outcomes[-2]
    assert isinstance(refused, UnsupportedPicture)
    assert (str(refused), refused.image_format) == ("captiond does not read PSD", "PSD")
    assert isinstance(outcomes[-1], FileChanged)


def test_an_inbox_that_is_away_is_told_by_the_process_too(
    make_hasher: MakeHasher, inbox: Path, many: list[InboxFile]
) -> None:
    inbox.rename(inbox.with_name("away"))
    with pytest.raises(InboxGone, match="is not there; is its disk mounted"):
        hashed(make_hasher(), many)


def test_a_process_that_dies_costs_nothing(
    make_hasher: MakeHasher, many: list[InboxFile], started: Started
) -> None:
    hasher = make_hasher()
    hashed(hasher, many)
    (first,) = started()
    os.kill(first, signal.SIGKILL)
    assert hashed(hasher, many) == hashed_here(many), "here"
    assert hashed(hasher, many) == hashed_here(many), "by another one"
    (second,) = started()
    assert second != first


@pytest.mark.parametrize("command", [DIES, NEVER_ANSWERS, OF_ANOTHER_VERSION, ("no such program",)])
def test_without_a_process_that_works_files_are_hashed_here(
    *,
    make_hasher: MakeHasher,
    many: list[InboxFile],
    started: Started,
    command: Sequence[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hashing, "LONGEST_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(hashing, "LONGEST_GOODBYE_SECONDS", 0.2)
    assert hashed(make_hasher(command), many) == hashed_here(many)
    assert started() == []


def test_a_writer_that_opens_a_file_meanwhile_does_not_kill_the_process(
    make_hasher: MakeHasher, many: list[InboxFile], started: Started
) -> None:
    hasher = make_hasher()
    hashed(hasher, many)
    (process,) = started()
    os.kill(process, signal.SIGIO)
    hashed(hasher, many)
    assert started() == [process]


def test_a_disk_at_rest_keeps_no_process(
    inbox: Path, many: list[InboxFile], started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 1.0)
    disks = Disks()
    assert asyncio.run(disks.ask(inbox, hashed, disks.hasher(inbox), many)) == hashed_here(many)
    assert len(started()) == 1
    latest = time.monotonic() + 10
    while started():
        assert time.monotonic() < latest
        time.sleep(0.02)
