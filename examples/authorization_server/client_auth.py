"""The two ways of a client to authenticate with a signed assertion (RFC 7523)."""

from typing import Any

from authlib.oauth2.rfc7523 import JWTBearerClientAssertion

from .models import Client


class _Assertion(JWTBearerClientAssertion):
    """Authlib's check of an assertion, for the clients that are registered for this method."""

    def __init__(self, server: Any) -> None:
        super().__init__()
        self.server = server

    def __call__(self, query_client: Any, request: Any) -> Client | None:
        assertion = request.form.get("client_assertion")
        if not assertion:
            return None
        # Authlib raises on an assertion of the other method instead of letting that one try.
        # What is read here is verified afterwards, by Authlib.
        _, claims = self.extract_assertion(assertion)
        client = query_client(str(claims.get("sub")))
        if client and client.auth_method != self.CLIENT_AUTH_METHOD:
            return None
        return super().__call__(query_client, request)

    def get_audiences(self) -> list[str]:
        return self.server.audiences

    def validate_jti(self, claims: dict[str, Any], jti: str) -> bool:
        return self.server.store.first_sight("jti", claims["sub"], jti)

    def resolve_client_public_key(self, client: Client) -> Any:
        return client.assertion_key()


class ClientSecretJWT(_Assertion):
    CLIENT_AUTH_METHOD = "client_secret_jwt"


class PrivateKeyJWT(_Assertion):
    CLIENT_AUTH_METHOD = "private_key_jwt"
