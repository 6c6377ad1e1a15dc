"""Which path is which OAuth endpoint, as the counts and the faults name it."""

ENDPOINTS = {
    "/authorize": "authorization",
    "/token": "token",
    "/revoke": "revocation",
    "/introspect": "introspection",
    "/device_authorization": "device_authorization",
    "/register": "registration",
    "/userinfo": "userinfo",
    "/jwks": "jwks",
    "/.well-known/oauth-authorization-server": "metadata",
    "/.well-known/openid-configuration": "metadata",
    "/resource": "resource",
    "/resource/admin": "resource",
}


def canonical(path: str) -> str:
    """Return the path that serves `path`: `/token2` is a second door to `/token`.

    A redirect fault needs another address of the same endpoint to point to.
    """
    if path.endswith("2") and path[:-1] in ENDPOINTS:
        return path[:-1]
    return path


def endpoint_of(path: str) -> str | None:
    """Name the OAuth endpoint at `path`, or None if it is none."""
    path = canonical(path)
    if path.startswith("/register/"):  # RFC 7592: a client's own configuration
        return "registration"
    return ENDPOINTS.get(path)
