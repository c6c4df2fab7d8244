"""A server without the model: it is fetched, or one sentence says how to."""

import json
import os
import re
import urllib.request
from pathlib import Path

from acceptance.conftest import Command, Eventually, SimulatedServer, beside, simulated_server
from conftest import MakePhoto

MODEL = "llava:13b-v1.6"
UNCHARGED = "SELECT state, count(*), sum(tries), count(error) FROM jobs GROUP BY state"


def pull_by_hand(server: SimulatedServer) -> None:
    body = json.dumps({"model": MODEL, "stream": False}).encode()
    urllib.request.urlopen(f"{server.url}/api/pull", body).close()


def test_a_missing_model_is_fetched_with_progress_and_the_work_goes_on(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    photo = make_photo()
    with simulated_server("--missing-model") as server:
        impatient.url = server.url
        ended = impatient("run", "--once", inbox)

    assert ended.returncode == 0
    assert beside(photo).exists()
    fetching = [line for line in ended.stderr.splitlines() if 'event="fetching the model"' in line]
    percents = {int(found.group(1)) for line in fetching if (found := re.search(r"percent=(\d+)", line))}
    assert len(percents) > 5
    assert max(percents) == 100
    assert 'event="server ready"' in ended.stderr


def test_a_model_that_may_not_be_fetched_is_asked_for_in_one_sentence(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo()
    impatient.settings["CAPTIOND_OLLAMA__PULL"] = "false"
    with simulated_server("--missing-model") as server:
        impatient.url = server.url
        ended = impatient("run", "--once", inbox)
        assert server.questions == []

    assert ended.returncode == os.EX_UNAVAILABLE
    away, left = [line for line in ended.stderr.splitlines() if "level=warning" in line]
    assert f"has not got the model {MODEL}. `ollama pull {MODEL}` there fetches it." in away
    assert 'event="not finished" reason="1 photo waits; ' in left
    assert impatient.rows(UNCHARGED) == [("queued", 4, 0, 0)]


def test_a_waiting_daemon_goes_on_when_somebody_fetched_the_model(
    impatient: Command, inbox: Path, make_photo: MakePhoto, eventually: Eventually
) -> None:
    photo = make_photo()
    impatient.settings["CAPTIOND_OLLAMA__PULL"] = "false"
    with simulated_server("--missing-model") as server:
        impatient.url = server.url
        with impatient.running(inbox):
            eventually(lambda: impatient.told("server away"))
            eventually(lambda: impatient.rows(UNCHARGED) == [("queued", 4, 0, 0)])
            pull_by_hand(server)
            eventually(beside(photo).exists)

    assert len(impatient.told("server away")) == 1


def test_a_model_that_cannot_be_fetched_is_told_with_the_reason(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo()
    with simulated_server("--missing-model", "--registry", "empty") as server:
        impatient.url = server.url
        ended = impatient("run", "--once", inbox)

    assert ended.returncode == os.EX_UNAVAILABLE
    assert f"The model {MODEL} could not be fetched." in ended.stderr
    assert impatient.rows(UNCHARGED) == [("queued", 4, 0, 0)]


def test_a_model_that_cannot_see_is_never_asked(
    impatient: Command, inbox: Path, make_photo: MakePhoto
) -> None:
    make_photo()
    with simulated_server() as server:
        impatient.url = server.url
        ended = impatient("run", "--once", "--model", "textonly", inbox)
        assert server.questions == []

    assert ended.returncode == os.EX_UNAVAILABLE
    assert "cannot see pictures. Choose a vision model, such as llava:13b-v1.6." in ended.stderr
    assert impatient.rows(UNCHARGED) == [("queued", 4, 0, 0)]
