"""Release gate: beside contrib's requests and httpx instrumentations, in every order, by hand.

What we promise (`architecture.md`, *Loading and unloading*): ours stays right whoever is on, nothing
is counted twice, nothing of ours is recorded once ours is off. What we cannot promise: contrib's
requests instrumentation removes its wrapper only where nothing else was put around it ("this only
works if no other module also patches requests", says its docstring), so one that is switched off
beneath ours goes on telling until ours is off, too, and cannot be switched off any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import permutations
from typing import Any

import httpx
import pytest
import requests
from doubles import GRANT, NO_TLS, Server, token_span
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.instrumentor import BaseInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor
from opentelemetry.sdk.trace import ReadableSpan

from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from opentelemetry.instrumentation.oauth.hooks.outermost import make_outermost
from recorder import Recorder

OURS, REQUESTS, HTTPX = "ours", "requests", "httpx"
INSTRUMENTORS: dict[str, type[BaseInstrumentor]] = {
    OURS: OAuthInstrumentor,
    REQUESTS: RequestsInstrumentor,
    HTTPX: HTTPXClientInstrumentor,
}
SCOPES = {
    "opentelemetry.instrumentation.oauth": OURS,
    "opentelemetry.instrumentation.requests": REQUESTS,
    "opentelemetry.instrumentation.httpx": HTTPX,
}
ORIGINALS = {
    (owner, name): getattr(owner, name)
    for owner, name in (
        (requests.Session, "send"),
        (httpx.Client, "_send_handling_redirects"),
        (httpx.AsyncClient, "_send_handling_redirects"),
        (httpx.Response, "read"),
        (httpx.Response, "aread"),
        (httpx.Response, "close"),
        (httpx.Response, "aclose"),
        (httpx.HTTPTransport, "handle_request"),
        (httpx.AsyncHTTPTransport, "handle_async_request"),
    )
}
ORDERS = list(permutations(INSTRUMENTORS))


def on(name: str, recorder: Recorder) -> None:
    INSTRUMENTORS[name]().instrument(**recorder.providers)


def off(name: str) -> None:
    INSTRUMENTORS[name]().uninstrument()


@pytest.fixture(autouse=True)
def _everything_is_off_afterwards() -> Iterator[None]:
    yield
    for instrumentor in INSTRUMENTORS.values():
        if instrumentor().is_instrumented_by_opentelemetry:
            instrumentor().uninstrument()
    # Contrib's wrapper may stay behind (see above); the next test begins with none.
    for (owner, name), original in ORIGINALS.items():
        setattr(owner, name, original)


def ask(server: Server) -> None:
    """A token each by requests, httpx and async httpx: three exchanges."""
    with requests.Session() as session:
        assert session.post(f"{server.url}/token", data=GRANT).ok
    with httpx.Client(verify=NO_TLS) as client:
        assert client.post(f"{server.url}/token", data=GRANT).is_success

    async def ask_async() -> None:
        async with httpx.AsyncClient(verify=NO_TLS) as client:
            assert (await client.post(f"{server.url}/token", data=GRANT)).is_success

    asyncio.run(ask_async())


def by_scope(recorder: Recorder) -> dict[str, list[ReadableSpan]]:
    told: dict[str, list[ReadableSpan]] = {OURS: [], REQUESTS: [], HTTPX: []}
    for span in recorder.raw_spans():
        told[SCOPES[span.instrumentation_scope.name]].append(span)
    return told


def ours(recorder: Recorder) -> list[dict[str, Any]]:
    return [span for span in recorder.spans() if span["name"].startswith("token ")]


def the_span(server: Server) -> dict[str, Any]:
    return token_span(server__address="127.0.0.1", server__port=server.port)


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_in_every_order_of_switching_on_each_exchange_is_told_once(
    order: tuple[str, ...], recorder: Recorder, server: Server
) -> None:
    for name in order:
        on(name, recorder)
    ask(server)

    assert server.hits == {"POST /token": 3}
    assert ours(recorder) == [the_span(server)] * 3
    assert recorder.points("oauth.flow") == [
        {
            "attributes": {
                "oauth.role": "client",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_post",
                "oauth.outcome": "success",
                "server.address": "127.0.0.1",
            },
            "value": 3,
        }
    ]
    assert recorder.total("oauth.client.request.duration") == 3
    told = by_scope(recorder)
    assert {name: len(spans) for name, spans in told.items()} == {OURS: 3, REQUESTS: 1, HTTPX: 2}

    # Ours is the parent wherever it is outermost: of httpx's always, whose patch is on the transport;
    # of requests' unless requests was switched on after ours.
    by_id = {span.context.span_id: span for span in told[OURS]}
    assert all(span.parent and span.parent.span_id in by_id for span in told[HTTPX])
    parent = told[REQUESTS][0].parent
    assert (parent is not None) == (order.index(OURS) > order.index(REQUESTS))


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_made_outermost_ours_is_the_parent_in_every_order(
    order: tuple[str, ...], recorder: Recorder, server: Server
) -> None:
    """What ``opentelemetry-instrument`` does after all instrumentors (entry point post_instrument)."""
    for name in order:
        on(name, recorder)
    make_outermost()
    ask(server)
    told = by_scope(recorder)
    assert {name: len(spans) for name, spans in told.items()} == {OURS: 3, REQUESTS: 1, HTTPX: 2}
    parents = {span.context.span_id for span in told[OURS]}
    assert all(
        span.parent and span.parent.span_id in parents for span in told[REQUESTS] + told[HTTPX]
    )
    assert [span.parent for span in told[OURS]] == [None] * 3
    assert recorder.total("oauth.flow") == 3


@pytest.mark.parametrize("switched_off", ORDERS, ids=lambda order: "off:" + "-".join(order))
@pytest.mark.parametrize("switched_on", ORDERS, ids=lambda order: "on:" + "-".join(order))
def test_in_every_order_of_switching_off_ours_is_right_while_on_and_silent_when_off(
    switched_on: tuple[str, ...],
    switched_off: tuple[str, ...],
    recorder: Recorder,
    server: Server,
) -> None:
    for name in switched_on:
        on(name, recorder)
    active = set(INSTRUMENTORS)
    # Contrib's requests cannot be taken from beneath ours, while ours is on and after it.
    stuck = switched_on.index(OURS) > switched_on.index(REQUESTS) and (
        switched_off.index(OURS) > switched_off.index(REQUESTS)
    )
    for name in switched_off:
        off(name)
        active.discard(name)
        recorder.clear()
        before = recorder.total("oauth.flow")
        ask(server)
        told = {scope: len(spans) for scope, spans in by_scope(recorder).items()}
        assert told == {
            OURS: 3 if OURS in active else 0,
            REQUESTS: 1 if REQUESTS in active or stuck else 0,
            HTTPX: 2 if HTTPX in active else 0,
        }
        assert recorder.total("oauth.flow") - before == told[OURS]
        if OURS in active:
            assert ours(recorder) == [the_span(server)] * 3

    left = {
        f"{owner.__name__}.{name}"
        for (owner, name), original in ORIGINALS.items()
        if getattr(owner, name) is not original
    }
    nested = (switched_on.index(OURS) > switched_on.index(REQUESTS)) == (
        switched_off.index(OURS) < switched_off.index(REQUESTS)
    )
    assert left == (set() if nested else {"Session.send"})


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_switched_on_again_it_tells_once_whatever_is_left_in_the_chain(
    order: tuple[str, ...], recorder: Recorder, server: Server
) -> None:
    for name in order:
        on(name, recorder)
    for _ in range(3):
        off(OURS)
        on(OURS, recorder)
    ask(server)
    told = {scope: len(spans) for scope, spans in by_scope(recorder).items()}
    assert told == {OURS: 3, REQUESTS: 1, HTTPX: 2}
    assert ours(recorder) == [the_span(server)] * 3
    off(OURS)
    off(REQUESTS)
    off(HTTPX)
    recorder.clear()
    ask(server)
    assert by_scope(recorder)[OURS] == []


def test_alone_it_restores_the_very_objects(recorder: Recorder) -> None:
    on(OURS, recorder)
    assert requests.Session.send is not ORIGINALS[requests.Session, "send"]
    off(OURS)
    for (owner, name), original in ORIGINALS.items():
        assert vars(owner)[name] is original


def test_contrib_never_takes_ours_for_its_own(recorder: Recorder, server: Server) -> None:
    """``functools.wraps`` copies marks such as ``…_applied``; then ``uninstrument()`` unwraps ours."""
    on(REQUESTS, recorder)
    on(OURS, recorder)
    assert not hasattr(requests.Session.send, "opentelemetry_instrumentation_requests_applied")
    off(REQUESTS)
    with requests.Session() as session:
        session.post(f"{server.url}/token", data=GRANT)
    assert ours(recorder) == [the_span(server)]


def test_a_secret_in_the_url_silences_what_is_beneath_for_that_call(
    recorder: Recorder, server: Server
) -> None:
    """Contrib's would write the URL into its span; its span for that call is the price."""
    for name in (REQUESTS, HTTPX, OURS):
        on(name, recorder)
    exchange = "/token?grant_type=client_credentials&client_id=a&client_secret=Cnry-in-url"
    plain = "/things?access_token=Cnry-in-url"
    with requests.Session() as session, httpx.Client(verify=NO_TLS) as client:
        for url in (exchange, plain, "/things?page=2"):
            session.get(server.url + url)
            client.get(server.url + url)
    told = by_scope(recorder)
    assert [span.name for span in told[OURS]] == ["token client_credentials"] * 2
    assert [span.attributes["http.url"] for span in told[REQUESTS] + told[HTTPX]] == [  # type: ignore[index]
        f"{server.url}/things?page=2"
    ] * 2
    recorder.sweep()


def test_contribs_silence_is_not_ours(recorder: Recorder, server: Server) -> None:
    """``suppress_http_instrumentation``, which contrib sets around its own call, is not for us."""
    on(OURS, recorder)
    on(REQUESTS, recorder)  # outermost: ours runs within its suppression
    with requests.Session() as session:
        session.post(f"{server.url}/token", data=GRANT)
    assert ours(recorder) == [the_span(server)]


def test_a_wrapt_proxy_of_another_is_not_stripped_with_our_dead_wrapper(
    recorder: Recorder, server: Server
) -> None:
    """A wrapt proxy is equal to what it wraps, and has its hash."""
    import wrapt

    calls: list[str] = []

    def watch(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        calls.append(args[0].url)
        return wrapped(*args, **kwargs)

    on(OURS, recorder)
    wrapt.wrap_function_wrapper(requests.Session, "send", watch)
    off(OURS)
    on(OURS, recorder)
    with requests.Session() as session:
        session.post(f"{server.url}/token", data=GRANT)
    assert calls == [f"{server.url}/token"]
    assert ours(recorder) == [the_span(server)]
