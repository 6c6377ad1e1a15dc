"""What is OAuth, and what it asks: the rules one by one, where the corpora do not reach."""

import base64
import json

import pytest

from opentelemetry.instrumentation.oauth.protocol import endpoints, providers, request, shapes
from opentelemetry.instrumentation.oauth.protocol.endpoints import LAST_SEGMENTS
from opentelemetry.instrumentation.oauth.protocol.grants import GRANTS, grant_value
from opentelemetry.instrumentation.oauth.protocol.request import (
    METHODS,
    endpoint_key,
    may_be_oauth,
    recognise,
    url_carries_secret,
)
from opentelemetry.instrumentation.oauth.semconv import ENDPOINTS, GRANT_TYPES, OTHER

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
TOKEN = "https://as.example/oauth2/token"


def basic(user, password):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


def jwt(header, claims):
    parts = (json.dumps(part).encode() for part in (header, claims))
    return ".".join(base64.urlsafe_b64encode(part).rstrip(b"=").decode() for part in parts) + ".s"


# --- the tables themselves ---------------------------------------------------------------------


def test_every_row_names_its_source():
    for row in (*endpoints.SHAPES, *providers.SHAPES, *GRANTS):
        assert len(row.source) > 5, row
    for meaning, source in providers.PARAMETER_ALIASES.values():
        assert meaning
        assert source


def test_every_row_is_of_the_closed_sets():
    assert {row.endpoint for row in endpoints.SHAPES} == set(ENDPOINTS)
    assert {row.endpoint for row in providers.SHAPES} <= set(ENDPOINTS)
    assert {row.value for row in GRANTS} <= set(GRANT_TYPES)
    assert set(METHODS) == set(ENDPOINTS)


def test_every_fact_of_the_tables_is_explained():
    rows = (*endpoints.SHAPES, *providers.SHAPES)
    words = {word.lstrip("!") for row in rows for need in row.needs for word in need.split()}
    facts = {word for word in words if word.isupper()}
    assert facts
    for fact in facts:
        assert f"\n{fact} " in shapes.__doc__, fact


def test_last_segments_are_lower_case_and_few():
    assert all(word == word.lower() and "/" not in word for word in LAST_SEGMENTS)
    assert {"token", "access_token", "accesstoken", "jwks", "userinfo", "par"} <= LAST_SEGMENTS
    assert len(LAST_SEGMENTS) < 300


# --- grants ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "value"),
    [(spelling, row.value) for row in GRANTS for spelling in row.spellings]
    + [
        ("authorization-code", "authorization_code"),
        ("Client_Credentials", "client_credentials"),
        ("refreshToken", "refresh_token"),
        ("implicit", OTHER),
        ("urn:ibm:params:oauth:grant-type:apikey", OTHER),
        ("", OTHER),
        ("x" * 10_000, OTHER),
    ],
)
def test_grant_values(sent, value):
    assert grant_value(sent) == value


@pytest.mark.parametrize(
    ("body", "grant"),
    [
        ("code=c&client_id=a&client_secret=s", "authorization_code"),
        ("refresh_token=r&client_id=a", "refresh_token"),
        ("client_id=a&client_secret=s", "client_credentials"),
        ("device_code=d&client_id=a", "device_code"),
        ("subject_token=t&subject_token_type=x", "token_exchange"),
        ("scope=a&client_id=a", None),
        ("grant_type=&client_id=a&code=c", "authorization_code"),
        ("grant_type=no_such&client_id=a", OTHER),
    ],
)
def test_grant_at_an_oauth_path(body, grant):
    request = recognise("POST", TOKEN, FORM, body)
    assert request is not None
    assert request.endpoint == "token"
    assert request.grant_type == grant


def test_unread_body_goes_by_the_url():
    for body in (object(), iter([b"grant_type"]), b"grant_type=x&" + b"a" * 40_000):
        request = recognise("POST", TOKEN, basic("a", "b"), body)
        assert request is not None
        assert (request.endpoint, request.grant_type) == ("token", None)
        assert request.client_auth_method == "client_secret_basic"
    assert recognise("POST", "https://api.example/orders", {}, object()) is None
    assert recognise("POST", "https://api.example/token", {}, object()) is None


# --- client authentication ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "more", "certificate", "method", "client_id"),
    [
        (basic("a", "b"), "", False, "client_secret_basic", "a"),
        (basic("a%3Ab", ""), "", False, "client_secret_basic", "a:b"),
        ({}, "&client_id=a&client_secret=s", False, "client_secret_post", "a"),
        ({}, "&client_id=a", False, "none", "a"),
        ({}, "&client_id=a&client_secret=", False, "none", "a"),
        ({}, "&client_id=a", True, "tls_client_auth", "a"),
        ({}, "", False, None, None),
        (
            {},
            "&client_assertion=" + jwt({"alg": "HS256"}, {"sub": "a"}),
            False,
            "client_secret_jwt",
            "a",
        ),
        (
            {},
            "&client_assertion=" + jwt({"alg": "EdDSA"}, {"sub": "a"}),
            False,
            "private_key_jwt",
            "a",
        ),
        ({}, "&client_assertion=junk", False, "private_key_jwt", None),
        (
            {},
            "&client_assertion=x&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Asaml2-bearer",
            False,
            OTHER,
            None,
        ),
        ({"Authorization": "Bearer t"}, "", False, None, None),
    ],
)
def test_client_authentication(headers, more, certificate, method, client_id):
    request = recognise(
        "POST",
        TOKEN,
        {**FORM, **headers},
        "grant_type=authorization_code&code=c" + more,
        client_certificate=certificate,
    )
    assert request is not None
    assert request.client_auth_method == method
    assert request.client_id == client_id


