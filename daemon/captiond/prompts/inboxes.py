"""Which prompts are asked about the photos of which inbox (pure)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from captiond.errors import BadConfiguration

from .prompt import Prompt


def spread(prompts: Sequence[Prompt], chosen: Mapping[str, Collection[str]]) -> tuple[Prompt, ...]:
    """Tell each prompt the inboxes where it is not asked; `chosen` names, for some inboxes, all that are.

    Raises BadConfiguration where one is named that is not enabled, or without the one that it is about.
    """
    for inbox, names in chosen.items():
        for reason in mistakes(prompts, names):
            raise BadConfiguration(f"The prompts of the inbox {inbox} are wrong: {reason}.")
    return tuple(
        replace(
            prompt, not_in=tuple(inbox for inbox, names in chosen.items() if root_of(prompt) not in names)
        )
        for prompt in prompts
    )


def mistakes(prompts: Sequence[Prompt], names: Collection[str]) -> Iterable[str]:
    """Say what is wrong with the choice of an inbox."""
    enabled = {root_of(prompt) for prompt in prompts}
    yield from (f"{name} is not enabled" for name in names if name not in enabled)
    for prompt in prompts:
        if root_of(prompt) in names and prompt.from_prompt and prompt.from_prompt not in names:
            yield f"{root_of(prompt)} is asked about {prompt.from_prompt}, which is not among them"


def root_of(prompt: Prompt) -> str:
    """Name a prompt as it is configured: translations into further languages are named like the first."""
    language = (prompt.target or "").lower().replace("-", "_")
    return prompt.name.removesuffix(f"_{language}") if language else prompt.name


def is_asked_in(prompt: Prompt, inboxes: Collection[str]) -> bool:
    """Tell whether a prompt is asked about a photo in these inboxes: one of them is enough."""
    return not inboxes or not set(inboxes) <= set(prompt.not_in)
