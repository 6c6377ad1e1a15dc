"""An authorization: begun where its URL is built, ended by a code exchange or by an error alone."""

from __future__ import annotations

from opentelemetry.trace import (
    Link,
    SpanKind,
    Status,
    StatusCode,
    get_current_span,
    set_span_in_context,
)

from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.protocol.authorization import AuthorizationRequest
from opentelemetry.instrumentation.oauth.protocol.errors import failure_class, tell_error
from opentelemetry.instrumentation.oauth.protocol.paths import split
from opentelemetry.instrumentation.oauth.semconv import Attribute, ClientAuth, Endpoint, Outcome
from opentelemetry.instrumentation.oauth.telemetry import events, scope
from opentelemetry.instrumentation.oauth.telemetry.instruments import Attributes
from opentelemetry.instrumentation.oauth.telemetry.outlet import Outlet


def started(outlet: Outlet, asked: AuthorizationRequest) -> None:
    """Count an authorization URL and remember its state and challenge."""
    span_context = get_current_span().get_span_context()
    server = (asked.host, None if asked.port_is_default else asked.port)
    seen = outlet.ledger.authorization_started(
        asked.state,
        asked.request_uri,
        challenge=asked.challenge,
        pkce_method=asked.pkce_method,
        server=server,
        span_context=span_context if span_context.is_valid else None,
    )
    point: Attributes = {
        Attribute.RESPONSE_TYPE: asked.response_type,
        Attribute.PKCE_METHOD: seen.pkce_method,
        Attribute.SERVER_ADDRESS: outlet.providers.attributes(*server)[Attribute.SERVER_ADDRESS],
    }
    outlet.instruments.add(semconv.AUTHORIZATION_STARTED, 1, point)


def failed(
    outlet: Outlet,
    error: str,
    state: str | None,
    authorization_endpoint: str | None,
    grant_type: str,
) -> None:
    """Tell an authorization that came back as an error: a span ended at once, points, an event."""
    seen = None if state is None else outlet.ledger.authorization_of(state=state)
    error_type, metric_error_type = tell_error(error, () if state is None else (state,))
    what_to_do = failure_class(None, error_type)
    attributes: Attributes = {
        Attribute.ENDPOINT: Endpoint.AUTHORIZATION,
        Attribute.GRANT_TYPE: grant_type,
        Attribute.OUTCOME: Outcome.FAILURE,
        Attribute.FAILURE_CLASS: what_to_do,
        Attribute.ERROR_TYPE: error_type,
    }
    server = _server(authorization_endpoint) or (None if seen is None else seen.server)
    if server is not None:
        host, port = server
        attributes[Attribute.SERVER_ADDRESS] = host
        if port is not None:
            attributes[Attribute.SERVER_PORT] = port
    library = scope.current().library
    if library is not None:
        attributes[Attribute.LIBRARY] = library
    link = None if seen is None else seen.span_context
    span = outlet.tracer.start_span(
        Endpoint.AUTHORIZATION,
        kind=SpanKind.INTERNAL,
        attributes=attributes,
        links=None if link is None else [Link(link)],
        record_exception=False,
        set_status_on_exception=False,
    )
    context = set_span_in_context(span)
    try:
        span.set_status(Status(StatusCode.ERROR, error_type))
        told: Attributes = {
            Attribute.OUTCOME: Outcome.FAILURE,
            Attribute.ERROR_TYPE: metric_error_type,
        }
        waited = None if seen is None else seen.end()
        if waited is not None:
            outlet.instruments.record(semconv.AUTHORIZATION_DURATION, waited, told, context)
        flow: Attributes = {
            Attribute.ROLE: "client",
            Attribute.GRANT_TYPE: grant_type,
            Attribute.CLIENT_AUTH: ClientAuth.NONE,
            Attribute.FAILURE_CLASS: what_to_do,
            **told,
        }
        if server is not None:
            address = outlet.providers.attributes(*server)
            flow[Attribute.SERVER_ADDRESS] = address[Attribute.SERVER_ADDRESS]
        outlet.instruments.add(semconv.FLOW, 1, flow, context)
        audit = events.audit_event(error_type, what_to_do)
        events.emit(outlet.logger, audit, attributes, context)
    finally:
        span.end()


def _server(endpoint: str | None) -> tuple[str, int | None] | None:
    """Give host and port of an endpoint, the port only where it is not the scheme's."""
    address = split(endpoint or "")
    if not address.host:
        return None
    return address.host, None if address.port_is_default else address.port
