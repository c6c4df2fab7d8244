"""The one way to a server: its address, who is let in, and how much it may send.

Everything goes through one transport, so that no byte leaves or comes past these rules.
"""

from base64 import b64encode
from codecs import getincrementaldecoder
from collections.abc import AsyncIterator, Generator, Mapping
from dataclasses import dataclass

import httpx

from captiond.errors import BadConfiguration, ServerStumbled
from captiond.model import Json

try:
    from ollama import AsyncClient, ResponseError
except ValueError as error:  # it reads the variable while it is imported
    raise BadConfiguration(
        f'environment: OLLAMA_HOST: must be an address like "http://127.0.0.1:11434" ({error})'
    ) from error

DEFAULT_PORT = 11434
HIGHEST_PORT = 65535
_ANY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104  # where a server listens, not where it is


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much an answer may hold: bytes in one line, and bytes in all."""

    line_bytes: int
    total_bytes: int | None


REPLY = Allowance(line_bytes=1_000_000, total_bytes=4_000_000)
PROGRESS = Allowance(line_bytes=1_000_000, total_bytes=None)
FACTS = Allowance(line_bytes=64_000_000, total_bytes=64_000_000)  # a verbose show holds the vocabulary
_ALLOWANCES: Mapping[str, Allowance] = {"chat": REPLY, "pull": PROGRESS}


def address(text: str) -> httpx.URL:
    """Read an address as Ollama's own tools do: `gpu-box` is `http://gpu-box:11434`."""
    bare = "://" not in text
    try:
        url = httpx.URL(f"http://{text}" if bare else text)
        if bare and url.port is None:
            url = url.copy_with(port=DEFAULT_PORT)
        url = url.copy_with(host=_ANY_ADDRESS.get(url.host, url.host))
    except httpx.InvalidURL as error:
        raise BadConfiguration(f"ollama.url: {text!r} is no address: {error}.") from error
    if url.scheme not in {"http", "https"} or not url.host or not 0 <= (url.port or 0) <= HIGHEST_PORT:
        raise BadConfiguration(f"ollama.url: {text!r} is no address such as http://127.0.0.1:11434.")
    return url


class Connection:
    """A pool of connections to one server, as Ollama's client and for its plain JSON.

    The user's OLLAMA_API_KEY, which the client would send to whatever host it is given, is never sent; only
    `api_key` is, or the name and password in the address. Proxies of the environment and redirections are not
    followed: pictures go where the address says.
    """

    def __init__(self, url: str, *, connect_seconds: float, read_seconds: float, api_key: str | None) -> None:
        where = address(url)
        self.host = where.host
        self._base = str(where.copy_with(userinfo=b"")).rstrip("/")
        self._transport = _MeteredTransport(self._base, tls=where.scheme == "https")
        auth = _OnlyThis(_authorization(where, api_key))
        # The watchdog over the frames limits a generation; httpx would not know a load from a hang.
        patient = httpx.Timeout(read_seconds, connect=connect_seconds, read=None, pool=None)
        self.client = AsyncClient(
            host=self._base,
            timeout=patient,
            transport=self._transport,
            auth=auth,
            headers={"accept-encoding": "identity"},
            follow_redirects=False,
            trust_env=False,
        )
        self._plain = httpx.AsyncClient(
            base_url=self._base,
            timeout=httpx.Timeout(read_seconds, connect=connect_seconds),
            transport=self._transport,
            auth=auth,
            headers={"accept-encoding": "identity"},
            trust_env=False,
        )

    @property
    def name(self) -> str:
        """The address as people know it, without a password."""
        return self._base

    async def get(self, path: str) -> Json:
        """Fetch the JSON at a path."""
        return _body(await self._plain.get(path))

    async def post(self, path: str, content: Json) -> Json:
        """Send JSON to a path and give the JSON that comes back."""
        return _body(await self._plain.post(path, json=content))

    async def close(self) -> None:
        """Close all connections, also those in use."""
        await self.client.close()  # type: ignore[no-untyped-call]  # the package leaves it bare
        await self._plain.aclose()


def _body(response: httpx.Response) -> Json:
    if not response.is_success:
        raise ResponseError(response.text, response.status_code)
    return response.json()


def _authorization(url: httpx.URL, api_key: str | None) -> str | None:
    if api_key:
        return f"Bearer {api_key}"
    if url.username:
        return "Basic " + b64encode(f"{url.username}:{url.password}".encode()).decode()
    return None


class _OnlyThis(httpx.Auth):
    """Sends this authorization or none, whatever the client found in the environment."""

    def __init__(self, authorization: str | None) -> None:
        self._authorization = authorization

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers.pop("authorization", None)
        if self._authorization is not None:
            request.headers["authorization"] = self._authorization
        yield request


class _MeteredTransport(httpx.AsyncBaseTransport):
    """Connections that break off an answer larger than its allowance."""

    def __init__(self, server: str, *, tls: bool) -> None:
        self._server = server
        # Without TLS the certificates, which take long to load, are of no use: redirections are not followed.
        self._inner = httpx.AsyncHTTPTransport(verify=tls, trust_env=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        assert isinstance(response.stream, httpx.AsyncByteStream)
        if response.headers.get("content-encoding", "identity") != "identity":
            await response.aclose()
            # A few bytes may unpack to gigabytes, past every meter.
            raise ServerStumbled(f"{self._server} packs its answers, which nobody asked it to do.")
        allowance = _ALLOWANCES.get(request.url.path.rpartition("/")[2], FACTS)
        strict = response.status_code == httpx.codes.OK
        response.stream = _Metered(response.stream, allowance, self._server, strict=strict)
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Metered(httpx.AsyncByteStream):
    """Bytes that are counted and, where `strict`, are UTF-8: the client would put marks for what is not."""

    def __init__(
        self, inner: httpx.AsyncByteStream, allowance: Allowance, server: str, *, strict: bool
    ) -> None:
        self._inner = inner
        self._strict = strict
        self._allowance = allowance
        self._server = server

    async def __aiter__(self) -> AsyncIterator[bytes]:
        line = total = 0
        characters = getincrementaldecoder("utf-8")("strict" if self._strict else "ignore")
        async for piece in self._inner:
            total += len(piece)
            line = len(piece) - piece.rfind(b"\n") - 1 if b"\n" in piece else line + len(piece)
            self._check(line, total)
            characters.decode(piece)
            yield piece

    def _check(self, line: int, total: int) -> None:
        allowed = self._allowance
        if line > allowed.line_bytes:
            raise ServerStumbled(f"{self._server} sent a line of more than {allowed.line_bytes:,} bytes.")
        if allowed.total_bytes is not None and total > allowed.total_bytes:
            raise ServerStumbled(
                f"{self._server} sent more than {allowed.total_bytes:,} bytes for one request."
            )

    async def aclose(self) -> None:
        await self._inner.aclose()
