"""OAuth 2 made visible: every grant, refresh and failure as metrics and spans, without a secret.

With no change to the code::

    opentelemetry-instrument python app.py

or by hand, before or after the libraries are imported::

    from opentelemetry.instrumentation.oauth import OAuthInstrumentor

    OAuthInstrumentor().instrument()

What is told stands in `semconv`, what can be configured in `OAuthConfig`, what a program can tell
by itself in `OAuthTelemetry`.
"""

from __future__ import annotations

import atexit
from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from opentelemetry.instrumentation.oauth.config import CONFIG_FIELDS, OAuthConfig
from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.hooks.registry import registry
from opentelemetry.instrumentation.oauth.package import (
    _instruments,  # pyright: ignore[reportPrivateUsage] - the name that OpenTelemetry wants
)
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry
from opentelemetry.instrumentation.oauth.telemetry.scope import refresh_context
from opentelemetry.instrumentation.oauth.version import __version__

__all__ = [
    "OAuthConfig",
    "OAuthInstrumentor",
    "OAuthTelemetry",
    "__version__",
    "get_telemetry",
    "refresh_context",
]

_ACCEPTED = (
    "config",
    *CONFIG_FIELDS,
    "tracer_provider",
    "meter_provider",
    "logger_provider",
)


class OAuthInstrumentor(BaseInstrumentor):
    """Hooks the HTTP and OAuth libraries of the program.

    Example:
        >>> OAuthInstrumentor().instrument(excluded_urls=["//localhost"])
        >>> OAuthInstrumentor().uninstrument()
    """

    configuration = OAuthConfig

    def instrumentation_dependencies(self) -> Collection[str]:
        """Require nothing: each library is hooked when the program imports it."""
        return _instruments

    def _instrument(self, **kwargs: Any) -> None:
        """Hook what is imported, and whatever is imported later.

        Args:
            **kwargs: ``config``, an `OAuthConfig`, or its arguments; and ``tracer_provider``,
                ``meter_provider`` and ``logger_provider``, which default to the global ones.

        Raises:
            TypeError: For a keyword that is not allowed, before anything is patched.
            ValueError: For a value that is not allowed.
        """
        unknown = sorted(set(kwargs).difference(_ACCEPTED))
        if unknown:
            raise TypeError(
                f"unknown keyword {', '.join(unknown)}; allowed are {', '.join(_ACCEPTED)}"
            )
        fields = {name: kwargs[name] for name in CONFIG_FIELDS if name in kwargs}
        config = kwargs.get("config")
        if config is None:
            config = OAuthConfig(**fields)
        elif fields:
            raise TypeError(f"give either config or {', '.join(fields)}, not both")
        elif not isinstance(config, OAuthConfig):
            raise TypeError(f"config must be an OAuthConfig, not {type(config).__name__}")
        providers = {name: kwargs.get(name) for name in _ACCEPTED[-3:]}
        try:
            telemetry = OAuthTelemetry(config, **providers)
            registry.turn_on(telemetry)
            atexit.register(telemetry.close)
        except Exception as problem:  # noqa: BLE001 - it would abort every later instrumentor
            report("instrumenting", problem)

    def _uninstrument(self, **kwargs: Any) -> None:
        """Restore every method that is ours to restore; nothing of ours is recorded from now on."""
        del kwargs
        telemetry = registry.telemetry
        registry.turn_off()
        if telemetry is not None:
            telemetry.close()
            atexit.unregister(telemetry.close)


def get_telemetry() -> OAuthTelemetry:
    """Give what the instrumentation tells to; one that tells nothing while it is off.

    Example:
        >>> get_telemetry().token_acquired("cache")
    """
    return registry.telemetry or _silent()


def _silent() -> OAuthTelemetry:
    global _silent_telemetry  # noqa: PLW0603 - made on first need, for most programs never
    if _silent_telemetry is None:
        _silent_telemetry = OAuthTelemetry(OAuthConfig(traces=False, metrics=False, events=False))
    return _silent_telemetry


_silent_telemetry: OAuthTelemetry | None = None
