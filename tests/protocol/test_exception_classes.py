"""Exceptions of transports: told by their class, judged by what they wrap."""

import asyncio
import concurrent.futures
import socket
import ssl
import urllib.error

import pytest

from opentelemetry.instrumentation.oauth.protocol.exceptions import LISTED
from opentelemetry.instrumentation.oauth.protocol.response import conclude_exception

requests = pytest.importorskip("requests")
httpx = pytest.importorskip("httpx")


class Slow(requests.exceptions.ConnectTimeout):
    pass


Odd = type("Odd name", (ValueError,), {"__module__": "evil secret"})


def caused(exception, cause):
    exception.__cause__ = cause
    return exception


CERTIFICATE = ssl.SSLCertVerificationError(1, "certificate verify failed")


@pytest.mark.parametrize(
    ("exception", "span", "metric", "verdict"),
    [
        (requests.exceptions.ConnectTimeout(), "requests.exceptions.ConnectTimeout", None, "unavailable"),
        (httpx.ConnectError("x"), "httpx.ConnectError", None, "unavailable"),
        (TimeoutError(), "TimeoutError", None, "unavailable"),
        (socket.gaierror(), "socket.gaierror", None, "unavailable"),
        (urllib.error.URLError("x"), "urllib.error.URLError", None, "unavailable"),
        (Slow(), f"{Slow.__module__}.Slow", "requests.exceptions.ConnectTimeout", "unavailable"),
        (ValueError("secret"), "ValueError", "_OTHER", "unavailable"),
        (Odd("x"), "_OTHER", "_OTHER", "unavailable"),
        (asyncio.CancelledError(), "asyncio.exceptions.CancelledError", None, "canceled"),
        (KeyboardInterrupt(), "KeyboardInterrupt", None, "canceled"),
        (GeneratorExit(), "GeneratorExit", None, "canceled"),
        (concurrent.futures.CancelledError(), "concurrent.futures._base.CancelledError", None, "canceled"),
        (CERTIFICATE, "ssl.SSLCertVerificationError", None, "misconfigured"),
        (caused(httpx.ConnectError("x"), CERTIFICATE), "httpx.ConnectError", None, "misconfigured"),
        (urllib.error.URLError(CERTIFICATE), "urllib.error.URLError", None, "misconfigured"),
        (requests.exceptions.SSLError(CERTIFICATE), "requests.exceptions.SSLError", None, "misconfigured"),
        (requests.exceptions.SSLError("handshake"), "requests.exceptions.SSLError", None, "unavailable"),
    ],
)  # fmt: skip
def test_exceptions(exception, span, metric, verdict):
    conclusion = conclude_exception(None, exception)
    assert conclusion.outcome == "failure"
    assert conclusion.status is None
    assert conclusion.error_type == span
    assert conclusion.metric_error_type == (span if metric is None else metric)
    assert conclusion.failure_class == verdict


def test_chains_that_bite_their_tail_end():
    first, second = ValueError(), ValueError()
    first.__cause__, second.__cause__ = second, first
    assert conclude_exception(None, first).failure_class == "unavailable"


@pytest.mark.parametrize("module", [requests.exceptions, httpx])
def test_every_exception_of_a_transport_is_told(module):
    for name, value in vars(module).items():
        if (
            isinstance(value, type)
            and issubclass(value, Exception)
            and not issubclass(value, Warning)
        ):
            full = f"{value.__module__}.{value.__qualname__}"
            if value.__module__ == module.__name__:
                assert full in LISTED, name
