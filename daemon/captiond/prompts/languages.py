"""Which language a text is in, by script, letters and small words; "und" where that is not sure (pure)."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping

from .vocabulary import (
    ARABIC_LETTERS,
    CHINESE_HAN,
    CYRILLIC_LETTERS,
    HINDI_WORDS,
    JAPANESE_HAN,
    KIN,
    LETTERS,
    NAMES,
    ONE_LANGUAGE_SCRIPTS,
    RUSSIAN_WORDS,
    SCRIPTS,
    UKRAINIAN_WORDS,
    UNKNOWN,
    WORDS,
)

SURE_SCORE = 1.0
SURE_LEAD = 2.0
SURE_LEAD_OVER_KIN = 1.3
SURE_SHARE = 0.7
"""A text is in a script when this share of its letters is."""
IDEOGRAPH_WEIGHT = 3
"""One Chinese, Japanese or Korean character says about as much as three Latin letters."""
SURE_HAN = 24
"""So many Han characters without kana are Chinese; fewer may be a Japanese sign."""
OTHER_SCRIPTS = ONE_LANGUAGE_SCRIPTS | {"ja", "zh", "ru", "uk", "be", "kk", "ar", "fa", "ur", "hi"}
SHORT_WORD = 3
"""Words up to this length say less: they are words of many languages."""


def has_letters(text: str) -> bool:
    """Tell whether there is anything to translate: a letter of any script."""
    return any(letter.isalpha() for letter in text)


def name_of(code: str) -> str:
    """Give the English name of a BCP 47 code, or the code itself where it is not known."""
    return NAMES.get(code) or NAMES.get(primary(code)) or code


def primary(code: str) -> str:
    """Give the language part of a BCP 47 code: "pt" for "pt-BR"."""
    return code.split("-", 1)[0].lower()


def guess(text: str) -> str:
    """Guess the language of a text as a BCP 47 code, "und" where it is short, mixed or in doubt."""
    text = unicodedata.normalize("NFC", text)
    scripts = count_scripts(text)
    if not scripts:
        return UNKNOWN
    script, letters = scripts.most_common(1)[0]
    if letters < SURE_SHARE * scripts.total():
        return UNKNOWN
    if script in ONE_LANGUAGE_SCRIPTS:
        return script
    reader = READERS.get(script)
    return reader(text.lower()) if reader else UNKNOWN


def same_language(text: str, target: str) -> bool:
    """Tell whether all of a text is in the target language; true only when that is sure."""
    if primary(target) == "zh" and "-" in target:
        return False
    lines = [line for line in text.splitlines() if has_letters(line)]
    wanted = same_name(primary(target))
    return guess(text) == wanted and all(guess(line) in {wanted, UNKNOWN} for line in lines)


def is_foreign_script(text: str, target: str) -> bool:
    """Tell whether a text is surely in a language that is written in other letters than the target's."""
    language = guess(text)
    return language in OTHER_SCRIPTS and language != primary(target)


def same_name(code: str) -> str:
    """Give both written Norwegians the name that `guess` has for them."""
    return "no" if code in {"nb", "nn"} else code


def count_scripts(text: str) -> Counter[str]:
    """Count the letters of each script, ideographs with their weight; kana and Han count as one, "CJK"."""
    scripts: Counter[str] = Counter()
    for letter in filter(str.isalpha, text):
        script = script_of(letter)
        if script in {"Han", "Kana"}:
            scripts["CJK"] += IDEOGRAPH_WEIGHT
        else:
            scripts[script] += IDEOGRAPH_WEIGHT if script == "ko" else 1
    return scripts


def script_of(letter: str) -> str:
    """Name the script of a letter."""
    point = ord(letter)
    return next((script for first, last, script in SCRIPTS if first <= point <= last), "other")


def read_cjk(text: str) -> str:
    """Tell Japanese from Chinese by kana and by the characters that only one of them writes."""
    kana = sum(1 for letter in text if letter.isalpha() and script_of(letter) == "Kana")
    chinese, japanese = len(CHINESE_HAN & set(text)), len(JAPANESE_HAN & set(text))
    han = sum(1 for letter in text if script_of(letter) == "Han")
    if kana > chinese or (japanese and not chinese):
        return "ja"
    if chinese and not japanese and kana <= 1:
        return "zh"
    return "zh" if han >= SURE_HAN and not kana and not japanese else UNKNOWN


def read_cyrillic(text: str) -> str:
    """Tell the Cyrillic languages apart by letters that only one of them has, or by a few words."""
    letters = set(text)
    for own, language in CYRILLIC_LETTERS:
        if own & letters:
            return language
    words = set(words_of(text))
    if words & set(UKRAINIAN_WORDS.split()):
        return "uk"
    return "ru" if words & set(RUSSIAN_WORDS.split()) else UNKNOWN


def read_arabic(text: str) -> str:
    """Tell Urdu, Persian and Arabic apart by letters that only one of them has."""
    letters = set(text)
    return next((language for own, language in ARABIC_LETTERS if own & letters), UNKNOWN)


def read_devanagari(text: str) -> str:
    """Tell Hindi by its small words from Marathi and Nepali."""
    return "hi" if set(re.split(r"[\s।,.!]+", text)) & set(HINDI_WORDS.split()) else UNKNOWN


def read_latin(text: str) -> str:
    """Score small words and letters; the best language must lead clearly."""
    scores = sorted(score(text).items(), key=lambda scored: -scored[1])
    if not scores or scores[0][1] < SURE_SCORE:
        return UNKNOWN
    best, points = scores[0]
    for other, others in scores[1:]:
        kin = any({best, other} <= family for family in KIN)
        if points < others * (SURE_LEAD_OVER_KIN if kin else SURE_LEAD):
            return UNKNOWN
    return best


def score(text: str) -> dict[str, float]:
    """Add up what speaks for each language: a word or letter that several share counts for each in part."""
    scores: dict[str, float] = defaultdict(float)
    for word in set(words_of(text)):
        languages = [language for language, words in WORD_SETS.items() if word in words]
        for language in languages:
            scores[language] += (1.0 if len(word) > SHORT_WORD else 0.6) / len(languages)
    for own, languages_of in LETTERS:
        for language in languages_of:
            scores[language] += min(2, len(set(own) & set(text))) / len(languages_of)
    return scores


def words_of(text: str) -> list[str]:
    """Split a lower-case text into words; apostrophes stay inside."""
    return re.findall(r"[^\W\d_]+(?:['’][^\W\d_]+)*", text)


WORD_SETS = {language: frozenset(words.split()) for language, words in WORDS.items()}
READERS: Mapping[str, Callable[[str], str]] = {
    "Latin": read_latin,
    "CJK": read_cjk,
    "Cyrillic": read_cyrillic,
    "Arabic": read_arabic,
    "Devanagari": read_devanagari,
}
