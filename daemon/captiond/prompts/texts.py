"""Free text as an answer: descriptions, texts copied from a picture, translations (pure)."""

import re

from captiond.errors import UnusableReply
from captiond.model import Answer, Status

from .checks import echo, flat, loop
from .languages import guess, is_foreign_script, name_of
from .phrases import bare, phrase, quoted_on_surface, unquoted, without_meta, without_outro, without_preamble
from .prompt import Prompt
from .refusals import refuses
from .wording import filled

TRANSLATION = (
    r"[*_]*(?:(?:the )?(?:\w+ )?translation(?: of the text)?(?: (?:is|reads|(?:in|to|into) \w+))?"
    r"|(?:in )?{name})[*_]*:[*_]*\s*(?=\S)"
)
REMARK = r"\n\s*\(?(?:translator's )?note:[^\n]*\Z"
BOLD = re.compile(r"\*\*([^*]+)\*\*")
TOO_HARD = (
    r"(?:(?:sorry|unfortunately),? )?(?:the (?:\w+ )?(?:text|writing|lettering)(?: (?:in|on) the \w+)? is "
    r"(?:not (?:clearly )?(?:legible|readable|clear enough to (?:be )?read)|illegible|unreadable"
    r"|too (?:\w+ ){1,3}to (?:be )?(?:read|made? out))"
    r"|i (?:cannot|can't|could not) make out the (?:text|writing)"
    r"|(?:text )?(?:illegible|unreadable|not readable|not legible))"
)
"""Said instead of […]; what more a sign says is longer."""
CANNOT_BE_READ = "the text cannot be read"
"""The reason of an answer without text, where there is some."""
UNREADABLE = re.compile(r"\[\s*(?:…|\.{2,}|illegible|unreadable)\s*\]", re.IGNORECASE)


def understand_text(prompt: Prompt, text: str, about: str | None) -> Answer:
    """Take off what is not the answer, and refuse what is none."""
    said = stripped(prompt, text, about)
    wrong = unusable(prompt, said)
    if wrong:
        raise UnusableReply(wrong, text)
    if about is not None and prompt.target:
        nothing = untranslated(prompt, said, about)
        if nothing:
            return Answer(status=Status.EMPTY, reason=nothing)
    too_hard = prompt.empty is not None and about is None and phrase(TOO_HARD).fullmatch(bare(said))
    if too_hard or (not has_words(UNREADABLE.sub("", said)) and UNREADABLE.search(said)):
        return Answer(status=Status.EMPTY, reason=CANNOT_BE_READ)
    kept = shortened(said, prompt.max_chars)
    reason = None if kept == said else f"shortened to {prompt.max_chars} characters"
    return Answer(status=Status.OK, value=kept, language=prompt.target or guess(kept), reason=reason)


def stripped(prompt: Prompt, text: str, about: str | None) -> str:
    """Take off preambles, marks, the `empty` word; where not verbatim also quotes and "The image shows"."""
    said = without_preamble(text)
    if prompt.empty and not prompt.from_prompt:
        said = quoted_on_surface(said)
    if prompt.target and about and ":" not in about:
        said = without_label(said, prompt.target)
    if prompt.empty and "_" in prompt.empty:
        said = "\n".join(line for line in said.split("\n") if bare(line) != prompt.empty).strip()
    if prompt.from_prompt:
        said = said.removeprefix("<<<").removesuffix(">>>").strip()
    if prompt.empty is None or (about and unquoted(about) == about):
        said = unquoted(said)
    if prompt.empty is not None:
        return said
    said = unquoted(without_meta(without_outro(said)))
    return BOLD.sub(r"\1", said) if BOLD.fullmatch(said) else said


def without_label(said: str, target: str) -> str:
    """Take "Translation:" or "In English:" off a translation, and a last remark."""
    labels = phrase(rf"\A{TRANSLATION.replace('{name}', re.escape(name_of(target)))}")
    return labels.sub("", phrase(REMARK).sub("", said)).rstrip()


def unusable(prompt: Prompt, said: str) -> str | None:
    """Say why a text is no answer to its prompt."""
    if not said:
        return "the reply holds nothing but words around an answer"
    verbatim = prompt.empty is not None
    if refuses(said, verbatim=verbatim):
        return "the model refused to answer"
    if not verbatim and not has_words(said):
        return "the reply has no words"
    return loop(said, verbatim=verbatim) or echo(said, filled(prompt, ""))


def untranslated(prompt: Prompt, said: str, about: str) -> str | None:
    """Say so where a translation is the text itself, or says that there was nothing to translate."""
    if flat(said) == flat(about) and said.strip():
        if is_foreign_script(about, prompt.target or ""):
            raise UnusableReply(
                f"the text came back untranslated, not in {name_of(prompt.target or '')}", said
            )
        return already(prompt)
    language = re.escape(name_of(prompt.target or "").casefold())
    declared = re.fullmatch(
        rf"(?:\w+ ){{0,3}}(?:text|it)(?: \w+){{0,2}} already (?:\w+ )?in {language}", flat(said)
    )
    return already(prompt) if declared else None


def already(prompt: Prompt) -> str:
    """Say that a text needs no translation."""
    return f"the text is in {name_of(prompt.target or '')} already"


def has_words(text: str) -> bool:
    """Tell whether there is a letter or a digit."""
    return any(letter.isalnum() for letter in text)


def shortened(text: str, limit: int | None) -> str:
    """Cut a text at the last whole sentence within `limit` characters, or else at the last whole word."""
    if limit is None or len(text) <= limit:
        return text
    sentences = [end.end() for end in re.finditer(r"[.!?。！？](?=\s|\Z)", text[:limit])]
    if sentences and sentences[-1] >= limit // 2:
        return text[: sentences[-1]]
    beginning = text[: limit - 1]
    whole_words = beginning.rpartition(" ")[0] if text[limit - 1 : limit].strip() else beginning
    return (whole_words or beginning).rstrip(" ,;:-") + "…"
