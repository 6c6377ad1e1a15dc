"""A tiny collector: takes OTLP over HTTP and keeps what arrives, and every byte of it to search."""

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

OURS = "opentelemetry.instrumentation.oauth"

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Span:
    name: str
    scope: str
    trace_id: bytes
    span_id: bytes
    parent_id: bytes
    links: tuple[bytes, ...]
    start: int
    end: int
    attributes: Attributes

    @property
    def milliseconds(self) -> float:
        return (self.end - self.start) / 1e6


@dataclass(frozen=True)
class Event:
    name: str
    severity: str
    time: int
    attributes: Attributes


@dataclass
class Arrived:
    """What has arrived so far; of a metric, which is cumulative, the last value of each point."""

    spans: list[Span] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    points: dict[tuple[str, tuple[tuple[str, Any], ...]], float] = field(default_factory=dict)
    payloads: list[bytes] = field(default_factory=list)

    def rows(self, metric: str, *names: str) -> dict[tuple[Any, ...], int]:
        """Sum a metric by the attributes `names` (of a histogram, how many values it has)."""
        rows: dict[tuple[Any, ...], int] = {}
        for (name, attributes), value in list(self.points.items()):
            if name == metric:
                key = tuple(dict(attributes).get(each) for each in names)
                rows[key] = rows.get(key, 0) + int(value)
        return rows

    def total(self, metric: str) -> int:
        return sum(self.rows(metric).values())

    @property
    def our_spans(self) -> list[Span]:
        return [span for span in list(self.spans) if span.scope == OURS]


class Receiver:
    """Listens on a free port of this machine while it is entered."""

    def __init__(self) -> None:
        self.arrived = Arrived()
        arrived, lock = self.arrived, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                with lock:
                    arrived.payloads.append(body)
                    TAKE[self.path](arrived, body)
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "Receiver":
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _take_spans(arrived: Arrived, body: bytes) -> None:
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                arrived.spans.append(
                    Span(
                        name=span.name,
                        scope=scope.scope.name,
                        trace_id=span.trace_id,
                        span_id=span.span_id,
                        parent_id=span.parent_span_id,
                        links=tuple(link.span_id for link in span.links),
                        start=span.start_time_unix_nano,
                        end=span.end_time_unix_nano,
                        attributes=_attributes(span.attributes),
                    )
                )


def _take_metrics(arrived: Arrived, body: bytes) -> None:
    for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics:
        for scope in resource.scope_metrics:
            for metric in scope.metrics:
                kind = metric.WhichOneof("data")
                for point in getattr(metric, kind).data_points:
                    key = metric.name, tuple(sorted(_attributes(point.attributes).items()))
                    value = point.count if kind == "histogram" else _number(point)
                    arrived.points[key] = value


def _take_events(arrived: Arrived, body: bytes) -> None:
    for resource in ExportLogsServiceRequest.FromString(body).resource_logs:
        for scope in resource.scope_logs:
            if scope.scope.name == OURS:
                for record in scope.log_records:
                    arrived.events.append(
                        Event(
                            record.event_name,
                            record.severity_text,
                            record.time_unix_nano,
                            _attributes(record.attributes),
                        )
                    )


TAKE = {"/v1/traces": _take_spans, "/v1/metrics": _take_metrics, "/v1/logs": _take_events}


def _number(point: Any) -> float:
    return point.as_int if point.WhichOneof("value") == "as_int" else point.as_double


def _attributes(pairs: Any) -> Attributes:
    return {pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in pairs}
