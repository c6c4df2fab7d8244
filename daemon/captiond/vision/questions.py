"""What a prompt asks of a model server: its words, the picture, the schema; other luck on a further try."""

from captiond.model import Json
from captiond.prompts.answers import schema_for, wording
from captiond.prompts.prompt import Prompt

from .backend import Question


def question_for(prompt: Prompt, jpeg: bytes | None, about: str | None = None, *, tries: int = 0) -> Question:
    """Put a prompt about a picture, or without one about an earlier answer, after so many failed tries."""
    return Question(
        text=wording(prompt, about),
        image=jpeg,
        schema=schema_for(prompt),
        num_predict=prompt.num_predict,
        options={**prompt.options, **_second_thoughts(tries)},
        model=prompt.model,
    )


def _second_thoughts(tries: int) -> dict[str, Json]:
    """Sample differently on a further try: the same seed at temperature 0 would only say the same again."""
    return {"seed": tries + 1, "temperature": 0.3, "repeat_penalty": 1.15} if tries else {}
