"""When a prompt is asked at all: by what others answered, by folder and by name (pure).

`when = { objects = "car", ocr = true, folder = "scans/*" }`: every condition must hold; of a list, one entry.
"""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import PurePath

from captiond.model import Answer, Json, PromptName, Status

from .inboxes import is_asked_in
from .loose_json import strings_in
from .prompt import Prompt, Wanted

FOLDER, NAME = "folder", "name"
PLACES = (FOLDER, NAME)
"""Conditions about where a photo lies: patterns of shells, whatever the case of letters."""
NOT_IN_THIS_INBOX = "it is not among the prompts of this inbox"


def wanted_from(value: Json) -> Wanted:
    """Read a condition's value as the configuration has it: true, false, a pattern or several."""
    if isinstance(value, bool):
        return value
    return (value,) if isinstance(value, str) else tuple(value)


def is_condition(value: Json) -> bool:
    """Tell values that a condition may have."""
    several = value if isinstance(value, list | tuple) else [value]
    return isinstance(value, bool) or (
        bool(several) and all(isinstance(each, str) and each.strip() for each in several)
    )


def asked_first(prompt: Prompt) -> set[PromptName]:
    """Name the prompts whose answers decide whether, and about what, this one is asked."""
    deciding = {PromptName(name) for name in prompt.when if name not in PLACES}
    return deciding | ({prompt.from_prompt} if prompt.from_prompt else set())


def following(prompts: Iterable[Prompt], answered: PromptName) -> list[PromptName]:
    """Name the prompts of which the answer to this one decides whether, or about what, they are asked."""
    return [prompt.name for prompt in prompts if answered in asked_first(prompt)]


def unmet(
    prompt: Prompt,
    answers: Mapping[PromptName, Answer],
    files: Iterable[PurePath],
    inboxes: Collection[str] = (),
) -> str | None:
    """Say which condition keeps a prompt from being asked; None: ask.

    `answers` holds those of `asked_first`; `files` are the photo's paths within its `inboxes`.
    """
    if not is_asked_in(prompt, inboxes):
        return NOT_IN_THIS_INBOX
    paths = list(files)
    for about, wanted in prompt.when.items():
        if about in PLACES:
            holds = any(_lies(path, about, wanted) for path in paths)
        else:
            holds = _says(answers[PromptName(about)], wanted)
        if not holds:
            return _sentence(about, wanted)
    return None


def reasons_unmet(prompt: Prompt) -> list[str]:
    """List all that `unmet` may say of a prompt's conditions, its inboxes aside."""
    return [_sentence(about, wanted) for about, wanted in prompt.when.items()]


def reasons_gone(prompt: Prompt, file: PurePath, inbox: str) -> list[str]:
    """List the reasons of `unmet` that no longer hold for a photo once `file`, in `inbox`, has it, too."""
    here = [NOT_IN_THIS_INBOX] if is_asked_in(prompt, {inbox}) else []
    fitting = [
        _sentence(about, wanted)
        for about, wanted in prompt.when.items()
        if about in PLACES and _lies(file, about, wanted)
    ]
    return here + fitting


def _lies(path: PurePath, about: str, wanted: Wanted) -> bool:
    place = path.name if about == NAME else path.parent.as_posix()
    return isinstance(wanted, tuple) and any(_fits(place, pattern) for pattern in wanted)


def _says(answer: Answer, wanted: Wanted) -> bool:
    """Tell whether an answer is there, or has an entry, or is or holds a word, that fits a pattern."""
    there = answer.status is Status.OK
    if isinstance(wanted, bool):
        return there is wanted
    value = answer.value or ""
    said = [value, *value.split(), *strings_in(answer.content)]
    return there and any(_fits(each.strip(".,;:!?"), pattern) for each in said for pattern in wanted)


def _fits(text: str, pattern: str) -> bool:
    return fnmatchcase(text.casefold(), pattern.casefold())


def _sentence(about: str, wanted: Wanted) -> str:
    if isinstance(wanted, bool):
        return f"it is asked only where {about} has {'an' if wanted else 'no'} answer"
    return f"it is asked only where {about} has {' or '.join(wanted)}"
