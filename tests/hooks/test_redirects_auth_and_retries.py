"""What is one exchange, and what is two (`telemetry.md`, *Rules*).

One is what reaches the server as a request of its own. Two things belong to the exchange before
them: a followed redirect hop, and the resend that answers ``WWW-Authenticate: Digest``.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import httpx
import httpx2
import pytest
import requests
from doubles import (
    ENDPOINT,
    GRANT,
    NO_TLS,
    TOKEN,
    Adapter,
    Server,
    answer,
    answering,
    session_with,
    token_span,
    unread_span,
)
from requests.adapters import HTTPAdapter
from requests.auth import HTTPDigestAuth
from urllib3.util import Retry

from recorder import Recorder

# --- redirects ---------------------------------------------------------------------------------


def hop(status: int, to: str) -> Callable[[Any], httpx.Response]:
    return lambda _: httpx.Response(status, headers={"Location": to})


def told_once(recorder: Recorder, span: dict[str, Any]) -> None:
    assert recorder.spans() == [span]
    assert recorder.total("oauth.flow") == 1
    assert recorder.total("oauth.client.request.duration") == 1


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/token", "/v2/token", "https://other.example/token"])
def test_a_followed_redirect_is_a_part_of_the_exchange(
    status: int, to: str, instrumented: Recorder
) -> None:
    """Address and path are those first asked for."""
    with httpx.Client(transport=answering(hop(status, to), TOKEN), follow_redirects=True) as client:
        assert client.post(ENDPOINT, data=GRANT).json() == TOKEN
    told_once(instrumented, token_span())
    instrumented.clear()
    session = session_with((status, {"Location": to}, ""), TOKEN)
    assert session.post(ENDPOINT, data=GRANT).json() == TOKEN
    assert instrumented.spans() == [token_span()]
    assert instrumented.total("oauth.flow") == 2


async def test_so_it_is_in_async(instrumented: Recorder) -> None:
    transport = answering(hop(307, "/a"), hop(308, "https://other.example/token"), TOKEN)
    async with httpx.AsyncClient(transport=transport, follow_redirects=True) as client:
        await client.post(ENDPOINT, data=GRANT)
    told_once(instrumented, token_span())


def test_a_redirect_that_is_not_followed_is_the_answer(instrumented: Recorder) -> None:
    """Where a token was due, a redirect is a failure."""
    session = session_with((302, {"Location": "https://as.example/login?code=Cnry"}, ""))
    session.post(ENDPOINT, data=GRANT, allow_redirects=False)
    with httpx.Client(transport=answering(hop(302, "/login"))) as client:
        client.post(ENDPOINT, data=GRANT)
    told = [
        (each["attributes"]["error.type"], each["attributes"]["oauth.failure.class"])
        for each in instrumented.spans()
    ]
    assert told == [("302", "malformed")] * 2


def test_a_secret_in_the_url_of_a_hop_is_told_by_nobody(
    instrumented: Recorder, server: Server
) -> None:
    """Contrib's requests would see each hop; ours suppresses it where the URL carries a secret."""
    from opentelemetry.instrumentation.requests import RequestsInstrumentor

    from opentelemetry.instrumentation.oauth import OAuthInstrumentor

    def redirect(handler: Any) -> None:
        answer(handler, 302, b"", Location="/things?access_token=Cnry-in-hop")

    server.routes["/start"] = redirect
    OAuthInstrumentor().uninstrument()
    RequestsInstrumentor().instrument(**instrumented.providers)
    OAuthInstrumentor().instrument(**instrumented.providers)
    with requests.Session() as session:
        assert session.get(f"{server.url}/start").json() == TOKEN
    OAuthInstrumentor().uninstrument()
    RequestsInstrumentor().uninstrument()
    assert server.hits == {"GET /start": 1, "GET /things": 1}
    instrumented.sweep()


def test_too_many_redirects_is_one_failure(instrumented: Recorder) -> None:
    session = session_with((307, {"Location": "/token"}, ""))
    session.max_redirects = 3
    with pytest.raises(requests.exceptions.TooManyRedirects):
        session.post(ENDPOINT, data=GRANT)
    with (
        httpx.Client(
            transport=answering(hop(307, "/token")), follow_redirects=True, max_redirects=3
        ) as client,
        pytest.raises(httpx.TooManyRedirects),
    ):
        client.post(ENDPOINT, data=GRANT)
    told = [span["attributes"]["error.type"] for span in instrumented.spans()]
    assert told == ["requests.exceptions.TooManyRedirects", "httpx.TooManyRedirects"]
    assert instrumented.total("oauth.flow") == 2


