"""Who may ask for what: the clients, the users and the lifetimes, in one place."""

from .keys import PUBLIC_KEY
from .models import Client, User

#: Part of every secret that this server knows or issues, and of every error description.
CANARY = "Cnry"

ACCESS_TOKEN_LIFETIME = 3600
AUTHORIZATION_CODE_LIFETIME = 300

AUTHORIZATION_CODE = "authorization_code"
CLIENT_CREDENTIALS = "client_credentials"
IMPLICIT = "implicit"
PASSWORD = "password"
REFRESH_TOKEN = "refresh_token"
DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code"
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"

SCOPES = ("openid", "profile", "email", "read", "write", "admin")
AUTH_METHODS = (
    "client_secret_jwt",
    "private_key_jwt",
    "client_secret_basic",
    "client_secret_post",
    "none",
)
GRANT_TYPES = (
    AUTHORIZATION_CODE,
    IMPLICIT,
    CLIENT_CREDENTIALS,
    PASSWORD,
    REFRESH_TOKEN,
    DEVICE_CODE,
    JWT_BEARER,
    TOKEN_EXCHANGE,
)


def secret_of(client_id: str) -> str:
    # Long enough for HS256, which `service-jwt` signs with.
    return f"{client_id}-secret-{CANARY}-0123456789abcdef0123456789"


def _client(client_id: str, method: str, *grants: str, **more: object) -> Client:
    by_secret = method.startswith("client_secret")
    response_types = {AUTHORIZATION_CODE: "code", IMPLICIT: "token"}
    return Client(
        client_id,
        method,
        secret_of(client_id) if by_secret else "",
        grants,
        tuple(response_types[grant] for grant in grants if grant in response_types),
        redirect_uris=("http://127.0.0.1/callback",),
        any_loopback_redirect=True,
        **more,  # type: ignore[arg-type]
    )


CLIENTS = {
    client.client_id: client
    for client in (
        _client("web", "client_secret_basic", AUTHORIZATION_CODE, REFRESH_TOKEN),
        _client(
            "web-static",  # keeps its refresh token for good
            "client_secret_basic",
            AUTHORIZATION_CODE,
            PASSWORD,
            REFRESH_TOKEN,
            rotates_refresh_tokens=False,
        ),
        _client("spa", "none", AUTHORIZATION_CODE, REFRESH_TOKEN),  # Authlib asks it for PKCE
        _client("implicit", "none", IMPLICIT),
        _client("service", "client_secret_basic", CLIENT_CREDENTIALS),
        _client("service-post", "client_secret_post", CLIENT_CREDENTIALS),
        _client("service-jwt", "client_secret_jwt", CLIENT_CREDENTIALS),
        _client("service-pkjwt", "private_key_jwt", CLIENT_CREDENTIALS, public_key=PUBLIC_KEY),
        _client(
            "service-short", "client_secret_basic", CLIENT_CREDENTIALS, access_token_lifetime=2
        ),
        _client("device", "none", DEVICE_CODE, REFRESH_TOKEN),
        _client("device-short", "none", DEVICE_CODE, device_code_lifetime=1),
        _client("legacy", "client_secret_basic", PASSWORD, REFRESH_TOKEN),
        _client(
            "short",
            "client_secret_basic",
            AUTHORIZATION_CODE,
            PASSWORD,
            REFRESH_TOKEN,
            access_token_lifetime=2,
        ),
        _client("assertion", "private_key_jwt", JWT_BEARER, public_key=PUBLIC_KEY),
        _client("exchange", "client_secret_basic", TOKEN_EXCHANGE, CLIENT_CREDENTIALS),
        _client("api", "client_secret_basic"),  # a resource server: it only introspects
    )
}

USERS = {
    user.username: user
    for user in (
        User("alice", f"alice-password-{CANARY}", "Alice", "alice@example.com"),
        User("bob", f"bob-password-{CANARY}", "Bob", "bob@example.com"),
    )
}
