"""The order of what was found in a picture."""

import math

from captiond.reader.lines import Line, text_of


def line(
    text: str,
    left: float,
    top: float,
    *,
    width: float = 100,
    height: float = 20,
    confidence: float = 0.9,
    tilt_degrees: float = 0,
) -> Line:
    """Make a line, with its place as it would be in a picture that is level."""
    corners = [(left, top), (left + width, top), (left + width, top + height), (left, top + height)]
    sine, cosine = math.sin(math.radians(tilt_degrees)), math.cos(math.radians(tilt_degrees))
    return Line(text, confidence, tuple((x * cosine - y * sine, x * sine + y * cosine) for x, y in corners))


def test_lines_are_read_from_top_to_bottom_and_from_left_to_right() -> None:
    found = [line("last", 0, 80), line("right", 300, 42), line("left", 0, 40), line("first", 0, 0)]
    assert text_of(found) == "first\nleft\nright\nlast"


def test_a_sign_that_hangs_askew_is_read_in_its_own_order() -> None:
    # In the picture the end of the first line is far below the beginning of the second.
    found = [line("second", 0, 40), line("end", 600, 0), line("first", 0, 0)]
    askew = [line(one.text, *one.corners[0], tilt_degrees=20) for one in found]
    assert text_of(askew) == "first\nend\nsecond"


def test_what_was_found_in_two_parts_is_one_line() -> None:
    assert text_of([line("CLOSED", 105, 2), line("ROAD", 0, 0)]) == "ROAD CLOSED"


def test_what_the_engine_is_unsure_of_and_what_has_no_letters_is_left_out() -> None:
    assert text_of([line("leaves", 0, 0, confidence=0.6), line(" ■", 0, 40)]) == ""


def test_latin_text_has_its_own_punctuation_and_chinese_its_own() -> None:
    assert text_of([line("Attention！", 0, 0), line("注意！", 0, 40)]) == "Attention!\n注意！"
