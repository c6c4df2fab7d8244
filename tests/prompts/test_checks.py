import pytest

from captiond.errors import UnusableReply
from captiond.prompts.checks import complete_text, echo, flood, loop, storable, streaming_stop
from prompts.replying import reply_of

DISHES = [
    "Bier",
    "Wein",
    "Wasser",
    "Brot",
    "Käse",
    "Salat",
    "Suppe",
    "Schnitzel",
    "Pommes",
    "Eis",
    "Tee",
    "Saft",
]
TEXTS = {
    "an invoice of 39 lines": "\n".join(
        f"{i:>2}  Schraube M{i % 9 + 3}x{i * 7 % 50 + 10}   {i % 5 + 1} Stk   {i * 1.37:8.2f} EUR"
        for i in range(1, 40)
    ),
    "a menu with dot leaders": "\n".join(
        f"{dish} {'.' * 40} {i},{i * 37 % 100:02d} EUR" for i, dish in enumerate(DISHES * 3, 1)
    ),
    "a number table": "\n".join(
        " ".join(f"{(r * 17 + c * 31) % 100:3d}" for c in range(10)) for r in range(30)
    ),
    "a table with many zeros": "\n".join(f"{2000 + r}  0  0  0  {r % 7}  0" for r in range(30)),
    "a poem with a refrain": "\n\n".join(
        f"{first}\n{second}\nRow, row, row your boat\nGently down the stream"
        for first, second in [
            ("Merrily we go", "Over hills and dale"),
            ("Sleep upon the water", "Dream beneath the sky"),
            ("Sing a song of summer", "Till the day is done"),
            ("Home across the river", "Follow me along"),
        ]
    ),
    "a song": "Hey Jude\n" + "Na na na na na na na, na na na na, hey Jude\n" * 4,
    "a table of contents": "\n".join(f"Chapter {i} {'.' * 60} {i * 13}" for i in range(1, 25)),
    "a form": "Name: ____________________\nStreet: ____________________\nSign: " + "_" * 60,
    "a calendar": "Mo Di Mi Do Fr Sa So\n"
    + "\n".join(" ".join(map(str, range(w, w + 7))) for w in (1, 8, 15, 22)),
    "laughter": "HA HA HA HA HA HA HA",
    "five stars": "★★★★★",
}
LOOPS = {
    "a word": "the " * 50,
    "a sentence": "A dog on a beach. " * 12,
    "lines": "A man.\n" * 9,
    "two lines in turn": "yes\nno\n" * 6,
    "numbered lines": "\n".join(f"{i}. dog" for i in range(1, 15)),
    "a character": "A dog" + "!" * 200,
    "a syllable": "x" + "ha" * 60,
    "a paragraph": (
        "The sign on the left says something about the opening times of the shop, which cannot be made out"
        " because of the distance. The sign on the right has a number of telephone lines and a drawing. "
    )
    * 7,
}


@pytest.mark.parametrize("name", TEXTS)
def test_a_real_text_is_neither_loop_nor_flood(name: str) -> None:
    assert loop(TEXTS[name]) is None
    assert flood(TEXTS[name]) is None


@pytest.mark.parametrize("name", TEXTS)
def test_a_real_text_is_not_stopped_on_its_way(name: str) -> None:
    text = TEXTS[name]
    assert [end for end in range(0, len(text), 20) if streaming_stop(text[:end])] == []


@pytest.mark.parametrize("name", LOOPS)
def test_a_loop_is_found(name: str) -> None:
    assert "repeats itself" in (loop("Two people at a table. " + LOOPS[name]) or "")


@pytest.mark.parametrize("stretch", ["the ", "A dog on a beach. ", "A man.\n", "yes\nno\n", "!", "ha"])
def test_a_loop_is_stopped_before_long(stretch: str) -> None:
    assert "repeats itself" in (streaming_stop("Two people at a table. " + stretch * 400) or "")


def test_an_endless_blank_is_stopped() -> None:
    assert streaming_stop('{"people":' + " \n" * 200) == "the reply is an endless blank"


@pytest.mark.parametrize("text", ["#####", "@@@@@@@@", "G" * 40, "! ! ! ! ! ! ! ! ! ! ! ! !", "���������"])
def test_one_character_all_over_is_a_flood(text: str) -> None:
    assert "nothing but" in (flood(text) or "")


@pytest.mark.parametrize(
    ("text", "finish", "thinking", "reason"),
    [
        ("A dog", "length", "", "the reply was cut off after 300 tokens"),
        ('{"people": 3', "length", "", "the reply was cut off after 300 tokens"),
        ("A dog", "load", "", "the reply did not end by itself (load)"),
        ("A dog", "", "", "the reply did not end by itself (no reason given)"),
        ("", "stop", "", "the reply is empty"),
        (" \n ", "stop", "", "the reply is empty"),
        ("", "stop", "Let me look…", "the reply is only thinking, without an answer"),
        ("<think>Let me look… </think>", "stop", "", "the reply is only thinking, without an answer"),
        ("<think>Let me look…", "stop", "", "the reply is only thinking, without an answer"),
        ("</s><|im_end|>", "stop", "", "the reply is empty"),
        ("##########", "stop", "", "the reply is nothing but “#”"),
    ],
)
def test_a_reply_that_is_no_whole_text_is_refused(text: str, finish: str, thinking: str, reason: str) -> None:
    with pytest.raises(UnusableReply) as refused:
        complete_text(reply_of(text, finish, thinking, output_tokens=300))
    assert str(refused.value) == reason
    assert refused.value.raw == text


def test_thinking_and_markers_go() -> None:
    reply = reply_of("<think>A dog?</think>\n\n A dog.</s>")
    assert complete_text(reply) == "A dog."


def test_what_no_database_takes_is_replaced() -> None:
    assert storable("a\ud800b\x00c\x1b[31md\r\ne") == "a�bc[31md\ne"


def test_the_reason_is_fit_for_a_database() -> None:
    reason = streaming_stop("a\x00\ud800 " * 200)
    assert reason == "the reply repeats itself (“a�”)"


@pytest.mark.parametrize("text", ["the " * 90 + "end of it.", "\x01" * 94 + "A dog." + " " * 300 + "A cat."])
def test_a_loop_that_came_to_an_end_would_have_been_stopped(text: str) -> None:
    with pytest.raises(UnusableReply, match=r"repeats itself|endless blank"):
        complete_text(reply_of(text))


QUESTION = "Describe this picture in one or two plain sentences for a person who cannot see it.\nBe short."


@pytest.mark.parametrize(
    "text",
    [
        QUESTION,
        "Describe this picture in one or two plain sentences",
        "USER: Describe this picture in one or two plain sentences for a person who cannot see it. A:",
    ],
)
def test_a_reply_that_gives_the_question_back_is_an_echo(text: str) -> None:
    assert echo(text, QUESTION) == "the reply repeats the question"


def test_a_reply_with_a_few_words_of_the_question_is_none() -> None:
    assert echo("A person who cannot see walks with a dog.", QUESTION) is None
    assert echo("Be short.", QUESTION) is None
