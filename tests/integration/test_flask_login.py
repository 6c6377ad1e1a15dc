"""A person signs in to a small Flask application, with Authlib's Flask client, at a real server.

The application is driven by its test client, the server's pages by `browser`: between them they are
the person's browser, which is sent from one to the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import pytest
from authlib.integrations.flask_client import OAuth, OAuthError
from flask import Flask
from flask.testing import FlaskClient

from browser import login as log_in
from recorder import Recorder
from servers import Server, presets
from told import Exchange, check, ours

pytestmark = pytest.mark.integration

CALLBACK = "http://127.0.0.1:5000/callback"


def application(server: Server, recorder: Recorder) -> Flask:
    """Two pages; each request has a span, as an instrumented application's would."""
    app = Flask("application")
    app.secret_key = "Cnry-session-key"
    oauth = OAuth(app)
    oauth.register(
        "as",
        client_id="web",
        client_secret=presets.CLIENTS["web"].secret,
        server_metadata_url=f"{server.url}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
    )
    tracer = recorder.tracer_provider.get_tracer("the program")

    @app.get("/login")
    def login() -> Any:
        with tracer.start_as_current_span("GET /login"):
            return oauth.create_client("as").authorize_redirect(CALLBACK)

    @app.get("/callback")
    def callback() -> Any:
        with tracer.start_as_current_span("GET /callback"):
            try:
                token = oauth.create_client("as").authorize_access_token()
            except OAuthError as problem:
                return {"error": problem.error}, 400
            return {"name": token["userinfo"]["name"]}

    return app


@contextmanager
def visitor(server: Server, recorder: Recorder) -> Iterator[FlaskClient]:
    # The cookie is the application's, at the address that the callback names.
    with application(server, recorder).test_client() as client:
        yield client


def sent_to(client: FlaskClient) -> str:
    answer = client.get("/login", base_url="http://127.0.0.1:5000")
    assert answer.status_code == 302
    return answer.headers["Location"]


def come_back(client: FlaskClient, url: str) -> Any:
    parts = urlsplit(url)
    return client.get(f"/callback?{parts.query}", base_url="http://127.0.0.1:5000").json


METADATA = Exchange("metadata", "/.well-known/openid-configuration")
REFUSED = Exchange(
    "authorization",
    grant="authorization_code",
    outcome="failure",
    failure="reauthorize",
    library="authlib",
    callback=True,
)


def test_a_login_is_three_exchanges(instrumented: Recorder, authlib_server: Server) -> None:
    with visitor(authlib_server, instrumented) as client:
        assert come_back(client, log_in(sent_to(client))) == {"name": "Alice"}
    rows = [
        METADATA,
        Exchange(
            "token",
            "/token",
            "authorization_code",
            "client_secret_basic",
            token_type="Bearer",
            expires_in=3600,
            pkce="S256",
            library="authlib",
            linked=True,
            waited=True,
        ),
        Exchange("jwks", "/jwks", library="authlib"),  # still within `authorize_access_token`
    ]
    check(instrumented, authlib_server.url, rows, started=[("code", "S256")])
    assert authlib_server.count(endpoint="token") == 1

    spans = {span.name: span for span in instrumented.raw_spans()}
    token, login, callback = (
        spans[name] for name in ("token authorization_code", "GET /login", "GET /callback")
    )
    assert token.parent.span_id == callback.context.span_id
    assert token.links[0].context.span_id == login.context.span_id


def test_a_person_who_says_no(instrumented: Recorder, authlib_server: Server) -> None:
    """The callback brings an error: nothing of HTTP, but a failed flow that was waited for."""
    with visitor(authlib_server, instrumented) as client:
        callback = log_in(sent_to(client), approve=False)
        assert come_back(client, callback) == {"error": "access_denied"}
    row = replace(REFUSED, error="access_denied", linked=True, waited=True)
    check(instrumented, authlib_server.url, [METADATA, row], started=[("code", "S256")])
    assert authlib_server.count(endpoint="token") == 0


def test_a_callback_with_a_wrong_state(instrumented: Recorder, authlib_server: Server) -> None:
    """Nobody here has begun it: a security event, and no authorization that it would end."""
    with visitor(authlib_server, instrumented) as client:
        callback = log_in(sent_to(client))
        forged = callback.replace("state=", "state=forged")
        assert come_back(client, forged) == {"error": "mismatching_state"}
        row = replace(REFUSED, error="mismatching_state")
        check(instrumented, authlib_server.url, [METADATA, row], started=[("code", "S256")])
        (event,) = instrumented.events()
        assert (event["name"], event["severity"]) == ("oauth.security", "ERROR")
        assert authlib_server.count(endpoint="token") == 0

        # The true callback, which comes later, still ends the login.
        assert come_back(client, callback) == {"name": "Alice"}
    assert instrumented.total("oauth.client.authorization.duration", oauth__outcome="success") == 1


def test_a_code_that_the_server_refuses(instrumented: Recorder, authlib_server: Server) -> None:
    with visitor(authlib_server, instrumented) as client:
        callback = log_in(sent_to(client)).replace("code=", "code=x")
        assert come_back(client, callback) == {"error": "invalid_grant"}
    row = Exchange(
        "token",
        "/token",
        "authorization_code",
        "client_secret_basic",
        outcome="failure",
        status=400,
        error="invalid_grant",
        failure="reauthorize",
        pkce="S256",
        library="authlib",
        linked=True,
        waited=True,
    )
    check(instrumented, authlib_server.url, [METADATA, row], started=[("code", "S256")])


def test_an_outage_of_the_metadata(instrumented: Recorder, authlib_server: Server) -> None:
    """No login begins; what is told is the discovery that failed."""
    import requests

    authlib_server.fault("metadata", status=503, times=1)
    with visitor(authlib_server, instrumented) as client:
        client.application.testing = True
        with pytest.raises(requests.HTTPError):
            client.get("/login", base_url="http://127.0.0.1:5000")
    row = replace(
        METADATA,
        outcome="failure",
        status=503,
        error="503",
        failure="unavailable",
        audit="ERR_UNAVAILABLE",
    )
    check(instrumented, authlib_server.url, [row])
    assert [span["name"] for span in ours(instrumented)] == ["metadata"]
