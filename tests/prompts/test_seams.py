"""Texts of overlapping tiles become one: nothing twice at a seam, nothing lost elsewhere."""

from dataclasses import dataclass
from random import Random

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from captiond.prompts.seams import merged

LETTERS = "abcdefghijklmnopqrstuvwxyzäöüßéèжд"
WORDS = st.text(LETTERS, min_size=1, max_size=9)
PRICES = ["Tea 2.00", "Tea 2.00", "Coffee 2.50", "Tea 2.00", "Coffee 2.50"]


def drawn_line(chance: Random, width: int) -> str:
    """Draw a line of words and prices, as long as it happens to be, and as wide as the page at most."""
    line = ""
    for _ in range(chance.randint(1, 20)):
        price = f"{chance.randint(0, 99)}.{chance.randint(0, 99):02}"
        word = "".join(chance.choices(LETTERS, k=chance.randint(1, 9)))
        line += f"{chance.choice([word, word, word, price])} "
    return line[:width].strip()


@dataclass(frozen=True)
class Layout:
    """Tiles over a page of letters that are all as wide and high: `step` is from one to the next."""

    columns: int
    rows: int
    step_letters: int = 32
    step_lines: int = 9
    letters: int = 40
    lines: int = 12

    @property
    def width(self) -> int:
        return self.letters + (self.columns - 1) * self.step_letters

    @property
    def height(self) -> int:
        return self.lines + (self.rows - 1) * self.step_lines

    def read(self, page: list[str]) -> dict[tuple[int, int], str]:
        """Read a page, tile by tile, as a model would that reads well."""
        texts = {}
        for row in range(self.rows):
            for column in range(self.columns):
                left, top = column * self.step_letters, row * self.step_lines
                shown = [line[left : left + self.letters].strip() for line in page[top : top + self.lines]]
                texts[row, column] = "\n".join(shown)
        return {place: text for place, text in texts.items() if text.strip()}

    def put_together(self, texts: dict[tuple[int, int], str]) -> list[str]:
        across, down = 1 - self.step_letters / self.letters, 1 - self.step_lines / self.lines
        return merged(texts, across=across, down=down).split("\n")


LAYOUTS = st.builds(
    Layout,
    st.integers(1, 3),
    st.integers(1, 4),
    step_letters=st.sampled_from([28, 32, 33]),
    step_lines=st.sampled_from([7, 9, 10]),
)


@given(LAYOUTS, st.integers(0, 2**32), st.floats(0, 0.3))
def test_a_page_comes_together_as_it_was(layout: Layout, seed: int, blank: float) -> None:
    chance = Random(seed)
    page = [
        drawn_line(chance, layout.width) if chance.random() >= blank else "" for _ in range(layout.height)
    ]
    lines = [line for line in page if line]
    assume(lines and len(set(lines)) == len(lines))
    assert layout.put_together(layout.read(page)) == lines


@given(st.lists(WORDS, min_size=1, max_size=30), st.integers(2, 4), st.integers(0, 4))
def test_lines_that_are_alike_on_purpose_all_stay(words: list[str], rows: int, times: int) -> None:
    layout = Layout(1, rows)
    page = [line for word in words for line in [f"{word} 1.00"] * (times + 1)][: layout.height]
    assert layout.put_together(layout.read(page)) == page


def test_a_price_list_keeps_its_doubles() -> None:
    layout = Layout(1, 3)
    page = [*PRICES, "Cakes", *PRICES, "Soup 4.00", *PRICES, "Bread 1.00", *PRICES, "The end"]
    assert layout.put_together(layout.read(page)) == page


def test_texts_of_tiles_that_show_nothing_in_common_stay_whole() -> None:
    assert merged({(0, 0): "one\none", (0, 1): "one\none"}, across=0.0, down=0.0) == "one\none\none\none"
    assert merged({(0, 0): "one\ntwo", (2, 0): "two\nthree"}, across=0.2, down=0.2) == "one\ntwo\ntwo\nthree"


@pytest.mark.parametrize(
    ("left", "right", "line"),
    [
        ("The quick brown fo", "wn fox jumps", "The quick brown fox jumps"),
        ("The quick brown fc", "brown fox jumps", "The quick brown fox jumps"),
        ("The quick brown fo", "orown fox jumps", "The quick brown fox jumps"),
        ("The price is 2.50 , to", "2.50, today only", "The price is 2.50, today only"),
        ("Price list 2024", "2024", "Price list 2024"),
        ("Price list 2024", "24", "Price list 2024"),
        ("Tea", "Tea  2.00", "Tea 2.00"),
        ("------", "----------", "----------"),
        ("Straße nach İzmi", "nach İzmir", "Straße nach İzmir"),
    ],
)
def test_a_line_across_a_seam_is_one_line(left: str, right: str, line: str) -> None:
    assert merged({(0, 0): left, (0, 1): right}, across=0.3, down=0.2) == line


def test_a_line_that_ended_in_an_earlier_tile_is_not_taken_up_again() -> None:
    texts = {(0, 0): "The old town\nA road", (0, 1): "oad to the sea", (0, 2): "old town hall"}
    assert merged(texts, across=0.3, down=0.2).split("\n")[0] == "The old town"


def test_a_line_that_an_edge_cuts_is_taken_from_the_tile_that_shows_it_whole() -> None:
    above = "First line\nSecond line\nThird line here\nFaurth line hcre"
    below = "Thlrd line hero\nFourth line here\nFifth line"
    assert merged({(0, 0): above, (1, 0): below}, across=0.2, down=0.5).split("\n") == [
        "First line",
        "Second line",
        "Third line here",
        "Fourth line here",
        "Fifth line",
    ]


def test_what_is_left_of_a_cut_line_in_each_column_goes() -> None:
    above = "their decoders start threads until\nthat was allowed for\nw- d n n .\nt sst\nxqnmgl"
    below = "tbelr decod\nrs stcrt\ntreads unt\nthat was allowed for\nthe daemon can sandbox itself\nthe end"
    texts = {(0, 0): above, (0, 1): "", (0, 2): "", (1, 0): below}
    assert merged(texts, across=0.4, down=0.15).split("\n") == [
        "their decoders start threads until",
        "that was allowed for",
        "the daemon can sandbox itself",
        "the end",
    ]


def test_a_line_between_two_that_are_alike_stays() -> None:
    above = "Opening hours of the old town hall\nMonday to Friday\nOpening hours of the old town hall"
    below = "Opening hours of the old town hall\nSaturday"
    assert merged({(0, 0): above, (1, 0): below}, across=0.0, down=0.15) == f"{above}\nSaturday"


def test_lines_that_stand_close_in_an_empty_tile_are_found() -> None:
    texts = {(0, 0): "one\ntwo\nthree\nfour", (1, 0): "two\nthree\nfour\nfive"}
    assert merged(texts, across=0.0, down=0.15) == "one\ntwo\nthree\nfour\nfive"


def test_lines_that_differ_in_a_number_are_not_the_same() -> None:
    above, below = "Tea 2.00\nTea 2.50", "Tea 3.00\nTea 3.50"
    assert merged({(0, 0): above, (1, 0): below}, across=0.2, down=0.2).split("\n") == [
        "Tea 2.00",
        "Tea 2.50",
        "Tea 3.00",
        "Tea 3.50",
    ]


def test_no_text_in_any_tile_is_no_text() -> None:
    assert merged({}, across=0.2, down=0.2) == ""
