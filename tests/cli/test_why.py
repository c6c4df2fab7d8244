"""One sentence for whatever path is given, and the gate that decided; also without a running captiond."""

import json
import os
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection
from typer.testing import CliRunner, Result

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.inboxes import InboxStanding, WaitingFile, say_standings
from captiond.catalogue.intake import note_missing, note_unread, register
from captiond.catalogue.jobs import charge, lease, reject, say
from captiond.catalogue.locking import locked
from captiond.catalogue.results import note_sidecar, sidecars_due
from captiond.cli import app
from captiond.cli.reasons import NOT_QUEUED
from captiond.inbox.reading import look
from captiond.model import Digest, HashedFile, InboxFile, PromptName
from catalogue.planting import NOW, OBJECTS, PROMPTS, answer, result

IN_FOLDER = 'Left alone: Its folder "{}" is left alone.'


class World:
    """An inbox on disk, a catalogue, and the command with a configuration of its own."""

    def __init__(self, folder: Path) -> None:
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.catalogue = folder / "catalogue.db"
        self.config = folder / "captiond.toml"
        self.configure()

    def configure(self, *, ignore: list[str] | None = None, quiet_seconds: float = 0.001) -> None:
        self.config.write_text(
            f'inboxes = ["{self.inbox}"]\ncatalogue = "{self.catalogue}"\n'
            f"[inbox]\nquiet_seconds = {quiet_seconds}\nignore = {json.dumps(ignore or [])}\n"
        )

    def call(self, path: Path | str, *flags: str) -> Result:
        return CliRunner().invoke(app, ["why", str(path), "--config", str(self.config), *flags])

    def why(self, path: Path | str) -> tuple[str, str]:
        said = self.call(path, "--json")
        document = json.loads(said.stdout)
        return document["gate"], document["sentence"]

    @contextmanager
    def changing(self) -> Iterator[Connection]:
        engine = open_to_write(self.catalogue, NOW)
        with engine.begin() as connection:
            yield connection
        close_for_readers(engine)

    def file(self, name: str, content: bytes = b"picture") -> InboxFile:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        time.sleep(0.002)
        found = look(self.inbox, path)
        assert isinstance(found, InboxFile)
        return found

    def take_in(
        self,
        connection: Connection,
        file: InboxFile,
        *,
        prompts: Sequence[PromptName] = PROMPTS,
        fresh: bool = False,
    ) -> int:
        content = file.path.read_bytes()
        digest = Digest(content.hex().rjust(64, "0")[:64])
        return register(connection, [HashedFile(file, digest)], prompts, fresh=fresh, now=NOW)[0]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def standing(world: World, *waiting: WaitingFile) -> InboxStanding:
    return InboxStanding(
        inbox=str(world.inbox),
        state="watching",
        reason=None,
        found_by_event=0,
        found_by_scan=0,
        overflows=0,
        rebuilds=0,
        waiting_count=len(waiting),
        waiting=waiting,
        files=1,
        scanned_at="2026-05-01T10:00:00Z",
        scan_seconds=0.1,
    )


# ── where it lies, and what it is ──


def test_a_file_outside_every_inbox(world: World, tmp_path: Path) -> None:
    (tmp_path / "stray.jpg").touch()
    assert world.why(tmp_path / "stray.jpg") == (
        "outside",
        f"It lies in no inbox: captiond watches {world.inbox}.",
    )


def test_a_file_that_never_was(world: World) -> None:
    assert world.why(world.inbox / "a.jpg") == (
        "nothing",
        "There is no such file, and captiond never knew one.",
    )
    assert world.call(world.inbox / "a.jpg").exit_code == 1


