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
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    Context,
)
from opentelemetry.trace import Link, SpanKind, set_span_in_context

from opentelemetry import context as otel_context
from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.protocol.authorization import pkce_method
from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest
from opentelemetry.instrumentation.oauth.protocol.response import (
    Conclusion,
    conclude,
    conclude_exception,
)
from opentelemetry.instrumentation.oauth.semconv import (
    OTHER,
    Endpoint,
    FailureClass,
    GrantType,
    Outcome,
    RefreshType,
)
from opentelemetry.instrumentation.oauth.telemetry import forgotten, scope
from opentelemetry.instrumentation.oauth.telemetry.attributes import request_attributes
from opentelemetry.instrumentation.oauth.telemetry.ledger import Authorization, Refresh

if TYPE_CHECKING:
    from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

_NO_REFRESH: Final = Refresh(None, None, collides=False, reuses=False)
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
        "_otel_token",
        "_scope_token",
        "attributes",
        "authorization",
        "concluded",
        "context",
        "native",
        "redundant",
        "refresh",
        "refresh_type",
        "request",
        "said",
        "span",
        "started_at",
        "telemetry",
    )

    def __init__(self, telemetry: OAuthTelemetry, request: OAuthRequest, native: object) -> None:
        self.telemetry = telemetry
        self.request = request
        self.native = native
        self.said = scope.current()
        self.concluded = False
        self._otel_token: Token[Context] | None = None
        self._scope_token: Token[scope.Scope] | None = None
        self.authorization: Authorization | None = None
        self.redundant = False
        self.refresh = _NO_REFRESH
        self.refresh_type: str | None = None
        if request.endpoint == Endpoint.TOKEN:
            self._consult(request)
        self.attributes = request_attributes(self)
        link = None if self.authorization is None else self.authorization.span_context
        self.span = telemetry.tracer.start_span(
            span_name(request),
            kind=SpanKind.CLIENT,
            attributes=self.attributes,
            links=None if link is None else [Link(link)],
            record_exception=False,
            set_status_on_exception=False,
        )
        context = set_span_in_context(self.span)
        if request.secret_in_url:
            # HTTP instrumentation beneath would write the URL, and the secret in it, into its span.
            context = otel_context.set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True, context)
        self.context = context
        self.started_at = perf_counter()

    def _consult(self, request: OAuthRequest) -> None:
        """Ask the ledger what it knows of the token request that is about to leave."""
        ledger = self.telemetry.ledger
        grant = request.grant_type
        params = request.params
        if grant == GrantType.REFRESH_TOKEN:
            if refresh_token := params.get("refresh_token"):
                self.refresh = ledger.refresh_began(refresh_token)
            self.refresh_type = (
                self.said.caller_refresh_type
                or self.said.refresh_type
                or self.refresh.type
                or RefreshType.UNKNOWN
            )
        elif grant == GrantType.AUTHORIZATION_CODE:
            self.authorization = ledger.authorization_of(
                verifier=params.get("code_verifier"), state=self.said.state
            )
        elif grant == GrantType.CLIENT_CREDENTIALS:
            self.redundant = ledger.is_redundant(credentials_key(request))

    @property
    def remaining_lifetime(self) -> float | None:
        """What is left of the token that is refreshed, in seconds, where anybody knows."""
        if self.said.remaining_lifetime is not None:
            return self.said.remaining_lifetime
        return self.refresh.remaining_lifetime

    def covers(self, request: OAuthRequest) -> bool:
        """Whether ``request`` is this exchange's own, seen again by a transport beneath."""
        mine = self.request
        return not self.concluded and (mine.method == request.method and mine.key == request.key)

    def enter(self) -> None:
        """Make the span current, and the exchange the open one."""
        self._otel_token = otel_context.attach(self.context)
        self._scope_token = scope.enter(scope.Scope(exchange=self))

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
            self.telemetry.run_response_hook(self, native_response)
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
        try:
            self.telemetry.conclude(self, judge())
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("concluding an exchange", problem)


def span_name(request: OAuthRequest) -> str:
    """``token client_credentials``, ``revocation``."""
    if request.grant_type is None:
        return request.endpoint
    return f"{request.endpoint} {request.grant_type}"


def credentials_key(request: OAuthRequest) -> str:
    """Tell what makes two client_credentials requests equivalent."""
    params = request.params
    return "\0".join(
        (
            request.key,
            request.client_id or "",
            params.get("scope", ""),
            params.get("audience", ""),
            params.get("resource", ""),
        )
    )


def settle_ledger(exchange: Exchange, conclusion: Conclusion) -> None:
    """Enter in the ledger what an exchange's end has changed."""
    request, ledger = exchange.request, exchange.telemetry.ledger
    succeeded = conclusion.outcome == Outcome.SUCCESS
    if request.endpoint == Endpoint.PUSHED_AUTHORIZATION_REQUEST and succeeded:
        # RFC 9126: the challenge is pushed; whoever sends the verifier later is known by it.
        challenge = request.params.get("code_challenge")
        ledger.authorization_seen(
            state=request.params.get("state"),
            challenge=challenge,
            pkce_method=pkce_method(request.params),
            started=False,
        )
    if request.endpoint != Endpoint.TOKEN:
        return
    if request.grant_type == GrantType.REFRESH_TOKEN:
        sent = request.params.get("refresh_token")
        if sent is not None:
            ledger.refresh_ended(sent, rotated=bool(conclusion.rotated))
            if succeeded and not conclusion.rotated:
                ledger.refresh_token_issued(sent, conclusion.expires_in)
    if not succeeded:
        return
    if conclusion.refresh_token is not None:
        ledger.refresh_token_issued(conclusion.refresh_token, conclusion.expires_in)
    if request.grant_type == GrantType.CLIENT_CREDENTIALS and conclusion.expires_in is not None:
        ledger.token_issued(credentials_key(request), conclusion.expires_in)
