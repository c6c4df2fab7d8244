"""Signals: SIGTERM and SIGINT stop it at once and cost nothing, SIGHUP reads the settings again."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from acceptance.conftest import Command, Eventually, Sidecar, SimulatedServer, beside
from conftest import MakePhoto

FOR_EVER: dict[str, object] = {"kind": "hang-mid-stream"}
OPEN_JOBS = "SELECT count(*), sum(tries), sum(crashes), count(owner), count(error) FROM jobs"
COLOUR = """
[prompts.colour]
kind = "text"
text = "Which colour is this picture mostly?"
"""
LONGEST_STOP_SECONDS = 5


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_in_the_middle_of_a_question_is_quick_and_charges_nothing(
    *,
    number: signal.Signals,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    eventually: Eventually,
) -> None:
    photos = [make_photo("one.jpg"), make_photo("two.jpg", "navy")]
    server.plant(FOR_EVER)
    with impatient.running(inbox) as process:
        eventually(lambda: len(server.questions) == 1)
        process.send_signal(number)
        assert process.wait(LONGEST_STOP_SECONDS) == 0
    eventually(lambda: server.counters["disconnects"] == 1)

    assert impatient.rows(OPEN_JOBS) == [(8, 0, 0, 0, 0)]
    assert impatient.rows("SELECT DISTINCT state FROM jobs") == [("queued",)]
    server.plant()
    assert impatient("run", "--once", inbox).returncode == 0
    assert all(beside(photo).exists() for photo in photos)
    assert len(server.questions) == 1 + 2 * 3


@pytest.mark.parametrize("once", [True, False])
def test_a_stop_without_a_server_is_quick(
    *,
    once: bool,
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    free_port: int,
    eventually: Eventually,
) -> None:
    make_photo()
    impatient.url = f"http://127.0.0.1:{free_port}"
    impatient.settings["CAPTIOND_INBOX__QUIET_SECONDS"] = "30" if once else "0.2"
    with impatient.running(*(["--once"] if once else []), inbox) as process:
        eventually(lambda: impatient.told("server away"))
        process.terminate()
        assert process.wait(LONGEST_STOP_SECONDS) == (os.EX_TEMPFAIL if once else 0)


def test_a_stopped_daemon_leaves_no_process_behind(
    impatient: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo()
    with impatient.running(inbox) as process:
        eventually(beside(photo).exists)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children, "the decoder"
        process.terminate()
        process.wait(LONGEST_STOP_SECONDS)
        assert not any(Path(f"/proc/{child}").exists() for child in children)


def test_a_killed_daemon_takes_its_decoder_along(
    impatient: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo()
    with impatient.running(inbox) as process:
        eventually(beside(photo).exists)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        process.kill()
        process.wait()
    eventually(lambda: not any(is_alive(child) for child in children))


def is_alive(child: str) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{child}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_a_standard_error_that_nobody_reads_stalls_nothing(
    impatient: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photos = [make_photo(f"{hue}.png", f"hsl({9 * hue}, 90%, 40%)", size=(64, 64)) for hue in range(40)]
    unread, standard_error = os.pipe()
    fcntl.fcntl(standard_error, fcntl.F_SETPIPE_SZ, 4096)
    command = [sys.executable, "-m", "captiond", "run", str(inbox)]
    with subprocess.Popen(command, env=impatient.environment, stderr=standard_error) as process:
        os.close(standard_error)
        try:
            eventually(lambda: all(beside(photo).exists() for photo in photos))
            process.terminate()
            assert process.wait(LONGEST_STOP_SECONDS) == 0
        finally:
            process.kill()
            os.close(unread)


def test_a_new_prompt_is_asked_of_old_photos_after_a_hangup(
    *,
    impatient: Command,
    server: SimulatedServer,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    photo, settings = make_photo(), impatient.home / "captiond.toml"
    settings.write_text("")
    with impatient.running("--config", settings, inbox) as process:
        eventually(beside(photo).exists)
        asked, answers = len(server.questions), sidecar_of(photo)["results"]
        settings.write_text(COLOUR)
        process.send_signal(signal.SIGHUP)
        eventually(lambda: "colour" in sidecar_of(photo)["results"])

    assert sidecar_of(photo)["summary"]["answers"] == {"colour": "Green."}
    assert len(server.questions) == asked + 1
    assert {name: sidecar_of(photo)["results"][name] for name in answers} == answers
    assert impatient.rows("SELECT colour FROM photos") == [("Green.",)]
    assert impatient("search", "colour:green").returncode == 0


def test_settings_with_a_mistake_are_refused_and_the_old_ones_stay(
    impatient: Command,
    inbox: Path,
    make_photo: MakePhoto,
    sidecar_of: Sidecar,
    eventually: Eventually,
) -> None:
    first, settings = make_photo("first.jpg"), impatient.home / "captiond.toml"
    settings.write_text(COLOUR)
    with impatient.running("--config", settings, inbox) as process:
        eventually(beside(first).exists)
        settings.write_text(COLOUR + "\n[inbox]\nquiet_secnds = 1\n")
        process.send_signal(signal.SIGHUP)
        eventually(lambda: impatient.told("settings are wrong; the old ones stay"))
        second = make_photo("second.jpg", "navy")
        eventually(beside(second).exists)
        assert process.poll() is None

    assert sidecar_of(second)["results"].keys() == sidecar_of(first)["results"].keys() >= {"colour"}
    (refusal,) = impatient.told("settings are wrong; the old ones stay")
    assert f"{settings}:7: inbox.quiet_secnds" in refusal
    assert "quiet_seconds" in refusal


def test_a_second_captiond_on_the_same_catalogue_is_refused(
    impatient: Command, inbox: Path, eventually: Eventually
) -> None:
    with impatient.running(inbox) as process:
        eventually(lambda: impatient.told("watching"))
        second = impatient("run", inbox)
        assert process.poll() is None

    assert second.returncode == os.EX_TEMPFAIL == 75
    assert second.stderr == (
        f"captiond: another captiond is running with {impatient.catalogue} (process {process.pid}): "
        "stop it first, or name another --catalogue\n"
    )
