"""What output looks like: plain, exact, and safe to print."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from captiond.cli import output
from captiond.errors import BadConfiguration


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a person look at the output, on a narrow terminal without colours."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("NO_COLOR", "1")


def test_the_catalogue_that_is_named_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/ada")
    assert output.catalogue_path(Path("mine.db"), None) == tmp_path / "mine.db"
    assert output.catalogue_path(Path("~/mine.db"), None) == Path("/home/ada/mine.db")


def test_the_catalogue_of_the_settings_is_taken_otherwise(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('catalogue = "/var/lib/photos.db"\n')
    assert output.catalogue_path(None, config) == Path("/var/lib/photos.db")


def test_settings_that_are_wrong_are_told(tmp_path: Path) -> None:
    with pytest.raises(BadConfiguration):
        output.catalogue_path(None, tmp_path / "none.toml")


def test_json_is_exact_and_shows_what_is_visible(capsys: pytest.CaptureFixture[str]) -> None:
    value = {"text": 'Éléphants\n"quoted" \x1b[31m \u202e \U0001f418'}
    output.print_json(value)
    printed = capsys.readouterr().out
    assert json.loads(printed) == value
    assert "Éléphants" in printed
    assert "\U0001f418" in printed
    assert not re.search("[\x1b\u202e]", printed)


def test_a_note_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    output.note("nothing \x1b[31mfound")
    assert capsys.readouterr() == ("", "nothing \\x1b[31mfound\n")


def test_a_field_keeps_its_lines_below_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_field("text", "Attention !\nÉléphants", width=8, aside="fr")
    assert capsys.readouterr().out == "text    Attention !\n        Éléphants  fr\n"


def test_who_said_it_stands_below_where_there_is_no_room_beside(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("terminal")
    output.print_field(
        "text", "Elephants on the loose", width=8, aside="llava:13b-v1.6, from the text, 2.5 s"
    )
    assert capsys.readouterr().out.splitlines() == [
        "text    Elephants on the loose",
        "        llava:13b-v1.6, from the text,",
        "        2.5 s",
    ]


def test_a_field_without_text_is_its_label(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_field("text", "", width=8)
    assert capsys.readouterr().out == "text\n"


def test_a_field_cannot_command_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    output.print_field("text", "a\x1b[2J", width=6, aside="b\x07")
    assert capsys.readouterr().out == "text  a\\x1b[2J  b\\x07\n"


def test_long_lines_are_wrapped_on_a_terminal_alone(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    output.print_field("text", "elephant " * 10, width=6)
    assert len(capsys.readouterr().out.splitlines()) == 1
    request.getfixturevalue("terminal")
    output.print_field("text", "elephant " * 10, width=6)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 1
    assert all(len(line) <= 40 for line in lines)


def test_a_terminal_breaks_a_sentence_between_words_alone(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    sentence = "  new/photo.jpg: refused: see http://127.0.0.1:11434/a-long-address-that-nobody-can-break."
    output.tell(sentence)
    assert capsys.readouterr().out == f"{sentence}\n"
    request.getfixturevalue("terminal")
    output.tell(sentence)
    assert capsys.readouterr().out.splitlines() == [
        "  new/photo.jpg: refused: see",
        "  http://127.0.0.1:11434/a-long-address-that-nobody-can-break.",
    ]


def test_a_sentence_goes_on_below_the_column_where_it_begins(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("terminal")
    output.tell("There is no model yet: ollama pull llava.", column=7)
    assert capsys.readouterr().out == "There is no model yet: ollama\n       pull llava.\n"


@pytest.mark.parametrize(
    ("sentence", "printed"),
    [
        ("Reading.", "Reading.  2 of 3 photos done.\n"),
        (
            "Waiting. Ollama does not answer at all.",
            "Waiting. Ollama does not answer at all.\n2 of 3 photos done.\n",
        ),
    ],
)
def test_an_aside_stands_below_a_sentence_where_there_is_no_room_beside(
    capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest, sentence: str, printed: str
) -> None:
    request.getfixturevalue("terminal")
    output.tell(sentence, aside="2 of 3 photos done.")
    assert capsys.readouterr().out == printed


@pytest.mark.parametrize(("no_color", "styled"), [("", True), ("1", False)])
def test_style_is_for_terminals_that_want_it(
    terminal: None, monkeypatch: pytest.MonkeyPatch, no_color: str, styled: bool
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    assert (output.bold("label") != "label") == styled
    assert (output.dim("label") != "label") == styled


def test_a_file_gets_no_style() -> None:
    assert (output.bold("label"), output.dim("label")) == ("label", "label")


def test_several_lines_become_one() -> None:
    assert output.one_line(" a\n\n  b\x1b \n") == "a / b\\x1b"


@pytest.mark.parametrize(
    ("words", "sentence"), [(["a"], "a"), (["a", "b"], "a and b"), (["a", "b", "c"], "a, b and c")]
)
def test_words_are_listed_as_people_do(words: list[str], sentence: str) -> None:
    assert output.listed(words) == sentence


def test_today_is_told_by_the_hour_and_other_days_by_their_date() -> None:
    now = datetime.now(UTC)
    assert re.fullmatch(r"\d\d:\d\d", output.local(now))
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d", output.local(now - timedelta(days=2)))
