"""A program that does with OAuth what programs do, and some of what goes wrong for them.

    PYTHONPATH=examples python -m authorization_server --port 9000
    opentelemetry-instrument python examples/app.py http://127.0.0.1:9000

It knows nothing of telemetry: no line of it is there to be watched. It speaks through plain
requests, plain httpx (sync and async) and Authlib's clients, as a person (`browser`) and as a
service. Each step is a function; its first line says what happens.
"""

import argparse
import asyncio
import json
import sys
import time
import urllib.request
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.common.security import generate_token
from authlib.integrations.flask_client import OAuth, OAuthError
from authlib.integrations.httpx_client import OAuth2Client
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from flask import Flask
from joserfc.jwk import RSAKey

from authorization_server import keys, presets
from browser import approve_device, login

CALLBACK = "http://127.0.0.1:9/callback"
PRIVATE_KEY = RSAKey.import_key(keys.PRIVATE_KEY)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"

SECRETS: set[str] = set()
"""Everything that this program knew and nobody may be told; for whoever wants to look for it."""


def keep_secret(*values: Any) -> None:
    for value in values:
        if isinstance(value, dict):
            named = ("token", "code", "state", "secret", "password")
            keep_secret(
                *(
                    held
                    for name, held in value.items()
                    if any(word in name for word in named) and not name.endswith("_type")
                )
            )
        elif isinstance(value, str) and len(value) > 7 and "://" not in value:
            SECRETS.add(value)


def secret_of(client_id: str) -> str:
    secret = presets.CLIENTS[client_id].secret
    keep_secret(secret)
    return secret