def test_a_hop_from_a_plain_resource_to_an_endpoint_is_an_exchange(instrumented: Recorder) -> None:
    session = session_with(
        (302, {"Location": "https://as.example/.well-known/openid-configuration"}, ""),
        {"issuer": "https://as.example", "token_endpoint": "https://as.example/token"},
    )
    session.get("https://app.example/settings")
    assert [span["name"] for span in instrumented.spans()] == ["metadata"]


# --- Digest ------------------------------------------------------------------------------------

CHALLENGE = 'Digest realm="as", qop="auth", nonce="Cnry-nonce", algorithm=MD5, opaque="Cnry"'
BARE = {"grant_type": "client_credentials"}


def digest_protected(request: Any) -> Any:
    """Answers the first request with a challenge, and one that answers it with a token."""
    if "digest" in request.headers.get("Authorization", "").lower():
        return TOKEN
    return None


def modern(library: Any) -> Callable[[Any], Any]:
    def handle(request: Any) -> Any:
        if digest_protected(request) is None:
            return library.Response(401, headers={"WWW-Authenticate": CHALLENGE})
        return library.Response(200, json=TOKEN)

    return handle


the_digest_span = token_span(oauth__client_auth__method=None)


def test_the_digest_resend_is_a_part_of_the_exchange_in_requests(instrumented: Recorder) -> None:
    def handle(request: Any) -> Any:
        return digest_protected(request) or (401, {"WWW-Authenticate": CHALLENGE}, "")

    session = requests.Session()
    adapter = Adapter(handle, handle)
    session.mount("https://", adapter)
    answer = session.post(ENDPOINT, data=BARE, auth=HTTPDigestAuth("app", "Cnry-secret"))
    assert answer.json() == TOKEN
    assert len(adapter.seen) == 2
    told_once(instrumented, the_digest_span)


@pytest.mark.parametrize("library", [httpx, httpx2])
def test_and_in_httpx_which_sends_it_through_the_hook_again(
    library: Any, instrumented: Recorder
) -> None:
    transport = library.MockTransport(modern(library))
    auth = library.DigestAuth("app", "Cnry-secret")
    with library.Client(transport=transport, auth=auth) as client:
        assert client.post(ENDPOINT, data=BARE).json() == TOKEN
        told_once(instrumented, the_digest_span)
        # The second time the client answers the challenge before it is asked.
        assert client.post(ENDPOINT, data=BARE).json() == TOKEN
    assert instrumented.spans() == [the_digest_span] * 2


async def test_and_in_async(instrumented: Recorder) -> None:
    transport = httpx.MockTransport(modern(httpx))
    auth = httpx.DigestAuth("app", "Cnry-secret")
    async with httpx.AsyncClient(transport=transport, auth=auth) as client:
        assert (await client.post(ENDPOINT, data=BARE)).json() == TOKEN
    told_once(instrumented, the_digest_span)


def test_over_a_real_socket_too(instrumented: Recorder, server: Server) -> None:
    def protect(handler: Any) -> None:
        if digest_protected(handler) is None:
            answer(handler, 401, b"{}", WWW_Authenticate=CHALLENGE)
        else:
            answer(handler, 200, b'{"access_token": "Cnry", "token_type": "bearer"}')

    server.routes["/token"] = protect
    with httpx.Client(verify=NO_TLS, auth=httpx.DigestAuth("app", "Cnry-secret")) as client:
        assert client.post(f"{server.url}/token", data=BARE).is_success
    assert server.hits == {"POST /token": 2}
    assert [each["attributes"]["oauth.outcome"] for each in instrumented.spans()] == ["success"]
    assert instrumented.total("oauth.flow") == 1


def test_a_digest_challenge_that_nobody_answers_is_a_failure(instrumented: Recorder) -> None:
    challenged = httpx.Response(401, headers={"WWW-Authenticate": CHALLENGE})
    with httpx.Client(transport=answering(lambda _: challenged)) as client:
        client.post(ENDPOINT, data=BARE)
    told_once(
        instrumented,
        unread_span(
            status="ERROR",
            description="401",
            oauth__client_auth__method=None,
            oauth__outcome="failure",
            oauth__failure__class="misconfigured",
            error__type="401",
            http__response__status_code=401,
        ),
    )


