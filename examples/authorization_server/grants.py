"""Authlib's grants with their storage filled in, and the one that Authlib does not have."""

import time
from typing import Any

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import (
    BaseGrant,
    InvalidGrantError,
    InvalidRequestError,
    TokenEndpointMixin,
    UnauthorizedClientError,
    grants,
)
from authlib.oauth2.rfc7523 import JWTBearerGrant as _JWTBearerGrant
from authlib.oauth2.rfc8628 import DeviceCodeGrant as _DeviceCodeGrant
from authlib.oidc.core import UserInfo
from authlib.oidc.core.grants import OpenIDCode as _OpenIDCode
from authlib.oidc.core.grants import OpenIDToken as _OpenIDToken
from joserfc.jwk import RSAKey

from .models import AuthorizationCode, Client, DeviceCredential, Token, User
from .presets import AUTH_METHODS, AUTHORIZATION_CODE_LIFETIME, CANARY, TOKEN_EXCHANGE
from .store import Store, new_secret

ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"


class AuthorizationCodeGrant(grants.AuthorizationCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def generate_authorization_code(self) -> str:
        return new_secret("code")

    def save_authorization_code(self, code: str, request: Any) -> None:
        data = request.payload.data
        client_id, nonce = request.client.client_id, data.get("nonce")
        if nonce:
            self.server.store.first_sight("nonce", client_id, nonce)
        self.server.store.put_code(
            AuthorizationCode(
                code=code,
                client_id=client_id,
                username=request.user.username,
                scope=request.scope,
                redirect_uri=request.payload.redirect_uri,
                nonce=nonce,
                code_challenge=data.get("code_challenge"),
                code_challenge_method=data.get("code_challenge_method"),
                expires_at=time.time() + AUTHORIZATION_CODE_LIFETIME,
            )
        )

    def query_authorization_code(self, code: str, client: Client) -> AuthorizationCode | None:
        # Spent here and not in delete_authorization_code, which comes after the token was issued:
        # of two requests with the same code at the same time both would be served.
        return self.server.store.spend_code(code, client)

    def delete_authorization_code(self, authorization_code: AuthorizationCode) -> None:
        pass

    def authenticate_user(self, authorization_code: AuthorizationCode) -> User | None:
        return self.server.store.user(authorization_code.username)


class ClientCredentialsGrant(grants.ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS


class PasswordGrant(grants.ResourceOwnerPasswordCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def authenticate_user(self, username: str, password: str) -> User | None:
        user = self.server.store.user(username)
        return user if user and user.check_password(password) else None


class RefreshTokenGrant(grants.RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    _claimed: Token | None = None

    def validate_token_request(self) -> None:
        try:
            super().validate_token_request()
        except OAuth2Error:
            if self._claimed:
                self.server.store.release_refresh_token(self._claimed)
            raise
        self.INCLUDE_NEW_REFRESH_TOKEN = self.request.client.rotates_refresh_tokens

    def authenticate_refresh_token(self, refresh_token: str) -> Token | None:
        self._claimed = self.server.store.claim_refresh_token(refresh_token)
        return self._claimed

    def authenticate_user(self, refresh_token: Token) -> User | None:
        return refresh_token.user

    def revoke_old_credential(self, refresh_token: Token) -> None:
        pass  # claiming it has done so


class DeviceCodeGrant(_DeviceCodeGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def validate_token_request(self) -> None:
        super().validate_token_request()
        # Authlib leaves to us that a device code works once.
        if not self.server.store.redeem_device(self.request.credential):
            raise InvalidGrantError("The device code was used before.")

    def query_device_credential(self, device_code: str) -> DeviceCredential | None:
        return self.server.store.device(device_code)

    def query_user_grant(self, user_code: str) -> tuple[User, bool] | None:
        credential = self.server.store.device_of_user_code(user_code)
        if credential.approved is None:
            return None
        return credential.user, credential.approved

    def should_slow_down(self, credential: DeviceCredential) -> bool:
        return self.server.store.polled_too_fast(credential)


class JWTBearerGrant(_JWTBearerGrant):
    def resolve_issuer_client(self, issuer: str) -> Client | None:
        return self.server.store.client(issuer)

    def resolve_client_public_key(self, client: Client) -> Any:
        return client.assertion_key()

    def authenticate_user(self, subject: str) -> User | None:
        return self.server.store.user(subject)

    def get_audiences(self) -> list[str]:
        return self.server.audiences

    def has_granted_permission(self, client: Client, user: User) -> bool:
        return True


class TokenExchangeGrant(BaseGrant, TokenEndpointMixin):
    """RFC 8693, for access tokens that this server issued: Authlib's `rfc8693` is empty."""

    GRANT_TYPE = TOKEN_EXCHANGE
    TOKEN_ENDPOINT_AUTH_METHODS = AUTH_METHODS

    def validate_token_request(self) -> None:
        client = self.authenticate_token_endpoint_client()
        if not client.check_grant_type(self.GRANT_TYPE):
            raise UnauthorizedClientError(
                f"The client is not authorized to use 'grant_type={self.GRANT_TYPE}'"
            )
        form = self.request.form
        if "subject_token" not in form:
            raise InvalidRequestError("Missing 'subject_token' in request.")
        for name in ("subject_token_type", "requested_token_type"):
            if form.get(name, ACCESS_TOKEN_TYPE) != ACCESS_TOKEN_TYPE:
                raise InvalidRequestError(f"Unsupported '{name}' in request.")
        subject = self.server.store.token(form["subject_token"], "access_token")
        # Section 2.2.2: a subject token that is not acceptable is an invalid_request.
        if not subject or subject.is_expired() or subject.is_revoked():
            raise InvalidRequestError("Invalid 'subject_token' in request.")
        self.request.client = client
        self.request.user = subject.user
        self.validate_requested_scope()

    def create_token_response(self) -> tuple[int, dict[str, Any], Any]:
        token = self.generate_token(
            user=self.request.user, scope=self.request.payload.scope, include_refresh_token=False
        )
        self.save_token(token)
        token["issued_token_type"] = ACCESS_TOKEN_TYPE
        return 200, token, self.TOKEN_RESPONSE_HEADER


class OpenIDToken(_OpenIDToken):
    """Adds an ID token to the answer where the scope has `openid`."""

    def __init__(self, key: RSAKey, issuer: str) -> None:
        self.key = key
        self.issuer = issuer

    def resolve_client_private_key(self, client: Client) -> RSAKey:
        return self.key

    def get_encode_header(self, client: Client) -> dict[str, Any]:
        return {"alg": "RS256", "kid": self.key.kid}

    def get_client_claims(self, client: Client) -> dict[str, Any]:
        return {"iss": self.issuer, "canary": CANARY}

    def generate_user_info(self, user: User, scope: str) -> UserInfo:
        return user_info(user, scope)


class OpenIDCode(OpenIDToken, _OpenIDCode):
    """The same at the code flow, where the request may bring a nonce."""

    require_nonce = False

    def __init__(self, key: RSAKey, issuer: str, store: Store) -> None:
        super().__init__(key, issuer)
        self.store = store

    def exists_nonce(self, nonce: str, request: Any) -> bool:
        return self.store.seen("nonce", request.payload.client_id, nonce)


def user_info(user: User, scope: str) -> UserInfo:
    """Tell about a user what the scope allows."""
    return UserInfo(sub=user.username, name=user.name, email=user.email).filter(scope)
