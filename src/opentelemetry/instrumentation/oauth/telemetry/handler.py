"""`OAuthTelemetry`: what hooks, `oauth_tokens` and programs call to tell something."""

from __future__ import annotations

import os
import re
import weakref
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager
from time import perf_counter

from opentelemetry.context import get_current
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.config import OAuthConfig
from opentelemetry.instrumentation.oauth.guard import guarded, report
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
from opentelemetry.instrumentation.oauth.telemetry.acquisitions import acquisitions_of
from opentelemetry.instrumentation.oauth.telemetry.directory import EndpointDirectory
from opentelemetry.instrumentation.oauth.telemetry.exchange import Exchange
from opentelemetry.instrumentation.oauth.telemetry.instruments import Instruments
from opentelemetry.instrumentation.oauth.telemetry.ledger import Ledger
from opentelemetry.instrumentation.oauth.telemetry.recording import record_exchange
from opentelemetry.instrumentation.oauth.telemetry.servers import ServerAddresses
from opentelemetry.instrumentation.oauth.version import __version__


class OAuthTelemetry:
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

    def __init__(
        self,
        config: OAuthConfig | None = None,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        logger_provider: _logs.LoggerProvider | None = None,
    ) -> None:
        self.config = config = config or OAuthConfig()
        name, version = semconv.SCOPE_NAME, __version__
        if not config.traces:
            tracer_provider = trace.NoOpTracerProvider()
        if not config.metrics:
            meter_provider = metrics.NoOpMeterProvider()
        if not config.events:
            logger_provider = _logs.NoOpLoggerProvider()
        # No schema_url: the Prometheus exporters would make a label of it.
        self.tracer = trace.get_tracer(name, version, tracer_provider)
        self.logger = _logs.get_logger(name, version, logger_provider)
        self.instruments = Instruments(metrics.get_meter(name, version, meter_provider))
        self.ledger = Ledger(config.ledger_size)
        self.directory = EndpointDirectory(config.token_endpoints)
        self.providers = ServerAddresses(config.max_servers)
        self._resources = ServerAddresses(config.max_servers)
        self._excluded = [re.compile(pattern) for pattern in config.excluded_urls]
        self._request_hook = config.request_hook and guarded(
            config.request_hook, "calling request_hook"
        )
        self._response_hook = config.response_hook and guarded(
            config.response_hook, "calling response_hook"
        )
        self._acquisitions = acquisitions_of(meter_provider)
        self.active = True
        """False once the instrumentation is off: the callbacks of instruments cannot be removed."""
        _alive.add(self)

    # Exchanges, as the hooks tell them

    def begin(self, request: OAuthRequest, native: object = None) -> Exchange | None:
        """Begin an exchange; None where it is not to be told.

        Args:
            request: What `protocol.request.recognise` made of the HTTP request.
            native: The HTTP library's own request, for ``request_hook``.
        """
        forgotten.tell_waiting()
        if not self._is_on or self._is_excluded(request):
            return None
        return Exchange(self, request, native)

    def run_request_hook(self, exchange: Exchange) -> None:
        """Call the user's ``request_hook``, within the exchange's span."""
        if self._request_hook is not None:
            self._request_hook(exchange.span, exchange.native)

    def run_response_hook(self, exchange: Exchange, response: object) -> None:
        """Call the user's ``response_hook``."""
        if self._response_hook is not None and response is not None:
            self._response_hook(exchange.span, exchange.native, response)

    def conclude(self, exchange: Exchange, conclusion: Conclusion) -> None:
        """Record the end of an exchange. For `Exchange`, which sees to it that it happens once."""
        if not self.active:
            return
        duration = perf_counter() - exchange.started_at
        try:
            record_exchange(self, exchange, conclusion, duration)
        finally:
            exchange.span.end()
        if conclusion.learned:
            self.directory.learn(conclusion.learned)

    def rejected(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        """Count an answer of 401 or 403 to a request that carried a Bearer or DPoP credential.

        Nothing is counted without such a challenge in ``WWW-Authenticate`` (RFC 6750 section 3,
        RFC 9449 section 7.1), nor for a demand for a nonce.
        """
        error_type = rejection(status, headers)
        if error_type is None or not self._is_on:
            return
        resource = split(url)
        port = None if resource.port_is_default else resource.port
        address = self._resources.attributes(resource.host, port)[Attribute.SERVER_ADDRESS]
        self.instruments.add(
            semconv.RESOURCE_REJECTIONS,
            1,
            {Attribute.ERROR_TYPE: error_type, Attribute.SERVER_ADDRESS: address},
        )

    @property
    def _is_on(self) -> bool:
        return self.active and is_instrumentation_enabled()

    def _is_excluded(self, request: OAuthRequest) -> bool:
        return any(pattern.search(request.key) for pattern in self._excluded)

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
        if not self._is_on:
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
        if not self._is_on:
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
            self._acquisitions.count(self, source, reason)

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
        if self._is_on:
            self.instruments.add(metric, 1, attributes, get_current())

    # Life cycle

    def after_fork(self) -> None:
        """Make the locks anew: whoever held one is not in the child."""
        self._acquisitions.after_fork()
        self.instruments.after_fork()
        self.ledger.after_fork()
        self.directory.after_fork()
        self.providers.after_fork()
        self._resources.after_fork()

    def close(self) -> None:
        """Tell what had to wait, and nothing after it."""
        forgotten.tell_waiting()
        self.active = False
        self._acquisitions.close(self)


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


_alive: weakref.WeakSet[OAuthTelemetry] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    forgotten.after_fork()
    for telemetry in list(_alive):
        telemetry.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
