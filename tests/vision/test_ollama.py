"""The adapter on a server that does well: what it sees, what it sends, what it gives back."""

import asyncio
import json
from typing import Any

import pytest

from captiond.errors import ModelMissing, UnusableReply
from captiond.model import Fit
from captiond.vision.backend import ModelNotPulled, Question
from captiond.vision.model_facts import PINPOINTS
from captiond.vision.ollama import OllamaBackend
from vision.raw_server import MODEL, SHOWN, MakeBackend, RawServer, body, frame, good, last, stream

PICTURE = Question("What is this?", b"\xff\xd8 a picture", num_predict=40, options={"seed": 7})
BLIND = {**SHOWN, "capabilities": ["completion"]}


async def body_sent(
    server: RawServer, backend: OllamaBackend, question: Question = PICTURE
) -> dict[str, Any]:
    server.on("/api/chat", good("a ", "cat"))
    await backend.ask(question)
    content = server.sent_to("/api/chat")[-1].content
    assert isinstance(content, dict)
    return content


@pytest.mark.anyio
async def test_a_look_tells_what_is_there(server: RawServer, backend: OllamaBackend) -> None:
    found = await backend.inspect()
    assert (found.server_version, found.model, found.digest) == ("0.33.0", MODEL, "d" * 64)
    assert (found.fit_for(None), found.gpu_share, found.warnings) == (Fit(((336, 336),)), None, ())


@pytest.mark.anyio
async def test_a_look_asks_for_the_grids_where_they_are_hidden(
    server: RawServer, backend: OllamaBackend
) -> None:
    hidden = {**SHOWN, "projector_info": {PINPOINTS: None}}
    named = {**SHOWN, "projector_info": {PINPOINTS: [384, 768]}}
    server.on("/api/show", body(200, json.dumps(hidden)), body(200, json.dumps(named)))
    assert (await backend.inspect()).fit_for(None) == Fit(((384, 768),))


