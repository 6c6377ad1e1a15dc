"""The instruments, each made once, when it is first used."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Counter, Histogram, Meter, Observation

from opentelemetry.instrumentation.oauth.semconv import Metric

Attributes = dict[str, str | int]


class Instruments:
    """Records points of the metrics that `semconv` lists."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._made: dict[str, Any] = {}
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """Make the lock anew: whoever held it is not in the child."""
        self._lock = threading.RLock()

    def add(
        self, metric: Metric, amount: int, attributes: Attributes, context: Context | None = None
    ) -> None:
        """Add to a counter; with a context, for the exemplar."""
        counter: Counter = self._made.get(metric.name) or self._make(metric)
        counter.add(amount, attributes, context)

    def record(
        self, metric: Metric, value: float, attributes: Attributes, context: Context | None = None
    ) -> None:
        """Record a value in a histogram, in the metric's unit."""
        histogram: Histogram = self._made.get(metric.name) or self._make(metric)
        histogram.record(value, attributes, context)

    def observe(
        self, metric: Metric, callback: Callable[[CallbackOptions], Iterable[Observation]]
    ) -> None:
        """Have a counter read by ``callback`` at each collection."""
        with self._lock:
            if metric.name not in self._made:
                self._made[metric.name] = self._meter.create_observable_counter(
                    metric.name, [callback], metric.unit, metric.description
                )

    def _make(self, metric: Metric) -> Any:
        # Two of one name make the SDK warn and record twice, hence the lock.
        with self._lock:
            made = self._made.get(metric.name)
            if made is None:
                made = self._made[metric.name] = self._create(metric)
            return made

    def _create(self, metric: Metric) -> Counter | Histogram:
        if metric.kind == "counter":
            return self._meter.create_counter(metric.name, metric.unit, metric.description)
        return self._meter.create_histogram(
            metric.name,
            metric.unit,
            metric.description,
            explicit_bucket_boundaries_advisory=metric.boundaries,
        )
