"""Tokens handed to callers, as plain integers that an observable counter reads."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from threading import RLock
from typing import Final

from opentelemetry.metrics import (
    CallbackOptions,
    MeterProvider,
    Observation,
    get_meter_provider,
)

from opentelemetry.instrumentation.oauth.semconv import TOKEN_ACQUISITIONS, Attribute
from opentelemetry.instrumentation.oauth.telemetry.instruments import Instruments


class Acquisitions:
    """The counts of one meter provider, whoever tells to it.

    A provider keeps the first callback of an instrument and drops later ones in silence, and a
    cumulative counter may not begin anew: both outlive an instrumentation that is off and on again.
    """

    def __init__(self) -> None:
        self._counts: dict[tuple[str, str], int] = {}
        self._lock = RLock()
        self._tellers: set[Instruments] = set()
        self._observed = False

    def after_fork(self) -> None:
        """Make the lock anew: whoever held it is not in the child."""
        self._lock = RLock()

    def count(self, instruments: Instruments, source: str, reason: str) -> None:
        """Count one token; the counts are observed until all who told have closed."""
        key = (source, reason)
        with self._lock:
            self._tellers.add(instruments)
            self._counts[key] = self._counts.get(key, 0) + 1
            first, self._observed = not self._observed, True
        if first:
            instruments.observe(TOKEN_ACQUISITIONS, self._observe)

    def close(self, instruments: Instruments) -> None:
        """Forget one who told."""
        with self._lock:
            self._tellers.discard(instruments)

    def _observe(self, _: CallbackOptions) -> Iterable[Observation]:
        if not self._tellers:
            return []
        return [
            Observation(count, {Attribute.TOKEN_SOURCE: source, Attribute.REFRESH_REASON: reason})
            for (source, reason), count in list(self._counts.items())
        ]


_of_global: Final = Acquisitions()
_of_provider: weakref.WeakKeyDictionary[MeterProvider, Acquisitions] = weakref.WeakKeyDictionary()


def acquisitions_of(provider: MeterProvider | None) -> Acquisitions:
    """Give the counts of a meter provider; None is the global one."""
    if provider is None or provider is get_meter_provider():
        return _of_global
    return _of_provider.setdefault(provider, Acquisitions())
