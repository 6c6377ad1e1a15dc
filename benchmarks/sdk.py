"""An SDK that records everything and exports nothing. Imports no instrumentation."""

from __future__ import annotations

from typing import Any

from opentelemetry.sdk._logs import LoggerProvider, LogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider


class _Ignored(LogRecordProcessor):
    """Takes every record and does nothing with it."""

    def on_emit(self, log_record: Any) -> None: ...

    def shutdown(self) -> None: ...

    def force_flush(self, timeout_millis: int = 30000) -> bool:
        return True


def providers() -> dict[str, Any]:
    """Give its providers, as ``instrument()`` takes them; new ones each time."""
    tracer_provider = TracerProvider()
    tracer_provider.add_span_processor(SpanProcessor())
    logger_provider = LoggerProvider()
    logger_provider.add_log_record_processor(_Ignored())
    return {
        "tracer_provider": tracer_provider,
        "meter_provider": MeterProvider([InMemoryMetricReader()]),
        "logger_provider": logger_provider,
    }
