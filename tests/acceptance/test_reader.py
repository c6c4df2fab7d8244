"""Text is read on a machine without a GPU and without a model server."""

from importlib.util import find_spec
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, SimulatedServer
from reader.signs import SIGNS, drawn

NO_SERVER = "http://127.0.0.1:9"
READER_ALONE = """\
[prompts.objects]
enabled = false
[prompts.description]
enabled = false
[prompts.translation]
enabled = false
[prompts.ocr]
engine = "reader"
"""
READER_AS_WITNESS = READER_ALONE.replace("engine", "witness")
READER_AND_MODEL = """\
[prompts.objects]
enabled = false
[prompts.ocr]
engine = "reader"
"""

installed = pytest.mark.skipif(find_spec("rapidocr") is None, reason="the extra `reader` is not installed")


@installed
def test_without_any_server_text_is_read_and_found(impatient: Command, inbox: Path) -> None:
    (inbox / "sign.jpg").write_bytes(drawn(SIGNS[0]))
    impatient.configure(READER_ALONE)
    ended = impatient("run", "--once", "--ollama", NO_SERVER, inbox)
    assert (ended.returncode, "server away" in ended.stderr) == (0, False), ended.stderr
    assert "sign.jpg" in impatient("search", "elephants").stdout
    [told] = impatient.rows("SELECT text FROM photos")
    assert told[0].endswith("Éléphants en liberté")


@installed
def test_while_the_server_is_away_the_reader_goes_ahead_and_the_rest_follows(
    impatient: Command, inbox: Path, eventually: Eventually, server: SimulatedServer
) -> None:
    (inbox / "sign.jpg").write_bytes(drawn(SIGNS[0]))
    impatient.configure(READER_AND_MODEL)
    with impatient.running("--ollama", NO_SERVER, inbox):
        eventually(lambda: impatient.told("described"), 60)
        assert impatient.told("server away")
        assert [answer[0] for answer in impatient.rows("SELECT prompt FROM results")] == ["ocr"]
        assert "sign.jpg" in impatient("search", "elephants").stdout
    ended = impatient("run", "--once", inbox)
    assert ended.returncode == 0, ended.stderr
    asked = {prompt for (prompt,) in impatient.rows("SELECT prompt FROM results WHERE status = 'ok'")}
    assert asked == {"ocr", "description", "translation"}
    assert len(server.questions) == 2


@installed
def test_a_witness_gives_the_model_a_hint_and_its_answer_a_mark(
    impatient: Command, inbox: Path, server: SimulatedServer
) -> None:
    # The simulated model reads strips alone; on this sign it sees no text.
    (inbox / "sign.jpg").write_bytes(drawn(SIGNS[0]))
    impatient.configure(READER_AS_WITNESS)
    assert impatient("run", "--once", inbox).returncode == 0
    [question] = server.questions
    assert "Another program read" in question["prompt"]
    assert question["prompt"].endswith("Éléphants en liberté\n>>>")
    assert "needs a look: the reader reads something else" in impatient("show", inbox / "sign.jpg").stdout


def test_without_the_extra_it_says_so_at_once_with_the_line_and_the_cure(
    impatient: Command, inbox: Path, tmp_path: Path
) -> None:
    hidden = tmp_path / "without"
    hidden.mkdir()
    (hidden / "sitecustomize.py").write_text("import sys\nsys.modules['rapidocr'] = None\n")
    impatient.settings["PYTHONPATH"] = str(hidden)
    impatient.configure(READER_ALONE)
    ended = impatient("doctor", inbox)
    assert ended.returncode == 78
    assert "captiond.toml:8" in ended.stderr
    assert "pip install rapidocr onnxruntime" in ended.stderr
