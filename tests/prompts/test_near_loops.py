import pytest

from captiond.prompts.near_loops import FREE, VERBATIM, Patience, near_loop

COLOURS = ["red", "blue", "green", "white", "black", "brown"]


def row_of(piece: str, count: int) -> str:
    """Say a piece many times, with its number and a colour, and half a one at the end."""
    said = "".join(
        piece.replace("{n}", str(n)).replace("{word}", COLOURS[n % len(COLOURS)]) for n in range(1, count + 1)
    )
    return f"There is a picture.{said} A man"


SENTENCE = " A man in a {word} shirt stands there."
COUNTED = " This is the house with number {n}."
ENTRY = ", a man in a {word} shirt"
LINE = "\n{n}. A man in a {word} shirt"


@pytest.mark.parametrize(
    ("piece", "patience", "fewest"),
    [
        (SENTENCE, FREE, FREE.sentences),
        (COUNTED, FREE, FREE.sentences),
        (ENTRY, FREE, FREE.sentences),
        (LINE, FREE, FREE.lines),
        (SENTENCE, VERBATIM, VERBATIM.sentences),
        (LINE, VERBATIM, VERBATIM.lines),
        ("\nSeat {n}", FREE, VERBATIM.lines),
        ("\nSeat {n}", VERBATIM, VERBATIM.lines),
    ],
)
def test_only_so_many_pieces_alike_are_a_loop(piece: str, patience: Patience, fewest: int) -> None:
    assert near_loop(row_of(piece, fewest + 1), patience)
    assert near_loop(row_of(piece, fewest - 2), patience) is None


@pytest.mark.parametrize(
    "piece",
    [
        "\n{n}  Hex bolt zinc plated M{n} x 40   {n}.95 EUR",
        "\n{n}:15  {n}:45  Stuttgart main station",
        "\n{n}  {n}0  {n}5",
        " 4{n} {n}7,",
        "\n{n}",
        ", a {word} dog",
        " {word} is nice.",
        "\nNo {word} bags",
    ],
)
def test_tables_and_lists_of_short_names_are_none(piece: str) -> None:
    assert near_loop(row_of(piece, 200), FREE) is None


def test_two_sentences_in_turn_are_a_loop() -> None:
    assert near_loop(row_of(SENTENCE + " A dog of the {word} kind is there.", 20), FREE)


def test_the_same_words_further_up_are_no_loop() -> None:
    assert near_loop(row_of(SENTENCE, 30) + " sits. Then comes something else. It is a dog. It", FREE) is None


def test_characters_count_as_words_where_there_are_no_blanks() -> None:
    assert near_loop("".join(f"右边有一只{'黑白灰'[n % 3]}色的狗。" for n in range(20)), FREE)


def test_sentences_are_not_looked_for_across_lines() -> None:
    assert near_loop(row_of("\n{n}. A hex bolt of steel", 60), VERBATIM) is None
