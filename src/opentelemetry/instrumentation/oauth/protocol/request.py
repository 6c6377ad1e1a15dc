"""Tell whether an HTTP request is OAuth, and what it asks."""

import re
from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import Final

from ..semconv import Endpoint
from . import client_auth, wire
from .endpoints import LAST_SEGMENTS, RULES
from .evidence import Evidence, gather
from .grants import grant_value, inferred_grant
from .paths import Address, endpoint_key, split

__all__ = [
    "OAuthRequest",
    "endpoint_key",
    "may_be_oauth",
    "may_carry_secret",
    "recognise",
    "url_carries_secret",
]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})

METHODS: Final = {
    Endpoint.TOKEN: "POST GET",  # GET: Facebook, WeChat
    Endpoint.AUTHORIZATION: "GET POST",  # OpenID Connect Core section 3.1.2.1
    Endpoint.REVOCATION: "POST GET DELETE",  # RFC 7009 section 2.3
    Endpoint.INTROSPECTION: "POST GET",  # RFC 7662 section 2.1
    Endpoint.DEVICE_AUTHORIZATION: "POST",  # RFC 8628 section 3.1
    Endpoint.PUSHED_AUTHORIZATION_REQUEST: "POST",  # RFC 9126 section 2.1
    Endpoint.BACKCHANNEL_AUTHENTICATION: "POST",  # OpenID CIBA Core section 7.1
    Endpoint.REGISTRATION: "POST GET PUT DELETE",  # RFC 7591, RFC 7592
    Endpoint.METADATA: "GET",  # RFC 8414 section 3.1
    Endpoint.JWKS: "GET",  # RFC 7517
    Endpoint.USERINFO: "GET POST",  # OpenID Connect Core section 5.3.1
}
"""Methods that fit an endpoint which is known by configuration or from metadata."""


class OAuthRequest:
    """One request to an OAuth endpoint; ``params`` are secret, and ``repr`` shows none of them."""

    __slots__ = (
        "_address",
        "client_auth_method",
        "client_id",
        "endpoint",
        "grant_type",
        "host",
        "method",
        "params",
        "path",
        "port",
        "scheme",
        "secret_in_url",
    )

    def __init__(
        self,
        endpoint: str,
        method: str,
        address: Address,
        *,
        grant_type: str | None = None,
        client_auth_method: str | None = None,
        client_id: str | None = None,
        params: Mapping[str, str] = _NOTHING,
    ) -> None:
        self._address = address
        self.endpoint = endpoint
        self.grant_type = grant_type
        self.client_auth_method = client_auth_method
        self.client_id = client_id
        self.method = method
        self.scheme = address.scheme
        self.host = address.host
        self.port = address.port
        self.path = address.path
        self.params = params
        self.secret_in_url = _query_carries_secret(address)

    @property
    def port_is_default(self) -> bool:
        """Tell whether the port is the scheme's."""
        return self._address.port_is_default

    @property
    def key(self) -> str:
        """The URL without query, normalised: the key of ledgers and of learned endpoints."""
        return self._address.key

    def __repr__(self) -> str:
        return f"OAuthRequest({self.endpoint!r}, {self.grant_type!r}, {self.host!r})"


# --- before anything is parsed -----------------------------------------------------------------

