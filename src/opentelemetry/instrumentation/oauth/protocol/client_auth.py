"""How a client authenticates, under the names of the IANA registry (RFC 7591 section 4.2)."""

from collections.abc import Mapping
from typing import Final

from ..semconv import OTHER, ClientAuth, Endpoint
from .wire import jose

AUTHENTICATED: Final = frozenset(
    (
        Endpoint.TOKEN,  # RFC 6749 section 3.2.1
        Endpoint.REVOCATION,  # RFC 7009 section 2.1
        Endpoint.INTROSPECTION,  # RFC 7662 section 2.1
        Endpoint.DEVICE_AUTHORIZATION,  # RFC 8628 section 3.1
        Endpoint.PUSHED_AUTHORIZATION_REQUEST,  # RFC 9126 section 2
        Endpoint.BACKCHANNEL_AUTHENTICATION,  # OpenID CIBA Core section 7.1
    )
)
"""The endpoints at which a client authenticates; elsewhere there is no method."""

_SAML: Final = "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"  # RFC 7522 section 2.2


def client_auth_method(
    endpoint: str, params: Mapping[str, str], *, basic: bool, certificate: bool
) -> str | None:
    """Give ``oauth.client_auth.method``; None where the request says nothing of its client."""
    if endpoint not in AUTHENTICATED:
        return None
    assertion = params.get("client_assertion")
    if assertion:
        return _assertion_method(params.get("client_assertion_type", ""), assertion)
    if basic:  # RFC 6749 section 2.3.1
        return ClientAuth.BASIC
    if params.get("client_secret"):
        return ClientAuth.POST
    if "client_id" in params:  # RFC 8705 section 2: the certificate is no parameter
        return ClientAuth.TLS if certificate else ClientAuth.NONE
    return None


def _assertion_method(kind: str, assertion: str) -> str:
    """Tell the two JWT methods by the algorithm (OpenID Connect Core section 9)."""
    if kind == _SAML:
        return OTHER
    algorithm = jose(assertion, 0).get("alg")
    symmetric = isinstance(algorithm, str) and algorithm.upper().startswith("HS")
    return ClientAuth.SECRET_JWT if symmetric else ClientAuth.PRIVATE_KEY_JWT


def client_id(params: Mapping[str, str], basic_user: str) -> str | None:
    """Give the client's id: the parameter, the Basic user, or the subject of its assertion."""
    named = params.get("client_id") or basic_user
    if named:
        return named
    subject = jose(params.get("client_assertion", ""), 1).get("sub")  # RFC 7523 section 3
    return subject if isinstance(subject, str) and subject else None
