import os
from pathlib import Path

import pytest

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.intake import register
from captiond.doctor.places import (
    catalogue_findings,
    inbox_findings,
    sidecar_findings,
    survey,
    watch_findings,
)
from captiond.errors import InboxGone
from captiond.model import SidecarPlace
from catalogue.planting import NOW, PROMPTS, original

PLACES = [
    (SidecarPlace("off"), "note", "No sidecars are written"),
    (SidecarPlace("beside"), "ok", "beside the pictures"),
    (SidecarPlace("tree", Path("/var/tmp/deep/tree")), "ok", "in /var/tmp/deep/tree"),
    (SidecarPlace("tree", Path("/dev/null/tree")), "fail", "cannot be written"),
]


@pytest.mark.parametrize(("place", "level", "words"), PLACES)
def test_it_is_said_where_sidecars_go(tmp_path: Path, place: SidecarPlace, level: str, words: str) -> None:
    (finding,) = sidecar_findings(tmp_path, place, tmp_path / "sidecars")
    assert (finding.level, words in finding.sentence) == (level, True)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_sidecars_of_a_read_only_inbox_go_elsewhere(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    (finding,) = sidecar_findings(tmp_path, SidecarPlace("beside"), Path("/var/tmp/sidecars"))
    assert (finding.level, "/var/tmp/sidecars" in finding.sentence) == ("note", True)


@pytest.mark.parametrize(("folders", "most", "warned"), [(10, 100, 0), (95, 100, 1), (95, None, 0)])
def test_more_folders_than_may_be_watched_are_a_warning(folders: int, most: int | None, warned: int) -> None:
    found = list(watch_findings(folders, most))
    assert len(found) == warned
    assert all("max_user_watches=190" in str(each.fix) for each in found)


def test_an_inbox_that_is_not_there_yet_is_made_and_one_that_held_photos_is_away(tmp_path: Path) -> None:
    inbox, catalogue = tmp_path / "inbox", tmp_path / "catalogue.db"
    assert survey(inbox, catalogue) is None
    (finding,) = inbox_findings(inbox, None)
    assert (finding.level, "`captiond run` makes it" in finding.sentence) == ("note", True)
    engine = open_to_write(catalogue, NOW)
    with engine.begin() as connection:
        register(connection, [original("a.jpg", inbox=inbox)], PROMPTS, fresh=False, now=NOW)
    close_for_readers(engine)
    with pytest.raises(InboxGone, match="is its disk mounted") as gone:
        survey(inbox, catalogue)
    (finding,) = inbox_findings(inbox, gone.value)
    assert finding.level == "fail"


def test_files_without_a_catalogue_are_new(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"a")
    seen = survey(tmp_path, tmp_path / "none" / "catalogue.db")
    assert seen is not None
    assert (seen.files, seen.folders, seen.new) == (1, 1, 1)


def test_a_catalogue_may_be_made_in_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    found = list(catalogue_findings(tmp_path / "a" / "b" / "catalogue.db"))
    assert [each.level for each in found] == ["ok", "ok"]


def test_a_catalogue_where_nobody_may_write_is_a_failure() -> None:
    (finding,) = catalogue_findings(Path("/dev/null/catalogue.db"))
    assert (finding.level, "cannot be written" in finding.sentence) == ("fail", True)
