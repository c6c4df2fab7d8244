"""How a log line looks: sentences on a terminal, key=value in a pipe, JSON for the journal.

Log with `structlog.stdlib.get_logger(__name__)`: an event of a few words, and fields. `file` is what it is
about, `reason` a sentence that says why. An event gets a sentence of its own by an entry in `_SENTENCES`. The
fields in `_PRIVATE` pass only at level debug: what was read in a picture is its owner's business alone.
"""

import logging
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TextIO

import structlog
from structlog.typing import EventDict, Processor

from .model import Json
from .printable import counted, printable

Style = Literal["terminal", "text", "json"]

_PRIVATE = frozenset(
    {"alt_text", "answer", "description", "prompt_text", "raw", "reply", "translation", "value"}
)
_PRIORITIES = {"debug": 7, "info": 6, "warning": 4, "error": 3, "critical": 2}
_TOLD = frozenset({"answers", "event", "exception", "file", "level", "logger", "photo", "reason", "time"})
"""Fields that have a place of their own in a sentence, or none."""


def style_for(log: str, environ: Mapping[str, str], stream: TextIO) -> Style:
    """Choose how to write to `stream` where the setting `log` is `auto`; `text` and `json` are kept."""
    if log == "text":
        return "text"
    if log == "json" or is_journal(environ, stream):
        return "json"
    return "terminal" if stream.isatty() else "text"


def is_journal(environ: Mapping[str, str], stream: TextIO) -> bool:
    """Tell whether `stream` itself goes to the journal; the variable alone is inherited by terminals too."""
    if "JOURNAL_STREAM" not in environ:
        return False
    try:
        status = os.fstat(stream.fileno())
    except OSError:
        return False
    return environ["JOURNAL_STREAM"] == f"{status.st_dev}:{status.st_ino}"


def configure(
    style: Style, level: str, write: Callable[[str], None] | None = None, *, priorities: bool = False
) -> None:
    """Send all log lines to `write` (default: standard error), in place of wherever they went before.

    Libraries are heard from level warning on. `priorities` puts `<6>` before each line, for the journal.
    """
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            structlog.contextvars.merge_contextvars,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(_Lines(write or _to_standard_error))
    handler.terminator = ""
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=_processors(style, priorities)))
    set_level(level)
    root = logging.getLogger()
    for earlier in [earlier for earlier in root.handlers if _is_ours(earlier)]:
        root.removeHandler(earlier)
    root.addHandler(handler)


def set_level(level: str) -> None:
    """Write lines of this level and above, of other libraries only warnings."""
    own_level = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("captiond").setLevel(own_level)
    logging.getLogger().setLevel(max(own_level, logging.WARNING))


@dataclass(frozen=True, slots=True)
class _Lines:
    """A stream that gives each finished line to a function."""

    give: Callable[[str], None]

    def write(self, line: str) -> None:
        self.give(line)


def _is_ours(handler: logging.Handler) -> bool:
    return isinstance(handler, logging.StreamHandler) and isinstance(handler.stream, _Lines)


def _to_standard_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _processors(style: Style, priorities: bool) -> list[Processor]:
    cleaned: list[Processor] = [structlog.processors.format_exc_info, _harmless, _without_private]
    if style == "terminal":
        return [_stamped(_local), *cleaned, _sentence]
    render: Processor = structlog.processors.JSONRenderer(ensure_ascii=False) if style == "json" else _logfmt
    return [_stamped(_utc), *cleaned, _counted, _with_priority(render) if priorities else render]


