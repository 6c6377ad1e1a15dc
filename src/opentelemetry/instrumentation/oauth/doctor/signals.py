"""Which exporters the environment names, for which signal."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Final, NamedTuple

from opentelemetry.instrumentation.oauth.doctor.report import Finding, join
from opentelemetry.instrumentation.oauth.doctor.situation import Situation


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


def serves_prometheus(situation: Situation) -> bool:
    """Whether the program itself serves its metrics to Prometheus."""
    return "prometheus" in SIGNALS[1].exporters(situation)


SIGNALS: Final = (
    Signal("traces", "TRACES"),
    Signal("metrics", "METRICS"),
    Signal("events", "LOGS"),
)
_OTLP: Final = {"grpc": "otlp_proto_grpc", "http/protobuf": "otlp_proto_http"}
TOLD_AS: Final = {"otlp_proto_grpc": "OTLP over gRPC", "otlp_proto_http": "OTLP over HTTP"}
_BROUGHT_BY: Final = {
    "prometheus": "pip install 'opentelemetry-instrumentation-oauth[prometheus]'",
    "otlp_proto_grpc": "pip install 'opentelemetry-instrumentation-oauth[otlp]'",
    "otlp_proto_http": "pip install 'opentelemetry-instrumentation-oauth[otlp]'",
}


def exporters(situation: Situation) -> Iterable[Finding]:
    """Whether the exporters that the environment names are installed."""
    if situation.get("OTEL_CONFIG_FILE"):
        yield Finding("ok", "OTEL_CONFIG_FILE names the exporters, which are not checked here")
    if not situation.reads_environment:
        return
    goes: dict[str, list[str]] = {}
    nowhere: list[Signal] = []
    problems: list[Finding] = []
    for signal in SIGNALS:
        named = signal.exporters(situation)
        for exporter in named:
            problems.extend(_exporter(situation, signal, exporter))
        if named:
            names = join([TOLD_AS.get(each, each) for each in named])
            goes.setdefault(names, []).append(signal.name)
        elif situation.started:  # elsewhere a program may have set its own
            nowhere.append(signal)
    if problems:
        yield from dict.fromkeys(problems)
        return
    for names, signals in goes.items():
        yield Finding("ok", f"{join(signals)} are exported by {names}")
    if nowhere:
        yield Finding(
            "ok" if goes else "warning",
            f"{join([each.name for each in nowhere])} are exported nowhere",
            "" if goes else f"set {nowhere[0].exporter_variable} to otlp, for one",
        )


def _exporter(situation: Situation, signal: Signal, exporter: str) -> Iterable[Finding]:
    if not exporter:
        yield Finding(
            "problem",
            f"{signal.otlp(situation, 'PROTOCOL')!r} is no OTLP protocol:"
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
