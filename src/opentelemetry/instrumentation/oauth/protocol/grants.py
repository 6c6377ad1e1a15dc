"""What a client may present for a token, and the words for it.

RFC 6749 section 4.5 lets anyone coin a grant type; one that is no row here is told as ``_OTHER``.
"""

from typing import Final, NamedTuple

from ..semconv import OTHER, GrantType
from .shapes import Need, needs


class Grant(NamedTuple):
    """A grant type, the spellings in which it was seen, and the credentials that it presents."""

    value: str
    spellings: tuple[str, ...]
    own: tuple[str, ...]
    source: str


class Inference(NamedTuple):
    """What a token request without ``grant_type`` means."""

    value: str
    needs: tuple[str, ...]
    source: str


_CLIENT_OWN: Final = ("client_secret", "client_assertion", "BASIC")

GRANTS: Final = (
    Grant(
        GrantType.AUTHORIZATION_CODE,
        ("authorization_code", "code", "auth_code"),
        ("code",),
        "RFC 6749 section 4.1.3",
    ),
    Grant(GrantType.REFRESH_TOKEN, ("refresh_token",), ("refresh_token",), "RFC 6749 section 6"),
    Grant(
        GrantType.CLIENT_CREDENTIALS,
        ("client_credentials", "client_credential"),  # the second is WeChat's
        _CLIENT_OWN,
        "RFC 6749 section 4.4.2; developers.weixin.qq.com, getAccessToken",
    ),
    Grant(GrantType.PASSWORD, ("password",), ("username password",), "RFC 6749 section 4.3.2"),
    Grant(
        GrantType.DEVICE_CODE,
        (
            "urn:ietf:params:oauth:grant-type:device_code",
            "device_code",  # Login with Amazon
            "device",  # Salesforce
            "http://oauth.net/grant_type/device/1.0",  # Google, before the RFC
        ),
        ("device_code", "code"),
        "RFC 8628 section 3.4",
    ),
    Grant(
        GrantType.JWT_BEARER,
        (
            "urn:ietf:params:oauth:grant-type:jwt-bearer",
            "jwt-bearer",
            "http://oauth.net/grant_type/jwt/1.0/bearer",  # before the RFC
        ),
        ("assertion", "jwt"),
        "RFC 7523 section 2.1",
    ),
    Grant(
        GrantType.SAML2_BEARER,
        ("urn:ietf:params:oauth:grant-type:saml2-bearer", "saml2-bearer"),
        ("assertion",),
        "RFC 7522 section 2.1",
    ),
    Grant(
        GrantType.TOKEN_EXCHANGE,
        ("urn:ietf:params:oauth:grant-type:token-exchange", "token-exchange"),
        ("subject_token",),
        "RFC 8693 section 2.1",
    ),
    Grant(
        GrantType.CIBA,
        ("urn:openid:params:grant-type:ciba", "urn:ietf:params:oauth:grant-type:ciba", "ciba"),
        ("auth_req_id",),
        "OpenID CIBA Core section 10.1",
    ),
    Grant(
        GrantType.PRE_AUTHORIZED_CODE,
        ("urn:ietf:params:oauth:grant-type:pre-authorized_code", "pre-authorized_code"),
        ("pre-authorized_code", "pre_authorized_code"),
        "OpenID4VCI section 6.1",
    ),
    Grant(
        GrantType.UMA_TICKET,
        ("urn:ietf:params:oauth:grant-type:uma-ticket", "uma-ticket"),
        ("ticket", "permission", "audience"),  # the last two are Keycloak's
        "UMA 2.0 Grant section 3.3.1",
    ),
)

INFERENCES: Final = (
    Inference(
        GrantType.DEVICE_CODE, ("device_code", "code AT_DEVICE"), "Trakt: /oauth/device/token"
    ),
    Inference(GrantType.TOKEN_EXCHANGE, ("subject_token",), "RFC 8693 section 2.1"),
    Inference(GrantType.CIBA, ("auth_req_id",), "OpenID CIBA Core section 10.1"),
    Inference(
        GrantType.AUTHORIZATION_CODE, ("code",), "Shopify, Facebook, VK: code and client only"
    ),
    Inference(GrantType.REFRESH_TOKEN, ("refresh_token",), "RFC 6749 section 6"),
    Inference(GrantType.JWT_BEARER, ("assertion", "jwt_token"), "Adobe IMS: /ims/exchange/jwt"),
    Inference(GrantType.PASSWORD, ("username password",), "FastAPI: OAuth2PasswordRequestForm"),
    Inference(
        GrantType.CLIENT_CREDENTIALS,
        ("client_id client_secret",),
        "Tailscale: OAuth clients",
    ),
)


def _fold(spelling: str) -> str:
    return spelling.lower().replace("-", "").replace("_", "")


_BY_SPELLING: Final = {_fold(spelling): row.value for row in GRANTS for spelling in row.spellings}
_OWN: Final = {row.value: needs(*row.own) for row in GRANTS}
_INFERENCES: Final = tuple((row.value, needs(*row.needs)) for row in INFERENCES)


def grant_value(grant_type: str) -> str:
    """Give the value of ``oauth.grant_type`` for a ``grant_type`` as sent."""
    return _BY_SPELLING.get(_fold(grant_type[:128].strip()), OTHER)


def own_credentials(value: str) -> tuple[Need, ...]:
    """Give what a request for this grant must carry."""
    return _OWN.get(value, ())


def inferred_grant(facts: frozenset[str]) -> str | None:
    """Tell the grant of a token request that does not name it."""
    for value, alternatives in _INFERENCES:
        if any(need.fits(facts) for need in alternatives):
            return value
    return None
