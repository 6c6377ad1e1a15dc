"""An exchange that is cancelled is told once, as `canceled`, and the cancellation goes on its way."""

from __future__ import annotations

import asyncio
import gc
import logging
from collections.abc import Awaitable, Callable
from contextvars import Context
from typing import Any

import httpx
import pytest
import requests
from authlib.integrations.httpx_client import AsyncOAuth2Client
from doubles import ENDPOINT, GRANT, TOKEN, failed_span, session_with
from opentelemetry import trace

from opentelemetry.instrumentation.oauth import get_telemetry
from recorder import Recorder


class Hanging(httpx.AsyncBaseTransport):
    """Never answers; ``reached`` is set when a request hangs here."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.reached.set()
        await asyncio.Event().wait()
        raise AssertionError


class Suspended:
    """What a coroutine awaits when no loop runs it."""

    def __await__(self) -> Any:
        yield


class Suspending(httpx.AsyncBaseTransport):
    """Never answers, and needs no loop."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await Suspended()
        raise AssertionError


@pytest.fixture(autouse=True)
def _no_context_is_left_behind(caplog: pytest.LogCaptureFixture) -> Any:
    """``Failed to detach context`` is how OpenTelemetry says that a span was left current."""
    with caplog.at_level(logging.DEBUG):
        yield
    assert [line for line in caplog.messages if "detach" in line] == []
    assert trace.get_current_span() is trace.INVALID_SPAN


def the_point(error_type: str) -> list[dict[str, Any]]:
    return [
        {
            "attributes": {
                "oauth.role": "client",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_post",
                "oauth.outcome": "failure",
                "oauth.failure.class": "canceled",
                "error.type": error_type,
                "server.address": "as.example",
            },
            "value": 1,
        }
    ]


async def test_a_cancelled_task_is_a_canceled_exchange(instrumented: Recorder) -> None:
    transport = Hanging()
    async with httpx.AsyncClient(transport=transport) as client:
        task = asyncio.create_task(client.post(ENDPOINT, data=GRANT))
        await transport.reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert instrumented.spans() == [failed_span("asyncio.exceptions.CancelledError", "canceled")]
    assert instrumented.points("oauth.flow") == the_point("asyncio.exceptions.CancelledError")
    assert instrumented.total("oauth.client.request.duration") == 1


async def test_so_is_one_that_the_programs_own_timeout_ends(instrumented: Recorder) -> None:
    """Within `wait_for` the coroutine sees the cancellation, and only the caller a time-out."""
    async with httpx.AsyncClient(transport=Hanging()) as client:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.post(ENDPOINT, data=GRANT), 0.01)
    assert instrumented.spans() == [failed_span("asyncio.exceptions.CancelledError", "canceled")]


async def test_the_transports_own_timeout_is_an_outage(instrumented: Recorder) -> None:
    def late(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("late", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(late)) as client:
        with pytest.raises(httpx.ConnectTimeout):
            await client.post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [failed_span("httpx.ConnectTimeout", "unavailable")]


async def test_a_cancellation_while_the_body_is_read_is_told_too(instrumented: Recorder) -> None:
    class NeverEnding(httpx.AsyncByteStream):
        async def __aiter__(self) -> Any:
            yield b'{"access_'
            await asyncio.Event().wait()

    answer = httpx.Response(200, stream=NeverEnding())
    async with httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer)) as client:
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(client.post(ENDPOINT, data=GRANT), 0.01)
    assert instrumented.spans() == [failed_span("asyncio.exceptions.CancelledError", "canceled")]


# --- dropped coroutines ------------------------------------------------------------------------


def dropped_by_close(coroutine: Any) -> None:
    coroutine.close()


def dropped_in_another_context(coroutine: Any) -> None:
    Context().run(coroutine.close)


Drop = Callable[[Any], None]
EITHER_WAY = pytest.mark.parametrize("drop", [dropped_by_close, dropped_in_another_context])


def start(awaitable: Awaitable[Any]) -> Any:
    """Run a coroutine to its first suspension, in a context of its own as a task would."""
    coroutine: Any = awaitable
    Context().run(coroutine.send, None)
    return coroutine


