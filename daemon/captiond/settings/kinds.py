"""The kinds of values that settings have, each with the phrase that says what it must be."""

import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainValidator,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from .values import (
    apart,
    installed_engine,
    keep_alive,
    parsed_json,
    prompt_name,
    server_url,
    split,
    whole_path,
)


def must_be(wanted: str) -> WrapValidator:
    """Say what a value must be in one phrase, whichever way it is wrong."""

    def check(value: object, validate: ValidatorFunctionWrapHandler) -> object:
        try:
            return validate(value)
        except ValidationError:
            raise ValueError(f"must be {wanted}") from None

    return WrapValidator(check)


def _refuse_bool(value: object) -> object:
    """Refuse `parallel = true`, which pydantic would read as 1."""
    if isinstance(value, bool):
        raise ValueError  # noqa: TRY004  # pydantic collects ValueErrors
    return value


def at_most(most: float) -> AfterValidator:
    """Refuse numbers above `most`, or as far below 0."""

    def check(value: float) -> float:
        if abs(value) > most:
            raise ValueError(f"must be at most {most:,}")
        return value

    return AfterValidator(check)


_Number = BeforeValidator(_refuse_bool)
_Sane = at_most(1_000_000_000)
Toggle = Annotated[bool, must_be("true or false")]
Whole = Annotated[int, _Number, must_be("a whole number"), _Sane]
Count = Annotated[int, _Number, Field(ge=1), must_be("a whole number of at least 1"), _Sane]
Pixels = Annotated[int, _Number, Field(ge=0), must_be("a number of pixels, or 0 to fit the model"), _Sane]
Context = Annotated[int, _Number, Field(ge=1024), must_be("a whole number of at least 1024 tokens"), _Sane]
Fraction = Annotated[float, _Number, Field(ge=0, le=1), must_be("a number from 0 to 1")]
Decimal = Annotated[float, _Number, Field(allow_inf_nan=False), must_be("a number"), _Sane]
AtLeastZero = Annotated[
    float, _Number, Field(ge=0, allow_inf_nan=False), must_be("a number of at least 0"), _Sane
]
AboveZero = Annotated[float, _Number, Field(gt=0, allow_inf_nan=False), must_be("a number above 0"), _Sane]
Words = Annotated[str, Field(min_length=1)]
WordList = Annotated[tuple[Words, ...], BeforeValidator(partial(split, separator=",")), Field(min_length=1)]
WholePath = Annotated[Path, PlainValidator(whole_path)]
Url = Annotated[str, AfterValidator(server_url)]
UrlList = Annotated[
    tuple[Url, ...],
    BeforeValidator(partial(split, separator=",")),
    Field(min_length=1),
    AfterValidator(lambda urls: tuple(dict.fromkeys(urls))),
]
Inboxes = Annotated[
    tuple[WholePath, ...], BeforeValidator(partial(split, separator=os.pathsep)), AfterValidator(apart)
]
KeepAlive = Annotated[int | str, PlainValidator(keep_alive)]
PromptsOfInboxes = Annotated[Mapping[WholePath, WordList], BeforeValidator(parsed_json)]
PictureFormat = Annotated[
    Literal["JPEG", "PNG", "WEBP", "GIF", "AVIF", "HEIF", "TIFF", "BMP"],
    BeforeValidator(lambda value: str(value).upper()),
    must_be("JPEG, PNG, WEBP, GIF, AVIF, HEIF, TIFF or BMP"),
]
Tiling = Annotated[
    Literal["auto", "off"] | Annotated[int, Field(ge=2, le=64)],
    BeforeValidator(lambda value: int(value) if str(value).isdecimal() else value),
    must_be('"auto", "off" or a whole number from 2 to 64'),
]
PromptEngine = Annotated[
    Literal["model", "reader"], must_be('"model" or "reader"'), AfterValidator(installed_engine)
]
PromptWitness = Annotated[Literal["reader"], must_be('"reader"'), AfterValidator(installed_engine)]
PromptKind = Annotated[
    Literal["text", "list", "choice", "json"], must_be('"text", "list", "choice" or "json"')
]
LanguageTag = Annotated[
    str,
    Field(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$"),
    must_be('a language tag like "en" or "pt-BR"'),
]
LanguageTags = Annotated[
    tuple[LanguageTag, ...], BeforeValidator(partial(split, separator=",")), Field(min_length=1)
]
PromptKey = Annotated[
    str,
    Field(pattern=r"^[a-z][a-z0-9_]{0,30}$"),
    must_be("a name of small letters, digits and _, beginning with a letter, at most 31 long"),
    AfterValidator(prompt_name),
]
