"""The two ends of an authorization: the URL a person is sent to, and the one they return by."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from ..semconv import OTHER, RESPONSE_TYPES
from . import wire
from .paths import split

_BY_WORDS: Final[dict[frozenset[str], str]] = {
    frozenset(words.split()): words for words in RESPONSE_TYPES
}


class AuthorizationRequest(NamedTuple):
    """An authorization request, as its URL tells it (RFC 6749 section 4.1.1)."""

    response_type: str
    pkce_method: str
    challenge: str | None
    state: str | None
    request_uri: str | None
    client_id: str | None
    host: str
    port: int | None
    port_is_default: bool
    key: str

    def __repr__(self) -> str:
        return f"AuthorizationRequest({self.response_type!r}, {self.pkce_method!r}, {self.host!r})"


class Callback(NamedTuple):
    """An authorization answer, as it comes to the client (RFC 6749 section 4.1.2)."""

    code_present: bool
    state: str | None
    error: str | None

    def __repr__(self) -> str:
        return f"Callback(code_present={self.code_present!r})"


def s256(verifier: str) -> str:
    """Give the challenge of a verifier (RFC 7636 section 4.2)."""
    digest = hashlib.sha256(verifier.encode("utf-8", "replace")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def response_type(params: Mapping[str, str]) -> str:
    """Give ``oauth.response_type``, its words in registered order."""
    words = params.get("response_type", "").split()
    if not words and (params.get("request_uri") or params.get("request")):
        return "code"  # it stands in the request object (RFC 9101); code is all that FAPI allows
    return _BY_WORDS.get(frozenset(words), OTHER)


def pkce_method(params: Mapping[str, str]) -> str:
    """Give ``oauth.pkce.method`` (RFC 7636 section 4.3: a challenge without a method is plain)."""
    if not params.get("code_challenge"):
        # Pushed, or inside a request object, a challenge does not stand here.
        return "unknown" if params.get("request_uri") or params.get("request") else "none"
    return "S256" if params.get("code_challenge_method", "plain").upper() == "S256" else "plain"


def parse_authorization_url(url: str) -> AuthorizationRequest | None:
    """Read an authorization URL; None where it is none."""
    address = split(url)
    params = wire.form(wire.clean(address.query[: wire.LIMIT]))
    known = params.keys() & {"response_type", "request_uri", "request", "redirect_uri"}
    named = params.get("client_id") or params.get("client_key") or params.get("appid")
    if not address.host or not (named or params.get("request")):
        return None
    if not known and "oauth" not in address.path and "authoriz" not in address.path:
        return None
    return AuthorizationRequest(
        response_type(params),
        pkce_method(params),
        params.get("code_challenge") or None,
        params.get("state") or None,
        params.get("request_uri") or None,
        named or None,
        address.host,
        address.port,
        address.port_is_default,
        address.key,
    )


def parse_callback(url_or_params: str | Mapping[str, str]) -> Callback | None:
    """Read a redirect back to the client, from its URL or its parameters; None where it is none."""
    if isinstance(url_or_params, str):
        address = split(url_or_params)
        params = wire.form(wire.clean(address.fragment[: wire.LIMIT]))
        params.update(wire.form(wire.clean(address.query[: wire.LIMIT])))
    else:
        params = {
            name: value
            for name in ("code", "access_token", "id_token", "response", "error", "state")
            if (value := wire.scalar(url_or_params.get(name))) is not None
        }
    error = params.get("error") or None
    code = bool(params.get("code"))
    if not code and not error and not (params.keys() & {"access_token", "id_token", "response"}):
        return None
    return Callback(code, params.get("state") or None, error)
