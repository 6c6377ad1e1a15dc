"""Is anything told?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from opentelemetry import _logs, metrics, trace

from opentelemetry.instrumentation.oauth.doctor.report import Finding, join
from opentelemetry.instrumentation.oauth.doctor.situation import Situation
from opentelemetry.instrumentation.oauth.hooks.registry import registry
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry

_INSTALL_EXTRAS: Final = "pip install 'opentelemetry-instrumentation-oauth[otlp]', or [prometheus]"
_DISABLED_INSTRUMENTATIONS: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def provider(situation: Situation) -> Iterable[Finding]:
    """Whether somebody listens, or all of it is a no-op; the first cause that fits."""
    if not situation.has_sdk:
        yield Finding(
            "problem", "opentelemetry-sdk is not installed: nothing is recorded", _INSTALL_EXTRAS
        )
    elif situation.is_disabled:
        yield Finding("problem", "OTEL_SDK_DISABLED is true: nothing is recorded", "unset it")
    elif situation.started and not situation.has_configurator:
        yield Finding(
            "problem",
            "opentelemetry-distro is not installed: opentelemetry-instrument exports nothing",
            _INSTALL_EXTRAS,
        )
    elif situation.failure is not None:
        yield Finding(
            "problem",
            f"opentelemetry-instrument gives up while it starts ({situation.failure}):"
            " nothing is recorded",
            "the cause stands below, or in the log of a program started with it",
        )
    elif registry.telemetry is not None:
        yield from _listeners(registry.telemetry)


def _listeners(telemetry: OAuthTelemetry) -> Iterable[Finding]:
    wanted = telemetry.config
    meter = telemetry.instruments._meter  # pyright: ignore[reportPrivateUsage]
    signals = (
        ("traces", wanted.traces, telemetry.tracer, trace.get_tracer_provider()),
        ("metrics", wanted.metrics, meter, metrics.get_meter_provider()),
        ("events", wanted.events, telemetry.logger, _logs.get_logger_provider()),
    )
    off = [name for name, on, *_ in signals if not on]
    told = [name for name, on, *made in signals if on and _is_heard(*made)]
    lost = [name for name, on, *made in signals if on and not _is_heard(*made)]
    if told:
        yield Finding("ok", f"a provider is configured for {join(told)}")
    if off:
        yield Finding("ok", f"{join(off)} are switched off by configuration")
    if lost:
        effect = "they are recorded nowhere" if told else "all of it is a no-op"
        yield Finding(
            "warning" if told else "problem",
            f"no provider is configured for {join(lost)}: {effect}",
            "start the program with opentelemetry-instrument, or set the SDK's providers",
        )


def _is_heard(made: object, provider: object) -> bool:
    """Whether a tracer, meter or logger tells to somebody, now or through the global provider."""
    if _kind(made) == "Proxy":
        return _kind(provider) not in ("Proxy", "NoOp")
    return _kind(made) != "NoOp"


def _kind(thing: object) -> str:
    name = type(thing).__name__.lstrip("_")
    return next((kind for kind in ("Proxy", "NoOp") if name.startswith(kind)), "")


def instrumentation(situation: Situation) -> Iterable[Finding]:
    """Whether ours is on."""
    if registry.telemetry is not None or situation.failure is not None:
        return
    disabled = [name.strip() for name in situation.get(_DISABLED_INSTRUMENTATIONS).split(",")]
    if "oauth" in disabled or "*" in disabled:
        yield Finding(
            "problem",
            f"{_DISABLED_INSTRUMENTATIONS} switches the instrumentation off",
            "take 'oauth' or '*' out of it",
        )
    elif situation.started:
        yield Finding(
            "problem",
            "opentelemetry-instrument does not switch the instrumentation on",
            "install opentelemetry-instrumentation-oauth anew: its entry point is missing",
        )
    else:
        yield Finding(
            "problem",
            "the instrumentation is off",
            "start the program with opentelemetry-instrument, or call"
            " OAuthInstrumentor().instrument()",
        )
