"""The ways in which a Python program speaks OAuth, behind one face.

A scenario is written once, against `Client`, and runs through every row of `DRIVERS`: the bare HTTP
libraries, where the program builds its own requests, and Authlib's clients upon them. The methods
are coroutines; those of a sync library block meanwhile, as that library does.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import httpx2
import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import (
    AssertionClient,
    AsyncAssertionClient,
    AsyncOAuth2Client,
    OAuth2Client,
)
from authlib.integrations.requests_client import AssertionSession, OAuth2Session
from authlib.oauth2.client import DEFAULT_HEADERS
from authlib.oauth2.rfc7523 import ClientSecretJWT, PrivateKeyJWT
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey

CALLBACK = "http://127.0.0.1:9/callback"
JWT_CLIENT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
#: No proxy, no netrc; and all is plain HTTP here, but to read certificates costs more than a test.
HTTPX_OPTIONS: dict[str, Any] = {"trust_env": False, "verify": False}


# -- who asks, and what comes back


@dataclass(frozen=True)
class Credentials:
    """A client and how it authenticates (RFC 7591, section 2: ``token_endpoint_auth_method``)."""

    client_id: str
    method: str
    secret: str | RSAKey = ""
    audience: str = ""
    """Whom its assertions are for: what the server calls itself."""

    def form(self) -> dict[str, str]:
        """The fields that authenticate the client in a body."""
        if self.method == "client_secret_post":
            return {"client_id": self.client_id, "client_secret": str(self.secret)}
        if self.method == "none":
            return {"client_id": self.client_id}
        if self.method.endswith("_jwt"):
            return {"client_assertion_type": JWT_CLIENT, "client_assertion": self._assertion()}
        return {}

    def basic(self) -> tuple[str, str] | None:
        if self.method != "client_secret_basic":
            return None
        return self.client_id, str(self.secret)

    def _assertion(self) -> str:
        private = isinstance(self.secret, RSAKey)
        key = self.secret if private else OctKey.import_key(self.secret)
        return assertion(key, self.client_id, self.client_id, self.audience)


def assertion(key: Any, issuer: str, subject: str, audience: str) -> str:
    """A signed statement of who somebody is (RFC 7523, section 3)."""
    claims = {"iss": issuer, "sub": subject, "aud": audience, "jti": secrets.token_hex(8)}
    now = int(time.time())
    header = {"alg": "RS256" if isinstance(key, RSAKey) else "HS256"}
    return jwt.encode(header, {**claims, "iat": now, "exp": now + 60}, key)


class Answer(NamedTuple):
    status: int
    headers: Any
    text: str

    def json(self) -> dict[str, Any]:
        return json.loads(self.text)


class Login(NamedTuple):
    """An authorization that was begun."""

    url: str
    state: str
    verifier: str | None


async def settle(result: Any) -> Any:
    """Await what an async library gives; take what a sync library gives."""
    return await result if inspect.isawaitable(result) else result


async def shut(session: Any) -> None:
    await settle(session.aclose() if hasattr(session, "aclose") else session.close())


# -- the face


class Client:
    """An OAuth client: each method but the two marked so is one request.

    The methods of a grant return the members of the answer, an ``error`` among them or not. What
    the library itself raises (no connection, a time-out, Authlib's dislike of a 503) it raises.
    """

    library: str | None = None
    """``oauth.library`` of what the library's own methods send."""

    def __init__(self, session: Any, who: Credentials) -> None:
        self.session = session
        self.who = who

    async def send(
        self, method: str, url: str, *, token: str | None = None, **options: Any
    ) -> Answer:
        """Any request, of which OAuth is none of the library's business."""
        headers = dict(options.pop("headers", None) or {})
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return await self._request(method, url, headers=headers, **options)

    async def post(self, url: str, headers: dict[str, str] | None = None, **form: str) -> Answer:
        """A form, sent as the client itself: to the device endpoint, PAR, CIBA."""
        raise NotImplementedError

    async def token(
        self, url: str, grant_type: str, headers: dict[str, str] | None = None, **form: str
    ) -> dict[str, Any]:
        raise NotImplementedError

    async def refresh(self, url: str, token: dict[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    async def jwt_bearer(self, url: str, issuer: str, subject: str, key: RSAKey, audience: str) -> dict[str, Any]:  # fmt: skip
        raise NotImplementedError

    async def revoke(self, url: str, token: str) -> Answer:
        return await self.post(url, token=token)

    async def introspect(self, url: str, token: str) -> Answer:
        return await self.post(url, token=token)

    def begin(self, url: str, pkce: str | None = "S256", **parameters: str) -> Login:
        """Build an authorization URL; no request."""
        raise NotImplementedError

    async def finish(self, url: str, login: Login, callback: str) -> dict[str, Any]:
        """Exchange the code that came back to the callback."""
        raise NotImplementedError

    async def resource(self, url: str, token: dict[str, Any]) -> Answer:
        """Ask a resource server with an access token."""
        return await self.send("GET", url, token=token["access_token"])

    async def attempt(self, running: Awaitable[Any]) -> Any:
        """Return what the library raises, as a program that goes on would catch it."""
        try:
            return await running
        except Exception as problem:
            return problem

    async def close(self) -> None:
        """No request."""
        await shut(self.session)

    async def _request(self, method: str, url: str, **options: Any) -> Answer:
        response = await settle(self.session.request(method, url, **options))
        return Answer(response.status_code, response.headers, response.text)


class Bare(Client):
    """The program builds its own requests, with an HTTP library alone."""

    async def _request(self, method: str, url: str, **options: Any) -> Answer:
        if isinstance(self.session, requests.Session):  # it has no time-out of its own
            options["timeout"] = self.session.timeout_of_the_tests
        return await super()._request(method, url, **options)

    async def post(self, url: str, headers: dict[str, str] | None = None, **form: str) -> Answer:
        return await self._request(
            "POST", url, data={**form, **self.who.form()}, auth=self.who.basic(), headers=headers
        )

    async def token(
        self, url: str, grant_type: str, headers: dict[str, str] | None = None, **form: str
    ) -> dict[str, Any]:
        return members(await self.post(url, headers, grant_type=grant_type, **form))

    async def refresh(self, url: str, token: dict[str, Any]) -> dict[str, Any]:
        return await self.token(url, "refresh_token", refresh_token=token["refresh_token"])

    async def jwt_bearer(self, url: str, issuer: str, subject: str, key: RSAKey, audience: str) -> dict[str, Any]:  # fmt: skip
        form = {"grant_type": JWT_GRANT, "assertion": assertion(key, issuer, subject, audience)}
        return members(await self._request("POST", url, data=form))

    def begin(self, url: str, pkce: str | None = "S256", **parameters: str) -> Login:
        state, verifier = secrets.token_hex(8), secrets.token_urlsafe(48) if pkce else None
        asked = {
            "client_id": self.who.client_id,
            "response_type": "code",
            "redirect_uri": CALLBACK,
            "state": state,
            **challenge(verifier, pkce),
            **parameters,
        }
        return Login(f"{url}?{urlencode(asked)}", state, verifier)

    async def finish(self, url: str, login: Login, callback: str) -> dict[str, Any]:
        answer = query(callback)
        assert answer["state"] == login.state
        form = {"code": answer["code"], "redirect_uri": CALLBACK}
        if login.verifier:
            form["code_verifier"] = login.verifier
        return await self.token(url, "authorization_code", **form)


class Authlib(Client):
    """Authlib's client: `OAuth2Session`, `OAuth2Client` or `AsyncOAuth2Client`."""

    library = "authlib"
    assertion_client: type

    async def _request(self, method: str, url: str, **options: Any) -> Answer:
        return await super()._request(method, url, withhold_token=True, **options)

    async def post(self, url: str, headers: dict[str, str] | None = None, **form: str) -> Answer:
        auth = self.session.client_auth(self.session.token_endpoint_auth_method)
        return await self._request("POST", url, data=form, auth=auth, headers=headers)

    async def token(
        self, url: str, grant_type: str, headers: dict[str, str] | None = None, **form: str
    ) -> dict[str, Any]:
        headers = {**DEFAULT_HEADERS, **headers} if headers else None
        return await self._told(
            lambda: self.session.fetch_token(url, grant_type=grant_type, headers=headers, **form)
        )

    async def refresh(self, url: str, token: dict[str, Any]) -> dict[str, Any]:
        self.session.token = token
        return await self._told(
            lambda: self.session.refresh_token(url, refresh_token=token["refresh_token"])
        )

    async def jwt_bearer(self, url: str, issuer: str, subject: str, key: RSAKey, audience: str) -> dict[str, Any]:  # fmt: skip
        options = {} if self.assertion_client is AssertionSession else HTTPX_OPTIONS
        session = self.assertion_client(
            url, issuer, subject, audience, key=key, header={"alg": "RS256"}, **options
        )
        if self.assertion_client is AssertionSession:
            session.trust_env = False
        try:
            return await self._told(session.refresh_token)
        finally:
            await shut(session)

    async def revoke(self, url: str, token: str) -> Answer:
        response = await settle(self.session.revoke_token(url, token=token))
        return Answer(response.status_code, response.headers, response.text)

    async def introspect(self, url: str, token: str) -> Answer:
        response = await settle(self.session.introspect_token(url, token=token))
        return Answer(response.status_code, response.headers, response.text)

    def begin(self, url: str, pkce: str | None = "S256", **parameters: str) -> Login:
        verifier = secrets.token_urlsafe(48) if pkce else None
        if pkce == "plain":  # Authlib makes S256 challenges alone
            parameters |= challenge(verifier, pkce)
        made, state = self.session.create_authorization_url(
            url, code_verifier=verifier if pkce == "S256" else None, **parameters
        )
        return Login(made, state, verifier)

    async def finish(self, url: str, login: Login, callback: str) -> dict[str, Any]:
        more = {"code_verifier": login.verifier} if login.verifier else {}
        return await self._told(
            lambda: self.session.fetch_token(
                url, authorization_response=callback, state=login.state, **more
            )
        )

    async def resource(self, url: str, token: dict[str, Any]) -> Answer:
        """Two requests where Authlib finds the token expired: it refreshes it first."""
        self.session.token = token
        response = await settle(self.session.get(url))
        return Answer(response.status_code, response.headers, response.text)

    async def _told(self, call: Callable[[], Any]) -> dict[str, Any]:
        try:
            return dict(await settle(call()))
        except AuthlibBaseError as problem:
            return {"error": problem.error}


def members(answer: Answer) -> dict[str, Any]:
    return json.loads(answer.text) if answer.text.startswith("{") else {}


def challenge(verifier: str | None, pkce: str | None) -> dict[str, str]:
    """The PKCE parameters of an authorization URL (RFC 7636, section 4.3)."""
    if verifier is None or pkce is None:
        return {}
    made = create_s256_code_challenge(verifier) if pkce == "S256" else verifier
    return {"code_challenge": made, "code_challenge_method": pkce}


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query))


# -- the table


@dataclass(frozen=True)
class Driver:
    """A row: a library, how a client of it is made, and what it raises."""

    name: str
    make: Callable[..., Client]
    module: str
    """The HTTP library beneath."""

    @property
    def library(self) -> str | None:
        """``oauth.library`` of the requests that the library makes of itself."""
        return "authlib" if self.is_authlib else None

    @property
    def is_authlib(self) -> bool:
        return self.name.startswith("authlib")

    @property
    def is_async(self) -> bool:
        return self.name.endswith("async")

    def connections(self) -> Any:
        """What clients of an async library may share: ``make(…, transport=driver.connections())``."""
        return {"httpx": httpx, "httpx2": httpx2}[self.module].AsyncHTTPTransport(verify=False)

    def exception(self, what: str) -> str:
        """``error.type`` where nobody answers."""
        return _EXCEPTIONS[self.module].get(what, f"{self.module}.{what}")

    async def at_the_same_time(self, *calls: Callable[[], Awaitable[Any]], apart: float) -> list[Any]:  # fmt: skip
        """Run calls at once, each begun ``apart`` seconds after the one before it."""

        async def later(number: int, call: Callable[[], Awaitable[Any]]) -> Any:
            await asyncio.sleep(number * apart)
            return await call()

        if self.is_async:
            return await asyncio.gather(*(later(n, call) for n, call in enumerate(calls)))
        return await asyncio.gather(
            *(
                asyncio.to_thread(lambda n=n, c=c: asyncio.run(later(n, c)))
                for n, c in enumerate(calls)
            )
        )


_EXCEPTIONS = {
    "requests": {
        "ConnectError": "requests.exceptions.ConnectionError",
        "ReadTimeout": "requests.exceptions.ReadTimeout",
        "RemoteProtocolError": "requests.exceptions.ConnectionError",
    },
    "httpx": {},
    "httpx2": {},
}


def _requests(who: Credentials, timeout: float) -> Client:
    session = requests.Session()
    session.trust_env = False  # no proxy, no netrc
    session.timeout_of_the_tests = timeout
    return Bare(session, who)


def _httpx(kind: type) -> Callable[..., Client]:
    def make(who: Credentials, timeout: float, **options: Any) -> Client:
        options |= HTTPX_OPTIONS
        return Bare(kind(timeout=timeout, follow_redirects=True, **options), who)

    return make


def _authlib(kind: type, assertion_client: type) -> Callable[..., Client]:
    def make(who: Credentials, timeout: float, **options: Any) -> Client:
        if kind is OAuth2Session:
            options |= {"default_timeout": timeout}
        else:
            options |= {"timeout": timeout, "follow_redirects": True, **HTTPX_OPTIONS}
        session = kind(
            who.client_id,
            who.secret or None,
            token_endpoint_auth_method=who.method,
            revocation_endpoint_auth_method=who.method,
            redirect_uri=CALLBACK,
            code_challenge_method="S256",
            leeway=0,
            **options,
        )
        if kind is OAuth2Session:
            session.trust_env = False
        session.register_client_auth_method(ClientSecretJWT(who.audience))
        session.register_client_auth_method(PrivateKeyJWT(who.audience))
        client = Authlib(session, who)
        client.assertion_client = assertion_client
        return client

    return make


#: Authlib takes httpx2 where it is installed, since 1.8.
AUTHLIB_HTTPX = "httpx2" if issubclass(OAuth2Client, httpx2.Client) else "httpx"

DRIVERS = (
    Driver("requests", _requests, "requests"),
    Driver("httpx", _httpx(httpx.Client), "httpx"),
    Driver("httpx-async", _httpx(httpx.AsyncClient), "httpx"),
    Driver("httpx2", _httpx(httpx2.Client), "httpx2"),
    Driver("httpx2-async", _httpx(httpx2.AsyncClient), "httpx2"),
    Driver("authlib-requests", _authlib(OAuth2Session, AssertionSession), "requests"),
    Driver("authlib-httpx", _authlib(OAuth2Client, AssertionClient), AUTHLIB_HTTPX),
    Driver("authlib-httpx-async", _authlib(AsyncOAuth2Client, AsyncAssertionClient), AUTHLIB_HTTPX),
)
BY_NAME = {driver.name: driver for driver in DRIVERS}
BARE = tuple(driver for driver in DRIVERS if not driver.is_authlib)
AUTHLIB = tuple(driver for driver in DRIVERS if driver.is_authlib)


@contextmanager
def nobody_listens() -> Iterator[str]:
    """The address of a port that is taken, so that nobody else may, and refuses connections."""
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
