"""Fixtures of the hooks' tests."""

from collections.abc import Iterator

import pytest
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
    """A test that fails in the middle leaves nothing on."""
    yield
    if OAuthInstrumentor().is_instrumented_by_opentelemetry:
        OAuthInstrumentor().uninstrument()
