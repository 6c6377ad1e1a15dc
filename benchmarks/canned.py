"""Clients whose network is a canned answer, and all of the client above it is the real one.

requests: a mounted adapter. httpx: the real ``HTTPTransport``, which contrib wraps, over a
connection pool that answers at once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import httpcore
import httpx
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict


class Call(NamedTuple):
    """One request, and how it is answered."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None
    status: int
    answer_headers: dict[str, str]
    answer: bytes


class CannedAdapter(BaseAdapter):
    """Answers a prepared request by the call that it stands for."""

    def send(self, request: Any, **kwargs: Any) -> requests.Response:
        call = request.call
        response = requests.Response()
        response.status_code = call.status
        response.headers = CaseInsensitiveDict(call.answer_headers)
        response.url = request.url
        response.request = request
        response._content = call.answer
        response._content_consumed = True
        return response

    def close(self) -> None: ...


def requests_session() -> requests.Session:
    """Give a session that reads no environment and sends nowhere."""
    session = requests.Session()
    session.trust_env = False
    session.mount("https://", CannedAdapter())
    return session


def prepared(call: Call) -> requests.PreparedRequest:
    """Prepare a call for requests."""
    request = requests.Request(call.method, call.url, call.headers, data=call.body).prepare()
    request.call = call
    return request


class CannedPool:
    """What stands in for httpcore's connection pool, sync and async."""

    def _answer(self, request: Any) -> httpcore.Response:
        call = request.extensions["call"]
        headers = [(name.encode(), value.encode()) for name, value in call.answer_headers.items()]
        return httpcore.Response(call.status, headers=headers, content=call.answer)

    def handle_request(self, request: Any) -> httpcore.Response:
        return self._answer(request)

    async def handle_async_request(self, request: Any) -> httpcore.Response:
        return self._answer(request)

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


def httpx_client() -> httpx.Client:
    """Give a client over the real transport and a canned pool."""
    client = httpx.Client(trust_env=False)
    client._transport._pool = CannedPool()
    return client


def httpx_async_client() -> httpx.AsyncClient:
    """Give an async client over the real transport and a canned pool."""
    client = httpx.AsyncClient(trust_env=False)
    client._transport._pool = CannedPool()
    return client


def built(call: Call) -> httpx.Request:
    """Build a call for httpx."""
    return httpx.Request(
        call.method, call.url, headers=call.headers, content=call.body, extensions={"call": call}
    )


# --- the calls ---------------------------------------------------------------------------------

JSON = {"Content-Type": "application/json"}
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}
_API = "https://api.example.com/v1/orders"
_TOKEN = "https://login.example.com/oauth2/token"


def _json(members: Mapping[str, object]) -> bytes:
    return json.dumps(members).encode()


def _issued(**more: object) -> bytes:
    return _json({"access_token": "at" * 20, "token_type": "Bearer", "expires_in": 3600, **more})


def get() -> Iterator[Call]:
    """GET of a resource."""
    call = Call("GET", f"{_API}/17", {}, None, 200, JSON, _json({"id": 17, "total": "9.90"}))
    while True:
        yield call


def get_query() -> Iterator[Call]:
    """GET of a resource with a query."""
    call = Call("GET", f"{_API}?page=3&sort=date", {}, None, 200, JSON, _json({"items": []}))
    while True:
        yield call


def post_json() -> Iterator[Call]:
    """POST of a JSON object."""
    body = _json({"customer": "c-17", "lines": [{"article": "a-1", "count": 2}] * 8})
    call = Call("POST", _API, JSON, body, 201, JSON, _json({"id": 18}))
    while True:
        yield call


def rejected(status: int, challenge: str) -> Iterator[Call]:
    """GET with a Bearer credential, turned away."""
    call = Call(
        "GET",
        f"{_API}/17",
        {"Authorization": "Bearer " + "at" * 20},
        None,
        status,
        {**JSON, "WWW-Authenticate": challenge} if challenge else JSON,
        b"{}",
    )
    while True:
        yield call


def rejected_401() -> Iterator[Call]:
    """An expired token."""
    return rejected(401, 'Bearer realm="api", error="invalid_token"')


def rejected_403() -> Iterator[Call]:
    """A token without the scope."""
    return rejected(403, 'Bearer realm="api", error="insufficient_scope", scope="orders:read"')


def forbidden() -> Iterator[Call]:
    """A Bearer credential turned away for a reason that is not OAuth's."""
    return rejected(403, "")


def turned_away() -> Iterator[Call]:
    """A 401 that has nothing to do with OAuth."""
    call = Call(
        "GET", f"{_API}/17", {}, None, 401, {**JSON, "WWW-Authenticate": 'Basic realm="x"'}, b"{}"
    )
    while True:
        yield call


def client_credentials() -> Iterator[Call]:
    """Every call is another client's, so that none is redundant."""
    number = 0
    while True:
        number += 1
        body = (
            f"grant_type=client_credentials&client_id=c{number}&client_secret=s&scope=orders%3Aread"
        ).encode()
        yield Call("POST", _TOKEN, _FORM, body, 200, JSON, _issued(scope="orders:read"))


def refresh() -> Iterator[Call]:
    """Each call sends the token that the one before it was given."""
    number = 0
    while True:
        body = (
            f"grant_type=refresh_token&refresh_token=rt-{number}-{'r' * 32}"
            "&client_id=app&client_secret=s"
        ).encode()
        number += 1
        answer = _issued(refresh_token=f"rt-{number}-{'r' * 32}")
        yield Call("POST", _TOKEN, _FORM, body, 200, JSON, answer)


def invalid_grant() -> Iterator[Call]:
    """Each call sends a token that the server does not know any more."""
    number = 0
    while True:
        number += 1
        body = (
            f"grant_type=refresh_token&refresh_token=gone-{number}-{'r' * 32}"
            "&client_id=app&client_secret=s"
        ).encode()
        answer = _json({"error": "invalid_grant", "error_description": "expired"})
        yield Call("POST", _TOKEN, _FORM, body, 400, JSON, answer)
