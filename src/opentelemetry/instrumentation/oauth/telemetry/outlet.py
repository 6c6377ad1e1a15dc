"""What everything is told through: providers, limits, the ledger, the user's hooks."""

from __future__ import annotations

import os
import re
import weakref

from opentelemetry import _logs, metrics, trace
from opentelemetry.instrumentation.utils import is_instrumentation_enabled

from opentelemetry.instrumentation.oauth import semconv
from opentelemetry.instrumentation.oauth.config import OAuthConfig
from opentelemetry.instrumentation.oauth.guard import guarded
from opentelemetry.instrumentation.oauth.telemetry import forgotten
from opentelemetry.instrumentation.oauth.telemetry.acquisitions import acquisitions_of
from opentelemetry.instrumentation.oauth.telemetry.directory import EndpointDirectory
from opentelemetry.instrumentation.oauth.telemetry.instruments import Instruments
from opentelemetry.instrumentation.oauth.telemetry.ledger import Ledger
from opentelemetry.instrumentation.oauth.telemetry.servers import ServerAddresses
from opentelemetry.instrumentation.oauth.version import __version__


class Outlet:
    """What `OAuthTelemetry` is below its methods; the modules of this package tell to it."""

    def __init__(
        self,
        config: OAuthConfig | None = None,
        *,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
        logger_provider: _logs.LoggerProvider | None = None,
    ) -> None:
        self.config = config = config or OAuthConfig()
        name, version = semconv.SCOPE_NAME, __version__
        if not config.traces:
            tracer_provider = trace.NoOpTracerProvider()
        if not config.metrics:
            meter_provider = metrics.NoOpMeterProvider()
        if not config.events:
            logger_provider = _logs.NoOpLoggerProvider()
        # No schema_url: the Prometheus exporters would make a label of it.
        self.tracer = trace.get_tracer(name, version, tracer_provider)
        self.logger = _logs.get_logger(name, version, logger_provider)
        self.instruments = Instruments(metrics.get_meter(name, version, meter_provider))
        self.ledger = Ledger(config.ledger_size)
        self.directory = EndpointDirectory(config.token_endpoints)
        self.providers = ServerAddresses(config.max_servers)
        self.resources = ServerAddresses(config.max_servers)
        self._excluded = [re.compile(pattern) for pattern in config.excluded_urls]
        self.request_hook = config.request_hook and guarded(
            config.request_hook, "calling request_hook"
        )
        self.response_hook = config.response_hook and guarded(
            config.response_hook, "calling response_hook"
        )
        self._acquisitions = acquisitions_of(meter_provider)
        self.active = True
        """False once the instrumentation is off: the callbacks of instruments cannot be removed."""
        _alive.add(self)

    @property
    def is_on(self) -> bool:
        """Whether anything is told here and now (``suppress_instrumentation`` silences us)."""
        return self.active and is_instrumentation_enabled()

    def excludes(self, url: str) -> bool:
        """Whether the configuration excludes a URL, given without its query."""
        return any(pattern.search(url) for pattern in self._excluded)

    def after_fork(self) -> None:
        """Make the locks anew: whoever held one is not in the child."""
        self._acquisitions.after_fork()
        self.instruments.after_fork()
        self.ledger.after_fork()
        self.directory.after_fork()
        self.providers.after_fork()
        self.resources.after_fork()

    def close(self) -> None:
        """Tell what had to wait, and nothing after it."""
        forgotten.tell_waiting()
        self.active = False
        self._acquisitions.close(self.instruments)


_alive: weakref.WeakSet[Outlet] = weakref.WeakSet()


def _after_fork_in_child() -> None:
    forgotten.after_fork()
    for outlet in list(_alive):
        outlet.after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
