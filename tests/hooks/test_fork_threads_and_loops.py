"""Forks, threads, greenlets and loops within loops: counts stay exact and nobody waits for ever."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from doubles import ENDPOINT, GRANT, TOKEN, answering, session_with, token_span
from opentelemetry import trace

from opentelemetry.instrumentation.oauth import get_telemetry
from recorder import Recorder

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def in_child(work: Callable[[], Any]) -> Any:
    """Do ``work`` in a forked child; give what it returned. A child that hangs is a failure."""
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # other threads run: that is the point
        child = os.fork()
    if child == 0:
        try:
            told = work()
        except BaseException as problem:
            told = repr(problem)
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)
    done = threading.Timer(20, os.kill, (child, 9))
    done.start()
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    done.cancel()
    assert text, "the child hung"
    return json.loads(text)


def one_exchange() -> None:
    with httpx.Client(transport=answering(TOKEN)) as client:
        client.post(ENDPOINT, data=GRANT)


@needs_fork
def test_a_child_tells_its_own_exchanges(instrumented: Recorder) -> None:
    one_exchange()

    def work() -> list[Any]:
        one_exchange()
        return [instrumented.spans()[-1:], instrumented.total("oauth.flow")]

    spans, flows = in_child(work)
    assert spans == [token_span()]
    assert flows == 2  # the SDK's memory was copied; a real exporter tells each process by itself
    assert instrumented.total("oauth.flow") == 1


@needs_fork
def test_locks_that_other_threads_held_at_the_fork_are_made_anew(instrumented: Recorder) -> None:
    telemetry = get_telemetry()
    telemetry.token_acquired("cache")
    locks = [
        telemetry.ledger._lock,
        telemetry.directory._lock,
        telemetry.providers._lock,
        telemetry.resources._lock,
        telemetry.instruments._lock,
        telemetry._acquisitions._lock,
    ]
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        release.wait()
        for lock in reversed(locks):
            lock.release()

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()

    def work() -> list[str]:
        metadata = {"issuer": "https://as.example", "userinfo_endpoint": "https://as.example/me"}
        with httpx.Client(transport=answering(metadata, TOKEN, {"sub": "1"})) as client:
            client.get("https://as.example/.well-known/openid-configuration")
            client.post(ENDPOINT, data={"grant_type": "refresh_token", "refresh_token": "Cnry"})
            client.get("https://as.example/me", headers={"Authorization": "Bearer Cnry"})
        get_telemetry().token_acquired("cache")
        get_telemetry().rejected("https://api.example/", 401, {"WWW-Authenticate": "Bearer"})
        return [span["name"] for span in instrumented.spans()]

    try:
        assert in_child(work) == ["metadata", "token refresh_token", "userinfo"]
    finally:
        release.set()
        thread.join()


@needs_fork
def test_a_refresh_under_way_at_the_fork_is_the_parents(instrumented: Recorder) -> None:
    """Else the child's first refresh would be told as a collision with one that is not there."""
    form = {"grant_type": "refresh_token", "refresh_token": "Cnry-refresh", "client_id": "a"}

    def fork(request: httpx.Request) -> httpx.Response:
        def work() -> int:
            with httpx.Client(transport=answering(TOKEN)) as client:
                client.post("https://as.example/oauth/token", data=form)
            return instrumented.total("oauth.client.refresh.collisions")

        assert in_child(work) == 0
        return httpx.Response(200, json=TOKEN)

    with httpx.Client(transport=httpx.MockTransport(fork)) as client:
        client.post(ENDPOINT, data=form)
    assert instrumented.total("token.refresh.attempts") == 1


def test_threads_count_exactly_and_keep_their_spans_apart(instrumented: Recorder) -> None:
    def work(_: int) -> None:
        session = session_with(TOKEN)
        with httpx.Client(transport=answering(TOKEN)) as client:
            for _ in range(10):
                session.post(ENDPOINT, data=GRANT)
                client.post(ENDPOINT, data=GRANT)
                assert trace.get_current_span() is trace.INVALID_SPAN

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert instrumented.spans() == [token_span()] * 160
    assert instrumented.total("oauth.flow") == 160
    assert {span.parent for span in instrumented.raw_spans()} == {None}


async def test_tasks_count_exactly(instrumented: Recorder) -> None:
    async def respond(request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return httpx.Response(200, json=TOKEN)

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        await asyncio.gather(*(client.post(ENDPOINT, data=GRANT) for _ in range(100)))
    assert instrumented.spans() == [token_span()] * 100
    assert {span.parent for span in instrumented.raw_spans()} == {None}


async def test_a_loop_within_a_thread_within_a_loop(instrumented: Recorder) -> None:
    """The token request of one client is made inside the request of another, loops apart."""

    async def fetch(path: str) -> None:
        async with httpx.AsyncClient(transport=answering({"active": True})) as client:
            await client.post(f"https://as.example{path}", data={"token": "Cnry", "client_id": "a"})

    async def respond(request: httpx.Request) -> httpx.Response:
        await asyncio.to_thread(asyncio.run, fetch("/introspect"))  # the context is copied
        await asyncio.get_running_loop().run_in_executor(None, asyncio.run, fetch("/introspect"))
        return httpx.Response(200, json=TOKEN)

    async with httpx.AsyncClient(transport=httpx.MockTransport(respond)) as client:
        await client.post(ENDPOINT, data=GRANT)
    assert [span["name"] for span in instrumented.spans()] == [
        "introspection",
        "introspection",
        "token client_credentials",
    ]
    first, second, outer = instrumented.raw_spans()
    assert first.parent is not None
    assert first.parent.span_id == outer.context.span_id
    assert second.parent is None
    assert instrumented.total("oauth.client.request.duration") == 3


GEVENT = """
from gevent import monkey
monkey.patch_all()
import gevent, sys, warnings
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
OAuthInstrumentor().instrument(tracer_provider=provider)
import requests
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
import threading

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        gevent.sleep(0.01)
        body = b'{"access_token": "Cnry", "token_type": "Bearer"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *args): pass

ThreadingHTTPServer.request_queue_size = 64
server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
server.handle_error = lambda *args: None  # the killed client's connection is broken
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{server.server_port}/token"

def work():
    for _ in range(5):
        assert requests.post(url, data={"grant_type": "client_credentials"}).ok

gevent.joinall([gevent.spawn(work) for _ in range(20)], raise_error=True)
killed = gevent.spawn(work)
gevent.sleep(0.002)
killed.kill()
server.shutdown()
spans = exporter.get_finished_spans()
print(len(spans), {span.parent for span in spans}, spans[-1].attributes["oauth.outcome"])
"""


@pytest.mark.skipif(importlib.util.find_spec("gevent") is None, reason="gevent is not installed")
def test_greenlets_of_a_monkey_patched_program_count_exactly() -> None:
    done = subprocess.run(
        [sys.executable, "-c", GEVENT], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.stdout, done.stderr) == ("101 {None} failure\n", "")
