"""The provider that the other tests rely on does what they think. Nothing here is instrumented."""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
import urllib.parse
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from joserfc import jwt
from joserfc.jwk import ECKey, OctKey, RSAKey

from browser import approve_device, login
from oidc_provider_server import Server, client_private_jwk, client_secret, start_oidc_provider

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
CALLBACK = "http://127.0.0.1:1/callback"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with start_oidc_provider() as running:
        yield running


@pytest.fixture(autouse=True)
def _reset(server: Server) -> None:
    server.reset()


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False  # no proxy, no netrc
        yield session


def basic(client_id: str) -> dict[str, str]:
    pair = ":".join(urllib.parse.quote_plus(part) for part in (client_id, client_secret(client_id)))
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def assertion(server: Server, client_id: str, **header: str) -> dict[str, str]:
    key = (
        RSAKey.import_key(client_private_jwk())
        if "private" in client_id
        else OctKey.import_key(client_secret(client_id))
    )
    alg = "RS256" if "private" in client_id else "HS256"
    now = int(time.time())
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": server.url,
        "iat": now,
        "exp": now + 60,
        "jti": secrets.token_hex(),
    }
    token = jwt.encode({"alg": alg, **header}, claims, key)
    return {"client_assertion_type": ASSERTION, "client_assertion": token}


def credentials(server: Server, client_id: str) -> tuple[dict[str, str], dict[str, str]]:
    """Form fields and headers that authenticate a preset client, by the method in its name."""
    if client_id.endswith("-jwt"):
        return assertion(server, client_id), {}
    if client_id.endswith("-post"):
        return {"client_id": client_id, "client_secret": client_secret(client_id)}, {}
    if client_id.endswith(("-public", "web-dpop")):
        return {"client_id": client_id}, {}
    return {}, basic(client_id)


def post(
    http: requests.Session,
    server: Server,
    path: str,
    client_id: str,
    headers: dict[str, str] | None = None,
    **form: str,
) -> requests.Response:
    fields, authorization = credentials(server, client_id)
    return http.post(
        server.url + path, data={**fields, **form}, headers={**authorization, **(headers or {})}
    )


def dpop(
    key: ECKey, method: str, url: str, nonce: str | None = None, token: str | None = None
) -> dict[str, str]:
    claims: dict[str, Any] = {
        "jti": secrets.token_hex(),
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
    }
    if nonce:
        claims["nonce"] = nonce
    if token:
        claims["ath"] = (
            base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        )
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    return {"DPoP": jwt.encode(header, claims, key)}


def authorization(server: Server, client_id: str, **extra: str) -> tuple[dict[str, str], str]:
    verifier = secrets.token_urlsafe(48)
    challenge = (
        base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    )
    return {
        "client_id": client_id,
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "scope": "openid email offline_access",
        "prompt": "consent",
        "state": "some-state",
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        **extra,
    }, verifier


def query(url: str) -> dict[str, str]:
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(url).query))


