"""`diagnose`: why nothing arrives, or that all is well.

1. A check is a function of the `Situation` that yields `Finding`s; `CHECKS` is the table of them.
   What is not in order carries one line of advice.
2. One cause is told once: a check is silent where one above it has said why.
3. ``opentelemetry-oauth doctor`` sees what a program would see under ``opentelemetry-instrument``:
   it does in its own process what that does, and imports the libraries (`start`). In a running
   program `diagnose` looks, and starts nothing.
4. No value of the environment is shown but names of exporters and protocols, host and port, and
   what `OAuthConfig` itself tells of its own variables.
"""

from __future__ import annotations

import io
import json
import logging
import os
import platform
import socket
import sys
import warnings
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from difflib import get_close_matches
from http.client import HTTPConnection, HTTPException
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from types import ModuleType
from typing import Any, Final, Literal, NamedTuple
from urllib.parse import urlsplit

from opentelemetry.instrumentation.auto_instrumentation import (  # pyright: ignore[reportMissingTypeStubs]
    initialize,
)

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.oauth import environment_variables
from opentelemetry.instrumentation.oauth.config import OAuthConfig
from opentelemetry.instrumentation.oauth.hooks.registry import LIBRARIES, Patch, registry
from opentelemetry.instrumentation.oauth.semconv import FLOW
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry
from opentelemetry.instrumentation.oauth.version import __version__

__all__ = ["Finding", "Report", "diagnose"]

Level = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """One thing that was looked at, and what to do where it is not in order."""

    level: Level
    what: str
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """All findings. ``str()`` of it is what a person reads."""

    findings: tuple[Finding, ...]

    @property
    def exit_code(self) -> int:
        """0, or 1 where there is a problem; a warning is none."""
        return int(bool(self._count("problem")))

    def _count(self, level: Level) -> int:
        return sum(finding.level == level for finding in self.findings)

    def __str__(self) -> str:
        return self.text()

    def text(self, *, colour: bool = False) -> str:
        """Give a line for each finding and one of advice for each that is not ok."""
        lines = [f"opentelemetry-oauth {__version__}, Python {platform.python_version()}", ""]
        for level, what, advice in self.findings:
            word = f"{level:<7}"
            lines.append(f"{_COLOURS[level]}{word}\x1b[0m  {what}" if colour else f"{word}  {what}")
            if advice:
                lines.append(f"{'':<7}  -> {advice}")
        counts = (
            _plural(self._count("problem"), "problem"),
            _plural(self._count("warning"), "warning"),
        )
        return "\n".join([*lines, "", ", ".join(counts)])

    def json(self) -> str:
        """Give the same for a program to read."""
        told = {
            "version": __version__,
            "python": platform.python_version(),
            "problems": self._count("problem"),
            "warnings": self._count("warning"),
            "findings": [finding._asdict() for finding in self.findings],
        }
        return json.dumps(told, indent=2)


_COLOURS: Final = {"ok": "\x1b[32m", "warning": "\x1b[33m", "problem": "\x1b[1;31m"}


