"""How an exchange ended: the rules one by one, where the corpora do not reach."""

import gzip
import json

import pytest

from opentelemetry.instrumentation.oauth.protocol import answers, errors
from opentelemetry.instrumentation.oauth.protocol.errors import (
    ERROR_CODES,
    failure_class,
    tell_error,
)
from opentelemetry.instrumentation.oauth.protocol.request import recognise
from opentelemetry.instrumentation.oauth.protocol.response import conclude, rejection, retry_after
from opentelemetry.instrumentation.oauth.semconv import ENDPOINTS

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
REFRESH = recognise(
    "POST",
    "https://as.example/token",
    FORM,
    "grant_type=refresh_token&refresh_token=old&client_id=a",
)
METADATA = recognise("GET", "https://as.example/.well-known/openid-configuration", {}, None)
JWKS = recognise("GET", "https://as.example/.well-known/jwks.json", {}, None)
REGISTER = recognise("POST", "https://as.example/register", {}, '{"redirect_uris":["https://a"]}')


def after(request, status, body, headers=None):
    body = json.dumps(body) if isinstance(body, (dict, list)) else body
    return conclude(request, status, headers or {}, body)


def test_tables_name_their_sources():
    assert set(answers.DUE) == set(ENDPOINTS)
    for row in (*errors.PLACES, *answers.DUE.values()):
        assert len(row.source) > 5
    for *_, source in (*errors.FLAGS, *answers.PREFIXES):
        assert len(source) > 5


# --- errors ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "invalid_grant", "reauthorize"),
        (503, "invalid_grant", "unavailable"),  # an outage is never a dead grant
        (400, "temporarily_unavailable", "unavailable"),
        (200, "server_error", "unavailable"),
        (429, "invalid_grant", "throttled"),
        (429, None, "throttled"),
        (500, None, "unavailable"),
        (400, "use_dpop_nonce", "challenge"),
        (400, "invalid_client", "misconfigured"),
        (404, None, "misconfigured"),
        (200, None, "malformed"),
        (302, None, "malformed"),
        (None, "access_denied", "reauthorize"),
        (None, "mismatching_state", "reauthorize"),
    ],
)
def test_failure_class(status, code, expected):
    assert failure_class(status, code) == expected


@pytest.mark.parametrize(
    ("code", "span", "metric"),
    [
        ("invalid_grant", "invalid_grant", "invalid_grant"),
        ("Invalid_Grant", "invalid_grant", "invalid_grant"),
        ("our_own_error", "our_own_error", "_OTHER"),
        ("Access Denied", "_OTHER", "_OTHER"),
        ("code_4711", "_OTHER", "_OTHER"),
        ("_a", "_OTHER", "_OTHER"),
        ("x" * 49, "_OTHER", "_OTHER"),
        ("sesame", "_OTHER", "_OTHER"),  # a value of the request
        ("line\n", "_OTHER", "_OTHER"),
    ],
)
def test_tell_error(code, span, metric):
    assert tell_error(code, ("sesame",)) == (span, metric)


def test_registered_codes_are_listed():
    assert {
        "invalid_request",
        "slow_down",
        "use_dpop_nonce",
        "need_info",
        "mismatching_state",
    } <= ERROR_CODES


def test_error_that_echoes_a_parameter_is_not_told():
    request = recognise(
        "POST",
        "https://as.example/token",
        FORM,
        "grant_type=password&username=hunter&password=sesame",
    )
    assert after(request, 400, {"error": "sesame"}).error_type == "_OTHER"


@pytest.mark.parametrize(
    ("status", "body", "headers", "outcome", "error", "metric", "verdict"),
    [
        (200, {"access_token": "a"}, {}, "success", None, None, None),
        (200, {"error": "invalid_grant"}, {}, "failure", "invalid_grant", "invalid_grant", "reauthorize"),
        (200, "<html>", {}, "failure", "malformed_response", "malformed_response", "malformed"),
        (200, "", {}, "failure", "malformed_response", "malformed_response", "malformed"),
        (200, None, {}, "success", None, None, None),
        (302, None, {"Location": "/login"}, "failure", "302", "302", "malformed"),
        (503, "<html>", {}, "failure", "503", "503", "unavailable"),
        (400, {"error": "authorization_pending"}, {}, "pending", "authorization_pending", "authorization_pending", None),
        (500, {"error": "slow_down"}, {}, "pending", "slow_down", "slow_down", None),
        (200, {"errcode": 40029}, {}, "failure", "_OTHER", "_OTHER", "misconfigured"),
        (200, {"error": None, "access_token": "a"}, {}, "success", None, None, None),
        (401, "", {"WWW-Authenticate": 'Basic realm="a, b", error="invalid_client"'}, "failure", "invalid_client", "invalid_client", "misconfigured"),
        (400, {"error": {"code": "invalid_grant"}}, {}, "failure", "invalid_grant", "invalid_grant", "reauthorize"),
        (400, {"error": {"code": "secret_thing"}}, {}, "failure", "400", "400", "misconfigured"),
        (401, {"error": "Unauthorized", "status": 401}, {}, "failure", "401", "401", "misconfigured"),
        (400, {"error": "made_up"}, {}, "failure", "made_up", "_OTHER", "misconfigured"),
    ],
)  # fmt: skip
def test_conclusions_of_a_token_request(status, body, headers, outcome, error, metric, verdict):
    conclusion = after(REFRESH, status, body, headers)
    assert conclusion.outcome == outcome
    assert conclusion.error_type == error
    assert conclusion.metric_error_type == metric
    assert conclusion.failure_class == verdict
    assert conclusion.status == status


