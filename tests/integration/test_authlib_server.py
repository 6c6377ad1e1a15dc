"""What is told of a program that speaks with a real Authlib server, through every library.

Each test makes some exchanges, then writes down one row for each; `told.check` compares all spans,
points and events with those rows.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest

from browser import approve_device
from browser import login as log_in
from credentials import authlib_credentials, authlib_private_key
from drivers import AUTHLIB, BY_NAME, Client, Driver, nobody_listens
from recorder import Recorder
from servers import Server, presets
from told import Exchange, check

pytestmark = pytest.mark.integration

PASSWORD = presets.USERS["alice"].password
ALICE = {"username": "alice", "password": PASSWORD}
BASIC, POST, NONE = "client_secret_basic", "client_secret_post", "none"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


def issued(grant: str, auth: str | None = BASIC, **more: Any) -> Exchange:
    """A row: the server gave a token."""
    told = {"path": "/token", "token_type": "Bearer", "expires_in": 3600, **more}
    return Exchange("token", grant=grant, auth=auth, **told)


def refused(grant: str, error: str, failure: str, auth: str | None = BASIC, **more: Any) -> Exchange:  # fmt: skip
    """A row: the server gave an error."""
    told = {"path": "/token", "status": 400, "outcome": "failure", "error": error, **more}
    return Exchange("token", grant=grant, auth=auth, failure=failure, **told)


def pending(error: str, auth: str = NONE, **more: Any) -> Exchange:
    """A row: nobody has decided about the device yet."""
    told = {"path": "/token", "status": 400, "outcome": "pending", "error": error, **more}
    return Exchange("token", grant="device_code", auth=auth, **told)


async def password(client: Client, server: Server, **more: str) -> dict[str, Any]:
    return await client.token(f"{server.url}/token", "password", **ALICE, **more)


# -- one test spelt out, so that the rows of the others can be trusted


async def test_a_grant_spelt_out(instrumented: Recorder, authlib_server: Server, of_authlib: Any) -> None:  # fmt: skip
    client = of_authlib(BY_NAME["authlib-httpx-async"], "service")
    await client.token(f"{authlib_server.url}/token", "client_credentials")
    port = int(authlib_server.url.rpartition(":")[2])

    assert instrumented.spans() == [
        {
            "name": "token client_credentials",
            "kind": "CLIENT",
            "status": "UNSET",
            "description": None,
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_basic",
                "oauth.outcome": "success",
                "oauth.token.type": "Bearer",
                "oauth.token.expires_in": 3600,
                "oauth.library": "authlib",
                "http.response.status_code": 200,
                "server.address": "127.0.0.1",
                "server.port": port,
                "url.path": "/token",
            },
            "events": [],
            "links": 0,
        }
    ]
    assert instrumented.points("oauth.client.request.duration") == [
        {
            "attributes": {
                "oauth.endpoint": "token",
                "oauth.grant_type": "client_credentials",
                "oauth.outcome": "success",
                "server.address": "127.0.0.1",
                "server.port": port,
            },
            "count": 1,
        }
    ]
    assert instrumented.points("oauth.flow") == [
        {
            "attributes": {
                "oauth.role": "client",
                "oauth.grant_type": "client_credentials",
                "oauth.client_auth.method": "client_secret_basic",
                "oauth.outcome": "success",
                "server.address": "127.0.0.1",
            },
            "value": 1,
        }
    ]
    assert instrumented.points("oauth.client.token.lifetime") == [
        {
            "attributes": {
                "oauth.grant_type": "client_credentials",
                "server.address": "127.0.0.1",
            },
            "count": 1,
        }
    ]
    assert instrumented.events() == []
    (took,) = instrumented.histogram("oauth.client.request.duration")
    (lives,) = instrumented.histogram("oauth.client.token.lifetime")
    assert 0 < took.sum < 5
    assert lives.sum == 3600


# -- client credentials, and how a client authenticates


@pytest.mark.parametrize(
    ("client_id", "method"),
    [
        ("service", "client_secret_basic"),
        ("service-post", "client_secret_post"),
        ("service-jwt", "client_secret_jwt"),
        ("service-pkjwt", "private_key_jwt"),
    ],
)
async def test_client_credentials(
    instrumented: Recorder,
    authlib_server: Server,
    of_authlib: Any,
    driver: Driver,
    client_id: str,
    method: str,
) -> None:
    client = of_authlib(driver, client_id)
    token = await client.token(f"{authlib_server.url}/token", "client_credentials")
    assert "Cnry" in token["access_token"]
    row = issued("client_credentials", method, library=driver.library)
    check(instrumented, authlib_server.url, [row])


async def test_a_token_asked_for_again_is_redundant(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """The first has most of its life left: a cache is missing. Another scope is another token."""
    client, url = of_authlib(driver, "service"), f"{authlib_server.url}/token"
    await client.token(url, "client_credentials", scope="read")
    await client.token(url, "client_credentials", scope="read")
    await client.token(url, "client_credentials", scope="read write")
    row = issued("client_credentials", library=driver.library)
    again = issued("client_credentials", library=driver.library, redundant=True)
    check(instrumented, authlib_server.url, [row, again, row])


async def test_a_wrong_secret(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "service", "wrong-Cnry")
    answer = await client.token(f"{authlib_server.url}/token", "client_credentials")
    assert answer["error"] == "invalid_client"
    row = refused(
        "client_credentials", "invalid_client", "misconfigured", status=401, library=driver.library
    )
    check(instrumented, authlib_server.url, [row])


@pytest.mark.parametrize(
    ("client_id", "grant", "form", "error", "class_", "told"),
    [
        ("service", "client_credentials", {"scope": "nonsense"}, "invalid_scope", "misconfigured", "client_credentials"),
        ("web", "client_credentials", {}, "unauthorized_client", "misconfigured", "client_credentials"),
        ("service", "urn:example:nonsense", {}, "unsupported_grant_type", "misconfigured", "_OTHER"),
        # Authlib's server says so of a wrong password; RFC 6749 section 5.2 has invalid_grant.
        ("legacy", "password", {"username": "alice", "password": "wrong-Cnry"}, "invalid_request", "misconfigured", "password"),
    ],
)  # fmt: skip
async def test_other_refusals(
    instrumented: Recorder,
    authlib_server: Server,
    of_authlib: Any,
    driver: Driver,
    client_id: str,
    grant: str,
    form: dict[str, str],
    error: str,
    class_: str,
    told: str,
) -> None:
    answer = await of_authlib(driver, client_id).token(f"{authlib_server.url}/token", grant, **form)
    assert answer["error"] == error
    row = refused(told, error, class_, library=driver.library)
    check(instrumented, authlib_server.url, [row])


# -- a person signs in


@pytest.mark.parametrize("pkce", ["S256", "plain", None])
async def test_authorization_code(
    instrumented: Recorder,
    authlib_server: Server,
    of_authlib: Any,
    driver: Driver,
    pkce: str | None,
) -> None:
    """Authlib was seen building the URL; of a URL that the program builds itself nothing is known."""
    client = of_authlib(driver, "web")
    tracer = instrumented.tracer_provider.get_tracer("the program")
    with tracer.start_as_current_span("GET /login"):
        begun = client.begin(f"{authlib_server.url}/authorize", pkce, scope="read")
    callback = log_in(begun.url)
    token = await client.finish(f"{authlib_server.url}/token", begun, callback)
    assert "Cnry" in token["access_token"]

    seen = driver.is_authlib
    known = pkce or "none"
    row = issued(
        "authorization_code",
        library=driver.library,
        pkce=known if seen or not pkce else "unknown",
        linked=seen,
        waited=seen,
    )
    started = [("code", known)] if seen else []
    check(instrumented, authlib_server.url, [row], started=started)
    if seen:
        program, exchange = instrumented.raw_spans()
        assert exchange.links[0].context.span_id == program.context.span_id
        assert exchange.parent is None


async def test_a_public_client(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "spa")
    begun = client.begin(f"{authlib_server.url}/authorize", scope="read")
    await client.finish(f"{authlib_server.url}/token", begun, log_in(begun.url))
    seen = driver.is_authlib
    row = issued(
        "authorization_code",
        NONE,
        library=driver.library,
        pkce="S256" if seen else "unknown",
        waited=seen,
    )
    started = [("code", "S256")] if seen else []
    check(instrumented, authlib_server.url, [row], started=started)


async def test_a_code_that_was_used_before(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """The second exchange ends no authorization: a person has waited once."""
    client, url = of_authlib(driver, "web"), f"{authlib_server.url}/token"
    begun = client.begin(f"{authlib_server.url}/authorize", scope="read")
    callback = log_in(begun.url)
    await client.finish(url, begun, callback)
    assert (await client.finish(url, begun, callback))["error"] == "invalid_grant"
    seen = driver.is_authlib
    both = {"library": driver.library, "pkce": "S256" if seen else "unknown"}
    rows = [
        issued("authorization_code", waited=seen, **both),
        refused("authorization_code", "invalid_grant", "reauthorize", **both),
    ]
    check(instrumented, authlib_server.url, rows, started=[("code", "S256")] if seen else [])


@pytest.mark.parametrize("driver", AUTHLIB, ids=lambda driver: driver.name)
async def test_a_wrong_state_at_the_callback(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """Authlib raises and sends nothing: a forged callback, or a login in two windows."""
    client, url = of_authlib(driver, "web"), authlib_server.url
    client.session.metadata["authorization_endpoint"] = f"{url}/authorize"
    begun = client.begin(f"{url}/authorize")
    forged = log_in(begun.url).replace(begun.state, "forged")
    answer = await client.finish(f"{url}/token", begun, forged)
    assert answer["error"] == "mismatching_state"
    row = Exchange(
        "authorization",
        grant="authorization_code",
        outcome="failure",
        error="mismatching_state",
        failure="reauthorize",
        library="authlib",
        callback=True,
    )
    check(instrumented, url, [row], started=[("code", "S256")])
    (event,) = instrumented.events()
    assert (event["name"], event["severity"]) == ("oauth.security", "ERROR")
    assert authlib_server.count(endpoint="token") == 0


@pytest.mark.parametrize("driver", AUTHLIB, ids=lambda driver: driver.name)
@pytest.mark.parametrize(
    ("outcome", "raised", "told"),
    [
        ("approved", None, None),
        # Authlib misses the token before it looks at the error; what is told is the error.
        ("refused", "missing_token", "access_denied"),
        ("forged", "mismatching_state", "mismatching_state"),
    ],
)
async def test_implicit(
    instrumented: Recorder,
    authlib_server: Server,
    of_authlib: Any,
    driver: Driver,
    outcome: str,
    raised: str | None,
    told: str | None,
) -> None:
    """The token comes in the fragment: no exchange. A failure there is told all the same."""
    client, url = of_authlib(driver, "implicit"), authlib_server.url
    client.session.metadata["authorization_endpoint"] = f"{url}/authorize"
    begun = client.begin(f"{url}/authorize", None, response_type="token")
    callback = log_in(begun.url, approve=outcome != "refused")
    if outcome == "forged":
        callback = callback.replace(begun.state, "forged")
    answer = await client.finish(f"{url}/token", begun, callback)
    assert answer.get("error") == raised
    failure = Exchange(
        "authorization",
        grant="implicit",
        outcome="failure",
        error=told,
        failure="reauthorize",
        library="authlib",
        callback=True,
        waited=outcome == "refused",
    )
    check(instrumented, url, [failure] if told else [], started=[("token", "none")])
    assert authlib_server.count(endpoint="token") == 0


# -- refreshes


async def test_a_refresh_before_the_token_expired(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "legacy")
    first = await password(client, authlib_server)
    second = await client.refresh(f"{authlib_server.url}/token", first)
    assert second["refresh_token"] != first["refresh_token"]
    rows = [
        issued("password", library=driver.library),
        issued(
            "refresh_token",
            refresh="proactive",
            rotated=True,
            remaining=True,
            library=driver.library,
        ),
    ]
    check(instrumented, authlib_server.url, rows)
    (left,) = instrumented.histogram("oauth.client.token.remaining_lifetime")
    assert 3590 < left.sum <= 3600


async def test_a_refresh_after_the_token_expired(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "legacy")
    first = await password(client, authlib_server, access_token_lifetime="1")
    time.sleep(1.05)
    await client.refresh(f"{authlib_server.url}/token", first)
    rows = [
        issued("password", expires_in=1, library=driver.library),
        issued(
            "refresh_token",
            refresh="reactive",
            rotated=True,
            remaining=True,
            library=driver.library,
        ),
    ]
    check(instrumented, authlib_server.url, rows)
    (left,) = instrumented.histogram("oauth.client.token.remaining_lifetime")
    assert left.sum == 0


async def test_a_refresh_token_of_another_process(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """Nobody here saw it being issued: of what type its refresh is, nobody can tell."""
    client = of_authlib(driver, "legacy")
    first = await password(client, authlib_server)
    instrumented.clear()
    from opentelemetry.instrumentation.oauth import OAuthInstrumentor

    OAuthInstrumentor().uninstrument()
    fresh = Recorder()
    OAuthInstrumentor().instrument(**fresh.providers)
    await client.refresh(
        f"{authlib_server.url}/token", {"refresh_token": first["refresh_token"], "access_token": ""}
    )
    row = issued("refresh_token", refresh="unknown", rotated=True, library=driver.library)
    check(fresh, authlib_server.url, [row])
    fresh.sweep()


async def test_a_refresh_token_that_stays(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """Without rotation one token is used again and again, and that is no reuse."""
    client = of_authlib(driver, "web-static")
    token = await password(client, authlib_server)
    for _ in range(2):
        answer = await client.refresh(f"{authlib_server.url}/token", token)
        assert answer.get("refresh_token") in (None, token["refresh_token"])
    kept = issued(
        "refresh_token", refresh="proactive", rotated=False, remaining=True, library=driver.library
    )
    check(
        instrumented, authlib_server.url, [issued("password", library=driver.library), kept, kept]
    )


async def test_a_stolen_refresh_token(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """The server says invalid_grant as to any dead token; the ledger knows that it was rotated."""
    client, url = of_authlib(driver, "legacy"), f"{authlib_server.url}/token"
    first = await password(client, authlib_server)
    second = await client.refresh(url, first)
    assert (await client.refresh(url, first))["error"] == "invalid_grant"
    assert (await client.refresh(url, second))["error"] == "invalid_grant"  # the family died
    known = {"refresh": "proactive", "remaining": True, "library": driver.library}
    rows = [
        issued("password", library=driver.library),
        issued("refresh_token", rotated=True, **known),
        refused(
            "refresh_token",
            "invalid_grant",
            "reauthorize",
            reuses=True,
            audit="ERR_REFRESH_REUSE",
            **known,
        ),
        refused("refresh_token", "invalid_grant", "reauthorize", **known),
    ]
    check(instrumented, authlib_server.url, rows)


async def test_two_refreshes_at_once(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """The lock is missing: the second begins while the first is under way, and one of them loses."""
    url = f"{authlib_server.url}/token"
    one, two = of_authlib(driver, "legacy"), of_authlib(driver, "legacy")
    token = await password(one, authlib_server)
    authlib_server.fault(grant_type="refresh_token", hang=0.6, times=1)
    answers = await driver.at_the_same_time(
        lambda: one.refresh(url, token), lambda: two.refresh(url, token), apart=0.15
    )
    assert [answer.get("error") for answer in answers] == ["invalid_grant", None]
    known = {"refresh": "proactive", "remaining": True, "library": driver.library}
    rows = [
        issued("password", library=driver.library),
        issued("refresh_token", rotated=True, collides=True, **known),
        refused("refresh_token", "invalid_grant", "reauthorize", **known),
    ]
    check(instrumented, authlib_server.url, rows)


@pytest.mark.parametrize("driver", AUTHLIB, ids=lambda driver: driver.name)
@pytest.mark.parametrize(("age", "refresh"), [(3600 - 30, "proactive"), (3600 + 30, "reactive")])
async def test_authlib_refreshes_by_itself(
    instrumented: Recorder,
    authlib_server: Server,
    of_authlib: Any,
    driver: Driver,
    age: int,
    refresh: str,
) -> None:
    """``ensure_active_token`` refreshes an hour's token that has aged: within the leeway, or late.

    The library knows from ``expires_at``, whatever the ledger thinks.
    """
    client = of_authlib(driver, "legacy")
    token = await password(client, authlib_server)
    client.session.leeway = 60
    client.session.metadata["token_endpoint"] = f"{authlib_server.url}/token"
    token["expires_at"] -= age
    answer = await client.resource(f"{authlib_server.url}/resource", token)
    assert answer.status == 200
    rows = [
        issued("password", library="authlib"),
        issued("refresh_token", refresh=refresh, rotated=True, remaining=True, library="authlib"),
    ]
    check(instrumented, authlib_server.url, rows)
    (left,) = instrumented.histogram("oauth.client.token.remaining_lifetime")
    assert 25 < left.sum <= 30 if refresh == "proactive" else left.sum == 0


# -- devices


async def device(client: Client, server: Server) -> dict[str, Any]:
    return (await client.post(f"{server.url}/device_authorization", scope="read")).json()


async def poll(client: Client, server: Server, asked: dict[str, Any]) -> dict[str, Any]:
    return await client.token(
        f"{server.url}/token", presets.DEVICE_CODE, device_code=asked["device_code"]
    )


ASKED = Exchange("device_authorization", "/device_authorization", auth=NONE)


async def test_a_device(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """Polls are counted as requests and conclude nothing: no flow, no event, no red span."""
    client = of_authlib(driver, "device")
    asked = await device(client, authlib_server)
    assert (await poll(client, authlib_server, asked))["error"] == "authorization_pending"
    assert (await poll(client, authlib_server, asked))["error"] == "slow_down"
    approve_device(asked["verification_uri_complete"])
    assert "access_token" in await poll(client, authlib_server, asked)
    rows = [
        ASKED,
        pending("authorization_pending", library=driver.library),
        pending("slow_down", library=driver.library),
        issued("device_code", NONE, library=driver.library),
    ]
    check(instrumented, authlib_server.url, rows)
    assert instrumented.total("oauth.flow") == 1
    assert instrumented.total("oauth.client.request.duration", oauth__outcome="pending") == 2


async def test_a_device_that_is_refused(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "device")
    asked = await device(client, authlib_server)
    approve_device(asked["verification_uri"], asked["user_code"], approve=False)
    assert (await poll(client, authlib_server, asked))["error"] == "access_denied"
    row = refused("device_code", "access_denied", "reauthorize", NONE, library=driver.library)
    check(instrumented, authlib_server.url, [ASKED, row])


async def test_a_device_code_that_expired(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "device-short")
    asked = await device(client, authlib_server)
    time.sleep(asked["expires_in"] + 0.05)
    assert (await poll(client, authlib_server, asked))["error"] == "expired_token"
    row = refused(
        "device_code",
        "expired_token",
        "reauthorize",
        NONE,
        audit="ERR_TOKEN_EXPIRED",
        library=driver.library,
    )
    check(instrumented, authlib_server.url, [ASKED, row])


# -- the other grants


async def test_password(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    await password(of_authlib(driver, "legacy"), authlib_server, scope="read")
    check(instrumented, authlib_server.url, [issued("password", library=driver.library)])


async def test_jwt_bearer(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """With Authlib its assertion clients. The assertion is a grant: it names no client."""
    client = of_authlib(driver, "assertion")
    url = f"{authlib_server.url}/token"
    token = await client.jwt_bearer(url, "assertion", "alice", authlib_private_key(), url)
    assert "Cnry" in token["access_token"]
    row = issued("jwt_bearer", None, library=driver.library)
    check(instrumented, authlib_server.url, [row])


async def test_jwt_bearer_of_somebody_unknown(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client = of_authlib(driver, "assertion")
    url = f"{authlib_server.url}/token"
    answer = await client.jwt_bearer(url, "assertion", "nobody", authlib_private_key(), url)
    assert answer["error"] == "invalid_grant"
    row = refused("jwt_bearer", "invalid_grant", "reauthorize", None, library=driver.library)
    check(instrumented, authlib_server.url, [row])


async def test_token_exchange(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    subject = await password(of_authlib(driver, "legacy"), authlib_server)
    answer = await of_authlib(driver, "exchange").token(
        f"{authlib_server.url}/token",
        presets.TOKEN_EXCHANGE,
        subject_token=subject["access_token"],
        subject_token_type=ACCESS_TOKEN,
    )
    assert answer["issued_token_type"] == ACCESS_TOKEN
    rows = [
        issued("password", library=driver.library),
        issued("token_exchange", library=driver.library),
    ]
    check(instrumented, authlib_server.url, rows)


# -- the other endpoints


async def test_introspection_and_revocation(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client, url = of_authlib(driver, "legacy"), authlib_server.url
    token = (await password(client, authlib_server))["access_token"]
    assert (await client.introspect(f"{url}/introspect", token)).json()["active"] is True
    assert (await client.revoke(f"{url}/revoke", token)).status == 200
    assert (await client.introspect(f"{url}/introspect", token)).json() == {"active": False}
    thief = of_authlib(driver, "legacy", "wrong-Cnry")
    assert (await thief.revoke(f"{url}/revoke", token)).status == 401
    introspected = Exchange("introspection", "/introspect", auth=BASIC, library=driver.library)
    rows = [
        issued("password", library=driver.library),
        introspected,
        Exchange("revocation", "/revoke", auth=BASIC, library=driver.library),
        introspected,
        Exchange(
            "revocation",
            "/revoke",
            auth=BASIC,
            outcome="failure",
            status=401,
            error="invalid_client",
            failure="misconfigured",
            library=driver.library,
        ),
    ]
    check(instrumented, authlib_server.url, rows)


async def test_registration(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """RFC 7591, and RFC 7592 at the address that the answer names."""
    client, url = of_authlib(driver, "service"), authlib_server.url
    about = {"client_name": "x", "redirect_uris": ["http://127.0.0.1/callback"]}
    answer = await client.send("POST", f"{url}/register", json=about)
    assert answer.status == 201, answer.text
    mine = answer.json()
    own, token = mine["registration_client_uri"], mine["registration_access_token"]
    about["client_id"] = mine["client_id"]
    assert (await client.send("GET", own, token=token)).status == 200
    assert (await client.send("PUT", own, token=token, json=about)).status == 200
    assert (await client.send("DELETE", own, token=token)).status == 204
    assert (await client.send("GET", own, token=token)).status == 400
    bad = await client.send("POST", f"{url}/register", json={"redirect_uris": ["nonsense"]})
    assert bad.json()["error"] == "invalid_client_metadata"

    path = "/register/" + shown(mine["client_id"])
    wrong = {"outcome": "failure", "status": 400}
    rows = [
        Exchange("registration", "/register", status=201),
        Exchange("registration", path),
        Exchange("registration", path),
        Exchange("registration", path, status=204),
        # Of a client that is gone Authlib says 400 access_denied; RFC 7592 section 2 has a 401.
        Exchange("registration", path, error="access_denied", failure="reauthorize", **wrong),
        Exchange(
            "registration",
            "/register",
            error="invalid_client_metadata",
            failure="misconfigured",
            **wrong,
        ),
    ]
    check(instrumented, url, rows)


def shown(segment: str) -> str:
    """The contract: a segment with more than 6 digits or 40 characters is told as a star."""
    digits = sum(character.isdigit() for character in segment)
    return "*" if digits > 6 or len(segment) > 40 else segment


async def test_metadata_jwks_and_userinfo(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client, url = of_authlib(driver, "legacy"), authlib_server.url
    token = await password(client, authlib_server, scope="openid")
    for path in (
        "/.well-known/openid-configuration",
        "/.well-known/oauth-authorization-server",
        "/jwks",
    ):
        assert (await client.send("GET", url + path)).status == 200
    assert (await client.resource(f"{url}/userinfo", token)).json()["sub"] == "alice"
    dead = {**token, "access_token": "unknown-Cnry"}
    assert (await client.resource(f"{url}/userinfo", dead)).status == 401
    rows = [
        issued("password", library=driver.library),
        Exchange("metadata", "/.well-known/openid-configuration"),
        Exchange("metadata", "/.well-known/oauth-authorization-server"),
        Exchange("jwks", "/jwks"),
        Exchange("userinfo", "/userinfo"),
        Exchange(
            "userinfo",
            "/userinfo",
            outcome="failure",
            status=401,
            error="invalid_token",
            failure="reauthorize",
        ),
    ]
    check(instrumented, url, rows)


async def test_resources(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    """A resource server is no endpoint: of its rejections a count remains, and nothing else."""
    client, url = of_authlib(driver, "legacy"), authlib_server.url
    token = await password(client, authlib_server, scope="read")
    assert (await client.resource(f"{url}/resource", token)).status == 200
    assert (await client.resource(f"{url}/resource/admin", token)).status == 403
    dead = {**token, "access_token": "unknown-Cnry"}
    assert (await client.resource(f"{url}/resource", dead)).status == 401
    assert (await client.send("GET", f"{url}/resource")).status == 401  # it brought no credential
    row = issued("password", library=driver.library)
    check(instrumented, url, [row], rejected=["insufficient_scope", "invalid_token"])


# -- what goes wrong on the way


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (
            {"status": 503, "headers": {"Retry-After": "7"}, "body": "<html>Cnry</html>"},
            {"status": 503, "error": "503", "failure": "unavailable", "retry_after": 7, "audit": "ERR_UNAVAILABLE"},
        ),
        (
            {"status": 429, "headers": {"Retry-After": "9"}, "body": "<html>Cnry</html>"},
            {"status": 429, "error": "429", "failure": "throttled", "retry_after": 9, "audit": "ERR_OTHER"},
        ),
        (
            {"status": 200, "body": "<html>Sign in to the hotel's network. Cnry</html>"},
            {"status": 200, "error": "malformed_response", "failure": "malformed"},
        ),
        (
            {"status": 400, "body": {"error": "temporarily_unavailable"}},
            {"status": 400, "error": "temporarily_unavailable", "failure": "unavailable"},
        ),
    ],
    ids=["outage", "too many requests", "captive portal", "temporarily unavailable"],
)  # fmt: skip
async def test_no_answer_of_the_server(
    instrumented: Recorder,
    authlib_server: Server,
    of_authlib: Any,
    driver: Driver,
    fault: dict[str, Any],
    told: dict[str, Any],
) -> None:
    """Authlib raises at some of these; what is told comes from the answer all the same."""
    authlib_server.fault(**fault)
    client = of_authlib(driver, "service")
    await client.attempt(client.token(f"{authlib_server.url}/token", "client_credentials"))
    row = refused("client_credentials", **told, library=driver.library)
    check(instrumented, authlib_server.url, [row])


async def test_a_refresh_during_an_outage_is_no_dead_grant(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    client, url = of_authlib(driver, "legacy"), f"{authlib_server.url}/token"
    token = await password(client, authlib_server)
    authlib_server.fault(status=503, times=1)
    await client.attempt(client.refresh(url, token))
    assert "access_token" in await client.refresh(url, token)
    known = {"refresh": "proactive", "remaining": True, "library": driver.library}
    rows = [
        issued("password", library=driver.library),
        refused(
            "refresh_token", "503", "unavailable", status=503, audit="ERR_UNAVAILABLE", **known
        ),
        issued("refresh_token", rotated=True, **known),
    ]
    check(instrumented, authlib_server.url, rows)


async def test_a_redirect_is_part_of_the_exchange(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    authlib_server.fault(redirect="/token2")
    client = of_authlib(driver, "service")
    token = await client.token(f"{authlib_server.url}/token", "client_credentials")
    assert "Cnry" in token["access_token"]
    assert sorted(row["status"] for row in authlib_server.counts()) == [200, 307]
    row = issued("client_credentials", library=driver.library)  # at /token, where it was asked
    check(instrumented, authlib_server.url, [row])


async def test_a_refused_connection(
    instrumented: Recorder, clients: Any, driver: Driver, authlib_server: Server
) -> None:
    client = clients(driver, authlib_credentials(authlib_server, "service"))
    with nobody_listens() as url:
        raised = await client.attempt(client.token(f"{url}/token", "client_credentials"))
        assert isinstance(raised, Exception)
        row = silent(driver, "ConnectError")
        check(instrumented, url, [row])


async def test_a_server_that_hangs(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    authlib_server.fault(hang=0.4, times=1)
    client = of_authlib(driver, "service", timeout=0.15)
    url = f"{authlib_server.url}/token"
    raised = await client.attempt(client.token(url, "client_credentials"))
    assert isinstance(raised, Exception)
    check(instrumented, authlib_server.url, [silent(driver, "ReadTimeout")])


async def test_a_connection_that_breaks(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, driver: Driver
) -> None:
    authlib_server.fault(drop=True, times=1)
    client = of_authlib(driver, "service")
    url = f"{authlib_server.url}/token"
    raised = await client.attempt(client.token(url, "client_credentials"))
    assert isinstance(raised, Exception)
    check(instrumented, authlib_server.url, [silent(driver, "RemoteProtocolError")])


def silent(driver: Driver, what: str) -> Exchange:
    """A row: nobody answered."""
    return refused(
        "client_credentials",
        driver.exception(what),
        "unavailable",
        status=None,
        audit="ERR_UNAVAILABLE",
        library=driver.library,
    )


@pytest.mark.parametrize("name", ["httpx-async", "httpx2-async", "authlib-httpx-async"])
async def test_a_cancelled_call(
    instrumented: Recorder, authlib_server: Server, of_authlib: Any, name: str
) -> None:
    authlib_server.fault(hang=0.4, times=1)
    client = of_authlib(BY_NAME[name], "service")
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(
            client.token(f"{authlib_server.url}/token", "client_credentials"), 0.15
        )
    row = refused(
        "client_credentials",
        "asyncio.exceptions.CancelledError",
        "canceled",
        status=None,
        audit="ERR_OTHER",
        library=BY_NAME[name].library,
    )
    check(instrumented, authlib_server.url, [row])
