"""Public names, held by literal lists: whoever changes one must change it here, on purpose."""

from __future__ import annotations

import dataclasses
import inspect
from importlib.metadata import distribution, entry_points

import opentelemetry.instrumentation.oauth as package
from opentelemetry.instrumentation.oauth import OAuthConfig, OAuthTelemetry, semconv

DISTRIBUTION = "opentelemetry-instrumentation-oauth"


def test_the_root_package() -> None:
    assert package.__all__ == [
        "OAuthConfig",
        "OAuthInstrumentor",
        "OAuthTelemetry",
        "__version__",
        "get_telemetry",
        "refresh_context",
    ]
    assert all(hasattr(package, name) for name in package.__all__)


def test_the_fields_of_the_configuration() -> None:
    fields = [field.name for field in dataclasses.fields(OAuthConfig)]
    assert fields == [
        "excluded_urls",
        "token_endpoints",
        "capture_scope",
        "capture_client_id",
        "client_id_hash_key",
        "max_servers",
        "ledger_size",
        "traces",
        "metrics",
        "events",
        "request_hook",
        "response_hook",
    ]
    parameters = inspect.signature(OAuthConfig).parameters.values()
    assert [parameter.name for parameter in parameters] == fields
    # The declarative configuration forwards defaults as keywords: None is "not said".
    assert {parameter.default for parameter in parameters} == {None}
    assert {parameter.kind for parameter in parameters} == {inspect.Parameter.KEYWORD_ONLY}


def test_the_manual_api() -> None:
    methods = {
        name: str(inspect.signature(method))
        for name, method in vars(OAuthTelemetry).items()
        if inspect.isfunction(method) and not name.startswith("_")
    }
    manual = {
        "exchange": "(self, method: 'str', url: 'str', headers: 'Mapping[str, str] | None' = None,"
        " body: 'bytes | str | None' = None) -> 'Generator[Exchange | None]'",
        "authorization_started": "(self, url: 'str') -> 'None'",
        "authorization_failed": "(self, error: 'str', *, state: 'str | None' = None,"
        " authorization_endpoint: 'str | None' = None,"
        " grant_type: 'str' = 'authorization_code') -> 'None'",
        "token_acquired": "(self, source: 'str', reason: 'str' = 'not_applicable') -> 'None'",
        "store_operation": "(self, operation: 'str') -> 'Generator[None]'",
        "pending_token_claimed": "(self) -> 'None'",
        "refresh_skipped": "(self, type: 'str' = 'unknown') -> 'None'",
    }
    for_hooks = {"begin", "rejected"}
    assert {name: methods[name] for name in manual} == manual
    assert methods.keys() - manual.keys() == for_hooks
    assert str(inspect.signature(package.get_telemetry)) == "() -> 'OAuthTelemetry'"
    assert str(inspect.signature(package.refresh_context)) == "(type: 'str') -> 'Generator[None]'"


def test_every_public_thing_has_a_docstring_and_the_manual_api_an_example() -> None:
    for name in package.__all__:
        assert name == "__version__" or inspect.getdoc(getattr(package, name))
    for name in ("exchange", "authorization_started", "authorization_failed"):
        assert ">>>" in (inspect.getdoc(getattr(OAuthTelemetry, name)) or "")


def test_the_entry_points() -> None:
    assert {
        (entry.group, entry.name): entry.value for entry in distribution(DISTRIBUTION).entry_points
    } == {
        ("console_scripts", "opentelemetry-oauth"): "opentelemetry.instrumentation.oauth.cli:main",
        (
            "opentelemetry_instrumentor",
            "oauth",
        ): "opentelemetry.instrumentation.oauth:OAuthInstrumentor",
        (
            "opentelemetry_post_instrument",
            "oauth",
        ): "opentelemetry.instrumentation.oauth.hooks.outermost:make_outermost",
        (
            "opentelemetry_environment_variables",
            "oauth",
        ): "opentelemetry.instrumentation.oauth.environment_variables",
    }
    for group in ("opentelemetry_instrumentor", "opentelemetry_post_instrument"):
        (entry,) = entry_points(group=group, name="oauth")
        assert callable(entry.load())


def test_there_is_no_instruments_extra() -> None:
    """With it a program that has only another of our libraries would be skipped in silence."""
    extras = distribution(DISTRIBUTION).metadata.get_all("Provides-Extra") or []
    assert not {"instruments", "instruments-any"} & set(extras)


def test_the_environment_variables() -> None:
    from opentelemetry.instrumentation.oauth import environment_variables

    assert [name for name in vars(environment_variables) if name.startswith("OTEL_")] == [
        "OTEL_PYTHON_OAUTH_EXCLUDED_URLS",
        "OTEL_PYTHON_OAUTH_TOKEN_ENDPOINTS",
        "OTEL_PYTHON_OAUTH_CAPTURE_SCOPE",
        "OTEL_PYTHON_OAUTH_CAPTURE_CLIENT_ID",
        "OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY",
        "OTEL_PYTHON_OAUTH_MAX_SERVERS",
        "OTEL_PYTHON_OAUTH_LEDGER_SIZE",
        "OTEL_PYTHON_OAUTH_TRACES",
        "OTEL_PYTHON_OAUTH_METRICS",
        "OTEL_PYTHON_OAUTH_EVENTS",
    ]


