"""Where pictures go, with which key, and what may come back."""

import gzip

import pytest

from captiond.errors import BadConfiguration, ServerAway, ServerStumbled
from captiond.vision.backend import Question
from captiond.vision.connection import address
from vision.raw_server import Answer, MakeBackend, RawServer, body, bytes_as_they_are, frame, good, last

PICTURE = Question("What is this?", b"jpeg")


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("gpu-box", "http://gpu-box:11434"),
        ("gpu-box:8080", "http://gpu-box:8080"),
        ("0.0.0.0", "http://127.0.0.1:11434"),
        ("[::1]", "http://[::1]:11434"),
        ("http://127.0.0.1:11434", "http://127.0.0.1:11434"),
        ("https://home.example/ollama", "https://home.example/ollama"),
    ],
)
def test_an_address_is_read_as_ollama_reads_it(text: str, url: str) -> None:
    assert str(address(text)) == url


@pytest.mark.parametrize("text", ["", "http://", "ftp://x", "http://x:99999999", "http://[::1", "\x00"])
def test_what_is_no_address_is_a_wrong_setting(text: str) -> None:
    with pytest.raises(BadConfiguration, match=r"ollama\.url"):
        address(text)


async def headers_sent(
    server: RawServer, backend_at: MakeBackend, url: str, **settings: str
) -> dict[str, str]:
    server.on("/api/chat", good("x"))
    await backend_at(url, **settings).ask(PICTURE)
    asked = server.received
    assert len({one.headers.get("authorization") for one in asked}) == 1, "the same for all paths"
    return asked[-1].headers


@pytest.mark.anyio
async def test_the_key_of_the_environment_is_not_sent(
    server: RawServer, backend_at: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_API_KEY", "secret")
    assert "authorization" not in await headers_sent(server, backend_at, server.url)


@pytest.mark.anyio
async def test_the_key_that_is_set_is_sent(server: RawServer, backend_at: MakeBackend) -> None:
    headers = await headers_sent(server, backend_at, server.url, api_key="mine")
    assert headers["authorization"] == "Bearer mine"


@pytest.mark.anyio
async def test_a_password_in_the_address_is_sent_but_not_told(
    server: RawServer, backend_at: MakeBackend
) -> None:
    url = server.url.replace("http://", "http://me:secret@")
    assert (await headers_sent(server, backend_at, url))["authorization"].startswith("Basic ")
    assert "secret" not in backend_at(url).name


@pytest.mark.anyio
async def test_a_proxy_of_the_environment_is_not_used(
    server: RawServer, backend_at: MakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    server.on("/api/chat", good("x"))
    assert (await backend_at(server.url).ask(PICTURE)).text == "x"


@pytest.mark.anyio
async def test_the_path_of_an_address_is_kept(server: RawServer, backend_at: MakeBackend) -> None:
    server.on("/ollama/api/version", body(200, '{"version":"0.33.0"}'))
    server.on("/ollama/api/tags", body(200, '{"models":[]}'))
    with pytest.raises(Exception, match="ollama pull"):
        await backend_at(f"{server.url}/ollama").inspect()


def packed(path: str) -> Answer:
    """Answer in a compressed form: 4 kB that unpack to 4 MB."""
    text = (frame("x" * 4_000_000) + last()).encode() if path == "/api/chat" else b'{"version":"0.33.0"}'
    content = gzip.compress(text)
    head = f"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {len(content)}\r\n\r\n"
    return bytes_as_they_are(head.encode(), content)


@pytest.mark.anyio
async def test_a_packed_reply_is_not_unpacked(server: RawServer, backend_at: MakeBackend) -> None:
    server.on("/api/chat", packed("/api/chat"))
    with pytest.raises(ServerStumbled, match="packs its answers"):
        await backend_at(server.url).ask(PICTURE)


@pytest.mark.anyio
async def test_a_server_that_packs_its_answers_is_told_of(server: RawServer, backend_at: MakeBackend) -> None:
    server.on("/api/version", packed("/api/version"))
    with pytest.raises(ServerAway, match="packs its answers"):
        await backend_at(server.url).inspect()
