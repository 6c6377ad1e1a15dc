"""Fixtures of the telemetry's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from by_hand import Clock

from opentelemetry.instrumentation.oauth import OAuthTelemetry
from opentelemetry.instrumentation.oauth.telemetry import ledger
from recorder import Recorder


@pytest.fixture
def telemetry(recorder: Recorder) -> Iterator[OAuthTelemetry]:
    """The manual API, telling to the recorder; no library is hooked."""
    telemetry = OAuthTelemetry(**recorder.providers)
    yield telemetry
    telemetry.close()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The clock of the ledger; the system's may be wrong, or change."""
    clock = Clock()
    monkeypatch.setattr(ledger, "monotonic", clock)
    return clock
