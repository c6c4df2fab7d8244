import os
from pathlib import Path

import pytest

from captiond.errors import BadConfiguration
from captiond.inbox.candidates import DESCEND, HIDDEN, LOOK, OURS
from captiond.inbox.ignoring import IGNORE_FILE, IgnoreRules


def write(folder: Path, *lines: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / IGNORE_FILE).write_text("\n".join(lines) + "\n")


def is_ignored(rules: IgnoreRules, path: Path, *, is_directory: bool = False) -> bool:
    rules.enter_above(path)
    return rules.verdict_beneath(path, is_directory=is_directory).ignored


def why(rules: IgnoreRules, path: Path) -> str | None:
    rules.enter_above(path)
    return rules.verdict_beneath(path).reason


@pytest.mark.parametrize(
    ("pattern", "path", "ignored"),
    [
        ("*.psd", "a.psd", True),
        ("*.psd", "2019/deep/a.psd", True),
        ("*.psd", "a.psd.jpg", False),
        ("/a.jpg", "a.jpg", True),
        ("/a.jpg", "2019/a.jpg", False),
        ("2019/a.jpg", "2019/a.jpg", True),
        ("2019/a.jpg", "x/2019/a.jpg", False),
        ("raw/", "2019/raw/a.jpg", True),
        ("raw/", "raw", False),
        ("**/raw/*.jpg", "x/y/raw/a.jpg", True),
        ("IMG_20[12]?.jpg", "IMG_201x.jpg", True),
        ("caf\udce9*", "caf\udce9.jpg", True),
        ("a b.jpg", "a b.jpg", True),
    ],
)
def test_a_pattern_of_the_settings_is_read_as_git_reads_it(
    inbox: Path, pattern: str, path: str, ignored: bool
) -> None:
    assert is_ignored(IgnoreRules(inbox, [pattern]), inbox / path) is ignored


def test_the_last_pattern_that_fits_counts(inbox: Path) -> None:
    rules = IgnoreRules(inbox, ["*.jpg", "!keep.jpg"])
    assert is_ignored(rules, inbox / "a.jpg")
    assert not is_ignored(rules, inbox / "sub/keep.jpg")


def test_a_pattern_takes_back_what_is_built_in(inbox: Path) -> None:
    rules = IgnoreRules(inbox, ["!*.download", "!@eaDir/"])
    assert rules.verdict_beneath(inbox / "a.download") == LOOK
    assert rules.verdict_beneath(inbox / "@eaDir", is_directory=True) == DESCEND
    assert rules.verdict_beneath(inbox / "@eaDir/a.jpg") == LOOK


def test_hidden_names_and_our_own_stay_ignored(inbox: Path) -> None:
    rules = IgnoreRules(inbox, ["!*", "!.*"])
    assert rules.verdict_beneath(inbox / ".a.jpg") == HIDDEN
    assert rules.verdict_beneath(inbox / "a.jpg.captiond.json") == OURS


@pytest.mark.parametrize("pattern", ["", "!", "# a remark", "/", "a\\"])
def test_a_pattern_of_the_settings_that_means_nothing_is_refused(inbox: Path, pattern: str) -> None:
    with pytest.raises(BadConfiguration, match="no pattern"):
        IgnoreRules(inbox, ["*.psd", pattern])


def test_an_ignore_file_rules_its_folder_and_all_below(inbox: Path) -> None:
    write(inbox / "2019", "b.*", "/c.jpg")
    rules = IgnoreRules(inbox)
    assert is_ignored(rules, inbox / "2019/b.jpg")
    assert is_ignored(rules, inbox / "2019/deep/b.png")
    assert is_ignored(rules, inbox / "2019/c.jpg")
    assert not is_ignored(rules, inbox / "2019/deep/c.jpg")
    assert not is_ignored(rules, inbox / "b.jpg")


