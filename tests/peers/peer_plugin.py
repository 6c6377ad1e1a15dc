"""A pytest plugin for the own test suites of other libraries, which ``scripts/peers.py`` runs.

It writes the outcome of each test to the file that ``PEER_REPORT`` names; with ``PEER_WATCHED`` the
instrumentation is on from the start. No packet leaves this machine, in either case.
"""

from __future__ import annotations

import json
import logging
import os
import socket
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from opentelemetry.instrumentation.oauth import OAuthInstrumentor
from opentelemetry.instrumentation.oauth.hooks.registry import registry

_OUTCOMES: dict[str, str] = {}
_ERRORS: list[str] = []
_OURS = "opentelemetry.instrumentation.oauth"


class _Errors(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        _ERRORS.append(record.getMessage())


def _stay_here() -> None:
    """Let sockets reach this machine alone."""
    connect, connect_ex, getaddrinfo = (
        socket.socket.connect,
        socket.socket.connect_ex,
        socket.getaddrinfo,
    )

    def is_here(host: object) -> bool:
        name = host.decode() if isinstance(host, bytes) else str(host or "")
        return name in ("", "localhost", "::1", "0.0.0.0") or name.startswith("127.")

    def guarded(original: Any) -> Any:
        def call(self: socket.socket, address: Any) -> Any:
            if isinstance(address, tuple) and not is_here(address[0]):
                raise OSError(101, "Network is unreachable")
            return original(self, address)

        return call

    def resolve(host: Any, *arguments: Any, **keywords: Any) -> Any:
        if not is_here(host):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return getaddrinfo(host, *arguments, **keywords)

    socket.socket.connect = guarded(connect)
    socket.socket.connect_ex = guarded(connect_ex)
    socket.getaddrinfo = resolve


def _watch() -> None:
    tracers = TracerProvider()
    tracers.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    OAuthInstrumentor().instrument(
        tracer_provider=tracers,
        meter_provider=MeterProvider([InMemoryMetricReader()]),
        logger_provider=LoggerProvider(),
    )


def _hooked() -> set[str]:
    return {patch.owner.__module__.partition(".")[0] for patch in registry.patches}


_stay_here()
logging.getLogger(_OURS).addHandler(_Errors())
if os.environ.get("PEER_WATCHED"):
    _watch()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" or report.outcome != "passed":
        failed = _OUTCOMES.get(report.nodeid) == "failed"
        _OUTCOMES[report.nodeid] = "failed" if failed else report.outcome


def pytest_collectreport(report: pytest.CollectReport) -> None:
    if report.failed:
        _OUTCOMES[f"collecting {report.nodeid}"] = "failed"


def pytest_sessionfinish() -> None:
    told = {
        "outcomes": _OUTCOMES,
        "internal_errors": _ERRORS,
        "hooked": sorted(_hooked()),
    }
    Path(os.environ["PEER_REPORT"]).write_text(json.dumps(told))
