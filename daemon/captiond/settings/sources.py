"""Where settings come from: flags, environment, TOML file; and where in it a setting stands."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path

from platformdirs import user_config_path

from captiond.errors import BadConfiguration
from captiond.model import Json
from captiond.printable import printable

from .files import bytes_of

ENVIRONMENT_PREFIX = "CAPTIOND_"
"""How the variables begin that are settings."""

CONFIG_VARIABLE = "CAPTIOND_CONFIG"
"""The variable that names the configuration file, as `--config` does; no setting."""

SettingPath = tuple[str | int, ...]
"""The way to a setting: `("ollama", "url", 0)`."""


@dataclass(frozen=True, slots=True)
class Source:
    """Some settings from one place.

    `name` is the file, "environment" or "command line"; `variable` the one variable this is, `text` the TOML.
    """

    name: str
    values: Mapping[str, Json]
    variable: str = ""
    text: str = ""

    def place(self, path: SettingPath) -> str:
        """Name the place of a setting: `config.toml:3: inbox.quiet_seconds`."""
        if self.variable:
            return f"{self.name}: {self.variable}"
        line = line_of(self.text, path)
        return f"{self.name}:{line}: {dotted(path)}" if line else f"{self.name}: {dotted(path)}"

    def spelled(self, meant: str, path: SettingPath) -> str:
        """Write the setting that was `meant` by an unknown path as it is written in this source."""
        if self.variable:
            below = self.variable.removeprefix(ENVIRONMENT_PREFIX).split("__")[len(path) :]
            return ENVIRONMENT_PREFIX + "__".join([*meant.upper().split("."), *below])
        table, _, name = meant.rpartition(".")
        return f'"{name}"' if table == dotted(path[:-1]) else f'"{meant}"'


def sources(
    config_file: Path | None, overrides: Mapping[str, Json], environ: Mapping[str, str]
) -> list[Source]:
    """List where settings come from, strongest first."""
    path = config_path(config_file, environ)
    return [
        _command_line(overrides),
        *_environment(environ),
        *([read_toml(path)] if path else []),
        *_service_defaults(environ),
    ]


def config_path(config_file: Path | None, environ: Mapping[str, str]) -> Path | None:
    """Find the configuration file: `--config`, `CAPTIOND_CONFIG`, the service's folder, else the user's.

    Raises `BadConfiguration` where a file was named and is not there.
    """
    named = config_file or (Path(environ[CONFIG_VARIABLE]) if environ.get(CONFIG_VARIABLE) else None)
    if named:
        if not named.exists():
            raise BadConfiguration(printable(f"{named}: there is no such configuration file"))
        return named
    folder = _service_folder(environ, "CONFIGURATION_DIRECTORY") or user_config_path(
        "captiond", appauthor=False
    )
    path = folder / "config.toml"
    return path if path.exists() else None


def read_toml(path: Path) -> Source:
    """Read a configuration file; raise `BadConfiguration` with the place where it is not readable."""
    try:
        text = bytes_of(path).decode("utf-8-sig")
        return Source(str(path), tomllib.loads(text), text=text)
    except OSError as error:
        raise BadConfiguration(printable(f"{path}: cannot be read: {error.strerror}")) from error
    except RecursionError as error:
        raise BadConfiguration(printable(f"{path}: not valid TOML: it is nested too deep")) from error
    except UnicodeDecodeError as error:
        raise BadConfiguration(printable(f"{path}: is not UTF-8 text (byte {error.start + 1})")) from error
    except tomllib.TOMLDecodeError as error:
        raise BadConfiguration(printable(_syntax_mistake(path, str(error)))) from error
    except ValueError as error:  # a number of thousands of digits
        raise BadConfiguration(printable(f"{path}: not valid TOML: {error}")) from error


def merged(layers: Iterable[Mapping[str, Json]]) -> dict[str, Json]:
    """Lay settings over one another, strongest first; tables are mixed, all else is replaced."""
    return reduce(_over, layers, {})


def dotted(path: SettingPath) -> str:
    """Write a path for people: `imaging.formats[2]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def holds(values: Json, path: SettingPath) -> bool:
    """Tell whether the setting, or the list it is an entry of, is among the values."""
    for step in path:
        if not isinstance(values, Mapping):
            return isinstance(step, int)
        if step not in values:
            return False
        values = values[step]
    return True


def line_of(text: str, path: SettingPath) -> int | None:
    """Give the line (from 1) where the setting's statement begins in a TOML text.

    The parser itself is asked: the shortest beginning of the text that parses and holds the setting ends with
    its statement. Slow for long files, and only used to tell a mistake.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    start = 1
    for end in range(1, len(lines) + 1):
        try:
            document = tomllib.loads("\n".join(lines[:end]))
        except tomllib.TOMLDecodeError:
            continue
        if holds(document, path):
            return start
        start = end + 1
    return None


def _over(strong: Mapping[str, Json], weak: Mapping[str, Json]) -> dict[str, Json]:
    both = {
        name: _over(strong[name], weak[name])
        for name in strong.keys() & weak.keys()
        if isinstance(strong[name], Mapping) and isinstance(weak[name], Mapping)
    }
    return {**weak, **strong, **both}


def _nested(steps: Iterable[str], value: Json) -> dict[str, Json]:
    """Wrap a value in tables: `("ollama", "model")` gives `{"ollama": {"model": value}}`."""
    return reduce(lambda inner, step: {step: inner}, reversed(list(steps)), value)


def _command_line(overrides: Mapping[str, Json]) -> Source:
    """Take the flags that were given (not None); their paths start where the user stands."""
    given = {name: value for name, value in overrides.items() if value is not None}
    return Source(
        "command line", merged(_nested(name.split("."), _absolute(value)) for name, value in given.items())
    )


def _absolute(value: Json) -> Json:
    if isinstance(value, Path):
        with suppress(RuntimeError):  # "~somebody" whom nobody knows; told where it is checked
            return value.expanduser().absolute()
    return [_absolute(entry) for entry in value] if isinstance(value, list | tuple) else value


def _environment(environ: Mapping[str, str]) -> list[Source]:
    """Make a source of each variable, so that a mistake names it; Ollama's own variable is the weakest."""
    names = [
        name for name in sorted(environ) if name.startswith(ENVIRONMENT_PREFIX) and name != CONFIG_VARIABLE
    ]
    steps = {name: name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__") for name in names}
    steps["OLLAMA_HOST"] = ["ollama", "url"]
    return [
        Source("environment", _nested(steps[name], environ[name]), variable=name)
        for name in steps
        if environ.get(name)
    ]


def _service_defaults(environ: Mapping[str, str]) -> list[Source]:
    """Put the catalogue where systemd keeps the state of a service."""
    folder = _service_folder(environ, "STATE_DIRECTORY")
    return (
        [Source("environment", {"catalogue": folder / "catalogue.db"}, variable="STATE_DIRECTORY")]
        if folder
        else []
    )


def _service_folder(environ: Mapping[str, str], variable: str) -> Path | None:
    """Take the folder that systemd made for the service, the first where there are several."""
    first = environ.get(variable, "").split(":")[0]
    return Path(first) if first else None


def _syntax_mistake(path: Path, message: str) -> str:
    """Turn `Invalid value (at line 2, column 9)` into `config.toml:2:9: …`, with the usual cure."""
    found = re.fullmatch(r"(.*) \(at (?:line (\d+), column (\d+)|end of document)\)", message, re.DOTALL)
    what, line, column = found.groups() if found else (message, None, None)
    place = f"{path}:{line}:{column}" if line else f"{path}: at its end"
    cure = " (text stands in quotation marks)" if what == "Invalid value" else ""
    return f"{place}: not valid TOML: {what[:1].lower()}{what[1:]}{cure}"
