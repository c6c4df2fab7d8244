"""What the user decided that the way of a photo depends on, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass

from .imaging.limits import Limits
from .model import PromptName
from .outbox import SidecarPlaces
from .prompts.prompt import Prompt


@dataclass(frozen=True, slots=True)
class Choices:
    """What the user decided that the pipeline must know; replaced whole when settings are read again."""

    prompts: tuple[Prompt, ...]
    versions: Mapping[PromptName, str]
    limits: Limits
    store_gps: bool
    sidecars: SidecarPlaces

    @property
    def names(self) -> tuple[PromptName, ...]:
        """The prompts' names, in asking order."""
        return tuple(prompt.name for prompt in self.prompts)
