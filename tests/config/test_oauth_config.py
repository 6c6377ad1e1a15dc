"""`OAuthConfig`: keyword before environment before default.

A bad keyword raises, before anything is patched; a bad environment value gives one warning, and then
the default.
"""

from __future__ import annotations

import dataclasses
import logging
import os
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from opentelemetry.instrumentation.oauth import (
    OAuthConfig,
    OAuthInstrumentor,
    OAuthTelemetry,
    config,
    get_telemetry,
)
from opentelemetry.instrumentation.oauth import environment_variables as env
from recorder import Recorder

DEFAULTS: dict[str, Any] = {
    "excluded_urls": (),
    "token_endpoints": (),
    "capture_scope": False,
    "capture_client_id": "off",
    "client_id_hash_key": None,
    "max_servers": 100,
    "ledger_size": 10_000,
    "traces": True,
    "metrics": True,
    "events": True,
    "request_hook": None,
    "response_hook": None,
}


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An environment without our variables, and warnings not yet given."""
    for name in list(os.environ):
        if name.startswith("OTEL_PYTHON_OAUTH_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(config, "_warned", set())
    yield
    if OAuthInstrumentor().is_instrumented_by_opentelemetry:
        OAuthInstrumentor().uninstrument()


def variable(field: str) -> str:
    return f"OTEL_PYTHON_OAUTH_{field.upper()}"


def values(config: OAuthConfig) -> dict[str, Any]:
    return {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}


# --- precedence --------------------------------------------------------------------------------

SETTINGS = [
    # field, the keyword and its value, the environment's text and its value
    ("excluded_urls", ["//a", "b+"], ("//a", "b+"), " //c , d ,, ", ("//c", "d")),
    ("excluded_urls", "//a,b", ("//a", "b"), "//c", ("//c",)),
    (
        "token_endpoints",
        ["https://as.example/odd"],
        ("https://as.example/odd",),
        "http://a/b,https://c/d",
        ("http://a/b", "https://c/d"),
    ),
    ("capture_scope", False, False, "True", True),
    ("capture_client_id", "off", "off", "PLAIN", "plain"),
    ("client_id_hash_key", "one", "one", "Cnry-two", "Cnry-two"),
    ("max_servers", 1, 1, "10000", 10_000),
    ("ledger_size", 0, 0, "1000000", 1_000_000),
    ("traces", True, True, "off", False),
    ("metrics", True, True, "0", False),
    ("events", True, True, "no", False),
]


@pytest.mark.parametrize(("field", "given", "kept", "text", "read"), SETTINGS)
def test_keyword_before_environment_before_default(
    field: str, given: Any, kept: Any, text: str, read: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert values(OAuthConfig()) == DEFAULTS
    monkeypatch.setenv(variable(field), text)
    assert values(OAuthConfig()) == DEFAULTS | {field: read}
    assert values(OAuthConfig(**{field: given})) == DEFAULTS | {field: kept}
    assert values(OAuthConfig(**{field: None})) == DEFAULTS | {field: read}
    monkeypatch.setenv(variable(field), "  ")
    assert values(OAuthConfig()) == DEFAULTS


def test_every_field_but_the_hooks_has_its_variable() -> None:
    declared = {name for name in vars(env) if name.startswith("OTEL_")}
    assert declared == {variable(field) for field in DEFAULTS if not field.endswith("_hook")}
    assert tuple(DEFAULTS) == config.CONFIG_FIELDS
    for name in declared:
        assert getattr(env, name) == name


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "yes", "on", "On"])
def test_truth_in_the_environment(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(variable("capture_scope"), text)
    assert OAuthConfig().capture_scope is True


def test_it_is_frozen_comparable_and_shows_no_key() -> None:
    one = OAuthConfig(client_id_hash_key="Cnry-key", capture_client_id="hash")
    assert one == OAuthConfig(client_id_hash_key="Cnry-key", capture_client_id="hash")
    assert "Cnry" not in repr(one)
    with pytest.raises(dataclasses.FrozenInstanceError):
        one.max_servers = 1  # type: ignore[misc]


# --- bad keywords ------------------------------------------------------------------------------

BAD = [
    ("excluded_urls", 7, TypeError, "excluded_urls: expected a sequence of strings"),
    ("excluded_urls", [7], TypeError, "excluded_urls: expected a sequence of strings"),
    ("excluded_urls", b"a", TypeError, "excluded_urls: expected a sequence of strings"),
    ("excluded_urls", ["("], ValueError, "allowed are Python regular expressions"),
    ("token_endpoints", ["/token"], ValueError, "'/token' is no absolute http or https URL"),
    ("token_endpoints", ["ftp://a/b"], ValueError, "is no absolute http or https URL"),
    ("capture_scope", "maybe", ValueError, "capture_scope: allowed are true and false"),
    ("capture_scope", 1, TypeError, "capture_scope: expected true or false, not int"),
    ("capture_client_id", "md5", ValueError, "allowed are 'off', 'plain' and 'hash'"),
    ("capture_client_id", True, ValueError, "allowed are 'off', 'plain' and 'hash'"),
    ("client_id_hash_key", b"Cnry", TypeError, "client_id_hash_key: expected a string, not bytes"),
    ("max_servers", 0, ValueError, "max_servers: allowed are the integers from 1 to 10000"),
    ("max_servers", "many", ValueError, "allowed are the integers from 1 to 10000"),
    ("max_servers", 10_001, ValueError, "allowed are the integers from 1 to 10000"),
    ("max_servers", True, TypeError, "max_servers: expected an integer, not bool"),
    ("max_servers", 1.5, TypeError, "max_servers: expected an integer, not float"),
    ("ledger_size", -1, ValueError, "ledger_size: allowed are the integers from 0 to 1000000"),
    ("traces", "si", ValueError, "traces: allowed are true and false"),
    ("request_hook", "print", TypeError, "request_hook must be callable, not str"),
    ("response_hook", 0, TypeError, "response_hook must be callable, not int"),
]


@pytest.mark.parametrize(("field", "value", "error", "text"), BAD)
def test_a_bad_keyword_raises_and_says_what_is_allowed(
    field: str, value: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as caught:
        OAuthConfig(**{field: value})
    assert text in str(caught.value)
    assert "Cnry" not in str(caught.value)


@pytest.mark.parametrize(
    ("keywords", "error", "text"),
    [
        ({"max_servers": 0}, ValueError, "allowed are the integers from 1 to 10000"),
        ({"exclude_urls": ["a"]}, TypeError, "unknown keyword exclude_urls; allowed are config, "),
        ({"a": 1, "b": 2}, TypeError, "unknown keyword a, b; allowed are"),
        ({"config": {"traces": False}}, TypeError, "config must be an OAuthConfig, not dict"),
        (
            {"config": OAuthConfig(), "traces": False},
            TypeError,
            "give either config or traces, not both",
        ),
    ],
)
def test_a_bad_keyword_of_instrument_raises_before_anything_is_patched(
    keywords: dict[str, Any], error: type[Exception], text: str
) -> None:
    before = requests.Session.send
    with pytest.raises(error) as caught:
        OAuthInstrumentor().instrument(**keywords)
    assert text in str(caught.value)
    assert requests.Session.send is before
    assert not OAuthInstrumentor().is_instrumented_by_opentelemetry
    OAuthInstrumentor().instrument()  # it may be tried again
    assert requests.Session.send is not before


def test_the_text_for_an_unknown_keyword_names_every_one_that_is_allowed() -> None:
    with pytest.raises(TypeError) as caught:
        OAuthInstrumentor().instrument(nonsense=1)
    for name in ("config", *DEFAULTS, "tracer_provider", "meter_provider", "logger_provider"):
        assert name in str(caught.value)


# --- bad environment values --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "text", "allowed"),
    [
        ("excluded_urls", "(", "Python regular expressions"),
        ("token_endpoints", "as.example/token", "absolute http or https URL"),
        ("capture_scope", "maybe", "true and false"),
        ("capture_client_id", "md5", "'off', 'plain' and 'hash'"),
        ("max_servers", "none", "the integers from 1 to 10000"),
        ("max_servers", "9" * 5000, "the integers from 1 to 10000"),
        ("ledger_size", "-1", "the integers from 0 to 1000000"),
        ("traces", "2", "true and false"),
    ],
)
def test_a_bad_environment_value_is_one_warning_and_the_default(
    field: str,
    text: str,
    allowed: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    recorder: Recorder,
) -> None:
    monkeypatch.setenv(variable(field), text)
    with caplog.at_level(logging.WARNING):
        OAuthInstrumentor().instrument(**recorder.providers)
        OAuthTelemetry().close()
        get_telemetry()
        assert values(OAuthConfig()) == DEFAULTS
    (line,) = caplog.messages
    assert variable(field) in line
    assert repr(text) in line
    assert allowed in line
    assert repr(DEFAULTS[field]) in line


def test_the_value_of_the_hash_key_is_never_shown(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(value: object) -> str | None:
        raise ValueError("allowed is nothing")

    monkeypatch.setattr(config, "_key", refuse)
    monkeypatch.setenv(env.OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY, "Cnry-key")
    OAuthConfig()
    assert caplog.messages == [
        "OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY=*** is ignored: allowed is nothing. Using None."
    ]


def test_hash_from_the_environment_without_a_key_is_off_and_says_so_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(env.OTEL_PYTHON_OAUTH_CAPTURE_CLIENT_ID, "hash")
    for _ in range(2):
        assert OAuthConfig().capture_client_id == "off"
    assert len(caplog.messages) == 1
    monkeypatch.setenv(env.OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY, "Cnry-key")
    assert OAuthConfig().capture_client_id == "hash"


# --- what instrument() takes -------------------------------------------------------------------


def test_a_config_or_its_arguments(recorder: Recorder) -> None:
    for keywords in ({"config": OAuthConfig(max_servers=7)}, {"max_servers": 7}):
        OAuthInstrumentor().instrument(**keywords, **recorder.providers)
        assert values(get_telemetry().config) == DEFAULTS | {"max_servers": 7}
        OAuthInstrumentor().uninstrument()
    assert OAuthInstrumentor.configuration is OAuthConfig


def test_the_keywords_that_every_instrumentor_takes(recorder: Recorder) -> None:
    """``opentelemetry-instrument`` gives ``skip_dep_check``; the declarative file forwards None."""
    OAuthInstrumentor().instrument(
        skip_dep_check=True,
        raise_exception_on_conflict=True,
        config=None,
        **dict.fromkeys(DEFAULTS),
        **recorder.providers,
    )
    assert values(get_telemetry().config) == DEFAULTS
    get_telemetry().pending_token_claimed()
    assert recorder.total("pending.tokens.claimed") == 1
    assert OAuthInstrumentor().instrumentation_dependencies() == ()


@pytest.mark.internal_errors
def test_anything_else_that_goes_wrong_is_logged_and_never_raised(our_log: list[str]) -> None:
    """An exception there would abort every later instrumentor of the program."""

    class Broken:
        def get_tracer(self, *args: Any, **kwargs: Any) -> Any:
            raise RuntimeError("Cnry")

    OAuthInstrumentor().instrument(tracer_provider=Broken())
    assert len(our_log) == 1
    assert "failed while instrumenting (RuntimeError at" in our_log[0]