def log_in(
    http: requests.Session, server: Server, client_id: str, headers: dict[str, str] | None = None
) -> dict[str, Any]:
    parameters, verifier = authorization(server, client_id)
    callback = query(login(f"{server.url}/auth?{urllib.parse.urlencode(parameters)}"))
    assert callback["state"] == "some-state"
    assert callback["iss"] == server.url
    assert "Cnry" in callback["code"]
    answer = post(
        http, server, "/token", client_id, headers,
        grant_type="authorization_code", code=callback["code"], redirect_uri=CALLBACK, code_verifier=verifier,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    tokens: dict[str, Any] = answer.json()
    return tokens


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def count(
    server: Server,
    endpoint: str,
    status: int,
    grant_type: str | None = None,
    error: str | None = None,
) -> int:
    wanted = {"endpoint": endpoint, "grant_type": grant_type, "status": status, "error": error}
    return sum(row["count"] for row in server.counts() if wanted.items() <= row.items())


def test_metadata_and_jwks(server: Server, http: requests.Session) -> None:
    for name in ("openid-configuration", "oauth-authorization-server"):
        metadata = http.get(f"{server.url}/.well-known/{name}").json()
        assert metadata["issuer"] == server.url
        assert metadata["token_endpoint"] == server.url + "/token"
    keys = http.get(metadata["jwks_uri"])
    assert keys.headers["Content-Type"].startswith("application/jwk-set+json")
    assert [key["kid"] for key in keys.json()["keys"]] == ["provider-rsa-1", "provider-ec-1"]
    assert count(server, "metadata", 200) == 2
    assert count(server, "jwks", 200) == 1
    server.reset()
    assert server.counts() == []


@pytest.mark.parametrize(
    "client_id",
    [
        "cc-basic",
        "cc-post",
        "cc-secret-jwt",
        "cc-private-key-jwt",
        "cc-special",
        "all-basic",
        "all-post",
    ],
)
def test_client_credentials(server: Server, http: requests.Session, client_id: str) -> None:
    answer = post(
        http, server, "/token", client_id, grant_type="client_credentials", scope="read nonsense"
    )
    assert answer.status_code == 200, answer.text
    tokens = answer.json()
    assert "Cnry" in tokens["access_token"]
    assert (tokens["token_type"], tokens["scope"]) == ("Bearer", "read")
    assert count(server, "token", 200, "client_credentials") == 1


def test_client_credentials_errors(server: Server, http: requests.Session) -> None:
    answer = http.post(
        server.url + "/token",
        auth=("cc-basic", "Cnry-wrong"),
        data={"grant_type": "client_credentials"},
    )
    assert error(answer) == (401, "invalid_client")
    assert answer.headers["WWW-Authenticate"].startswith("Basic ")
    answer = http.post(server.url + "/token", data={"grant_type": "client_credentials"})
    assert error(answer) == (400, "invalid_request")
    scoped = post(
        http, server, "/token", "cc-scoped", grant_type="client_credentials", scope="write"
    )
    assert error(scoped) == (400, "invalid_scope")
    assert error(post(http, server, "/token", "cc-basic", grant_type="password")) == (
        400,
        "unsupported_grant_type",
    )
    # RFC 6749 has unauthorized_client for this; the provider says otherwise.
    answer = post(http, server, "/token", "web-basic", grant_type="client_credentials")
    assert error(answer) == (400, "invalid_request")
    assert error(post(http, server, "/token", "cc-basic")) == (400, "invalid_request")
    assert http.get(server.url + "/token").status_code == 404
    assert count(server, "token", 401, "client_credentials", "invalid_client") == 1
    assert count(server, "token", 400, None, "invalid_request") == 1
    assert count(server, "token", 404) == 1


def test_jwt_access_token(server: Server, http: requests.Session) -> None:
    answer = post(
        http, server, "/token", "cc-basic",
        grant_type="client_credentials", scope="read", resource="https://jwt.example.test/",
    )  # fmt: skip
    assert answer.json()["access_token"].count(".") == 2
    answer = post(
        http,
        server,
        "/token",
        "cc-basic",
        grant_type="client_credentials",
        resource="https://other.test/",
    )
    assert error(answer) == (400, "invalid_target")


def test_dpop_nonce(server: Server, http: requests.Session) -> None:
    key, url = ECKey.generate_key("P-256"), server.url + "/token"
    form = {"grant_type": "client_credentials"}
    assert error(post(http, server, "/token", "cc-dpop", **form)) == (400, "invalid_grant")
    first = post(http, server, "/token", "cc-dpop", dpop(key, "POST", url), **form)
    assert error(first) == (400, "use_dpop_nonce")
    nonce = first.headers["DPoP-Nonce"]
    proof = dpop(key, "POST", url, nonce)
    second = post(http, server, "/token", "cc-dpop", proof, **form)
    assert second.status_code == 200, second.text
    assert second.json()["token_type"] == "DPoP"
    assert error(post(http, server, "/token", "cc-dpop", proof, **form)) == (400, "invalid_grant")
    assert error(post(http, server, "/token", "cc-dpop", dpop(key, "GET", url, nonce), **form)) == (
        400,
        "invalid_dpop_proof",
    )

    token = log_in(http, server, "web-dpop", dpop(key, "POST", url, nonce))["access_token"]
    me = server.url + "/me"
    authorized = {"Authorization": f"DPoP {token}"}
    first = http.get(me, headers={**authorized, **dpop(key, "GET", me, token=token)})
    assert error(first) == (401, "use_dpop_nonce")
    assert "use_dpop_nonce" in first.headers["WWW-Authenticate"]
    second = http.get(
        me, headers={**authorized, **dpop(key, "GET", me, first.headers["DPoP-Nonce"], token)}
    )
    assert second.json()["sub"] == "alice"
    assert count(server, "userinfo", 401, error="use_dpop_nonce") == 1


@pytest.mark.parametrize("client_id", ["device-public", "device-basic"])
def test_device_flow(server: Server, http: requests.Session, client_id: str) -> None:
    # A public client's id is its only credential; the others must not need it in the body.
    device = post(
        http, server, "/device/auth", client_id, scope="openid offline_access", prompt="consent"
    ).json()
    assert set(device) == {
        "device_code",
        "user_code",
        "verification_uri",
        "verification_uri_complete",
        "expires_in",
    }
    assert "Cnry" in device["device_code"]
    poll = {"grant_type": DEVICE, "device_code": device["device_code"]}
    assert error(post(http, server, "/token", client_id, **poll)) == (400, "authorization_pending")
    if client_id == "device-public":
        assert "Sign-in Success" in approve_device(device["verification_uri_complete"])
    else:
        assert "Sign-in Success" in approve_device(device["verification_uri"], device["user_code"])
    tokens = post(http, server, "/token", client_id, **poll).json()
    assert {"access_token", "refresh_token", "id_token"} <= set(tokens)
    assert error(post(http, server, "/token", client_id, **poll)) == (400, "invalid_grant")
    assert count(server, "device_authorization", 200) == 1
    assert count(server, "token", 400, DEVICE, "authorization_pending") == 1


def test_device_flow_refused(server: Server, http: requests.Session) -> None:
    device = post(http, server, "/device/auth", "device-public", scope="openid").json()
    poll = {"grant_type": DEVICE, "device_code": device["device_code"]}
    assert "AbortedError" in approve_device(device["verification_uri_complete"], approve=False)
    assert error(post(http, server, "/token", "device-public", **poll)) == (400, "access_denied")
    unknown = post(
        http, server, "/token", "device-public", grant_type=DEVICE, device_code="Cnry-unknown"
    )
    assert error(unknown) == (400, "invalid_grant")


@pytest.mark.parametrize(
    "client_id", ["web-basic", "web-post", "web-secret-jwt", "web-private-key-jwt", "web-public"]
)
def test_authorization_code(server: Server, http: requests.Session, client_id: str) -> None:
    tokens = log_in(http, server, client_id)
    assert "Cnry" in tokens["access_token"]
    assert "Cnry" in tokens["refresh_token"]
    assert tokens["id_token"].count(".") == 2
    assert count(server, "authorization", 303) == 1
    assert count(server, "token", 200, "authorization_code") == 1


def test_authorization_refused(server: Server, http: requests.Session) -> None:
    parameters, _ = authorization(server, "web-basic")
    url = f"{server.url}/auth?{urllib.parse.urlencode(parameters)}"
    assert query(login(url, approve=False))["error"] == "access_denied"
    parameters["scope"], parameters["response_type"] = "openid", "nonsense"
    url = f"{server.url}/auth?{urllib.parse.urlencode(parameters)}"
    assert query(login(url))["error"] == "unsupported_response_type"
    assert count(server, "authorization", 303, error="unsupported_response_type") == 1
    page = http.get(f"{server.url}/auth?client_id=nobody")
    assert page.headers["Content-Type"].startswith("text/html")
    assert "invalid_client" in page.text
    assert count(server, "authorization", 400, error="invalid_client") == 1


def test_code_errors(server: Server, http: requests.Session) -> None:
    parameters, verifier = authorization(server, "web-basic")
    url = f"{server.url}/auth?{urllib.parse.urlencode(parameters)}"
    form = {"grant_type": "authorization_code", "redirect_uri": CALLBACK, "code_verifier": verifier}
    code = query(login(url))["code"]
    wrong = {**form, "code_verifier": "x" * 64}
    assert error(post(http, server, "/token", "web-basic", code=code, **wrong)) == (
        400,
        "invalid_grant",
    )
    code = query(login(url))["code"]
    tokens = post(http, server, "/token", "web-basic", code=code, **form).json()
    assert error(post(http, server, "/token", "web-basic", code=code, **form)) == (
        400,
        "invalid_grant",
    )
    # The second use of a code kills what the first one gave.
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert error(post(http, server, "/token", "web-basic", **refresh)) == (400, "invalid_grant")


def push(http: requests.Session, server: Server, parameters: dict[str, str]) -> requests.Response:
    return http.post(
        server.url + "/request", data=parameters, headers=basic(parameters["client_id"])
    )


def test_pushed_authorization_request(server: Server, http: requests.Session) -> None:
    parameters, verifier = authorization(server, "web-par")
    plain = f"{server.url}/auth?{urllib.parse.urlencode(parameters)}"
    assert query(login(plain))["error"] == "invalid_request"
    pushed = push(http, server, parameters)
    assert pushed.status_code == 201
    request_uri = pushed.json()["request_uri"]
    assert "Cnry" in request_uri
    url = f"{server.url}/auth?{urllib.parse.urlencode({'client_id': 'web-par', 'request_uri': request_uri})}"
    callback = query(login(url, redirect_uri=CALLBACK))
    answer = post(
        http, server, "/token", "web-par",
        grant_type="authorization_code", code=callback["code"], redirect_uri=CALLBACK, code_verifier=verifier,
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    parameters["redirect_uri"] = "https://elsewhere.test/"
    assert error(push(http, server, parameters)) == (400, "invalid_request")
    assert count(server, "pushed_authorization_request", 201) == 1
    assert count(server, "pushed_authorization_request", 400, error="invalid_request") == 1


@pytest.mark.parametrize("client_id", ["web-basic", "web-public"])
def test_refresh_rotation_and_reuse(server: Server, http: requests.Session, client_id: str) -> None:
    first = log_in(http, server, client_id)["refresh_token"]
    form = {"grant_type": "refresh_token"}
    second = post(http, server, "/token", client_id, refresh_token=first, **form).json()[
        "refresh_token"
    ]
    assert second != first
    third = post(http, server, "/token", client_id, refresh_token=second, **form).json()
    assert error(post(http, server, "/token", client_id, refresh_token=first, **form)) == (
        400,
        "invalid_grant",
    )
    # The reuse killed the family: its newest token, and the access tokens.
    newest = post(http, server, "/token", client_id, refresh_token=third["refresh_token"], **form)
    assert error(newest) == (400, "invalid_grant")
    me = http.get(server.url + "/me", headers={"Authorization": f"Bearer {third['access_token']}"})
    assert error(me) == (401, "invalid_token")
    assert count(server, "token", 200, "refresh_token") == 2
    assert count(server, "token", 400, "refresh_token", "invalid_grant") == 2


def test_introspection_and_revocation(server: Server, http: requests.Session) -> None:
    tokens = log_in(http, server, "web-basic")
    for name, kind in (("access_token", "Bearer"), ("refresh_token", None)):
        answer = post(
            http, server, "/token/introspection", "resource-server", token=tokens[name]
        ).json()
        assert answer["active"] is True
        assert answer.get("token_type") == kind
    foreign = post(http, server, "/token/revocation", "web-post", token=tokens["refresh_token"])
    assert error(foreign) == (400, "invalid_request")
    for _ in range(2):  # the second time it is unknown, which is a success too
        answer = post(http, server, "/token/revocation", "web-basic", token=tokens["refresh_token"])
        assert (answer.status_code, answer.text) == (200, "")
    for token in (*tokens.values(), "Cnry-unknown"):
        if isinstance(token, str) and token.startswith("Cnry"):
            assert post(
                http, server, "/token/introspection", "resource-server", token=token
            ).json() == {"active": False}
    refused = http.post(
        server.url + "/token/introspection", auth=("resource-server", "wrong"), data={"token": "x"}
    )
    assert error(refused) == (401, "invalid_client")
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    assert error(post(http, server, "/token", "web-basic", **refresh)) == (400, "invalid_grant")
    assert count(server, "revocation", 200) == 2
    assert count(server, "introspection", 200) == 5


def test_userinfo(server: Server, http: requests.Session) -> None:
    token = log_in(http, server, "web-basic")["access_token"]
    for ask in (http.get, http.post):
        answer = ask(server.url + "/me", headers={"Authorization": f"Bearer {token}"}).json()
        assert answer == {
            "sub": "alice",
            "email": "Cnry.alice@example.test",
            "email_verified": True,
        }
    wrong = http.get(server.url + "/me", headers={"Authorization": "Bearer Cnry-wrong"})
    assert error(wrong) == (401, "invalid_token")
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]
    without = http.get(server.url + "/me")  # its challenge has no error, its body has one
    assert error(without) == (401, "invalid_token")
    assert "error=" not in without.headers["WWW-Authenticate"]
    assert count(server, "userinfo", 200) == 2
    assert count(server, "userinfo", 401, error="invalid_token") == 2


def test_registration(server: Server, http: requests.Session) -> None:
    metadata = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["client_credentials"],
        "response_types": [],
    }
    answer = http.post(server.url + "/reg", json=metadata)
    assert answer.status_code == 201, answer.text
    client = answer.json()
    assert "Cnry" in client["client_secret"]
    assert "Cnry" in client["registration_access_token"]
    tokens = http.post(
        server.url + "/token",
        auth=(client["client_id"], client["client_secret"]),
        data={"grant_type": "client_credentials"},
    )
    assert tokens.status_code == 200, tokens.text
    url, manage = (
        client["registration_client_uri"],
        {"Authorization": f"Bearer {client['registration_access_token']}"},
    )
    assert http.get(url, headers=manage).json()["client_id"] == client["client_id"]
    assert http.delete(url, headers=manage).status_code == 204
    wrong = http.post(server.url + "/reg", json={"redirect_uris": ["not a URI"]})
    assert error(wrong) == (400, "invalid_redirect_uri")
    assert count(server, "registration", 201) == 1
    assert count(server, "registration", 204) == 1


