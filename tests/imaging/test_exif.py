from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from captiond.imaging.exif import camera, clean, position, taken_at

MAKE, MODEL = 0x010F, 0x0110
NORTH_EAST = {1: "N", 2: (43.0, 28.0, 2.814), 3: "E", 4: (11.0, 53.0, 6.456)}


@pytest.mark.parametrize(
    ("make", "model", "expected"),
    [
        ("Apple", "iPhone 13", "Apple iPhone 13"),
        ("Canon", "Canon EOS 5D", "Canon EOS 5D"),
        ("NIKON CORPORATION", "NIKON D70", "NIKON D70"),
        ("EASTMAN KODAK COMPANY", "KODAK DC240", "KODAK DC240"),
        ("SONY", None, "SONY"),
        (None, "X100", "X100"),
        (None, None, None),
        (b"Ap\0ple\x1b[31m", 7, "Ap ple [31m"),
    ],
)
def test_the_camera_has_its_make_once(make: object, model: object, expected: str | None) -> None:
    assert camera({MAKE: make, MODEL: model}) == expected


@pytest.mark.parametrize(
    ("tags", "expected"),
    [
        ({0x9003: "2022:08:14 14:12:31", 0x9011: "+03:00"}, "2022-08-14T14:12:31+03:00"),
        ({0x9003: "2022:08:14 14:12:31"}, "2022-08-14T14:12:31"),
        ({0x9003: "2022:08:14 14:12:31", 0x9011: "local"}, "2022-08-14T14:12:31"),
        ({0x9003: "0000:00:00 00:00:00", 0x9004: "2001:02:03 04:05:06"}, "2001-02-03T04:05:06"),
        ({0x9003: "    :  :     :  :  "}, None),
        ({0x9003: "2022:13:40 99:99:99"}, None),
        ({0x9003: 20220814}, None),
        ({}, None),
    ],
)
def test_the_moment_is_iso_8601(tags: dict[int, object], expected: str | None) -> None:
    assert taken_at(tags) == expected


def test_a_position_is_in_degrees() -> None:
    assert position(NORTH_EAST) == (43.4674483, 11.8851267)


def test_south_and_west_are_negative() -> None:
    latitude, longitude = position({**NORTH_EAST, 1: "S", 3: "W"}) or (0, 0)
    assert (latitude, longitude) == (-43.4674483, -11.8851267)


@pytest.mark.parametrize(
    "change",
    [
        {1: "X"},
        {2: (91.0, 0.0, 0.0)},
        {4: (180.0, 0.0, 1.0)},
        {2: (float("nan"), 0.0, 0.0)},
        {2: (1.0, 2.0)},
        {2: "43 28 2"},
        {2: (-1.0, 0.0, 0.0)},
        {2: (0.0, 0.0, 0.0), 4: (0.0, 0.0, 0.0)},
        {4: None},
    ],
)
def test_an_impossible_position_is_none(change: dict[int, Any]) -> None:
    assert position({**NORTH_EAST, **change}) is None


def test_direction_marks_and_controls_are_taken_out() -> None:
    assert clean("Holiday\u202egpj.exe\0\x9b1m\u2066 \t x\n") == "Holiday gpj.exe 1m x"


def test_text_is_composed_and_capped() -> None:
    assert clean("Cafe\u0301") == "Café"
    assert clean("x" * 9000) == "x" * 200


def test_utf8_that_was_read_as_latin1_is_mended() -> None:
    assert clean("Kamera Süd".encode().decode("latin-1")) == "Kamera Süd"


@given(
    st.one_of(
        st.text(), st.binary(), st.integers(), st.none(), st.tuples(st.floats(), st.floats(), st.floats())
    )
)
def test_no_value_upsets_anything(value: object) -> None:
    camera({MAKE: value, MODEL: value})
    taken_at({0x9003: value, 0x9011: value})
    found = position({**NORTH_EAST, 2: value, 4: value})
    assert found is None or (abs(found[0]) <= 90 and abs(found[1]) <= 180)
