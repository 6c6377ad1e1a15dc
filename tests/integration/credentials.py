"""The preset clients of the two servers, as `drivers.Credentials`."""

from __future__ import annotations

from joserfc.jwk import RSAKey

from drivers import Credentials
from oidc_provider_server import Server as OIDCProvider
from oidc_provider_server import client_private_jwk, client_secret
from servers import Server, keys, presets

Secret = str | RSAKey | None


def authlib_private_key() -> RSAKey:
    """The key of the clients of Authlib's server that sign their assertions."""
    return RSAKey.import_key(keys.PRIVATE_KEY)


def authlib_credentials(server: Server, client_id: str, secret: Secret = None) -> Credentials:
    """A client of Authlib's server, as its table has it or with another secret."""
    client = presets.CLIENTS[client_id]
    if secret is None:
        private = client.auth_method == "private_key_jwt"
        secret = authlib_private_key() if private else client.secret
    return Credentials(client_id, client.auth_method, secret, server.url)


_METHODS = {  # by the end of a client's id
    "-private-key-jwt": "private_key_jwt",
    "-secret-jwt": "client_secret_jwt",
    "-post": "client_secret_post",
    "-public": "none",
    "web-dpop": "none",
}


def provider_credentials(
    server: OIDCProvider, client_id: str, secret: Secret = None
) -> Credentials:
    """A client of oidc-provider, as `clients.mjs` has it or with another secret."""
    method = next(
        (method for end, method in _METHODS.items() if client_id.endswith(end)),
        "client_secret_basic",
    )
    if secret is None and method == "private_key_jwt":
        secret = RSAKey.import_key(client_private_jwk())
    elif secret is None:
        secret = "" if method == "none" else client_secret(client_id)
    return Credentials(client_id, method, secret, server.url)
