"""Where the endpoints live and how they are asked: the rows of the RFCs, and the words of paths.

Rows of single vendors stand in ``providers``; they are looked at first.
"""

from typing import Final

from ..semconv import Endpoint
from . import providers
from .shapes import Shape, rules, spellings, squash

TOKEN_ENDS: Final = (
    "token",  # RFC 6749 section 3.2
    "access_token",  # Facebook, GitHub, Shopify, WeChat
    "oauth_token",  # Asana, ServiceNow
    "oauth/tokens",  # Zendesk
    "oauth2/tokens",
    "tokens/bearer",  # Intuit
    "token_request",  # Snowflake
    "token_endpoint",  # FreeAgent
    "get_token",  # Yahoo
    "get_access_token",
    "refresh_token",  # WeChat, Douyin
    "oauth2/access",  # Meetup
    "device/token",  # Trakt, Dex
    "user_access_token",  # DingTalk
    "access_token/json",  # Stack Exchange
    "token/oauth2",
)

SHAPES: Final = (
    # --- requests for a token ------------------------------------------------------------------
    Shape(
        Endpoint.TOKEN,
        "POST",
        (),
        (
            "GRANT OWN FORM",
            "GRANT OWN JSON CLIENT ALONE",
            "grant_type SECRET FORM",  # RFC 6749 section 4.5: a grant of one's own
            "grant_type SECRET JSON OAUTH ALONE",
        ),
        "RFC 6749 section 3.2: whatever the path, a grant with its credentials",
    ),
    Shape(
        Endpoint.TOKEN,
        "POST",
        TOKEN_ENDS,
        (
            "grant_type FORM",
            "grant_type JSON ALONE",
            "grant_type JSON OAUTH",
            "code CLIENT",
            "code code_verifier",
            "refresh_token CLIENT",
            "device_code",
            "subject_token",
            "OAUTH client_id client_secret",
            "OAUTH assertion",
            "OAUTH username password",
            "OAUTH SECRET",
            "OAUTH FORM !token",
            "OAUTH UNREAD",
        ),
        "RFC 6749 section 3.2, without grant_type as Shopify, Trakt, Tailscale leave it out",
    ),
    Shape(
        Endpoint.TOKEN,
        "GET",
        (),
        ("GRANT OWN client_secret",),
        "Facebook, WeChat, QQ, Naver, Baidu, Instagram: GET, against RFC 6749 section 3.2",
    ),
    Shape(
        Endpoint.TOKEN,
        "GET",
        TOKEN_ENDS,
        (
            "GRANT OWN CLIENT",
            "grant_type client_secret",
            "code client_secret",
            "code CLIENT OAUTH",
            "client_id client_secret OAUTH",
        ),
        "Facebook: client_id, client_secret, code; VK the same",
    ),
    # --- the other endpoints of an authorization server ----------------------------------------
    Shape(
        Endpoint.DEVICE_AUTHORIZATION,
        "POST",
        (
            "device_authorization",
            "device_authorize",
            "device_authz",
            "device_auth",
            "device_code",
            "device/code",
            "device/codes",
            "device/authorize",
            "device/authorization",
            "device/auth",
            "auth/device",
        ),
        (
            "client_id !user_code !device_code !grant_type",
            "BASIC !user_code !device_code !grant_type FORM",
            "OAUTH UNREAD",
        ),
        "RFC 8628 section 3.1",
    ),
    Shape(
        Endpoint.DEVICE_AUTHORIZATION,
        "POST",
        ("device",),
        ("OAUTH CLIENT !user_code !device_code", "ISSUER client_id scope !user_code"),
        "RFC 8628 section 3.1; Twitch, Authentik",
    ),
    Shape(
        Endpoint.PUSHED_AUTHORIZATION_REQUEST,
        "POST",
        (
            "par",
            "par/request",
            "par/authorize",
            "par/push",
            "pushed_authorization_request",
            "pushed_authorization_requests",
            "pushed_authorization",
            "authorize/par",
        ),
        ("client_id", "SECRET FORM", "request FORM", "OAUTH UNREAD"),
        "RFC 9126 section 2.1",
    ),
    Shape(
        Endpoint.PUSHED_AUTHORIZATION_REQUEST,
        "POST",
        (),
        ("TYPES SECRET FORM !grant_type",),
        "RFC 9126 section 2.1: an authorization request with client authentication, at any path",
    ),
    Shape(
        Endpoint.BACKCHANNEL_AUTHENTICATION,
        "POST",
        (
            "bc_authorize",
            "bc_auth",
            "bc/authorize",
            "bc/auth",
            "ciba",
            "ciba/auth",
            "ciba/authorize",
            "backchannel",
            "backchannel_authentication",
            "backchannel_authorize",
            "backchannel/authorize",
            "backchannel/authentication",
            "backchannel/auth",
        ),
        (
            "login_hint",
            "id_token_hint",
            "login_hint_token",
            "request CLIENT",
            "scope CLIENT",
            "OAUTH UNREAD",
        ),
        "OpenID CIBA Core section 7.1",
    ),
    Shape(
        Endpoint.AUTHORIZATION,
        "GET POST",
        (),
        ("client_id TYPES FORM !grant_type", "client_id PUSHED FORM !grant_type"),
        "RFC 6749 section 3.1, RFC 9126 section 4",
    ),
    Shape(
        Endpoint.AUTHORIZATION,
        "GET POST",
        ("authorize", "authorization", "auth", "authz", "dialog/oauth", "oauth2/authorization"),
        (
            "client_id TYPES",
            "client_id request_uri",
            "client_id request !grant_type",
            "client_id redirect_uri !code !client_secret !grant_type",
        ),
        "RFC 6749 section 3.1, RFC 9101 section 5",
    ),
    Shape(
        Endpoint.REVOCATION,
        "POST",
        (
            "revoke",
            "revocation",
            "revoke_token",
            "revoke_access_token",
            "revoke_refresh_token",
            "token_revocation",
            "token_revoke",
            "oauth_revoke",
            "oauth_revoke_token",
            "token/terminate",
            "invalidate_token",
        ),
        (
            "token FORM !FOREIGN !THING",
            "token CLIENT !THING",
            "token OAUTH !THING",
            "access_token CLIENT !THING",
            "access_token OAUTH !THING",
            "refresh_token CLIENT !THING",
            "refresh_token OAUTH !THING",
            "OAUTH BEARER !THING",
            "OAUTH SECRET FORM !THING",
            "OAUTH UNREAD !THING",
        ),
        "RFC 7009 section 2.1; PayPal: token/terminate; X: invalidate_token",
    ),
    Shape(
        Endpoint.REVOCATION,
        "POST",
        ("token/revoke", "tokens/revoke", "token/revocation"),
        ("BEARER EMPTY !FOREIGN !THING",),
        "Dropbox: the token that is sent is the one that dies",
    ),
    Shape(
        Endpoint.REVOCATION,
        "GET",
        ("revoke", "revocation", "revoke_token", "token/revoke"),
        ("token CLIENT !THING", "token OAUTH !THING", "token ISSUER !FOREIGN !THING"),
        "RFC 7009 section 2.3; Google, Salesforce",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "POST",
        (
            "introspect",
            "introspection",
            "token_introspection",
            "token_introspect",
            "introspect_token",
            "oauth_introspect",
            "check_token",
        ),
        (
            "token FORM",
            "token CLIENT",
            "token OAUTH",
            "token BEARER",
            "access_token OAUTH",
            "OAUTH SECRET",
            "OAUTH UNREAD",
        ),
        "RFC 7662 section 2.1; Spring Security: check_token",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "GET",
        ("introspect", "introspection", "check_token"),
        ("token CLIENT", "token OAUTH", "token BEARER"),
        "RFC 7662 section 2.1 leaves GET to the server; Spring Security",
    ),
    Shape(
        Endpoint.REGISTRATION,
        "POST",
        (
            "register",
            "registration",
            "client_registration",
            "client/registration",
            "client/register",
            "clients/register",
            "dynamic_client_registration",
            "clients_registrations/openid_connect",
            "clients_registrations/default",
            "dcr",
        ),
        (
            "redirect_uris",
            "software_statement",
            "token_endpoint_auth_method",
            "grant_types client_name",
            "response_types client_name",
            "client_name client_type",  # AWS IAM Identity Center
            "client_name OAUTH",
            "JOSE OAUTH",  # UK Open Banking
            "OAUTH UNREAD !FORM",
        ),
        "RFC 7591 section 3.1",
    ),
    Shape(
        Endpoint.REGISTRATION,
        "POST",
        ("clients", "reg", "apps", "client"),
        ("OAUTH JSON redirect_uris", "OAUTH JSON software_statement"),
        "RFC 7591 section 3.1; Okta, oidc-provider",
    ),
    Shape(
        Endpoint.REGISTRATION,
        "GET PUT DELETE",
        ("register/*", "registration/*", "clients_registrations/openid_connect/*", "oauth2/reg/*"),
        ("OAUTH BEARER",),
        "RFC 7592 section 2",
    ),
    Shape(
        Endpoint.METADATA,
        "GET",
        (),
        ("METADATA",),
        "RFC 8414 section 3, RFC 9728 section 3, OpenID Connect Discovery section 4",
    ),
    Shape(
        Endpoint.JWKS,
        "GET",
        ("jwks", "jwks/*", "jwk", "jwk_set", "jwks_uri", "openid_connect/certs", "discovery/keys"),
        ("!THING",),
        "RFC 7517 section 5; Keycloak: certs; Entra, AD FS: discovery/keys",
    ),
    Shape(
        Endpoint.JWKS,
        "GET",
        ("certs", "keys", "public_keys", "cert", "jwk/*"),
        ("OAUTH !BEARER !FOREIGN", "ISSUER !BEARER !BASIC !FOREIGN"),
        "RFC 7517 section 5; Google, LINE: certs; Okta, Apple, Dex: keys. Such keys are public",
    ),
    Shape(
        Endpoint.USERINFO,
        "GET POST",
        ("userinfo", "user_info"),
        ("BEARER", "access_token", "OAUTH !FOREIGN"),
        "OpenID Connect Core section 5.3.1, RFC 6750 section 2",
    ),
)

