"""Notices a model that says the same to different photos: it may have stopped to see them (pure)."""

from dataclasses import dataclass, field

from captiond.model import Answer, Digest, PromptName, Status

from .prompt import Kind, Prompt

PHOTOS = 5
"""Of a burst, some photos may well have the same words; a model that does not see says the same for ever."""
LONG_TEXT_CHARS = 40
"""Shorter answers are the same by chance: "a tree"."""
SHOWN_CHARS = 60


@dataclass(slots=True)
class _Row:
    value: str
    photos: set[Digest] = field(default_factory=set)


class Sameness:
    """Remembers, of one server, the last answer to each prompt and the photos that had it."""

    def __init__(self) -> None:
        self._rows: dict[PromptName, _Row] = {}

    @property
    def is_noticed(self) -> bool:
        """Whether too many photos in a row had the same answer, and none since had another."""
        return any(len(row.photos) >= PHOTOS for row in self._rows.values())

    def told(self, prompt: Prompt, photo: Digest, answer: Answer) -> str | None:
        """Take an accepted answer; gives a sentence once, when too many different photos in a row had it.

        Only a model's own words about the picture count: a stamp or a watermark is on many, and so is a dog.
        """
        if not is_comparable(prompt):
            return None
        if answer.status is not Status.OK or len(answer.value or "") < LONG_TEXT_CHARS:
            self._rows.pop(prompt.name, None)
            return None
        row = self._rows.get(prompt.name)
        if row is None or row.value != answer.value:
            row = self._rows[prompt.name] = _Row(answer.value or "")
        known = len(row.photos)
        if known < PHOTOS:
            row.photos.add(photo)
        return sentence(prompt, row.value) if known < PHOTOS == len(row.photos) else None


def is_comparable(prompt: Prompt) -> bool:
    """Tell whether a prompt is about pictures, and its answers are the model's own words."""
    return prompt.from_prompt is None and prompt.empty is None and prompt.kind is Kind.TEXT


def sentence(prompt: Prompt, value: str) -> str:
    """Say for people what was noticed."""
    shown = value if len(value) <= SHOWN_CHARS else value[: SHOWN_CHARS - 1] + "…"
    return f"{PHOTOS} different photos in a row have the same {prompt.name}: “{shown}”"
