"""The contract: every name that `semconv` marks as emitted today is emitted here, and no other.

One long scenario is told, through httpx, requests and the manual API; then everything that came out
of it is held against the tables of `semconv`, in both directions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
import requests
from opentelemetry.sdk.metrics.export import Histogram, Sum
from requests.adapters import BaseAdapter

from opentelemetry.instrumentation.oauth import (
    OAuthInstrumentor,
    OAuthTelemetry,
    get_telemetry,
    refresh_context,
    semconv,
)
from opentelemetry.instrumentation.oauth.telemetry.scope import hints
from recorder import Recorder

TOKEN = {"access_token": "Cnry-access", "token_type": "Bearer", "expires_in": 3600}
AS = "https://as.example:8443"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:"
CLIENT_ASSERTIONS = [
    ("jwt-bearer", "eyJhbGciOiJIUzI1NiJ9.e30.Cnry"),  # {"alg":"HS256"}
    ("jwt-bearer", "eyJhbGciOiJSUzI1NiJ9.e30.Cnry"),  # {"alg":"RS256"}
    ("saml2-bearer", "Cnry"),
]
URN = "urn:ietf:params:oauth:grant-type:"

GRANTS: list[dict[str, str]] = [
    {
        "grant_type": "authorization_code",
        "code": "Cnry",
        "code_verifier": "Cnry-v",
        "client_id": "a",
    },
    {"grant_type": "authorization_code", "code": "Cnry", "client_id": "a"},
    {
        "grant_type": "client_credentials",
        "client_id": "a",
        "client_secret": "Cnry",
        "scope": "read",
    },
    {
        "grant_type": "client_credentials",
        "client_id": "a",
        "client_secret": "Cnry",
        "scope": "read",
    },
    {"grant_type": "password", "username": "u", "password": "Cnry", "client_id": "a"},
    {"grant_type": "refresh_token", "refresh_token": "Cnry-unknown", "client_id": "a"},
    {"grant_type": f"{URN}device_code", "device_code": "Cnry", "client_id": "a"},
    {"grant_type": f"{URN}jwt-bearer", "assertion": "Cnry"},
    {"grant_type": f"{URN}saml2-bearer", "assertion": "Cnry"},
    {
        "grant_type": f"{URN}token-exchange",
        "subject_token": "Cnry",
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    },
    {"grant_type": "urn:openid:params:grant-type:ciba", "auth_req_id": "Cnry", "client_id": "a"},
    {"grant_type": f"{URN}pre-authorized_code", "pre-authorized_code": "Cnry"},
    {"grant_type": f"{URN}uma-ticket", "ticket": "Cnry"},
    {"grant_type": "https://vendor.example/own", "client_id": "a"},
]
FAILURES: list[tuple[int, dict[str, Any]]] = [
    (400, {"error": "invalid_grant"}),
    (400, {"error": "redirect_uri_mismatch"}),
    (400, {"error": "authorization_pending"}),
    (400, {"error": "use_dpop_nonce"}),
    (400, {"error": "a_vendors_own"}),
    (429, {}),
    (503, {}),
    (200, {"nothing": "due"}),
]
ENDPOINTS: list[tuple[str, str, dict[str, str], dict[str, Any]]] = [
    ("POST", "/revoke", {"token": "Cnry", "client_id": "a", "client_secret": "Cnry"}, {}),
    ("POST", "/introspect", {"token": "Cnry", "client_id": "a"}, {"active": True}),
    (
        "POST",
        "/device_authorization",
        {"client_id": "a"},
        {"device_code": "Cnry", "user_code": "Cnry", "verification_uri": AS, "expires_in": 1},
    ),
    (
        "POST",
        "/par",
        {"response_type": "code", "client_id": "a", "redirect_uri": AS},
        {"request_uri": "urn:ietf:params:oauth:request_uri:Cnry", "expires_in": 1},
    ),
    (
        "POST",
        "/bc-authorize",
        {"scope": "openid", "login_hint": "u", "client_id": "a"},
        {"auth_req_id": "Cnry", "expires_in": 1},
    ),
    (
        "GET",
        "/.well-known/openid-configuration",
        {},
        {
            "issuer": AS,
            "userinfo_endpoint": f"{AS}/me",
            "registration_endpoint": f"{AS}/register",
            "jwks_uri": f"{AS}/keys",
        },
    ),
    ("GET", "/keys", {}, {"keys": []}),
    ("GET", "/me", {}, {"sub": "u"}),
    ("POST", "/register", {}, {"client_id": "a"}),
    ("GET", "/authorize?response_type=code&client_id=a&redirect_uri=https%3A%2F%2Fa", {}, {}),
]


class Canned(BaseAdapter):
    def send(self, request: Any, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        response = requests.Response()
        response.status_code, response.request, response.url = 200, request, request.url
        response._content = json.dumps(TOKEN).encode()
        return response

    def close(self) -> None:
        """Nothing to close."""


def by_httpx() -> None:
    answers: list[tuple[int, dict[str, Any], dict[str, str]] | Exception] = []

    def respond(request: httpx.Request) -> httpx.Response:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        status, body, headers = answer
        return httpx.Response(status, json=body, headers=headers)

    with httpx.Client(transport=httpx.MockTransport(respond)) as client:
        for form in GRANTS:
            answers.append((200, TOKEN, {}))
            client.post(f"{AS}/token", data=form)
        for status, body in FAILURES:
            answers.append((status, body, {"Retry-After": "5"}))
            client.post(f"{AS}/token", data=GRANTS[0])
        for method, path, form, body in ENDPOINTS:
            answers.append((200, body, {}))
            client.request(
                method, AS + path, data=form or None, headers={"Authorization": "Bearer Cnry"}
            )
        for problem in (httpx.ConnectTimeout("Cnry"), ZeroDivisionError("Cnry")):
            answers.append(problem)
            with pytest.raises(type(problem)):
                client.post(f"{AS}/token", data=GRANTS[2])
        for kind, assertion in CLIENT_ASSERTIONS:
            proof = {"client_assertion_type": ASSERTION_TYPE + kind, "client_assertion": assertion}
            answers.append((200, TOKEN, {}))
            client.post(
                f"{AS}/token", data={"grant_type": "client_credentials", "client_id": "a", **proof}
            )
        answers.append((200, TOKEN, {}))
        client.post(f"{AS}/token", data={"grant_type": "client_credentials"}, auth=("a", "Cnry"))
        answers.append((401, {}, {"WWW-Authenticate": 'Bearer error="invalid_token"'}))
        client.get("https://api.example/", headers={"Authorization": "Bearer Cnry"})


def by_requests() -> None:
    session = requests.Session()
    session.mount("https://", Canned())
    session.post(
        f"{AS}/token", data={"grant_type": "client_credentials", "client_id": "a"}, cert="a.pem"
    )


def by_hand(telemetry: OAuthTelemetry) -> None:
    for answer in (
        {**TOKEN, "refresh_token": "Cnry-1"},
        {**TOKEN, "refresh_token": "Cnry-2"},
    ):
        refresh(telemetry, "Cnry-0" if answer["refresh_token"] == "Cnry-1" else "Cnry-1", answer)
    refresh(telemetry, "Cnry-1", {"error": "invalid_grant"})  # reuse
    with hints(library="authlib"), refresh_context(type="reactive"):
        refresh(telemetry, "Cnry-2", TOKEN, while_another=True)
    for kind in semconv.REFRESH_TYPES:
        telemetry.refresh_skipped(kind)
    telemetry.pending_token_claimed()
    for operation in semconv.STORE_OPERATIONS:
        with telemetry.store_operation(operation):
            pass
    with pytest.raises(KeyError), telemetry.store_operation("get"):
        raise KeyError
    for source in semconv.TOKEN_SOURCES:
        for reason in semconv.REFRESH_REASONS:
            telemetry.token_acquired(source, reason)
    for number, kind in enumerate((*semconv.RESPONSE_TYPES, "odd")):
        challenge = ["", "&code_challenge=Cnry", "&code_challenge=Cnry&code_challenge_method=S256"]
        query = urlencode({"response_type": kind, "client_id": "a", "state": f"Cnry{number}"})
        telemetry.authorization_started(f"{AS}/authorize?{query}{challenge[number % 3]}")
    for grant in ("authorization_code", "implicit"):
        telemetry.authorization_failed(
            "access_denied", state="Cnry0", authorization_endpoint=AS, grant_type=grant
        )
    with hints(library="authlib"):
        telemetry.authorization_failed("mismatching_state")
    with (
        hints(state="Cnry1"),
        telemetry.exchange("POST", f"{AS}/token", {}, urlencode(GRANTS[0])) as last,
    ):
        assert last is not None
        last.finish(200, {}, json.dumps(TOKEN))
    with telemetry.exchange("POST", f"{AS}/token", {}, urlencode(GRANTS[2])):
        pass  # never answered: canceled


def refresh(
    telemetry: OAuthTelemetry, token: str, answer: dict[str, Any], *, while_another: bool = False
) -> None:
    form = urlencode({"grant_type": "refresh_token", "refresh_token": token, "client_id": "a"})
    with telemetry.exchange("POST", f"{AS}/token", {}, form) as exchange:
        assert exchange is not None
        if while_another:
            with telemetry.exchange("POST", f"{AS}/v2/token", {}, form) as second:
                assert second is not None
                second.finish(200, {}, json.dumps(answer))
        exchange.finish(400 if "error" in answer else 200, {}, json.dumps(answer))


class Told:
    """Everything that came out of the scenario, collected once."""

    def __init__(self, recorder: Recorder) -> None:
        self.metrics = recorder.metrics()
        self.points = {
            name: [dict(point.attributes) for point in metric.data.data_points]
            for name, metric in self.metrics.items()
        }
        self.spans = recorder.spans()
        self.events = recorder.events()


@pytest.fixture(scope="module")
def told() -> Iterator[Told]:
    recorder = Recorder()
    OAuthInstrumentor().instrument(
        capture_scope=True, capture_client_id="plain", max_servers=100, **recorder.providers
    )
    by_httpx()
    by_requests()
    by_hand(get_telemetry())
    yield Told(recorder)
    OAuthInstrumentor().uninstrument()
    recorder.sweep()


NOW = [metric for metric in semconv.METRICS if metric.emitted == "now"]


def test_every_metric_of_today_is_emitted_and_no_other(told: Told) -> None:
    assert set(told.metrics) == {metric.name for metric in NOW}


@pytest.mark.parametrize("metric", NOW, ids=lambda metric: metric.name)
def test_a_metric_is_what_its_row_says(metric: semconv.Metric, told: Told) -> None:
    seen = told.metrics[metric.name]
    assert (seen.unit, seen.description) == (metric.unit, metric.description)
    if metric.kind == "histogram":
        assert isinstance(seen.data, Histogram)
        assert {point.explicit_bounds for point in seen.data.data_points} == {metric.boundaries}
    else:
        assert isinstance(seen.data, Sum)
        assert seen.data.is_monotonic
    required = {name for name in metric.attributes if not name.endswith("?")}
    allowed = {name.removesuffix("?") for name in metric.attributes}
    keys = [set(point.attributes) for point in seen.data.data_points]
    assert all(required <= names <= allowed for names in keys)
    assert set().union(*keys) == allowed


CLOSED: dict[str, set[str]] = {
    "oauth.role": {"client"},
    "oauth.endpoint": set(semconv.ENDPOINTS),
    "oauth.grant_type": set(semconv.GRANT_TYPES),
    "oauth.client_auth.method": set(semconv.CLIENT_AUTH_METHODS),
    "oauth.outcome": set(semconv.OUTCOMES),
    "oauth.failure.class": set(semconv.FAILURE_CLASSES),
    "oauth.response_type": {*semconv.RESPONSE_TYPES, "_OTHER"},
    "oauth.pkce.method": set(semconv.PKCE_METHODS),
    "oauth.token.source": set(semconv.TOKEN_SOURCES),
    "oauth.refresh.reason": set(semconv.REFRESH_REASONS),
    "operation": set(semconv.STORE_OPERATIONS),
    "type": set(semconv.REFRESH_TYPES),
    "result": {"success", "failure", "skipped"},
}
NEVER_SEEN = {
    # A client certificate does not say who signed it.
    "oauth.client_auth.method": {"self_signed_tls_client_auth"},
}


def values_on_metrics(told: Told, attribute: str) -> set[Any]:
    return {
        point[attribute]
        for points in told.points.values()
        for point in points
        if attribute in point
    }


@pytest.mark.parametrize("attribute", CLOSED)
def test_a_closed_set_is_used_up_and_never_left(attribute: str, told: Told) -> None:
    seen = values_on_metrics(told, attribute)
    for span in told.spans:
        if attribute in span["attributes"]:
            seen.add(span["attributes"][attribute])
    assert seen == CLOSED[attribute] - NEVER_SEEN.get(attribute, set())


def test_what_is_no_closed_set_on_a_metric(told: Told) -> None:
    from opentelemetry.instrumentation.oauth.protocol.errors import ERROR_CODES
    from opentelemetry.instrumentation.oauth.protocol.exceptions import LISTED

    open_ended = {"server.address", "server.port", "error.type"}
    attributes = {name.removesuffix("?") for metric in NOW for name in metric.attributes}
    assert attributes == set(CLOSED) | open_ended
    assert values_on_metrics(told, "server.address") == {"as.example", "api.example"}
    assert values_on_metrics(told, "server.port") == {8443}
    errors = values_on_metrics(told, "error.type")
    listed = ERROR_CODES | LISTED | {"_OTHER", "malformed_response"}
    assert errors - listed == {"429", "503"}
    assert {"invalid_grant", "httpx.ConnectTimeout", "_OTHER", "malformed_response"} <= errors


def test_every_span_attribute_of_today_is_emitted_and_no_other(told: Told) -> None:
    seen = {name for span in told.spans for name in span["attributes"]}
    assert seen == {name for name, since in semconv.SPAN_ATTRIBUTES.items() if since == "now"}
    assert all(span["events"] == [] for span in told.spans)
    assert {span["kind"] for span in told.spans} == {"CLIENT", "INTERNAL"}


def test_a_span_is_named_by_endpoint_and_grant(told: Told) -> None:
    for span in told.spans:
        attributes = span["attributes"]
        grant = attributes.get("oauth.grant_type")
        if attributes["oauth.endpoint"] == "token":
            assert span["name"] == f"token {grant}"
        else:
            assert span["name"] == attributes["oauth.endpoint"]


def test_status_is_error_on_failure_but_not_on_pending_and_challenge(told: Told) -> None:
    for span in told.spans:
        attributes = span["attributes"]
        failed = attributes["oauth.outcome"] == "failure"
        challenge = attributes.get("oauth.failure.class") == "challenge"
        assert (span["status"] == "ERROR") == (failed and not challenge)
        assert span["description"] == (
            attributes["error.type"] if span["status"] == "ERROR" else None
        )
        assert ("error.type" in attributes) == (attributes["oauth.outcome"] != "success")
        assert ("oauth.failure.class" in attributes) == failed


def test_every_event_name_is_emitted_and_carries_what_it_may(told: Told) -> None:
    assert {event["name"] for event in told.events} == {"oauth.failure", "oauth.security"}
    allowed = {name for name, since in semconv.EVENT_ATTRIBUTES.items() if since == "now"}
    seen = [set(event["attributes"]) for event in told.events]
    assert all(names <= allowed for names in seen)
    assert all("oauth.audit.event" in names for names in seen)
    # Of a success there is no event: these three never stand on one.
    success = {"oauth.token.type", "oauth.token.expires_in", "oauth.refresh_token.rotated"}
    assert allowed - set().union(*seen) == success


def test_an_event_for_each_span_that_failed(told: Told) -> None:
    failed = [span for span in told.spans if span["status"] == "ERROR"]
    assert len(told.events) == len(failed)


def test_names_are_spelled_as_opentelemetry_wants_them() -> None:
    for metric in semconv.METRICS:
        assert metric.name == metric.name.lower()
        assert not metric.name.endswith(("_total", ".total", "_seconds"))
        assert metric.unit == "s" or metric.unit.startswith("{")
    assert [semconv.FLOW.prometheus_name, semconv.REFRESH_DURATION.prometheus_name] == [
        "oauth_flow_total",
        "token_refresh_duration_seconds",
    ]
    assert len({metric.name for metric in semconv.METRICS}) == len(semconv.METRICS)
