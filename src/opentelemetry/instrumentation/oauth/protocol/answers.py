"""What an answer says, whatever it is wrapped in, and whether it is what was asked for."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from ..semconv import OTHER, TOKEN_TYPES, Endpoint
from . import wire
from .paths import endpoint_key


class Answer(NamedTuple):
    """A body, read: ``object``, ``array``, ``jwt``, ``empty``, ``other``; or ``unread``."""

    kind: str
    members: dict[str, object]
    cut: bool


UNREAD: Final = Answer("unread", {}, cut=False)


PREFIXES: Final = (
    ("&&&START&&&", "dev.mi.com: Xiaomi account"),
    (")]}'", "a guard against inclusion by a script"),
)
"""What stands before the JSON of some."""


def read(body: bytes | str | None) -> Answer:
    """Read an answer's body, whatever its media type says (many say text/html or text/plain)."""
    if isinstance(body, (bytes, bytearray)):
        body = wire.gunzip(bytes(body))
    text = wire.text_of(body, whole=False)
    if text is None or body is None:
        return UNREAD
    cut = len(body) > wire.LIMIT
    text = text.strip(" \t\r\n\ufeff")
    for prefix, _ in PREFIXES:
        text = text.removeprefix(prefix)
    if not text:
        return Answer("empty", {}, cut)
    if text[0] == "{":
        return _object(text, cut=cut)
    if text[0] == "[":
        whole = cut or isinstance(wire.json_value(text), list)
        return Answer("array" if whole else "other", {}, cut)
    if wire.looks_like_jwt(text):
        return Answer("jwt", {}, cut)
    if text[0] != "<":
        inner = wire.jsonp(text)
        if inner is not None:
            return _object(inner, cut=cut)
        if wire.looks_like_form(text):
            return Answer("object", dict(wire.form(text)), cut)
    return Answer("other", {}, cut)


def _object(text: str, *, cut: bool) -> Answer:
    """Read an object; one that cannot be parsed gives what its beginning tells."""
    members = None if cut else wire.as_object(wire.json_value(text))
    if members is not None:
        return Answer("object", members, cut)
    return Answer("object" if cut else "other", wire.scan(text), cut)


# --- is it what was asked for? -----------------------------------------------------------------


class Due(NamedTuple):
    """What makes a 2xx an answer: one of these members, or a body of one of these kinds."""

    members: tuple[str, ...]
    kinds: tuple[str, ...]
    source: str


_ANY: Final = ("object", "array", "jwt", "empty", "other")

DUE: Final = {
    Endpoint.TOKEN: Due(
        (
            "access_token",
            "id_token",  # Entra B2C: an answer may have no access token
            "token",
            "refresh_token",  # Azure Container Registry: oauth2/exchange
            "session_key",  # WeChat: code2Session
            "result",  # Keycloak: UMA with response_mode=decision
        ),
        (),
        "RFC 6749 section 5.1, OpenID Connect Core section 3.1.3.3",
    ),
    Endpoint.AUTHORIZATION: Due((), _ANY, "RFC 6749 section 3.1: a page for a person"),
    Endpoint.REVOCATION: Due((), _ANY, "RFC 7009 section 2.2: the content is ignored"),
    Endpoint.INTROSPECTION: Due((), ("object", "jwt"), "RFC 7662 section 2.2, RFC 9701 section 5"),
    Endpoint.DEVICE_AUTHORIZATION: Due(
        ("device_code", "user_code"), (), "RFC 8628 section 3.2; Facebook: user_code and code"
    ),
    Endpoint.PUSHED_AUTHORIZATION_REQUEST: Due(("request_uri",), (), "RFC 9126 section 2.2"),
    Endpoint.BACKCHANNEL_AUTHENTICATION: Due(("auth_req_id",), (), "OpenID CIBA Core section 7.3"),
    Endpoint.REGISTRATION: Due(
        ("client_id",), ("empty", "jwt"), "RFC 7591 section 3.2.1; RFC 7592 section 2.3: 204"
    ),
    Endpoint.METADATA: Due(
        (), ("object", "jwt"), "RFC 8414 section 3.2; OpenID Federation section 9"
    ),
    Endpoint.JWKS: Due((), ("object", "jwt"), "RFC 7517 section 5; Google: a map of certificates"),
    Endpoint.USERINFO: Due((), ("object", "jwt"), "OpenID Connect Core section 5.3.2"),
}


def is_due(endpoint: str, grant_type: str | None, answer: Answer) -> bool:
    """Tell whether a 2xx answer is what its endpoint gives."""
    due = DUE[endpoint]
    if answer.kind in due.kinds:
        return True
    if grant_type == "uma_ticket" and answer.kind == "array":
        return True  # Keycloak: response_mode=permissions
    if answer.kind != "object":
        return False
    if answer.cut:  # it goes on where we do not look
        return True
    return any(_has(members, due.members) for members in layers(answer.members))


