"""What people drop besides good photos, and where: each has its sentence, and nothing else stops."""

import base64
import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

SETPRIV = shutil.which("setpriv")
UNSHARE = shutil.which("unshare")
NO_PERMISSION = "Not read: captiond has no permission to read this; allow its user to (chmod, chgrp)."
NO_PICTURE = "this is no picture: its first bytes are of no format that captiond knows"
READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


@pytest.fixture
def mortal(impatient: Command) -> Command:
    """captiond as a user whom file modes bind: root without its powers, or whoever runs the tests."""
    impatient.settings["CAPTIOND_INBOX__SCAN_MINUTES"] = "0.02"
    if os.geteuid() == 0:
        if SETPRIV is None:
            pytest.skip("root needs setpriv to be bound by file modes")
        impatient.started_by = (SETPRIV, "--bounding-set=-dac_override,-dac_read_search")
    return impatient


def drop_oddities(inbox: Path, photo: Path) -> None:
    os.mkfifo(inbox / "pipe.jpg")
    (inbox / "link.jpg").symlink_to(photo)
    (inbox / "loop.jpg").symlink_to("loop.jpg")
    (inbox / "album").symlink_to(photo.parent)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.jpg")
    (inbox / "empty.jpg").touch()
    (inbox / "words.jpg").write_text("I am not a picture, whatever my name says.")
    (inbox / "letter.txt").write_text("Dear captiond")
    (inbox / "half.jpg").write_bytes(photo.read_bytes()[:2000])
    (inbox / "noise.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(1, 200)) * 20)
    (inbox / "drawing.psd").write_bytes(b"8BPS" + bytes(100))
    (inbox / "folder.jpg").mkdir()
    shutil.copy(photo, inbox / "folder.jpg" / "inside.jpg")
    shutil.copy(photo, inbox / "scan.dat")


def test_each_oddity_has_its_sentence_and_nothing_else_stops(
    *,
    watching: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (inbox.parent / "outside").mkdir()
    outside = make_photo("../outside/photo.jpg", "olive")
    monkeypatch.chdir(inbox)
    drop_oddities(inbox, outside)
    good = make_photo("good.jpg", "navy")
    read = [good, inbox / "folder.jpg/inside.jpg", inbox / "scan.dat"]

    eventually(lambda: all(beside(photo).exists() for photo in read))
    eventually(lambda: len(watching.rows("SELECT * FROM files")) == 14)
    eventually(lambda: watching.rows("SELECT * FROM jobs") == [])
    not_opened = dict(watching.rows("SELECT path, reason FROM files WHERE state = 'skipped'"))
    assert not_opened == {
        "pipe.jpg": "A named pipe, no file; it is never opened.",
        "link.jpg": "A symbolic link; captiond does not follow links.",
        "loop.jpg": "A symbolic link; captiond does not follow links.",
        "album": "A symbolic link; captiond does not follow links.",
        "socket.jpg": "A socket, no file; it is never opened.",
        "empty.jpg": "the file is empty so far",
        "letter.txt": NO_PICTURE,
    }
    status = json.loads(watching("status", "--json").stdout)
    problems = {problem["path"]: problem["reason"] for problem in status["problems"]}
    assert problems.keys() == {"words.jpg", "half.jpg", "noise.jpg", "drawing.psd"}
    assert problems["words.jpg"] == NO_PICTURE
    assert problems["drawing.psd"] == "captiond does not read PSD"
    assert watching.why(inbox / "pipe.jpg") == "Not read: A named pipe, no file; it is never opened."
    assert watching.why(inbox / "half.jpg") == (
        "Unreadable: the file ends before the picture does: probably not completely copied. "
        "It is not tried again while its bytes are the same."
    )
    assert len(server.questions) == 2 * 3, "two good pictures, one of them twice"


def test_the_sentence_follows_what_a_path_has_become(
    watching: Command, inbox: Path, eventually: Eventually
) -> None:
    path = inbox / "photo.jpg"
    path.touch()
    eventually(lambda: watching.why(path) == "Not read: the file is empty so far.")
    path.unlink()
    os.mkfifo(path)
    eventually(lambda: watching.why(path) == "Not read: A named pipe, no file; it is never opened.")


NAMES = (
    b"new\nline.jpg",
    b"caf\xe9.jpg",
    b"-rf.jpg",
    b" trailing .jpg ",
    "🐘.jpg".encode(),
    b"quote'\"\\$(x).jpg",
    "e\u0301.jpg".encode(),
    "\u00e9.jpg".encode(),
    b"\x1b[31mred.jpg",
    b"n" * 251 + b".jpg",
)


def test_every_name_is_read_and_kept_apart(
    *,
    watching: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    content = make_photo("../plain.jpg").read_bytes()
    photos = [inbox / os.fsdecode(name) for name in NAMES]
    for photo in photos:
        photo.write_bytes(content)
    *short, long = photos

    eventually(lambda: watching.rows("SELECT count(*), max(sidecar_dirty) FROM files") == [(len(NAMES), 0)])
    eventually(lambda: all(beside(photo).exists() for photo in short))
    for photo, name in zip(short, NAMES, strict=False):
        image = sidecar_of(photo)["image"]
        assert image["file"].encode() == name or base64.b64decode(image["file_base64"]) == name
    tree = watching.catalogue.parent / "sidecars"
    eventually(lambda: list(tree.rglob("*.captiond.json")))
    in_tree = list(tree.rglob("*.captiond.json"))
    assert [json.loads(path.read_text())["image"]["file"] for path in in_tree] == [long.name]
    assert len(server.questions) == 3
    shown = watching("show", short[1], "--json").stdout
    assert "caf\\\\xe9.jpg" in shown


@pytest.mark.parametrize("name", ["secret.jpg", "locked/secret.jpg"])
def test_what_may_not_be_read_is_told_and_read_once_it_may(
    *, name: str, mortal: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo, good = make_photo(name), make_photo("good.jpg", "navy")
    closed = photo if photo.parent == inbox else photo.parent
    mode = closed.stat().st_mode
    closed.chmod(0)
    try:
        with mortal.running(inbox):
            eventually(beside(good).exists)
            eventually(lambda: mortal.why(closed) == NO_PERMISSION)
            refused = f"  {closed.name}: refused: captiond has no permission"
            assert refused in mortal("status").stdout
            told = mortal("why", photo)
            assert (told.returncode, told.stderr) == (0, "")
            assert "no permission to read this; allow its user to" in told.stdout
            closed.chmod(mode)
            eventually(beside(photo).exists)
            assert mortal.why(photo) is None
            eventually(lambda: "refused" not in mortal("status").stdout)
    finally:
        closed.chmod(mode)


def in_tree(captiond: Command, photo: Path) -> Path:
    return beside(captiond.catalogue.parent / "sidecars" / photo.relative_to("/"))


def test_sidecars_of_a_folder_that_takes_none_lie_beside_the_catalogue(
    mortal: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    closed, good = make_photo("closed/photo.jpg"), make_photo("good.jpg", "navy")
    closed.parent.chmod(0o500)
    try:
        ended = mortal("run", "--once", inbox)
    finally:
        closed.parent.chmod(0o700)

    assert ended.returncode == 0, ended.stderr
    assert beside(good).exists()
    assert json.loads(in_tree(mortal, closed).read_text())["state"] == "done"
    assert "Traceback" not in ended.stderr


@pytest.mark.root
@pytest.mark.skipif(os.geteuid() != 0 or UNSHARE is None, reason="only root mounts")
def test_sidecars_of_a_read_only_disk_lie_beside_the_catalogue(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    photo = make_photo("deep/photo.jpg")
    impatient.started_by = ("unshare", "--mount", "sh", "-c", READ_ONLY, str(inbox))

    ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0, ended.stderr
    assert not beside(photo).exists()
    assert json.loads(in_tree(impatient, photo).read_text())["state"] == "done"
