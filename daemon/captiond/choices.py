"""What the user decided that the way of a photo depends on, as plain values."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from .imaging.limits import Limits
from .model import Job, PromptName
from .prompts.engines import READER
from .prompts.prompt import Prompt
from .sidecars import SidecarPlaces


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
    model: str = ""
    """The model of the prompts that name none."""
    of_model: "Callable[[str], Choices] | None" = None
    """Makes the choices with all prompts as one model is asked them."""

    @property
    def names(self) -> tuple[PromptName, ...]:
        """The prompts' names, in asking order."""
        return tuple(prompt.name for prompt in self.prompts)

    @property
    def inboxes(self) -> tuple[Path, ...]:
        """The inboxes that are watched."""
        return tuple(self.sidecars.of_inbox)

    @property
    def models(self) -> tuple[str, ...]:
        """The models that are asked, in asking order."""
        return tuple(dict.fromkeys(prompt.model or self.model for prompt in self.prompts))

    def wished(self, jobs: Sequence[Job]) -> "Choices":
        """Give the choices for these jobs, some of which want another model than their prompts' own."""
        wishes = {job.prompt: job.model for job in jobs if job.model is not None and job.prompt in self.names}
        if not wishes or self.of_model is None:
            return self
        of = {model: self.of_model(model) for model in wishes.values()}
        others = {name: of[model].prompt(name) for name, model in wishes.items()}
        versions = {name: of[model].versions[name] for name, model in wishes.items()}
        return replace(
            self,
            prompts=tuple(others.get(prompt.name, prompt) for prompt in self.prompts),
            versions={**self.versions, **versions},
            express=tuple(prompt for prompt in self.express if prompt.name not in wishes),
        )

    def prompt(self, name: PromptName) -> Prompt:
        """Give the prompt of a name."""
        return next(prompt for prompt in self.prompts if prompt.name == name)

    @property
    def other_models(self) -> dict[str, bool]:
        """The models that single prompts want, and whether each is shown pictures."""
        wanted: dict[str, bool] = {}
        for prompt in self.prompts:
            if prompt.model not in {None, READER}:
                wanted[prompt.model] = wanted.get(prompt.model, False) or prompt.from_prompt is None
        return wanted
