from pathlib import Path

import pytest

from captiond.errors import BadConfiguration
from captiond.settings.sources import SettingPath, config_path, dotted, line_of, merged, read_toml

TEXT = '''\
# a comment

log = "json"
ollama.model = "llava"
inboxes = [
    "/a",
    "/b",
]

[prompts.ocr]  # the header
text = """
[prompts.mood]
kind = "text"
"""
options = { seed = 1 }

[[unknown]]
kind = 1
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("log",), 3),
        (("ollama",), 4),
        (("ollama", "model"), 4),
        (("inboxes",), 5),
        (("inboxes", 1), 5),
        (("prompts", "ocr"), 10),
        (("prompts", "ocr", "text"), 11),
        (("prompts", "ocr", "options", "seed"), 15),
        (("unknown",), 17),
        (("unknown", 0, "kind"), 17),
        (("prompts", "mood"), None),
        (("prompts", "ocr", "kind"), None),
    ],
)
def test_the_line_of_a_setting_is_where_its_statement_begins(path: SettingPath, line: int | None) -> None:
    assert line_of(TEXT, path) == line


def test_lines_are_counted_the_same_with_windows_line_ends() -> None:
    assert line_of(TEXT.replace("\n", "\r\n"), ("prompts", "ocr", "options")) == 15


def test_other_line_ends_of_unicode_do_not_count() -> None:
    assert line_of('log = "a\u2028b"\nzebra = 1', ("zebra",)) == 2


def test_an_entry_of_a_list_is_written_with_its_number() -> None:
    assert dotted(("imaging", "formats", 2)) == "imaging.formats[2]"


def test_tables_are_mixed_and_lists_are_replaced() -> None:
    strong, weak = {"a": {"b": 1}, "c": [1]}, {"a": {"b": 2, "d": 3}, "c": [2, 3], "e": 4}
    assert merged([strong, weak]) == {"a": {"b": 1, "d": 3}, "c": [1], "e": 4}


def test_a_file_that_was_named_must_be_there() -> None:
    with pytest.raises(BadConfiguration, match=r"^/nowhere/typo\.toml: there is no such configuration file$"):
        config_path(Path("/nowhere/typo.toml"), {})


def test_the_variable_names_the_file_and_the_flag_beats_it(tmp_path: Path) -> None:
    one, two = tmp_path / "1.toml", tmp_path / "2.toml"
    one.touch()
    two.touch()
    assert config_path(None, {"CAPTIOND_CONFIG": str(one)}) == one
    assert config_path(two, {"CAPTIOND_CONFIG": str(one)}) == two


def test_the_folder_of_the_service_holds_the_file(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()
    environ = {"CONFIGURATION_DIRECTORY": f"{tmp_path}:/etc/more"}
    assert config_path(None, environ) == tmp_path / "config.toml"


def test_a_service_without_a_file_does_not_look_elsewhere(tmp_path: Path) -> None:
    assert config_path(None, {"CONFIGURATION_DIRECTORY": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"a = 1\nmodel = llava", ":2:9: not valid TOML: invalid value (text stands in quotation marks)"),
        (b"a = 1\na = 2\n", ":2:6: not valid TOML: cannot overwrite a value"),
        (b'a = """', ": at its end: not valid TOML: unterminated string"),
        (b'a = "\xff"', ": is not UTF-8 text (byte 6)"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_with_its_place(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(content)
    with pytest.raises(BadConfiguration) as caught:
        read_toml(path)
    assert str(caught.value).lower() == f"{path}{sentence}".lower()


def test_a_folder_in_place_of_the_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration, match=r"cannot be read: Is a directory$"):
        read_toml(tmp_path)


def test_a_byte_order_mark_does_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b'\xef\xbb\xbflog = "json"')
    assert read_toml(path).values == {"log": "json"}
