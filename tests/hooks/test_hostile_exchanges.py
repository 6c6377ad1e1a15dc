"""Property: whatever is sent and whatever comes back, a program fares as without us, and no secret is told.

Each example is run twice, with the instrumentation off and on; both runs must end alike: the same
answer, read by the same number of reads, or the same exception.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest
import requests
from doubles import Adapter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from recorder import Recorder

HOSTILE = settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SECRET = "Cnry-0a1B2c3D4e5F6g7H"

names = st.sampled_from(
    [
        *("grant_type", "code", "client_id", "client_secret", "refresh_token", "access_token"),
        *("token", "assertion", "client_assertion", "scope", "state", "code_verifier", "username"),
        *("password", "error", "error_description", "response_type", "request", "query", "x" * 300),
    ]
)
values = st.one_of(
    st.just(SECRET),
    st.sampled_from(
        [
            *("authorization_code", "client_credentials", "refresh_token", "password", "", "code"),
            *(
                "urn:ietf:params:oauth:grant-type:jwt-bearer",
                "made_up",
                "a b",
                "%00%ff",
                "&=&",
                "\x00",
            ),
            *("\U0001d518nicode", "x" * 40_000, "eyJhbGciOiJub25lIn0.e30.", "\ud800"),
        ]
    ),
    st.text(max_size=20),
)
pairs = st.lists(st.tuples(names, values), max_size=6)
paths = st.sampled_from(
    [
        *("/token", "/oauth/token", "/oauth2/v1/token/", "/introspect", f"/revoke/{SECRET}", "/me"),
        *(f"/tokens/{SECRET}", "/device_authorization", "/par", "/register", "/jwks", "/authorize"),
        *("/.well-known/openid-configuration", "/graphql", "//", "/%2e%2e/token", "/" + "t/" * 500),
    ]
)
headers = st.dictionaries(
    st.sampled_from(["Authorization", "Content-Type", "DPoP", "Cookie", "X-Odd"]),
    st.sampled_from(
        [
            *(
                f"Bearer {SECRET}",
                f"DPoP {SECRET}",
                f"Basic {SECRET}",
                "Basic !!!",
                "Basic",
                "\xff",
            ),
            *(
                "application/json",
                "application/x-www-form-urlencoded; charset=\x85",
                "",
                "a=" * 500,
            ),
            f"Digest username={SECRET}",
        ]
    ),
    max_size=4,
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(names | st.text(max_size=5), inner, max_size=4)
    ),
    max_leaves=8,
)
answers = st.tuples(
    st.sampled_from([200, 201, 204, 302, 304, 400, 401, 403, 418, 429, 500, 503]),
    st.dictionaries(
        st.sampled_from(["Content-Type", "WWW-Authenticate", "Retry-After", "Date", "X"]),
        st.sampled_from(
            [
                *(
                    "application/json",
                    f'Bearer error="{SECRET}"',
                    "Digest",
                    "DPoP",
                    "Bearer " * 500,
                ),
                *("-1", "9" * 400, "Wed, 21 Oct 2015 07:28:00 GMT", "", "\xff", 'Bearer error="'),
            ]
        ),
        max_size=3,
    ),
    st.one_of(
        st.binary(max_size=50),
        json_values.map(lambda value: json.dumps(value).encode()),
        pairs.map(lambda items: "&".join(f"{k}={v}" for k, v in items).encode("utf-8", "replace")),
        st.sampled_from(
            [b"", b"[" * 50_000, b'{"access_token":' + b"9" * 10_000 + b"}", b"<html>"]
        ),
        st.just(json.dumps({"error": SECRET, "error_description": SECRET}).encode()),
        st.just(
            json.dumps(
                {"access_token": SECRET, "expires_in": SECRET, "token_type": SECRET}
            ).encode()
        ),
    ),
)
bodies = st.one_of(
    st.none(),
    pairs.map(lambda items: "&".join(f"{name}={value}" for name, value in items)).map(
        lambda text: text.encode("utf-8", "replace")
    ),
    json_values.map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=100),
)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "post", "PATCH"])
requests_of = st.tuples(methods, paths, pairs, headers, bodies)


def in_latin1(fields: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode("latin-1")) for name, value in fields.items()]


def by_requests(request: Any, answer: Any) -> str:
    method, path, query, fields, body = request
    status, answered, content = answer
    session = requests.Session()
    session.mount("https://", Adapter((status, answered, content.decode("latin-1"))))
    try:
        response = session.request(
            method, "https://as.example" + path, params=query, headers=fields, data=body
        )
        return f"{response.status_code} {response.content!r} {sorted(vars(response))}"
    except Exception as problem:
        return repr(problem)


def transport(answer: Any) -> httpx.MockTransport:
    status, fields, content = answer
    return httpx.MockTransport(
        lambda _: httpx.Response(status, headers=in_latin1(fields), content=Once(content))
    )


class Once(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that must be read once only."""

    def __init__(self, content: bytes) -> None:
        self.parts = [content]

    def __iter__(self) -> Any:
        yield self.parts.pop()

    async def __aiter__(self) -> Any:
        yield self.parts.pop()


def httpx_arguments(request: Any) -> dict[str, Any]:
    method, path, query, fields, body = request
    return {
        "method": method,
        "url": "https://as.example" + path,
        "params": query or None,
        "headers": in_latin1(fields),
        "content": body,
    }


def by_httpx(request: Any, answer: Any) -> str:
    try:
        with httpx.Client(transport=transport(answer), trust_env=False) as client:
            response = client.request(**httpx_arguments(request))
            return f"{response.status_code} {response.content!r} {sorted(vars(response))}"
    except Exception as problem:
        return repr(problem)


def by_async_httpx(request: Any, answer: Any) -> str:
    async def send() -> str:
        async with httpx.AsyncClient(transport=transport(answer), trust_env=False) as client:
            response = await client.request(**httpx_arguments(request))
            return f"{response.status_code} {response.content!r} {sorted(vars(response))}"

    try:
        return asyncio.run(send())
    except Exception as problem:
        return repr(problem)


@pytest.mark.parametrize("send", [by_requests, by_httpx, by_async_httpx])
@HOSTILE
@given(request=requests_of, answer=answers)
@example(
    request=(
        "POST",
        "/token",
        [],
        {"Content-Type": "\xff"},
        b"grant_type=refresh_token&refresh_token=",
    ),
    answer=(200, {"Content-Type": "application/json"}, b'{"access_token": null, "expires_in": -1}'),
)
@example(
    request=(
        "GET",
        f"/tokens/{SECRET}",
        [("access_token", SECRET)],
        {"Authorization": f"DPoP {SECRET}"},
        None,
    ),
    answer=(401, {"WWW-Authenticate": f'DPoP error="{SECRET}"'}, b""),
)
def test_a_program_fares_as_without_us_and_no_secret_is_told(
    send: Any, request: Any, answer: Any
) -> None:
    expected = send(request, answer)
    recorder = Recorder()
    OAuthInstrumentor().instrument(
        capture_scope=False, excluded_urls=[r"/excluded/"], **recorder.providers
    )
    try:
        watched = send(request, answer)
    finally:
        OAuthInstrumentor().uninstrument()
    assert watched == expected
    recorder.sweep()
    spans = recorder.spans()
    assert len(spans) <= 1
    assert recorder.total("oauth.client.request.duration") == len(spans)
    for span in spans:
        assert span["attributes"]["oauth.outcome"] in ("success", "failure", "pending")
        assert all(isinstance(value, (str, int, bool)) for value in span["attributes"].values())
