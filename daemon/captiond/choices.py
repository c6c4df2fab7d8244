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
    express: tuple[Prompt, ...] = ()
    """Those that are asked all at once, where nothing has gone wrong with them yet."""
    ignore: tuple[str, ...] = ()
    """Patterns of names in the inboxes that are left alone, as in a `.gitignore`."""

    @property
    def names(self) -> tuple[PromptName, ...]:
        """The prompts' names, in asking order."""
        return tuple(prompt.name for prompt in self.prompts)

    @property
    def other_models(self) -> dict[str, bool]:
        """The models that single prompts want, and whether each is shown pictures."""
        wanted: dict[str, bool] = {}
        for prompt in self.prompts:
            if prompt.model is not None:
                wanted[prompt.model] = wanted.get(prompt.model, False) or prompt.from_prompt is None
        return wanted