def test_an_inbox_that_is_away(world: World) -> None:
    world.inbox.rmdir()
    gate, sentence = world.why(world.inbox / "a.jpg")
    assert gate == "offline"
    assert sentence.startswith(f"Its inbox is away: The inbox {world.inbox} is not there")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (".hidden.jpg", "Left alone: The name begins with a dot: hidden, or still being copied."),
        (
            "a.jpg.part",
            "Left alone: Names like *.part are of files that another program is still writing.",
        ),
        ("Thumbs.db", "Left alone: The operating system put this here; it is no picture."),
        ("a.jpg.captiond.json", "Left alone: Written by captiond itself."),
        (
            "@eaDir/a/b.jpg",
            f"{IN_FOLDER.format('@eaDir')} A folder in which other software keeps its own files.",
        ),
        ("a.psd", 'Left alone: Ignored by the setting inbox.ignore: "*.psd".'),
        ("2019/b.jpg", 'Left alone: Ignored by 2019/.captiondignore, line 3: "b.*".'),
        (
            "2019/raw/c.jpg",
            f'{IN_FOLDER.format("2019/raw")} Ignored by 2019/.captiondignore, line 2: "raw/".',
        ),
    ],
)
def test_a_name_that_is_ignored(world: World, name: str, sentence: str) -> None:
    world.configure(ignore=["*.psd"])
    world.file("2019/.captiondignore", b"# not these\nraw/\nb.*\n")
    world.file(name)
    assert world.why(world.inbox / name) == ("name", sentence)


