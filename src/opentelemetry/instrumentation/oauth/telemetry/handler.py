"""`OAuthTelemetry`: what hooks, `oauth_tokens` and programs call to tell something."""

from __future__ import annotations

from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager

from opentelemetry.context import get_current

from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.protocol.authorization import parse_authorization_url
from opentelemetry.instrumentation.oauth.protocol.paths import split
from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest, recognise
from opentelemetry.instrumentation.oauth.protocol.response import Conclusion, rejection
from opentelemetry.instrumentation.oauth.semconv import (
    Attribute,
    Outcome,
    RefreshType,
    Result,
)
from opentelemetry.instrumentation.oauth.telemetry import authorization, forgotten
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.instrumentation.oauth.telemetry.outlet import Outlet


class OAuthTelemetry(Outlet):
    """Tells what a program's OAuth does, in the names of `semconv`.

    `OAuthInstrumentor` makes one and hooks the HTTP libraries to it; `get_telemetry` gives that
    one. Use it for what no hook sees: an HTTP library of your own, a token cache, a token store.
    No method raises because of telemetry; with no provider configured all of it does nothing.

    Args:
        config: What is told; None reads the environment.
        tracer_provider: Default: the global one.
        meter_provider: Default: the global one.
        logger_provider: Default: the global one.

    Example:
        >>> telemetry = OAuthTelemetry()
        >>> telemetry.token_acquired("cache")
        >>> with telemetry.store_operation("get"):
        ...     pass  # token = store.get(key)
    """

    # Exchanges, as the hooks tell them

    def begin(self, request: OAuthRequest, native: object = None) -> Exchange | None:
        """Begin an exchange; None where it is not to be told.

        Args:
            request: What `protocol.request.recognise` made of the HTTP request.
            native: The HTTP library's own request, for ``request_hook``.
        """
        forgotten.tell_waiting()
        if not self.is_on or self.excludes(request.key):
            return None
        return Exchange(self, request, native)

    def rejected(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Count an answer of 401 or 403 to a request that carried a Bearer or DPoP credential.

        Nothing is counted without such a challenge in ``WWW-Authenticate`` (RFC 6750 section 3,
        RFC 9449 section 7.1), nor for a demand for a nonce, nor for an excluded URL.
        """
        error_type = rejection(status, headers)
        if error_type is None or not self.is_on:
            return
        resource = split(url)
        if self.excludes(resource.key):
            return
        port = None if resource.port_is_default else resource.port
        address = self.resources.attributes(resource.host, port)[Attribute.SERVER_ADDRESS]
        self.instruments.add(
            semconv.RESOURCE_REJECTIONS,
            1,
            {Attribute.ERROR_TYPE: error_type, Attribute.SERVER_ADDRESS: address},
        )

    # The manual API

    @contextmanager
    def exchange(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
    ) -> Generator[Exchange | None]:
        """Tell an exchange that no hook sees, such as one made by an HTTP library of your own.

        The request is recognised as any other; the body of the ``with`` sends it and calls
        ``exchange.finish(status, headers, body)``. What it raises is told as the failure it is, and
        raised on; a body that does neither is told as a cancellation.

        Yields:
            The exchange, or None where the request is no OAuth or nothing is to be told.

        Example:
            >>> telemetry = OAuthTelemetry()
            >>> body = "grant_type=client_credentials&client_id=a&client_secret=b"
            >>> with telemetry.exchange("POST", "https://as.example/token", {}, body) as exchange:
            ...     if exchange is not None:  # answer = send(...)
            ...         exchange.finish(200, {}, b'{"access_token": "x", "token_type": "Bearer"}')
        """
        exchange = None
        try:
            request = recognise(method, url, headers or {}, body, self.directory.known)
            exchange = None if request is None else self.begin(request)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("beginning an exchange", problem)
        if exchange is None:
            yield None
            return
        exchange.enter()
        try:
            yield exchange
        except BaseException as problem:
            exchange.fail(problem)
            raise
        finally:
            exchange.leave()
            exchange.conclude(_NEVER_ANSWERED)

    def authorization_started(self, url: str) -> None:
        """Tell that an authorization URL was built, to which a person will be sent.

        Its ``state`` and PKCE challenge are remembered as digests, so that the code exchange that
        ends the authorization is linked to the span that is current now (RFC 6749 section 4.1.1).

        Args:
            url: The whole URL, with its query. Nothing of the query but ``response_type`` and
                ``code_challenge_method`` is told.

        Example:
            >>> OAuthTelemetry().authorization_started(
            ...     "https://as.example/authorize?response_type=code&client_id=a&state=s"
            ... )
        """
        if not self.is_on:
            return
        try:
            asked = parse_authorization_url(url)
            if asked is not None:
                authorization.started(self, asked)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("telling an authorization", problem)

    def authorization_failed(
        self,
        error: str,
        *,
        state: str | None = None,
        authorization_endpoint: str | None = None,
        grant_type: str = semconv.GrantType.AUTHORIZATION_CODE,
    ) -> None:
        """Tell that an authorization came back as an error, with no exchange.

        RFC 6749 section 4.1.2.1.

        Args:
            error: The ``error`` of the callback, or ``mismatching_state`` for a wrong ``state``.
            state: The ``state`` of the callback, by which the authorization is found.
            authorization_endpoint: The URL of the authorization endpoint, for ``server.address``.
            grant_type: ``authorization_code`` or ``implicit``.

        Raises:
            ValueError: For another grant type.

        Example:
            >>> OAuthTelemetry().authorization_failed("access_denied", state="s")
        """
        _check("grant_type", grant_type, _AUTHORIZATION_GRANTS)
        if not self.is_on:
            return
        try:
            authorization.failed(self, error, state, authorization_endpoint, grant_type)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("telling a failed authorization", problem)

    def token_acquired(self, source: str, reason: str = "not_applicable") -> None:
        """Count a token that was handed to a caller; cheap enough for a hot path.

        Args:
            source: ``identity_provider``, ``cache`` or ``broker``.
            reason: Why it was not taken from a cache, or why it was refreshed: ``absent``,
                ``expired``, ``aging``, ``forced`` or ``not_applicable``.

        Raises:
            ValueError: For another source or reason.
        """
        _check("source", source, semconv.TOKEN_SOURCES)
        _check("reason", reason, semconv.REFRESH_REASONS)
        if self.active:
            self._acquisitions.count(self.instruments, source, reason)

    @contextmanager
    def store_operation(self, operation: str) -> Generator[None]:
        """Count one operation of a token store; a failure if the body raises.

        Args:
            operation: ``get``, ``set`` or ``delete``.

        Raises:
            ValueError: For another operation. What the body raises is raised on.
        """
        _check("operation", operation, semconv.STORE_OPERATIONS)
        result = Result.FAILURE
        try:
            yield
            result = Result.SUCCESS
        finally:
            self._count(
                semconv.STORE_OPERATIONS_METRIC,
                {Attribute.OPERATION: operation, Attribute.RESULT: result},
            )

    def pending_token_claimed(self) -> None:
        """Count a pending token that the session which began the login has claimed."""
        self._count(semconv.PENDING_TOKENS_CLAIMED, {})

    def refresh_skipped(self, type: str = RefreshType.UNKNOWN) -> None:  # noqa: A002 - the contract's word
        """Count a caller who used another's refresh instead of making one; it has no duration.

        Args:
            type: ``proactive``, ``reactive`` or ``unknown``.

        Raises:
            ValueError: For another type.
        """
        _check("type", type, semconv.REFRESH_TYPES)
        self._count(
            semconv.REFRESH_ATTEMPTS, {Attribute.TYPE: type, Attribute.RESULT: Result.SKIPPED}
        )

    def _count(self, metric: semconv.Metric, attributes: dict[str, str | int]) -> None:
        if self.is_on:
            self.instruments.add(metric, 1, attributes, get_current())


_AUTHORIZATION_GRANTS = (semconv.GrantType.AUTHORIZATION_CODE, semconv.GrantType.IMPLICIT)
_NEVER_ANSWERED = Conclusion(
    Outcome.FAILURE,
    error_type=semconv.OTHER,
    metric_error_type=semconv.OTHER,
    failure_class=semconv.FailureClass.CANCELED,
)


def _check(name: str, value: str, allowed: Collection[str]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}; not {value!r}")