_BODY_METHODS: Final = frozenset(("POST", "post"))
_BRACE: Final = ord("{")
_FIRST: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ{-_% \t\r\n")
_FIRST_BYTES: Final = frozenset(map(ord, _FIRST))


def may_be_oauth(method: str, path: str, query: str, body: object, words: Collection[str]) -> bool:
    """Tell whether ``recognise`` is worth its cost; False is final.

    This runs on every request of the program, so it looks at little, and at the cheapest first. The
    words it looks for hold in every spelling: ``grant`` in ``grant_type``, ``grant%5Ftype``,
    ``grantType``. (``find``, because ``in`` costs 80 ns more on bytes.)
    """
    last = path.rpartition("/")[2] or path.rstrip("/").rpartition("/")[2]
    if last.lower() in words:
        return True
    if "." in last and last[: last.find(".")].lower() in words:  # token.php, jwks.json
        return True
    if query and ("grant" in query or "response_type" in query or "request_uri" in query):
        return True
    if "oauth" in path or "oidc" in path:
        return True
    if method not in _BODY_METHODS:
        return "/.well-known/" in path or "regist" in path or "jwk" in path
    if type(body) is bytes:
        if not 0 < len(body) <= wire.LIMIT:
            return False
        if body[0] == _BRACE:
            return body.find(b"grant") >= 0
        return body[0] in _FIRST_BYTES and (
            body.find(b"grant") >= 0 or body.find(b"response_type") >= 0
        )
    if type(body) is str:
        if not 0 < len(body) <= wire.LIMIT:
            return False
        return body[0] in _FIRST and ("grant" in body or "response_type" in body)
    return False


# --- recognition -------------------------------------------------------------------------------


def recognise(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: object,
    known: Mapping[str, str] = _NOTHING,
    *,
    client_certificate: bool = False,
) -> OAuthRequest | None:
    """Give the OAuth request that this HTTP request is, or None.

    ``known`` maps ``endpoint_key`` URLs to endpoints, from metadata or configuration: there the
    shape does not matter. ``headers`` without case sensitivity are best; a plain dict will do.
    """
    method = method.upper()
    address = split(url)
    learned = known.get(address.key) if known and address.host else None
    if learned is None and not may_be_oauth(
        method, address.path, address.query, body, LAST_SEGMENTS
    ):
        return None
    evidence = gather(address, headers, body)
    endpoint = _known_endpoint(learned, method, evidence) or _shaped_endpoint(method, evidence)
    if endpoint is None:
        return None
    params = evidence.params
    return OAuthRequest(
        endpoint,
        method,
        address,
        grant_type=_grant(evidence) if endpoint == Endpoint.TOKEN else None,
        client_auth_method=client_auth.client_auth_method(
            endpoint, params, basic=evidence.basic is not None, certificate=client_certificate
        ),
        client_id=client_auth.client_id(params, evidence.basic[0] if evidence.basic else ""),
        params=MappingProxyType(params),
    )


def _known_endpoint(learned: str | None, method: str, evidence: Evidence) -> str | None:
    """Judge a URL that is known; a GET of a token endpoint must still ask for something."""
    if learned is None or method not in METHODS.get(learned, "").split():
        return None
    if learned == Endpoint.TOKEN and method == "GET" and not evidence.params:
        return None
    return learned


def _shaped_endpoint(method: str, evidence: Evidence) -> str | None:
    facts = evidence.facts
    if "OAUTH1" in facts and "grant_type" not in facts:  # but HERE signs OAuth 2.0 with 1.0a
        return None
    for rule in RULES.get(method, ()):
        if rule.fits(evidence.ends, facts):
            return rule.endpoint
    return None


def _grant(evidence: Evidence) -> str | None:
    named = evidence.params.get("grant_type")
    return grant_value(named) if named else inferred_grant(evidence.facts)


# --- secrets in URLs ---------------------------------------------------------------------------

_SECRET_NAMES: Final = (
    *("access_token", "refresh_token", "id_token", "id_token_hint", "client_secret", "secret"),
    *("client_assertion", "assertion", "logout_token", "subject_token", "actor_token", "appsecret"),
    *("fb_exchange_token", "input_token", "device_code", "code_verifier", "password", "app_secret"),
    *("corpsecret", "oauth_token", "ticket", "login_hint_token", "jwt", "jwt_token", "auth_req_id"),
    *("auth_code", "js_code", "claim_token", "pre-authorized_code", "clientSecret", "accessToken"),
    *("refreshToken", "idToken", "mfa_token", "otp", "request", "response", "sessionToken"),
)
_SECRET: Final = re.compile(
    "(?:^|&)(?:" + "|".join(sorted(_SECRET_NAMES, key=len, reverse=True)) + ")=[^&]"
)
_CODE: Final = re.compile(r"(?:^|&)code=[^&]")
_CODE_COMPANION: Final = re.compile(
    "(?:^|&)(?:state|session_state|iss|scope|client_id|appid|client_secret|redirect_uri|grant_type)="
)
_TOKEN: Final = re.compile(r"(?:^|&)token=[^&]")
_TOKEN_PATH: Final = re.compile(
    r"revo|introspect|check.?token|oauth|terminate|invalidate|auth\.", re.I
)


def may_carry_secret(query: str) -> bool:
    """Tell whether ``url_carries_secret`` is worth its cost; False is final.

    This runs on every request that has a query. Each name that counts has one of these in it, in
    every spelling of the underscore.
    """
    return (
        "oken" in query
        or "ode" in query
        or "ecret" in query
        or "asser" in query
        or "passw" in query
        or "ticket" in query
        or "jwt" in query
        or "req" in query
        or "otp" in query
        or "respon" in query
    )


def url_carries_secret(url: str) -> bool:
    """Tell whether the query of a URL carries a credential, at OAuth's endpoints or elsewhere."""
    return "?" in url and _query_carries_secret(split(url))


def _query_carries_secret(address: Address) -> bool:
    query = address.query[: wire.LIMIT]
    if not query:
        return False
    if "%" in query:
        query = query.replace("%5F", "_").replace("%5f", "_")
    if _SECRET.search(query):
        return True
    if _TOKEN.search(query) and _TOKEN_PATH.search(address.path[-256:]):
        return True
    return bool(_CODE.search(query) and _CODE_COMPANION.search(query))
