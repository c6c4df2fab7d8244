"""When a prompt about an earlier answer need not be asked (pure)."""

from captiond.model import Answer

from .languages import has_letters, name_of, same_language
from .prompt import Prompt

NO_TEXT, NO_LETTERS = "there is no text", "the text has no letters"


def reasons_to_skip(prompt: Prompt) -> list[str]:
    """List all that `reason_to_skip` may say of a prompt."""
    if prompt.from_prompt is None:
        return []
    if prompt.target is None:
        return [_no_answer(prompt.from_prompt)]
    return [NO_TEXT, NO_LETTERS, _there_already(prompt.target)]


def reason_to_skip(prompt: Prompt, source: Answer | None) -> str | None:
    """Say why a `from` prompt is not asked, given its source's answer; None where it is."""
    if prompt.from_prompt is None:
        return None
    value = source.value if source else None
    if not value or not value.strip():
        return NO_TEXT if prompt.target else _no_answer(prompt.from_prompt)
    if prompt.target is None:
        return None
    if not has_letters(value):
        return NO_LETTERS
    if same_language(value, prompt.target):
        return _there_already(prompt.target)
    return None


def _no_answer(source: str) -> str:
    return f"there is no answer to {source}"


def _there_already(target: str) -> str:
    return f"the text is in {name_of(target)} already"