@dataclass(frozen=True)
class Situation:
    """Where the checks look."""

    started: bool = False
    """Whether `start` has run: a program under ``opentelemetry-instrument`` sees this."""
    failure: str | None = None
    """The class of the exception that ended the start."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def has_sdk(self) -> bool:
        """Whether the SDK is installed."""
        return _version("opentelemetry-sdk") is not None

    @property
    def has_configurator(self) -> bool:
        """Whether ``opentelemetry-instrument`` finds somebody to configure the SDK."""
        return bool(entry_points(group="opentelemetry_configurator"))

    @property
    def is_disabled(self) -> bool:
        """Whether the SDK was told to tell nothing."""
        return self.get("OTEL_SDK_DISABLED").lower() == "true"

    @property
    def reads_environment(self) -> bool:
        """Whether the exporters are those that the variables name."""
        return (
            self.has_sdk
            and not self.get("OTEL_CONFIG_FILE")
            and (self.has_configurator or not self.started)
        )

    def get(self, name: str, default: str = "") -> str:
        """Give a variable of the environment, where empty is as good as absent."""
        return self.environ.get(name, "").strip() or default


def diagnose() -> Report:
    """Look at the program that calls this; starts, patches and imports nothing.

    Example:
        >>> report = diagnose()
        >>> report.findings[0].level in ("ok", "warning", "problem")
        True
    """
    return examine(Situation())


def examine(situation: Situation) -> Report:
    """Run every check; one that fails is a finding too."""
    findings: list[Finding] = []
    for check in CHECKS:
        try:
            findings.extend(check(situation))
        except Exception as problem:  # noqa: BLE001 - a doctor that dies helps nobody
            name = check.__name__.strip("_").replace("_", " ")
            findings.append(
                Finding(
                    "warning",
                    f"the check '{name}' failed ({type(problem).__name__})",
                    "report it with the versions of your opentelemetry packages",
                )
            )
    return Report(tuple(findings))


def start() -> Situation:
    """Do what ``opentelemetry-instrument`` does before a program runs, and import the libraries.

    Only for a process that does nothing else: it sets the global providers, and is silent from now
    on (exporters log that nobody answers, which is for a check to tell).
    """
    failure = None
    logging.disable(logging.CRITICAL)
    with _quiet(), _any_prometheus_port():
        try:
            initialize(swallow_exceptions=False)
        except Exception as problem:  # noqa: BLE001 - whatever a distro raises
            failure = type(problem).__name__
        for library in LIBRARIES:
            try:
                import_module(library.trigger)
            except Exception:  # noqa: BLE001, S112 - not installed, or broken: told by a check
                continue
    return Situation(started=True, failure=failure)


@contextmanager
def _quiet() -> Generator[None]:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _any_prometheus_port() -> Generator[None]:
    """Leave the configured port to the program that it is for, which may be running."""
    before = os.environ.get(_PROMETHEUS_PORT)
    os.environ[_PROMETHEUS_PORT] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_PROMETHEUS_PORT]
        else:
            os.environ[_PROMETHEUS_PORT] = before


# --- is anything told? -------------------------------------------------------------------------

_INSTALL_EXTRAS: Final = "pip install 'opentelemetry-instrumentation-oauth[otlp]', or [prometheus]"
_DISABLED_INSTRUMENTATIONS: Final = "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS"


def _provider(situation: Situation) -> Iterable[Finding]:
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
    config = telemetry.config
    meter = telemetry.instruments._meter  # pyright: ignore[reportPrivateUsage]
    signals = (
        ("traces", config.traces, telemetry.tracer, trace.get_tracer_provider()),
        ("metrics", config.metrics, meter, metrics.get_meter_provider()),
        ("events", config.events, telemetry.logger, _logs.get_logger_provider()),
    )
    off = [name for name, wanted, *_ in signals if not wanted]
    told = [name for name, wanted, *made in signals if wanted and _is_heard(*made)]
    lost = [name for name, wanted, *made in signals if wanted and not _is_heard(*made)]
    if told:
        yield Finding("ok", f"a provider is configured for {_and(told)}")
    if off:
        yield Finding("ok", f"{_and(off)} are switched off by configuration")
    if lost:
        yield Finding(
            "problem" if not told else "warning",
            f"no provider is configured for {_and(lost)}: all of it is a no-op",
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


def _instrumentation(situation: Situation) -> Iterable[Finding]:
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


# --- where does it go? -------------------------------------------------------------------------


class Signal(NamedTuple):
    """How the environment names a signal."""

    name: str
    env: str

    @property
    def exporter_variable(self) -> str:
        """Names the exporters, separated by commas."""
        return f"OTEL_{self.env}_EXPORTER"

    @property
    def group(self) -> str:
        """The entry points that exporters of this signal have."""
        return f"opentelemetry_{self.env.lower()}_exporter"

    def otlp(self, situation: Situation, setting: str) -> str:
        """Give ``OTEL_EXPORTER_OTLP_TRACES_…``, else ``OTEL_EXPORTER_OTLP_…``."""
        general = situation.get(f"OTEL_EXPORTER_OTLP_{setting}")
        return situation.get(f"OTEL_EXPORTER_OTLP_{self.env}_{setting}", general)

    def exporters(self, situation: Situation) -> list[str]:
        """Give the exporters by the names under which they are installed."""
        named = [each.strip() for each in situation.get(self.exporter_variable).split(",")]
        protocol = self.otlp(situation, "PROTOCOL") or "grpc"
        return [
            _OTLP.get(protocol, "") if each == "otlp" else each
            for each in named
            if each and each.lower() != "none"
        ]


SIGNALS: Final = (
    Signal("traces", "TRACES"),
    Signal("metrics", "METRICS"),
    Signal("events", "LOGS"),
)
_OTLP: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
_TOLD_AS: Final = {"otlp_proto_grpc": "OTLP over gRPC", "otlp_proto_http": "OTLP over HTTP"}
_BROUGHT_BY: Final = {
    "prometheus": "pip install 'opentelemetry-instrumentation-oauth[prometheus]'",
    "otlp_proto_grpc": "pip install 'opentelemetry-instrumentation-oauth[otlp]'",
    "otlp_proto_http": "pip install 'opentelemetry-instrumentation-oauth[otlp]'",
}
_DEFAULT_PORTS: Final = {"otlp_proto_grpc": 4317, "otlp_proto_http": 4318}
_PROMETHEUS_PORT: Final = "OTEL_EXPORTER_PROMETHEUS_PORT"
_PROMETHEUS_HOST: Final = "OTEL_EXPORTER_PROMETHEUS_HOST"
_TIMEOUT: Final = 1.0


def _exporters(situation: Situation) -> Iterable[Finding]:
    """Whether the exporters that the environment names are installed."""
    if situation.get("OTEL_CONFIG_FILE"):
        yield Finding("ok", "OTEL_CONFIG_FILE names the exporters, which are not checked here")
    if not situation.reads_environment:
        return
    goes: dict[str, list[str]] = {}
    nowhere: list[Signal] = []
    for signal in SIGNALS:
        exporters = signal.exporters(situation)
        for exporter in exporters:
            yield from _exporter(situation, signal, exporter)
        if exporters:
            names = _and([_TOLD_AS.get(each, each) for each in exporters if each])
            goes.setdefault(names, []).append(signal.name)
        elif situation.started:  # elsewhere a program may have set its own
            nowhere.append(signal)
    for names, signals in goes.items():
        if names:
            yield Finding("ok", f"{_and(signals)} are exported by {names}")
    if nowhere:
        yield Finding(
            "ok" if goes else "warning",
            f"{_and([each.name for each in nowhere])} are exported nowhere",
            "" if goes else f"set {nowhere[0].exporter_variable} to otlp, for one",
        )


def _exporter(situation: Situation, signal: Signal, exporter: str) -> Iterable[Finding]:
    if not exporter:
        yield Finding(
            "problem",
            f"the OTLP protocol {signal.otlp(situation, 'PROTOCOL')!r} for {signal.name} is unknown:"
            " opentelemetry-instrument then starts nothing",
            "set OTEL_EXPORTER_OTLP_PROTOCOL to grpc or http/protobuf",
        )
    elif not entry_points(group=signal.group, name=exporter):
        installed = sorted(each.name for each in entry_points(group=signal.group))
        yield Finding(
            "problem",
            f"the exporter {exporter!r}, named by {signal.exporter_variable}, is not installed:"
            " opentelemetry-instrument then starts nothing",
            _BROUGHT_BY.get(exporter, f"install it, or name one of {', '.join(installed)}"),
        )


class Target(NamedTuple):
    """Where OTLP goes."""

    exporter: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def _collector(situation: Situation) -> Iterable[Finding]:
    """Whether somebody answers where OTLP goes."""
    for target, signals in _targets(situation).items():
        goes = f"{_and(signals)} go ({_TOLD_AS[target.exporter]})"
        other = next(port for port in _DEFAULT_PORTS.values() if port != target.port)
        if _answers(target.host, target.port):
            yield Finding("ok", f"{target} answers, where {goes}")
            if target.port != _DEFAULT_PORTS[target.exporter] and target.port in (4317, 4318):
                yield Finding(
                    "warning",
                    f"port {target.port} is by custom not that of {_TOLD_AS[target.exporter]}",
                    f"set OTEL_EXPORTER_OTLP_PROTOCOL, or send to port {other}",
                )
        elif target.port in (4317, 4318) and _answers(target.host, other):
            protocol = "http/protobuf" if other == 4318 else "grpc"
            yield Finding(
                "problem",
                f"{target} does not answer, where {goes}; {target.host}:{other} does",
                f"set OTEL_EXPORTER_OTLP_PROTOCOL to {protocol}, and an endpoint with that port",
            )
        else:
            yield Finding(
                "problem",
                f"{target} does not answer, where {goes}",
                "start a collector there, or name another by OTEL_EXPORTER_OTLP_ENDPOINT",
            )


def _targets(situation: Situation) -> dict[Target, list[str]]:
    targets: dict[Target, list[str]] = {}
    if situation.reads_environment:
        for signal in SIGNALS:
            for exporter in signal.exporters(situation):
                if exporter in _DEFAULT_PORTS:
                    target = _target(exporter, signal.otlp(situation, "ENDPOINT"))
                    targets.setdefault(target, []).append(signal.name)
    return targets


def _target(exporter: str, endpoint: str) -> Target:
    default = _DEFAULT_PORTS[exporter]
    if not endpoint:
        return Target(exporter, "localhost", default)
    parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
    try:
        port = parts.port
    except ValueError:
        port = 0
    if port is None:
        port = {"http": 80, "https": 443}.get(parts.scheme, default)
    return Target(exporter, parts.hostname or "localhost", port)


def _prometheus(situation: Situation) -> Iterable[Finding]:
    """Whether the in-process Prometheus endpoint is there, or could be."""
    if not situation.reads_environment or "prometheus" not in SIGNALS[1].exporters(situation):
        return
    host, port = situation.get(_PROMETHEUS_HOST, "localhost"), _prometheus_port(situation)
    if port is None:
        yield Finding(
            "problem",
            f"{_PROMETHEUS_PORT} is no port: opentelemetry-instrument then starts nothing",
            "set it to a number, such as 9102",
        )
        return
    served = _metrics_at(host, port)
    if served is None:
        yield Finding(
            "warning" if situation.started else "problem",
            f"{host}:{port} does not answer, where a program serves its metrics while it runs",
            "if it should be running now: it was started without OTEL_METRICS_EXPORTER=prometheus"
            f" or with another {_PROMETHEUS_PORT}",
        )
    elif "# TYPE" not in served:
        yield Finding(
            "problem",
            f"{host}:{port} is taken by something that serves no metrics: a program with this"
            " environment starts nothing",
            f"set {_PROMETHEUS_PORT} to a free port",
        )
    elif FLOW.prometheus_name in served:
        yield Finding(
            "ok", f"{host}:{port} answers with metrics, {FLOW.prometheus_name} among them"
        )
    else:
        yield Finding(
            "ok", f"{host}:{port} answers with metrics, {FLOW.prometheus_name} not yet among them"
        )


def _prometheus_port(situation: Situation) -> int | None:
    text = situation.get(_PROMETHEUS_PORT, "9464")
    return int(text) if text.isdecimal() and int(text) < 65536 else None


def _other_ports(situation: Situation) -> Iterable[Finding]:
    """What answers on the usual ports that nothing goes to."""
    used = {target.port for target in _targets(situation) if target.host in _LOCAL}
    if "prometheus" in SIGNALS[1].exporters(situation):
        used.add(_prometheus_port(situation) or 0)
    told = [
        f"{port} ({what}) {'answers' if _answers('localhost', port) else 'does not answer'}"
        for port, what in _USUAL.items()
        if port not in used
    ]
    if told:
        yield Finding("ok", f"not in use on localhost: {', '.join(told)}")


_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_USUAL: Final = {4317: "OTLP over gRPC", 4318: "OTLP over HTTP", 9102: "Prometheus"}


def _answers(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_TIMEOUT):
            return True
    except (OSError, OverflowError, UnicodeError):
        return False


def _metrics_at(host: str, port: int) -> str | None:
    """Give what ``/metrics`` answers, empty where it is no such thing; None where nobody does."""
    if not _answers(host, port):
        return None
    connection = HTTPConnection(host, port, timeout=_TIMEOUT)
    try:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.read(1 << 20).decode("utf-8", "replace") if answer.status == 200 else ""
    except (OSError, HTTPException):
        return ""
    finally:
        connection.close()


# --- what is watched? --------------------------------------------------------------------------


def _libraries(situation: Situation) -> Iterable[Finding]:
    """Which libraries are hooked, in which version, and which are not and why."""
    if registry.telemetry is None:
        return
    owners = {id(patch.owner) for patch in registry.patches}
    absent: list[str] = []
    for name in dict.fromkeys(library.name for library in LIBRARIES):
        imported = [
            module
            for library in LIBRARIES
            if library.name == name and (module := sys.modules.get(library.trigger)) is not None
        ]
        number = _version(name)
        told = name if number is None else f"{name} {number}"
        if name in registry.skipped:
            yield Finding(
                "problem",
                f"{name} is not hooked: {registry.skipped[name]}",
                f"pip install --upgrade {name}",
            )
        elif imported and all(_holds(module, owners) for module in imported):
            yield Finding("ok", f"{told} is hooked")
        elif imported:
            yield Finding(
                "problem",
                f"{told} is imported and not hooked",
                "do not reload it, nor take it out of sys.modules: it is hooked once",
            )
        elif number is None:
            absent.append(name)
        elif situation.started:
            yield Finding(
                "warning",
                f"{told} is installed and cannot be imported",
                f"python -c 'import {name}' tells why",
            )
        else:
            yield Finding("ok", f"{told} is hooked when the program imports it")
    if absent:
        yield Finding("ok", f"not installed, so not hooked: {', '.join(absent)}")


def _holds(module: ModuleType, owners: set[int]) -> bool:
    """Whether a class that is patched stands in a module."""
    return any(id(value) in owners for value in vars(module).values())


def _order(situation: Situation) -> Iterable[Finding]:
    """Whether another instrumentation stands outside ours."""
    del situation
    outside: dict[str, list[str]] = {}
    for patch in registry.patches:
        if not patch.is_outermost:
            method = f"{patch.owner.__module__}.{patch.owner.__name__}.{patch.name}"
            outside.setdefault(_wrapped_by(patch), []).append(method)
    for module, methods in outside.items():
        foreign = module.startswith("opentelemetry.instrumentation.")
        yield Finding(
            "problem" if foreign else "warning",
            f"{module} has wrapped {_and(methods)} after us: its span is the parent of ours, and"
            " may hold a URL with a secret in it",
            "call OAuthInstrumentor().instrument() after it, or use opentelemetry-instrument",
        )
    if registry.patches and not outside:
        yield Finding("ok", "no other instrumentation is outside ours")


def _wrapped_by(patch: Patch) -> str:
    """Name the module whose function stands where ours stood."""
    wrapper: Any = vars(patch.owner).get(patch.name)
    wrapper = getattr(wrapper, "_self_wrapper", wrapper)  # a wrapt proxy tells of what it wraps
    wrapper = getattr(wrapper, "__func__", wrapper)
    # Not `__module__`, which functools.wraps copies.
    module = getattr(wrapper, "__globals__", {}).get("__name__")
    return module if isinstance(module, str) else type(wrapper).__module__


# --- is the configuration right? ---------------------------------------------------------------


class _Warnings(logging.Filter):
    """Takes the warnings of a logger instead of letting them out."""

    def __init__(self) -> None:
        super().__init__()
        self.taken: list[str] = []

    def filter(self, record: logging.LogRecord) -> bool:
        self.taken.append(record.getMessage())
        return False


def _environment(situation: Situation) -> Iterable[Finding]:
    """Whether our own variables are known and have values that are allowed."""
    known = {name for name in vars(environment_variables) if name.startswith("OTEL_")}
    for name in sorted(situation.environ):
        if name.startswith("OTEL_PYTHON_OAUTH_") and name not in known:
            near = get_close_matches(name, known, 1)
            yield Finding(
                "warning",
                f"{name} is no variable of ours",
                f"did you mean {near[0]}?"
                if near
                else "opentelemetry-instrument --help lists ours",
            )
    taken = _Warnings()
    logger = logging.getLogger(OAuthConfig.__module__)
    disabled = logging.root.manager.disable
    logger.addFilter(taken)
    logging.disable(logging.NOTSET)
    try:
        OAuthConfig()
    finally:
        logging.disable(disabled)
        logger.removeFilter(taken)
    for warning in taken.taken:
        yield Finding("warning", warning, "set the variable to what is allowed, or unset it")


def _prefork(situation: Situation) -> Iterable[Finding]:
    """Whether this is one of many workers, of which an in-process endpoint shows only one."""
    server = next((name for name in ("gunicorn.arbiter", "uwsgi") if name in sys.modules), None)
    if server is not None and "prometheus" in SIGNALS[1].exporters(situation):
        yield Finding(
            "warning",
            f"{server.partition('.')[0]} has many workers: the in-process Prometheus endpoint shows"
            " one of them",
            "export by OTLP, with providers made in the post_fork hook",
        )


CHECKS: Final[tuple[Callable[[Situation], Iterable[Finding]], ...]] = (
    _provider,
    _instrumentation,
    _exporters,
    _collector,
    _prometheus,
    _other_ports,
    _libraries,
    _order,
    _environment,
    _prefork,
)
"""Every check, in the order in which a person would ask."""


def _version(distribution: str) -> str | None:
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None


def _and(words: list[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
