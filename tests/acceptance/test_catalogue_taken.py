"""Somebody else has his hands on the catalogue while captiond runs: it is told, and nothing is lost."""

import os
import re
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer, beside
from conftest import MakePhoto


def last_words(command: Command) -> str:
    """The one line on standard error that is no log line."""
    (words,) = [line for line in command.log.splitlines() if line.startswith("captiond: ")]
    return words.removeprefix("captiond: ")


def part(catalogue: Path, ending: str) -> Path:
    return catalogue.with_name(catalogue.name + ending)


@contextmanager
def locked_by_a_shell(catalogue: Path) -> Iterator[None]:
    with closing(sqlite3.connect(catalogue, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield


@pytest.fixture
def photo(make_photo: MakePhoto) -> Path:
    return make_photo()


def stopped(process: subprocess.Popen[str]) -> int:
    return process.wait(20)


@pytest.mark.parametrize("ending", ["", "-wal"])
def test_a_removed_catalogue_stops_it_and_is_whole_again(
    ending: str,
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    photo: Path,
    eventually: Eventually,
) -> None:
    with impatient.running(inbox) as process:
        eventually(beside(photo).exists)
        part(impatient.catalogue, ending).unlink()
        assert stopped(process) == os.EX_IOERR == 74

    taken = re.escape(str(part(impatient.catalogue, ending)))
    # A question on a reading connection may have made a new log by then.
    told = re.fullmatch(
        rf"{taken} was (removed|replaced) while captiond ran; all it knew is in (.+)", last_words(impatient)
    )
    assert told
    assert "Traceback" not in impatient.log
    impatient.catalogue = Path(told[2])
    assert impatient.rows("SELECT path, state FROM photos") == [(photo.name, "done")]
    questions = len(server.questions)
    assert impatient("run", "--once", inbox).returncode == 0
    assert len(server.questions) == questions, "nothing is asked twice"


def test_a_removed_lock_stops_it(
    impatient: Command, inbox: Path, photo: Path, eventually: Eventually
) -> None:
    with impatient.running(inbox) as process:
        eventually(beside(photo).exists)
        part(impatient.catalogue, ".lock").unlink()
        assert stopped(process) == 74

    assert last_words(impatient).endswith("so that another one could start; nothing is lost")
    assert impatient.rows("SELECT path, state FROM photos") == [(photo.name, "done")]


def test_a_catalogue_that_a_shell_has_locked_is_waited_for(
    *, watching: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    eventually(lambda: watching.told("server ready"))
    with locked_by_a_shell(watching.catalogue):
        photo = make_photo("late.jpg", "navy")
        eventually(lambda: watching.told("catalogue locked"))
        told = watching("status").stdout
        assert not beside(photo).exists()
    eventually(beside(photo).exists)

    assert f"another program has the catalogue {watching.catalogue} locked" in told
    assert watching.told("catalogue writable")
    assert watching.rows("SELECT path, state FROM photos") == [("late.jpg", "done")]


def test_a_catalogue_that_a_shell_reads_when_captiond_starts_is_waited_for(
    impatient: Command, inbox: Path, photo: Path, eventually: Eventually
) -> None:
    assert impatient("run", "--once", inbox).returncode == 0
    late = photo.rename(photo.with_name("late.jpg"))
    with closing(sqlite3.connect(impatient.catalogue, isolation_level=None)) as shell:
        shell.execute("BEGIN")
        shell.execute("SELECT count(*) FROM photos").fetchall()
        with impatient.running(inbox) as process:
            eventually(lambda: impatient.told("catalogue locked"))
            shell.execute("COMMIT")
            eventually(beside(late).exists)
            assert process.poll() is None


def test_a_second_one_is_told_which_process_is_the_first(
    impatient: Command, inbox: Path, eventually: Eventually
) -> None:
    with impatient.running(inbox) as process:
        eventually(lambda: impatient.told("watching"))
        second = impatient("run", "--once", inbox)
    assert second.returncode == 75
    assert f"(process {process.pid})" in second.stderr


@pytest.mark.parametrize("made", [os.mkfifo, os.mkdir])
def test_a_lock_that_is_no_file_ends_with_a_sentence(impatient: Command, inbox: Path, made: object) -> None:
    made(part(impatient.catalogue, ".lock"))  # type: ignore[operator]
    ended = impatient("run", "--once", inbox, timeout=20)
    assert ended.returncode == 74
    (sentence,) = ended.stderr.splitlines()
    assert str(part(impatient.catalogue, "")) in sentence


def test_a_configuration_may_come_out_of_a_pipe(
    impatient: Command, inbox: Path, photo: Path, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["sh", "-c", f"echo 'sidecars = \"off\"' > {pipe}"]):
        ended = impatient("run", "--once", inbox, "--config", pipe, timeout=30)
    assert ended.returncode == 0
    assert not beside(photo).exists()


def test_dots_in_the_name_of_an_inbox_are_not_kept(impatient: Command, inbox: Path, photo: Path) -> None:
    assert impatient("run", "--once", f"{inbox}/../{inbox.name}").returncode == 0
    assert impatient.rows("SELECT inbox FROM files") == [(str(inbox),)]
    assert beside(photo).exists()


def test_two_inboxes_share_a_tree(
    impatient: Command, inbox: Path, photo: Path, outside: Path, tmp_path: Path
) -> None:
    impatient.settings["CAPTIOND_SIDECARS"] = f"tree:{tmp_path / 'tree'}"
    assert impatient("run", "--once", inbox, outside.parent).returncode == 0
    for each in (photo, outside):
        assert (tmp_path / "tree" / beside(each).relative_to("/")).exists()
