import io
import json
import logging
import os
import pty
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from captiond.logs import Style, configure, is_journal, style_for

DESCRIBED = {
    "file": "2024/sign.jpg",
    "seconds": 9.44,
    "objects": ["elephant", "road sign"],
    "text": "fr",
    "translated": "en",
    "answers": 4,
}


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root, own = logging.getLogger(), logging.getLogger("captiond")
    handlers, levels = list(root.handlers), (root.level, own.level)
    yield
    root.handlers[:] = handlers
    root.setLevel(levels[0])
    own.setLevel(levels[1])
    structlog.reset_defaults()


@pytest.fixture
def log() -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("captiond.pipeline")
    return logger


def listening(style: Style, level: str = "info", *, priorities: bool = False) -> list[str]:
    """Configure, and return the list that lines are added to."""
    lines: list[str] = []
    configure(style, level, lines.append, priorities=priorities)
    return lines


def after_the_time(line: str) -> str:
    return line.partition("  ")[2]


def test_a_described_photo_is_one_sentence_on_a_terminal(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("terminal")
    log.info("described", **DESCRIBED)
    assert after_the_time(lines[0]) == "2024/sign.jpg   9.4 s   elephant, road sign · text (fr) → en"


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({"text": None}, "no text"),
        ({"text": "und"}, "text"),
        ({"text": "en", "translated": None}, "text (en)"),
        ({"objects": ["dog"]}, "dog"),
        ({"objects": [], "text": None}, "no text"),
    ],
)
def test_the_sentence_tells_what_was_found(
    log: structlog.stdlib.BoundLogger, fields: dict[str, object], found: str
) -> None:
    lines = listening("terminal")
    log.info("described", file="a.jpg", seconds=1, **fields)
    assert after_the_time(lines[0]) == f"a.jpg   1.0 s   {found}"


def test_the_time_on_a_terminal_is_local() -> None:
    lines = listening("terminal")
    record = logging.makeLogRecord({"name": "captiond", "levelno": 30, "levelname": "WARNING", "msg": "x"})
    logging.getLogger("captiond").handle(record)
    assert lines[0].startswith(time.strftime("%H:%M:%S  ", time.localtime(record.created)))


