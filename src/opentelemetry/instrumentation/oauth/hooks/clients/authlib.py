"""Authlib's clients: which library it is, how old the token is, and where an authorization begins.

The async clients inherit most methods, which then return a coroutine: what is said must hold while
that runs, so the coroutine is wrapped, not the call.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Iterable
from inspect import iscoroutine, iscoroutinefunction
from types import ModuleType
from typing import Any, NamedTuple

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.hooks.patch import Patch, Point
from opentelemetry.instrumentation.oauth.protocol.authorization import Callback, parse_callback
from opentelemetry.instrumentation.oauth.semconv import GrantType, RefreshType
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry
from opentelemetry.instrumentation.oauth.telemetry.scope import hints

LIBRARY = "authlib"


def points(module: ModuleType) -> Iterable[Point]:
    """Name the methods to wrap in one of Authlib's modules."""
    if module.__name__ == "authlib.oauth2.client":
        client = module.OAuth2Client
        yield Point(client, "create_authorization_url", _make_create_authorization_url)
        yield Point(client, "fetch_token", _make_fetch_token)
        yield Point(client, "token_from_fragment", _make_token_from_fragment)
        yield Point(client, "refresh_token", _saying(_age_of_refreshed))
        yield Point(client, "ensure_active_token", _saying(_age_of_token))
        yield Point(client, "revoke_token", _saying(_nothing_more))
        yield Point(client, "introspect_token", _saying(_nothing_more))
    elif module.__name__ == "authlib.oauth2.rfc7521.client":
        # A new assertion, not a refresh: the grant is jwt-bearer.
        yield Point(module.AssertionClient, "refresh_token", _saying(_nothing_more))
    else:
        yield Point(module.AsyncOAuth2Client, "ensure_active_token", _saying(_age_of_token))


class Said(NamedTuple):
    """What a call says of the exchanges it makes."""

    refresh_type: str | None = None
    remaining_lifetime: float | None = None
    state: str | None = None


NOTHING_MORE = Said()


