"""The end of an exchange: attributes, status, points and event, each exactly once.

What is told where stands in the contract's tables; this module is those tables in code.
"""

from __future__ import annotations

from typing import NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import Span, Status, StatusCode

from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.protocol.response import Conclusion
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
from opentelemetry.instrumentation.oauth.telemetry.instruments import Attributes
from opentelemetry.instrumentation.oauth.telemetry.opening import Opening, settle
from opentelemetry.instrumentation.oauth.telemetry.outlet import Outlet


class Ended(NamedTuple):
    """An exchange that has ended."""

    opening: Opening
    attributes: Attributes
    """What its span began with."""
    span: Span
    context: Context
    """The span's own, so that exemplars and events link to it."""
    conclusion: Conclusion
    duration: float
    """In seconds."""


def record_exchange(outlet: Outlet, ended: Ended) -> None:
    """Tell how an exchange ended."""
    request, conclusion = ended.opening.request, ended.conclusion
    settle(outlet.ledger, request, conclusion)
    failed = conclusion.outcome == Outcome.FAILURE and not is_challenge(conclusion)
    told = conclusion_attributes(conclusion)
    ended.span.set_attributes(told)
    if failed:
        ended.span.set_status(Status(StatusCode.ERROR, conclusion.error_type))
    outcome = outcome_attributes(conclusion)
    port = None if request.port_is_default else request.port
    server = outlet.providers.attributes(request.host, port)
    point: Attributes = {Attribute.ENDPOINT: request.endpoint, **outcome, **server}
    if request.endpoint == Endpoint.TOKEN:
        point[Attribute.GRANT_TYPE] = grant_of(request)
    outlet.instruments.record(semconv.CLIENT_REQUEST_DURATION, ended.duration, point, ended.context)
    if request.endpoint == Endpoint.TOKEN and not is_challenge(conclusion):
        address: Attributes = {Attribute.SERVER_ADDRESS: server[Attribute.SERVER_ADDRESS]}
        _record_token(outlet, ended, outcome, address)
    if failed:
        _emit(outlet, ended, told)


def is_challenge(conclusion: Conclusion) -> bool:
    """Whether the server asked for a further proof, which concludes nothing."""
    return conclusion.failure_class == FailureClass.CHALLENGE


def _record_token(outlet: Outlet, ended: Ended, outcome: Attributes, address: Attributes) -> None:
    """Record what only a token exchange has; a demand for a nonce does not come here."""
    instruments, context = outlet.instruments, ended.context
    opening, conclusion = ended.opening, ended.conclusion
    grant = grant_of(opening.request)
    if opening.redundant:
        point: Attributes = {Attribute.GRANT_TYPE: grant, **address}
        instruments.add(semconv.TOKEN_REDUNDANT, 1, point, context)
    if conclusion.outcome == Outcome.PENDING:
        return
    flow: Attributes = {
        Attribute.ROLE: "client",
        Attribute.GRANT_TYPE: grant,
        Attribute.CLIENT_AUTH: client_auth_of(opening.request),
        **outcome,
        **address,
    }
    instruments.add(semconv.FLOW, 1, flow, context)
    if conclusion.expires_in is not None and conclusion.outcome == Outcome.SUCCESS:
        point = {Attribute.GRANT_TYPE: grant, **address}
        instruments.record(semconv.TOKEN_LIFETIME, conclusion.expires_in, point, context)
    if opening.request.grant_type == GrantType.REFRESH_TOKEN:
        _record_refresh(outlet, ended, address)
    elif opening.authorization is not None:
        _record_authorization(outlet, ended, outcome)


def _record_refresh(outlet: Outlet, ended: Ended, address: Attributes) -> None:
    instruments, context = outlet.instruments, ended.context
    opening, outcome = ended.opening, ended.conclusion.outcome
    kind = opening.refresh_type or RefreshType.UNKNOWN
    result = Result.SUCCESS if outcome == Outcome.SUCCESS else Result.FAILURE
    attempt: Attributes = {Attribute.TYPE: kind, Attribute.RESULT: result}
    instruments.add(semconv.REFRESH_ATTEMPTS, 1, attempt, context)
    point: Attributes = {Attribute.RESULT: result}
    instruments.record(semconv.REFRESH_DURATION, ended.duration, point, context)
    remaining = opening.remaining_lifetime
    if remaining is not None:
        point = {Attribute.TYPE: kind}
        instruments.record(semconv.TOKEN_REMAINING_LIFETIME, remaining, point, context)
    if opening.refresh.collides:
        instruments.add(semconv.REFRESH_COLLISIONS, 1, address, context)
    if opening.refresh.reuses:
        point = {**address, Attribute.OUTCOME: outcome}
        instruments.add(semconv.REFRESH_TOKEN_REUSE, 1, point, context)


def _record_authorization(outlet: Outlet, ended: Ended, outcome: Attributes) -> None:
    """Record how long a person waited; once, whatever is sent after the end."""
    seen = ended.opening.authorization
    waited = None if seen is None else seen.end()
    if waited is None:
        return
    point = {
        key: outcome[key] for key in (Attribute.OUTCOME, Attribute.ERROR_TYPE) if key in outcome
    }
    outlet.instruments.record(semconv.AUTHORIZATION_DURATION, waited, point, ended.context)


def _emit(outlet: Outlet, ended: Ended, told: Attributes) -> None:
    conclusion = ended.conclusion
    if ended.opening.refresh.reuses:
        audit = events.REFRESH_REUSE
    else:
        audit = events.audit_event(conclusion.error_type or semconv.OTHER, conclusion.failure_class)
    events.emit(outlet.logger, audit, {**ended.attributes, **told}, ended.context)
