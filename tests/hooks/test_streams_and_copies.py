"""Bodies are the program's: what it reads late, in part or never is told once all the same."""

from __future__ import annotations

import copy
import gc
import json
import pickle
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import requests
from doubles import (
    ENDPOINT,
    GRANT,
    NO_TLS,
    TOKEN,
    Server,
    answer,
    answering,
    session_with,
    token_span,
    unread_span,
)

from recorder import Recorder

BODY = json.dumps(TOKEN).encode()


class Stream(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that counts how often it is read, and whether it was closed."""

    def __init__(self) -> None:
        self.reads = 0
        self.closed = False

    def __iter__(self) -> Iterator[bytes]:
        self.reads += 1
        yield BODY

    async def __aiter__(self) -> Any:
        self.reads += 1
        yield BODY

    def close(self) -> None:
        self.closed = True

    async def aclose(self) -> None:
        self.closed = True


@pytest.fixture
def stream() -> Stream:
    return Stream()


@pytest.fixture
def client(stream: Stream, instrumented: Recorder) -> Iterator[httpx.Client]:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    with httpx.Client(transport=transport) as client:
        yield client


def told_once(recorder: Recorder, span: dict[str, Any]) -> None:
    assert recorder.spans() == [span]
    assert recorder.total("oauth.flow") == 1
    assert recorder.total("oauth.client.request.duration") == 1


def stream_of(client: httpx.Client) -> httpx.Response:
    request = client.build_request("POST", ENDPOINT, data=GRANT)
    return client.send(request, stream=True)


# --- httpx -------------------------------------------------------------------------------------


def test_an_answer_that_is_read_later_is_told_then(
    client: httpx.Client, stream: Stream, instrumented: Recorder
) -> None:
    response = stream_of(client)
    assert (instrumented.spans(), stream.reads) == ([], 0)
    assert response.read() == BODY
    told_once(instrumented, token_span())
    assert response.read() == BODY
    response.close()
    told_once(instrumented, token_span())
    assert stream.reads == 1


def test_one_that_is_closed_unread_is_told_by_its_status(
    client: httpx.Client, stream: Stream, instrumented: Recorder
) -> None:
    with client.stream("POST", ENDPOINT, data=GRANT):
        pass
    told_once(instrumented, unread_span())
    assert (stream.reads, stream.closed) == (0, True)


def test_one_that_is_iterated_is_told_by_its_status(
    client: httpx.Client, stream: Stream, instrumented: Recorder
) -> None:
    with client.stream("POST", ENDPOINT, data=GRANT) as response:
        assert b"".join(response.iter_bytes()) == BODY
    told_once(instrumented, unread_span())
    assert stream.reads == 1


def test_one_that_is_never_read_and_never_closed_is_told_when_it_is_collected(
    client: httpx.Client, stream: Stream, instrumented: Recorder
) -> None:
    response = stream_of(client)
    assert instrumented.spans() == []
    del response
    gc.collect()
    told_once(instrumented, unread_span())
    assert (stream.reads, stream.closed) == (0, False)


def test_one_that_breaks_while_it_is_read_is_a_failure(instrumented: Recorder) -> None:
    class Broken(httpx.SyncByteStream):
        def __iter__(self) -> Iterator[bytes]:
            yield BODY[:5]
            raise httpx.ReadError("broken")

    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Broken()))
    with httpx.Client(transport=transport) as client, pytest.raises(httpx.ReadError):
        client.post(ENDPOINT, data=GRANT)
    told_once(
        instrumented,
        unread_span(
            status="ERROR",
            description="httpx.ReadError",
            error__type="httpx.ReadError",
            oauth__failure__class="unavailable",
            oauth__outcome="failure",
            http__response__status_code=None,
        ),
    )


async def test_async_read_later(instrumented: Recorder, stream: Stream) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    async with httpx.AsyncClient(transport=transport) as client:
        async with client.stream("POST", ENDPOINT, data=GRANT) as response:
            assert instrumented.spans() == []
            await response.aread()
            told_once(instrumented, token_span())
    told_once(instrumented, token_span())


async def test_async_closed_unread(instrumented: Recorder, stream: Stream) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    async with httpx.AsyncClient(transport=transport) as client:
        async with client.stream("POST", ENDPOINT, data=GRANT):
            pass
    told_once(instrumented, unread_span())


async def test_async_forgotten(instrumented: Recorder, stream: Stream) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    async with httpx.AsyncClient(transport=transport) as client:
        request = client.build_request("POST", ENDPOINT, data=GRANT)
        response = await client.send(request, stream=True)
        del response
        gc.collect()
    told_once(instrumented, unread_span())


async def test_async_iterated(instrumented: Recorder, stream: Stream) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=stream))
    async with httpx.AsyncClient(transport=transport) as client:
        async with client.stream("POST", ENDPOINT, data=GRANT) as response:
            assert b"".join([part async for part in response.aiter_bytes()]) == BODY
    told_once(instrumented, unread_span())


def test_an_answer_read_after_the_instrumentation_is_off_is_not_told(
    client: httpx.Client, instrumented: Recorder
) -> None:
    from opentelemetry.instrumentation.oauth import OAuthInstrumentor

    response = stream_of(client)
    OAuthInstrumentor().uninstrument()
    assert response.read() == BODY
    del response
    gc.collect()
    assert instrumented.spans() == []
    assert instrumented.metrics() == {}


# --- requests ----------------------------------------------------------------------------------


def test_a_streamed_answer_of_requests_is_told_by_its_status_and_stays_unread(
    instrumented: Recorder, server: Server
) -> None:
    with requests.Session() as session:
        response = session.post(f"{server.url}/token", data=GRANT, stream=True)
        span = unread_span(server__address="127.0.0.1", server__port=server.port)
        told_once(instrumented, span)
        assert response.raw.tell() == 0
        assert response.json() == TOKEN
        response.close()
    told_once(instrumented, span)


@pytest.mark.parametrize("read", [True, False])
def test_an_unread_streamed_answer_still_closes_its_connection(
    read: bool, instrumented: Recorder, server: Server
) -> None:
    """requests' own suite looks for that (``test_unconsumed_session_response_closes_connection``)."""
    with requests.Session() as session:
        response = session.post(f"{server.url}/token", data=GRANT, stream=True)
        if read:
            response.content  # noqa: B018
        response.close()
        assert response.raw.closed
    assert len(instrumented.spans()) == 1


# --- request bodies ----------------------------------------------------------------------------

FORM = b"grant_type=client_credentials&client_id=app&client_secret=Cnry-secret"


def parts() -> Iterator[bytes]:
    yield FORM[:10]
    yield FORM[10:]


def test_a_generator_body_reaches_the_server_whole_and_is_not_looked_at(
    instrumented: Recorder, server: Server
) -> None:
    """At a token endpoint the path says what it is; what grant it is, nobody looked."""
    received: list[bytes] = []

    def echo(handler: Any) -> None:
        if handler.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(handler.rfile.readline(), 16):
                body += handler.rfile.read(size)
                handler.rfile.readline()
            handler.rfile.readline()
            received.append(body)
        answer(handler, 200, BODY)

    server.routes["/oauth/token"] = server.routes["/upload"] = echo
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    with requests.Session() as session, httpx.Client(verify=NO_TLS) as client:
        for path in ("/oauth/token", "/upload"):
            session.post(server.url + path, data=parts(), headers=headers)
            client.post(server.url + path, content=parts(), headers=headers)
    assert received == [FORM] * 4
    assert {span["attributes"]["url.path"] for span in instrumented.spans()} <= {"/oauth/token"}
    assert instrumented.total("oauth.flow") == len(instrumented.spans())


def test_files_and_multipart_bodies_pass_through(instrumented: Recorder, server: Server) -> None:
    with requests.Session() as session, httpx.Client(verify=NO_TLS) as client:
        for send in (session.post, client.post):
            assert send(f"{server.url}/upload", files={"file": ("a.txt", FORM)}).json() == TOKEN
    assert instrumented.spans() == []


# --- copies and pickles ------------------------------------------------------------------------


def test_sessions_and_responses_of_requests_are_pickled_as_ever(instrumented: Recorder) -> None:
    session = session_with(TOKEN)
    response = session.post(ENDPOINT, data=GRANT)
    again = pickle.loads(pickle.dumps(response))
    assert again.json() == TOKEN
    plain = requests.Session()
    plain.headers["X"] = "1"
    restored = pickle.loads(pickle.dumps(plain))
    assert restored.headers == plain.headers
    restored.mount("https://", session.get_adapter(ENDPOINT))
    restored.post(ENDPOINT, data=GRANT)
    copy.copy(restored).post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [token_span()] * 3


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda r: pickle.loads(pickle.dumps(r))]
)
def test_responses_of_httpx_are_pickled_before_and_after_they_are_read(
    duplicate: Any, instrumented: Recorder
) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=iter([BODY])))
    with httpx.Client(transport=transport) as client:
        response = stream_of(client)
        unread = duplicate(response)
        with pytest.raises(httpx.StreamError):
            unread.read()
        unread.close()
        assert instrumented.spans() == []  # the copy is nobody's answer
        response.read()
        told_once(instrumented, token_span())
        assert duplicate(response).read() == BODY
    told_once(instrumented, token_span())


