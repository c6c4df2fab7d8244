"""Every error of the vendor's libraries, and every error text of the server, as one of ours.

To add a text that a server says: one line in `_SAID`; the first line that matches wins.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import httpcore
import httpx
from ollama import RequestError, ResponseError

from captiond.errors import (
    BadConfiguration,
    CaptiondError,
    ModelMissing,
    ServerAway,
    ServerRefused,
    ServerStumbled,
    UnusableReply,
)
from captiond.printable import printable

from .backend import ModelNotPulled

LONGEST_QUOTE = 200
"""Characters of the server's own words that are told to people."""


class ConnectionLost(ServerStumbled):
    """The connection ended in the middle; whether anybody is left there is not known yet."""


FOREIGN: tuple[type[Exception], ...] = (
    ResponseError,
    RequestError,
    httpx.HTTPError,
    httpx.StreamError,
    httpx.InvalidURL,
    httpx.CookieConflict,
    httpcore.ConnectionNotAvailable,
    httpcore.ProxyError,
    httpcore.UnsupportedProtocol,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
    httpcore.NetworkError,
    OSError,
    ValueError,
    TypeError,
    AttributeError,
    LookupError,
    RecursionError,
)
"""All that the client can raise; the last five are its way to say that a frame is not what it should be."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Who was asked for which model; `so_far` gives the words that had come when it went wrong."""

    server: str
    model: str
    so_far: Callable[[], str] = str


@contextmanager
def translating(asked: Asked) -> Iterator[None]:
    """Turn whatever the client raises inside into an error of ours."""
    try:
        yield
    except FOREIGN as error:
        raise translated(error, asked) from error


def translated(error: Exception, asked: Asked) -> CaptiondError:
    """Say what an error of the client's means for us."""
    if isinstance(error, ResponseError):
        return _from_response(error, asked)
    kind, sentence = next((kind, text) for classes, kind, text in _RAISED if isinstance(error, classes))
    return _built(kind, sentence, asked, said=str(error) or type(error).__name__)


_NOBODY = (
    "No Ollama answers at {server} ({said}). Start it there (`ollama serve`; get it at "
    "https://ollama.com/download), or name another server with --ollama."
)
_LOST = "The connection to {server} broke off: {said}."
_NOT_OLLAMA = "{server} sent something that is not what Ollama sends: {said}."
_BAD_URL = "The address {server} cannot be used: {said}. Check ollama.url."

_RAISED: tuple[tuple[tuple[type[Exception], ...], type[CaptiondError], str], ...] = (
    (
        (httpx.ConnectTimeout, httpcore.ConnectTimeout, httpx.ConnectError, httpcore.ConnectError),
        ServerAway,
        _NOBODY,
    ),
    (
        (httpx.PoolTimeout, httpcore.PoolTimeout, httpcore.ConnectionNotAvailable),
        ServerAway,
        "All connections to {server} are in use.",
    ),
    (
        (httpx.TimeoutException, httpcore.TimeoutException),
        ServerStumbled,
        "{server} fell silent in the middle of a request.",
    ),
    ((httpx.UnsupportedProtocol, httpcore.UnsupportedProtocol, httpx.InvalidURL), BadConfiguration, _BAD_URL),
    ((httpx.ProxyError, httpcore.ProxyError), ServerAway, "{server} cannot be reached: {said}."),
    ((httpx.TooManyRedirects,), ServerAway, "{server} sends requests round in a circle. Check ollama.url."),
    (
        (httpx.NetworkError, httpcore.NetworkError, httpx.RemoteProtocolError, httpcore.RemoteProtocolError),
        ConnectionLost,
        _LOST,
    ),
    (
        (httpx.HTTPError, httpx.StreamError, httpx.CookieConflict, httpcore.ProtocolError, RequestError),
        ServerStumbled,
        _NOT_OLLAMA,
    ),
    (
        (BrokenPipeError, ConnectionAbortedError, ConnectionResetError),
        ConnectionLost,
        _LOST,
    ),
    ((OSError,), ServerAway, _NOBODY),
    ((Exception,), ServerStumbled, _NOT_OLLAMA),
)

_PULL = "`ollama pull {model}` there fetches it."
_AGAIN = "`ollama pull {model}` there fetches it anew."

_NO_MEMORY = (
    r"out of memory|(cuda|hip)Malloc failed|failed to allocate|allocation failed|not enough memory"
    r"|insufficient memory|OutOfDeviceMemory|unable to load full model on GPU"
)
_BAD_FILES = (
    r"exceeds file size|^read mmproj metadata|Failed to load CLIP|failed to load model|unable to load model"
)

