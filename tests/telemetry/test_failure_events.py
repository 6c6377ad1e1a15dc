"""The two events, which feed the audit log: ``oauth.failure``, or ``oauth.security`` instead of it."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import pytest
from by_hand import ENDPOINT, TOKEN, credentials, refresh, tell

from opentelemetry.instrumentation.oauth import OAuthTelemetry
from opentelemetry.instrumentation.oauth.protocol.errors import ERROR_CODES
from opentelemetry.instrumentation.oauth.telemetry.events import AUDIT_EVENTS, audit_event
from recorder import Recorder


def test_a_failure_is_an_event_that_carries_what_its_span_carries(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    answer = {"error": "invalid_client", "error_description": "Cnry"}
    tell(telemetry, credentials(), answer, 401)
    (span,) = recorder.spans()
    assert recorder.events() == [
        {
            "name": "oauth.failure",
            "severity": "WARN",
            "body": "ERR_INVALID_CLIENT",
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_post",
                "oauth.outcome": "failure",
                "oauth.failure.class": "misconfigured",
                "error.type": "invalid_client",
                "http.response.status_code": 401,
                "server.address": "as.example",
                "url.path": "/token",
                "oauth.audit.event": "ERR_INVALID_CLIENT",
            },
        }
    ]
    assert span["attributes"].items() <= recorder.events()[0]["attributes"].items()
    (log,) = recorder._logs.get_finished_logs()
    assert log.log_record.span_id == recorder.raw_spans()[0].context.span_id
    assert log.log_record.trace_id == recorder.raw_spans()[0].context.trace_id


@pytest.mark.parametrize(
    ("status", "answer"),
    [
        (200, TOKEN),
        (400, {"error": "authorization_pending"}),
        (400, {"error": "slow_down"}),
        (403, {"error": "request_submitted"}),
        (400, {"error": "use_dpop_nonce"}),
    ],
)
def test_success_pending_and_challenge_are_no_event_and_no_error(
    status: int, answer: dict[str, Any], telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    device = {"grant_type": "urn:ietf:params:oauth:grant-type:device_code", "device_code": "Cnry"}
    tell(telemetry, {**device, "client_id": "app"}, answer, status)
    (span,) = recorder.spans()
    assert (span["status"], span["description"]) == ("UNSET", None)
    assert recorder.events() == []
    assert recorder.total("oauth.flow") == (1 if status == 200 else 0)
    assert recorder.total("oauth.client.request.duration") == 1


@pytest.mark.parametrize(
    ("status", "answer", "error_type", "failure_class", "audit"),
    [
        (400, {"error": "invalid_grant"}, "invalid_grant", "reauthorize", "ERR_INVALID_GRANT"),
        (400, {"error": "expired_token"}, "expired_token", "reauthorize", "ERR_TOKEN_EXPIRED"),
        (400, {"error": "somebodys_own"}, "somebodys_own", "misconfigured", "ERR_OTHER"),
        (429, {}, "429", "throttled", "ERR_OTHER"),
        (503, {}, "503", "unavailable", "ERR_UNAVAILABLE"),
        (404, {}, "404", "misconfigured", "ERR_OTHER"),
        (200, {}, "malformed_response", "malformed", "ERR_MALFORMED_RESPONSE"),
        (None, ConnectionError(), "ConnectionError", "unavailable", "ERR_UNAVAILABLE"),
        (None, KeyboardInterrupt(), "KeyboardInterrupt", "canceled", "ERR_OTHER"),
    ],
)
def test_each_has_an_audit_name_that_a_person_can_grep_for(
    status: int | None,
    answer: Any,
    error_type: str,
    failure_class: str,
    audit: str,
    telemetry: OAuthTelemetry,
    recorder: Recorder,
) -> None:
    raised = pytest.raises(type(answer)) if status is None else nullcontext()
    with raised:
        tell(telemetry, credentials(), answer, status or 0)
    (event,) = recorder.events()
    attributes = event["attributes"]
    told = (
        attributes["error.type"],
        attributes["oauth.failure.class"],
        attributes["oauth.audit.event"],
    )
    assert told == (error_type, failure_class, audit)
    assert (event["name"], event["severity"], event["body"]) == ("oauth.failure", "WARN", audit)


def test_how_long_to_wait_is_told(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    tell(telemetry, credentials(), {}, 429, headers={"Retry-After": "7"})
    assert recorder.spans()[0]["attributes"]["oauth.retry_after"] == 7
    assert recorder.events()[0]["attributes"]["oauth.retry_after"] == 7


def test_reuse_of_a_rotated_refresh_token_is_a_security_event_instead(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, refresh("Cnry-1"), {**TOKEN, "refresh_token": "Cnry-2"})
    tell(telemetry, refresh("Cnry-1"), {"error": "invalid_grant"}, 400)
    (event,) = recorder.events()
    assert (event["name"], event["severity"]) == ("oauth.security", "ERROR")
    assert event["attributes"]["oauth.audit.event"] == event["body"] == "ERR_REFRESH_REUSE"
    assert event["attributes"]["error.type"] == "invalid_grant"


@pytest.mark.parametrize("error", ["invalid_redirect_uri", "redirect_uri_mismatch"])
def test_so_is_a_rejected_redirect_uri(
    error: str, telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    code = {"grant_type": "authorization_code", "code": "Cnry", "client_id": "app"}
    tell(telemetry, code, {"error": error}, 400)
    (event,) = recorder.events()
    assert (event["name"], event["severity"]) == ("oauth.security", "ERROR")
    assert event["attributes"]["oauth.audit.event"] == "ERR_INVALID_REDIRECT"


def test_and_a_wrong_state_at_the_callback(telemetry: OAuthTelemetry, recorder: Recorder) -> None:
    telemetry.authorization_failed("mismatching_state", state="Cnry")
    (event,) = recorder.events()
    assert (event["name"], event["severity"]) == ("oauth.security", "ERROR")
    assert event["attributes"]["oauth.audit.event"] == "ERR_MISMATCHING_STATE"


def test_the_audit_names_are_a_closed_table() -> None:
    assert AUDIT_EVENTS.keys() >= ERROR_CODES
    for name in AUDIT_EVENTS.values():
        assert name.startswith("ERR_")
        assert name == name.upper()
        assert name.replace("_", "").isalnum()
    assert audit_event("Cnry", None) == "ERR_OTHER"


def test_a_collision_or_a_redundant_request_is_no_event(
    telemetry: OAuthTelemetry, recorder: Recorder
) -> None:
    tell(telemetry, credentials())
    tell(telemetry, credentials())
    with telemetry.exchange(
        "POST", ENDPOINT, {}, "grant_type=refresh_token&refresh_token=Cnry"
    ) as one:
        assert one is not None
        with telemetry.exchange(
            "POST", "https://as.example/t/token", {}, "grant_type=refresh_token&refresh_token=Cnry"
        ) as two:
            assert two is not None
            two.finish(200, {}, '{"access_token": "Cnry"}')
        one.finish(200, {}, '{"access_token": "Cnry"}')
    assert recorder.total("oauth.client.refresh.collisions") == 1
    assert recorder.events() == []