class Program:
    """The program at work with one authorization server."""

    def __init__(self, server: str) -> None:
        self.server = server
        self.token_url = f"{server}/token"
        self.requests = requests.Session()
        self.requests.trust_env = False
        self.httpx = httpx.Client(trust_env=False)
        self.api = self._oauth(
            "web",
            scope="openid profile read",
            token_endpoint=self.token_url,
            code_challenge_method="S256",
        )
        self.web = self._web_application().test_client()

    def _oauth(self, client_id: str, kind: Any = OAuth2Session, **options: Any) -> Any:
        session = kind(client_id, secret_of(client_id), redirect_uri=CALLBACK, **options)
        session.trust_env = False
        return session

    # -- people who log in

    def web_login(self) -> None:
        """A person logs in to a web page (Flask with Authlib)."""
        self._come_back(login(self._sent_to_login()))

    def web_login_denied(self) -> None:
        """A person is asked for consent, and presses Deny."""
        self._come_back(login(self._sent_to_login(), approve=False))

    def web_login_forged(self) -> None:
        """A callback comes that nobody has asked for."""
        forged = urlencode({"code": "Cnry-forged-code", "state": "Cnry-forged-state"})
        self._come_back(f"{CALLBACK}?{forged}")

    def implicit_login_denied(self) -> None:
        """A person denies an old page that still uses the implicit grant."""
        session = OAuth2Session("implicit", redirect_uri=CALLBACK, response_type="token")
        url, state = session.create_authorization_url(f"{self.server}/authorize")
        keep_secret(state)
        try:
            session.token_from_fragment(login(url, approve=False), state)
        except AuthlibBaseError:
            return

    def api_login(self) -> None:
        """An API says 401, so a person logs in (Authlib upon requests)."""
        verifier = generate_token(48)
        begun: dict[str, str] = {}

        def begin(response: requests.Response, **_: Any) -> None:
            begun["url"], begun["state"] = self.api.create_authorization_url(
                f"{self.server}/authorize", code_verifier=verifier
            )

        self.requests.get(f"{self.server}/resource", hooks={"response": begin})
        callback = login(begun["url"])
        token = self.api.fetch_token(
            self.token_url,
            authorization_response=callback,
            state=begun["state"],
            code_verifier=verifier,
            access_token_lifetime=30,
        )
        keep_secret(token, verifier, begun["state"], _query(callback))

    def early_refresh(self) -> None:
        """Its token has 30 s left: Authlib refreshes it in time."""
        self.api.get(f"{self.server}/userinfo").raise_for_status()
        keep_secret(self.api.token)

    # -- services, which log in by themselves

    def service_tokens(self) -> None:
        """Four services get tokens, each proves itself in another way."""
        grant = {"grant_type": "client_credentials", "scope": "read"}
        self._post(self.requests, grant, "service")
        secret = {"client_id": "service-post", "client_secret": secret_of("service-post")}
        self._post(self.httpx, {**grant, **secret})
        by_secret = self._oauth("service-jwt", token_endpoint_auth_method="client_secret_jwt")
        by_secret.register_client_auth_method(ClientSecretJWT(self.token_url))
        keep_secret(by_secret.fetch_token(self.token_url, grant_type="client_credentials"))
        by_key = OAuth2Client(
            "service-pkjwt",
            PRIVATE_KEY,
            token_endpoint_auth_method="private_key_jwt",
            trust_env=False,
        )
        by_key.register_client_auth_method(PrivateKeyJWT(self.token_url))
        keep_secret(by_key.fetch_token(self.token_url, grant_type="client_credentials"))

    def missing_cache(self) -> None:
        """A service asks for a token again and again, though it has one."""
        for _ in range(3):
            self._service_token()

    def assertion(self) -> None:
        """A service acts for a person by a signed assertion (Authlib)."""
        session = AssertionSession(
            self.token_url,
            issuer="assertion",
            subject="alice",
            audience=self.token_url,
            grant_type=AssertionSession.JWT_BEARER_GRANT_TYPE,
            key=PRIVATE_KEY,
            header={"alg": "RS256"},
        )
        session.trust_env = False
        session.get(f"{self.server}/resource").raise_for_status()
        keep_secret(session.token)

    def token_exchange(self) -> None:
        """A service trades one token for another (httpx, async)."""
        subject = self._password_token("legacy")["access_token"]

        async def exchange() -> httpx.Response:
            async with httpx.AsyncClient(trust_env=False) as client:
                return await client.post(
                    self.token_url,
                    data={
                        "grant_type": presets.TOKEN_EXCHANGE,
                        "subject_token": subject,
                        "subject_token_type": ACCESS_TOKEN,
                    },
                    auth=("exchange", secret_of("exchange")),
                )

        keep_secret(asyncio.run(exchange()).json())

    def late_refresh(self) -> None:
        """A token expires, the API says 401: only now it is refreshed (httpx)."""
        token = self._password_token("short", access_token_lifetime="1")
        time.sleep(1.1)
        if self._resource(token) == 401:
            self._refresh(token, "short")

    def device_login(self) -> None:
        """A television shows a code, and polls until it is typed in (httpx)."""
        answer = self.httpx.post(
            f"{self.server}/device_authorization", data={"client_id": "device", "scope": "read"}
        ).json()
        keep_secret(answer)
        poll = {
            "grant_type": presets.DEVICE_CODE,
            "device_code": answer["device_code"],
            "client_id": "device",
        }
        self._post(self.httpx, poll)
        self._post(self.httpx, poll)  # too soon: it is told to slow down
        time.sleep(answer["interval"] + 0.1)
        approve_device(answer["verification_uri_complete"])
        self._post(self.httpx, poll)

    # -- what goes wrong

    def stolen_refresh_token(self) -> None:
        """A refresh token that the server has rotated is sent again: stolen."""
        token = self._password_token("legacy")
        self._refresh(token, "legacy")
        self._refresh(token, "legacy")

    def wrong_secret(self) -> None:
        """A service was deployed with a wrong secret."""
        keep_secret("Cnry-a-wrong-secret")
        grant = {"grant_type": "client_credentials"}
        self.requests.post(self.token_url, data=grant, auth=("service", "Cnry-a-wrong-secret"))

    def outage(self) -> None:
        """The server is down (503, Retry-After) when a token is to be refreshed."""
        token = self._password_token("legacy")
        self._fault(status=503, headers={"Retry-After": "2"}, times=2)
        for _ in range(3):  # a patient program would wait as long as it was told
            if "error" not in self._refresh(token, "legacy"):
                return

    def too_often(self) -> None:
        """The server says 429."""
        self._fault(status=429, headers={"Retry-After": "5"}, times=1)
        self._service_token()

    def captive_portal(self) -> None:
        """Something between answers 200 with a page of its own."""
        self._fault(status=200, body="<html>Welcome to the hotel</html>", times=1)
        self._service_token()

    def revocation(self) -> None:
        """A token is introspected, revoked, and refused by the API (requests)."""
        token = self._password_token("legacy")["access_token"]
        self._post(self.requests, {"token": token}, "api", "/introspect")
        self._post(self.requests, {"token": token}, "legacy", "/revoke")
        self._resource({"access_token": token})

    def scope_too_small(self) -> None:
        """A good token has too small a scope for what is asked."""
        self._resource(self._password_token("legacy"), "/resource/admin")

    # -- how

    def _web_application(self) -> Flask:
        app = Flask("shop")
        app.secret_key = generate_token()
        app.config["PROPAGATE_EXCEPTIONS"] = True
        oauth = OAuth(app)
        oauth.register(
            "provider",
            client_id="web",
            client_secret=secret_of("web"),
            server_metadata_url=f"{self.server}/.well-known/openid-configuration",
            client_kwargs={"scope": "openid profile", "code_challenge_method": "S256"},
        )
        provider = oauth.create_client("provider")

        @app.get("/login")
        def log_in() -> Any:
            return provider.authorize_redirect(CALLBACK)

        @app.get("/callback")
        def callback() -> Any:
            try:
                token = provider.authorize_access_token()
            except OAuthError as problem:
                return {"error": problem.error}, 400
            keep_secret(token)
            return {"name": token["userinfo"]["name"]}

        return app

    def _sent_to_login(self) -> str:
        url = self.web.get("/login").headers["Location"]
        keep_secret(_query(url))
        return url

    def _come_back(self, callback: str) -> None:
        keep_secret(_query(callback))
        self.web.get(f"/callback?{urlsplit(callback).query}")

    def _post(
        self, http: Any, form: dict[str, str], basic_as: str | None = None, path: str = "/token"
    ) -> dict[str, Any]:
        auth = (basic_as, secret_of(basic_as)) if basic_as else None
        response = http.post(f"{self.server}{path}", data=form, auth=auth)
        keep_secret(form)
        if "json" not in response.headers.get("Content-Type", ""):
            return {"error": "no JSON"}
        answer = response.json() or {}
        keep_secret(answer)
        return answer if response.status_code < 300 else {"error": "refused", **answer}

    def _service_token(self) -> dict[str, Any]:
        grant = {"grant_type": "client_credentials", "scope": "read"}
        return self._post(self.requests, grant, "service")

    def _password_token(self, client_id: str, **more: str) -> dict[str, Any]:
        password = presets.USERS["alice"].password
        form = {"grant_type": "password", "username": "alice", "password": password, **more}
        return self._post(self.httpx, form, client_id)

    def _refresh(self, token: dict[str, Any], client_id: str) -> dict[str, Any]:
        form = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
        return self._post(self.httpx, form, client_id)

    def _resource(self, token: dict[str, Any], path: str = "/resource") -> int:
        headers = {"Authorization": f"Bearer {token['access_token']}"}
        return self.requests.get(f"{self.server}{path}", headers=headers).status_code

    def _fault(self, **fault: Any) -> None:
        body = json.dumps({"endpoint": "token", **fault}).encode()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        opener.open(f"{self.server}/_faults", body, timeout=10).close()


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


STEPS: tuple[Callable[[Program], None], ...] = (
    Program.web_login,
    Program.web_login_denied,
    Program.web_login_forged,
    Program.implicit_login_denied,
    Program.api_login,
    Program.early_refresh,
    Program.late_refresh,
    Program.device_login,
    Program.service_tokens,
    Program.missing_cache,
    Program.assertion,
    Program.token_exchange,
    Program.stolen_refresh_token,
    Program.wrong_secret,
    Program.outage,
    Program.too_often,
    Program.captive_portal,
    Program.revocation,
    Program.scope_too_small,
)


def main() -> None:
    parser = argparse.ArgumentParser("app", description=__doc__)
    parser.add_argument("server", help="where the authorization server listens")
    parser.add_argument(
        "--stay",
        action="store_true",
        help="say at the end what the secrets were, and stay until the standard input ends",
    )
    options = parser.parse_args()
    program = Program(options.server)
    say = partial(print, flush=True)
    for step in STEPS:
        say((step.__doc__ or "").strip().splitlines()[0])
        step(program)
    if options.stay:
        say(json.dumps(sorted(SECRETS)))
        sys.stdin.read()


if __name__ == "__main__":
    main()
