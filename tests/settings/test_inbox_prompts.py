"""Which prompts the photos of an inbox are asked: names that are not there are told with their line."""

from pathlib import Path

import pytest

from captiond.errors import BadConfiguration
from captiond.settings import Settings, changed_needing_restart, load
from captiond.settings.schema import taking_over

NOWHERE = {"CONFIGURATION_DIRECTORY": "/nowhere"}
"""An environment that leads to no configuration file of the person who runs the tests."""
SCANS = 'inboxes = ["/photos", "/scans"]\n\n[inbox.prompts]\n'


def loaded(folder: Path, toml: str) -> Settings:
    path = folder / "config.toml"
    path.write_text(toml)
    return load(path, {}, NOWHERE)


def mistake(folder: Path, toml: str) -> str:
    with pytest.raises(BadConfiguration) as caught:
        loaded(folder, toml)
    return str(caught.value).replace(f"{folder}/", "")


def test_an_inbox_names_its_prompts(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SCANS + '"/scans" = ["ocr", "translation"]')
    assert settings.inbox.prompts == {Path("/scans"): ("ocr", "translation")}


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            '"/scans" = ["ocr", "translatoin"]',
            'there is no prompt "translatoin"; did you mean "translation"?',
        ),
        ('"/scan" = ["ocr"]', '"/scan" is none of the inboxes; did you mean "/scans"?'),
        ('"/scans" = ["qqq"]', 'there is no prompt "qqq"'),
        ('"/scans" = []', "must not be empty"),
        ('"scans" = ["ocr"]', 'must be a whole path that begins with "/" or "~/"'),
    ],
)
def test_what_is_not_there_is_told_with_its_line(tmp_path: Path, line: str, told: str) -> None:
    said = mistake(tmp_path, SCANS + line)
    assert said.startswith("config.toml:4: inbox.prompts.")
    assert told in said
    assert "\n" not in said


def test_prompts_of_ones_own_are_known(tmp_path: Path) -> None:
    own = '[prompts.plate]\nkind = "text"\ntext = "Copy the plate."\n'
    assert loaded(tmp_path, f'{SCANS}"/scans" = ["plate"]\n{own}').inbox.prompts


def test_inboxes_of_the_command_line_need_not_be_in_the_table(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[inbox.prompts]\n"/scans" = ["ocr"]')
    assert load(path, {"inboxes": [Path("/photos")]}, NOWHERE).inboxes == (Path("/photos"),)


def test_the_environment_takes_json() -> None:
    given = {**NOWHERE, "CAPTIOND_INBOX__PROMPTS": '{"/scans": ["ocr"]}'}
    assert load(None, {}, given).inbox.prompts == {Path("/scans"): ("ocr",)}
    given["CAPTIOND_INBOX__PROMPTS"] = '{"/scans": ["orc"]}'
    with pytest.raises(BadConfiguration, match=r'environment: CAPTIOND_INBOX__PROMPTS: .*"orc".*"ocr"'):
        load(None, {}, given)


def test_a_change_needs_no_restart(tmp_path: Path) -> None:
    old, new = loaded(tmp_path, SCANS), loaded(tmp_path, SCANS + '"/scans" = ["ocr"]')
    assert changed_needing_restart(old, new) == ()
    assert taking_over(old, new).inbox.prompts == new.inbox.prompts