METADATA_NAMES: Final = {
    squash(name): source
    for name, source in (
        ("openid-configuration", "OpenID Connect Discovery section 4"),
        ("oauth-authorization-server", "RFC 8414 section 3"),
        ("oauth-protected-resource", "RFC 9728 section 3"),
        ("uma2-configuration", "UMA 2.0 Grant section 2"),
        ("uma-configuration", "UMA 1.0 section 1.4"),
        ("openid-federation", "OpenID Federation 1.0 section 9"),
        ("openid-credential-issuer", "OpenID4VCI section 12.2"),
        ("jwt-vc-issuer", "draft-ietf-oauth-sd-jwt-vc section 5"),
        ("smart-configuration", "SMART App Launch: conformance"),
        ("openid-provider", "early OpenID Connect"),
    )
}
"""Names below ``/.well-known/`` that are OAuth metadata; ``_`` and ``-`` are one (Intuit)."""

_TABLES: Final = (*providers.SHAPES, *SHAPES)
RULES: Final = rules(_TABLES)
"""Every row in the order in which they are tried."""

LAST_SEGMENTS: Final = frozenset(
    (
        *(word for row in _TABLES for end in row.ends for word in spellings(end)),
        *("v1", "v2", "v3", "v4"),  # Adobe IMS: /ims/token/v3
    )
)
"""Last segments of path, in lower case, at which a request is worth a look."""

