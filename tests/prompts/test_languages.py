"""Forty-odd short signs and some longer texts: rather "und" than a wrong language."""

from collections import Counter

import pytest

from captiond.prompts.languages import guess, has_letters, is_foreign_script, name_of, same_language

SIGNS = {
    "en": [
        "Keep off the grass",
        "WET FLOOR",
        "PUSH",
        "All dogs must be on a lead",
        "Please do not feed the ducks",
    ],
    "fr": ["Défense de fumer", "SORTIE", "Chien méchant", "Fermé le lundi", "Stationnement interdit"],
    "de": ["Betreten der Baustelle verboten", "Ausfahrt freihalten", "Straßenschäden", "Rauchen verboten"],
    "es": ["Prohibido el paso", "Salida", "Cuidado con el perro", "Se vende"],
    "it": ["Vietato fumare", "Uscita", "Attenti al cane"],
    "pt": ["Proibido estacionar", "Saída de emergência", "Não fumar"],
    "nl": ["Verboden toegang", "Hier geen fietsen plaatsen"],
    "pl": ["Uwaga! Zły pies", "Zakaz wstępu"],
    "cs": ["Zákaz vjezdu", "Děkujeme, že nekouříte"],
    "sv": ["Rökning förbjuden", "Ej genomgång"],
    "da": ["Udgang", "Parkering forbudt"],
    "no": ["Inngang på baksiden"],
    "fi": ["Tupakointi kielletty", "Varo koiraa"],
    "tr": ["Sigara içmek yasaktır", "Lütfen kapıyı kapatın"],
    "ja": ["禁煙です", "駐車場", "トイレ"],
    "zh": ["请勿吸烟", "禁止停車"],
    "ko": ["관계자 외 출입금지"],
    "ru": ["ВЫХОД", "Не курить"],
    "uk": ["Вхід заборонено"],
    "el": ["Είσοδος"],
    "he": ["אין כניסה"],
    "ar": ["ممنوع الوقوف"],
}
NO_LANGUAGE = [
    *("OK", "12 €", "TAXI", "WC", "STOP", "A1 M25", "", "…"),
    *("Hotel Adlon", "Restaurant Da Mario", "Villa Rosa", "Los Angeles", "El Paso", "La Scala", "Den Haag"),
    *("EXIT Ausgang Sortie", "出口 EXIT only", "Rūkyti draudžiama", "Вход забранен", "出口"),
]
LONGER = {
    "en": "The castle was built in 1204 and is open to visitors from April to October.",
    "fr": "Le château a été construit en 1204 et il est ouvert aux visiteurs d'avril à octobre.",
    "de": "Die Burg wurde im Jahr 1204 erbaut und ist von April bis Oktober für Besucher geöffnet.",
    "es": "El castillo fue construido en 1204 y está abierto a los visitantes de abril a octubre.",
    "it": "Il castello fu costruito nel 1204 ed è aperto ai visitatori da aprile a ottobre.",
    "pt": "O castelo foi construído em 1204 e está aberto aos visitantes de abril a outubro, não no inverno.",
    "nl": "Het kasteel is gebouwd in 1204 en is van april tot oktober open voor bezoekers.",
    "pl": "Zamek został zbudowany w 1204 roku i jest otwarty dla zwiedzających od kwietnia do października.",
    "cs": "Hrad byl postaven v roce 1204 a je otevřen pro návštěvníky od dubna do října, není v zimě.",
    "sv": "Slottet byggdes år 1204 och är öppet för besökare från april till oktober, men inte på vintern.",
    "da": "Slottet blev bygget i 1204 og er åbent for besøgende fra april til oktober, men ikke af og til.",
    "fi": "Linna on rakennettu vuonna 1204 ja se on avoinna kävijöille huhtikuusta lokakuuhun.",
    "tr": "Kale 1204 yılında inşa edildi ve nisan ile ekim arasında ziyaretçiler için açık olan bir yer.",
    "ja": "この城は1204年に建てられました。",
    "zh": "这座城堡建于1204年，四月至十月开放。",
    "ru": "Замок был построен в 1204 году и открыт для посетителей.",
}


@pytest.mark.parametrize(("language", "sign"), [(code, sign) for code in SIGNS for sign in SIGNS[code]])
def test_a_sign_is_never_taken_for_another_language(language: str, sign: str) -> None:
    assert guess(sign) in {language, "und"}


def test_most_signs_are_recognised() -> None:
    found = Counter(guess(sign) == language for language, signs in SIGNS.items() for sign in signs)
    assert found[True] >= 0.75 * found.total()


@pytest.mark.parametrize("text", NO_LANGUAGE)
def test_names_and_mixtures_have_no_language(text: str) -> None:
    assert guess(text) == "und"


@pytest.mark.parametrize("language", LONGER)
def test_a_sentence_is_recognised(language: str) -> None:
    assert guess(LONGER[language]) == language


@pytest.mark.parametrize("language", LONGER)
def test_a_sentence_is_in_its_own_language_only(language: str) -> None:
    targets = [target for target in (*LONGER, "no") if same_language(LONGER[language], target)]
    assert targets == [language]


def test_a_text_with_one_foreign_line_is_not_in_the_language() -> None:
    english = f"{LONGER['en']}\nPlease keep your dogs off the grass, for they are not allowed here at all."
    text = f"{english}\nRauchen ist verboten"
    assert guess(text) == "en"
    assert same_language(english, "en")
    assert not same_language(text, "en")


@pytest.mark.parametrize(("code", "same"), [("en", True), ("en-GB", True), ("de", False), ("zh-Hans", False)])
def test_regions_are_the_same_language(code: str, same: bool) -> None:
    assert same_language(LONGER["en"], code) is same


def test_a_script_of_chinese_is_not_surely_the_same() -> None:
    assert same_language(LONGER["zh"], "zh")
    assert not same_language(LONGER["zh"], "zh-Hant")


@pytest.mark.parametrize(
    ("text", "expected"), [("12 €", False), ("07:30 – 9:45", False), ("Gleis 4", True), ("駅", True)]
)
def test_letters_are_of_any_script(text: str, expected: bool) -> None:
    assert has_letters(text) is expected


@pytest.mark.parametrize(
    ("code", "name"),
    [("fr", "French"), ("pt-BR", "Brazilian Portuguese"), ("de-AT", "German"), ("qaa", "qaa")],
)
def test_languages_have_names(code: str, name: str) -> None:
    assert name_of(code) == name


@pytest.mark.parametrize(
    ("text", "target", "foreign"),
    [(LONGER["ja"], "en", True), (LONGER["ja"], "ja", False), ("Café de la Paix", "en", False)],
)
def test_a_foreign_script_is_told_from_a_foreign_word(text: str, target: str, foreign: bool) -> None:
    assert is_foreign_script(text, target) is foreign
