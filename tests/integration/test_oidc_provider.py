"""What is told of a program that speaks with a real oidc-provider 9, through every library.

It is the other make of server: tokens that rotate, DPoP with nonces, pushed authorization requests,
CIBA, and endpoints at paths that only its metadata explains (`/me`, `/request`, `/reg`).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from browser import approve_device
from browser import login as log_in
from drivers import AUTHLIB, BARE, BY_NAME, CALLBACK, Client, Driver, Login, challenge, query
from oidc_provider_server import Server
from recorder import Recorder
from told import Exchange, check

pytestmark = pytest.mark.integration

DEVICE = "urn:ietf:params:oauth:grant-type:device_code"
CIBA = "urn:openid:params:grant-type:ciba"
BASIC, NONE = "client_secret_basic", "none"
SCOPE = {"scope": "openid offline_access", "prompt": "consent"}


def issued(grant: str, auth: str | None = BASIC, **more: Any) -> Exchange:
    """A row: the server gave a token. Client credentials live 600 s, others an hour."""
    lifetime = 600 if grant == "client_credentials" else 3600
    told = {"path": "/token", "token_type": "Bearer", "expires_in": lifetime, **more}
    return Exchange("token", grant=grant, auth=auth, **told)


def refused(grant: str, error: str, failure: str, auth: str | None = BASIC, **more: Any) -> Exchange:  # fmt: skip
    """A row: the server gave an error."""
    told = {"path": "/token", "status": 400, "outcome": "failure", "error": error, **more}
    return Exchange("token", grant=grant, auth=auth, failure=failure, **told)


def pending(grant: str, auth: str, **more: Any) -> Exchange:
    """A row: nobody has decided yet."""
    told = {"path": "/token", "status": 400, "outcome": "pending", "error": "authorization_pending"}
    return Exchange("token", grant=grant, auth=auth, **told, **more)


async def sign_in(client: Client, server: Server, pkce: str = "S256") -> dict[str, Any]:
    begun = client.begin(f"{server.url}/auth", pkce, **SCOPE)
    return await client.finish(f"{server.url}/token", begun, log_in(begun.url))


def signed_in(driver: Driver, auth: str = BASIC, **more: Any) -> Exchange:
    """The row of `sign_in`: Authlib was seen building the URL."""
    seen = driver.is_authlib
    pkce = "S256" if seen else "unknown"
    told = {"pkce": pkce, "waited": seen, "library": driver.library, **more}
    return issued("authorization_code", auth, **told)


def begun(driver: Driver) -> list[tuple[str, str]]:
    return [("code", "S256")] if driver.is_authlib else []


# -- client credentials, and how a client authenticates


@pytest.mark.parametrize(
    ("client_id", "method"),
    [
        ("cc-basic", "client_secret_basic"),
        ("cc-post", "client_secret_post"),
        ("cc-secret-jwt", "client_secret_jwt"),
        ("cc-private-key-jwt", "private_key_jwt"),
    ],
)
async def test_client_credentials(
    instrumented: Recorder,
    oidc_provider: Server,
    of_provider: Any,
    driver: Driver,
    client_id: str,
    method: str,
) -> None:
    client = of_provider(oidc_provider, driver, client_id)
    token = await client.token(f"{oidc_provider.url}/token", "client_credentials")
    assert "Cnry" in token["access_token"]
    row = issued("client_credentials", method, library=driver.library)
    check(instrumented, oidc_provider.url, [row])


@pytest.mark.parametrize(
    ("client_id", "grant", "form", "row"),
    [
        ("cc-scoped", "client_credentials", {"scope": "write"}, ("client_credentials", "invalid_scope", "misconfigured")),
        ("cc-basic", "client_credentials", {"resource": "https://other.test/"}, ("client_credentials", "invalid_target", "misconfigured")),
        ("cc-basic", "urn:example:nonsense", {}, ("_OTHER", "unsupported_grant_type", "misconfigured")),
        ("device-basic", DEVICE, {"device_code": "unknown-Cnry"}, ("device_code", "invalid_grant", "reauthorize")),
    ],
)  # fmt: skip
async def test_refusals(
    instrumented: Recorder,
    oidc_provider: Server,
    of_provider: Any,
    driver: Driver,
    client_id: str,
    grant: str,
    form: dict[str, str],
    row: tuple[str, str, str],
) -> None:
    client = of_provider(oidc_provider, driver, client_id)
    answer = await client.token(f"{oidc_provider.url}/token", grant, **form)
    assert answer["error"] == row[1]
    check(instrumented, oidc_provider.url, [refused(*row, library=driver.library)])


async def test_a_wrong_secret(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    client = of_provider(oidc_provider, driver, "cc-basic", "wrong-Cnry")
    answer = await client.token(f"{oidc_provider.url}/token", "client_credentials")
    assert answer["error"] == "invalid_client"
    row = refused(
        "client_credentials", "invalid_client", "misconfigured", status=401, library=driver.library
    )
    check(instrumented, oidc_provider.url, [row])


# -- a person signs in


@pytest.mark.parametrize(
    ("client_id", "method"),
    [
        ("web-basic", "client_secret_basic"),
        ("web-post", "client_secret_post"),
        ("web-secret-jwt", "client_secret_jwt"),
        ("web-private-key-jwt", "private_key_jwt"),
        ("web-public", "none"),
    ],
)
async def test_authorization_code(
    instrumented: Recorder,
    oidc_provider: Server,
    of_provider: Any,
    driver: Driver,
    client_id: str,
    method: str,
) -> None:
    client = of_provider(oidc_provider, driver, client_id)
    tracer = instrumented.tracer_provider.get_tracer("the program")
    with tracer.start_as_current_span("GET /login"):
        login = client.begin(f"{oidc_provider.url}/auth", **SCOPE)
    token = await client.finish(f"{oidc_provider.url}/token", login, log_in(login.url))
    assert {"access_token", "refresh_token", "id_token"} <= token.keys()
    row = signed_in(driver, method, linked=driver.is_authlib)
    check(instrumented, oidc_provider.url, [row], started=begun(driver))
    if driver.is_authlib:
        program, exchange = instrumented.raw_spans()
        assert exchange.links[0].context.span_id == program.context.span_id


async def test_a_wrong_verifier(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """The code and the verifier do not belong together: Authlib still knows by the state."""
    client = of_provider(oidc_provider, driver, "web-basic")
    login = client.begin(f"{oidc_provider.url}/auth", **SCOPE)
    wrong = Login(login.url, login.state, "x" * 64)
    answer = await client.finish(f"{oidc_provider.url}/token", wrong, log_in(login.url))
    assert answer["error"] == "invalid_grant"
    seen = driver.is_authlib
    row = refused(
        "authorization_code",
        "invalid_grant",
        "reauthorize",
        pkce="S256" if seen else "unknown",
        waited=seen,
        library=driver.library,
    )
    check(instrumented, oidc_provider.url, [row], started=begun(driver))


@pytest.mark.parametrize("driver", AUTHLIB, ids=lambda driver: driver.name)
async def test_a_login_that_is_refused(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """Authlib's `fetch_token` overlooks the error of the callback and sends a request.

    The refusal is told all the same, and so is the request that should not have been.
    """
    client = of_provider(oidc_provider, driver, "all-basic")
    client.session.metadata["authorization_endpoint"] = f"{oidc_provider.url}/auth"
    tracer = instrumented.tracer_provider.get_tracer("the program")
    with tracer.start_as_current_span("GET /login"):
        login = client.begin(f"{oidc_provider.url}/auth", **SCOPE)
    callback = log_in(login.url, approve=False)
    assert "error=access_denied" in callback
    no_pkce = Login(login.url, login.state, None)
    await client.finish(f"{oidc_provider.url}/token", no_pkce, callback)
    rows = [
        Exchange(
            "authorization",
            grant="authorization_code",
            outcome="failure",
            error="access_denied",
            failure="reauthorize",
            library="authlib",
            callback=True,
            linked=True,
            waited=True,
        ),
        issued("client_credentials", library="authlib"),
    ]
    check(instrumented, oidc_provider.url, rows, started=begun(driver))


async def test_a_pushed_authorization_request(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """The challenge was seen on its way: the method is known to a bare HTTP library, too."""
    client = of_provider(oidc_provider, driver, "web-par")
    state, verifier = secrets.token_hex(8), secrets.token_urlsafe(48)
    asked = {
        "client_id": "web-par",
        "response_type": "code",
        "redirect_uri": CALLBACK,
        "state": state,
        **SCOPE,
        **challenge(verifier, "S256"),
    }
    pushed = await client.post(f"{oidc_provider.url}/request", **asked)
    assert pushed.status == 201, pushed.text
    url = client.begin(
        f"{oidc_provider.url}/auth",
        None,
        state=state,
        request_uri=pushed.json()["request_uri"],
    ).url
    callback = log_in(url, redirect_uri=CALLBACK)
    await client.finish(f"{oidc_provider.url}/token", Login(url, state, verifier), callback)
    rows = [
        Exchange("pushed_authorization_request", "/request", auth=BASIC, status=201),
        signed_in(driver, pkce="S256"),
    ]
    # The URL itself has no challenge: that was pushed, under the same state.
    check(instrumented, oidc_provider.url, rows, started=begun(driver))


# -- refreshes


async def test_a_refresh_before_the_token_expired(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    client = of_provider(oidc_provider, driver, "web-basic")
    first = await sign_in(client, oidc_provider)
    second = await client.refresh(f"{oidc_provider.url}/token", first)
    assert second["refresh_token"] != first["refresh_token"]
    known = {"refresh": "proactive", "remaining": True, "library": driver.library}
    rows = [signed_in(driver), issued("refresh_token", rotated=True, **known)]
    check(instrumented, oidc_provider.url, rows, started=begun(driver))


async def test_a_refresh_after_the_token_expired(
    instrumented: Recorder, short_lived_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """This one does not rotate: it answers with the refresh token that was sent."""
    client = of_provider(short_lived_provider, driver, "web-basic")
    first = await sign_in(client, short_lived_provider)
    time.sleep(1.05)
    second = await client.refresh(f"{short_lived_provider.url}/token", first)
    assert second["refresh_token"] == first["refresh_token"]
    known = {"refresh": "reactive", "remaining": True, "library": driver.library, "expires_in": 1}
    rows = [signed_in(driver, expires_in=1), issued("refresh_token", rotated=False, **known)]
    check(instrumented, short_lived_provider.url, rows, started=begun(driver))
    (left,) = instrumented.histogram("oauth.client.token.remaining_lifetime")
    assert left.sum == 0


async def test_a_stolen_refresh_token(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """The server says invalid_grant both times; only the first is the token that was rotated."""
    client, url = of_provider(oidc_provider, driver, "web-public"), f"{oidc_provider.url}/token"
    first = await sign_in(client, oidc_provider)
    second = await client.refresh(url, first)
    assert (await client.refresh(url, first))["error"] == "invalid_grant"
    assert (await client.refresh(url, second))["error"] == "invalid_grant"  # the family died
    known = {"refresh": "proactive", "remaining": True, "library": driver.library, "auth": NONE}
    stolen = {"reuses": True, "audit": "ERR_REFRESH_REUSE"}
    rows = [
        signed_in(driver, NONE),
        issued("refresh_token", rotated=True, **known),
        refused("refresh_token", "invalid_grant", "reauthorize", **stolen, **known),
        refused("refresh_token", "invalid_grant", "reauthorize", **known),
    ]
    check(instrumented, oidc_provider.url, rows, started=begun(driver))


# -- devices


async def device(client: Client, server: Server) -> dict[str, Any]:
    return (await client.post(f"{server.url}/device/auth", scope="openid")).json()


async def poll(client: Client, server: Server, asked: dict[str, Any]) -> dict[str, Any]:
    return await client.token(f"{server.url}/token", DEVICE, device_code=asked["device_code"])


@pytest.mark.parametrize(("client_id", "auth"), [("device-public", NONE), ("device-basic", BASIC)])
async def test_a_device(
    instrumented: Recorder,
    oidc_provider: Server,
    of_provider: Any,
    driver: Driver,
    client_id: str,
    auth: str,
) -> None:
    client = of_provider(oidc_provider, driver, client_id)
    asked = await device(client, oidc_provider)
    assert (await poll(client, oidc_provider, asked))["error"] == "authorization_pending"
    approve_device(asked["verification_uri_complete"])
    assert "access_token" in await poll(client, oidc_provider, asked)
    rows = [
        Exchange("device_authorization", "/device/auth", auth=auth),
        pending("device_code", auth, library=driver.library),
        issued("device_code", auth, library=driver.library),
    ]
    check(instrumented, oidc_provider.url, rows)


async def test_a_device_that_is_refused(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    client = of_provider(oidc_provider, driver, "device-public")
    asked = await device(client, oidc_provider)
    approve_device(asked["verification_uri_complete"], approve=False)
    assert (await poll(client, oidc_provider, asked))["error"] == "access_denied"
    rows = [
        Exchange("device_authorization", "/device/auth", auth=NONE),
        refused("device_code", "access_denied", "reauthorize", NONE, library=driver.library),
    ]
    check(instrumented, oidc_provider.url, rows)


async def test_a_device_code_that_expired(
    instrumented: Recorder, short_lived_provider: Server, of_provider: Any, driver: Driver
) -> None:
    client = of_provider(short_lived_provider, driver, "device-public")
    asked = await device(client, short_lived_provider)
    time.sleep(1.05)
    answer = await poll(client, short_lived_provider, asked)
    assert answer["error"] == "expired_token"
    expired = {"audit": "ERR_TOKEN_EXPIRED", "library": driver.library}
    rows = [
        Exchange("device_authorization", "/device/auth", auth=NONE),
        refused("device_code", "expired_token", "reauthorize", NONE, **expired),
    ]
    check(instrumented, short_lived_provider.url, rows)


# -- DPoP


def proof(key: ECKey, method: str, url: str, nonce: str | None = None, token: str = "") -> str:
    """The proof that the key is at hand (RFC 9449, section 4.2)."""
    claims: dict[str, Any] = {
        "jti": secrets.token_hex(),
        "htm": method,
        "htu": url,
        "iat": int(time.time()),
    }
    if nonce:
        claims["nonce"] = nonce
    if token:
        digest = hashlib.sha256(token.encode()).digest()
        claims["ath"] = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": key.as_dict(private=False)}
    return jwt.encode(header, claims, key)


@pytest.mark.parametrize("driver", BARE, ids=lambda driver: driver.name)
async def test_dpop(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """A demand for a nonce is an exchange, a challenge, and nothing that anybody need act upon."""
    client, url = of_provider(oidc_provider, driver, "cc-dpop"), f"{oidc_provider.url}/token"
    key = ECKey.generate_key("P-256")

    async def ask(nonce: str | None = None) -> Any:
        headers = {"DPoP": proof(key, "POST", url, nonce)}
        return await client.post(url, headers, grant_type="client_credentials")

    demand = await ask()
    assert demand.json()["error"] == "use_dpop_nonce"
    nonce = demand.headers["DPoP-Nonce"]
    assert (await ask(nonce)).json()["token_type"] == "DPoP"
    rows = [
        refused("client_credentials", "use_dpop_nonce", "challenge"),
        issued("client_credentials", token_type="DPoP"),
    ]
    check(instrumented, oidc_provider.url, rows)
    assert instrumented.total("oauth.flow") == 1
    assert instrumented.events() == []


@pytest.mark.parametrize("driver", BARE, ids=lambda driver: driver.name)
async def test_dpop_at_a_resource(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """`/me` without metadata is a resource: there, too, a demand for a nonce is no rejection."""
    client = of_provider(oidc_provider, driver, "web-dpop")
    url, me, key = (
        f"{oidc_provider.url}/token",
        f"{oidc_provider.url}/me",
        ECKey.generate_key("P-256"),
    )
    login = client.begin(f"{oidc_provider.url}/auth", **SCOPE)
    form = {"redirect_uri": CALLBACK, "code_verifier": login.verifier}
    form["code"] = query(log_in(login.url))["code"]

    async def exchange(nonce: str | None = None) -> Any:
        headers = {"DPoP": proof(key, "POST", url, nonce)}
        return await client.post(url, headers, grant_type="authorization_code", **form)

    async def ask(token: str, nonce: str | None = None) -> Any:
        headers = {"Authorization": f"DPoP {token}", "DPoP": proof(key, "GET", me, nonce, token)}
        return await client.send("GET", me, headers=headers)

    nonce = (await exchange()).headers["DPoP-Nonce"]
    token = (await exchange(nonce)).json()["access_token"]
    demand = await ask(token)
    assert "use_dpop_nonce" in demand.headers["WWW-Authenticate"]
    assert (await ask(token, demand.headers["DPoP-Nonce"])).json()["sub"] == "alice"
    assert (await ask("Cnry-unknown", demand.headers["DPoP-Nonce"])).status == 401
    told = {"auth": NONE, "pkce": "unknown"}
    rows = [
        refused("authorization_code", "use_dpop_nonce", "challenge", **told),
        issued("authorization_code", token_type="DPoP", **told),
    ]
    check(instrumented, oidc_provider.url, rows, rejected=["invalid_token"])


# -- the other endpoints


async def test_introspection_and_revocation(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """An answer to a revocation is an empty 200."""
    url = oidc_provider.url
    client = of_provider(oidc_provider, driver, "cc-basic")
    api = of_provider(oidc_provider, driver, "resource-server")
    token = (await client.token(f"{url}/token", "client_credentials"))["access_token"]
    assert (await api.introspect(f"{url}/token/introspection", token)).json()["active"] is True
    assert (await client.revoke(f"{url}/token/revocation", token)).text == ""
    answer = await api.introspect(f"{url}/token/introspection", token)
    assert answer.json() == {"active": False}
    thief = of_provider(oidc_provider, driver, "resource-server", "wrong-Cnry")
    assert (await thief.introspect(f"{url}/token/introspection", token)).status == 401
    introspected = Exchange(
        "introspection", "/token/introspection", auth=BASIC, library=driver.library
    )
    rows = [
        issued("client_credentials", library=driver.library),
        introspected,
        Exchange("revocation", "/token/revocation", auth=BASIC, library=driver.library),
        introspected,
        Exchange(
            "introspection",
            "/token/introspection",
            auth=BASIC,
            outcome="failure",
            status=401,
            error="invalid_client",
            failure="misconfigured",
            library=driver.library,
        ),
    ]
    check(instrumented, url, rows)


async def test_what_the_metadata_teaches(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """`/me` is a plain resource until a metadata answer has said that it is userinfo."""
    url, client = oidc_provider.url, of_provider(oidc_provider, driver, "web-basic")
    token = await sign_in(client, oidc_provider)
    dead = {**token, "access_token": "unknown-Cnry"}
    assert (await client.resource(f"{url}/me", token)).status == 200
    assert (await client.resource(f"{url}/me", dead)).status == 401

    metadata = await client.send("GET", f"{url}/.well-known/openid-configuration")
    assert metadata.json()["userinfo_endpoint"] == f"{url}/me"
    assert (await client.send("GET", metadata.json()["jwks_uri"])).status == 200
    assert (await client.resource(f"{url}/me", token)).json()["sub"] == "alice"
    assert (await client.resource(f"{url}/me", dead)).status == 401
    rows = [
        signed_in(driver),
        Exchange("metadata", "/.well-known/openid-configuration"),
        Exchange("jwks", "/jwks"),
        Exchange("userinfo", "/me"),
        Exchange(
            "userinfo",
            "/me",
            outcome="failure",
            status=401,
            error="invalid_token",
            failure="reauthorize",
        ),
    ]
    check(instrumented, url, rows, started=begun(driver), rejected=["invalid_token"])


async def test_registration(
    instrumented: Recorder, oidc_provider: Server, of_provider: Any, driver: Driver
) -> None:
    """`/reg` says nothing; the metadata names it, and its answer names the client's own address."""
    url, client = oidc_provider.url, of_provider(oidc_provider, driver, "cc-basic")
    metadata = (await client.send("GET", f"{url}/.well-known/openid-configuration")).json()
    about = {
        "redirect_uris": [CALLBACK],
        "grant_types": ["client_credentials"],
        "response_types": [],
    }
    answer = await client.send("POST", metadata["registration_endpoint"], json=about)
    assert answer.status == 201, answer.text
    mine = answer.json()
    own, token = mine["registration_client_uri"], mine["registration_access_token"]
    assert (await client.send("GET", own, token=token)).status == 200
    assert (await client.send("DELETE", own, token=token)).status == 204
    gone = await client.send("GET", own, token=token)
    bad = await client.send("POST", f"{url}/reg", json={"redirect_uris": ["not a URI"]})
    assert bad.json()["error"] == "invalid_redirect_uri"
    wrong = {"outcome": "failure", "status": 400, "failure": "misconfigured"}
    rows = [
        Exchange("metadata", "/.well-known/openid-configuration"),
        Exchange("registration", "/reg", status=201),
        Exchange("registration", "/reg/*"),
        Exchange("registration", "/reg/*", status=204),
        Exchange(
            "registration",
            "/reg/*",
            outcome="failure",
            status=gone.status,
            error="invalid_token",
            failure="reauthorize",
        ),
        # A redirect URI that the server rejects goes to the security log.
        Exchange(
            "registration",
            "/reg",
            error="invalid_redirect_uri",
            audit="ERR_INVALID_REDIRECT",
            **wrong,
        ),
    ]
    check(instrumented, url, rows)


async def test_ciba(instrumented: Recorder, oidc_provider: Server, of_provider: Any) -> None:
    """Through one library: the user decides on the phone, right after the first poll."""
    url = oidc_provider.url
    client = of_provider(oidc_provider, BY_NAME["httpx-async"], "ciba-basic")
    asked = await client.post(f"{url}/backchannel", scope="openid", login_hint="alice")
    request = asked.json()["auth_req_id"]
    answer = await client.token(f"{url}/token", CIBA, auth_req_id=request)
    assert answer["error"] == "authorization_pending"
    assert "access_token" in await client.token(f"{url}/token", CIBA, auth_req_id=request)
    nobody = await client.post(f"{url}/backchannel", scope="openid", login_hint="unknown")
    assert nobody.json()["error"] == "unknown_user_id"
    rows = [
        Exchange("backchannel_authentication", "/backchannel", auth=BASIC),
        pending("ciba", BASIC),
        issued("ciba"),
        Exchange(
            "backchannel_authentication",
            "/backchannel",
            auth=BASIC,
            outcome="failure",
            status=400,
            error="unknown_user_id",
            failure="misconfigured",
        ),
    ]
    check(instrumented, url, rows)