WORDS: Final = frozenset(
    squash(word) for row in _TABLES for end in row.ends for word in end.split("/") if word != "*"
)
"""The words of the table, folded: never a secret, wherever they stand in a path."""

OAUTH_SEGMENTS: Final = frozenset(
    (
        "connect",  # Duende, Xero
        "o",  # django-oauth-toolkit, Authentik, Google
        "o2",  # Login with Amazon
        "as",  # PingFederate
        "idp",
        "ims",  # Adobe
        "dex",
        "realms",  # Keycloak
        "adfs",
    )
)
"""Segments that say OAuth; so does each that contains a word of ``OAUTH_PARTS``."""

OAUTH_PARTS: Final = ("oauth", "oidc", "openid")

ISSUER_SEGMENTS: Final = frozenset(
    (
        "auth",
        "authentication",
        "login",
        "identity",
        "sso",
        "iam",
        "accounts",
        "account",
        "id",
        "access",
    )
)
ISSUER_LABELS: Final = frozenset(
    (
        *(
            "auth",
            "oauth",
            "oauth2",
            "login",
            "accounts",
            "account",
            "sso",
            "id",
            "idp",
            "identity",
        ),
        *(
            "iam",
            "oidc",
            "openid",
            "signin",
            "securetoken",
            "token",
            "tokens",
            "keycloak",
            "connect",
        ),
    )
)
"""Segments of path and labels of host that say: logins live here."""

THINGS: Final = frozenset(
    squash(word)
    for word in (
        *("invite", "invites", "invitation", "invitations", "share", "shares", "link", "links"),
        *("api_key", "api_keys", "apikeys", "key", "keys", "personal_access_token", "webhooks"),
        *("personal_access_tokens", "session", "sessions", "certificate", "certificates", "cert"),
        *("certs", "acme", "pki", "license", "licenses", "lease", "leases", "device", "devices"),
        *("user", "users", "role", "roles", "permission", "permissions", "grants", "secret_id"),
        *("credential", "credentials", "badge", "badges", "subscription", "subscriptions"),
    )
)
"""What else is revoked or invalidated by a request that looks alike."""
