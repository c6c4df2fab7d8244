import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import Connection

from captiond.catalogue.database import close_for_readers, open_to_write
from captiond.catalogue.intake import note_missing
from captiond.catalogue.jobs import reject
from captiond.catalogue.results import add_prompt_columns
from captiond.catalogue.search import Found, search
from captiond.model import Source
from catalogue.planting import DESCRIPTION, INBOX, MOOD, NOW, answer, photo, plant, result

TODAY = date(2026, 5, 1)
Look = Callable[[str], list[str]]


@pytest.fixture(scope="module")
def library(empty_catalogue: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos that are done."""
    path = Path(shutil.copy(empty_catalogue, tmp_path_factory.mktemp("library") / "catalogue.db"))
    engine = open_to_write(path, NOW)
    with engine.begin() as connection:
        add_prompt_columns(connection, [MOOD])
        photo(
            connection,
            "2019/kenya/IMG_2041.jpg",
            description="An elephant stands beside a yellow sign.",
            objects=["elephant", "road sign", "dirt track"],
            text="Attention !\nÉléphants en liberté",
            language="fr",
            translation="Caution! Elephants roaming free",
            taken_at="2019-07-14T16:21:09",
            mood="calm",
        )
        photo(
            connection,
            "2020/[scans] 1/invoice.png",
            description="A sheet of paper with a stamp of the university.",
            objects=["paper", "hot dog"],
            text="INV-0042 don't pay 50% of C++",
            language="en-GB",
            taken_at="2020-06-30",
            size=(300, 400),
            mood="rather calm, unhappy",
        )
        photo(connection, "朝.jpg", description="A poster.", text="朝の運\n用フロー 禁止", language="ja")
    close_for_readers(engine)
    return path


@pytest.fixture
def find(library: Path) -> Iterator[Callable[[str], Found]]:
    """Search the three photos."""
    with closing(sqlite3.connect(f"file:{library}?mode=ro", uri=True)) as reader:
        yield lambda words: search(reader, words, limit=20, today=TODAY)


@pytest.fixture
def names(find: Callable[[str], Found]) -> Look:
    return lambda words: sorted(hit.name for hit in find(words).hits)


@pytest.fixture
def changing(library: Path, tmp_path: Path) -> Iterator[Connection]:
    """Write to a copy of the three photos."""
    engine = open_to_write(Path(shutil.copy(library, tmp_path / "copy.db")), NOW)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def names_in(connection: Connection, words: str) -> list[str]:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    return [hit.name for hit in search(driver, words, limit=20, today=TODAY).hits]


KENYA, INVOICE, MORNING = ["IMG_2041.jpg"], ["invoice.png"], ["朝.jpg"]
ALL = sorted(KENYA + INVOICE + MORNING)


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("elephant sign", KENYA),
        ("ELEPHANTS", KENYA),
        ("liberte", KENYA),
        ('"road sign"', KENYA),
        ('"sign road"', []),
        ("“road sign”", KENYA),
        ("-elephant", sorted(INVOICE + MORNING)),
        ("paper -dog", []),
        ("ele*", KENYA),
        ("universi*", INVOICE),
        ("text:attention", KENYA),
        ("text:yellow", []),
        ("desc:yellow", KENYA),
        ("Description:yellow", KENYA),
        ('desc:"yellow sign"', KENYA),
        ("name:2041", KENYA),
        ("translation:roaming", KENYA),
        ("objects:dog,elephant", sorted(KENYA + INVOICE)),
        ('object:"dirt track"', KENYA),
        ("-objects:dog,elephant", MORNING),
        ("in:2019", KENYA),
        ("in:2019/kenya/", KENYA),
        ("in:201", []),
        ("in:*/kenya", KENYA),
        ('in:"2020/[scans] 1"', INVOICE),
        ("in:/photos/2020", INVOICE),
        ("-in:2019", sorted(INVOICE + MORNING)),
        ("lang:fr", KENYA),
        ("lang:en", INVOICE),
        ("lang:FR,ja", sorted(KENYA + MORNING)),
        ("taken:2019", KENYA),
        ("taken:2019-07", KENYA),
        ("taken:2019-7-14", KENYA),
        ("taken:2019-08", []),
        ("taken:2019..2020", sorted(KENYA + INVOICE)),
        ("taken:..2019", KENYA),
        ("taken:2020..", INVOICE),
        ("-taken:2019", sorted(INVOICE + MORNING)),
        ("before:2020-06", KENYA),
        ("after:2019", INVOICE),
        ("added:today", ALL),
        ("added:yesterday", []),
        ("has:text", ALL),
        ("no:translation", sorted(INVOICE + MORNING)),
        ("has:mood", sorted(KENYA + INVOICE)),
        ("no:objects", MORNING),
        ("is:portrait", INVOICE),
        ("is:done", ALL),
        ("is:edited", []),
        ("mood:calm", sorted(KENYA + INVOICE)),
        ("mood:happy", []),
        ("mood:un*", INVOICE),
        ("INV-0042", INVOICE),
        ("don't", INVOICE),
        ("50%", INVOICE),
        ("C++", INVOICE),
        ("foo:bar", []),
        ("img:2041", KENYA),
        ("の", MORNING),
        ("朝の", MORNING),
        ("運用フロー", MORNING),
        ("text:禁止", MORNING),
        ("desc:禁止", []),
        ("-禁止", sorted(KENYA + INVOICE)),
        ("objects:猫,dog", INVOICE),
        ("elephant & sign", KENYA),
        ("", ALL),
        ("( * -", []),
    ],
)
def test_words_mean_what_people_expect(names: Look, words: str, expected: list[str]) -> None:
    assert names(words) == expected


def test_states_are_searched(changing: Connection) -> None:
    reject(changing, plant(changing, "broken.jpg"), "damaged", NOW)
    note_missing(changing, [INBOX / "朝.jpg"])
    assert (names_in(changing, "is:unreadable"), names_in(changing, "is:missing")) == (
        ["broken.jpg"],
        MORNING,
    )


def test_what_a_person_wrote_is_found(changing: Connection) -> None:
    answer(changing, 1, result(DESCRIPTION, "A rhinoceros.", source=Source.HUMAN))
    assert names_in(changing, "is:edited") == names_in(changing, "rhinoceros") == KENYA


def test_a_copy_is_found_in_its_folder_too(changing: Connection) -> None:
    plant(changing, "copies/other.jpg", content=b"2019/kenya/IMG_2041.jpg")
    assert names_in(changing, "in:copies") == KENYA


def test_the_better_match_comes_first(changing: Connection) -> None:
    photo(changing, "weak.jpg", description="A long walk along a street with an elephant far behind it.")
    assert names_in(changing, "elephant") == ["IMG_2041.jpg", "weak.jpg"]


def test_without_words_the_newest_come_first(find: Callable[[str], Found]) -> None:
    assert [hit.name for hit in find("has:text").hits] == INVOICE + KENYA + MORNING


def test_a_snippet_shows_where(find: Callable[[str], Found]) -> None:
    (hit,) = find("text:liberte").hits
    assert (hit.snippet, hit.found_in) == ("Attention !\nÉléphants en [liberté]", "text")


def test_a_snippet_of_objects_is_no_json(find: Callable[[str], Found]) -> None:
    (hit,) = find("track").hits
    assert (hit.snippet, hit.found_in) == ("elephant, road sign, dirt [track]", "objects")


def test_an_excerpt_shows_letters_inside_of_a_word(find: Callable[[str], Found]) -> None:
    (hit,) = find("禁止").hits
    assert (hit.snippet, hit.found_in) == ("朝の運用フロー [禁止]", "text")


def test_a_date_that_is_none_gives_a_note(find: Callable[[str], Found]) -> None:
    found = find("elephant taken:2019-13")
    assert len(found.hits) == 1
    assert "taken:2019-13" in found.notes[0]


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("hase:text", "“hase:text” was looked for as words; did you mean has:text?"),
        ("is:faild", "“is:faild” was looked for as words; did you mean is:failed?"),
        ("moood:calm", "“moood:calm” was looked for as words; did you mean mood:calm?"),
        ("-has:txt", "“-has:txt” was looked for as words; did you mean has:text?"),
        ("has:dogs", "behind has: may stand text, translation, description"),
        ("camera:nikon", "there is no camera:, but text:, description:"),
    ],
)
def test_a_field_that_is_none_is_told(find: Callable[[str], Found], words: str, sentence: str) -> None:
    (note,) = find(words).notes
    assert sentence in note


@pytest.mark.parametrize("words", ["http://example.org", "12:30", '"Re:invoice"', "has:mood", "in:/"])
def test_words_with_a_colon_are_no_field(find: Callable[[str], Found], words: str) -> None:
    assert find(words).notes == ()


def test_it_says_which_term_is_in_the_way(find: Callable[[str], Found]) -> None:
    assert find("elephant lang:de").notes == ("1 photo matches without lang:de",)


def test_it_offers_a_word_that_is_there(find: Callable[[str], Found]) -> None:
    assert find("elefant").suggestion == "elephant"


def test_the_limit_holds_and_the_count_is_whole(library: Path) -> None:
    with closing(sqlite3.connect(library)) as reader:
        found = search(reader, "a", limit=2, today=TODAY)
    assert (len(found.hits), found.count, found.more) == (2, 3, False)


TRAPS = [
    *(
        "INV-0042",
        "elephant -sign",
        "a:b",
        "state-of-the-art",
        "don't",
        "C++",
        "50%",
        "(",
        ")",
        '"',
        '""',
        "AND",
    ),
    *(
        "OR NOT",
        "NEAR(a b)",
        "*",
        "a*",
        "^a",
        "{a}:b",
        "-",
        "text:",
        "text:*",
        "in:",
        "in:[",
        "in:*?[",
        "lang:,",
    ),
    *(
        "taken:..",
        "taken:9999..0000",
        "before:",
        "has:",
        "no:no",
        "is:",
        "objects:,,",
        "mood:*",
        "朝の",
        "ก็",
        "한국",
    ),
    *(
        "€",
        "😀",
        "\x00",
        "a\x00b",
        "\udcff",
        "\ufeff",
        "ß",
        "İ",
        "\u0301",
        "𞤀",
        "%",
        "_",
        "\\",
        "'",
        ";--",
        '-"',
    ),
    *(
        '-text:"x y',
        "a:b:c:d",
        "\u2028",
        "~",
        "universi*",
        "taken:today",
        "objects:猫,dog",
        "-in:/",
        "“x”",
        "«y",
    ),
]


def typed_at_random(times: int) -> Iterator[str]:
    dice = random.Random(7)
    for _ in range(times):
        letters = [*TRAPS, " ", " ", '"', "-", ":", chr(dice.randrange(0x11000))]
        yield dice.choice(["", " "]).join(dice.choices(letters, k=dice.randint(1, 7)))


@pytest.mark.parametrize("times", [1000, pytest.param(20_000, marks=pytest.mark.slow)])
def test_nothing_that_is_typed_is_an_error(find: Callable[[str], Found], times: int) -> None:
    for words in typed_at_random(times):
        found = find(words)
        assert found.count == len(found.hits)


@pytest.mark.parametrize(
    "words",
    ["b " * 5000, "x" * 100_000, '"' * 3000, "禁" * 60_000, "b*" * 900, "-(" * 999, "in:*" + "a*" * 900],
)
def test_a_very_long_search_is_no_error(find: Callable[[str], Found], words: str) -> None:
    assert find(words).count == 0


def test_letters_that_the_index_does_not_know_are_no_error(find: Callable[[str], Found]) -> None:
    assert find("𞤀 \U0001e900* \U000323af text:\U0001e900").count == 0
