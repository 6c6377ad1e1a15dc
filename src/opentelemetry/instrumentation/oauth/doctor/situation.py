"""Where the checks look, and what ``opentelemetry-instrument`` does before a program runs."""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Generator, Mapping
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import PackageNotFoundError, entry_points, version
from typing import Final

from opentelemetry.instrumentation.auto_instrumentation import (  # pyright: ignore[reportMissingTypeStubs]
    initialize,
)

from opentelemetry.instrumentation.oauth.hooks.registry import LIBRARIES

PROMETHEUS_PORT: Final = "OTEL_EXPORTER_PROMETHEUS_PORT"


@dataclass(frozen=True)
class Situation:
    """Where the checks look."""

    started: bool = False
    """Whether `start` has run: a program under ``opentelemetry-instrument`` sees this."""
    failure: str | None = None
    """The class of the exception that ended the start."""
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def has_sdk(self) -> bool:
        """Whether the SDK is installed."""
        return version_of("opentelemetry-sdk") is not None

    @property
    def has_configurator(self) -> bool:
        """Whether ``opentelemetry-instrument`` finds somebody to configure the SDK."""
        return bool(entry_points(group="opentelemetry_configurator"))

    @property
    def is_disabled(self) -> bool:
        """Whether the SDK was told to tell nothing."""
        return self.get("OTEL_SDK_DISABLED").lower() == "true"

    @property
    def reads_environment(self) -> bool:
        """Whether the exporters are those that the variables name."""
        return (
            self.has_sdk
            and not self.get("OTEL_CONFIG_FILE")
            and (self.has_configurator or not self.started)
        )

    def get(self, name: str, default: str = "") -> str:
        """Give a variable of the environment, where empty is as good as absent."""
        return self.environ.get(name, "").strip() or default


def start() -> Situation:
    """Do what ``opentelemetry-instrument`` does before a program runs, and import the libraries.

    Only for a process that does nothing else: it sets the global providers, and is silent from now
    on (exporters log that nobody answers, which is for a check to tell).
    """
    failure = None
    logging.disable(logging.CRITICAL)
    with _quiet(), _any_prometheus_port():
        try:
            initialize(swallow_exceptions=False)
        except Exception as problem:  # noqa: BLE001 - whatever a distro raises
            failure = type(problem).__name__
        for library in LIBRARIES:
            try:
                import_module(library.trigger)
            except Exception:  # noqa: BLE001, S112 - not installed, or broken: told by a check
                continue
    return Situation(started=True, failure=failure)


@contextmanager
def _quiet() -> Generator[None]:
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _any_prometheus_port() -> Generator[None]:
    """Leave the configured port to the program that it is for, which may be running."""
    before = os.environ.get(PROMETHEUS_PORT)
    os.environ[PROMETHEUS_PORT] = "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ[PROMETHEUS_PORT]
        else:
            os.environ[PROMETHEUS_PORT] = before


def version_of(distribution: str) -> str | None:
    """Give the version that is installed, if any."""
    try:
        return version(distribution)
    except PackageNotFoundError:
        return None
