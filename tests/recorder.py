"""What the tests see of telemetry: whole spans, whole points, whole events, and a sweep for secrets.

Everything that is told in a test run goes through a `Recorder`, which looks for canaries when it is
closed: every secret that a test or a test server makes contains ``Cnry``.
"""

from __future__ import annotations

import json
from typing import Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs import export as logs_export
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

CANARY = "Cnry"

# The second is its name before 1.39.
InMemoryLogs: Any = getattr(logs_export, "InMemoryLogRecordExporter", None) or getattr(
    logs_export, "InMemoryLogExporter", None
)


class Recorder:
    """Providers that keep in memory what is told to them."""

    def __init__(self, sampler: Sampler = ALWAYS_ON) -> None:
        resource = Resource.create({"service.name": "test"})
        self._spans = InMemorySpanExporter()
        self.tracer_provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self._reader = InMemoryMetricReader()
        self.meter_provider = MeterProvider([self._reader], resource, shutdown_on_exit=False)
        self._logs = InMemoryLogs()
        self.logger_provider = LoggerProvider(resource, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))
        self._read: list[Any] = []

    @property
    def providers(self) -> dict[str, Any]:
        """The keywords of ``instrument()`` and of ``OAuthTelemetry``."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    def raw_spans(self) -> list[ReadableSpan]:
        """The finished spans, in the order in which they ended."""
        return list(self._spans.get_finished_spans())

    def spans(self) -> list[dict[str, Any]]:
        """Whole spans, without what differs between runs (ids and times)."""
        return [
            {
                "name": span.name,
                "kind": span.kind.name,
                "status": span.status.status_code.name,
                "description": span.status.description,
                "attributes": dict(span.attributes or {}),
                "events": [event.name for event in span.events],
                "links": len(span.links),
            }
            for span in self.raw_spans()
        ]

    def metrics(self) -> dict[str, Any]:
        """The metrics of our scope and any other, by name, as the SDK has them."""
        data = self._reader.get_metrics_data()
        self._read.append(data)
        return {
            metric.name: metric
            for resource in (data.resource_metrics if data else [])
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }

    def points(self, name: str) -> list[dict[str, Any]]:
        """Whole points of a counter (``value``) or histogram (``count``), sorted by attributes."""
        metric = self.metrics().get(name)
        points = [] if metric is None else metric.data.data_points
        told = [
            {"attributes": dict(point.attributes)}
            | ({"value": point.value} if hasattr(point, "value") else {"count": point.count})
            for point in points
        ]
        return sorted(told, key=lambda point: json.dumps(point["attributes"], sort_keys=True))

    def histogram(self, name: str) -> list[Any]:
        """The SDK's own histogram points, for their sums and buckets."""
        metric = self.metrics().get(name)
        return [] if metric is None else list(metric.data.data_points)

    def total(self, name: str, **attributes: str) -> int:
        """The sum of a counter, or of a histogram's counts, over the points that have the attributes.

        Keywords write a dot as two underscores: ``oauth__outcome="success"``.
        """
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}
        return sum(
            point.get("value", point.get("count", 0))
            for point in self.points(name)
            if wanted.items() <= point["attributes"].items()
        )

    def events(self) -> list[dict[str, Any]]:
        """Whole events."""
        return [
            {
                "name": log.log_record.event_name,
                "severity": log.log_record.severity_text,
                "body": log.log_record.body,
                "attributes": dict(log.log_record.attributes or {}),
            }
            for log in self._logs.get_finished_logs()
        ]

    def everything(self) -> str:
        """All that was told, as text to search: spans, points with exemplars, events."""
        self.metrics()
        parts = [span.to_json() for span in self.raw_spans()]
        parts += [data.to_json() for data in self._read if data is not None]
        parts += [
            log.log_record.to_json() if hasattr(log.log_record, "to_json") else str(log.log_record)
            for log in self._logs.get_finished_logs()
        ]
        return "\n".join(parts)

    def clear(self) -> None:
        """Forget spans and events, having swept them; counters go on."""
        self.sweep()
        self._spans.clear()
        self._logs.clear()

    def sweep(self, *secrets: str) -> None:
        """Fail if a canary, or one of ``secrets``, stands anywhere in what was told."""
        told = self.everything()
        for secret in (CANARY, *secrets):
            at = told.find(secret)
            assert at < 0, f"a secret was told: …{told[max(0, at - 200) : at + 40]}…"
