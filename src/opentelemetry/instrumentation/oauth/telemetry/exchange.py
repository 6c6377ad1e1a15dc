"""One exchange, sans I/O: begun before the request leaves, concluded once by what came back.

The shells in ``hooks`` are a few lines around it, the same for sync and async::

    exchange = telemetry.begin(request, native)
    exchange.enter()            # the span is current: the parent of whatever HTTP span is beneath
    try:
        response = send()
    except BaseException as problem:
        exchange.fail(problem)  # told, and raised on
        raise
    finally:
        exchange.leave()
    exchange.finish(status, headers, body)  # at once, or when the body was read
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import Token
from time import perf_counter
from typing import Any, Final, cast

from opentelemetry import context as otel_context
from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    Context,
)
from opentelemetry.trace import Link, SpanKind, set_span_in_context

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest
from opentelemetry.instrumentation.oauth.protocol.response import (
    Conclusion,
    conclude,
    conclude_exception,
)
from opentelemetry.instrumentation.oauth.semconv import OTHER, FailureClass, Outcome
from opentelemetry.instrumentation.oauth.telemetry import forgotten, scope
from opentelemetry.instrumentation.oauth.telemetry.attributes import request_attributes
from opentelemetry.instrumentation.oauth.telemetry.opening import abandon, consult
from opentelemetry.instrumentation.oauth.telemetry.outlet import Outlet
from opentelemetry.instrumentation.oauth.telemetry.recording import Ended, record_exchange

_NO_ANSWER: Final = Conclusion(
    Outcome.FAILURE,
    error_type=OTHER,
    metric_error_type=OTHER,
    failure_class=FailureClass.MALFORMED,
)


class Exchange:
    """An exchange under way. Made by `OAuthTelemetry.begin`; no method of it raises."""

    __slots__ = (
        "__weakref__",
        "_attributes",
        "_context",
        "_opening",
        "_otel_token",
        "_outlet",
        "_scope_token",
        "_started_at",
        "concluded",
        "native",
        "request",
        "span",
    )

    def __init__(self, outlet: Outlet, request: OAuthRequest, native: object) -> None:
        self._outlet = outlet
        self.request = request
        self.native = native
        self.concluded = False
        self._otel_token: Token[Context] | None = None
        self._scope_token: Token[scope.Scope] | None = None
        self._opening = opening = consult(outlet.ledger, request, scope.current())
        self._attributes = request_attributes(opening, outlet.config)
        seen = opening.authorization
        link = None if seen is None else seen.span_context
        try:
            self.span = outlet.tracer.start_span(
                span_name(request),
                kind=SpanKind.CLIENT,
                attributes=self._attributes,
                links=None if link is None else [Link(link)],
                record_exception=False,
                set_status_on_exception=False,
            )
        except Exception:  # a user's sampler or span processor; `begin`'s caller reports it
            abandon(outlet.ledger, request)
            raise
        context = set_span_in_context(self.span)
        if request.secret_in_url:
            # HTTP instrumentation beneath would write the URL, and the secret in it, into its span.
            context = otel_context.set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True, context)
        self._context = context
        self._started_at = perf_counter()

    def covers(self, request: OAuthRequest) -> bool:
        """Whether ``request`` is this exchange's own, seen again by a transport beneath."""
        mine = self.request
        return not self.concluded and (mine.method == request.method and mine.key == request.key)

    def enter(self) -> None:
        """Make the span current, and the exchange the open one."""
        self._otel_token = otel_context.attach(self._context)
        self._scope_token = scope.enter(scope.Scope(exchange=self))

    def run_request_hook(self) -> None:
        """Call the user's ``request_hook``."""
        if self._outlet.request_hook is not None:
            self._outlet.request_hook(self.span, self.native)

    def leave(self) -> None:
        """Undo `enter`; a coroutine that is dropped ends in another context: nothing to undo."""
        scope_token, otel_token = self._scope_token, self._otel_token
        self._scope_token = self._otel_token = None
        if scope_token is None or otel_token is None:
            return
        if scope.leave(scope_token):
            otel_context.detach(otel_token)

    def finish(
        self,
        status: int,
        headers: Mapping[str, str],
        body: bytes | str | None,
        native_response: object = None,
    ) -> None:
        """Conclude by an answer; ``body`` is None where the program has not read it."""
        if self.concluded:
            return
        self.concluded = True
        try:
            if self._outlet.response_hook is not None and native_response is not None:
                self._outlet.response_hook(self.span, self.native, native_response)
        finally:  # Ctrl-C in the hook
            self._tell(lambda: conclude(self.request, status, headers, body))

    def answer(self, response: Any, body: bytes | None) -> None:
        """Conclude by an HTTP library's own response (requests and httpx name its parts alike)."""
        status = getattr(response, "status_code", None)
        headers = getattr(response, "headers", None)
        if isinstance(status, int) and isinstance(headers, Mapping):
            self.finish(int(status), cast("Mapping[str, str]", headers), body, response)
        else:  # a mock
            self.conclude(_NO_ANSWER)

    def fail(self, problem: BaseException) -> None:
        """Conclude by an exception that the transport raised; the shell raises it on."""
        if self.concluded:
            return
        self.concluded = True
        conclusion = conclude_exception(self.request, problem)
        if isinstance(problem, GeneratorExit):
            # A dropped coroutine: the garbage collector may be the one who closes it.
            forgotten.tell(lambda: self._tell(lambda: conclusion))
        else:
            self._tell(lambda: conclusion)

    def conclude(self, conclusion: Conclusion) -> None:
        """Conclude by what a caller of the manual API says."""
        if self.concluded:
            return
        self.concluded = True
        self._tell(lambda: conclusion)

    def _tell(self, judge: Callable[[], Conclusion]) -> None:
        outlet = self._outlet
        if not outlet.active:
            return
        duration = perf_counter() - self._started_at
        try:
            conclusion = judge()
            try:
                record_exchange(
                    outlet,
                    Ended(
                        self._opening,
                        self._attributes,
                        self.span,
                        self._context,
                        conclusion,
                        duration,
                    ),
                )
            finally:
                self.span.end()
            if conclusion.learned:
                outlet.directory.learn(conclusion.learned)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("concluding an exchange", problem)


def span_name(request: OAuthRequest) -> str:
    """``token client_credentials``, ``revocation``."""
    if request.grant_type is None:
        return request.endpoint
    return f"{request.endpoint} {request.grant_type}"