def layers(members: Mapping[str, object]) -> Iterable[dict[str, object]]:
    """Give the answer as it stands, and what it wraps, each with its names in snake case.

    ``data`` (Douyin, TikTok for Business), ``body`` (Withings), ``authed_user`` (Slack),
    ``alipay_system_oauth_token_response``: who wraps, names it as they like.
    """
    yield _folded(members)
    for value in list(members.values())[: wire.PAIRS]:
        inner = wire.as_object(value)
        if inner:
            yield _folded(inner)


def _folded(members: Mapping[str, object]) -> dict[str, object]:
    folded: dict[str, object] = {}
    for name, value in members.items():
        folded.setdefault(wire.snake(name), value)
    return folded


def _has(members: Mapping[str, object], names: Iterable[str]) -> bool:
    return any(members.get(name) not in (None, "", {}, []) for name in names)


# --- what a token answer tells -----------------------------------------------------------------


class Issued(NamedTuple):
    """What is told of issued tokens; ``refresh_token`` is SECRET."""

    token_type: str | None
    expires_in: float | None
    refresh_token: str | None
    is_something: bool


NOTHING_ISSUED: Final = Issued(None, None, None, is_something=False)

_LIFETIMES: Final = (
    "expires_in",  # RFC 6749 section 5.1
    "expires",  # Stack Exchange, Facebook before v2.3, Deezer
    "expire_in",  # DingTalk: expireIn
    "expire",  # Feishu
    "access_token_expires_in",
)
_TEN_YEARS: Final = 10 * 365 * 86400
_NO_REFRESH_TOKEN: Final = frozenset(("", "not_supported"))  # the second is IBM Cloud IAM's
_TOKEN_TYPES: Final = {name.lower(): name for name in TOKEN_TYPES}


def issued(members: Mapping[str, object]) -> Issued:
    """Give what a token answer tells of the tokens; the first layer that has one counts."""
    for layer in layers(members):
        if _has(layer, ("access_token", "id_token", "refresh_token")):
            break
    else:
        return NOTHING_ISSUED
    kind = layer.get("token_type")
    refresh_token = layer.get("refresh_token")
    if not isinstance(refresh_token, str) or refresh_token in _NO_REFRESH_TOKEN:
        refresh_token = None
    return Issued(
        _TOKEN_TYPES.get(kind.lower(), OTHER) if isinstance(kind, str) and kind else None,
        next((found for name in _LIFETIMES if (found := seconds(layer.get(name)))), None),
        refresh_token,
        is_something=True,
    )


def seconds(value: object) -> float | None:
    """Give a lifetime in seconds, from a number or a numeric string; None where it is absurd."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        number = float(value[:32] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if 0 < number < _TEN_YEARS else None


# --- what a metadata answer teaches ------------------------------------------------------------

LEARNED: Final = {
    "token_endpoint": Endpoint.TOKEN,  # RFC 8414 section 2
    "authorization_endpoint": Endpoint.AUTHORIZATION,  # RFC 8414 section 2
    "revocation_endpoint": Endpoint.REVOCATION,  # RFC 8414 section 2
    "introspection_endpoint": Endpoint.INTROSPECTION,  # RFC 8414 section 2
    "registration_endpoint": Endpoint.REGISTRATION,  # RFC 8414 section 2
    "registration_client_uri": Endpoint.REGISTRATION,  # RFC 7591 section 3.2.1
    "jwks_uri": Endpoint.JWKS,  # RFC 8414 section 2
    "userinfo_endpoint": Endpoint.USERINFO,  # OpenID Connect Discovery section 3
    "device_authorization_endpoint": Endpoint.DEVICE_AUTHORIZATION,  # RFC 8628 section 4
    "pushed_authorization_request_endpoint": Endpoint.PUSHED_AUTHORIZATION_REQUEST,  # RFC 9126
    "backchannel_authentication_endpoint": Endpoint.BACKCHANNEL_AUTHENTICATION,  # CIBA section 4
}
_LEARNED_LIMIT: Final = 32


def learned(endpoint: str, members: Mapping[str, object]) -> dict[str, str]:
    """Give the endpoints that an answer names: URL, normalised, to endpoint."""
    if endpoint == Endpoint.REGISTRATION:
        sources = [{"registration_client_uri": members.get("registration_client_uri")}]
    elif endpoint == Endpoint.METADATA:
        aliases = wire.as_object(members.get("mtls_endpoint_aliases"))  # RFC 8705 section 5
        sources = [members, aliases or {}]
    else:
        return {}
    found: dict[str, str] = {}
    for source in sources:
        for name, value in LEARNED.items():
            url = source.get(name)
            key = endpoint_key(url) if isinstance(url, str) and len(url) <= 2048 else None
            if key is not None and len(found) < _LEARNED_LIMIT:
                found.setdefault(key, value)
    return found
