"""When a prompt about an earlier answer need not be asked (pure)."""

from captiond.model import Answer

from .languages import has_letters, name_of, same_language
from .prompt import Prompt


def reason_to_skip(prompt: Prompt, source: Answer | None) -> str | None:
    """Say why a `from` prompt is not asked, given its source's answer; None where it is."""
    if prompt.from_prompt is None:
        return None
    value = source.value if source else None
    if not value or not value.strip():
        return "there is no text" if prompt.target else f"there is no answer to {prompt.from_prompt}"
    if prompt.target is None:
        return None
    if not has_letters(value):
        return "the text has no letters"
    if same_language(value, prompt.target):
        return f"the text is in {name_of(prompt.target)} already"
    return None
