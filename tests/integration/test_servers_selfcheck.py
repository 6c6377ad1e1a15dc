"""The authorization server of the tests does what its list says, seen by plain clients."""

import contextlib
import json
import re
import threading
import time
from base64 import b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from authlib.common.security import generate_token
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from authlib.oauth2.rfc8414 import AuthorizationServerMetadata
from joserfc import jwt
from joserfc.jwk import KeySet, OctKey, RSAKey

from browser import approve_device, login
from servers import Server, keys, presets, start_authlib

pytestmark = pytest.mark.integration

CALLBACK = "http://127.0.0.1:9/callback"
PRIVATE_KEY = RSAKey.import_key(keys.PRIVATE_KEY)


@pytest.fixture(scope="module")
def running():
    with start_authlib() as server:
        yield server


@pytest.fixture
def server(running: Server):
    running.reset()
    return running


@pytest.fixture
def http():
    with requests.Session() as session:
        session.trust_env = False
        yield session


@pytest.fixture
def oauth():
    """Make OAuth sessions that are closed at the end of the test."""
    with contextlib.ExitStack() as stack:

        def make(*arguments, kind=OAuth2Session, **options):
            session = stack.enter_context(kind(*arguments, **options))
            session.trust_env = False
            return session

        yield make


def basic(client_id: str) -> tuple[str, str]:
    return client_id, presets.CLIENTS[client_id].secret


def post(http, server: Server, path: str, basic_as: str | None = None, /, **form):
    auth = basic(basic_as) if basic_as else None
    return http.post(f"{server.url}{path}", data=form, auth=auth, allow_redirects=False)


def password_tokens(http, server: Server, client_id: str = "legacy", **form) -> dict:
    answer = post(
        http,
        server,
        "/token",
        client_id,
        grant_type="password",
        username="alice",
        password=presets.USERS["alice"].password,
        **form,
    )
    assert answer.status_code == 200, answer.text
    return answer.json()


def refresh(http, server: Server, token: str, client_id: str = "legacy", **form):
    return post(
        http, server, "/token", client_id, grant_type="refresh_token", refresh_token=token, **form
    )


def answer_of(callback: str) -> dict[str, str]:
    parts = urlsplit(callback)
    return {k: v[0] for k, v in parse_qs(f"{parts.query}&{parts.fragment}").items()}


# -- the front channel


@pytest.mark.parametrize("method", ["S256", "plain", None])
def test_authorization_code(server, oauth, method):
    session = oauth(
        *basic("web"), scope="openid profile", redirect_uri=CALLBACK, code_challenge_method=method
    )
    verifier = generate_token(48) if method else None
    extra = {}
    if method == "plain":  # Authlib's client makes S256 challenges alone
        extra = {"code_challenge": verifier, "code_challenge_method": "plain"}
    elif method == "S256":
        extra = {"code_verifier": verifier}
    url, state = session.create_authorization_url(
        f"{server.url}/authorize", nonce=generate_token(), **extra
    )
    callback = login(url)
    answer = answer_of(callback)
    assert callback.startswith(CALLBACK)
    assert (answer["state"], answer["iss"]) == (state, server.url)
    assert "Cnry" in answer["code"]

    verify = {"code_verifier": verifier} if verifier else {}
    token = session.fetch_token(
        f"{server.url}/token", authorization_response=callback, state=state, **verify
    )
    assert "Cnry" in token["access_token"]
    assert "Cnry" in token["refresh_token"]
    keys = KeySet.import_key_set(session.get(f"{server.url}/jwks").json())
    id_token = jwt.decode(token["id_token"], keys, algorithms=["RS256"])
    assert (id_token.claims["iss"], id_token.claims["sub"]) == (server.url, "alice")
    about = session.get(f"{server.url}/userinfo").json()
    assert about == {"sub": "alice", "name": "Alice"}
    assert server.count(endpoint="authorization", status=200) == 1
    assert server.count(endpoint="authorization", status=302) == 1
    assert server.count(endpoint="token", grant_type="authorization_code", status=200) == 1


