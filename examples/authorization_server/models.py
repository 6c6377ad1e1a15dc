"""The rows of the tables, in the shapes that Authlib asks for."""

import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2.rfc6749 import ClientMixin, TokenMixin, scope_to_list
from authlib.oauth2.rfc8628 import DeviceCredentialMixin
from authlib.oidc.core import AuthorizationCodeMixin
from joserfc.jwk import KeySet, OctKey, RSAKey

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True)
class User:
    username: str
    password: str
    name: str
    email: str

    def get_user_id(self) -> str:
        return self.username

    def check_password(self, password: str) -> bool:
        return secrets.compare_digest(self.password.encode(), password.encode())


@dataclass
class Client(ClientMixin):
    client_id: str
    auth_method: str = "client_secret_basic"
    secret: str = ""
    grants: tuple[str, ...] = ()
    response_types: tuple[str, ...] = ()
    redirect_uris: tuple[str, ...] = ()
    #: Any http address of this machine is a redirect URI: tests listen on ports of the moment.
    any_loopback_redirect: bool = False
    scope: str = "openid profile email read write admin"
    default_scope: str = "read"
    rotates_refresh_tokens: bool = True
    #: Seconds; None is the server's `--access-token-lifetime`.
    access_token_lifetime: int | None = None
    device_code_lifetime: int = 300
    device_interval: int = 1
    #: Of a client that signs its assertions: a PEM, or a JWK set that it registered.
    public_key: str = ""
    #: As registered (RFC 7591); empty for a preset.
    client_metadata: dict[str, Any] = field(default_factory=dict)
    client_info: dict[str, Any] = field(default_factory=dict)
    registration_access_token: str = ""

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        return self.redirect_uris[0] if self.redirect_uris else None

    def get_allowed_scope(self, scope: str | None) -> str | None:
        """Return the scope to grant; None (an `invalid_scope`) if it asks for more than it may."""
        if not scope:
            return self.default_scope
        asked = scope_to_list(scope)
        return " ".join(asked) if set(asked) <= set(scope_to_list(self.scope)) else None

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        if redirect_uri in self.redirect_uris:
            return True
        if not self.any_loopback_redirect:
            return False
        parts = urlsplit(redirect_uri)
        return parts.scheme == "http" and parts.hostname in LOOPBACK

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.secret.encode(), client_secret.encode())

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return response_type in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grants

    def assertion_key(self) -> OctKey | RSAKey | KeySet:
        """Return the key that this client's assertions (RFC 7523) are checked with."""
        if "jwks" in self.client_metadata:
            return KeySet.import_key_set(self.client_metadata["jwks"])
        if self.public_key:
            return RSAKey.import_key(self.public_key)
        return OctKey.import_key(self.secret)


@dataclass
class Family:
    """All that grew from one consent. A stolen refresh token ends the whole of it."""

    revoked: bool = False


@dataclass
class AuthorizationCode(AuthorizationCodeMixin):
    code: str
    client_id: str
    username: str
    scope: str
    redirect_uri: str | None
    nonce: str | None
    code_challenge: str | None
    code_challenge_method: str | None
    expires_at: float
    auth_time: int = field(default_factory=lambda: int(time.time()))
    family: Family = field(default_factory=Family)
    spent: bool = False

    def get_redirect_uri(self) -> str | None:
        return self.redirect_uri

    def get_scope(self) -> str:
        return self.scope

    def get_nonce(self) -> str | None:
        return self.nonce

    def get_auth_time(self) -> int:
        return self.auth_time


@dataclass
class Token(TokenMixin):
    """An access token or a refresh token: each has a life of its own."""

    value: str
    kind: str
    client: Client
    user: User | None
    scope: str
    expires_in: float | None
    family: Family
    issued_at: float = field(default_factory=time.time)
    revoked: bool = False
    #: A refresh token that somebody is trading in or has traded in for its successor.
    rotated: bool = False

    @property
    def expires_at(self) -> float | None:
        return None if self.expires_in is None else self.issued_at + self.expires_in

    def check_client(self, client: Client) -> bool:
        return self.client.client_id == client.client_id

    def get_scope(self) -> str:
        return self.scope

    def get_expires_in(self) -> float | None:
        return self.expires_in

    def is_expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= time.time()

    def is_revoked(self) -> bool:
        return self.revoked or self.rotated or self.family.revoked

    def get_user(self) -> User | None:
        return self.user

    def get_client(self) -> Client:
        return self.client


@dataclass
class DeviceCredential(DeviceCredentialMixin):
    device_code: str
    user_code: str
    client_id: str
    scope: str | None
    interval: float
    expires_at: float
    #: None while the user has not decided.
    approved: bool | None = None
    user: User | None = None
    polled_at: float | None = None
    redeemed: bool = False

    def get_client_id(self) -> str:
        return self.client_id

    def get_scope(self) -> str | None:
        return self.scope

    def get_user_code(self) -> str:
        return self.user_code

    def is_expired(self) -> bool:
        return self.expires_at <= time.time()
