"""Whatever a server does wrong comes out as the error of ours that says what to do about it."""

import json

import pytest

from captiond.errors import (
    BadConfiguration,
    CaptiondError,
    ModelMissing,
    ServerAway,
    ServerRefused,
    ServerStumbled,
    UnusableReply,
)
from captiond.vision.backend import ModelNotPulled, Question
from captiond.vision.ollama import OllamaBackend, TimeLimits
from vision.raw_server import (
    MODEL,
    Answer,
    MakeBackend,
    RawServer,
    body,
    bytes_as_they_are,
    failing,
    frame,
    good,
    hang,
    last,
    stream,
)

PICTURE = Question("What is this?", b"\xff\xd8 a picture")


def nested(status: int, message: str) -> Answer:
    return failing(status, json.dumps({"error": {"code": status, "message": message}}))


CRASHED = (
    "model runner has unexpectedly stopped, this may be due to resource limitations or an internal error, "
    "check ollama server logs for details"
)
REFUSALS: dict[str, tuple[Answer, type[CaptiondError], str]] = {
    "model gone": (failing(404, "model 'x' not found"), ModelNotPulled, "ollama pull"),
    "blob missing": (failing(400, '"x" does not support chat'), ModelMissing, "ollama pull"),
    "blind": (nested(400, "model does not support multimodal requests."), ModelMissing, "cannot see"),
    "blind, native": (nested(500, "image input is not supported - hint: x"), ModelMissing, "cannot see"),
    "damaged projector": (failing(500, 'read mmproj metadata "/x"'), ModelMissing, "cannot load"),
    "bad picture": (nested(400, "Failed to load image or audio file"), ServerRefused, "Failed to load image"),
    "too long": (
        nested(400, "request (9 tokens) exceeds the available context size"),
        ServerRefused,
        "num_ctx",
    ),
    "413 empty": (failing(413, ""), ServerRefused, "larger than"),
    "other 400": (failing(400, "missing request body"), ServerRefused, "missing request body"),
    "403 empty": (body(403, ""), ServerAway, "HTTP 403"),
    "no Ollama": (body(404, "404 page not found", "text/plain"), ServerAway, "No Ollama"),
    "405": (body(405, "405 method not allowed", "text/plain"), ServerAway, "No Ollama"),
    "redirected": (body(302, ""), ServerAway, "No Ollama"),
    "busy": (failing(503, "server busy, please try again.  maximum pending requests"), ServerAway, "busy"),
    "gateway": (body(502, "<html>Bad Gateway</html>", "text/html"), ServerAway, "HTTP 502"),
    "crashed": (failing(500, CRASHED), ServerStumbled, "unexpectedly stopped"),
    "out of memory": (failing(500, "cudaMalloc failed: out of memory"), ServerStumbled, "ran out of memory"),
    "repeats": (failing(500, "prediction aborted, token repeat limit reached"), UnusableReply, "repeated"),
    "bad option": (failing(500, 'option "num_ctx" must be of type integer'), BadConfiguration, "num_ctx"),
    "bad duration": (failing(400, 'time: missing unit in duration "3"'), BadConfiguration, "duration"),
    "error is an object": (failing(500, {"message": "boom"}), ServerStumbled, "boom"),
    "error is a list": (body(500, "[1]"), ServerStumbled, "not what Ollama sends"),
    "error is nothing": (body(500, ""), ServerStumbled, "no reason given"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", REFUSALS)
async def test_a_refusal_says_what_to_do(case: str, server: RawServer, backend: OllamaBackend) -> None:
    answer, kind, words = REFUSALS[case]
    server.on("/api/chat", answer)
    with pytest.raises(CaptiondError, match=words) as raised:
        await backend.ask(PICTURE)
    assert type(raised.value) is kind


HALF = frame("half a ")
BROKEN: dict[str, tuple[Answer, type[CaptiondError], str]] = {
    "hang before headers": (hang, ServerStumbled, "silent"),
    "hang mid-stream": (stream(HALF, end="hang"), ServerStumbled, "silent"),
    "a line without end": (stream(HALF, '{"message"', end="hang"), ServerStumbled, "silent"),
    "no answer at all": (bytes_as_they_are(), ServerStumbled, "broke off"),
    "no HTTP": (bytes_as_they_are(b"SSH-2.0-OpenSSH\r\n\r\n"), ServerStumbled, "broke off"),
    "cut between chunks": (stream(HALF, end="cut"), ServerStumbled, "broke off"),
    "cut mid-chunk": (stream(HALF, end="mid-chunk"), ServerStumbled, "broke off"),
    "no done": (stream(HALF), UnusableReply, "broke off in the middle"),
    "done is false": (stream(HALF, frame("", done=False)), UnusableReply, "broke off in the middle"),
    "zero frames": (stream(), UnusableReply, "before its first word"),
    "error line": (stream(HALF, '{"error":"unexpected EOF"}\n'), ServerStumbled, "unexpected EOF"),
    "error line, repeats": (
        stream(HALF, '{"error":"prediction aborted, token repeat limit reached"}\n'),
        UnusableReply,
        "repeated",
    ),
    "error line, object": (stream(HALF, '{"error":{"message":"x"}}\n'), ServerStumbled, "not what Ollama"),
    "garbage line": (stream(HALF, "<html>\n"), ServerStumbled, "not what Ollama sends"),
    "a list": (stream(HALF, "[1]\n"), ServerStumbled, "not what Ollama sends"),
    "a number": (stream("7\n"), ServerStumbled, "not what Ollama sends"),
    "wrong types": (stream('{"message":7}\n'), ServerStumbled, "not what Ollama sends"),
    "deep": (stream("[" * 100_000 + "\n"), ServerStumbled, "not what Ollama sends"),
    "not UTF-8": (stream(b'{"message":{"content":"\xff\xfe"\n'), ServerStumbled, "not what Ollama sends"),
    "long line": (stream(b"x" * 1_200_000, end="hang"), ServerStumbled, "a line of more than"),
    "endless": (stream(*[frame("x" * 900_000)] * 6, end="hang"), UnusableReply, "too long"),
    "endless without words": (
        stream(*[frame("", stuffing="x" * 900_000)] * 6, end="hang"),
        ServerStumbled,
        "4,000,000 bytes",
    ),
    "prompt cut": (stream(frame("x"), last(prompt_eval_count=4096)), ServerRefused, "ollama.num_ctx"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("case", BROKEN)
async def test_a_broken_reply_is_no_reply(case: str, server: RawServer, backend: OllamaBackend) -> None:
    answer, kind, words = BROKEN[case]
    server.on("/api/chat", answer)
    with pytest.raises(kind, match=words):
        await backend.ask(PICTURE)


@pytest.mark.anyio
async def test_what_came_before_the_break_is_kept(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", stream(HALF))
    with pytest.raises(UnusableReply) as raised:
        await backend.ask(PICTURE)
    assert raised.value.raw == "half a "


@pytest.mark.anyio
async def test_a_slow_reply_is_waited_for_until_the_total_limit(
    server: RawServer, backend_at: MakeBackend
) -> None:
    limits = TimeLimits(first_frame_seconds=5, gap_seconds=5, total_seconds=0.2)
    server.on("/api/chat", stream(HALF, end="hang"))
    with pytest.raises(ServerStumbled, match=r"did not finish its reply within 0\.2 seconds"):
        await backend_at(server.url, limits=limits).ask(PICTURE)


@pytest.mark.anyio
async def test_a_refused_connection_is_an_outage(server: RawServer, backend: OllamaBackend) -> None:
    await server.stop()
    with pytest.raises(ServerAway, match="No Ollama answers"):
        await backend.ask(PICTURE)


@pytest.mark.anyio
async def test_a_name_that_does_not_exist_is_an_outage(backend_at: MakeBackend) -> None:
    with pytest.raises(ServerAway, match=r"no-such-host\.invalid"):
        await backend_at("http://no-such-host.invalid").inspect()


@pytest.mark.anyio
async def test_a_server_that_is_gone_after_the_break_is_an_outage(
    server: RawServer, backend: OllamaBackend
) -> None:
    server.on("/api/version", body(200, '{"version":"0.33.0"}'), bytes_as_they_are())
    server.on("/api/chat", stream(HALF, end="cut"))
    with pytest.raises(ServerAway, match="went away"):
        await backend.ask(PICTURE)


@pytest.mark.anyio
async def test_after_every_fault_the_next_question_is_answered(
    server: RawServer, backend: OllamaBackend
) -> None:
    answers = [answer for answer, _, _ in {**REFUSALS, **BROKEN}.values()]
    server.on("/api/chat", *answers, good("at last"))
    for _ in answers:
        with pytest.raises(CaptiondError):
            await backend.ask(PICTURE)
    assert (await backend.ask(PICTURE)).text == "at last"


@pytest.mark.anyio
@pytest.mark.parametrize("case", [*REFUSALS, "hang", "garbage"])
async def test_an_inspection_raises_nothing_but_outages_and_bad_settings(
    case: str, server: RawServer, backend: OllamaBackend
) -> None:
    answer = REFUSALS[case][0] if case in REFUSALS else body(200, '"what?"')
    server.on("/api/version", answer)
    with pytest.raises((ServerAway, ModelMissing, BadConfiguration)):
        await backend.inspect()


@pytest.mark.anyio
async def test_the_sentence_names_server_and_model(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", failing(404, "model 'x' not found"))
    with pytest.raises(ModelNotPulled, match=MODEL) as raised:
        await backend.ask(PICTURE)
    assert server.url in str(raised.value)


@pytest.mark.anyio
async def test_a_server_cannot_command_the_terminal(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", failing(500, "\x1b[2Jgone\n\n" + "x" * 5000))
    with pytest.raises(ServerStumbled) as raised:
        await backend.ask(PICTURE)
    assert str(raised.value).isprintable()
    assert len(str(raised.value)) < 400


@pytest.mark.anyio
@pytest.mark.parametrize("words", [["x" * 30_000], ["word "] * 3_000], ids=["one word", "many words"])
async def test_a_reply_longer_than_its_tokens_can_be_is_none(
    server: RawServer, backend: OllamaBackend, words: list[str]
) -> None:
    server.on("/api/chat", good(*words))
    with pytest.raises(UnusableReply, match="too long: more than 12,000 bytes") as caught:
        await backend.ask(PICTURE)
    assert len(caught.value.raw) <= 12_000


@pytest.mark.anyio
async def test_a_reply_of_long_words_is_one(server: RawServer, backend: OllamaBackend) -> None:
    server.on("/api/chat", good(*["Донаудампфшиффартсгезельшафт "] * 100))
    assert len((await backend.ask(PICTURE)).text) == 2_900