def test_nothing_is_set_on_what_belongs_to_the_program(instrumented: Recorder) -> None:
    def attributes() -> list[set[str]]:
        session = session_with(TOKEN)
        response = session.post(ENDPOINT, data=GRANT)
        with httpx.Client(transport=answering(TOKEN)) as client:
            modern = client.post(ENDPOINT, data=GRANT)
            objects: list[Any] = [
                session,
                response,
                response.request,
                client,
                modern,
                modern.request,
            ]
            return [set(vars(each)) for each in objects]

    from opentelemetry.instrumentation.oauth import OAuthInstrumentor

    watched = attributes()
    OAuthInstrumentor().uninstrument()
    assert watched == attributes()


def test_no_header_is_added_on_the_wire(instrumented: Recorder, server: Server) -> None:
    from opentelemetry.instrumentation.oauth import OAuthInstrumentor

    seen: list[list[str]] = []

    def note(handler: Any) -> None:
        seen.append(sorted(handler.headers.keys()))
        answer(handler, 200, BODY)

    server.routes["/token"] = note

    def send() -> None:
        requests.post(f"{server.url}/token", data=GRANT)
        httpx.post(f"{server.url}/token", data=GRANT, verify=NO_TLS)

    send()
    OAuthInstrumentor().uninstrument()
    send()
    assert seen[:2] == seen[2:]
