"""Authlib's authorization server with everything registered that this example supports."""

from typing import Any

from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import ImplicitGrant
from authlib.oauth2.rfc6750 import BearerTokenGenerator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9207 import IssuerParameter
from flask import Flask, Response, request
from joserfc.jwk import RSAKey

from . import client_auth, endpoints, grants
from .models import Client, Family, Token
from .paths import ENDPOINTS
from .presets import SCOPES
from .store import Store, new_secret


class Issuer(IssuerParameter):
    """RFC 9207: the answer of the authorization endpoint says who gave it."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer

    def get_issuer(self) -> str:
        return self.issuer


class Server(AuthorizationServer):
    def __init__(self, app: Flask, issuer: str, store: Store, access_token_lifetime: int) -> None:
        self.issuer = issuer
        self.store = store
        self.access_token_lifetime = access_token_lifetime
        #: Whom an assertion (RFC 7523) may be addressed to: clients name what they post to.
        self.audiences = [issuer, *(f"{issuer}{path}{n}" for path in ENDPOINTS for n in ("", "2"))]
        self.key = RSAKey.generate_key(2048, {"use": "sig"}, auto_kid=True)
        self.protector = endpoints.Protector(store)
        self.issuer_parameter = Issuer(issuer)
        app.config["OAUTH2_SCOPES_SUPPORTED"] = SCOPES
        super().__init__(app, query_client=store.client, save_token=self._persist)
        self._register()

    def _register(self) -> None:
        self.register_token_generator(
            "default",
            BearerTokenGenerator(
                lambda **_: new_secret("access"), lambda **_: new_secret("refresh"), self._lifetime
            ),
        )
        self.register_client_auth_method("client_secret_jwt", client_auth.ClientSecretJWT(self))
        self.register_client_auth_method("private_key_jwt", client_auth.PrivateKeyJWT(self))

        id_token = grants.OpenIDToken(self.key, self.issuer)
        self.register_grant(
            grants.AuthorizationCodeGrant,
            [CodeChallenge(required=True), grants.OpenIDCode(self.key, self.issuer, self.store)],
        )
        self.register_grant(ImplicitGrant)
        self.register_grant(grants.ClientCredentialsGrant)
        self.register_grant(grants.PasswordGrant, [id_token])
        self.register_grant(grants.RefreshTokenGrant, [id_token])
        self.register_grant(grants.DeviceCodeGrant, [id_token])
        self.register_grant(grants.JWTBearerGrant)
        self.register_grant(grants.TokenExchangeGrant)

        self.register_endpoint(endpoints.RevocationEndpoint)
        self.register_endpoint(endpoints.IntrospectionEndpoint)
        self.register_endpoint(endpoints.DeviceAuthorizationEndpoint)
        self.register_endpoint(endpoints.ClientRegistrationEndpoint)
        self.register_endpoint(endpoints.ClientConfigurationEndpoint)
        self.register_endpoint(endpoints.UserInfoEndpoint(resource_protector=self.protector))
        self.register_extension(self.issuer_parameter)

    def _lifetime(self, client: Client, grant_type: str) -> int:
        """Seconds that an access token lives: what the request asks for, else the client's."""
        asked = request.values.get("access_token_lifetime", "")
        if asked.isdecimal():
            return int(asked)
        return client.access_token_lifetime or self.access_token_lifetime

    def _persist(self, token: dict[str, Any], oauth_request: Any) -> None:
        origin = oauth_request.refresh_token or oauth_request.authorization_code
        family = origin.family if origin else Family()
        for kind, lifetime in (("access_token", token.get("expires_in")), ("refresh_token", None)):
            if kind in token:
                self.store.put_token(
                    Token(
                        value=token[kind],
                        kind=kind,
                        client=oauth_request.client,
                        user=oauth_request.user,
                        scope=token.get("scope", ""),
                        expires_in=lifetime,
                        family=family,
                    )
                )

    def handle_error_response(self, request: Any, error: OAuth2Error) -> Response:
        return super().handle_error_response(request, endpoints.bearer_error(error))
