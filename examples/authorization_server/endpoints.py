"""Authlib's endpoints and its resource protector with their storage filled in."""

import time
from typing import Any, NoReturn

from authlib.integrations.flask_oauth2 import ResourceProtector
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import MissingAuthorizationError, scope_to_list
from authlib.oauth2.rfc6750 import BearerTokenValidator, InsufficientScopeError, InvalidTokenError
from authlib.oauth2.rfc7009 import RevocationEndpoint as _RevocationEndpoint
from authlib.oauth2.rfc7591 import ClientRegistrationEndpoint as _ClientRegistrationEndpoint
from authlib.oauth2.rfc7592 import ClientConfigurationEndpoint as _ClientConfigurationEndpoint
from authlib.oauth2.rfc7662 import IntrospectionEndpoint as _IntrospectionEndpoint
from authlib.oauth2.rfc8628 import DeviceAuthorizationEndpoint as _DeviceAuthorizationEndpoint
from authlib.oidc.core import UserInfo
from authlib.oidc.core.userinfo import UserInfoEndpoint as _UserInfoEndpoint

from .grants import user_info
from .metadata import metadata
from .models import Client, DeviceCredential, Token, User
from .presets import AUTH_METHODS, CANARY
from .store import Store, new_secret

REALM = "example"


class RevocationEndpoint(_RevocationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return self.server.store.token(token_string)  # a wrong hint finds it all the same

    def revoke_token(self, token: Token, request: Any) -> None:
        self.server.store.revoke(token)


class IntrospectionEndpoint(_IntrospectionEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def query_token(self, token_string: str, token_type_hint: str | None) -> Token | None:
        return self.server.store.token(token_string)

    def check_permission(self, token: Token, client: Client, request: Any) -> bool:
        return client.auth_method != "none" or token.check_client(client)

    def introspect_token(self, token: Token) -> dict[str, Any]:
        claims = {
            "active": True,
            "client_id": token.client.client_id,
            "token_type": "Bearer" if token.kind == "access_token" else token.kind,
            "scope": token.scope,
            "iss": self.server.issuer,
            "iat": int(token.issued_at),
        }
        if token.expires_at:
            claims["exp"] = int(token.expires_at)
        if token.user:
            claims |= {"sub": token.user.username, "username": token.user.username}
        return claims


class DeviceAuthorizationEndpoint(_DeviceAuthorizationEndpoint):
    CLIENT_AUTH_METHODS = AUTH_METHODS

    def generate_device_code(self) -> str:
        return new_secret("device")

    def generate_user_code(self) -> str:
        return f"{CANARY}-{super().generate_user_code()}"

    def get_verification_uri(self) -> str:
        return f"{self.server.issuer}/device"

    def save_device_credential(
        self, client_id: str, scope: str | None, data: dict[str, Any]
    ) -> None:
        client = self.server.store.client(client_id)
        # `data` is the answer itself: Authlib has one lifetime for all clients, we have one each.
        data["expires_in"] = client.device_code_lifetime
        data["interval"] = client.device_interval
        self.server.store.put_device(
            DeviceCredential(
                device_code=data["device_code"],
                user_code=data["user_code"],
                client_id=client_id,
                scope=scope,
                interval=client.device_interval,
                expires_at=time.time() + client.device_code_lifetime,
            )
        )


class RegistrationToken:
    """What lets a client read and change its own registration (RFC 7592)."""

    def __init__(self, client: Client) -> None:
        self.client = client

    def check_client(self, client: Client) -> bool:
        return self.client.client_id == client.client_id


class ClientRegistrationEndpoint(_ClientRegistrationEndpoint):
    def authenticate_token(self, request: Any) -> str:
        return "open to everybody"  # Authlib wants a true value

    def get_server_metadata(self) -> dict[str, Any]:
        return metadata(self.server.issuer)

    def generate_client_id(self, request: Any) -> str:
        return new_secret("client").replace(f"{CANARY}-", "")  # an id is no secret

    def generate_client_secret(self, request: Any) -> str:
        return new_secret("secret")

    def save_client(
        self, client_info: dict[str, Any], client_metadata: dict[str, Any], request: Any
    ) -> Client:
        client = Client(
            client_info["client_id"],
            secret=client_info["client_secret"],
            registration_access_token=new_secret("registration"),
            client_info=client_info,
        )
        apply_metadata(client, client_metadata)
        self.server.store.put_client(client)
        return client

    def generate_client_registration_info(self, client: Client, request: Any) -> dict[str, str]:
        return registration_info(self.server.issuer, client)


class ClientConfigurationEndpoint(_ClientConfigurationEndpoint):
    def authenticate_token(self, request: Any) -> RegistrationToken | None:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        client = self.server.store.client_of_registration_token(token) if token else None
        return RegistrationToken(client) if client else None

    def authenticate_client(self, request: Any) -> Client | None:
        return self.server.store.client(request.uri.rpartition("/")[2])

    def check_permission(self, client: Client, request: Any) -> bool:
        return True

    def revoke_access_token(self, token: object, request: object) -> None:
        pass  # the client it belonged to is gone, and it with it

    def delete_client(self, client: Client, request: Any) -> None:
        self.server.store.delete_client(client)

    def update_client(
        self, client: Client, client_metadata: dict[str, Any], request: Any
    ) -> Client:
        apply_metadata(client, client_metadata)
        return client

    def generate_client_registration_info(self, client: Client, request: Any) -> dict[str, str]:
        return registration_info(self.server.issuer, client)

    def get_server_metadata(self) -> dict[str, Any]:
        return metadata(self.server.issuer)


def apply_metadata(client: Client, registered: dict[str, Any]) -> None:
    client.client_metadata = registered
    client.auth_method = registered.get("token_endpoint_auth_method", "client_secret_basic")
    client.grants = tuple(registered.get("grant_types", ["authorization_code"]))
    client.response_types = tuple(registered.get("response_types", ["code"]))
    client.redirect_uris = tuple(registered.get("redirect_uris", []))
    client.scope = registered.get("scope", client.scope)
    client.default_scope = scope_to_list(client.scope)[0]


def registration_info(issuer: str, client: Client) -> dict[str, str]:
    return {
        "registration_client_uri": f"{issuer}/register/{client.client_id}",
        "registration_access_token": client.registration_access_token,
    }


class UserInfoEndpoint(_UserInfoEndpoint):
    def get_issuer(self) -> str:
        return self.server.issuer

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        return user_info(user, scope)


class TokenValidator(BearerTokenValidator):
    def __init__(self, store: Store) -> None:
        super().__init__(realm=REALM)
        self.store = store

    def authenticate_token(self, token_string: str) -> Token | None:
        return self.store.token(token_string, "access_token")


class Protector(ResourceProtector):
    def __init__(self, store: Store) -> None:
        super().__init__()
        self.register_token_validator(TokenValidator(store))

    def raise_error_response(self, error: OAuth2Error) -> NoReturn:
        super().raise_error_response(bearer_error(error))


class _InsufficientScopeError(InsufficientScopeError):
    def get_headers(self) -> list[tuple[str, str]]:
        challenge = f'error="{self.error}", error_description="{self.description}"'
        return [
            *super().get_headers(),
            ("WWW-Authenticate", f'Bearer realm="{REALM}", {challenge}'),
        ]


def bearer_error(error: OAuth2Error) -> OAuth2Error:
    """Give a rejected request the answer of RFC 6750, section 3.1, with the canary in its text.

    Authlib calls a missing header `missing_authorization` and sends a 403 without a challenge.
    """
    text = f"{error.get_error_description() or error.error} ({CANARY})"
    if isinstance(error, MissingAuthorizationError):
        return InvalidTokenError(text, realm=REALM)
    if isinstance(error, InsufficientScopeError):
        return _InsufficientScopeError(text)
    error.description = text
    return error
