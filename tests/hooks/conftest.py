"""Fixtures of the hooks' tests."""

import inspect
from collections.abc import Iterator

import pytest
import requests
from doubles import Server

from opentelemetry.instrumentation.oauth import OAuthInstrumentor


@pytest.fixture(scope="session")
def _server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def server(_server: Server) -> Server:
    """A real server on a real socket, with nothing counted yet."""
    _server.hits.clear()
    _server.routes.clear()
    return _server


@pytest.fixture(autouse=True)
def _off_afterwards() -> Iterator[None]:
    """Begin without contrib's wrapper, which stays where ours was put around it; leave nothing on."""
    requests.Session.send = inspect.unwrap(requests.Session.send)  # type: ignore[method-assign]
    yield
    if OAuthInstrumentor().is_instrumented_by_opentelemetry:
        OAuthInstrumentor().uninstrument()