def _utc(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def _local(moment: datetime) -> str:
    return moment.astimezone().strftime("%H:%M:%S")


def _stamped(written: Callable[[datetime], str]) -> Processor:
    """Put time, level and logger first; they come from the record, so that libraries' lines have them too."""

    def stamp(_: Any, __: str, event: EventDict) -> EventDict:
        record: logging.LogRecord = event["_record"]
        moment = datetime.fromtimestamp(record.created, UTC)
        first = {"time": written(moment), "level": record.levelname.lower(), "logger": record.name}
        return {**first, "event": event["event"], **event}

    return stamp


def _harmless(_: Any, __: str, event: EventDict) -> EventDict:
    """Turn every field into plain values without control characters; drop structlog's own fields."""
    plain = {name: _plain(value) for name, value in event.items() if not name.startswith("_")}
    if "exception" in event:
        plain["exception"] = "\n".join(map(printable, event["exception"].split("\n")))
    return plain


def _plain(value: object) -> Json:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {printable(str(name)): _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(entry) for entry in value]
    return printable(str(value))


def _without_private(_: Any, __: str, event: EventDict) -> EventDict:
    if event["level"] == "debug":
        return event
    return {name: value for name, value in event.items() if name not in _PRIVATE}


def _counted(_: Any, __: str, event: EventDict) -> EventDict:
    """Tell only how many objects were seen: a terminal is its owner's, a log may be anybody's."""
    objects = event.get("objects")
    return {**event, "objects": len(objects)} if isinstance(objects, list) else event


def _logfmt(logger: Any, name: str, event: EventDict) -> str:
    flat = {field: _listed(value) if isinstance(value, list) else value for field, value in event.items()}
    render = structlog.processors.LogfmtRenderer(
        key_order=["time", "level", "logger", "event"], bool_as_flag=False
    )
    return render(logger, name, flat)


def _with_priority(render: Processor) -> Processor:
    def prefixed(logger: Any, name: str, event: EventDict) -> str:
        return f"<{_PRIORITIES.get(event['level'], 6)}>{render(logger, name, event)!s}"

    return prefixed


def _sentence(_: Any, __: str, event: EventDict) -> str:
    """Write an event for a person: the time, what it is about, what happened, and why."""
    about = event.get("file") or event.get("photo")
    tell = _SENTENCES.get(event["event"], _told)
    line = "  ".join(part for part in (event["time"], about, tell(event)) if part)
    return f"{line}\n{event['exception']}" if "exception" in event else line


def _told(event: EventDict) -> str:
    origin = "" if event["logger"].startswith("captiond") else f"{event['logger']}: "
    why = f": {event['reason']}" if event.get("reason") else ""
    details = ", ".join(
        f"{name} {_listed(value)}" for name, value in event.items() if name not in _TOLD and value is not None
    )
    return f"{origin}{event['event']}{why}" + (f" ({details})" if details else "")


def _described(event: EventDict) -> str:
    seconds = f" {event['seconds']:.1f} s" if "seconds" in event else ""
    found = " · ".join(part for part in (_listed(event.get("objects")), _text_found(event)) if part)
    return "   ".join(part for part in (seconds, found) if part)


def _text_found(event: EventDict) -> str:
    """Tell the language of the text: `text (fr) → en`; nothing where no text was looked for."""
    if "text" not in event:
        return ""
    if not event["text"]:
        return "no text"
    language = "" if event["text"] == "und" else f" ({event['text']})"
    translated = f" → {event['translated']}" if event.get("translated") else ""
    return f"text{language}{translated}"


def _listed(value: Json) -> str:
    if value is None:
        return ""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _watching(event: EventDict) -> str:
    indent = "\n" + " " * len("00:00:00  ")
    lines = (
        f"{event['event']} {_listed(event['inboxes'])}  ({event['model']})",
        f"catalogue {event['catalogue']}",
        f"sidecars  {event['sidecars']}",
    )
    return indent.join(lines)


def _fetching(event: EventDict) -> str:
    size = f" of {event['bytes'] / 1e9:.1f} GB" if event.get("bytes") else ""
    return f"fetching the model: {event['step']}, {event['percent']} %{size}"


def _stopped(event: EventDict) -> str:
    waiting = event["waiting"]
    return (
        f"stopped; {counted(waiting, 'photo waits', 'photos wait')} for the next run"
        if waiting
        else "stopped"
    )


_SENTENCES: Mapping[str, Callable[[EventDict], str]] = {
    "described": _described,
    "described in part": lambda event: f"{_described(event)}   (in part)",
    "fetching the model": _fetching,
    "reading": _watching,
    "server away": lambda event: f"{event['reason']} Photos are catalogued meanwhile and wait.",
    "server ready": lambda event: f"{event['server']} is ready",
    "stopped": _stopped,
    "server warning": lambda event: f"{event['server']}: {event['reason']}",
    "watching": _watching,
}
