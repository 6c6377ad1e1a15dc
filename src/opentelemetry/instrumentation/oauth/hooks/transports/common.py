"""What the transports' shells share."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, cast

from opentelemetry.context import (
    _SUPPRESS_HTTP_INSTRUMENTATION_KEY,  # pyright: ignore[reportPrivateUsage]
    attach,
    detach,
    set_value,
)

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.protocol.request import (
    OAuthRequest,
    recognise,
    url_carries_secret,
)
from opentelemetry.instrumentation.oauth.telemetry import scope
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

PLAIN = nullcontext()


def open_exchange() -> scope.OpenExchange | None:
    """Give the exchange that is under way in this context, if any."""
    exchange = scope.current().exchange
    return None if exchange is None or exchange.concluded else exchange


def begin(
    telemetry: OAuthTelemetry,
    native: object,
    method: object,
    url: object,
    headers: object,
    body: object,
    *,
    client_certificate: bool = False,
) -> Exchange | None:
    """Begin and enter the exchange that a request is; None where it is none, or another's own."""
    if not (isinstance(method, str) and isinstance(url, str)):
        return None  # a request that was never prepared
    try:
        request = recognise(
            method,
            url,
            cast("Mapping[str, str]", headers) if isinstance(headers, Mapping) else {},
            body,
            telemetry.directory.known,
            client_certificate=client_certificate,
        )
        if request is None or _is_covered(request):
            return None
        exchange = telemetry.begin(request, native)
    except Exception as problem:  # noqa: BLE001 - never into the program
        report("beginning an exchange", problem)
        return None
    if exchange is not None:
        exchange.enter()
        try:
            exchange.run_request_hook()
        except BaseException as problem:  # Ctrl-C in the hook: an Exception is caught within
            exchange.leave()
            exchange.fail(problem)
            raise
    return exchange


def _is_covered(request: OAuthRequest) -> bool:
    exchange = open_exchange()
    return exchange is not None and exchange.covers(request)


def around_plain(url: str) -> AbstractContextManager[Any]:
    """Guard a request that is no exchange: its URL may carry a secret all the same."""
    return _hiding_url() if url_carries_secret(url) else PLAIN


@contextmanager
def _hiding_url() -> Generator[None]:
    # OpenTelemetry's own `suppress_http_instrumentation` logs an error for a dropped coroutine.
    mark = scope.enter(scope.current())
    token = attach(set_value(_SUPPRESS_HTTP_INSTRUMENTATION_KEY, True))
    try:
        yield
    finally:
        if scope.leave(mark):
            detach(token)


def tell_rejection(
    telemetry: OAuthTelemetry,
    url: object,
    status: int,
    request_headers: object,
    headers: object,
) -> None:
    """Count a 401 or 403 that a resource server gave to a Bearer or DPoP credential."""
    if not (isinstance(request_headers, Mapping) and isinstance(headers, Mapping)):
        return  # a mock
    try:
        credential = cast("Mapping[str, object]", request_headers).get("Authorization")
        if not isinstance(credential, str):
            return
        if credential[:7].partition(" ")[0].lower() not in _SCHEMES:
            return
        if open_exchange() is None:
            telemetry.rejected(str(url), status, cast("Mapping[str, str]", headers))
    except Exception as problem:  # noqa: BLE001 - never into the program
        report("telling a rejection", problem)


_SCHEMES = frozenset(("bearer", "dpop"))


def answered(problem: BaseException) -> Any:
    """Give the answer that an exception is about (``raise_for_status`` in a hook), if any."""
    if type(problem).__name__ not in ("HTTPError", "HTTPStatusError"):
        return None
    return getattr(problem, "response", None)