def _saying(
    say: Callable[[Any, tuple[Any, ...], dict[str, Any]], Said],
) -> Callable[[Callable[..., Any], Patch], Callable[..., Any]]:
    """Make a wrapper that says what ``say`` makes of a call's arguments."""

    def make(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
        def call(self: Any, *args: Any, **kwargs: Any) -> Any:
            if patch.telemetry is None:
                return original(self, *args, **kwargs)
            try:
                said = say(self, args, kwargs)
            except Exception:  # noqa: BLE001 - a token or a client of the program's own making
                said = NOTHING_MORE
            return call_saying(said, original, self, args, kwargs)

        async def call_async(self: Any, *args: Any, **kwargs: Any) -> Any:
            return await call(self, *args, **kwargs)

        # A coroutine function stays one: mocks that are made from it ask.
        wrapper = call_async if iscoroutinefunction(original) else call
        return functools.wraps(original, updated=())(wrapper)

    return make


def call_saying(
    said: Said,
    original: Callable[..., Any],
    client: Any,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
) -> Any:
    """Call with what is said in force, until the call, or the coroutine it gives, has ended."""
    with hints(library=LIBRARY, **said._asdict()):
        result: Any = original(client, *args, **kwargs)
    if iscoroutine(result):
        return _await_saying(said, result)
    return result


async def _await_saying(said: Said, running: Awaitable[Any]) -> Any:
    with hints(library=LIBRARY, **said._asdict()):
        return await running


def _nothing_more(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Said:
    del client, args, kwargs
    return NOTHING_MORE


def _age_of_token(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Said:
    """``ensure_active_token(token)``: the token knows when it expires."""
    token = args[0] if args else kwargs.get("token")
    return _age(client.token if token is None else token)


def _age_of_refreshed(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Said:
    """``refresh_token(url, refresh_token)``: known if it is the client's own token."""
    refresh_token = args[1] if len(args) > 1 else kwargs.get("refresh_token")
    token = client.token
    if refresh_token is None or refresh_token == token.get("refresh_token"):
        return _age(token)
    return NOTHING_MORE


def _age(token: Any) -> Said:
    expires_at = token.get("expires_at")
    if not isinstance(expires_at, (int, float)) or isinstance(expires_at, bool):
        return NOTHING_MORE
    remaining = expires_at - time.time()
    if remaining > 0:
        return Said(RefreshType.PROACTIVE, remaining)
    return Said(RefreshType.REACTIVE, 0.0)


def _make_create_authorization_url(
    original: Callable[..., Any], patch: Patch
) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def create_authorization_url(self: Any, *args: Any, **kwargs: Any) -> Any:
        made: Any = original(self, *args, **kwargs)
        telemetry = patch.telemetry
        if telemetry is not None:
            try:
                url, _ = made
                telemetry.authorization_started(url)
            except Exception:  # noqa: BLE001 - a mock made it
                return made
        return made

    return create_authorization_url


def _make_fetch_token(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def fetch_token(self: Any, *args: Any, **kwargs: Any) -> Any:
        telemetry = patch.telemetry
        if telemetry is None:
            return original(self, *args, **kwargs)
        endpoint, state = None, None
        try:
            endpoint = self.metadata.get("authorization_endpoint")
            state = _state(self, args, kwargs)
            _tell_callback(telemetry, kwargs.get("authorization_response"), endpoint)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("reading a callback", problem)
        try:
            return call_saying(Said(state=state), original, self, args, kwargs)
        except Exception as problem:
            if not _has_fragment(kwargs.get("authorization_response")):
                tell_mismatch(telemetry, problem, state, endpoint)
            raise

    return fetch_token


def _has_fragment(answer: object) -> bool:
    """Whether ``fetch_token`` hands a callback on to ``token_from_fragment``, which tells it."""
    return isinstance(answer, str) and "#" in answer


def _state(client: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    state = args[6] if len(args) > 6 else kwargs.get("state")
    answer = kwargs.get("authorization_response")
    if isinstance(answer, str) and (callback := parse_callback(answer)) and callback.state:
        return callback.state
    state = state or client.state
    return state if isinstance(state, str) else None


def _tell_callback(telemetry: OAuthTelemetry, answer: object, endpoint: str | None) -> None:
    """Tell a callback that is an error: `fetch_token` does not notice, and sends a request."""
    if not isinstance(answer, str) or _has_fragment(answer):
        return
    callback = parse_callback(answer)
    if callback is not None and callback.error and not callback.code_present:
        with hints(library=LIBRARY):
            telemetry.authorization_failed(
                callback.error, state=callback.state, authorization_endpoint=endpoint
            )


def tell_mismatch(
    telemetry: OAuthTelemetry,
    problem: Exception,
    state: str | None,
    endpoint: str | None,
    grant_type: str = GrantType.AUTHORIZATION_CODE,
) -> None:
    """Tell a callback whose ``state`` is wrong: it raises before any request."""
    if getattr(problem, "error", None) == "mismatching_state":
        with hints(library=LIBRARY):
            telemetry.authorization_failed(
                "mismatching_state",
                state=state,
                authorization_endpoint=endpoint,
                grant_type=grant_type,
            )


def _make_token_from_fragment(original: Callable[..., Any], patch: Patch) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def token_from_fragment(
        self: Any, authorization_response: Any, *args: Any, **kwargs: Any
    ) -> Any:
        telemetry = patch.telemetry
        if telemetry is None:
            return original(self, authorization_response, *args, **kwargs)
        state, endpoint = None, None
        try:
            endpoint = self.metadata.get("authorization_endpoint")
            callback = parse_callback(authorization_response)
            state = None if callback is None else callback.state
            _tell_fragment(telemetry, callback, endpoint)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("reading a fragment", problem)
        try:
            return original(self, authorization_response, *args, **kwargs)
        except Exception as problem:
            tell_mismatch(telemetry, problem, state, endpoint, GrantType.IMPLICIT)
            raise

    return token_from_fragment


def _tell_fragment(
    telemetry: OAuthTelemetry, callback: Callback | None, endpoint: str | None
) -> None:
    if callback is not None and callback.error:
        with hints(library=LIBRARY):
            telemetry.authorization_failed(
                callback.error,
                state=callback.state,
                authorization_endpoint=endpoint,
                grant_type=GrantType.IMPLICIT,
            )
