"""`OAuthConfig`: keyword before environment before default.

A bad keyword raises, for a person is there to read it. A bad environment value gives one warning
that names the variable, the value and what is allowed, and then the default, for a program must not
die of its telemetry.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar

from opentelemetry.instrumentation.oauth import environment_variables as env
from opentelemetry.instrumentation.oauth.protocol.request import endpoint_key

_logger = logging.getLogger(__name__)

T = TypeVar("T")

ClientIdCapture = Literal["off", "plain", "hash"]
RequestHook = Callable[[Any, Any], None]
"""``hook(span, request)``: the span of the exchange and the HTTP library's own request object."""
ResponseHook = Callable[[Any, Any, Any], None]
"""``hook(span, request, response)``: as above, and the HTTP library's own response object."""

_SECRET_SETTINGS: Final = frozenset({env.OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY})


@dataclass(frozen=True, init=False)
class OAuthConfig:
    """What is told, and within which limits.

    Every argument is optional; ``None`` means "from the environment, else the default".

    Args:
        excluded_urls: Regular expressions; an exchange whose URL without its query one of them
            matches (``re.search``) is not told. Default: none.
        token_endpoints: Absolute ``http``/``https`` URLs of token endpoints that no rule knows and
            no metadata names. Default: none.
        capture_scope: Whether ``oauth.scope`` stands on spans and events. Default ``False``.
        capture_client_id: ``"off"``, ``"plain"`` or ``"hash"``: whether and how ``oauth.client.id``
            stands on spans and events. Never on a metric. Default ``"off"``.
        client_id_hash_key: Key of the HMAC-SHA-256 for ``"hash"``. Without one the attribute stays
            off and a warning says so.
        max_servers: Distinct server address and port pairs on metrics, for identity providers and
            for resource servers each (1 to 10,000). Default 100.
        ledger_size: Entries of each kind in the ledger (0 to 1,000,000). Default 10,000.
        traces: Whether spans are made. Default ``True``.
        metrics: Whether metrics are recorded. Default ``True``.
        events: Whether events are emitted. Default ``True``.
        request_hook: Called as ``hook(span, request)`` before an exchange is sent. What it raises
            is logged once and forgotten. It sees secrets: what it records is its own affair.
        response_hook: Called as ``hook(span, request, response)`` when an exchange was answered.

    Raises:
        TypeError: If an argument has the wrong type.
        ValueError: If an argument is not allowed; the text says what is.

    Example:
        >>> OAuthConfig(excluded_urls=[r"//localhost"], capture_client_id="plain").max_servers
        100
    """

    excluded_urls: tuple[str, ...]
    token_endpoints: tuple[str, ...]
    capture_scope: bool
    capture_client_id: ClientIdCapture
    client_id_hash_key: str | None = field(repr=False)
    max_servers: int
    ledger_size: int
    traces: bool
    metrics: bool
    events: bool
    request_hook: RequestHook | None
    response_hook: ResponseHook | None

    def __init__(
        self,
        *,
        excluded_urls: Sequence[str] | None = None,
        token_endpoints: Sequence[str] | None = None,
        capture_scope: bool | None = None,
        capture_client_id: ClientIdCapture | None = None,
        client_id_hash_key: str | None = None,
        max_servers: int | None = None,
        ledger_size: int | None = None,
        traces: bool | None = None,
        metrics: bool | None = None,
        events: bool | None = None,
        request_hook: RequestHook | None = None,
        response_hook: ResponseHook | None = None,
    ) -> None:
        def settle(name: str, given: object, parse: Callable[[object], T], default: T) -> None:
            object.__setattr__(self, name, _settle(name, given, parse, default))

        settle("excluded_urls", excluded_urls, _patterns, ())
        settle("token_endpoints", token_endpoints, _urls, ())
        settle("capture_scope", capture_scope, _boolean, False)
        settle("capture_client_id", capture_client_id, _client_id_capture, "off")
        settle("client_id_hash_key", client_id_hash_key, _key, None)
        settle("max_servers", max_servers, _integer(1, 10_000), 100)
        settle("ledger_size", ledger_size, _integer(0, 1_000_000), 10_000)
        settle("traces", traces, _boolean, True)
        settle("metrics", metrics, _boolean, True)
        settle("events", events, _boolean, True)
        for name, hook in (("request_hook", request_hook), ("response_hook", response_hook)):
            if hook is not None and not callable(hook):
                raise TypeError(f"{name} must be callable, not {type(hook).__name__}")
            object.__setattr__(self, name, hook)
        if self.capture_client_id == "hash" and not self.client_id_hash_key:
            _warn_once(
                "capture_client_id is 'hash' but no key is set: oauth.client.id stays off. Set %s"
                " or client_id_hash_key.",
                env.OTEL_PYTHON_OAUTH_CLIENT_ID_HASH_KEY,
            )
            object.__setattr__(self, "capture_client_id", "off")