def test_headers_may_be_a_plain_dict_in_any_usual_spelling():
    for name in ("Authorization", "authorization"):
        headers = {name: basic("a", "b")["Authorization"]}
        request = recognise("POST", TOKEN, headers, "grant_type=client_credentials")
        assert request is not None
        assert request.client_id == "a"


# --- known URLs --------------------------------------------------------------------------------


def test_known_urls_need_no_shape():
    known = {"https://as.example/me": "userinfo", "https://as.example/x": "token"}
    assert recognise("GET", "https://as.example/me", {}, None) is None
    request = recognise("GET", "https://AS.example:443/me?schema=openid", {}, None, known)
    assert request is not None
    assert request.endpoint == "userinfo"
    assert recognise("DELETE", "https://as.example/me", {}, None, known) is None
    assert recognise("GET", "https://as.example/x", {}, None, known) is None
    request = recognise("POST", "https://as.example/x", {}, b"anything", known)
    assert request is not None
    assert (request.endpoint, request.grant_type) == ("token", None)


def test_known_urls_pass_the_prefilter_by_their_last_segment():
    assert "me" not in LAST_SEGMENTS
    assert not may_be_oauth("GET", "/me", "", None, LAST_SEGMENTS)
    assert may_be_oauth("GET", "/me", "", None, {*LAST_SEGMENTS, "me"})
    assert may_be_oauth("GET", "/me/", "", None, {*LAST_SEGMENTS, "me"})


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("HTTPS://As.Example:443/a?b=c#d", "https://as.example/a"),
        ("http://u:p@as.example:80", "http://as.example/"),
        ("https://as.example:8443/A", "https://as.example:8443/A"),
        ("https://[2001:DB8::1]:443/a", "https://[2001:db8::1]/a"),
        ("/token", None),
        ("ftp://a/b", None),
        ("", None),
    ],
)
def test_endpoint_key(url, key):
    assert endpoint_key(url) == key


def test_request_tells_its_server():
    request = recognise(
        "POST",
        "https://u:p@AS.example:8443/token?x=1",
        FORM,
        "grant_type=password&username=u&password=p",
    )
    assert request is not None
    assert (request.scheme, request.host, request.port, request.path) == (
        "https",
        "as.example",
        8443,
        "/token",
    )
    assert request.key == "https://as.example:8443/token"
    assert not request.port_is_default
    assert repr(request) == "OAuthRequest('token', 'password', 'as.example')"
    request = recognise(
        "POST", "https://as.example/token", FORM, "grant_type=password&username=u&password=p"
    )
    assert request is not None
    assert (request.port, request.port_is_default) == (443, True)


def test_parameters_of_query_and_body_the_first_wins():
    request = recognise(
        "POST",
        TOKEN + "?scope=q&extra=1",
        FORM,
        "grant_type=client_credentials&client_id=a&client_secret=s&scope=b&scope=c",
    )
    assert request is not None
    assert request.params["scope"] == "b"
    assert request.params["extra"] == "1"


def test_parameters_cannot_pass_for_facts():
    assert (
        recognise("POST", "https://a.example/x?OAUTH=1&SECRET=1&grant_type=z", {}, "FORM=1") is None
    )
    assert recognise("GET", "https://a.example/keys?OAUTH=1", {}, None) is None


# --- secrets in URLs ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "secret"),
    [
        ("https://a/b", False),
        ("https://a/b?page=1", False),
        ("https://a/b?access_token=x", True),
        ("https://a/b?access%5Ftoken=x", True),
        ("https://a/b?x=1&id_token_hint=x", True),
        ("https://a/b?access_token=", False),
        ("https://a/b?my_access_token_name=1", False),
        ("https://a/revoke?token=x", True),
        ("https://a/search?token=x", False),
        ("https://a/cb?code=x&state=y", True),
        ("https://a/cb?code=DE&lang=en", False),
        ("https://a/t?client_id=1&client_secret=s", True),
        ("https://a/t?fb_exchange_token=s", True),
        ("https://a/b#access_token=x", False),
    ],
)
def test_url_carries_secret(url, secret):
    assert url_carries_secret(url) is secret


def test_the_quick_look_at_a_query_passes_every_secret_that_counts() -> None:
    for name in (*request._SECRET_NAMES, "code", "token"):
        for spelling in (name, name.replace("_", "%5F")):
            assert request.may_carry_secret(f"a=1&{spelling}=Cnry"), spelling
