"""Fixtures of all tests: a recorder, the instrumentation switched on, and the sweep."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from opentelemetry.instrumentation.oauth import OAuthInstrumentor, guard
from recorder import CANARY, Recorder


class _OurLog(logging.Handler):
    """Keeps every line that our own loggers write, to sweep it and to fail on internal errors."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        line = logging.Formatter().format(record)
        self.lines.append(line)


@pytest.fixture(autouse=True)
def our_log(request: pytest.FixtureRequest) -> Iterator[list[str]]:
    """Every line of our loggers; no canary in them, and no internal error unless a test wants one.

    A test that provokes an internal error is marked ``@pytest.mark.internal_errors``.
    """
    handler = _OurLog()
    logger = logging.getLogger("opentelemetry.instrumentation.oauth")
    logger.addHandler(handler)
    guard._reported.clear()
    yield handler.lines
    logger.removeHandler(handler)
    told = "\n".join(handler.lines)
    assert CANARY not in told, "a secret stands in our own log"
    if request.node.get_closest_marker("internal_errors") is None:
        assert "failed while" not in told, told


@pytest.fixture
def recorder() -> Iterator[Recorder]:
    """Providers in memory, swept for canaries at the end of the test."""
    recorder = Recorder()
    yield recorder
    recorder.sweep()


@pytest.fixture
def instrumented(recorder: Recorder) -> Iterator[Recorder]:
    """The instrumentation switched on, telling to the recorder."""
    OAuthInstrumentor().instrument(**recorder.providers)
    yield recorder
    if OAuthInstrumentor().is_instrumented_by_opentelemetry:
        OAuthInstrumentor().uninstrument()
