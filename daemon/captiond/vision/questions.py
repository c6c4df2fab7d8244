"""What a prompt asks of a model server: its words, the picture, the schema; other luck on a further try."""

from dataclasses import fields
from hashlib import sha256

from captiond.digests import digest
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


def digest_of(question: Question, main_model: str) -> str:
    """Give 64 hex digits that stand for all of a question; `main_model` is asked where it names none."""
    picture = sha256(question.image).hexdigest() if question.image is not None else None
    asked = {field.name: getattr(question, field.name) for field in fields(question)}
    return digest({**asked, "image": picture, "model": question.model or main_model})


def _second_thoughts(tries: int) -> dict[str, Json]:
    """Sample differently on a further try: the same seed at temperature 0 would only say the same again."""
    return {"seed": tries + 1, "temperature": 0.3, "repeat_penalty": 1.15} if tries else {}
