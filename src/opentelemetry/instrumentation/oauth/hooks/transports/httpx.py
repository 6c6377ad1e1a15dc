"""httpx and httpx2: ``_send_handling_redirects``, which runs once for a followed redirect.

``Client.send`` misses requests that an auth flow yields; ``_send_single_request`` sees every hop.

The body is read after the hook has returned, by ``Client.send`` or by the program, so the exchange
waits for ``Response.read`` or ``close``. It waits in a map beside the response: nothing may be set
on a response, for responses are pickled and compared.

``DigestAuth`` sends its request twice through the hook. Between the two it reads the answer, and by
then the request carries the answer to the challenge: so the exchange goes on waiting, and the
resend takes it up again.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Awaitable, Callable, Iterable
from types import ModuleType
from typing import Any, NamedTuple

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.hooks.patch import Patch, Point
from opentelemetry.instrumentation.oauth.hooks.transports.common import (
    answered,
    around_plain,
    begin,
    tell_rejection,
)
from opentelemetry.instrumentation.oauth.protocol.request import (
    may_be_oauth,
    may_carry_secret,
)
from opentelemetry.instrumentation.oauth.telemetry import forgotten
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

_REJECTED = (401, 403)


class _Waiting(NamedTuple):
    """An exchange whose answer is not read yet; ``finalizer`` concludes it if nobody ever does."""

    exchange: Exchange
    finalizer: weakref.ref[Any]
    challenged: bool
    """Whether the answer is a Digest challenge (RFC 7616 section 3.3)."""
    sent: str | None
    """The ``Authorization`` that was sent, where it matters. Secret."""


_unread: dict[int, _Waiting] = {}
"""By the identity of the response."""
_resends: dict[int, int] = {}
"""From the identity of a request that will be sent again to that of the response which waits."""


def points(module: ModuleType) -> Iterable[Point]:
    """Name the methods to wrap in ``httpx`` or ``httpx2``."""
    look = _looker(module.ByteStream)
    yield Point(module.Client, "_send_handling_redirects", functools.partial(_make_send, look))
    yield Point(
        module.AsyncClient, "_send_handling_redirects", functools.partial(_make_async_send, look)
    )
    yield Point(module.Response, "read", _make_read)
    yield Point(module.Response, "aread", _make_aread)
    yield Point(module.Response, "close", _make_close)
    yield Point(module.Response, "aclose", _make_aclose)


Look = Callable[[OAuthTelemetry, Any], "tuple[bool, bool]"]


def _looker(byte_stream: type) -> Look:
    def look(telemetry: OAuthTelemetry, request: Any) -> tuple[bool, bool]:
        """Whether a request may be OAuth, and whether its query may carry a secret."""
        try:
            # Half the price of the public properties, which unquote and copy.
            reference = request.url._uri_reference
            method, query = request.method, reference.query or ""
            body = None
            if method == "POST":
                stream = request.stream
                if stream.__class__ is byte_stream:
                    body = stream._stream
            words = telemetry.directory.words
            interesting = may_be_oauth(method, reference.path, query, body, words)
            return interesting, bool(query) and may_carry_secret(query)
        except Exception:  # noqa: BLE001 - a mock, or a request that is not httpx's: not for us
            return False, False

    return look


def _begin(telemetry: OAuthTelemetry, request: Any) -> Exchange | None:
    exchange = _take_up(request) if _resends else None
    if exchange is not None:
        return exchange
    stream = getattr(request, "stream", None)
    body = getattr(stream, "_stream", None)
    try:
        url = str(request.url)
    except Exception:  # noqa: BLE001
        return None
    return begin(telemetry, request, request.method, url, request.headers, body)


def _make_send(look: Look, original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def _send_handling_redirects(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        telemetry = patch.telemetry
        if telemetry is None:
            return original(self, request, *args, **kwargs)
        interesting, suspicious = look(telemetry, request)
        exchange = _begin(telemetry, request) if interesting else None
        if exchange is None:
            if suspicious:
                with around_plain(str(request.url)):
                    response = original(self, request, *args, **kwargs)
            else:
                response = original(self, request, *args, **kwargs)
            if getattr(response, "status_code", None) in _REJECTED:
                _rejected(telemetry, response)
            return response
        try:
            response = original(self, request, *args, **kwargs)
        except BaseException as problem:
            _failed(exchange, problem)
            raise
        finally:
            exchange.leave()
        _await_body(exchange, response)
        return response

    return _send_handling_redirects


def _make_async_send(
    look: Look, original: Callable[..., Awaitable[Any]], patch: Patch
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original, updated=())
    async def _send_handling_redirects(self: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
        telemetry = patch.telemetry
        if telemetry is None:
            return await original(self, request, *args, **kwargs)
        interesting, suspicious = look(telemetry, request)
        exchange = _begin(telemetry, request) if interesting else None
        if exchange is None:
            if suspicious:
                with around_plain(str(request.url)):
                    response = await original(self, request, *args, **kwargs)
            else:
                response = await original(self, request, *args, **kwargs)
            if getattr(response, "status_code", None) in _REJECTED:
                _rejected(telemetry, response)
            return response
        try:
            response = await original(self, request, *args, **kwargs)
        except BaseException as problem:
            _failed(exchange, problem)
            raise
        finally:
            exchange.leave()
        _await_body(exchange, response)
        return response

    return _send_handling_redirects


def _rejected(telemetry: OAuthTelemetry, response: Any) -> None:
    try:
        request = response.request
        tell_rejection(
            telemetry, request.url, response.status_code, request.headers, response.headers
        )
    except Exception as problem:  # noqa: BLE001 - never into the program
        report("looking at a rejection", problem)


def _failed(exchange: Exchange, problem: BaseException) -> None:
    answer = answered(problem)
    if answer is None:
        exchange.fail(problem)
    else:
        _finish(exchange, answer)


def _finish(exchange: Exchange, response: Any) -> None:
    content = getattr(response, "_content", None)
    exchange.answer(response, content if isinstance(content, bytes) else None)


def _await_body(exchange: Exchange, response: Any) -> None:
    """Conclude when the body is read, or closed unread, or forgotten."""
    try:
        challenged = response.status_code == 401 and _demands_digest(response.headers)
        if not challenged and (hasattr(response, "_content") or response.is_closed):
            _finish(exchange, response)
            return
        key, status, headers = id(response), response.status_code, response.headers

        def collected(_: object) -> None:
            _resends.pop(id(exchange.native), None)
            if _unread.pop(key, None) is not None:
                forgotten.tell(lambda: exchange.finish(status, headers, None))

        sent = _authorization(exchange.native) if challenged else None
        _unread[key] = _Waiting(exchange, weakref.ref(response, collected), challenged, sent)
    except Exception:  # noqa: BLE001 - a mock
        _finish(exchange, response)


def _claim(response: object) -> _Waiting | None:
    """Take the exchange that waits for this response: who takes it concludes it."""
    return _unread.pop(id(response), None)


def _was_read(waiting: _Waiting, response: Any) -> None:
    """Conclude, unless the request is about to be sent again with the answer to a challenge."""
    exchange = waiting.exchange
    if waiting.challenged:
        try:
            answer = _authorization(exchange.native) or ""
            if answer[:7].lower() == "digest " and answer != waiting.sent:
                _unread[id(response)] = waiting._replace(challenged=False)
                _resends[id(exchange.native)] = id(response)
                return
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("looking for a Digest resend", problem)
    _finish(exchange, response)


def _take_up(request: object) -> Exchange | None:
    """Go on with the exchange whose request is sent again."""
    waiting = _unread.pop(_resends.pop(id(request), 0), None)
    if waiting is None:
        return None
    waiting.exchange.enter()
    return waiting.exchange


def _demands_digest(headers: Any) -> bool:
    return "digest" in headers.get("WWW-Authenticate", "").lower()


def _authorization(request: Any) -> str | None:
    return request.headers.get("Authorization")


def _make_read(original: Callable[..., Any], _: Patch) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def read(self: Any) -> Any:
        waiting = _claim(self) if _unread else None
        if waiting is None:
            return original(self)
        try:
            content = original(self)
        except BaseException as problem:
            waiting.exchange.fail(problem)
            raise
        _was_read(waiting, self)
        return content

    return read


def _make_aread(original: Callable[..., Awaitable[Any]], _: Patch) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original, updated=())
    async def aread(self: Any) -> Any:
        waiting = _claim(self) if _unread else None
        if waiting is None:
            return await original(self)
        try:
            content = await original(self)
        except BaseException as problem:
            waiting.exchange.fail(problem)
            raise
        _was_read(waiting, self)
        return content

    return aread


def _make_close(original: Callable[..., Any], _: Patch) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def close(self: Any) -> Any:
        waiting = _claim(self) if _unread else None
        if waiting is None:
            return original(self)
        try:
            return original(self)
        finally:
            _finish(waiting.exchange, self)

    return close


def _make_aclose(
    original: Callable[..., Awaitable[Any]], _: Patch
) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(original, updated=())
    async def aclose(self: Any) -> Any:
        waiting = _claim(self) if _unread else None
        if waiting is None:
            return await original(self)
        try:
            return await original(self)
        finally:
            _finish(waiting.exchange, self)

    return aclose
