"""When we are told to be silent, and what the program's own hooks may do to us."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from doubles import ENDPOINT, GRANT, TOKEN, answering, failed_span, session_with, token_span
from opentelemetry import context, trace
from opentelemetry.instrumentation.utils import (
    suppress_http_instrumentation,
    suppress_instrumentation,
)

from opentelemetry.instrumentation.oauth import OAuthConfig, OAuthInstrumentor, get_telemetry
from recorder import Recorder

# --- suppression -------------------------------------------------------------------------------


def everything(client: httpx.Client) -> None:
    """One of all that is told: an exchange, a rejection, and what the manual API tells."""
    client.post(ENDPOINT, data=GRANT)
    client.get("https://api.example/things", headers={"Authorization": "Bearer Cnry"})
    telemetry = get_telemetry()
    telemetry.authorization_started("https://as.example/authorize?response_type=code&client_id=a")
    telemetry.authorization_failed("access_denied")
    telemetry.pending_token_claimed()
    telemetry.refresh_skipped()
    with telemetry.store_operation("get"):
        pass
    with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=client_credentials") as exchange:
        assert exchange is None


def as_server_and_api(request: httpx.Request) -> httpx.Response:
    if request.url.host == "api.example":
        return httpx.Response(401, headers={"WWW-Authenticate": "Bearer error=invalid_token"})
    return httpx.Response(200, json=TOKEN)


@pytest.mark.parametrize("key", ["suppress_instrumentation", context._SUPPRESS_INSTRUMENTATION_KEY])
def test_either_spelling_of_suppress_instrumentation_silences_us(
    key: str, instrumented: Recorder
) -> None:
    token = context.attach(context.set_value(key, True))
    try:
        with httpx.Client(transport=answering(as_server_and_api)) as client:
            everything(client)
    finally:
        context.detach(token)
    assert instrumented.spans() == []
    assert instrumented.events() == []
    assert instrumented.metrics() == {}


def test_so_does_the_context_manager_and_only_within_it(instrumented: Recorder) -> None:
    with httpx.Client(transport=answering(TOKEN)) as client:
        with suppress_instrumentation():
            client.post(ENDPOINT, data=GRANT)
        client.post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [token_span()]
    assert instrumented.total("oauth.flow") == 1


def test_suppress_http_instrumentation_does_not_silence_us(instrumented: Recorder) -> None:
    """An OAuth exchange is no HTTP detail: azure-sdk and contrib's requests suppress HTTP below."""
    with suppress_http_instrumentation():
        with httpx.Client(transport=answering(TOKEN)) as client:
            client.post(ENDPOINT, data=GRANT)
        session_with(TOKEN).post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [token_span()] * 2


def test_an_excluded_url_is_not_told_and_its_query_does_not_count(recorder: Recorder) -> None:
    OAuthInstrumentor().instrument(excluded_urls=[r"//as\.example/token$"], **recorder.providers)
    with httpx.Client(transport=answering(TOKEN)) as client:
        client.post(ENDPOINT + "?tenant=1", data=GRANT)
        client.post("https://other.example/token", data=GRANT)
    OAuthInstrumentor().uninstrument()
    assert recorder.spans() == [token_span(server__address="other.example")]


# --- request_hook and response_hook ------------------------------------------------------------

Send = Callable[[], Any]


def by_httpx() -> Any:
    with httpx.Client(transport=answering(TOKEN)) as client:
        return client.post(ENDPOINT, data=GRANT)


def by_requests() -> Any:
    return session_with(TOKEN).post(ENDPOINT, data=GRANT)


BOTH = pytest.mark.parametrize("send", [by_httpx, by_requests])


@BOTH
def test_hooks_get_the_span_and_the_librarys_own_objects(send: Send, recorder: Recorder) -> None:
    seen: list[Any] = []

    def before(span: trace.Span, request: Any) -> None:
        assert trace.get_current_span() is span
        span.set_attribute("app.before", str(request.url))
        seen.append(request)

    def after(span: trace.Span, request: Any, response: Any) -> None:
        assert span.is_recording()
        span.set_attribute("app.after", response.status_code)
        seen.extend((request, response))

    OAuthInstrumentor().instrument(request_hook=before, response_hook=after, **recorder.providers)
    response = send()
    OAuthInstrumentor().uninstrument()
    assert seen == [response.request, response.request, response]
    assert recorder.spans() == [token_span(app__before=ENDPOINT, app__after=200)]


@BOTH
@pytest.mark.internal_errors
def test_hooks_that_raise_hurt_nobody_and_are_logged_once(
    send: Send, recorder: Recorder, our_log: list[str]
) -> None:
    def raises(*args: Any) -> None:
        raise RuntimeError("Cnry: this text may quote the request")

    OAuthInstrumentor().instrument(request_hook=raises, response_hook=raises, **recorder.providers)
    for _ in range(3):
        assert send().status_code == 200
    OAuthInstrumentor().uninstrument()
    assert recorder.spans() == [token_span()] * 3
    assert recorder.total("oauth.flow") == 3
    assert len(our_log) == 2
    assert "calling request_hook (RuntimeError" in our_log[0]
    assert "calling response_hook (RuntimeError" in our_log[1]


