"""What the text of a setting means: paths, addresses, lists, durations; pure, and free of pydantic.

Each function raises ValueError with the words that follow the setting's name: `must be …`.
"""

import json
import os
import re
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from captiond.model import Json, SidecarPlace

_DEFAULT_PORTS = {"http": 80, "https": 443}
_OLLAMA_PORT = 11434
DEEPEST_LEVELS = 50
_COLUMNS = re.compile(
    "id|name|folder|path|inbox|taken_at|text|language|answers|state|reason|edited|copies|missing|format"
    "|width|height|bytes|camera|latitude|longitude|phash|sha256|added_at|updated_at|year|rowid|oid|rank"
)
"""Columns of the table of photos that are no prompt's own, and SQLite's hidden ones."""

_OTHER_MEANINGS = re.compile("image|added|after|before|has|in|is|lang|no|object|taken")
"""Words that mean something else in a search or in a sidecar."""

_JSON_LIST = re.compile(r'\s*\[\s*["\]]')
"""Not "[::1]:11434", nor a pattern that begins with "[0-9]"."""

_GO_DURATION = re.compile(r"(\d+(\.\d+)?(ms|s|m|h))+")


def parsed_json(value: object) -> Json:
    """Read JSON where the value is still text, as it is in an environment variable."""
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        raise ValueError("must be JSON") from None


def shallow(value: Json) -> Json:
    """Refuse what is nested deeper than anything that a model could fill in."""
    if not _is_no_deeper(value, DEEPEST_LEVELS):
        raise ValueError(f"must not be nested deeper than {DEEPEST_LEVELS} levels")
    return value


def _is_no_deeper(value: Json, levels: int) -> bool:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return levels >= 0 and all(_is_no_deeper(one, levels - 1) for one in inner)


def split(value: object, separator: str) -> Json:
    """Take a list from one text: a JSON list, or parts with a separator in between; leave all else."""
    if not isinstance(value, str):
        return value
    if _JSON_LIST.match(value):
        return parsed_json(value)
    return [part.strip() for part in value.split(separator) if part.strip()]


def whole_path(value: object) -> Path:
    """Expand `~`; refuse relative paths, which would depend on where the daemon was started."""
    if not isinstance(value, str | Path) or "\0" in str(value):
        raise ValueError("must be a path")
    try:
        path = Path(value).expanduser()
    except RuntimeError:
        raise ValueError("must be a path in a home folder that exists") from None
    if not path.is_absolute():
        raise ValueError('must be a whole path that begins with "/" or "~/"')
    return _without_dots(path)


def apart(folders: tuple[Path, ...]) -> tuple[Path, ...]:
    """Drop doubles; refuse the whole machine, and an inbox inside another: its pictures would lie in both."""
    distinct: dict[Path, Path] = {}
    for folder in folders:
        distinct.setdefault(_real(folder), folder)
    for real, folder in distinct.items():
        if real == Path("/"):
            raise ValueError(f"{folder} is the whole machine, programs and all; name a folder with photos")
        if outer := next((other for place, other in distinct.items() if place in real.parents), None):
            raise ValueError(
                f"{folder} lies inside {outer}, which is watched with all its folders; keep one of them"
            )
    return tuple(distinct.values())


def _without_dots(path: Path) -> Path:
    """Write a path without `..`, and with its links as they are unless one stands before a `..`."""
    plain = Path(os.path.normpath(path))
    return plain if _real(plain) == _real(path) else _real(path)


def _real(path: Path) -> Path:
    """Follow all links, as far as the path is there."""
    try:
        return path.resolve()
    except (OSError, RuntimeError):
        return path


def sidecar_place(value: object) -> SidecarPlace:
    """Read `beside`, `off` or `tree:FOLDER`."""
    if isinstance(value, SidecarPlace):
        return value
    kind, _, folder = str(value).partition(":")
    if kind == "tree" and folder:
        return SidecarPlace("tree", whole_path(folder))
    if value == "beside":
        return SidecarPlace("beside")
    if value == "off":
        return SidecarPlace("off")
    raise ValueError('must be "beside", "tree:FOLDER" or "off"')


def server_url(value: str) -> str:
    """Complete an address the way Ollama's own client reads `OLLAMA_HOST`: `gpu` is `http://gpu:11434`."""
    if "@" in value:
        raise ValueError("must not hold a user name or password")
    scheme, mark, rest = value.strip(" \"'").rpartition("://")
    scheme = scheme if mark else "http"
    try:
        parts = urlsplit(f"{scheme}://{rest}")
        port = parts.port or (_DEFAULT_PORTS[scheme] if mark else _OLLAMA_PORT)
    except (ValueError, KeyError):
        raise _no_address() from None
    if parts.query or parts.fragment or re.search(r"\s", rest):
        raise _no_address()
    path = parts.path.strip("/")
    return f"{scheme}://{_reachable(parts.hostname)}:{port}" + (f"/{path}" if path else "")


def _no_address() -> ValueError:
    return ValueError('must be an address like "http://127.0.0.1:11434"')


def _reachable(host: str | None) -> str:
    """Name the host to connect to: a server listens on 0.0.0.0, but nobody can reach it there."""
    if host in (None, "0.0.0.0"):  # noqa: S104  # read, never bound
        return "127.0.0.1"
    if host == "::":
        return "[::1]"
    return f"[{host}]" if ":" in str(host) else str(host)


def keep_alive(value: object) -> int | str:
    """Read how long a model stays loaded: `30m`, seconds, or −1 for ever.

    Ollama refuses a number sent as text (`"-1"`, recorded), so numbers become numbers.
    """
    text = str(value)
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    if _GO_DURATION.fullmatch(text):
        return text
    raise ValueError('must be a time like "30m", a number of seconds, or -1 for ever')


def installed_engine(engine: str) -> str:
    """Refuse the reader where its extra is not installed, without loading it."""
    if engine == "reader" and not (find_spec("rapidocr") and find_spec("onnxruntime")):
        raise ValueError(
            'the reader is an extra that is not installed: "pip install rapidocr onnxruntime" beside captiond'
        )
    return engine


def prompt_name(name: str) -> str:
    """Refuse a name that stands for something else than a prompt's answer."""
    if _COLUMNS.fullmatch(name):
        raise ValueError(f'"{name}" is a column of the catalogue; give the prompt another name')
    if _OTHER_MEANINGS.fullmatch(name):
        raise ValueError(f'"{name}" means something else in a search; give the prompt another name')
    return name
