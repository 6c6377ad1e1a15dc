"""The one ContextVar: the exchange that is open, and what a library or a caller said of the next.

A library hook *says* (`hints`), the exchange *reads*. An exchange that opens takes the hints with
it: what is sent from inside it (by a user's hook, say) starts with none.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar, Token
from typing import Any, NamedTuple, Protocol

from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest


class OpenExchange(Protocol):
    """What is asked of an exchange that is under way."""

    concluded: bool
    native: Any

    def covers(self, request: OAuthRequest) -> bool:
        """Whether ``request`` is this exchange's own, seen again by a transport beneath."""
        ...


class Scope(NamedTuple):
    """What holds for the code that runs now."""

    exchange: OpenExchange | None = None
    """The open exchange, if any."""
    caller_refresh_type: str | None = None
    """Said by the program (`refresh_context`); goes before what a library knows."""
    library: str | None = None
    """``oauth.library``."""
    refresh_type: str | None = None
    """What the library's hook knows of the refresh that it makes."""
    remaining_lifetime: float | None = None
    """Seconds that the library's token has left, at least 0."""
    state: str | None = None
    """The ``state`` of the authorization that a code exchange ends. Secret."""


NOTHING = Scope()

_scope: ContextVar[Scope] = ContextVar("opentelemetry_oauth_scope", default=NOTHING)

current = _scope.get
enter = _scope.set


def leave(token: Token[Scope]) -> bool:
    """Undo `enter`; False in another context than its own, where there is nothing to undo.

    A coroutine that is dropped is closed wherever the garbage collector happens to run.
    """
    try:
        _scope.reset(token)
    except ValueError:
        return False
    return True


@contextmanager
def hints(
    *,
    library: str | None = None,
    refresh_type: str | None = None,
    remaining_lifetime: float | None = None,
    state: str | None = None,
) -> Generator[None]:
    """Say what is known of the exchanges that the body makes; what was said outside it stays."""
    outer = current()
    token = enter(
        Scope(
            outer.exchange,
            outer.caller_refresh_type,
            library or outer.library,
            refresh_type or outer.refresh_type,
            outer.remaining_lifetime if remaining_lifetime is None else remaining_lifetime,
            state or outer.state,
        )
    )
    try:
        yield
    finally:
        leave(token)


@contextmanager
def refresh_context(type: str) -> Generator[None]:  # noqa: A002 - the contract's word
    """Say of what type the refreshes in the body are, for who decides knows best.

    Args:
        type: ``"proactive"`` (before the access token expired) or ``"reactive"`` (after it).

    Raises:
        ValueError: For any other type.

    Example:
        >>> with refresh_context(type="proactive"):
        ...     pass  # client.refresh_token(...)
    """
    if type not in (semconv.RefreshType.PROACTIVE, semconv.RefreshType.REACTIVE):
        raise ValueError(f"type must be 'proactive' or 'reactive', not {type!r}")
    token = enter(current()._replace(caller_refresh_type=type))
    try:
        yield
    finally:
        leave(token)