def test_304_is_success():
    assert after(JWKS, 304, "").outcome == "success"


# --- what is issued ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "rotated", "token"),
    [
        ({"access_token": "a", "refresh_token": "new"}, True, "new"),
        ({"access_token": "a", "refresh_token": "old"}, False, "old"),
        ({"access_token": "a"}, False, None),
        ({"access_token": "a", "refresh_token": "not_supported"}, False, None),
        ({"data": {"accessToken": "a", "refreshToken": "new"}}, True, "new"),
    ],
)
def test_rotation(answer, rotated, token):
    conclusion = after(REFRESH, 200, answer)
    assert (conclusion.rotated, conclusion.refresh_token) == (rotated, token)
    assert "new" not in repr(conclusion)


def test_rotation_is_not_known_of_an_unread_answer():
    assert after(REFRESH, 200, None).rotated is None


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("3600", 3600.0),
        ("3600.5", 3600.5),
        ("true", None),
        ("NaN", None),
        ("1e400", None),
        ("-1", None),
        ("0", None),
        ("1" * 5000, None),
        ("1730000000", None),
        ('"3600"', 3600.0),
        ('"soon"', None),
        ("null", None),
        ("[1]", None),
    ],
)
def test_expires_in(sent, told):
    conclusion = conclude(REFRESH, 200, {}, f'{{"expires_in":{sent},"access_token":"a"}}')
    assert conclusion.expires_in == told


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("bearer", "Bearer"),
        ("DPOP", "DPoP"),
        ("n_a", "N_A"),
        ("BearerToken", "_OTHER"),
        (None, None),
        (7, None),
    ],
)
def test_token_type(sent, told):
    assert after(REFRESH, 200, {"access_token": "a", "token_type": sent}).token_type == told


# --- bodies ------------------------------------------------------------------------------------


def test_gzip_is_read_and_bombs_are_not():
    packed = gzip.compress(b'{"access_token":"a","expires_in":60}')
    assert conclude(REFRESH, 200, {}, packed).expires_in == 60
    assert conclude(REFRESH, 200, {}, packed[:20]).outcome == "failure"
    bomb = gzip.compress(b'{"access_token":"' + b"a" * 50_000_000 + b'"}')
    assert conclude(REFRESH, 200, {}, bomb).outcome == "success"


def test_long_answers_tell_what_their_beginning_tells():
    long = "x" * 100_000
    assert (
        after(REFRESH, 400, {"error": "invalid_scope", "error_description": long}).error_type
        == "invalid_scope"
    )
    assert (
        after(REFRESH, 200, {"access_token": "a", "expires_in": 9, "id_token": long}).expires_in
        == 9
    )
    assert after(METADATA, 200, {"issuer": "i", "scopes_supported": [long]}).outcome == "success"
    assert (
        after(
            REFRESH, 200, {"a": '"error":"invalid_grant"', "access_token": "a", "b": long}
        ).outcome
        == "success"
    )


def test_deep_answers_are_no_accident():
    deep = '{"error":"invalid_grant","x":' + "[" * 100_000
    assert conclude(REFRESH, 400, {}, deep).error_type == "invalid_grant"


def test_metadata_teaches():
    conclusion = after(
        METADATA,
        200,
        {
            "issuer": "https://as.example",
            "token_endpoint": "https://AS.example:443/t?x=1",
            "userinfo_endpoint": "https://as.example/me",
            "jwks_uri": 7,
            "authorization_endpoint": "not a url",
            "mtls_endpoint_aliases": {"token_endpoint": "https://mtls.as.example/t"},
        },
    )
    assert dict(conclusion.learned) == {
        "https://as.example/t": "token",
        "https://as.example/me": "userinfo",
        "https://mtls.as.example/t": "token",
    }
    assert not after(METADATA, 404, {"token_endpoint": "https://a/t"}).learned
    answer = {
        "client_id": "a",
        "registration_client_uri": "https://as.example/c/1",
        "token_endpoint": "https://e/t",
    }
    assert dict(after(REGISTER, 201, answer).learned) == {"https://as.example/c/1": "registration"}


# --- headers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"retry-after": "5"}, 5.0),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "9" * 50}, None),
        (
            {
                "Retry-After": "Wed, 21 Oct 2026 07:28:30 GMT",
                "Date": "Wed, 21 Oct 2026 07:28:00 GMT",
            },
            30.0,
        ),
        ({"Retry-After": "Wed, 31 Feb 2026 07:28:30 GMT"}, None),
        ({"Retry-After": "Wed, 21 Oct 1998 07:28:30 GMT"}, None),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
def test_retry_after(headers, wait):
    assert retry_after(headers) == wait


@pytest.mark.parametrize(
    ("status", "challenge", "told"),
    [
        (401, 'Bearer error="invalid_token"', "invalid_token"),
        (401, "Bearer", "401"),
        (401, 'Bearer realm="a, DPoP error=\\"x\\""', "401"),
        (403, 'Basic realm="a", Bearer scope="x", error=insufficient_scope', "insufficient_scope"),
        (401, 'Bearer error="made_up"', "_OTHER"),
        (401, 'DPoP error="use_dpop_nonce", algs="ES256"', None),
        (401, 'DPoP algs="ES256", Bearer error="invalid_token"', "invalid_token"),
        (401, 'Basic realm="Bearer"', None),
        (401, "", None),
        (400, 'Bearer error="invalid_request"', None),
        (200, 'Bearer error="invalid_token"', None),
    ],
)
def test_rejection(status, challenge, told):
    assert rejection(status, {"WWW-Authenticate": challenge} if challenge else {}) == told