CONFIG_FIELDS: Final = tuple(OAuthConfig.__dataclass_fields__)
"""The keywords of `OAuthConfig`, which ``OAuthInstrumentor().instrument()`` takes too."""


def _settle(name: str, given: object, parse: Callable[[object], T], default: T) -> T:
    if given is not None:
        try:
            return parse(given)
        except (TypeError, ValueError) as problem:
            raise type(problem)(f"{name}: {problem}") from None
    variable = f"OTEL_PYTHON_OAUTH_{name.upper()}"
    text = os.environ.get(variable, "").strip()
    if not text:
        return default
    try:
        return parse(text)
    except (TypeError, ValueError) as problem:
        shown = "***" if variable in _SECRET_SETTINGS else repr(text)
        _warn_once("%s=%s is ignored: %s. Using %r.", variable, shown, problem, default)
        return default


_warned: set[str] = set()


def _warn_once(text: str, *values: object) -> None:
    """Warn of the environment; a process reads it more than once."""
    line = text % values
    if line not in _warned:
        _warned.add(line)
        _logger.warning("%s", line)


def _words(value: object) -> list[str]:
    """Split the environment's commas, or take a sequence of strings as it is."""
    if isinstance(value, str):
        return [word for word in (part.strip() for part in value.split(",")) if word]
    if isinstance(value, Sequence):
        words: list[str] = []
        for item in value:  # pyright: ignore[reportUnknownVariableType] - checked in the next line
            if not isinstance(item, str):
                raise TypeError("expected a sequence of strings")
            words.append(item)
        return words
    raise TypeError("expected a sequence of strings")


def _patterns(value: object) -> tuple[str, ...]:
    patterns = _words(value)
    for pattern in patterns:
        try:
            re.compile(pattern)
        except re.error as problem:
            raise ValueError(
                f"{pattern!r} is no regular expression ({problem}); allowed are Python regular"
                " expressions, separated by commas"
            ) from None
    return tuple(patterns)


def _urls(value: object) -> tuple[str, ...]:
    urls = _words(value)
    for url in urls:
        if endpoint_key(url) is None:
            raise ValueError(f"{url!r} is no absolute http or https URL")
    return tuple(urls)


def _boolean(value: object) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        lowered = value.lower()
        if lowered in ("true", "1", "yes", "on"):
            return True
        if lowered in ("false", "0", "no", "off"):
            return False
        raise ValueError("allowed are true and false")
    raise TypeError(f"expected true or false, not {type(value).__name__}")


def _integer(low: int, high: int) -> Callable[[object], int]:
    def parse(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, str)):
            raise TypeError(f"expected an integer, not {type(value).__name__}")
        try:
            number = int(value)
        except ValueError:
            raise ValueError(f"allowed are the integers from {low} to {high}") from None
        if not low <= number <= high:
            raise ValueError(f"allowed are the integers from {low} to {high}")
        return number

    return parse


def _client_id_capture(value: object) -> ClientIdCapture:
    if isinstance(value, str):
        lowered = value.lower()
        if lowered == "off":
            return "off"
        if lowered == "plain":
            return "plain"
        if lowered == "hash":
            return "hash"
    raise ValueError("allowed are 'off', 'plain' and 'hash'")


def _key(value: object) -> str | None:
    if not isinstance(value, str):
        raise TypeError(f"expected a string, not {type(value).__name__}")
    return value or None
