"""What switching on costs, each in a fresh process, from compiled files.

Before the clock starts, the SDK is configured and the base of all instrumentations imported, as
``opentelemetry-instrument`` does it. A first round that does not count compiles every module.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator

from benchmarks.table import Row

_OURS = ("opentelemetry.instrumentation.oauth", "OAuthInstrumentor")
_CONTRIB = ("opentelemetry.instrumentation.requests", "RequestsInstrumentor")
_TARGETS = ("requests", "httpx", "httpx2", "authlib", "flask", "urllib3")

_PROGRAM = """
import importlib, json, sys, time
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
trace.set_tracer_provider(TracerProvider())
metrics.set_meter_provider(MeterProvider([InMemoryMetricReader()]))
import opentelemetry.instrumentation.instrumentor
if sys.argv[3] == "before":
    import requests
before = set(sys.modules)
started = time.perf_counter()
instrumentor = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])()
imported = time.perf_counter()
instrumentor.instrument()
done = time.perf_counter()
print(json.dumps([imported - started, done - imported, sorted(set(sys.modules) - before)]))
"""


def _run(package: tuple[str, str], requests: str, compiled: str) -> tuple[float, float, set[str]]:
    environment = {**os.environ, "PYTHONPYCACHEPREFIX": compiled}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    ran = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *package, requests],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    importing, instrumenting, modules = json.loads(ran.stdout)
    return importing * 1e3, instrumenting * 1e3, set(modules)


def rows(rounds: int) -> Iterator[Row]:
    """Measure import and ``instrument()``, the least of some processes, taken in turn."""
    with tempfile.TemporaryDirectory() as compiled:
        yield from _rows(rounds, compiled)


def _rows(rounds: int, compiled: str) -> Iterator[Row]:
    dragged: set[str] = set()
    for when, label in (("before", "requests imported before"), ("after", "requests not imported")):
        least = {package: [float("inf")] * 3 for package in (_OURS, _CONTRIB)}
        for number in range(rounds + 1):
            for package, times in least.items():
                importing, instrumenting, modules = _run(package, when, compiled)
                if number:
                    told = (importing, instrumenting, importing + instrumenting)
                    times[:] = map(min, times, told)
                if package is _OURS:
                    dragged.update(modules.intersection(_TARGETS))
        ours, theirs = least[_OURS], least[_CONTRIB]
        yield Row(f"instrument(), {label}", ours[1], theirs[1], "ms", 1 / 5)
        yield Row(f"  import of the package, {label}", ours[0], theirs[0], "ms")
        yield Row(f"  both, {label}", ours[2], theirs[2], "ms")
    names = " ".join(sorted(dragged)) or "none"
    yield Row(f"target libraries imported by ours: {names}", len(dragged), unit="", most=0)