def test_the_nearest_file_counts_before_those_above_and_the_settings(inbox: Path) -> None:
    write(inbox, "!a.jpg", "b.jpg")
    write(inbox / "sub", "!b.jpg", "a.jpg")
    rules = IgnoreRules(inbox, ["a.jpg"])
    assert not is_ignored(rules, inbox / "a.jpg")
    assert is_ignored(rules, inbox / "b.jpg")
    assert is_ignored(rules, inbox / "sub/a.jpg")
    assert not is_ignored(rules, inbox / "sub/b.jpg")


def test_nothing_is_taken_back_beneath_a_folder_that_is_ignored(inbox: Path) -> None:
    rules = IgnoreRules(inbox, ["raw/", "!a.jpg"])
    assert is_ignored(rules, inbox / "raw/a.jpg")


def test_a_verdict_names_its_place(inbox: Path) -> None:
    write(inbox / "2019", "", "# remark", "raw/", "*.psd")
    rules = IgnoreRules(inbox, ["*.mov"])
    assert why(rules, inbox / "a.mov") == 'Ignored by the setting inbox.ignore: "*.mov".'
    assert why(rules, inbox / "2019/a.psd") == 'Ignored by 2019/.captiondignore, line 4: "*.psd".'
    rules.enter_above(inbox / "2019/raw/deep/a.jpg")
    verdict = rules.verdict_beneath(inbox / "2019/raw/deep/a.jpg")
    assert (verdict.folder, verdict.reason) == (
        "2019/raw",
        'Ignored by 2019/.captiondignore, line 3: "raw/".',
    )


def test_a_file_is_read_again_when_it_changes_and_only_then(inbox: Path) -> None:
    rules = IgnoreRules(inbox)
    path = inbox / "a.jpg"
    seen = []
    for lines in (["*.jpg"], ["*.png"], None):
        if lines is None:
            (inbox / IGNORE_FILE).unlink()
        else:
            write(inbox, *lines)
        seen.append(is_ignored(rules, path))
        changes = rules.changes
        assert is_ignored(rules, path) is seen[-1]
        assert rules.changes == changes
    assert (seen, changes) == ([True, False, False], 3)


def test_other_patterns_of_the_settings_count_at_once(inbox: Path) -> None:
    rules = IgnoreRules(inbox, ["*.jpg"])
    rules.replace(["*.jpg"])
    assert rules.changes == 1, "the first are a change: what is known was read without them"
    rules.replace(["*.png"])
    assert rules.changes == 2
    assert not is_ignored(rules, inbox / "a.jpg")
    with pytest.raises(BadConfiguration):
        rules.replace(["!"])
    assert is_ignored(rules, inbox / "a.png")


def test_lines_that_are_no_patterns_are_passed_over(inbox: Path) -> None:
    write(inbox, "!", "a\\", "", "*.jpg")
    assert is_ignored(IgnoreRules(inbox), inbox / "a.jpg")


def test_windows_line_ends_and_byte_order_marks_are_understood(inbox: Path) -> None:
    (inbox / IGNORE_FILE).write_bytes(b"\xef\xbb\xbf*.jpg\r\n*.png\r\n")
    rules = IgnoreRules(inbox)
    assert is_ignored(rules, inbox / "a.jpg")
    assert is_ignored(rules, inbox / "a.png")


def test_an_ignore_file_that_is_none_is_never_opened(inbox: Path, tmp_path: Path) -> None:
    rules = IgnoreRules(inbox)
    os.mkfifo(inbox / IGNORE_FILE)
    assert not is_ignored(rules, inbox / "a.jpg")
    (inbox / IGNORE_FILE).unlink()
    (tmp_path / "outside").write_text("*.jpg\n")
    (inbox / IGNORE_FILE).symlink_to(tmp_path / "outside")
    assert not is_ignored(rules, inbox / "a.jpg")


def test_what_lies_behind_a_link_has_no_rules(inbox: Path, tmp_path: Path) -> None:
    write(tmp_path / "outside", "*.jpg")
    (inbox / "linked").symlink_to(tmp_path / "outside")
    assert not is_ignored(IgnoreRules(inbox), inbox / "linked/a.jpg")
