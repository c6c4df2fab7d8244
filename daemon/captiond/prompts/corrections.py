"""A person's own answer: taken as it is said, but of the prompt's kind (pure)."""

from collections.abc import Callable, Mapping

from captiond.model import Answer, Json, Status

from .checks import storable
from .languages import guess
from .lists import tidy
from .loose_json import read_json, readable
from .prompt import Kind, Prompt
from .schemas import violation


def corrected(prompt: Prompt, text: str) -> Answer:
    """Make an answer of what a person wrote; nothing at all is the answer that there is nothing.

    Raises ValueError with a sentence where it does not fit the prompt.
    """
    said = storable(text).strip()
    if not said:
        return Answer(Status.EMPTY, reason="a person says that there is nothing")
    return _KINDS[prompt.kind](prompt, said)


def _text(prompt: Prompt, said: str) -> Answer:
    return Answer(Status.OK, value=said, language=prompt.target or guess(said))


def _names(_prompt: Prompt, said: str) -> Answer:
    names = tidy([name for line in said.splitlines() for name in line.split(",")])
    if not names:
        raise ValueError("there is no name in that: write them with commas between them")
    return Answer(Status.OK, value=", ".join(names), content=names)


def _choice(prompt: Prompt, said: str) -> Answer:
    for choice in prompt.choices:
        if choice.casefold() == said.casefold():
            return Answer(Status.OK, value=choice)
    raise ValueError(f"it is none of the choices: {', '.join(prompt.choices)}")


def _json(prompt: Prompt, said: str) -> Answer:
    try:
        value: Json = read_json(said)
    except ValueError:
        raise ValueError("it is not JSON") from None
    if wrong := violation(value, prompt.schema):
        raise ValueError(wrong)
    return Answer(Status.OK, value=readable(value) or None, content=value)


_KINDS: Mapping[Kind, Callable[[Prompt, str], Answer]] = {
    Kind.TEXT: _text,
    Kind.LIST: _names,
    Kind.CHOICE: _choice,
    Kind.JSON: _json,
}
