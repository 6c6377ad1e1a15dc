"""Switching on and off: whatever is imported before or after, once or twice, nothing breaks."""

from __future__ import annotations

import importlib
import inspect
import logging
import subprocess
import sys
from typing import Any

import authlib.integrations.flask_client.apps as flask_apps
import authlib.integrations.httpx_client.oauth2_client as authlib_httpx
import authlib.oauth2.client as authlib_client
import authlib.oauth2.rfc7521.client as authlib_assertion
import httpx
import httpx2
import pytest
import requests
from doubles import ENDPOINT, GRANT, TOKEN, session_with, token_span
from opentelemetry import trace

from opentelemetry.instrumentation.oauth import OAuthInstrumentor, OAuthTelemetry, get_telemetry
from opentelemetry.instrumentation.oauth.hooks.registry import LIBRARIES, registry
from recorder import Recorder

# --- on and off --------------------------------------------------------------------------------

HOOK_POINTS: list[tuple[Any, str]] = [
    (requests.Session, "send"),
    *((library.Client, "_send_handling_redirects") for library in (httpx, httpx2)),
    *((library.AsyncClient, "_send_handling_redirects") for library in (httpx, httpx2)),
    *(
        (library.Response, name)
        for library in (httpx, httpx2)
        for name in ("read", "aread", "close", "aclose")
    ),
    *(
        (authlib_client.OAuth2Client, name)
        for name in (
            "create_authorization_url",
            "fetch_token",
            "token_from_fragment",
            "refresh_token",
            "ensure_active_token",
            "revoke_token",
            "introspect_token",
        )
    ),
    (authlib_assertion.AssertionClient, "refresh_token"),
    (authlib_httpx.AsyncOAuth2Client, "ensure_active_token"),
    (flask_apps.FlaskOAuth2App, "authorize_access_token"),
]


def methods() -> list[Any]:
    return [vars(owner)[name] for owner, name in HOOK_POINTS]


def test_every_hook_point_is_patched_and_the_very_objects_are_restored(recorder: Recorder) -> None:
    before = methods()
    signatures = [inspect.signature(method) for method in before]
    OAuthInstrumentor().instrument(**recorder.providers)
    during = methods()
    assert {(patch.owner, patch.name) for patch in registry.patches} == set(HOOK_POINTS)
    assert all(ours is not theirs for ours, theirs in zip(during, before, strict=True))
    assert [inspect.signature(method) for method in during] == signatures
    for ours, theirs in zip(during, before, strict=True):
        assert (ours.__name__, ours.__qualname__, ours.__module__, ours.__doc__) == (
            *(theirs.__name__, theirs.__qualname__, theirs.__module__, theirs.__doc__),
        )
        assert inspect.iscoroutinefunction(ours) == inspect.iscoroutinefunction(theirs)
    OAuthInstrumentor().uninstrument()
    assert all(ours is theirs for ours, theirs in zip(methods(), before, strict=True))
    assert registry.patches == []


def test_switched_on_twice_it_tells_once_and_off_twice_it_stays_off(
    recorder: Recorder, caplog: pytest.LogCaptureFixture
) -> None:
    before = methods()
    OAuthInstrumentor().instrument(**recorder.providers)
    OAuthInstrumentor().instrument(**recorder.providers)
    session_with(TOKEN).post(ENDPOINT, data=GRANT)
    assert recorder.spans() == [token_span()]
    OAuthInstrumentor().uninstrument()
    OAuthInstrumentor().uninstrument()
    assert methods() == before
    session_with(TOKEN).post(ENDPOINT, data=GRANT)
    assert recorder.spans() == [token_span()]
    assert caplog.messages == [
        "Attempting to instrument while already instrumented",
        "Attempting to uninstrument while already uninstrumented",
    ]


def test_on_and_off_many_times_leaves_nothing_behind(recorder: Recorder) -> None:
    before = methods()
    for _ in range(20):
        OAuthInstrumentor().instrument(**recorder.providers)
        session_with(TOKEN).post(ENDPOINT, data=GRANT)
        OAuthInstrumentor().uninstrument()
    assert methods() == before
    assert len(recorder.spans()) == 20
    assert recorder.total("oauth.flow") == 20


def test_off_the_telemetry_that_somebody_kept_tells_nothing(recorder: Recorder) -> None:
    OAuthInstrumentor().instrument(**recorder.providers)
    kept = get_telemetry()
    kept.token_acquired("cache")
    OAuthInstrumentor().uninstrument()
    assert get_telemetry() is not kept
    for telemetry in (kept, get_telemetry()):
        telemetry.token_acquired("cache")
        telemetry.pending_token_claimed()
        telemetry.refresh_skipped()
        telemetry.authorization_started(
            "https://as.example/authorize?client_id=a&response_type=code"
        )
        telemetry.authorization_failed("access_denied")
        telemetry.rejected("https://api.example/", 401, {"WWW-Authenticate": "Bearer"})
        with telemetry.store_operation("get"):
            pass
        with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=client_credentials") as exchange:
            assert exchange is None or telemetry is not kept
    assert (recorder.spans(), recorder.events()) == ([], [])
    assert recorder.metrics().keys() <= {"oauth.client.token.acquisitions"}
    assert recorder.points("oauth.client.token.acquisitions") == []


