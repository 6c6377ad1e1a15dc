"""Authorization URLs, callbacks, and paths that are told."""

import pytest

from opentelemetry.instrumentation.oauth.protocol.authorization import (
    parse_authorization_url,
    parse_callback,
    s256,
)
from opentelemetry.instrumentation.oauth.protocol.paths import safe_path

URL = "https://AS.example:8443/authorize?client_id=a&"


@pytest.mark.parametrize(
    ("query", "response_type", "pkce"),
    [
        ("response_type=code", "code", "none"),
        ("response_type=code&code_challenge=x&code_challenge_method=S256", "code", "S256"),
        ("response_type=code&code_challenge=x", "code", "plain"),
        ("response_type=id_token+code", "code id_token", "none"),
        ("response_type=token%20code%20id_token", "code id_token token", "none"),
        ("response_type=made_up", "_OTHER", "none"),
        ("request_uri=urn:x", "code", "unknown"),
        ("request=eyJ", "code", "unknown"),
        ("redirect_uri=https://a", "_OTHER", "none"),
    ],
)
def test_authorization_urls(query, response_type, pkce):
    request = parse_authorization_url(URL + query + "&state=s3cret")
    assert request is not None
    assert (request.response_type, request.pkce_method) == (response_type, pkce)
    assert (request.client_id, request.state) == ("a", "s3cret")
    assert (request.host, request.port, request.port_is_default) == ("as.example", 8443, False)
    assert request.key == "https://as.example:8443/authorize"
    assert "s3cret" not in repr(request)


@pytest.mark.parametrize(
    "url",
    ["", "/authorize?client_id=a&response_type=code", "https://a/b?client_id=a", "https://a/b"],
)
def test_no_authorization_url(url):
    assert parse_authorization_url(url) is None


def test_challenge_of_rfc_7636_appendix_b():
    assert (
        s256("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk")
        == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
    )


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("https://a/cb?code=c&state=s", (True, "s", None)),
        ("https://a/cb?error=access_denied&state=s", (False, "s", "access_denied")),
        ("https://a/cb#access_token=t&state=s", (False, "s", None)),
        ("https://a/cb#error=login_required", (False, None, "login_required")),
        ({"code": "c", "state": "s"}, (True, "s", None)),
        ({"error": "access_denied"}, (False, None, "access_denied")),
        ({"code": ["c"], "state": ["s"]}, (True, "s", None)),
        ("https://a/cb?page=1", None),
        ({}, None),
    ],
)
def test_callbacks(sent, told):
    callback = parse_callback(sent)
    assert (None if callback is None else tuple(callback)) == told
    assert "state" not in repr(callback)


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/oauth2/v2.0/token", "/oauth2/v2.0/token"),
        ("/oauth/token/", "/oauth/token/"),
        ("", ""),
        (
            "/realms/demo/protocol/openid-connect/token/introspect",
            "/realms/demo/protocol/openid-connect/token/introspect",
        ),
        ("/oauth/v1/access-tokens/CJSPabc", "/oauth/v1/access-tokens/*"),
        ("/oauth/token/revoke", "/oauth/token/revoke"),
        ("/token/abc", "/token/*"),
        ("/tokens/abc/revoke/def", "/tokens/*/revoke/*"),
        ("/token//abc", "/token//*"),
        ("/72f988bf-86f1-41af-91ab-2d7cd011db47/oauth2/token", "/*/oauth2/token"),
        ("/bot123456:AbC/getMe", "/*/getMe"),
        ("/a1b2c3d4e5f6/x", "/a1b2c3d4e5f6/x"),
        ("/a1b2c3d4e5f6g7/x", "/*/x"),
        ("/" + "a" * 40, "/" + "a" * 40),
        ("/" + "a" * 41, "/*"),
        ("/%61bc/x", "/*/x"),
        ("/gr\u00fcn/\u0663/x", "/*/*/x"),
        ("/a\n/x", "/*/x"),
    ],
)
def test_safe_path(path, told):
    assert safe_path(path) == told


def test_safe_path_is_bounded():
    assert len(safe_path("/abc" * 100_000)) <= 256
    assert len(safe_path("/" * 100_000)) <= 256
    assert safe_path("/" + "x" * 100_000) == ""
