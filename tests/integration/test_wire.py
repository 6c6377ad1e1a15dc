"""The observer leaves no trace: what is on the wire, and what the program reads, is the same.

The server here is a bare socket that keeps every byte it is sent.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import httpx2
import pytest
import requests

from drivers import BY_NAME, Credentials, Driver
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from recorder import Recorder
from told import Exchange, check, ours

pytestmark = pytest.mark.integration

TOKEN = b'{"access_token": "Cnry-token", "token_type": "Bearer", "expires_in": 60}'
SERVICE = Credentials("service", "client_secret_basic", "secret-Cnry")


class Socket:
    """Answers each request with ``body``, and keeps the requests as they came."""

    def __init__(self, body: bytes, *, chunks: int = 1, endless: bool = False) -> None:
        self.requests: list[bytes] = []
        self.body, self.chunks, self.endless = body, chunks, endless
        self.gone = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        head, _, body = _receive(connection, b"", b"\r\n\r\n").partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        self.requests.append(head + b"\r\n\r\n" + body)
        start = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: application/json\r\n"
        try:
            connection.sendall(start + b"Transfer-Encoding: chunked\r\n\r\n")
            for _ in range(self.chunks):
                connection.sendall(b"%x\r\n%s\r\n" % (len(self.body), self.body))
            if self.endless:
                self.gone.wait(10)  # the rest never comes
            connection.sendall(b"0\r\n\r\n")
        except OSError:
            pass  # the program did not want to hear more

    def close(self) -> None:
        self.gone.set()
        # A blocked accept is not woken by closing: it is woken by somebody who calls.
        with socket.create_connection(self._listener.getsockname()):
            self._listener.close()
        self._thread.join(5)


def _receive(connection: socket.socket, data: bytes, until: bytes) -> bytes:
    while until not in data:
        more = connection.recv(65536)
        if not more:
            break
        data += more
    return data


@contextmanager
def listening(body: bytes = TOKEN, **options: Any) -> Iterator[Socket]:
    server = Socket(body, **options)
    try:
        yield server
    finally:
        server.close()


# -- nothing is added to a request


async def everything_sent(driver: Driver, server: Socket) -> None:
    """A grant, a refresh, a revocation, a look at a resource; always with the same bytes."""
    client = driver.make(SERVICE, 10)
    form = {"scope": "read write", "resource": "https://api.example/ü"}
    await client.token(f"{server.url}/token", "client_credentials", **form)
    await client.refresh(f"{server.url}/token", {"access_token": "a", "refresh_token": "Cnry-r"})
    await client.revoke(f"{server.url}/revoke", "Cnry-t")
    await client.send("GET", f"{server.url}/.well-known/openid-configuration")
    await client.send("GET", f"{server.url}/resource?x=1", token="Cnry-t")
    await client.send("POST", f"{server.url}/orders", json={"not": "oauth"})
    await client.close()


async def test_the_same_bytes_are_sent(recorder: Recorder, driver: Driver) -> None:
    with listening() as server:
        await everything_sent(driver, server)
        plain = list(server.requests)
        server.requests.clear()

        OAuthInstrumentor().instrument(**recorder.providers)
        try:
            tracer = recorder.tracer_provider.get_tracer("the program")
            with tracer.start_as_current_span("a request of the program's own"):
                await everything_sent(driver, server)
        finally:
            OAuthInstrumentor().uninstrument()
        assert server.requests == plain
    assert len(plain) == 6
    assert [span["name"] for span in ours(recorder)] == [
        "token client_credentials",
        "token refresh_token",
        "revocation",
        "metadata",
    ]
    assert b"traceparent" not in b"".join(plain)


# -- a streamed answer is the program's to read


UNREAD = Exchange("token", "/token", "client_credentials", "client_secret_basic")
"""What an answer says that nobody has read: its status."""

FORM = {"grant_type": "client_credentials"}
AUTH = ("service", "secret-Cnry")


def stream_requests(url: str, look: Callable[[Iterator[bytes]], None]) -> None:
    with requests.Session() as session:
        session.trust_env = False
        with session.post(url, data=FORM, auth=AUTH, stream=True, timeout=5) as response:
            assert response.raw.tell() == 0, "somebody has read of the answer"
            look(response.iter_content(None))


def stream_httpx(module: Any) -> Callable[[str, Callable[[Iterator[bytes]], None]], None]:
    def stream(url: str, look: Callable[[Iterator[bytes]], None]) -> None:
        with module.Client(trust_env=False, verify=False) as client:
            with client.stream("POST", url, data=FORM, auth=AUTH) as response:
                assert response.num_bytes_downloaded == 0, "somebody has read of the answer"
                look(response.iter_bytes())

    return stream


SYNC_STREAMS = {
    "requests": stream_requests,
    "httpx": stream_httpx(httpx),
    "httpx2": stream_httpx(httpx2),
}


@pytest.mark.parametrize("library", SYNC_STREAMS)
def test_a_stream_that_is_read(instrumented: Recorder, library: str) -> None:
    """The program gets every byte; we get the status."""
    got: list[bytes] = []
    with listening(chunks=3) as server:
        SYNC_STREAMS[library](f"{server.url}/token", got.extend)
        assert b"".join(got) == TOKEN * 3
        check(instrumented, server.url, [UNREAD])


@pytest.mark.parametrize("library", SYNC_STREAMS)
def test_a_stream_without_an_end(instrumented: Recorder, library: str) -> None:
    """The program looks at the first chunk and leaves. Had we read, it would hang for ever."""
    got: list[bytes] = []
    with listening(endless=True) as server:
        SYNC_STREAMS[library](f"{server.url}/token", lambda chunks: got.append(next(chunks)))
        assert got == [TOKEN]
        check(instrumented, server.url, [UNREAD])


@pytest.mark.parametrize("module", [httpx, httpx2], ids=lambda module: module.__name__)
async def test_an_async_stream_without_an_end(instrumented: Recorder, module: Any) -> None:
    with listening(endless=True) as server:
        async with module.AsyncClient(trust_env=False, verify=False) as client:
            async with client.stream("POST", f"{server.url}/token", data=FORM, auth=AUTH) as answer:
                assert answer.num_bytes_downloaded == 0
                first = await answer.aiter_bytes().__anext__()
                assert first == TOKEN
                assert ours(instrumented) == []  # it is not over yet
        check(instrumented, server.url, [UNREAD])


@pytest.mark.parametrize("name", ["httpx", "httpx-async", "httpx2", "httpx2-async"])
async def test_a_stream_that_the_program_reads_whole(instrumented: Recorder, name: str) -> None:
    """`Response.read` after the fact: then the answer is known, and told whole."""
    with listening() as server:
        client = BY_NAME[name].make(SERVICE, 10).session
        request = client.build_request("POST", f"{server.url}/token", data=FORM)
        response = await settled(client.send(request, stream=True, auth=AUTH))
        await asyncio.sleep(0)
        assert ours(instrumented) == []
        assert await settled((response.aread if "async" in name else response.read)()) == TOKEN
        await settled((response.aclose if "async" in name else response.close)())
        await settled((client.aclose if "async" in name else client.close)())
        row = Exchange(
            "token",
            "/token",
            "client_credentials",
            "client_secret_basic",
            token_type="Bearer",
            expires_in=60,
        )
        check(instrumented, server.url, [row])


async def settled(result: Awaitable[Any] | Any) -> Any:
    return await result if asyncio.iscoroutine(result) else result
