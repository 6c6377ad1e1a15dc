"""Where does it go, and does anybody answer there?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from opentelemetry.instrumentation.oauth.doctor.report import Finding, join
from opentelemetry.instrumentation.oauth.doctor.signals import (
    SIGNALS,
    TOLD_AS,
    serves_prometheus,
)
from opentelemetry.instrumentation.oauth.doctor.situation import PROMETHEUS_PORT, Situation
from opentelemetry.instrumentation.oauth.doctor.sockets import answers, metrics_at
from opentelemetry.instrumentation.oauth.semconv import FLOW

_DEFAULT_PORTS: Final = {"otlp_proto_grpc": 4317, "otlp_proto_http": 4318}
_LOCAL: Final = ("localhost", "127.0.0.1", "::1")
_USUAL: Final = {4317: "OTLP over gRPC", 4318: "OTLP over HTTP", 9102: "Prometheus"}
_PROMETHEUS_HOST: Final = "OTEL_EXPORTER_PROMETHEUS_HOST"


class Target(NamedTuple):
    """Where OTLP goes."""

    exporter: str
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


def collector(situation: Situation) -> Iterable[Finding]:
    """Whether somebody answers where OTLP goes."""
    for target, signals in _targets(situation).items():
        goes = f"{join(signals)} go ({TOLD_AS[target.exporter]})"
        other = next(port for port in _DEFAULT_PORTS.values() if port != target.port)
        if answers(target.host, target.port):
            yield Finding("ok", f"{target} answers, where {goes}")
            if target.port != _DEFAULT_PORTS[target.exporter] and target.port in (4317, 4318):
                yield Finding(
                    "warning",
                    f"port {target.port} is by custom not that of {TOLD_AS[target.exporter]}",
                    f"set OTEL_EXPORTER_OTLP_PROTOCOL, or send to port {other}",
                )
        elif target.port in (4317, 4318) and answers(target.host, other):
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


def prometheus(situation: Situation) -> Iterable[Finding]:
    """Whether the in-process Prometheus endpoint is there, or could be."""
    if not situation.reads_environment or not serves_prometheus(situation):
        return
    host, port = situation.get(_PROMETHEUS_HOST, "localhost"), _prometheus_port(situation)
    if port is None:
        yield Finding(
            "problem",
            f"{PROMETHEUS_PORT} is no port: opentelemetry-instrument then starts nothing",
            "set it to a number, such as 9102",
        )
        return
    served = metrics_at(host, port)
    if served is None:
        yield Finding(
            "warning" if situation.started else "problem",
            f"{host}:{port} does not answer, where a program serves its metrics while it runs",
            "if it should be running now: it was started without OTEL_METRICS_EXPORTER=prometheus"
            f" or with another {PROMETHEUS_PORT}",
        )
    elif "# TYPE" not in served:
        yield Finding(
            "problem",
            f"{host}:{port} is taken by something that serves no metrics: a program with this"
            " environment starts nothing",
            f"set {PROMETHEUS_PORT} to a free port",
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
    text = situation.get(PROMETHEUS_PORT, "9464")
    return int(text) if text.isdecimal() and int(text) < 65536 else None


def other_ports(situation: Situation) -> Iterable[Finding]:
    """What answers on the usual ports that nothing goes to."""
    used = {target.port for target in _targets(situation) if target.host in _LOCAL}
    if serves_prometheus(situation):
        used.add(_prometheus_port(situation) or 0)
    told = [
        f"{port} ({what}) {'answers' if answers('localhost', port) else 'does not answer'}"
        for port, what in _USUAL.items()
        if port not in used
    ]
    if told:
        yield Finding("ok", f"not in use on localhost: {', '.join(told)}")
