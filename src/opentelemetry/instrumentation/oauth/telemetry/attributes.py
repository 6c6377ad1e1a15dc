"""What of an exchange stands on its span, on its points and in its event."""

from __future__ import annotations

from hashlib import sha256
from hmac import digest
from typing import Final

from opentelemetry.instrumentation.oauth.config import OAuthConfig
from opentelemetry.instrumentation.oauth.protocol.paths import safe_path
from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest
from opentelemetry.instrumentation.oauth.protocol.response import Conclusion
from opentelemetry.instrumentation.oauth.semconv import (
    OTHER,
    Attribute,
    ClientAuth,
    Outcome,
)
from opentelemetry.instrumentation.oauth.telemetry.instruments import Attributes
from opentelemetry.instrumentation.oauth.telemetry.opening import Opening


def request_attributes(opening: Opening, config: OAuthConfig) -> Attributes:
    """Give what is known before the request leaves; a sampler sees it."""
    request = opening.request
    attributes: Attributes = {Attribute.ENDPOINT: request.endpoint}
    if request.grant_type is not None:
        attributes[Attribute.GRANT_TYPE] = request.grant_type
    if request.client_auth_method is not None:
        attributes[Attribute.CLIENT_AUTH] = request.client_auth_method
    if request.host:
        attributes[Attribute.SERVER_ADDRESS] = request.host
        if request.port is not None and not request.port_is_default:
            attributes[Attribute.SERVER_PORT] = request.port
    attributes[Attribute.URL_PATH] = _url_path(request.path)
    if opening.said.library is not None:
        attributes[Attribute.LIBRARY] = opening.said.library
    if opening.refresh_type is not None:
        attributes[Attribute.REFRESH_TYPE] = opening.refresh_type
    pkce_method = opening.pkce_method
    if pkce_method is not None:
        attributes[Attribute.PKCE_METHOD] = pkce_method
    _add_identity(attributes, request, config)
    return attributes


_HARMLESS: Final[set[str]] = set()
"""Paths that are told as they are, kept because most programs ask few endpoints often."""
_MAX_HARMLESS: Final = 1_000


def _url_path(path: str) -> str:
    if path in _HARMLESS:
        return path
    told = safe_path(path)
    if told == path and len(_HARMLESS) < _MAX_HARMLESS:
        _HARMLESS.add(path)
    return told


def conclusion_attributes(conclusion: Conclusion) -> Attributes:
    """Give what the answer, or its absence, adds."""
    attributes: Attributes = {Attribute.OUTCOME: conclusion.outcome}
    if conclusion.error_type is not None:
        attributes[Attribute.ERROR_TYPE] = conclusion.error_type
    if conclusion.failure_class is not None:
        attributes[Attribute.FAILURE_CLASS] = conclusion.failure_class
    if conclusion.status is not None:
        attributes[Attribute.STATUS_CODE] = conclusion.status
    if conclusion.token_type is not None:
        attributes[Attribute.TOKEN_TYPE] = conclusion.token_type
    if conclusion.expires_in is not None:
        attributes[Attribute.TOKEN_EXPIRES_IN] = int(conclusion.expires_in)
    if conclusion.rotated is not None:
        attributes[Attribute.REFRESH_TOKEN_ROTATED] = conclusion.rotated
    if conclusion.retry_after is not None:
        attributes[Attribute.RETRY_AFTER] = int(conclusion.retry_after)
    return attributes


def outcome_attributes(conclusion: Conclusion) -> Attributes:
    """Outcome, class and error as they stand on a metric: from closed sets."""
    attributes: Attributes = {Attribute.OUTCOME: conclusion.outcome}
    if conclusion.failure_class is not None and conclusion.outcome == Outcome.FAILURE:
        attributes[Attribute.FAILURE_CLASS] = conclusion.failure_class
    if conclusion.metric_error_type is not None:
        attributes[Attribute.ERROR_TYPE] = conclusion.metric_error_type
    return attributes


def grant_of(request: OAuthRequest) -> str:
    """Give the grant as it stands on a metric, where every token request has one."""
    return request.grant_type or OTHER


def client_auth_of(request: OAuthRequest) -> str:
    """Give the client authentication as it stands on a metric."""
    return request.client_auth_method or ClientAuth.NONE


def _add_identity(attributes: Attributes, request: OAuthRequest, config: OAuthConfig) -> None:
    if config.capture_scope and (asked := request.params.get("scope")):
        attributes[Attribute.SCOPE] = asked[:1024]
    if config.capture_client_id != "off" and request.client_id:
        attributes[Attribute.CLIENT_ID] = client_id_as_configured(request.client_id, config)


def client_id_as_configured(client_id: str, config: OAuthConfig) -> str:
    """Give the client id itself, or its HMAC-SHA-256 (32 hex digits) under the configured key."""
    if config.capture_client_id == "plain":
        return client_id[:256]
    key = (config.client_id_hash_key or "").encode()
    return digest(key, client_id.encode("utf-8", "surrogatepass"), sha256).hex()[:32]
