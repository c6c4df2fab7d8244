from pathlib import Path

import pytest

from captiond.inbox.candidates import (
    CLUTTER,
    DESCEND,
    FOREIGN_FOLDER,
    HIDDEN,
    LOOK,
    OURS,
    UNFINISHED,
    Verdict,
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
    (b"sediments", UNFINISHED),
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
    (b"~syncthing~x.jpg.tmp", UNFINISHED),
    (b"x.jpg.part", UNFINISHED),
    (b"x.jpg.PART", UNFINISHED),
    (b"x.jpg.partial", UNFINISHED),
    (b"x.jpg.filepart", UNFINISHED),
    (b"x.jpg.crdownload", UNFINISHED),
    (b"Unconfirmed 12.crdownload", UNFINISHED),
    (b"x.jpg.opdownload", UNFINISHED),
    (b"x.jpg.download", UNFINISHED),
    (b"x.tmp", UNFINISHED),
    (b"x.temp", UNFINISHED),
    (b"x.jpg.!qB", UNFINISHED),
    (b"x.jpg.!ut", UNFINISHED),
    (b"x.jpg.!sync", UNFINISHED),
    (b"x.jpg.aria2", UNFINISHED),
    (b"x.jpg.lftp-pget-status", UNFINISHED),
    (b"x.jpg_exiftool_tmp", UNFINISHED),
    (b"sedAb3xYz", UNFINISHED),
    (b"~$letter.docx", UNFINISHED),
    (b"x.jpg~", UNFINISHED),
    (b"x.jpg.swp", UNFINISHED),
    (b"x.jpg.lock", UNFINISHED),
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


@pytest.mark.parametrize("found", [HIDDEN, UNFINISHED, CLUTTER, OURS, FOREIGN_FOLDER])
def test_an_ignored_name_has_its_sentence(found: Verdict) -> None:
    assert found.ignored
    assert found.reason is not None
    assert found.reason.endswith(".")


def test_a_file_in_an_ignored_folder_is_ignored() -> None:
    inbox = Path("/in")
    assert verdict_beneath(inbox, inbox / "a/.~tmp~/x.jpg") == HIDDEN
    assert verdict_beneath(inbox, inbox / "a/b/x.jpg") == LOOK


def test_the_folders_above_the_inbox_do_not_matter() -> None:
    inbox = Path("/home/me/.photos/lost+found")
    assert verdict_beneath(inbox, inbox / "x.jpg") == LOOK
    assert verdict_beneath(inbox, inbox) == DESCEND
