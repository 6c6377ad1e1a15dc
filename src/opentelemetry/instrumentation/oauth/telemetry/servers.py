"""The cap on server addresses: the one attribute of a metric whose values are not a closed set.

The Python SDK caps nothing by itself: a program that speaks with ever new hosts would fill memory.
"""

from __future__ import annotations

import threading

from opentelemetry.instrumentation.oauth.semconv import OTHER, Attribute
from opentelemetry.instrumentation.oauth.telemetry.instruments import Attributes


class ServerAddresses:
    """The first ``limit`` pairs of address and port seen; later ones are told as ``_OTHER``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._seen: set[tuple[str, int | None]] = set()
        self._lock = threading.RLock()

    def after_fork(self) -> None:
        """Make the lock anew: whoever held it is not in the child."""
        self._lock = threading.RLock()

    def attributes(self, host: str, port: int | None) -> Attributes:
        """Give the metric attributes of a server; ``port`` is None where it is the scheme's."""
        pair = (host, port)
        if pair not in self._seen and not self._admit(pair):
            return {Attribute.SERVER_ADDRESS: OTHER}
        if port is None:
            return {Attribute.SERVER_ADDRESS: host}
        return {Attribute.SERVER_ADDRESS: host, Attribute.SERVER_PORT: port}

    def _admit(self, pair: tuple[str, int | None]) -> bool:
        with self._lock:
            if len(self._seen) >= self._limit and pair not in self._seen:
                return False
            self._seen.add(pair)
            return True
