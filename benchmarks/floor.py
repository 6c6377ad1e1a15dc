"""What the SDK asks for the same telling: the floor under what is added to an exchange.

One exchange of each kind is told by ours and kept. Then the same is told by hand: one span with the
same attributes, the same points in the same instruments, the same event. Nothing is recognised,
concluded, remembered or guarded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, NamedTuple

import requests
from opentelemetry.trace import SpanKind, Status, StatusCode, set_span_in_context

from benchmarks.canned import Call
from benchmarks.sdk import providers
from opentelemetry.instrumentation.oauth import OAuthTelemetry
from opentelemetry.instrumentation.oauth.protocol.request import recognise
from opentelemetry.instrumentation.oauth.protocol.response import conclude
from opentelemetry.instrumentation.oauth.telemetry import events
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange, span_name
from opentelemetry.instrumentation.oauth.telemetry.instruments import Instruments


class Told(NamedTuple):
    """What one exchange told; ``points`` are a bound method of an instrument and its arguments."""

    name: str
    attributes: dict[str, Any]
    error: str | None
    points: list[tuple[Callable[..., None], float, dict[str, Any]]]
    tracer: Any
    logger: Any


class _Keeping(Instruments):
    """Instruments that also keep what they are given."""

    kept: list[tuple[Callable[..., None], float, dict[str, Any]]]

    def add(self, metric: Any, amount: int, attributes: Any, context: Any = None) -> None:
        super().add(metric, amount, attributes, context)
        self.kept.append((self._made[metric.name].add, amount, dict(attributes)))

    def record(self, metric: Any, value: float, attributes: Any, context: Any = None) -> None:
        super().record(metric, value, attributes, context)
        self.kept.append((self._made[metric.name].record, value, dict(attributes)))


def told(calls: Callable[[], Iterator[Call]]) -> Told:
    """Give what the third exchange of a kind tells: by then the ledger knows the first two."""
    telemetry = OAuthTelemetry(**providers())
    telemetry.instruments = keeping = _Keeping(telemetry.instruments._meter)
    for call in islice(calls(), 3):
        keeping.kept = []
        request = recognise(call.method, call.url, call.headers, call.body)
        exchange = Exchange(telemetry, request, None)
        conclusion = conclude(request, call.status, call.answer_headers, call.answer)
        exchange.conclude(conclusion)
    return Told(
        span_name(exchange.request),
        dict(exchange.span.attributes),
        conclusion.error_type,
        keeping.kept,
        telemetry.tracer,
        telemetry.logger,
    )


def tell_span(what: Told) -> Any:
    """Make the span, and its status if it failed; it is still to be ended."""
    span = what.tracer.start_span(
        what.name,
        kind=SpanKind.CLIENT,
        attributes=what.attributes,
        record_exception=False,
        set_status_on_exception=False,
    )
    if what.error is not None:
        span.set_status(Status(StatusCode.ERROR, what.error))
    return span


def tell_points(what: Told, context: Any) -> None:
    """Record every point."""
    for method, value, attributes in what.points:
        method(value, attributes, context)


def tell_event(what: Told, context: Any) -> None:
    """Emit the event, if there is one."""
    if what.error is not None:
        events.emit(what.logger, "ERR_X", what.attributes, context)


def by_hand(original: Callable[..., Any], what: Told) -> Callable[..., Any]:
    """Wrap ``Session.send`` so that each call tells ``what``."""

    def send(self: requests.Session, request: Any, **kwargs: Any) -> Any:
        span = tell_span(what)
        context = set_span_in_context(span)
        response = original(self, request, **kwargs)
        tell_points(what, context)
        tell_event(what, context)
        span.end()
        return response

    return send
