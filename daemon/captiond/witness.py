"""Asks the embedded reader what it reads in a picture, before the model is asked."""

from collections.abc import Collection, Mapping

from .errors import Outage, ServerStumbled
from .prompts.engines import READER
from .prompts.prompt import Prompt, View
from .vision.backend import Question
from .vision.respondents import Respondent

READER_VIEW: View = (READER, None)


def views_of(prompts: Collection[Prompt]) -> set[View]:
    """Give what these prompts, and their witness, are to be shown."""
    views = {prompt.view for prompt in prompts}
    return views | {READER_VIEW} if any(prompt.witness for prompt in prompts) else views


async def hear(reader: Respondent | None, pictures: Mapping[View, bytes]) -> str | None:
    """Give what the reader reads, or None where it cannot: a witness that is away stops nobody."""
    jpeg = pictures.get(READER_VIEW)
    if reader is None or jpeg is None:
        return None
    try:
        return (await reader.ask(Question("", jpeg))).text
    except (ServerStumbled, Outage):
        return None
