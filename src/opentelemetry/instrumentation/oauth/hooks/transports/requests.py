"""requests: ``Session.send``, where the ``PreparedRequest`` is final (its auth is applied).

``Session.request`` misses ``.send()``; the adapter would see a Digest resend as a second exchange.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from opentelemetry.instrumentation.oauth.hooks.patch import Patch, Point
from opentelemetry.instrumentation.oauth.hooks.transports.common import (
    answered,
    around_plain,
    begin,
    open_exchange,
    tell_rejection,
)
from opentelemetry.instrumentation.oauth.protocol.request import (
    may_be_oauth,
    may_carry_secret,
)
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

_REJECTED = (401, 403)


def points(module: ModuleType) -> Iterable[Point]:
    """Name the methods to wrap in ``requests.sessions``."""
    yield Point(module.Session, "send", _make_send)


def _make_send(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        telemetry = patch.telemetry
        if telemetry is None:
            return original(self, request, **kwargs)
        try:
            url = request.url
            path, _, query = url.partition("?")
            interesting = may_be_oauth(
                request.method, path, query, request.body, telemetry.directory.words
            )
        except Exception:  # noqa: BLE001 - a mock or a request never prepared: not for us to judge
            return original(self, request, **kwargs)
        if interesting and not _is_hop(request, kwargs):
            exchange = _begin(telemetry, self, request, kwargs)
            if exchange is not None:
                return _send(exchange, original, self, request, kwargs)
        if query and may_carry_secret(query):
            with around_plain(url):
                response = original(self, request, **kwargs)
        else:
            response = original(self, request, **kwargs)
        try:
            if response.status_code in _REJECTED and response.request is request:
                tell_rejection(
                    telemetry, url, response.status_code, request.headers, response.headers
                )
        except Exception:  # noqa: BLE001 - a mock
            return response
        return response

    return send


def _is_hop(request: Any, kwargs: dict[str, Any]) -> bool:
    """Whether ``Session.resolve_redirects`` sends this: it belongs to the exchange before it.

    ``PreparedRequest.copy`` shares the hooks of the first request, which no new request does.
    """
    exchange = open_exchange()
    return (
        exchange is not None
        and kwargs.get("allow_redirects") is False
        and exchange.native is not request
        and getattr(exchange.native, "hooks", None) is request.hooks
    )


def _begin(
    telemetry: OAuthTelemetry, session: Any, request: Any, kwargs: dict[str, Any]
) -> Exchange | None:
    return begin(
        telemetry,
        request,
        request.method,
        request.url,
        request.headers,
        request.body,
        client_certificate=bool(kwargs.get("cert") or getattr(session, "cert", None)),
    )


def _send(
    exchange: Exchange,
    original: Callable[..., Any],
    session: Any,
    request: Any,
    kwargs: dict[str, Any],
) -> Any:
    try:
        response = original(session, request, **kwargs)
    except BaseException as problem:
        answer = answered(problem)
        if answer is None:
            exchange.fail(problem)
        else:
            _finish(exchange, answer)
        raise
    finally:
        exchange.leave()
    _finish(exchange, response)
    return response


def _finish(exchange: Exchange, response: Any) -> None:
    # A streamed answer is the program's to read: it is concluded by its status.
    content = getattr(response, "_content", None)
    body = content if isinstance(content, bytes) else None
    exchange.answer(response, body)