def test_a_public_client_has_to_bring_pkce_and_the_right_verifier(server, oauth, http):
    def code(**extra) -> str:
        session = oauth("spa", redirect_uri=CALLBACK, scope="read")
        url, _ = session.create_authorization_url(f"{server.url}/authorize", **extra)
        return answer_of(login(url))["code"]

    form = {"grant_type": "authorization_code", "client_id": "spa", "redirect_uri": CALLBACK}
    answer = post(http, server, "/token", code=code(), **form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    challenge = create_s256_code_challenge(generate_token(48))
    wrong = {"code": code(code_challenge=challenge, code_challenge_method="S256")}
    answer = post(http, server, "/token", code_verifier=generate_token(48), **wrong, **form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")


def test_a_code_works_once_and_a_replay_revokes_what_it_gave(server, oauth, http):
    session = oauth(*basic("web"), redirect_uri=CALLBACK)
    url, _ = session.create_authorization_url(f"{server.url}/authorize")
    form = {
        "grant_type": "authorization_code",
        "code": answer_of(login(url))["code"],
        "redirect_uri": CALLBACK,
    }
    token = post(http, server, "/token", "web", **form).json()
    again = post(http, server, "/token", "web", **form)
    assert again.json()["error"] == "invalid_grant"
    bearer = {"Authorization": f"Bearer {token['access_token']}"}
    assert http.get(f"{server.url}/resource", headers=bearer).status_code == 401


def test_implicit(server, oauth):
    session = oauth("implicit", redirect_uri=CALLBACK, scope="read")
    url, state = session.create_authorization_url(f"{server.url}/authorize", response_type="token")
    answer = answer_of(login(url))
    assert "Cnry" in answer["access_token"]
    assert answer["state"] == state


@pytest.mark.parametrize(("client_id", "response_type"), [("web", "code"), ("implicit", "token")])
def test_a_denied_authorization(server, oauth, client_id, response_type):
    session = oauth(client_id, redirect_uri=CALLBACK)
    url, state = session.create_authorization_url(
        f"{server.url}/authorize", response_type=response_type
    )
    answer = answer_of(login(url, approve=False))
    assert (answer["error"], answer["state"]) == ("access_denied", state)
    assert "Cnry" in answer["error_description"]
    assert server.count(endpoint="authorization", error="access_denied", status=302) == 1


def test_a_bad_authorization_request(server, http):
    def ask(**query):
        return http.get(f"{server.url}/authorize", params=query, allow_redirects=False)

    answer = ask(client_id="web", response_type="code", redirect_uri="https://evil.example/cb")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
    answer = ask(client_id="web", response_type="code", redirect_uri=CALLBACK, scope="nonsense")
    assert (answer.status_code, answer_of(answer.headers["Location"])["error"]) == (
        302,
        "invalid_scope",
    )
    assert answer_of(answer.headers["Location"])["iss"] == server.url
    answer = ask(client_id="web", response_type="nonsense", redirect_uri=CALLBACK)
    assert answer_of(answer.headers["Location"])["error"] == "unsupported_response_type"


# -- the other grants, and the ways to authenticate


@pytest.mark.parametrize(
    "client_id", ["service", "service-post", "service-jwt", "service-pkjwt", "service-short"]
)
def test_client_credentials(server, oauth, client_id):
    client = presets.CLIENTS[client_id]
    secret = {
        "client_secret_jwt": OctKey.import_key(client.secret) if client.secret else None,
        "private_key_jwt": PRIVATE_KEY,
    }.get(client.auth_method, client.secret)
    session = oauth(
        client_id,
        secret,
        scope="read write",
        token_endpoint_auth_method=client.auth_method,
        leeway=0,
    )
    session.register_client_auth_method(ClientSecretJWT())
    session.register_client_auth_method(PrivateKeyJWT())
    token = session.fetch_token(f"{server.url}/token", grant_type="client_credentials")
    assert "Cnry" in token["access_token"]
    assert token["expires_in"] == (2 if client_id == "service-short" else 3600)
    assert "refresh_token" not in token
    assert session.get(f"{server.url}/resource").json()["client_id"] == client_id
    assert server.count(endpoint="resource", status=200) == 1


@pytest.mark.parametrize(
    ("form", "auth", "status", "error"),
    [
        ({}, ("service", "wrong-Cnry"), 401, "invalid_client"),
        ({}, ("nobody", "wrong-Cnry"), 401, "invalid_client"),
        ({}, None, 401, "invalid_client"),
        ({"client_id": "service-post", "client_secret": "wrong"}, None, 401, "invalid_client"),
        ({}, basic("web"), 400, "unauthorized_client"),
        ({"scope": "nonsense"}, basic("service"), 400, "invalid_scope"),
        ({"grant_type": "nonsense"}, basic("service"), 400, "unsupported_grant_type"),
    ],
)
def test_failures_of_a_token_request(server, http, form, auth, status, error):
    form = {"grant_type": "client_credentials", **form}
    answer = http.post(f"{server.url}/token", data=form, auth=auth)
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert "Cnry" in answer.json()["error_description"]
    assert server.counts() == [
        {
            "endpoint": "token",
            "grant_type": form["grant_type"],
            "status": status,
            "error": error,
            "count": 1,
        }
    ]


def test_password(server, http):
    token = password_tokens(http, server, scope="read openid", access_token_lifetime=77)
    assert token["expires_in"] == 77
    assert {"access_token", "refresh_token", "id_token"} <= token.keys()
    form = {"grant_type": "password", "username": "alice", "password": "wrong-Cnry"}
    assert post(http, server, "/token", "legacy", **form).status_code == 400


def test_a_refresh_token_rotates_and_its_reuse_kills_the_family(server, http):
    first = password_tokens(http, server)
    # A request that is invalid for another reason does not use the token up.
    assert refresh(http, server, first["refresh_token"], scope="admin").status_code == 400
    second = refresh(http, server, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    replay = refresh(http, server, first["refresh_token"])
    assert (replay.status_code, replay.json()["error"]) == (400, "invalid_grant")
    dead = refresh(http, server, second["refresh_token"])
    assert dead.json()["error"] == "invalid_grant"
    bearer = {"Authorization": f"Bearer {second['access_token']}"}
    assert http.get(f"{server.url}/resource", headers=bearer).status_code == 401


def test_of_refreshes_at_the_same_time_one_wins(server, http):
    token = password_tokens(http, server)["refresh_token"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: refresh(requests, server, token).status_code, range(8)))
    assert Counter(answers) == {200: 1, 400: 7}


def test_a_client_without_rotation_keeps_its_refresh_token(server, http):
    token = password_tokens(http, server, "web-static")["refresh_token"]
    for _ in range(2):
        answer = refresh(http, server, token, "web-static")
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()


def test_a_short_token_expires(server, http):
    tokens = password_tokens(http, server, "short", access_token_lifetime=1)
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert http.get(f"{server.url}/resource", headers=bearer).status_code == 200
    time.sleep(1.1)
    answer = http.get(f"{server.url}/resource", headers=bearer)
    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert refresh(http, server, tokens["refresh_token"], "short").json()["expires_in"] == 2


def test_jwt_bearer(server, oauth):
    session = oauth(
        kind=AssertionSession,
        token_endpoint=f"{server.url}/token",
        issuer="assertion",
        subject="alice",
        key=PRIVATE_KEY,
        header={"alg": "RS256"},
        scope="read",
    )
    assert session.get(f"{server.url}/resource").json() == {
        "client_id": "assertion",
        "sub": "alice",
    }
    assert server.count(grant_type=presets.JWT_BEARER, status=200) == 1


def test_token_exchange(server, http):
    subject = password_tokens(http, server)["access_token"]
    form = {
        "grant_type": presets.TOKEN_EXCHANGE,
        "subject_token": subject,
        "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    }
    answer = post(http, server, "/token", "exchange", **form).json()
    assert answer["issued_token_type"] == form["subject_token_type"]
    bearer = {"Authorization": f"Bearer {answer['access_token']}"}
    about = http.get(f"{server.url}/resource", headers=bearer).json()
    assert about == {"client_id": "exchange", "sub": "alice"}
    form["subject_token"] = "unknown-Cnry"
    assert post(http, server, "/token", "exchange", **form).json()["error"] == "invalid_request"


# -- devices


def ask_device(http, server: Server, client_id: str = "device") -> dict:
    answer = post(http, server, "/device_authorization", client_id=client_id, scope="read").json()
    assert "Cnry" in answer["device_code"]
    assert "Cnry" in answer["user_code"]
    return answer


def poll_device(http, server: Server, asked: dict, client_id: str = "device"):
    form = {"grant_type": presets.DEVICE_CODE, "device_code": asked["device_code"]}
    return post(http, server, "/token", client_id=client_id, **form).json()


def test_a_device_is_approved_in_a_browser(server, http):
    asked = ask_device(http, server)
    assert poll_device(http, server, asked)["error"] == "authorization_pending"
    assert poll_device(http, server, asked)["error"] == "slow_down"
    time.sleep(asked["interval"])
    assert poll_device(http, server, asked)["error"] == "authorization_pending"
    assert "Thank you" in approve_device(asked["verification_uri_complete"])
    assert "access_token" in poll_device(http, server, asked)
    assert poll_device(http, server, asked)["error"] == "invalid_grant"
    assert server.count(endpoint="token", grant_type=presets.DEVICE_CODE) == 5


def test_a_device_is_denied(server, http):
    asked = ask_device(http, server)
    approve_device(asked["verification_uri"], asked["user_code"], approve=False)
    assert poll_device(http, server, asked)["error"] == "access_denied"
    asked = ask_device(http, server)
    server.decide_device(asked["user_code"], approve=True)
    assert "refresh_token" in poll_device(http, server, asked)


def test_a_device_code_expires(server, http):
    asked = ask_device(http, server, "device-short")
    time.sleep(asked["expires_in"] + 0.1)
    assert poll_device(http, server, asked, "device-short")["error"] == "expired_token"


# -- the other endpoints


def test_revocation_and_introspection(server, http):
    tokens = password_tokens(http, server)

    def active(token: str) -> bool:
        return post(http, server, "/introspect", "api", token=token).json()["active"]

    assert active(tokens["access_token"])
    assert active(tokens["refresh_token"])
    assert not active("unknown-Cnry")
    assert post(http, server, "/revoke", "legacy", token=tokens["access_token"]).status_code == 200
    assert not active(tokens["access_token"])
    assert active(tokens["refresh_token"])
    assert post(http, server, "/revoke", "legacy", token=tokens["refresh_token"]).status_code == 200
    assert not active(tokens["refresh_token"])
    assert post(http, server, "/revoke", token="x").status_code == 401
    assert server.count(endpoint="introspection") == 6
    assert server.count(endpoint="revocation", error="invalid_client", status=401) == 1


def test_registration(server, http):
    answer = http.post(
        f"{server.url}/register",
        json={
            "client_name": "Tester",
            "redirect_uris": [CALLBACK],
            "grant_types": ["client_credentials"],
            "scope": "read write",
        },
    )
    assert answer.status_code == 201, answer.text
    client = answer.json()
    assert "Cnry" in client["client_secret"]
    token = http.post(
        f"{server.url}/token",
        data={"grant_type": "client_credentials"},
        auth=(client["client_id"], client["client_secret"]),
    )
    assert token.json()["scope"] == "read"

    own = client["registration_client_uri"]
    bearer = {"Authorization": f"Bearer {client['registration_access_token']}"}
    assert http.get(own, headers=bearer).json()["client_name"] == "Tester"
    change = {"client_id": client["client_id"], "client_name": "New", "redirect_uris": [CALLBACK]}
    assert http.put(own, headers=bearer, json=change).json()["client_name"] == "New"
    assert http.delete(own, headers=bearer).status_code == 204
    assert http.get(own, headers=bearer).status_code == 400
    bad = http.post(f"{server.url}/register", json={"redirect_uris": ["nonsense"]})
    assert (bad.status_code, bad.json()["error"]) == (400, "invalid_client_metadata")
    assert server.count(endpoint="registration") == 6


@pytest.mark.parametrize("name", ["oauth-authorization-server", "openid-configuration"])
def test_metadata(server, http, name):
    told = http.get(f"{server.url}/.well-known/{name}").json()
    AuthorizationServerMetadata(told).validate()
    endpoints = [v for k, v in told.items() if k.endswith("_endpoint") or k == "jwks_uri"]
    assert len(endpoints) == 8
    for url in endpoints:
        assert http.get(url, allow_redirects=False).status_code != 404, url
    assert server.count(endpoint="metadata", status=200) == 1


def test_resources(server, http):
    def get(path: str, token: str | None = None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        answer = http.get(server.url + path, headers=headers)
        challenge = answer.headers.get("WWW-Authenticate", "")
        return answer.status_code, re.findall(r'^Bearer .*error="(\w+)"', challenge)

    assert get("/resource") == (401, ["invalid_token"])
    assert get("/resource", "unknown-Cnry") == (401, ["invalid_token"])
    assert get("/userinfo") == (401, ["invalid_token"])
    reader = password_tokens(http, server)["access_token"]
    assert get("/resource", reader) == (200, [])
    assert get("/resource/admin", reader) == (403, ["insufficient_scope"])
    assert get("/userinfo", reader) == (403, ["insufficient_scope"])
    admin = password_tokens(http, server, scope="admin openid")["access_token"]
    assert get("/resource/admin", admin) == (200, [])
    assert get("/userinfo", admin) == (200, [])


# -- faults and counts


def ask_token(http, server: Server, **options):
    form = {"grant_type": "client_credentials"}
    return http.post(f"{server.url}/token", data=form, auth=basic("service"), **options)


def test_a_fault_strikes_as_often_as_it_says(server, http):
    server.fault(
        status=503,
        times=2,
        headers={"Retry-After": "2"},
        body="<html>busy Cnry</html>",
        content_type="text/html",
    )
    for _ in range(2):
        answer = ask_token(http, server)
        assert (answer.status_code, answer.text) == (503, "<html>busy Cnry</html>")
        assert answer.headers["Retry-After"] == "2"
        assert answer.headers["Content-Type"] == "text/html"
    assert ask_token(http, server).status_code == 200
    assert {row["status"]: row["count"] for row in server.counts()} == {503: 2, 200: 1}


def test_a_fault_stays_until_it_is_cleared(server, http):
    server.fault(status=400, body={"error": "temporarily_unavailable"}, grant_type="password")
    assert ask_token(http, server).status_code == 200
    form = {"grant_type": "password", "username": "alice", "password": "Cnry"}
    for _ in range(3):
        answer = post(http, server, "/token", "legacy", **form).json()
        assert answer["error"] == "temporarily_unavailable"
    assert server.count(error="temporarily_unavailable") == 3
    server.clear_faults()
    assert len(password_tokens(http, server)) > 1


def test_a_hanging_server(server, http):
    server.fault(hang=0.6, times=1)
    with pytest.raises(requests.Timeout):
        ask_token(http, server, timeout=0.2)
    assert server.count(endpoint="token", status=200) == 1  # it was asked, and it did answer
    server.fault(hang=0.3, times=1)
    begin = time.monotonic()
    assert ask_token(http, server).status_code == 200
    assert time.monotonic() - begin >= 0.3


def test_a_dropped_connection(server, http):
    server.fault(drop=True, times=1)
    with pytest.raises(requests.ConnectionError):
        ask_token(http, server)
    assert server.count(endpoint="token", status=None) == 1
    assert ask_token(http, server).status_code == 200


def test_a_redirect(server, http):
    server.fault(redirect="/token2")
    answer = ask_token(http, server)
    assert [hop.status_code for hop in answer.history] == [307]
    assert answer.status_code == 200
    assert {row["status"]: row["count"] for row in server.counts()} == {307: 1, 200: 1}


def test_counts_are_exact_under_concurrency(server):
    """Two hundred connections that stay open, and not one request miscounted."""
    connections, each = 200, 5
    line_up = threading.Barrier(connections)
    credentials = b64encode(":".join(basic("service")).encode()).decode()
    answers: Counter[int] = Counter()
    host, port = urlsplit(server.url).hostname, urlsplit(server.url).port

    def work(number: int) -> list[int]:
        import http.client

        grant = "client_credentials" if number % 2 else "nonsense"
        connection = http.client.HTTPConnection(host, port, timeout=30)
        connection.connect()
        line_up.wait()
        statuses = []
        for _ in range(each):
            connection.request(
                "POST",
                "/token",
                f"grant_type={grant}",
                {
                    "Authorization": f"Basic {credentials}",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
            )
            response = connection.getresponse()
            json.loads(response.read())
            statuses.append(response.status)
        connection.close()
        return statuses

    with ThreadPoolExecutor(connections) as pool:
        for statuses in pool.map(work, range(connections)):
            answers.update(statuses)
    half = connections * each // 2
    assert answers == {200: half, 400: half}
    assert server.count(grant_type="client_credentials", status=200, error=None) == half
    assert server.count(grant_type="nonsense", error="unsupported_grant_type") == half
    assert server.count() == 2 * half


def test_what_is_not_counted(server, http):
    http.get(f"{server.url}/device")
    http.get(f"{server.url}/nowhere")
    http.get(f"{server.url}/_counts")
    assert server.counts() == []