def test_the_metrics() -> None:
    """Dashboards, alerts and the mission's queries are written in these."""
    told = [(m.name, m.kind, m.unit, m.prometheus_name, m.emitted) for m in semconv.METRICS]
    # fmt: off
    assert told == [
        ("oauth.flow", "counter", "{flow}", "oauth_flow_total", "now"),
        ("token.refresh.attempts", "counter", "{attempt}", "token_refresh_attempts_total", "now"),
        ("token.refresh.duration", "histogram", "s", "token_refresh_duration_seconds", "now"),
        ("pending.tokens.claimed", "counter", "{token}", "pending_tokens_claimed_total", "now"),
        ("token.store.operations", "counter", "{operation}", "token_store_operations_total", "now"),
        ("oauth.client.request.duration", "histogram", "s", "oauth_client_request_duration_seconds", "now"),
        ("oauth.client.authorization.started", "counter", "{authorization}", "oauth_client_authorization_started_total", "now"),
        ("oauth.client.authorization.duration", "histogram", "s", "oauth_client_authorization_duration_seconds", "now"),
        ("oauth.client.token.lifetime", "histogram", "s", "oauth_client_token_lifetime_seconds", "now"),
        ("oauth.client.token.remaining_lifetime", "histogram", "s", "oauth_client_token_remaining_lifetime_seconds", "now"),
        ("oauth.client.token.acquisitions", "observable_counter", "{acquisition}", "oauth_client_token_acquisitions_total", "now"),
        ("oauth.client.token.redundant", "counter", "{request}", "oauth_client_token_redundant_total", "now"),
        ("oauth.client.refresh.collisions", "counter", "{refresh}", "oauth_client_refresh_collisions_total", "now"),
        ("oauth.client.refresh_token.reuse", "counter", "{refresh}", "oauth_client_refresh_token_reuse_total", "now"),
        ("oauth.client.resource.rejections", "counter", "{response}", "oauth_client_resource_rejections_total", "now"),
        ("oauth.server.request.duration", "histogram", "s", "oauth_server_request_duration_seconds", "later"),
        ("oauth.server.phase.duration", "histogram", "s", "oauth_server_phase_duration_seconds", "later"),
        ("oauth.server.client_authentication.clients", "observable_gauge", "{client}", "oauth_server_client_authentication_clients", "later"),
        ("oauth.token.validation.duration", "histogram", "s", "oauth_token_validation_duration_seconds", "later"),
        ("oauth.token.signing.duration", "histogram", "s", "oauth_token_signing_duration_seconds", "later"),
    ]
    # fmt: on


def test_the_attributes_of_spans_and_events() -> None:
    assert list(semconv.SPAN_ATTRIBUTES) == [
        "oauth.endpoint",
        "oauth.grant_type",
        "oauth.client_auth.method",
        "oauth.outcome",
        "oauth.failure.class",
        "error.type",
        "server.address",
        "server.port",
        "http.response.status_code",
        "url.path",
        "oauth.token.type",
        "oauth.token.expires_in",
        "oauth.refresh.type",
        "oauth.refresh_token.rotated",
        "oauth.pkce.method",
        "oauth.library",
        "oauth.retry_after",
        "oauth.scope",
        "oauth.client.id",
        "client.address",
    ]
    assert list(semconv.EVENT_ATTRIBUTES) == [*semconv.SPAN_ATTRIBUTES, "oauth.audit.event"]
    assert (semconv.Event.FAILURE, semconv.Event.SECURITY) == ("oauth.failure", "oauth.security")
    assert semconv.SCOPE_NAME == "opentelemetry.instrumentation.oauth"


def test_the_closed_sets() -> None:
    assert (
        *("token", "authorization", "revocation", "introspection", "device_authorization"),
        *("pushed_authorization_request", "backchannel_authentication", "registration"),
        *("metadata", "jwks", "userinfo"),
    ) == semconv.ENDPOINTS
    assert (
        *("authorization_code", "implicit", "client_credentials", "password", "refresh_token"),
        *("device_code", "jwt_bearer", "saml2_bearer", "token_exchange", "ciba"),
        *("pre_authorized_code", "uma_ticket", "_OTHER"),
    ) == semconv.GRANT_TYPES
    assert (
        *("client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"),
        *("tls_client_auth", "self_signed_tls_client_auth", "none", "_OTHER"),
    ) == semconv.CLIENT_AUTH_METHODS
    assert semconv.OUTCOMES == ("success", "failure", "pending")
    assert (
        *("canceled", "unavailable", "throttled", "reauthorize", "challenge", "misconfigured"),
        "malformed",
    ) == semconv.FAILURE_CLASSES
    assert semconv.REFRESH_TYPES == ("proactive", "reactive", "unknown")
    assert semconv.STORE_OPERATIONS == ("get", "set", "delete")
    assert semconv.TOKEN_SOURCES == ("identity_provider", "cache", "broker")
    assert semconv.REFRESH_REASONS == ("absent", "expired", "aging", "forced", "not_applicable")
    assert semconv.PKCE_METHODS == ("S256", "plain", "none", "unknown")
    assert (
        *("code", "token", "id_token", "id_token token", "code id_token", "code token"),
        *("code id_token token", "none"),
    ) == semconv.RESPONSE_TYPES
