"""Everything a user may choose, and its default. Only this file and `kinds.py` know pydantic.

To add a setting: one field here, and one line in `config.example.toml` (a test compares the two).
Strongest first: flag, environment variable, `OLLAMA_HOST`, configuration file, default. A variable is the
setting's name behind `CAPTIOND_`, with `__` between table and name: `CAPTIOND_OLLAMA__URL`. There, a list is
JSON or separated by commas (`inboxes` by colons, as `PATH` is); empty variables do not count.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal, get_args

from platformdirs import user_data_path
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from captiond.errors import BadConfiguration, WrongPrompt
from captiond.model import Json, SidecarPlace
from captiond.prompts.builtin import BUILTIN
from captiond.prompts.configuring import configured

from .inbox_prompts import mistakes_in
from .kinds import (
    AboveZero,
    AtLeastZero,
    Context,
    Count,
    Decimal,
    Fraction,
    Inboxes,
    KeepAlive,
    LanguageTags,
    PictureFormat,
    Pixels,
    PromptEngine,
    PromptKey,
    PromptKind,
    PromptsOfInboxes,
    PromptWitness,
    Tiling,
    Toggle,
    UrlList,
    Whole,
    WholePath,
    WordList,
    Words,
    at_most,
    must_be,
)
from .mistakes import explain, located
from .sources import merged, sources
from .values import (
    parsed_json,
    shallow,
    sidecar_place,
    split,
)

_SHIPPED = tuple(prompt.name for prompt in BUILTIN)
_WITHOUT_RESTART = ("log", "log_level", "express", "prompts", "translation.target")
_OF_INBOX_WITHOUT_RESTART = ("ignore", "prompts")


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OllamaSettings(_Table):
    """The model server and how it is asked; `parallel` and the times are for each server of `url`."""

    url: UrlList = ("http://127.0.0.1:11434",)
    model: Words = "llava:13b-v1.6"
    parallel: Annotated[Count, at_most(100)] = 1
    pull: Toggle = True
    num_ctx: Context = 4096
    temperature: AtLeastZero = 0.0
    seed: Whole = 1
    repeat_penalty: AboveZero = 1.1
    keep_alive: KeepAlive = "30m"
    connect_seconds: AboveZero = 5.0
    first_frame_seconds: AboveZero = 600.0
    gap_seconds: AboveZero = 60.0
    total_seconds: AboveZero = 900.0
    max_side_pixels: Pixels = 0

    def options(self) -> dict[str, float]:
        """Give the options of every request; one set for all, since another `num_ctx` reloads the model."""
        return self.model_dump(include={"num_ctx", "temperature", "seed", "repeat_penalty"})


class ImagingSettings(_Table):
    """Which pictures are read, and the limits of reading them."""

    formats: Annotated[
        tuple[PictureFormat, ...], BeforeValidator(partial(split, separator=",")), Field(min_length=1)
    ] = ("JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF")
    decode_seconds: AboveZero = 30.0
    max_file_megabytes: Count = 512
    store_gps: Toggle = False

    @property
    def max_file_bytes(self) -> int:
        """Give the largest file in bytes."""
        return self.max_file_megabytes * 1_000_000


class InboxSettings(_Table):
    """How the inboxes are watched."""

    quiet_seconds: AboveZero = 2.0
    scan_minutes: AboveZero = 1.0
    ignore: Annotated[tuple[Words, ...], BeforeValidator(partial(split, separator=","))] = ()
    prompts: PromptsOfInboxes = Field(default_factory=dict)


class TranslationSettings(_Table):
    """What texts in pictures are translated into."""

    target: LanguageTags = ("en",)


class PromptOptions(_Table):
    """Ollama's sampling options; those that would load the model anew are the same for all prompts."""

    temperature: AtLeastZero | None = None
    seed: Whole | None = None
    top_k: Whole | None = None
    top_p: Fraction | None = None
    min_p: Fraction | None = None
    typical_p: Fraction | None = None
    repeat_last_n: Whole | None = None
    repeat_penalty: AboveZero | None = None
    presence_penalty: Decimal | None = None
    frequency_penalty: Decimal | None = None
    stop: WordList | None = None


class PromptSettings(_Table):
    """A prompt of the user's own, or what differs from the built-in one; unset fields are None."""

    enabled: Toggle | None = None
    text: Words | None = None
    kind: PromptKind | None = None
    choices: WordList | None = None
    answer_schema: Annotated[
        dict[str, Json] | None, BeforeValidator(parsed_json), AfterValidator(shallow)
    ] = Field(None, alias="schema")
    from_prompt: PromptKey | None = Field(None, alias="from")
    empty: str | None = None
    target: LanguageTags | None = None
    max_chars: Count | None = None
    num_predict: Count | None = None
    options: PromptOptions = PromptOptions()
    model: Words | None = None
    engine: PromptEngine | None = None
    witness: PromptWitness | None = None
    tiles: Tiling | None = None
    max_side_pixels: Count | None = None
    synonyms: Annotated[dict[str, Json] | None, BeforeValidator(parsed_json)] = None
    of_models: Annotated[dict[str, Json] | None, BeforeValidator(parsed_json)] = Field(None, alias="for")
    when: Annotated[dict[str, Json] | None, BeforeValidator(parsed_json)] = None