def test_a_wrong_secret_under_digest_is_one_failure(instrumented: Recorder) -> None:
    refused = httpx.Response(401, headers={"WWW-Authenticate": CHALLENGE}, json={})
    auth = httpx.DigestAuth("app", "Cnry-wrong")
    with httpx.Client(transport=answering(lambda _: refused), auth=auth) as client:
        assert client.post(ENDPOINT, data=BARE).status_code == 401
    assert [each["attributes"]["error.type"] for each in instrumented.spans()] == ["401"]
    assert instrumented.total("oauth.flow") == 1


# --- flows of requests -------------------------------------------------------------------------


class TokenFirst(httpx.Auth):
    """Fetches a token, then sends the request with it: an auth flow of two requests."""

    requires_response_body = True

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield httpx.Request("POST", ENDPOINT, data=GRANT)
        request.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        yield request


def test_a_token_request_that_an_auth_flow_yields_is_an_exchange(instrumented: Recorder) -> None:
    transport = answering(TOKEN, {"id": 1})
    with httpx.Client(transport=transport, auth=TokenFirst()) as client:
        assert client.get("https://api.example/me").json() == {"id": 1}
    told_once(instrumented, token_span())


class NonceDance(httpx.Auth):
    """RFC 9449 section 8: the server wants a nonce in the proof, and is asked again."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        answer = yield request
        if answer.status_code == 400:
            request.headers["DPoP"] = "Cnry-proof"
            yield request


def test_a_resend_for_a_dpop_nonce_is_an_exchange_of_its_own(instrumented: Recorder) -> None:
    wanted = httpx.Response(400, headers={"DPoP-Nonce": "Cnry"}, json={"error": "use_dpop_nonce"})
    with httpx.Client(transport=answering(lambda _: wanted, TOKEN), auth=NonceDance()) as client:
        client.post(ENDPOINT, data=GRANT)
    assert instrumented.spans() == [
        unread_span(
            oauth__outcome="failure",
            oauth__failure__class="challenge",
            error__type="use_dpop_nonce",
            http__response__status_code=400,
        ),
        token_span(),
    ]
    assert instrumented.total("oauth.flow") == 1  # a demand for a nonce concludes nothing
    assert instrumented.total("oauth.client.request.duration") == 2
    assert instrumented.events() == []


def test_retries_of_urllib3_below_requests_are_one_exchange(
    instrumented: Recorder, server: Server
) -> None:
    """Nothing above the adapter knows of them: one call of ``Session.send``, told as it ended.

    Our count is then one and the server's three.
    """
    left = [503, 503]

    def flaky(handler: Any) -> None:
        if left:
            answer(handler, left.pop(), b"")
        else:
            answer(handler, 200, b'{"access_token": "Cnry", "token_type": "bearer"}')

    server.routes["/token"] = flaky
    retry = Retry(3, status_forcelist=[503], allowed_methods=None, backoff_factor=0)
    with requests.Session() as session:
        session.mount("http://", HTTPAdapter(max_retries=retry))
        assert session.post(f"{server.url}/token", data=GRANT).ok
    assert server.hits == {"POST /token": 3}
    assert [each["attributes"]["oauth.outcome"] for each in instrumented.spans()] == ["success"]


def test_retries_by_new_calls_are_exchanges_each(instrumented: Recorder) -> None:
    session = session_with((503, {}, ""), (503, {}, ""), TOKEN)
    while not session.post(ENDPOINT, data=GRANT).ok:
        pass
    told = [each["attributes"]["oauth.outcome"] for each in instrumented.spans()]
    assert told == ["failure", "failure", "success"]


# --- hooks of the libraries --------------------------------------------------------------------


REFUSED = (400, {"Content-Type": "application/json"}, '{"error": "invalid_grant"}')
the_refusal = unread_span(
    status="ERROR",
    description="invalid_grant",
    oauth__outcome="failure",
    oauth__failure__class="reauthorize",
    error__type="invalid_grant",
    http__response__status_code=400,
)


def test_an_event_hook_that_raises_for_status_is_the_answer_it_raises_about(
    instrumented: Recorder,
) -> None:
    def check(response: httpx.Response) -> None:
        response.read()
        response.raise_for_status()

    refusal = answering(lambda _: httpx.Response(400, json={"error": "invalid_grant"}))
    with httpx.Client(transport=refusal, event_hooks={"response": [check]}) as client:
        with pytest.raises(httpx.HTTPStatusError):
            client.post(ENDPOINT, data=GRANT)
    told_once(instrumented, the_refusal)


async def test_an_async_event_hook_too(instrumented: Recorder) -> None:
    async def check(response: httpx.Response) -> None:
        await response.aread()
        response.raise_for_status()

    refusal = answering(lambda _: httpx.Response(400, json={"error": "invalid_grant"}))
    async with httpx.AsyncClient(transport=refusal, event_hooks={"response": [check]}) as client:
        with pytest.raises(httpx.HTTPStatusError):
            await client.post(ENDPOINT, data=GRANT)
    told_once(instrumented, the_refusal)


def test_a_response_hook_of_requests_that_raises_for_status_too(instrumented: Recorder) -> None:
    session = session_with(REFUSED)

    def check(response: requests.Response, **_: Any) -> None:
        assert response.content
        response.raise_for_status()

    session.hooks["response"].append(check)
    with pytest.raises(requests.HTTPError):
        session.post(ENDPOINT, data=GRANT)
    told_once(instrumented, the_refusal)


def test_a_hook_that_raises_something_else_is_raised_on_and_told(instrumented: Recorder) -> None:
    session = session_with(TOKEN)

    def check(response: requests.Response, **_: Any) -> None:
        raise ZeroDivisionError("Cnry")

    session.hooks["response"].append(check)
    with pytest.raises(ZeroDivisionError):
        session.post(ENDPOINT, data=GRANT)
    (span,) = instrumented.spans()
    assert span["attributes"]["error.type"] == "ZeroDivisionError"
    assert instrumented.total("oauth.flow", error__type="_OTHER") == 1


def test_a_request_from_inside_a_response_hook_is_an_exchange_of_its_own(
    instrumented: Recorder,
) -> None:
    session = session_with(TOKEN, {"active": True})

    def introspect(response: requests.Response, **_: Any) -> None:
        if response.request.path_url == "/token":
            session.post(
                "https://as.example/introspect", data={"token": "Cnry"}, auth=("a", "Cnry")
            )

    session.hooks["response"].append(introspect)
    session.post(ENDPOINT, data=GRANT)
    assert [span["name"] for span in instrumented.spans()] == [
        "introspection",
        "token client_credentials",
    ]


# --- rejections at resources -------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "DPoP", "dpop"])
@pytest.mark.parametrize("token", ["Cnry-opaque", "eyCnry.jwt.x"])
def test_a_rejected_credential_is_counted_and_is_no_span(
    scheme: str, token: str, instrumented: Recorder
) -> None:
    headers = {"WWW-Authenticate": f'{scheme} error="invalid_token"'}
    sent = {"Authorization": f"{scheme} {token}"}
    session_with((401, headers, "")).get("https://api.example/things", headers=sent)
    refused = answering(lambda _: httpx.Response(401, headers=headers))
    with httpx.Client(transport=refused) as client:
        client.get("https://api.example/things", headers=sent)
    assert instrumented.spans() == []
    assert instrumented.points("oauth.client.resource.rejections") == [
        {
            "attributes": {"error.type": "invalid_token", "server.address": "api.example"},
            "value": 2,
        }
    ]


def test_no_rejection_without_a_credential_a_challenge_or_where_a_nonce_is_wanted(
    instrumented: Recorder,
) -> None:
    bearer = {"Authorization": "Bearer Cnry"}
    wanted = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"'}
    for sent, status, headers in (
        ({}, 401, {"WWW-Authenticate": "Bearer"}),
        ({"Authorization": "Basic Cnry"}, 401, {"WWW-Authenticate": "Bearer"}),
        (bearer, 401, {}),
        (bearer, 403, {"WWW-Authenticate": "Basic realm=x"}),
        (bearer, 404, {"WWW-Authenticate": "Bearer"}),
        ({"Authorization": "DPoP Cnry"}, 401, wanted),
    ):
        session_with((status, headers, "")).get("https://api.example/x", headers=sent)
    assert instrumented.metrics() == {}
