import os

import pytest

from captiond.printable import printable


@pytest.mark.parametrize(
    "text", ["", "plain", "Éléphants en liberté", "路标", "👨‍👩‍👧", "می‌خواهم", "a\xa0b\u3000c", r"C:\new"]
)
def test_what_people_write_stays_as_it_is(text: str) -> None:
    assert printable(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\x9b31m", r"\x9b31m"),
        ("a\nb\r\tc", r"a\nb\r\tc"),
        ("\0\x7f", r"\x00\x7f"),
        ("gpj.\u202eexe", r"gpj.\u202eexe"),
        ("\u2066\u200f\u061c", r"\u2066\u200f\u061c"),
        ("a\u2028b", r"a\u2028b"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
    ],
)
def test_what_commands_or_misleads_a_terminal_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_byte_of_a_file_name_that_is_not_utf_8_shows_as_that_byte() -> None:
    assert printable(os.fsdecode(b"caf\xe9.jpg")) == r"caf\xe9.jpg"


def test_what_is_printable_can_be_encoded_and_stays_the_same() -> None:
    every = "".join(map(chr, range(0x30000))) + "\U000e0041"
    once = printable(every)
    assert once.encode()
    assert printable(once) == once