class Settings(BaseSettings):
    """All settings, complete and checked; `load` reads them."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the signature is pydantic-settings'
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what `load` found and nothing else: only then can a mistake name the place it stands in."""
        return (init_settings,)

    inboxes: Inboxes = ()
    catalogue: WholePath = Field(
        default_factory=lambda: user_data_path("captiond", appauthor=False) / "catalogue.db"
    )
    sidecars: Annotated[SidecarPlace, BeforeValidator(sidecar_place)] = SidecarPlace("beside")
    log: Annotated[Literal["auto", "text", "json"], must_be('"auto", "text" or "json"')] = "auto"
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], must_be('"debug", "info", "warning" or "error"')
    ] = "info"
    express: Toggle = False
    ollama: OllamaSettings = OllamaSettings()
    imaging: ImagingSettings = ImagingSettings()
    inbox: InboxSettings = InboxSettings()
    translation: TranslationSettings = TranslationSettings()
    prompts: Mapping[PromptKey, PromptSettings] = Field(default_factory=dict)

    def prompt_tables(self) -> dict[str, dict[str, Json]]:
        """Give for each prompt in the configuration the fields that are set, named as in the file."""
        return {
            name: prompt.model_dump(mode="json", by_alias=True, exclude_unset=True)
            for name, prompt in self.prompts.items()
        }


def load(config_file: Path | None, overrides: Mapping[str, Json], environ: Mapping[str, str]) -> Settings:
    """Read all settings; raise `BadConfiguration` with one line for each mistake.

    `overrides` are the flags by dotted name (`{"ollama.model": "llava:7b"}`); None is a flag not given.
    """
    found = sources(config_file, overrides, environ)
    try:
        settings = Settings(**merged(source.values for source in found))
    except ValidationError as error:
        problems = error.errors(include_url=False)
        raise BadConfiguration(explain(problems, found, setting_names())) from None
    if mistakes := mistakes_in(found, {*_SHIPPED, *settings.prompts}):
        raise BadConfiguration("\n".join(mistakes))
    try:
        configured(settings.prompt_tables(), targets=settings.translation.target, model=settings.ollama.model)
    except WrongPrompt as wrong:
        raise BadConfiguration(located(wrong, found)) from None
    return settings


def setting_names() -> tuple[str, ...]:
    """List the dotted names of all settings and tables as they stand in the file, `*` for a prompt's name."""
    return tuple(_names(Settings, ""))


def changed_needing_restart(old: Settings, new: Settings) -> tuple[str, ...]:
    """Name the changed settings that only a restart applies; prompts, language and logging apply at once."""
    before, after = dict(_leaves(old, "")), dict(_leaves(new, ""))
    changed = (name for name in before if before[name] != after[name])
    at_once = {*_WITHOUT_RESTART, *(f"inbox.{name}" for name in _OF_INBOX_WITHOUT_RESTART)}
    return tuple(name for name in changed if name not in at_once)


def taking_over(old: Settings, new: Settings) -> Settings:
    """Give the old settings with all of the new that applies without a restart."""
    translation = old.translation.model_copy(update={"target": new.translation.target})
    at_once = {name: getattr(new.inbox, name) for name in _OF_INBOX_WITHOUT_RESTART}
    # An inbox that is no longer named is watched until the restart, by its own rules.
    watched = {inbox: names for inbox, names in old.inbox.prompts.items() if inbox not in new.inboxes}
    at_once["prompts"] = {**watched, **new.inbox.prompts}
    inbox = old.inbox.model_copy(update=at_once)
    changes = {"log": new.log, "log_level": new.log_level, "express": new.express}
    return old.model_copy(
        update={**changes, "prompts": new.prompts, "translation": translation, "inbox": inbox}
    )


def _names(table: type[BaseModel], prefix: str) -> Iterator[str]:
    for attribute, field in table.model_fields.items():
        name = prefix + (field.alias or attribute)
        yield name
        kind, many = field.annotation, get_args(field.annotation)
        if isinstance(kind, type) and issubclass(kind, _Table):
            yield from _names(kind, f"{name}.")
        elif many and isinstance(many[-1], type) and issubclass(many[-1], _Table):
            yield from _names(many[-1], f"{name}.*.")


def _leaves(table: BaseModel, prefix: str) -> Iterator[tuple[str, object]]:
    for name, value in table:
        if isinstance(value, _Table):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