@EITHER_WAY
def test_a_coroutine_that_is_dropped_is_told_once(drop: Drop, instrumented: Recorder) -> None:
    client = httpx.AsyncClient(transport=Suspending())
    drop(start(client.post(ENDPOINT, data=GRANT)))
    assert instrumented.spans() == [failed_span("GeneratorExit", "canceled")]
    assert instrumented.points("oauth.flow") == the_point("GeneratorExit")


@EITHER_WAY
def test_a_dropped_call_that_is_no_exchange_leaves_no_context_either(
    drop: Drop, instrumented: Recorder
) -> None:
    client = httpx.AsyncClient(transport=Suspending())
    drop(start(client.get("https://api.example/things?access_token=Cnry")))
    assert instrumented.spans() == []


@EITHER_WAY
def test_a_dropped_call_of_authlib_says_nothing_more(drop: Drop, instrumented: Recorder) -> None:
    token = {"access_token": "Cnry", "refresh_token": "Cnry-refresh", "expires_at": 1}
    client = AsyncOAuth2Client("app", "Cnry-secret", token=token, transport=Suspending())
    drop(start(client.refresh_token(ENDPOINT)))
    (span,) = instrumented.spans()
    assert span["name"] == "token refresh_token"
    assert span["attributes"]["oauth.library"] == "authlib"
    assert span["attributes"]["oauth.refresh.type"] == "reactive"
    assert span["attributes"]["oauth.failure.class"] == "canceled"


def test_so_is_one_that_the_garbage_collector_finds(instrumented: Recorder) -> None:
    client = httpx.AsyncClient(transport=Suspending())
    cycle: list[Any] = [start(client.post(ENDPOINT, data=GRANT))]
    cycle.append(cycle)
    del cycle
    gc.collect()
    assert instrumented.spans() == [failed_span("GeneratorExit", "canceled")]
    assert instrumented.total("oauth.flow") == 1


def test_a_coroutine_that_was_never_begun_is_no_exchange(instrumented: Recorder) -> None:
    client = httpx.AsyncClient(transport=Suspending())
    client.post(ENDPOINT, data=GRANT).close()
    assert instrumented.spans() == []


def test_an_exchange_told_by_hand_in_a_dropped_generator(instrumented: Recorder) -> None:
    def generator() -> Any:
        with get_telemetry().exchange("POST", ENDPOINT, {}, "grant_type=password&username=u"):
            yield

    running = generator()
    Context().run(next, running)
    running.close()
    (span,) = instrumented.spans()
    assert span["name"] == "token password"
    assert span["attributes"]["error.type"] == "GeneratorExit"


# --- sync --------------------------------------------------------------------------------------


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
def test_ctrl_c_during_a_call_is_a_canceled_exchange(
    interrupt: type[BaseException], instrumented: Recorder
) -> None:
    with pytest.raises(interrupt):
        session_with(interrupt()).post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [failed_span(interrupt.__name__, "canceled")]


def test_no_connection_is_an_outage_and_the_exception_goes_on(instrumented: Recorder) -> None:
    problem = requests.exceptions.ConnectionError("Cnry: quotes the URL")
    with pytest.raises(requests.exceptions.ConnectionError) as caught:
        session_with(problem).post(ENDPOINT, data=GRANT)
    assert caught.value is problem
    assert instrumented.spans() == [
        failed_span("requests.exceptions.ConnectionError", "unavailable")
    ]


def test_after_a_failure_a_success_is_told_as_one(instrumented: Recorder) -> None:
    session = session_with(requests.exceptions.ReadTimeout(), TOKEN)
    with pytest.raises(requests.exceptions.ReadTimeout):
        session.post(ENDPOINT, data=GRANT)
    session.post(ENDPOINT, data=GRANT)
    told = [span["attributes"]["oauth.outcome"] for span in instrumented.spans()]
    assert told == ["failure", "success"]
    assert instrumented.total("oauth.flow") == 2