def test_acquisitions_go_on_after_off_and_on_with_the_same_provider(recorder: Recorder) -> None:
    """A provider drops the second callback of an instrument in silence."""
    for _ in range(2):
        OAuthInstrumentor().instrument(**recorder.providers)
        get_telemetry().token_acquired("cache")
        OAuthTelemetry(**recorder.providers).token_acquired("broker")
        OAuthInstrumentor().uninstrument()
    OAuthInstrumentor().instrument(**recorder.providers)
    get_telemetry().token_acquired("cache")
    told = {
        point["attributes"]["oauth.token.source"]: point["value"]
        for point in recorder.points("oauth.client.token.acquisitions")
    }
    OAuthInstrumentor().uninstrument()
    assert told == {"cache": 3, "broker": 2}


def test_no_span_of_ours_is_current_around_a_call_that_is_not_oauth(instrumented: Recorder) -> None:
    """mcp 2.x puts a ``traceparent`` on the wire whenever a span is current, even without a provider."""
    current: list[trace.Span] = []

    def note(request: Any) -> Any:
        current.append(trace.get_current_span())
        return httpx.Response(200, json={})

    urls = [
        "https://api.example/things",
        "https://api.example/things?access_token=Cnry",
        "https://api.example/search?q=grant_type%3Dx",
        "https://api.example/token-list",
    ]
    with httpx.Client(transport=httpx.MockTransport(note)) as client:
        for url in urls:
            client.get(url)
            client.post(url, data={"name": "x"})
    session = session_with(lambda request: note(request) and {})
    for url in urls:
        session.get(url)
        session.post(url, json={"query": "mutation { token }"})
    assert current == [trace.INVALID_SPAN] * 16
    assert instrumented.spans() == []
    assert instrumented.metrics() == {}


# --- imports -----------------------------------------------------------------------------------


def run(program: str, *arguments: str) -> str:
    """Run a program of its own, with warnings as errors; give what it printed."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout


PROVIDER = """
import logging, sys
logging.basicConfig(stream=sys.stderr)
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
from opentelemetry.instrumentation.oauth import OAuthInstrumentor
on = lambda: OAuthInstrumentor().instrument(tracer_provider=provider)
off = lambda: OAuthInstrumentor().uninstrument()
grant = {"grant_type": "client_credentials"}

def tell():
    import httpx
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json={"access_token": "Cnry"}))
    with httpx.Client(transport=answer) as client:
        client.post("https://as.example/token", data=grant)
    told = [span.name for span in exporter.get_finished_spans()]
    exporter.clear()
    return told
"""


def test_imported_before_after_and_while_off() -> None:
    program = f"""{PROVIDER}
on()                      # before the library is imported
assert "httpx" not in sys.modules
import httpx
assert tell() == ["token client_credentials"]
off()
assert tell() == []
on()                      # after it
assert tell() == ["token client_credentials"]
off()
import requests           # imported while it is off
on()
assert requests.Session.send.__wrapped__
print("well")
"""
    assert run(program) == "well\n"


def test_reloaded_removed_and_aliased_modules_break_nothing() -> None:
    """httpx2 may be absent, forbidden (``None``), or an alias of httpx."""
    program = f"""{PROVIDER}
import importlib
sys.modules["httpx2"] = None
on()
try:
    import httpx2
except ImportError:
    pass
else:
    raise AssertionError
import httpx, requests
assert tell() == ["token client_credentials"]
importlib.reload(requests.sessions)   # a new class: not patched again, said in the docs
requests.sessions.Session()
importlib.reload(httpx)
assert tell() == ["token client_credentials"]
off()
assert tell() == []
sys.modules["httpx2"] = httpx         # one module under two names is patched once
on()
assert tell() == ["token client_credentials"]
off()
del sys.modules["requests.sessions"], sys.modules["httpx2"]
on()
off()
print("well")
"""
    assert run(program) == "well\n"


@pytest.mark.parametrize(
    ("version", "attribute", "why"),
    [
        ("0.1.0", "", "version 0.1.0 is older than 2.25, the oldest supported"),
        ("99.0", "Session", "version 99.0 has no Session, which the hook needs"),
    ],
)
def test_an_unknown_version_is_skipped_with_one_warning(
    version: str,
    attribute: str,
    why: str,
    recorder: Recorder,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(requests, "__version__", version)
    monkeypatch.setattr(registry, "skipped", {})
    if attribute:
        monkeypatch.delattr(requests.sessions, attribute)
    with caplog.at_level(logging.WARNING):
        OAuthInstrumentor().instrument(**recorder.providers)
        OAuthInstrumentor().uninstrument()
    assert caplog.messages == [f"requests is not instrumented: {why}."]
    assert registry.skipped == {"requests": why}


@pytest.mark.internal_errors
def test_a_hook_that_fails_never_breaks_the_programs_import(our_log: list[str]) -> None:
    program = f"""{PROVIDER}
from opentelemetry.instrumentation.oauth.hooks import registry
asked = []
def broken(module):
    asked.append(module.__name__)
    raise RuntimeError("Cnry")
registry.LIBRARIES = [library._replace(points=broken) for library in registry.LIBRARIES]
registry._BY_TRIGGER = dict((library.trigger, library) for library in registry.LIBRARIES)
logging.disable()
on()
import httpx, requests
print(httpx.Client.__name__, requests.Session.__name__, *asked)
"""
    assert run(program) == "Client Session httpx requests.sessions\n"


def test_the_table_names_modules_that_exist() -> None:
    for library in LIBRARIES:
        module = importlib.import_module(library.trigger)
        assert list(library.points(module))