_SAID: tuple[tuple[str, type[CaptiondError], str], ...] = (
    (
        r'^option "|^time: |^Unsupported type|^invalid model name|does not support (thinking|tools)',
        BadConfiguration,
        "{server} does not accept a setting: {said}.",
    ),
    (
        r"^invalid format: |invalid JSON schema|JSON schema conversion failed|Unable to generate parser",
        BadConfiguration,
        "{server} does not accept a setting: {said}.",
    ),
    (r"^model .*not found", ModelNotPulled, "{server} has not got the model {model}. " + _PULL),
    (
        r"does not support multimodal|image input is not supported",
        ModelMissing,
        "The model {model} on {server} cannot see pictures. Choose a vision model, such as llava:13b-v1.6.",
    ),
    (
        r"does not support chat",
        ModelMissing,
        "The model {model} on {server} cannot hold a conversation, or its files are missing. " + _AGAIN,
    ),
    (
        _NO_MEMORY,
        ServerStumbled,
        "{server} ran out of memory: {said}. A smaller model or a lower ollama.num_ctx needs less.",
    ),
    (
        _BAD_FILES,
        ModelMissing,
        "{server} cannot load the model {model}: {said}. " + _AGAIN,
    ),
    (
        r"exceeds the available context size|input length exceeds the context length",
        ServerRefused,
        "Picture and question are longer than the model's context: {said}. Raise ollama.num_ctx.",
    ),
    (
        r"Failed to load image|illegal base64|zero length image|^decode WebP|invalid image",
        ServerRefused,
        "{server} cannot read the picture that was sent: {said}.",
    ),
    (r"maximum pending requests|^server busy", ServerAway, "{server} is too busy: {said}."),
    (
        r"repeat limit reached",
        UnusableReply,
        "The model repeated itself until the server stopped it.",
    ),
)

_NO_OLLAMA = "No Ollama answers at {server} (HTTP {status}: {said}). Check ollama.url."
_NOT_NOW = "{server} cannot answer now (HTTP {status}: {said})."
_NOT_ALLOWED = (
    "{server} does not let captiond in (HTTP {status}: {said}). It wants a key, or a proxy before it must "
    "pass `Host: localhost`."
)
_STATUS: Mapping[int, tuple[type[CaptiondError], str]] = {
    400: (ServerRefused, "{server} refused the request: {said}."),
    401: (ServerAway, _NOT_ALLOWED),
    403: (ServerAway, _NOT_ALLOWED),
    404: (ServerAway, _NO_OLLAMA),
    405: (ServerAway, _NO_OLLAMA),
    408: (ServerAway, _NOT_NOW),
    413: (
        ServerRefused,
        "The picture is larger than {server} accepts (HTTP 413). Lower ollama.max_side_pixels.",
    ),
    422: (ServerRefused, "{server} refused the request: {said}."),
    429: (ServerAway, _NOT_NOW),
    502: (ServerAway, _NOT_NOW),
    503: (ServerAway, _NOT_NOW),
    504: (ServerAway, _NOT_NOW),
}


def _from_response(error: ResponseError, asked: Asked) -> CaptiondError:
    said = server_text(error.error)
    for pattern, kind, sentence in _SAID:
        if re.search(pattern, said):
            return _built(kind, sentence, asked, said)
    status = error.status_code
    if 300 <= status < 400:  # noqa: PLR2004  # redirections, which would take pictures elsewhere
        return _built(ServerAway, _NO_OLLAMA, asked, said, status)
    kind, sentence = _STATUS.get(status, (ServerStumbled, "{server} failed on this request: {said}."))
    return _built(kind, sentence, asked, said, status)


def _built(
    kind: type[CaptiondError], sentence: str, asked: Asked, said: str, status: int = -1
) -> CaptiondError:
    text = sentence.format(
        server=asked.server, model=asked.model, status=status, said=_shortened(said) or "no reason given"
    )
    if issubclass(kind, UnusableReply):
        return kind(text, asked.so_far())
    return kind(text)


def server_text(error: object) -> str:
    """Dig the words out of a server's error, which may be JSON in a string in JSON.

    Shapes seen: a string, `{"error": {"message": …}}` as a string or as a dict, an empty string.
    """
    for _ in range(6):  # each of two levels is a string, an object and an object in it
        if isinstance(error, str):
            inner = _parsed(error)
            if inner is None:
                return error
            error = inner
        elif isinstance(error, Mapping):
            error = error.get("error") or error.get("message") or ""
        else:
            break
    return str(error)


def _parsed(text: str) -> Mapping[str, object] | None:
    if not text.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _shortened(text: str) -> str:
    words = printable(" ".join(text.split())).rstrip(" .-")
    return words if len(words) <= LONGEST_QUOTE else words[: LONGEST_QUOTE - 1] + "…"
