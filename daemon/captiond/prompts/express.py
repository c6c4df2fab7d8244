"""All prompts about a picture in one structured reply: one call a photo, for large backlogs (pure).

A field that is not there, or fails its check, is asked for by itself.
"""

import json
from collections.abc import Sequence

from captiond.model import Json, PromptName

from .answers import schema_for
from .loose_json import read_json
from .prompt import Kind, Prompt
from .wording import filled

TEXT_CHARS = 1_800
"""For all texts together: the server's grammar takes 2,000 repetitions at most, and lists need theirs."""
SENTENCES_CHARS = 400
"""What a text of a sentence or two needs; the rest is for the longer ones."""
MOST_TOKENS = 2_500

OPENING = "Answer all of these about the picture in one JSON object, each in the field of its name."


def together(prompts: Sequence[Prompt]) -> list[PromptName]:
    """Choose those that can be answered at once: about the picture, and without conditions of their own."""
    return [
        prompt.name
        for prompt in prompts
        if prompt.from_prompt is None
        and prompt.view == (None, None)
        and not prompt.when
        and prompt.witness is None
        and not prompt.options
        and not isinstance(prompt.tiles, int)
    ]


def wording(prompts: Sequence[Prompt]) -> str:
    """Give the text to send."""
    questions = [f"{prompt.name}: {filled(prompt)}" for prompt in prompts]
    return "\n\n".join([OPENING, *questions])


def schema(prompts: Sequence[Prompt]) -> Json:
    """Give the JSON Schema of the reply: a field for each prompt."""
    return {
        "type": "object",
        "properties": {prompt.name: _field(prompt, prompts) for prompt in prompts},
        "required": [prompt.name for prompt in prompts],
    }


def num_predict(prompts: Sequence[Prompt]) -> int:
    """Give the longest reply in tokens."""
    return min(MOST_TOKENS, sum(prompt.num_predict for prompt in prompts))


def parts(prompts: Sequence[Prompt], text: str) -> dict[PromptName, str]:
    """Give what a reply says to each prompt, as if it had been asked alone; nothing of what is no JSON.

    A text that fills its field may have been cut there, and is left out.
    """
    try:
        fields = read_json(text)
    except ValueError:
        return {}
    if not isinstance(fields, dict):
        return {}
    said = {}
    for prompt in prompts:
        value = fields.get(prompt.name)
        if value is None or (isinstance(value, str) and len(value) >= _longest(prompt, prompts)):
            continue
        said[prompt.name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return said


def _field(prompt: Prompt, prompts: Sequence[Prompt]) -> Json:
    if prompt.kind is Kind.TEXT:
        return {"type": "string", "maxLength": _longest(prompt, prompts)}
    return schema_for(prompt)


def _longest(prompt: Prompt, prompts: Sequence[Prompt]) -> int:
    """Give a text its share of the characters: room for sentences, and more by the tokens it has alone."""
    if prompt.kind is not Kind.TEXT:
        return TEXT_CHARS
    tokens = [each.num_predict for each in prompts if each.kind is Kind.TEXT]
    least = min(SENTENCES_CHARS, TEXT_CHARS // len(tokens))
    return least + (TEXT_CHARS - least * len(tokens)) * prompt.num_predict // sum(tokens)
