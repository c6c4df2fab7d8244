import base64
import dataclasses
import os

from captiond.model import Answer, PictureFacts, Status
from captiond.sidecars import render
from sidecars.examples import ELEPHANT, answered, photo, rendered


class TestTheDocument:
    def test_gives_quick_readers_the_answers_alone(self) -> None:
        assert rendered()["summary"] == {
            "objects": ["elephant", "road sign"],
            "description": "An elephant beside a yellow road sign.",
            "text": "Attention !\nÉléphants en liberté",
            "text_language": "fr",
            "translation": "Caution!\nElephants roaming free",
            "translation_language": "en",
            "answers": {"mood": "calm"},
        }

    def test_says_of_each_answer_who_gave_it_and_when(self) -> None:
        assert rendered()["results"]["translation"] == {
            "status": "ok",
            "source": "model",
            "from": "ocr",
            "value": "Caution!\nElephants roaming free",
            "language": "en",
            "digest": "0ae287eebd402703",
            "prompt_version": "5b1e0c97ad42",
            "model": {
                "name": "llava:13b",
                "digest": "sha256:0d0eb4d7f485",
                "family": "llama",
                "parameters": "13B",
                "quantization": "Q4_0",
                "server": "ollama 0.32.15",
            },
            "finish": "stop",
            "created_at": "2026-05-01T10:04:01Z",
            "timing": {"seconds": 2.31, "prompt_tokens": 2954, "output_tokens": 31},
        }

    def test_is_utf8_with_readable_letters_and_a_last_newline(self) -> None:
        content = render(ELEPHANT, photo(), "0.4.0")

        assert "Éléphants" in content.decode()
        assert content.endswith(b"\n}\n")

    def test_is_the_same_whatever_order_the_results_come_in(self) -> None:
        turned = dataclasses.replace(ELEPHANT, results=ELEPHANT.results[::-1])

        assert render(turned, photo(), "0.4.0") == render(ELEPHANT, photo(), "0.4.0")

    def test_says_null_where_there_is_no_text(self) -> None:
        entry = dataclasses.replace(ELEPHANT, results=(answered("ocr", Answer(Status.EMPTY)),))

        assert rendered(entry)["summary"] == {"text": None}

    def test_gives_a_skipped_prompt_its_reason_and_no_answer(self) -> None:
        skipped = Answer(Status.SKIPPED, reason="There is no text to translate.")
        document = rendered(dataclasses.replace(ELEPHANT, results=(answered("translation", skipped),)))

        assert document["summary"] == {}
        assert document["results"]["translation"]["reason"] == "There is no text to translate."

    def test_never_holds_a_rejected_reply(self) -> None:
        refused = answered("description", Answer(Status.REJECTED, "I cannot help with that."))

        assert rendered(dataclasses.replace(ELEPHANT, results=(refused,)))["results"] == {}

    def test_says_why_a_photo_is_not_done(self) -> None:
        entry = dataclasses.replace(ELEPHANT, state="failed", reason="The model repeated itself.")

        assert (rendered(entry)["state"], rendered(entry)["reason"]) == (
            "failed",
            "The model repeated itself.",
        )

    def test_never_says_where_the_picture_was_taken(self) -> None:
        facts = PictureFacts("JPEG", 40, 30, latitude=48.85837, longitude=2.29448)
        content = render(dataclasses.replace(ELEPHANT, facts=facts), photo(), "0.4.0")

        assert b"48.8" not in content
        assert b"2.29" not in content

    def test_keeps_the_exact_name_of_a_photo_that_is_not_utf8(self) -> None:
        image = rendered(name=os.fsdecode(b"caf\xe9.jpg"))["image"]

        assert image["file"] == "caf\\xe9.jpg"
        assert base64.b64decode(image["file_base64"]) == b"caf\xe9.jpg"

    def test_survives_a_lone_surrogate(self) -> None:
        broken = answered("description", Answer(Status.OK, "half \ud83d of an emoji"))
        document = rendered(dataclasses.replace(ELEPHANT, results=(broken,)))

        assert document["summary"]["description"] == "half \ufffd of an emoji"

    def test_tells_times_to_the_millisecond(self) -> None:
        result = dataclasses.replace(answered("mood", Answer(Status.OK, "calm")), seconds=1.23456)
        document = rendered(dataclasses.replace(ELEPHANT, results=(result,)))

        assert document["results"]["mood"]["timing"]["seconds"] == 1.235