@pytest.mark.anyio
async def test_a_loaded_model_on_the_cpu_is_told_of(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/ps", body(200, json.dumps({"models": [{"model": MODEL, "size": 9, "size_vram": 0}]})))
    found = await backend.inspect()
    assert found.gpu_share == 0
    assert "on the CPU alone" in found.warnings[0]


@pytest.mark.anyio
async def test_a_model_that_is_not_there_can_be_pulled(server: RawServer, backend: OllamaBackend) -> None:
    server.with_models("other:latest")
    with pytest.raises(ModelNotPulled, match=f"ollama pull {MODEL}"):
        await backend.inspect()


@pytest.mark.anyio
async def test_a_model_that_cannot_see_is_refused(server: RawServer, backend: OllamaBackend) -> None:
    server.with_models(MODEL, shown=BLIND)
    with pytest.raises(ModelMissing, match="cannot see pictures"):
        await backend.inspect()


@pytest.mark.anyio
async def test_a_prompts_own_model_that_cannot_see_is_not_shown_a_picture(
    server: RawServer, backend: OllamaBackend
) -> None:
    server.with_models(MODEL, "words:latest")
    server.on("/api/show", body(200, json.dumps(SHOWN)), body(200, json.dumps(BLIND)))
    with pytest.raises(ModelMissing, match=r"words on .* cannot see"):
        await backend.ask(Question("?", b"jpeg", model="words"))
    assert not server.sent_to("/api/chat")


@pytest.mark.anyio
async def test_a_model_without_eyes_may_answer_about_text(server: RawServer, backend: OllamaBackend) -> None:
    server.with_models(MODEL, "words:latest")
    server.on("/api/show", body(200, json.dumps(SHOWN)), body(200, json.dumps(BLIND)))
    server.on("/api/chat", good("Hello"))
    assert (await backend.ask(Question("Translate: Hallo", model="words"))).model.name == "words"


@pytest.mark.anyio
async def test_the_picture_comes_first_in_a_message_of_its_own(
    server: RawServer, backend: OllamaBackend
) -> None:
    messages = (await body_sent(server, backend))["messages"]
    assert messages == [
        {"role": "user", "images": ["/9ggYSBwaWN0dXJl"]},
        {"role": "user", "content": "What is this?"},
    ]


@pytest.mark.anyio
async def test_a_question_about_text_is_one_message(server: RawServer, backend: OllamaBackend) -> None:
    messages = (await body_sent(server, backend, Question("Translate.")))["messages"]
    assert messages == [{"role": "user", "content": "Translate."}]


@pytest.mark.anyio
async def test_options_that_load_the_model_are_always_the_same(
    server: RawServer, backend_at: MakeBackend
) -> None:
    backend = backend_at(server.url, options={"num_ctx": 4096, "seed": 1, "repeat_penalty": 1.1})
    question = Question("?", b"jpeg", options={"num_ctx": 9, "num_gpu": 0, "seed": 7}, num_predict=0)
    options = (await body_sent(server, backend, question))["options"]
    assert options == {"num_ctx": 4096, "seed": 7, "repeat_penalty": 1.1, "num_predict": 1}


@pytest.mark.anyio
@pytest.mark.parametrize(("setting", "sent"), [("30m", "30m"), ("-1", -1), (0, 0), (None, None)])
async def test_keep_alive_is_sent_as_the_server_reads_it(
    setting: Any, sent: Any, server: RawServer, backend_at: MakeBackend
) -> None:
    content = await body_sent(server, backend_at(server.url, keep_alive=setting))
    assert content.get("keep_alive") == sent


@pytest.mark.anyio
async def test_a_schema_is_sent_as_the_format(server: RawServer, backend: OllamaBackend) -> None:
    schema = {"type": "object", "properties": {"objects": {"type": "array"}}}
    content = await body_sent(server, backend, Question("?", b"jpeg", schema=schema))
    assert (content["format"], content["stream"]) == (schema, True)


@pytest.mark.anyio
@pytest.mark.parametrize(("capabilities", "sent"), [(["vision"], None), (["vision", "thinking"], False)])
async def test_only_a_model_that_thinks_is_told_not_to(
    capabilities: list[str], sent: Any, server: RawServer, backend: OllamaBackend
) -> None:
    server.with_models(MODEL, shown={**SHOWN, "capabilities": capabilities})
    assert (await body_sent(server, backend)).get("think") is sent


@pytest.mark.anyio
async def test_a_reply_tells_what_it_cost(server: RawServer, backend: OllamaBackend) -> None:
    end = last(load_duration=2_500_000_000, prompt_eval_count=647, eval_count=3, done_reason="length")
    server.on("/api/chat", stream(frame("a "), frame("cat"), end))
    reply = await backend.ask(PICTURE)
    assert (reply.text, reply.finish, reply.thinking) == ("a cat", "length", "")
    assert (reply.load_seconds, reply.prompt_tokens, reply.output_tokens) == (2.5, 647, 3)


@pytest.mark.anyio
async def test_a_reply_tells_who_gave_it(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", good("a cat"))
    model = (await backend.ask(PICTURE)).model
    assert (model.name, model.digest, model.family) == (MODEL, "d" * 64, "llama")
    assert (model.parameters, model.server) == ("13B", "Ollama 0.33.0")


@pytest.mark.anyio
async def test_thoughts_are_kept_apart(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", stream(frame(thinking="hm"), frame("", thinking="m"), last()))
    reply = await backend.ask(PICTURE)
    assert (reply.text, reply.thinking) == ("", "hmm")


@pytest.mark.anyio
async def test_half_a_character_does_not_get_through(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", stream(frame("caf\ud800é"), last()))
    assert (await backend.ask(PICTURE)).text == "caf\ufffdé"


@pytest.mark.anyio
async def test_frames_cut_anywhere_make_the_same_reply(server: RawServer, backend: OllamaBackend) -> None:
    wire = (frame("Grüße, ") + frame("Welt") + last()).encode()
    server.on("/api/chat", stream(*(wire[at : at + 7] for at in range(0, len(wire), 7))))
    assert (await backend.ask(PICTURE)).text == "Grüße, Welt"


@pytest.mark.anyio
async def test_a_chain_of_questions_uses_one_connection(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", good("a cat"))
    for _ in range(4):
        await backend.ask(PICTURE)
    assert not server.hung_up.is_set()


@pytest.mark.anyio
async def test_a_reply_gone_wrong_is_broken_off_early(server: RawServer, backend_at: MakeBackend) -> None:
    def loops(text: str) -> str | None:
        return "it repeats itself" if text.count("the ") > 90 else None

    server.on("/api/chat", stream(*[frame("the ")] * 200, end="hang"))
    with pytest.raises(UnusableReply, match="it repeats itself") as raised:
        await backend_at(server.url, stop_early=loops).ask(PICTURE)
    assert raised.value.raw == "the " * 100
    await asyncio.wait_for(server.hung_up.wait(), 1)


@pytest.mark.anyio
async def test_cancelling_closes_the_connection_at_once(server: RawServer, backend_at: MakeBackend) -> None:
    backend = backend_at(server.url, limits=None)
    await backend.inspect()
    server.on("/api/chat", stream(frame("a "), end="hang"))
    asking = asyncio.create_task(backend.ask(PICTURE))
    await server.heard("/api/chat")
    asking.cancel()
    await asyncio.wait_for(server.hung_up.wait(), 1)
    await asyncio.wait([asking])
    assert asking.cancelled()


@pytest.mark.anyio
async def test_a_pull_tells_how_far_it_is(server: RawServer, backend: OllamaBackend) -> None:
    server.with_models()
    lines = ['{"status":"pulling ab","total":9,"completed":4}\n', '{"status":"success"}\n']
    server.on("/api/pull", stream(*lines))
    heard: list[tuple[str, int, int]] = []
    await backend.pull(lambda *news: heard.append(news))
    assert heard == [("pulling ab", 4, 9), ("success", 0, 0)]


@pytest.mark.anyio
async def test_what_is_there_is_not_pulled(server: RawServer, backend: OllamaBackend) -> None:
    await backend.pull(lambda *_: None)
    assert not server.sent_to("/api/pull")


@pytest.mark.anyio
@pytest.mark.parametrize(
    "lines",
    [
        ['{"status":"pulling manifest"}\n', '{"error":"pull model manifest: dial tcp: lookup x"}\n'],
        ['{"status":"pulling manifest"}\n'],
        ["<html>\n"],
    ],
)
async def test_a_failed_pull_names_the_command(
    lines: list[str], server: RawServer, backend: OllamaBackend
) -> None:
    server.with_models()
    server.on("/api/pull", stream(*lines))
    with pytest.raises(ModelMissing, match=f"ollama pull {MODEL}"):
        await backend.pull(lambda *_: None)
