"""The two real servers, one of each for the whole test session, and clients of every library."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

pytest.register_assert_rewrite("told")  # before anybody imports it

from credentials import authlib_credentials, provider_credentials  # noqa: E402
from drivers import DRIVERS, Client, Credentials, Driver  # noqa: E402
from oidc_provider_server import Server as OIDCProvider  # noqa: E402
from oidc_provider_server import start_oidc_provider  # noqa: E402
from servers import Server, start_authlib  # noqa: E402


@pytest.fixture(scope="session")
def running_authlib() -> Iterator[Server]:
    with start_authlib() as server:
        yield server


@pytest.fixture
def authlib_server(running_authlib: Server) -> Server:
    """Authlib's authorization server, with nothing counted and no fault set."""
    running_authlib.reset()
    return running_authlib


@pytest.fixture(scope="session")
def running_oidc_provider() -> Iterator[OIDCProvider]:
    with start_oidc_provider() as server:
        yield server


@pytest.fixture
def oidc_provider(running_oidc_provider: OIDCProvider) -> OIDCProvider:
    """The npm package oidc-provider: tokens rotate, DPoP wants a nonce."""
    running_oidc_provider.reset()
    return running_oidc_provider


@pytest.fixture(scope="session")
def running_short_lived_provider() -> Iterator[OIDCProvider]:
    with start_oidc_provider(access_token_ttl=1, device_code_ttl=1, rotate=0) as server:
        yield server


@pytest.fixture
def short_lived_provider(running_short_lived_provider: OIDCProvider) -> OIDCProvider:
    """The same with lives of a second, and with refresh tokens that stay."""
    running_short_lived_provider.reset()
    return running_short_lived_provider


Make = Callable[..., Client]


@pytest.fixture
async def clients() -> AsyncIterator[Callable[[Driver, Credentials], Client]]:
    """Make clients, which are closed at the end of the test."""
    made: list[Client] = []

    def make(driver: Driver, who: Credentials, timeout: float = 10.0) -> Client:
        made.append(driver.make(who, timeout))
        return made[-1]

    yield make
    for client in made:
        await client.close()


@pytest.fixture
def of_authlib(clients: Any, authlib_server: Server) -> Make:
    """Make a client of Authlib's server by its id: ``of_authlib(driver, "service")``."""

    def make(driver: Driver, client_id: str, secret: Any = None, **options: Any) -> Client:
        return clients(driver, authlib_credentials(authlib_server, client_id, secret), **options)

    return make


@pytest.fixture
def of_provider(clients: Any) -> Make:
    """Make a client of an oidc-provider by its id: ``of_provider(server, driver, "cc-basic")``."""

    def make(server: OIDCProvider, driver: Driver, client_id: str, secret: Any = None) -> Client:
        return clients(driver, provider_credentials(server, client_id, secret))

    return make


@pytest.fixture(params=DRIVERS, ids=lambda driver: driver.name)
def driver(request: pytest.FixtureRequest) -> Driver:
    """Each library in turn. A test that suits some only is parametrised by them itself."""
    return request.param