def test_another_event_is_told_with_its_reason_and_fields(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("terminal")
    log.warning("will try again", file="a.jpg", reason="the answer repeated itself", prompts=["ocr", "mood"])
    told = "a.jpg  will try again: the answer repeated itself (prompts ocr, mood)"
    assert after_the_time(lines[0]) == told


def test_a_pipe_gets_names_and_values(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("text")
    log.info("inbox back", inbox=Path("/a b"), prompts=["ocr", "mood"], fresh=True)
    fields = (
        'level=info logger=captiond.pipeline event="inbox back" inbox="/a b" prompts="ocr, mood" fresh=true'
    )
    assert lines[0].partition(" ")[2] == fields


def test_json_is_one_object_a_line(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("json")
    log.info("inbox back", inbox=Path("/é"), photos=3, seconds=1.5, reason=None)
    written = json.loads(lines[0])
    del written["time"]
    assert written == {
        "level": "info",
        "logger": "captiond.pipeline",
        "event": "inbox back",
        "inbox": "/é",
        "photos": 3,
        "seconds": 1.5,
        "reason": None,
    }


def test_the_time_in_a_log_is_utc_to_the_millisecond() -> None:
    lines = listening("json")
    fields = {"name": "captiond", "levelno": 30, "levelname": "WARNING", "msg": "x", "created": 0.25}
    logging.getLogger("captiond").handle(logging.makeLogRecord(fields))
    assert json.loads(lines[0])["time"] == "1970-01-01T00:00:00.250Z"


def test_the_time_in_a_log_is_the_time_it_happened(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("json")
    log.info("x")
    written = datetime.fromisoformat(json.loads(lines[0])["time"])
    assert abs((datetime.now(UTC) - written).total_seconds()) < 60


@pytest.mark.parametrize(
    ("method", "prefix"), [("debug", "<7>"), ("info", "<6>"), ("warning", "<4>"), ("error", "<3>")]
)
def test_the_journal_gets_a_priority(log: structlog.stdlib.BoundLogger, method: str, prefix: str) -> None:
    lines = listening("json", "debug", priorities=True)
    getattr(log, method)("x")
    assert lines[0].startswith(f'{prefix}{{"time"')


@pytest.mark.parametrize("style", ["terminal", "text", "json"])
def test_no_control_character_reaches_any_log(log: structlog.stdlib.BoundLogger, style: Style) -> None:
    lines = listening(style)
    evil = "\x1b[31m\n\u202egpj\udcff"
    log.bind(inbox=Path(evil)).warning(evil, file=evil, reason=evil, prompts=[evil], deep={"a": {evil: evil}})
    assert lines[0].isprintable()


@pytest.mark.parametrize("style", ["terminal", "text", "json"])
def test_what_was_read_in_a_picture_stays_out_of_every_log(
    log: structlog.stdlib.BoundLogger, style: Style
) -> None:
    lines = listening(style)
    private = dict.fromkeys(("description", "translation", "raw", "reply", "alt_text", "value"), "SECRET")
    log.warning("will try again", **private)
    assert "SECRET" not in lines[0]


def test_a_log_for_machines_tells_only_how_many_objects(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("json")
    log.info("described", **DESCRIBED)
    assert json.loads(lines[0])["objects"] == 2


def test_debug_lines_may_hold_a_reply(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("json", "debug")
    log.debug("replied", raw="the whole reply")
    assert json.loads(lines[0])["raw"] == "the whole reply"


def test_lines_under_the_level_are_dropped(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("text", "warning")
    log.info("dropped")
    log.warning("kept")
    assert [line.rpartition("=")[2] for line in lines] == ["kept"]


def test_libraries_are_heard_from_warnings_on() -> None:
    lines = listening("json", "debug")
    logging.getLogger("alembic.runtime").info("dropped")
    logging.getLogger("httpx").warning("odd %s", "thing")
    assert [json.loads(line)["event"] for line in lines] == ["odd thing"]


def test_a_librarys_line_on_a_terminal_names_the_library() -> None:
    lines = listening("terminal")
    logging.getLogger("httpx").warning("odd")
    assert after_the_time(lines[0]) == "httpx: odd"


def test_configuring_again_replaces_what_was_configured(log: structlog.stdlib.BoundLogger) -> None:
    first, second = listening("text"), listening("json")
    log.info("x")
    assert (len(first), len(second)) == (0, 1)


def fail_with(secret: str) -> None:
    raise ValueError(f"\x1b[31m{len(secret)}")


@pytest.mark.parametrize("style", ["terminal", "text", "json"])
def test_a_traceback_shows_the_way_but_no_variables(log: structlog.stdlib.BoundLogger, style: Style) -> None:
    lines = listening(style)
    try:
        fail_with("hunter" + "2")
    except ValueError:
        log.exception("a fault in captiond")
    assert "in fail_with" in lines[0]
    assert "hunter2" not in lines[0]


def test_an_escape_sequence_in_an_exception_is_escaped(log: structlog.stdlib.BoundLogger) -> None:
    lines = listening("terminal")
    try:
        fail_with("")
    except ValueError:
        log.exception("a fault in captiond")
    assert lines[0].endswith(r"ValueError: \x1b[31m0")


def test_lines_go_to_standard_error_by_default(
    log: structlog.stdlib.BoundLogger, capsys: pytest.CaptureFixture[str]
) -> None:
    configure("text", "info")
    log.info("hello")
    written = capsys.readouterr()
    assert written.err.endswith("event=hello\n")
    assert written.out == ""


@pytest.mark.parametrize("log_setting", ["text", "json"])
def test_a_style_that_was_chosen_is_kept(log_setting: str) -> None:
    assert style_for(log_setting, {}, sys.stderr) == log_setting


def test_a_pipe_gets_text() -> None:
    assert style_for("auto", {}, io.StringIO()) == "text"


def test_a_terminal_gets_sentences_even_where_the_journals_variable_was_inherited() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(ours), os.fdopen(theirs, "w") as terminal:
        assert style_for("auto", {"JOURNAL_STREAM": "1:2"}, terminal) == "terminal"


def test_the_journal_gets_json(tmp_path: Path) -> None:
    with (tmp_path / "journal").open("w") as stream:
        status = os.fstat(stream.fileno())
        environ = {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"}
        assert style_for("auto", environ, stream) == "json"


def test_a_stream_without_a_file_is_not_the_journal() -> None:
    assert not is_journal({"JOURNAL_STREAM": "1:2"}, io.StringIO())
