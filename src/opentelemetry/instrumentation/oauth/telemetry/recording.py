"""The end of an exchange: attributes, status, points and event, each exactly once.

What is told where stands in the contract's tables; this module is those tables in code.
"""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING

from opentelemetry.trace import Status, StatusCode

from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.semconv import (
    Attribute,
    Endpoint,
    FailureClass,
    GrantType,
    Outcome,
    RefreshType,
    Result,
)
from opentelemetry.instrumentation.oauth.telemetry import events
from opentelemetry.instrumentation.oauth.telemetry.attributes import (
    client_auth_of,
    conclusion_attributes,
    grant_of,
    outcome_attributes,
)
from opentelemetry.instrumentation.oauth.telemetry.exchange import settle_ledger

if TYPE_CHECKING:
    from opentelemetry.instrumentation.oauth.protocol.response import Conclusion
    from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
    from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry
    from opentelemetry.instrumentation.oauth.telemetry.instruments import Attributes


def record_exchange(
    telemetry: OAuthTelemetry, exchange: Exchange, conclusion: Conclusion, duration: float
) -> None:
    """Tell how an exchange ended; ``duration`` in seconds."""
    settle_ledger(exchange, conclusion)
    failed = conclusion.outcome == Outcome.FAILURE and not is_challenge(conclusion)
    told = conclusion_attributes(conclusion)
    exchange.span.set_attributes(told)
    if failed:
        exchange.span.set_status(Status(StatusCode.ERROR, conclusion.error_type))
    outcome = outcome_attributes(conclusion)
    server = telemetry.providers.attributes(
        exchange.request.host,
        None if exchange.request.port_is_default else exchange.request.port,
    )
    _record_request(telemetry, exchange, duration, outcome, server)
    if exchange.request.endpoint == Endpoint.TOKEN and not is_challenge(conclusion):
        address: Attributes = {Attribute.SERVER_ADDRESS: server[Attribute.SERVER_ADDRESS]}
        _record_token(telemetry, exchange, conclusion, duration, outcome, address)
    if failed:
        _emit(telemetry, exchange, conclusion, told)


def is_challenge(conclusion: Conclusion) -> bool:
    """Whether the server asked for a further proof, which concludes nothing."""
    return conclusion.failure_class == FailureClass.CHALLENGE


def _record_request(
    telemetry: OAuthTelemetry,
    exchange: Exchange,
    duration: float,
    outcome: Attributes,
    server: Attributes,
) -> None:
    point: Attributes = {Attribute.ENDPOINT: exchange.request.endpoint, **outcome, **server}
    if exchange.request.endpoint == Endpoint.TOKEN:
        point[Attribute.GRANT_TYPE] = grant_of(exchange.request)
    telemetry.instruments.record(semconv.CLIENT_REQUEST_DURATION, duration, point, exchange.context)


def _record_token(
    telemetry: OAuthTelemetry,
    exchange: Exchange,
    conclusion: Conclusion,
    duration: float,
    outcome: Attributes,
    address: Attributes,
) -> None:
    """Record what only a token exchange has; a demand for a nonce does not come here."""
    instruments, context = telemetry.instruments, exchange.context
    grant = grant_of(exchange.request)
    if exchange.redundant:
        point: Attributes = {Attribute.GRANT_TYPE: grant, **address}
        instruments.add(semconv.TOKEN_REDUNDANT, 1, point, context)
    if conclusion.outcome == Outcome.PENDING:
        return
    flow: Attributes = {
        Attribute.ROLE: "client",
        Attribute.GRANT_TYPE: grant,
        Attribute.CLIENT_AUTH: client_auth_of(exchange.request),
        **outcome,
        **address,
    }
    instruments.add(semconv.FLOW, 1, flow, context)
    if conclusion.expires_in is not None and conclusion.outcome == Outcome.SUCCESS:
        point = {Attribute.GRANT_TYPE: grant, **address}
        instruments.record(semconv.TOKEN_LIFETIME, conclusion.expires_in, point, context)
    if exchange.request.grant_type == GrantType.REFRESH_TOKEN:
        _record_refresh(telemetry, exchange, conclusion, duration, address)
    elif exchange.authorization is not None:
        _record_authorization(telemetry, exchange, outcome)


def _record_refresh(
    telemetry: OAuthTelemetry,
    exchange: Exchange,
    conclusion: Conclusion,
    duration: float,
    address: Attributes,
) -> None:
    instruments, context = telemetry.instruments, exchange.context
    kind = exchange.refresh_type or RefreshType.UNKNOWN
    succeeded = conclusion.outcome == Outcome.SUCCESS
    result = Result.SUCCESS if succeeded else Result.FAILURE
    attempt: Attributes = {Attribute.TYPE: kind, Attribute.RESULT: result}
    instruments.add(semconv.REFRESH_ATTEMPTS, 1, attempt, context)
    instruments.record(semconv.REFRESH_DURATION, duration, {Attribute.RESULT: result}, context)
    remaining = exchange.remaining_lifetime
    if remaining is not None:
        point: Attributes = {Attribute.TYPE: kind}
        instruments.record(semconv.TOKEN_REMAINING_LIFETIME, remaining, point, context)
    if exchange.refresh.collides:
        instruments.add(semconv.REFRESH_COLLISIONS, 1, dict(address), context)
    if exchange.refresh.reuses:
        point = {**address, Attribute.OUTCOME: conclusion.outcome}
        instruments.add(semconv.REFRESH_TOKEN_REUSE, 1, point, context)


def _record_authorization(
    telemetry: OAuthTelemetry, exchange: Exchange, outcome: Attributes
) -> None:
    """Record how long a person waited; once, whatever is sent after the end."""
    seen = exchange.authorization
    if seen is None or seen.started_at is None:
        return
    waited = monotonic() - seen.started_at
    seen.started_at = None
    point = {
        key: outcome[key] for key in (Attribute.OUTCOME, Attribute.ERROR_TYPE) if key in outcome
    }
    telemetry.instruments.record(semconv.AUTHORIZATION_DURATION, waited, point, exchange.context)


def _emit(
    telemetry: OAuthTelemetry, exchange: Exchange, conclusion: Conclusion, told: Attributes
) -> None:
    if exchange.refresh.reuses:
        audit = events.REFRESH_REUSE
    else:
        audit = events.audit_event(conclusion.error_type or semconv.OTHER, conclusion.failure_class)
    attributes = {**exchange.attributes, **told}
    events.emit(telemetry.logger, audit, attributes, exchange.context)