@pytest.mark.parametrize("client_id", ["ciba-basic", "ciba-private-key-jwt"])
def test_ciba(server: Server, http: requests.Session, client_id: str) -> None:
    answer = post(
        http, server, "/backchannel", client_id, scope="openid offline_access", login_hint="alice"
    )
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"auth_req_id", "expires_in"}
    poll = {"grant_type": CIBA, "auth_req_id": answer.json()["auth_req_id"]}
    assert "Cnry" in poll["auth_req_id"]
    assert error(post(http, server, "/token", client_id, **poll)) == (400, "authorization_pending")
    tokens = post(http, server, "/token", client_id, **poll)
    assert tokens.status_code == 200, tokens.text
    assert {"access_token", "refresh_token", "id_token"} <= set(tokens.json())
    assert error(post(http, server, "/token", client_id, **poll)) == (400, "invalid_grant")
    assert count(server, "backchannel_authentication", 200) == 1
    assert count(server, "token", 400, CIBA, "authorization_pending") == 1


def test_ciba_refused(server: Server, http: requests.Session) -> None:
    nobody = post(http, server, "/backchannel", "ciba-basic", scope="openid", login_hint="unknown")
    assert error(nobody) == (400, "unknown_user_id")
    request = post(
        http, server, "/backchannel", "ciba-basic", scope="openid", login_hint="deny"
    ).json()
    poll = {"grant_type": CIBA, "auth_req_id": request["auth_req_id"]}
    assert error(post(http, server, "/token", "ciba-basic", **poll)) == (
        400,
        "authorization_pending",
    )
    assert error(post(http, server, "/token", "ciba-basic", **poll)) == (400, "access_denied")