def test_what_is_no_file(world: World, tmp_path: Path) -> None:
    (world.inbox / "album").mkdir()
    (world.inbox / "link.jpg").symlink_to(tmp_path)
    (world.inbox / "linked").symlink_to(tmp_path)
    (tmp_path / "behind.jpg").touch()
    os.mkfifo(world.inbox / "pipe.jpg")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(world.inbox / "socket.jpg"))
    said = {name: world.why(world.inbox / name) for name in ("album", "link.jpg", "pipe.jpg", "socket.jpg")}
    assert said == {
        "album": ("kind", "Not read: A folder, no picture."),
        "link.jpg": ("kind", "Not read: A symbolic link; captiond does not follow links."),
        "pipe.jpg": ("kind", "Not read: A named pipe, no file; it is never opened."),
        "socket.jpg": ("kind", "Not read: A socket, no file; it is never opened."),
    }
    assert world.why(world.inbox / "linked" / "behind.jpg") == (
        "kind",
        'Not read: It lies behind the symbolic link "linked", which captiond does not follow.',
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes devices")
def test_a_device(world: World) -> None:
    try:
        os.mknod(world.inbox / "a.jpg", 0o20600, os.makedev(1, 3))
    except PermissionError:
        pytest.skip("devices are not to be made here")
    assert world.why(world.inbox / "a.jpg") == ("kind", "Not read: A device, no file; it is never opened.")


def test_an_empty_file(world: World) -> None:
    (world.inbox / "a.jpg").touch()
    assert world.why(world.inbox / "a.jpg") == ("empty", "Waiting: the file is empty so far.")


def test_an_inbox_that_is_a_link_is_found_by_either_name(world: World, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to(world.inbox)
    (world.inbox / "a.jpg").touch()
    assert world.why(tmp_path / "elsewhere" / "a.jpg") == world.why(world.inbox / "a.jpg")


def test_an_inbox_of_an_earlier_run_is_known_without_a_configuration(world: World) -> None:
    with world.changing() as connection:
        world.take_in(connection, world.file("2019/a.jpg"))
    world.config.write_text(f'catalogue = "{world.catalogue}"\n')
    gate, _ = world.why(world.inbox / "2019/a.jpg")
    assert gate == "queue"


# ── not read yet ──


def test_a_file_that_changed_a_moment_ago(world: World) -> None:
    world.configure(quiet_seconds=500)
    file = world.file("a.jpg")
    gate, sentence = world.why(file.path)
    assert gate == "quiet"
    assert sentence.startswith("Waiting: it has stood still for ")
    assert sentence.endswith(" of the 500 s that it must.")


def test_a_file_that_is_held_open(world: World) -> None:
    file = world.file("a.jpg")
    with file.path.open("ab"):
        assert world.why(file.path) == ("writer", "Waiting: a program has the file open for writing.")


def test_the_daemon_tells_since_when_a_file_waits(world: World) -> None:
    file = world.file("a.jpg")
    waiting = WaitingFile(str(file.path), "writer", "It is open.", "2026-05-01T10:00:00Z")
    with world.changing() as connection:
        say_standings(connection, [standing(world, waiting)], NOW)
    with locked(world.catalogue), file.path.open("ab"):
        gate, sentence = world.why(file.path)
    assert gate == "writer"
    assert "(since 2026-05-01 " in sentence


def test_a_file_that_nobody_has_looked_at_yet(world: World) -> None:
    file = world.file("a.jpg")
    assert world.why(file.path) == (
        "daemon",
        "Not seen yet: captiond is not running; it looks when it starts.",
    )
    with world.changing() as connection:
        say_standings(connection, [standing(world)], NOW)
    with locked(world.catalogue):
        gate, sentence = world.why(file.path)
    assert gate == "scan"
    assert sentence.startswith(
        "Not seen yet: captiond has not come to it; its last scan ended at 2026-05-01 "
    )


def test_a_file_that_the_running_captiond_does_not_watch(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        say_standings(connection, [], NOW)
    with locked(world.catalogue):
        assert world.why(file.path)[1] == "Not seen yet: the captiond that runs does not watch this inbox."


def test_a_file_that_could_not_be_read(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        note_unread(
            connection, world.inbox, file.path, None, state="skipped", reason="no permission", now=NOW
        )
        say_standings(connection, [standing(world)], NOW)
    with locked(world.catalogue):
        assert world.why(file.path) == ("reading", "Not read so far: no permission. Each scan tries again.")


def test_a_file_that_is_another_than_the_one_that_was_read(world: World) -> None:
    with world.changing() as connection:
        world.take_in(connection, world.file("a.jpg"))
    world.file("a.jpg", b"other bytes")
    gate, sentence = world.why(world.inbox / "a.jpg")
    assert (gate, sentence[:43]) == ("daemon", "It has changed since captiond read it. Not ")


# ── read ──


def test_a_file_that_is_refused(world: World) -> None:
    file = world.file("a.heic")
    with world.changing() as connection:
        note_unread(
            connection, world.inbox, file.path, file.stamp, state="refused", reason="HEIF is off", now=NOW
        )
    assert world.why(file.path) == (
        "content",
        "Not read: HEIF is off. It is left alone while it is the same.",
    )


def test_a_picture_that_is_damaged(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        reject(connection, world.take_in(connection, file), "it ends too soon", NOW)
    assert world.why(file.path) == (
        "content",
        "Unreadable: it ends too soon. It is not tried again while its bytes are the same.",
    )


def test_a_picture_in_the_queue_is_told_how_many_come_before_it(world: World) -> None:
    files = [world.file(f"{number}.jpg", bytes([number])) for number in range(3)]
    with world.changing() as connection:
        for file in files:
            world.take_in(connection, file)
        world.take_in(connection, world.file("fresh.jpg", b"new"), fresh=True)
        say(connection, "daemon", "4 photos wait: No Ollama answers", NOW)
    names = "objects, description, ocr and translation"
    not_running = "captiond is not running."
    assert world.why(world.inbox / "2.jpg") == (
        "queue",
        f"Waiting for its turn: {names}. 3 photos come before it. {not_running}",
    )
    assert world.why(world.inbox / "fresh.jpg")[1].endswith(f"It is the next. {not_running}")
    with locked(world.catalogue):
        assert world.why(files[0].path)[1].endswith(
            "1 photo comes before it. captiond says: 4 photos wait: No Ollama answers."
        )


def test_a_picture_of_many_that_are_not_queued_yet(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        world.take_in(connection, file, prompts=())
    assert world.why(file.path) == (
        "queue",
        f"{NOT_QUEUED} captiond is not running.",
    )


def test_a_picture_in_hand(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        world.take_in(connection, file)
        lease(connection, "us", NOW)
    gate, sentence = world.why(file.path)
    assert (gate, sentence[:9]) == ("hand", "In hand: ")


def test_a_picture_that_waits_for_a_second_try(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        photo_id = world.take_in(connection, file)
        again = NOW + timedelta(hours=1)
        charge(connection, photo_id, PROMPTS, reason="it looped", tries_allowed=3, next_try_at=again)
    gate, sentence = world.why(file.path)
    assert gate == "retry"
    assert ", try 2 at 2026-05-01 " in sentence
    assert "Last problem: it looped." in sentence


def test_a_picture_that_failed(world: World) -> None:
    file = world.file("a.jpg")
    with world.changing() as connection:
        photo_id = world.take_in(connection, file)
        charge(connection, photo_id, PROMPTS, reason="it was empty", tries_allowed=1, next_try_at=NOW)
    gate, sentence = world.why(file.path)
    assert gate == "failed"
    assert sentence.endswith("of objects, description, ocr and translation: it was empty.")


def done(world: World, connection: Connection, name: str) -> int:
    photo_id = world.take_in(connection, world.file(name))
    for prompt in PROMPTS:
        answer(connection, photo_id, result(prompt, "a dog", content=["dog"] if prompt == OBJECTS else None))
    return photo_id


def test_a_picture_that_is_done(world: World) -> None:
    with world.changing() as connection:
        done(world, connection, "a.jpg")
    gate, sentence = world.why(world.inbox / "a.jpg")
    assert gate == "done"
    assert sentence.startswith("Done at 2026-05-01 ")
    assert sentence.endswith(
        ": objects, description, ocr and translation. Its sidecar is still to be written."
    )
    with world.changing() as connection:
        (due,) = sidecars_due(connection, 10, [world.inbox])
        note_sidecar(connection, due, sha256="0" * 64)
    assert world.why(world.inbox / "a.jpg")[1].endswith("translation. Its sidecar is written.")


def test_a_picture_whose_sidecar_is_a_persons(world: World) -> None:
    with world.changing() as connection:
        done(world, connection, "a.jpg")
        (due,) = sidecars_due(connection, 10, [world.inbox])
        note_sidecar(connection, due, sha256=None, reason="edited by hand")
    assert world.why(world.inbox / "a.jpg")[1].endswith("No sidecar is written: edited by hand.")


# ── gone ──


def test_a_file_that_is_gone(world: World) -> None:
    path = world.inbox / "a.jpg"
    with world.changing() as connection:
        done(world, connection, "a.jpg")
        path.unlink()
    assert world.why(path)[1].endswith("; the next scans will tell that it is gone.")
    with world.changing() as connection:
        note_missing(connection, [path])
    gate, sentence = world.why(path)
    assert gate == "gone"
    assert sentence.startswith("The file is gone (seen last 2026-05-01 ")
    assert sentence.endswith("; the answers about its picture stay.")


def test_a_file_that_was_renamed(world: World) -> None:
    with world.changing() as connection:
        done(world, connection, "a.jpg")
        (world.inbox / "a.jpg").unlink()
        note_missing(connection, [world.inbox / "a.jpg"])
        world.take_in(connection, world.file("b.jpg"))
    assert world.why(world.inbox / "a.jpg")[1].endswith(f"; its picture lies at {world.inbox}/b.jpg.")


# ── how it is said ──


def test_a_person_reads_the_sentence_and_the_gate(world: World) -> None:
    (world.inbox / "a.jpg").touch()
    said = world.call(world.inbox / "a.jpg")
    assert (said.exit_code, said.stdout) == (0, "Waiting: the file is empty so far. [empty]\n")


def test_a_name_cannot_command_a_terminal(world: World) -> None:
    world.file("\x1b[31m/.x/a.jpg")
    assert "\x1b" not in world.call(world.inbox / "\x1b[31m/.x/a.jpg").stdout


def test_looking_leaves_the_file_as_it_was(world: World) -> None:
    file = world.file("a.jpg")
    before = file.path.stat()
    world.why(file.path)
    after = file.path.stat()
    assert (before.st_atime_ns, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_atime_ns,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )
