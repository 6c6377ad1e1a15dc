"""The manual API: what a program tells by itself, whole spans and whole points of each method."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import pytest
from by_hand import ENDPOINT, TOKEN, credentials, tell
from opentelemetry import trace

from opentelemetry.instrumentation.oauth import OAuthTelemetry, get_telemetry
from opentelemetry.instrumentation.oauth.protocol.authorization import s256
from recorder import Recorder

AUTHORIZE = "https://as.example:8443/realms/x/authorize?response_type=id_token+code&client_id=app"

# --- exchange ----------------------------------------------------------------------------------


def test_an_exchange(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    tell(
        telemetry,
        credentials(scope="read"),
        url="https://as.example:8443/tenants/7f3c9a1b2d/token",
    )
    assert recorder.spans() == [
        {
            "name": "token client_credentials",
            "kind": "CLIENT",
            "status": "UNSET",
            "description": None,
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_post",
                "oauth.outcome": "success",
                "oauth.token.type": "Bearer",
                "oauth.token.expires_in": 3600,
                "http.response.status_code": 200,
                "server.address": "as.example",
                "server.port": 8443,
                "url.path": "/tenants/7f3c9a1b2d/token",
            },
            "events": [],
            "links": 0,
        }
    ]
    assert {name: recorder.points(name) for name in recorder.metrics()} == {
        "oauth.flow": [
            {
                "attributes": {
                    "oauth.role": "client",
                    "oauth.grant_type": "client_credentials",
                    "oauth.client_auth.method": "client_secret_post",
                    "oauth.outcome": "success",
                    "server.address": "as.example",
                },
                "value": 1,
            }
        ],
        "oauth.client.request.duration": [
            {
                "attributes": {
                    "oauth.endpoint": "token",
                    "oauth.grant_type": "client_credentials",
                    "oauth.outcome": "success",
                    "server.address": "as.example",
                    "server.port": 8443,
                },
                "count": 1,
            }
        ],
        "oauth.client.token.lifetime": [
            {
                "attributes": {
                    "oauth.grant_type": "client_credentials",
                    "server.address": "as.example",
                },
                "count": 1,
            }
        ],
    }
    (lifetime,) = recorder.histogram("oauth.client.token.lifetime")
    assert lifetime.sum == 3600
    assert recorder.events() == []


def test_what_is_no_oauth_is_no_exchange(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    with telemetry.exchange("POST", "https://api.example/things", {}, b'{"a": 1}') as exchange:
        assert exchange is None
    with telemetry.exchange("GET", "", None) as exchange:
        assert exchange is None
    assert (recorder.spans(), recorder.metrics()) == ([], {})


def test_its_span_is_current_within_it_and_only_there(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=client_credentials") as exchange:
        assert exchange is not None
        assert trace.get_current_span() is exchange.span
        exchange.finish(200, {}, '{"access_token": "Cnry"}')
    assert trace.get_current_span() is trace.INVALID_SPAN
    assert len(recorder.spans()) == 1


def test_the_first_conclusion_counts(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=client_credentials") as exchange:
        assert exchange is not None
        exchange.finish(200, {}, '{"access_token": "Cnry"}')
        exchange.finish(500, {}, None)
        exchange.fail(ValueError())
    assert [span["attributes"]["oauth.outcome"] for span in recorder.spans()] == ["success"]
    assert recorder.total("oauth.flow") == 1


def test_what_the_body_raises_is_told_and_raised_on(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    problem = ConnectionRefusedError("Cnry")
    with pytest.raises(ConnectionRefusedError) as caught:
        tell(telemetry, credentials(), problem)
    assert caught.value is problem
    (span,) = recorder.spans()
    assert (span["status"], span["description"]) == ("ERROR", "ConnectionRefusedError")
    assert span["attributes"]["oauth.failure.class"] == "unavailable"


def test_a_body_that_does_neither_is_a_cancellation(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    with telemetry.exchange("POST", ENDPOINT, {}, "grant_type=client_credentials"):
        pass
    (span,) = recorder.spans()
    assert span["attributes"]["error.type"] == "_OTHER"
    assert span["attributes"]["oauth.failure.class"] == "canceled"


# --- authorization_started, authorization_failed -----------------------------------------------


def test_an_authorization_that_was_started(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    telemetry.authorization_started(f"{AUTHORIZE}&state=Cnry&nonce=Cnry&login_hint=Cnry")
    assert recorder.spans() == []
    assert {name: recorder.points(name) for name in recorder.metrics()} == {
        "oauth.client.authorization.started": [
            {
                "attributes": {
                    "oauth.response_type": "code id_token",  # in registered order
                    "oauth.pkce.method": "none",
                    "server.address": "as.example",
                },
                "value": 1,
            }
        ]
    }


def test_a_url_that_starts_no_authorization_is_passed_over(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    for url in (
        "https://as.example/",
        "",
        "/authorize?client_id=a",
        "https://as.example/search?q=1",
    ):
        telemetry.authorization_started(url)
    assert recorder.metrics() == {}


@pytest.mark.parametrize("grant", ["authorization_code", "implicit"])
def test_an_authorization_that_failed(
    grant: str, telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    telemetry.authorization_failed(
        "access_denied",
        authorization_endpoint="https://as.example:8443/authorize",
        grant_type=grant,
    )
    attributes = {
        "oauth.endpoint": "authorization",
        "oauth.grant_type": grant,
        "oauth.outcome": "failure",
        "oauth.failure.class": "reauthorize",
        "error.type": "access_denied",
        "server.address": "as.example",
        "server.port": 8443,
    }
    assert recorder.spans() == [
        {
            "name": "authorization",
            "kind": "INTERNAL",
            "status": "ERROR",
            "description": "access_denied",
            "attributes": attributes,
            "events": [],
            "links": 0,
        }
    ]
    assert {name: recorder.points(name) for name in recorder.metrics()} == {
        "oauth.flow": [
            {
                "attributes": {
                    "oauth.role": "client",
                    "oauth.grant_type": grant,
                    "oauth.client_auth.method": "none",
                    "oauth.outcome": "failure",
                    "oauth.failure.class": "reauthorize",
                    "error.type": "access_denied",
                    "server.address": "as.example",
                },
                "value": 1,
            }
        ]
    }
    assert recorder.events() == [
        {
            "name": "oauth.failure",
            "severity": "WARN",
            "body": "ERR_ACCESS_DENIED",
            "attributes": {**attributes, "oauth.audit.event": "ERR_ACCESS_DENIED"},
        }
    ]


@pytest.mark.parametrize(
    ("error", "on_span", "on_metric", "failure_class"),
    [
        ("ACCESS_DENIED", "access_denied", "access_denied", "reauthorize"),
        ("server_error", "server_error", "server_error", "unavailable"),
        ("some_vendors_own", "some_vendors_own", "_OTHER", "misconfigured"),
        ("Cnry says no", "_OTHER", "_OTHER", "misconfigured"),
        ("thestate", "_OTHER", "_OTHER", "misconfigured"),
        ("", "_OTHER", "_OTHER", "misconfigured"),
    ],
)
def test_the_error_is_told_as_far_as_it_is_safe(
    error: str,
    on_span: str,
    on_metric: str,
    failure_class: str,
    telemetry: OAuthTelemetry,
    recorder: Recorder,
) -> None:
    telemetry.authorization_failed(error, state="thestate")
    (span,) = recorder.spans()
    (point,) = recorder.points("oauth.flow")
    assert span["attributes"]["error.type"] == on_span
    assert span["attributes"]["oauth.failure.class"] == failure_class
    assert point["attributes"]["error.type"] == on_metric
    assert "server.address" not in {**span["attributes"], **point["attributes"]}


# --- counters ----------------------------------------------------------------------------------


def test_acquisitions_are_counted_without_an_add_and_read_at_collection(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    for _ in range(3):
        telemetry.token_acquired("cache")
    telemetry.token_acquired("identity_provider", "expired")
    told = [
        {
            "attributes": {
                "oauth.token.source": "cache",
                "oauth.refresh.reason": "not_applicable",
            },
            "value": 3,
        },
        {
            "attributes": {
                "oauth.token.source": "identity_provider",
                "oauth.refresh.reason": "expired",
            },
            "value": 1,
        },
    ]
    by_reason = sorted(told, key=lambda point: str(point["attributes"]["oauth.refresh.reason"]))  # type: ignore[index]
    assert recorder.points("oauth.client.token.acquisitions") == by_reason
    assert recorder.points("oauth.client.token.acquisitions") == by_reason


def test_store_operations(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    for operation in ("get", "get", "set", "delete"):
        with telemetry.store_operation(operation):
            pass
    with pytest.raises(KeyError), telemetry.store_operation("get"):
        raise KeyError("Cnry")
    assert recorder.points("token.store.operations") == [
        {"attributes": {"operation": "delete", "result": "success"}, "value": 1},
        {"attributes": {"operation": "get", "result": "failure"}, "value": 1},
        {"attributes": {"operation": "get", "result": "success"}, "value": 2},
        {"attributes": {"operation": "set", "result": "success"}, "value": 1},
    ]


def test_pending_tokens_and_skipped_refreshes(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    telemetry.pending_token_claimed()
    telemetry.refresh_skipped()
    telemetry.refresh_skipped("proactive")
    assert {name: recorder.points(name) for name in recorder.metrics()} == {
        "pending.tokens.claimed": [{"attributes": {}, "value": 1}],
        # Skipped has no duration.
        "token.refresh.attempts": [
            {"attributes": {"type": "proactive", "result": "skipped"}, "value": 1},
            {"attributes": {"type": "unknown", "result": "skipped"}, "value": 1},
        ],
    }


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            lambda t: t.token_acquired("disk"),
            "source must be one of identity_provider, cache, broker",
        ),
        (
            lambda t: t.token_acquired("cache", "whim"),
            "reason must be one of absent, expired, aging",
        ),
        (
            lambda t: t.store_operation("list").__enter__(),
            "operation must be one of get, set, delete",
        ),
        (lambda t: t.refresh_skipped("forced"), "type must be one of proactive, reactive, unknown"),
        (
            lambda t: t.authorization_failed("x", grant_type="password"),
            "grant_type must be one of authorization_code, implicit; not 'password'",
        ),
    ],
)
def test_a_word_outside_its_closed_set_raises_and_says_what_is_allowed(
    call: Any, text: str, telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    with pytest.raises(ValueError, match=text):
        call(telemetry)
    assert recorder.metrics() == {}


def test_rejections(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    for challenge in ('Bearer error="insufficient_scope"', "DPoP", 'Bearer error="Cnry"', "Basic"):
        telemetry.rejected(
            "https://api.example:444/x?access_token=Cnry", 403, {"WWW-Authenticate": challenge}
        )
    assert recorder.points("oauth.client.resource.rejections") == [
        {"attributes": {"error.type": error, "server.address": "api.example"}, "value": 1}
        for error in ("403", "_OTHER", "insufficient_scope")
    ]


# --- without anything on -----------------------------------------------------------------------


def test_get_telemetry_is_always_there_and_silent_while_nothing_is_on() -> None:
    telemetry = get_telemetry()
    assert get_telemetry() is telemetry
    telemetry.token_acquired("cache")
    telemetry.pending_token_claimed()
    tell(telemetry, credentials(), TOKEN)


def test_with_no_provider_all_of_it_does_nothing() -> None:
    telemetry = OAuthTelemetry()
    telemetry.token_acquired("cache")
    tell(telemetry, credentials(), TOKEN)
    tell(telemetry, credentials(), {"error": "invalid_client"}, 401)
    telemetry.authorization_started(AUTHORIZE)
    telemetry.authorization_failed("access_denied")
    telemetry.close()


def test_a_denied_authorization_is_told_at_the_server_it_was_sent_to(recorder: Recorder) -> None:
    telemetry = OAuthTelemetry(**recorder.providers)
    telemetry.authorization_started(
        "https://as.example:8443/authorize?response_type=token&client_id=app&state=Cnry-state"
    )
    telemetry.authorization_failed("access_denied", state="Cnry-state", grant_type="implicit")
    [span] = recorder.spans()
    assert span["attributes"]["server.address"] == "as.example"
    assert span["attributes"]["server.port"] == 8443
    assert recorder.total("oauth.flow", server__address="as.example") == 1


def test_a_pushed_request_is_known_by_its_request_uri(recorder: Recorder) -> None:
    """RFC 9126 section 4: the URL has the client and the ``request_uri``, and nothing else."""
    telemetry = OAuthTelemetry(**recorder.providers)
    verifier = "Cnry-verifier-of-forty-three-characters-at-least"
    pushed = urlencode(
        {
            "client_id": "a",
            "client_secret": "Cnry",
            "response_type": "code",
            "redirect_uri": "https://c.example/cb",
            "code_challenge": s256(verifier),
            "code_challenge_method": "S256",
        }
    )
    with telemetry.exchange("POST", "https://as.example/par", {}, pushed) as exchange:
        assert exchange is not None
        exchange.finish(201, {}, b'{"request_uri": "urn:x:Cnry", "expires_in": 60}')
    telemetry.authorization_started(
        "https://as.example/authorize?client_id=a&request_uri=urn%3Ax%3ACnry"
    )
    [started] = recorder.points("oauth.client.authorization.started")
    assert started["attributes"]["oauth.pkce.method"] == "S256"
    code = urlencode(
        {
            "grant_type": "authorization_code",
            "code": "Cnry",
            "client_id": "a",
            "code_verifier": verifier,
        }
    )
    with telemetry.exchange("POST", "https://as.example/token", {}, code) as exchange:
        assert exchange is not None
        exchange.finish(200, {}, b'{"access_token": "Cnry", "token_type": "Bearer"}')
    assert recorder.total("oauth.client.authorization.duration") == 1
    assert recorder.spans()[-1]["attributes"]["oauth.pkce.method"] == "S256"


def test_a_state_that_is_used_again_begins_an_authorization_of_its_own(recorder: Recorder) -> None:
    telemetry = OAuthTelemetry(**recorder.providers)
    url = "https://as.example/authorize?client_id=a&response_type=code&state=Cnry-fixed"
    telemetry.authorization_started(f"{url}&code_challenge={'c' * 43}&code_challenge_method=S256")
    telemetry.authorization_failed("access_denied", state="Cnry-fixed")
    telemetry.authorization_started(url)
    assert [
        point["attributes"]["oauth.pkce.method"]
        for point in recorder.points("oauth.client.authorization.started")
    ] == ["S256", "none"]