def test_settings(http: requests.Session) -> None:
    settings = {
        "access_token_ttl": 1,
        "refresh_token_ttl": 1,
        "device_code_ttl": 1,
        "initial_access_token": "CnryInitial",
    }
    with start_oidc_provider(dpop_nonce=0, **settings) as server:
        device = post(http, server, "/device/auth", "device-public", scope="openid").json()
        tokens = log_in(http, server, "web-basic")
        key = ECKey.generate_key("P-256")
        proof = dpop(key, "POST", server.url + "/token")
        assert (
            post(
                http, server, "/token", "cc-dpop", proof, grant_type="client_credentials"
            ).status_code
            == 200
        )
        assert error(http.post(server.url + "/reg", json={})) == (401, "invalid_token")
        allowed = {"Authorization": "Bearer CnryInitial"}
        client = http.post(server.url + "/reg", json={"redirect_uris": [CALLBACK]}, headers=allowed)
        assert client.status_code == 201, client.text
        assert tokens["expires_in"] == 1
        time.sleep(1.1)
        me = http.get(
            server.url + "/me", headers={"Authorization": f"Bearer {tokens['access_token']}"}
        )
        assert error(me) == (401, "invalid_token")
        poll = {"grant_type": DEVICE, "device_code": device["device_code"]}
        assert error(post(http, server, "/token", "device-public", **poll)) == (
            400,
            "expired_token",
        )
        refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        answer = post(http, server, "/token", "web-basic", **refresh)
        assert answer.json() == {
            "error": "invalid_grant",
            "error_description": "grant request is invalid",
        }
