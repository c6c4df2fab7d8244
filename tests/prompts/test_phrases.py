import pytest

from captiond.prompts.phrases import says_no_text, unquoted, without_meta, without_preamble
from captiond.prompts.refusals import refuses

NO_TEXT = [
    "There is no text in the picture.",
    "The image does not contain any text.",
    "No text found.",
    "No visible text.",
    "I don't see any text in this picture.",
    "I can’t find any readable text in the image",
    "There are no words or letters visible in the image.",
    "There are no letters, words, or numbers visible in this picture.",
    "The picture contains no writing.",
    "[no text]",
    "None.",
    "There isn't any readable text in the photo.",
    "There is no text in the picture. It shows a dog on a beach.",
    "The image shows a dog.\nThere is no text.",
    "This image has no text.",
    "There is no text that can be read in this picture.",
    "Unable to detect any text.",
    "Sorry, I cannot see any text in this image.",
    "Kein Text vorhanden",
    "Il n’y a pas de texte dans l’image.",
    "图片中没有文字",
    "テキストはありません。",
]
SIGNS = [
    "NO PARKING",
    "No dogs allowed",
    "NO TEXTING WHILE DRIVING",
    "Nothing is impossible",
    "DON'T TEXT AND DRIVE",
    "There are no words for how much I love you",
    "NO JUNK MAIL",
    "No letters please",
    "NO WORDS NEEDED",
    "no text messages",
    "No written permission required",
    "There is no planet B",
    "I see no evil",
    "NONE SHALL PASS",
    "empty",
    "There is no text book\nlike the old one",
]
REFUSALS = [
    "I'm sorry, but I can't assist with that.",
    "I’m sorry, I can’t help with that request.",
    "Sorry, I cannot describe this image.",
    "As an AI language model, I cannot see images.",
    "I am unable to view the image.",
    "I cannot identify people in images.",
    "Please provide the image so I can describe it.",
    "It seems you haven't uploaded an image.",
    "I'm sorry, but I don't see an image.",
    "No image was provided.",
    "I apologize, but I cannot transcribe the text in this image.",
]
NO_REFUSALS = [
    "I can't help falling in love with you",
    "Sorry, we're closed",
    "I'M SORRY",
    "SORRY NO CREDIT",
    "Please attach a photo of yourself",
    "Please provide photo ID",
    "I CAN'T KEEP CALM",
    "NO PHOTO",
    "NO PHOTOGRAPHY",
    "We cannot accept cards",
    "I cannot tell a lie",
    "We apologize for any inconvenience",
]


@pytest.mark.parametrize("reply", NO_TEXT)
def test_no_text_is_understood_in_many_wordings(reply: str) -> None:
    assert says_no_text(reply)


@pytest.mark.parametrize("sign", SIGNS)
def test_a_sign_that_forbids_is_text(sign: str) -> None:
    assert not says_no_text(sign)


@pytest.mark.parametrize("reply", REFUSALS)
def test_a_refusal_is_noticed(reply: str) -> None:
    assert refuses(reply)


@pytest.mark.parametrize("sign", NO_REFUSALS)
def test_a_sign_is_no_refusal(sign: str) -> None:
    assert not refuses(sign)


def test_a_refusal_far_into_a_text_is_part_of_it() -> None:
    assert not refuses("The poster tells the story of a machine. " * 6 + "As an AI, it was lonely.")


@pytest.mark.parametrize(
    ("reply", "text"),
    [
        ("Here is the transcribed text:\n\nSTOP", "STOP"),
        ("Sure! Here's the text from the image:\n```\nSTOP\nALL WAY\n```", "STOP\nALL WAY"),
        ('The text in the image reads: "STOP"', "STOP"),
        ("The text in the picture reads: STOP", "STOP"),
        ("The text on the sign says:\nWET PAINT", "WET PAINT"),
        ("Certainly! The translated text is as follows:\n\nNo entry", "No entry"),
        ("Translation: “No entry”", "No entry"),
        ("```\nSTOP\n```", "STOP"),
        ("```text\nSTOP\n```\nLet me know if you need more.", "STOP"),
        ("Here is the text:\nSTOP\n\nI hope this helps!", "STOP"),
        ("```\nSTOP\n```\nThe sign is red.", "STOP"),
        ("```\nSTOP\n```\n```\nWAIT\n```", "STOP\n```\n```\nWAIT"),
    ],
)
def test_words_around_an_answer_go(reply: str, text: str) -> None:
    assert without_preamble(reply) == text


@pytest.mark.parametrize(
    "sign",
    [
        "Note: no dogs",
        "The text of the law: thou shalt not",
        "The text of the law:\nthou shalt not",
        "Text: 5 pm",
        'Here is your pizza: "Napoli"',
        "Opening hours:\nMo–Fr 9–17",
        "Translation: Latin to Greek",
        "Here is the text:",
        "Let me know if you need anything",
        "Pool closed\n\nIf you have any questions, call us",
        "Here is the list:\n- eggs",
    ],
)
def test_a_sign_that_begins_like_a_preamble_stays(sign: str) -> None:
    assert without_preamble(sign) == sign


@pytest.mark.parametrize(
    ("reply", "description"),
    [
        ("The image shows a dog.", "A dog."),
        ("This picture depicts two men.", "Two men."),
        ("In this image, a cat sleeps.", "A cat sleeps."),
        ("In the picture, we can see a boat.", "A boat."),
        ("the photo features élan", "Élan"),
        ("**Description:** A dog", "A dog"),
        ("The image is a close-up of a leaf.", "The image is a close-up of a leaf."),
        ("A picture shows a man.", "A picture shows a man."),
        ("eine Katze", "eine Katze"),
    ],
)
def test_a_description_begins_with_its_subject(reply: str, description: str) -> None:
    assert without_meta(reply) == description


@pytest.mark.parametrize(
    ("text", "inside"),
    [('"Stop"', "Stop"), ("«Halte»", "Halte"), ('"A" and "B"', '"A" and "B"'), ('""', '""')],
)
def test_only_quotes_around_everything_go(text: str, inside: str) -> None:
    assert unquoted(text) == inside