@BOTH
def test_ctrl_c_in_a_hook_is_raised_on_and_the_exchange_is_told(
    send: Send, recorder: Recorder
) -> None:
    def interrupt(*args: Any) -> None:
        raise KeyboardInterrupt

    config = OAuthConfig(request_hook=interrupt)
    OAuthInstrumentor().instrument(config=config, **recorder.providers)
    with pytest.raises(KeyboardInterrupt):
        send()
    OAuthInstrumentor().uninstrument()
    assert recorder.spans() == [failed_span("KeyboardInterrupt", "canceled")]
    assert trace.get_current_span() is trace.INVALID_SPAN

    recorder.clear()
    config = OAuthConfig(response_hook=interrupt)
    OAuthInstrumentor().instrument(config=config, **recorder.providers)
    with pytest.raises(KeyboardInterrupt):
        send()
    OAuthInstrumentor().uninstrument()
    assert recorder.spans() == [token_span()]  # it was answered, before the hook
    assert recorder.total("oauth.flow") == 2


@pytest.mark.parametrize("which", ["request_hook", "response_hook"])
def test_a_hook_that_introspects_makes_an_exchange_of_its_own(
    which: str, recorder: Recorder
) -> None:
    """Within the exchange whose hook it is or after it, it is never taken for a part of it."""

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/introspect":
            return httpx.Response(200, json={"active": True})
        return httpx.Response(200, json=TOKEN)

    client = httpx.Client(transport=answering(respond))

    def introspect(span: trace.Span, request: httpx.Request, *_: Any) -> None:
        if request.url.path == "/token":
            client.post("https://as.example/introspect", data={"token": "Cnry", "client_id": "rs"})

    OAuthInstrumentor().instrument(**{which: introspect}, **recorder.providers)
    client.post(ENDPOINT, data=GRANT)
    OAuthInstrumentor().uninstrument()
    client.close()
    assert recorder.spans() == [
        {
            "name": "introspection",
            "kind": "CLIENT",
            "status": "UNSET",
            "description": None,
            "attributes": {
                "oauth.endpoint": "introspection",
                "oauth.client_auth.method": "none",
                "oauth.outcome": "success",
                "http.response.status_code": 200,
                "server.address": "as.example",
                "url.path": "/introspect",
            },
            "events": [],
            "links": 0,
        },
        token_span(),
    ]
    assert recorder.points("oauth.client.request.duration") == [
        {
            "attributes": {
                "oauth.endpoint": "introspection",
                "oauth.outcome": "success",
                "server.address": "as.example",
            },
            "count": 1,
        },
        {
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "client_credentials",
                "oauth.outcome": "success",
                "server.address": "as.example",
            },
            "count": 1,
        },
    ]
    assert recorder.total("oauth.flow") == 1


# --- providers that fail -----------------------------------------------------------------------


@pytest.mark.internal_errors
@pytest.mark.parametrize("method", ["on_start", "on_end"])
@BOTH
def test_a_span_processor_that_raises_hurts_nobody(
    method: str, send: Send, recorder: Recorder, our_log: list[str]
) -> None:
    from opentelemetry.sdk.trace import SpanProcessor

    class Broken(SpanProcessor):
        pass

    def raises(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("queue is full")

    setattr(Broken, method, raises)
    recorder.tracer_provider.add_span_processor(Broken())
    OAuthInstrumentor().instrument(**recorder.providers)
    assert send().status_code == 200
    with get_telemetry().exchange("POST", ENDPOINT, {}, "grant_type=client_credentials") as told:
        if told is not None:
            told.finish(200, {}, '{"access_token": "x"}')
    OAuthInstrumentor().uninstrument()
    assert our_log
    assert trace.get_current_span() is trace.INVALID_SPAN
    if method == "on_end":  # metrics are recorded before the span ends
        assert recorder.total("oauth.flow") == 2


def test_a_full_queue_and_an_exporter_that_fails_cost_nothing_but_their_spans(
    recorder: Recorder,
) -> None:
    from opentelemetry.sdk.trace.export import (
        BatchSpanProcessor,
        SimpleSpanProcessor,
        SpanExporter,
    )

    class Failing(SpanExporter):
        def export(self, spans: Any) -> Any:
            raise ConnectionError("collector is down")

    full = BatchSpanProcessor(Failing(), max_queue_size=1, max_export_batch_size=1)
    recorder.tracer_provider.add_span_processor(full)
    recorder.tracer_provider.add_span_processor(SimpleSpanProcessor(Failing()))
    OAuthInstrumentor().instrument(**recorder.providers)
    with httpx.Client(transport=answering(TOKEN)) as client:
        for _ in range(20):
            client.post(ENDPOINT, data=GRANT)
    OAuthInstrumentor().uninstrument()
    full.shutdown()
    assert recorder.spans() == [token_span()] * 20
    assert recorder.total("oauth.flow") == 20
