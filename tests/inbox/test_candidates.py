from pathlib import Path

import pytest

from captiond.inbox.candidates import (
    CLUTTER,
    DESCEND,
    FOREIGN_FOLDER,
    HIDDEN,
    LOOK,
    OURS,
    Verdict,
    unfinished,
    verdict,
    verdict_beneath,
)

FILES: list[tuple[bytes, Verdict]] = [
    (b"IMG_2041.jpg", LOOK),
    (b"no ending", LOOK),
    (b"-rf.jpg", LOOK),
    (b"caf\xe9.jpg", LOOK),
    (b"two\nlines.jpg", LOOK),
    (b"part.jpg", LOOK),
    (b"sed12.jpg", LOOK),
    (b"sediments", unfinished("sed??????")),
    (b"IMG_2041.jpg.captiond.json", OURS),
    (b"IMG_2041.JPG.CAPTIOND.JSON", OURS),
    (b".captiond-0123456789abcdef.part", HIDDEN),
    (b".hidden.jpg", HIDDEN),
    (b".IMG_2041.jpg.Xa81Qz", HIDDEN),
    (b".pending-1719-IMG.jpg", HIDDEN),
    (b".trashed-1719-IMG.jpg", HIDDEN),
    (b".goutputstream-AB12CD", HIDDEN),
    (b".syncthing.x.jpg.tmp", HIDDEN),
    (b".nfs0000000000ab", HIDDEN),
    (b".fuse_hidden0000", HIDDEN),
    (b".smbdeleteAAA1", HIDDEN),
    (b"._x.jpg", HIDDEN),
    (b".in.x.jpg.", HIDDEN),
    (b".pureftpd-upload.5f", HIDDEN),
    (b".DS_Store", HIDDEN),
    (b"~syncthing~x.jpg.tmp", unfinished("*.tmp")),
    (b"x.jpg.part", unfinished("*.part")),
    (b"x.jpg.PART", unfinished("*.part")),
    (b"x.jpg.partial", unfinished("*.partial")),
    (b"x.jpg.filepart", unfinished("*.filepart")),
    (b"x.jpg.crdownload", unfinished("*.crdownload")),
    (b"Unconfirmed 12.crdownload", unfinished("*.crdownload")),
    (b"x.jpg.opdownload", unfinished("*.opdownload")),
    (b"x.jpg.download", unfinished("*.download")),
    (b"x.tmp", unfinished("*.tmp")),
    (b"x.temp", unfinished("*.temp")),
    (b"x.jpg.!qB", unfinished("*.!qb")),
    (b"x.jpg.!ut", unfinished("*.!ut")),
    (b"x.jpg.!sync", unfinished("*.!sync")),
    (b"x.jpg.aria2", unfinished("*.aria2")),
    (b"x.jpg.lftp-pget-status", unfinished("*.lftp-*")),
    (b"x.jpg_exiftool_tmp", unfinished("*_exiftool_tmp")),
    (b"sedAb3xYz", unfinished("sed??????")),
    (b"~$letter.docx", unfinished("~$*")),
    (b"x.jpg~", unfinished("*~")),
    (b"x.jpg.swp", unfinished("*.swp")),
    (b"x.jpg.lock", unfinished("*.lock")),
    (b"Thumbs.db", CLUTTER),
    (b"desktop.ini", CLUTTER),
    (b"Desktop.INI", CLUTTER),
]

FOLDERS: list[tuple[bytes, Verdict]] = [
    (b"2024", DESCEND),
    (b"album.jpg", DESCEND),
    (b"wedding.tmp", DESCEND),
    (b".~tmp~", HIDDEN),
    (b".rsync-partial", HIDDEN),
    (b".stfolder", HIDDEN),
    (b".stversions", HIDDEN),
    (b".sync", HIDDEN),
    (b".dropbox.cache", HIDDEN),
    (b".Trash-1000", HIDDEN),
    (b".Trashes", HIDDEN),
    (b".thumbnails", HIDDEN),
    (b".@__thumb", HIDDEN),
    (b".zfs", HIDDEN),
    (b".snapshot", HIDDEN),
    (b".snapshots", HIDDEN),
    (b".Spotlight-V100", HIDDEN),
    (b".git", HIDDEN),
    (b"@eaDir", FOREIGN_FOLDER),
    (b"#recycle", FOREIGN_FOLDER),
    (b"#snapshot", FOREIGN_FOLDER),
    (b"@Recycle", FOREIGN_FOLDER),
    (b"$RECYCLE.BIN", FOREIGN_FOLDER),
    (b"$Recycle.Bin", FOREIGN_FOLDER),
    (b"System Volume Information", FOREIGN_FOLDER),
    (b"lost+found", FOREIGN_FOLDER),
    (b"__MACOSX", FOREIGN_FOLDER),
]


@pytest.mark.parametrize(("name", "expected"), FILES)
def test_the_name_of_a_file_decides_whether_it_is_looked_at(name: bytes, expected: Verdict) -> None:
    assert verdict(name, is_directory=False) == expected


@pytest.mark.parametrize(("name", "expected"), FOLDERS)
def test_the_name_of_a_folder_decides_whether_it_is_entered(name: bytes, expected: Verdict) -> None:
    assert verdict(name, is_directory=True) == expected


@pytest.mark.parametrize("found", [HIDDEN, unfinished("*.part"), CLUTTER, OURS, FOREIGN_FOLDER])
def test_an_ignored_name_has_its_sentence(found: Verdict) -> None:
    assert found.ignored
    assert found.reason is not None
    assert found.reason.endswith(".")


def test_a_file_in_an_ignored_folder_is_ignored() -> None:
    inbox = Path("/in")
    assert verdict_beneath(inbox, inbox / "a/.~tmp~/b/x.jpg") == HIDDEN.of_folder("a/.~tmp~")
    assert verdict_beneath(inbox, inbox / "a/b/x.jpg") == LOOK


def test_the_folders_above_the_inbox_do_not_matter() -> None:
    inbox = Path("/home/me/.photos/lost+found")
    assert verdict_beneath(inbox, inbox / "x.jpg") == LOOK
    assert verdict_beneath(inbox, inbox) == DESCEND
