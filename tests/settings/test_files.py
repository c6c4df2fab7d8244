"""A configuration that is a pipe, or no file at all."""

import os
import threading
from pathlib import Path

import pytest

from captiond.errors import BadConfiguration
from captiond.settings import files
from captiond.settings.files import bytes_of
from captiond.settings.sources import read_toml


def test_a_file_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 200_000)
    assert bytes_of(tmp_path / "a") == b"x" * 200_000


def test_an_empty_file_is_no_pipe() -> None:
    assert bytes_of(Path(os.devnull)) == b""


def test_a_pipe_is_read_to_its_end(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = b"x" * 200_000
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    assert bytes_of(pipe) == content
    writer.join()


def test_a_pipe_into_which_nobody_writes_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIPE_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(BadConfiguration, match="nobody writes into this pipe"):
        read_toml(tmp_path / "pipe")


def test_a_pipe_that_is_open_and_silent_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "PIPE_SECONDS", 0.1)
    os.mkfifo(tmp_path / "pipe")
    both = os.open(tmp_path / "pipe", os.O_RDWR)
    with pytest.raises(BadConfiguration, match="nobody writes into this pipe"):
        read_toml(tmp_path / "pipe")
    os.close(both)


def test_a_device_without_an_end_is_too_large() -> None:
    with pytest.raises(BadConfiguration, match="too large"):
        read_toml(Path("/dev/zero"))


@pytest.mark.parametrize(
    ("toml", "reason"),
    [
        ("x = " + "[" * 5000, "nested too deep"),
        ("x = " + "{a=" * 5000, "nested too deep"),
        ("x = " + "9" * 5000, "not valid TOML: "),
    ],
    ids=["lists", "tables", "digits"],
)
def test_toml_that_python_cannot_hold_is_a_mistake(tmp_path: Path, toml: str, reason: str) -> None:
    (tmp_path / "a.toml").write_text(toml)
    with pytest.raises(BadConfiguration, match=reason):
        read_toml(tmp_path / "a.toml")
