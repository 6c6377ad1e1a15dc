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
    "oauth/tokens",  # Zendesk
    "oauth2/tokens",
    "tokens/bearer",  # Intuit
    "token_request",  # Snowflake
    "token_endpoint",  # FreeAgent
    "get_token",  # Yahoo
    "get_access_token",
    "refresh_token",  # WeChat, Douyin
    "oauth2/access",  # Meetup
    "oauth/refresh",  # Figma, Clover
    "oauth2/refresh",
    "token/refresh",
    "oauth/exchange",
    "oauth2/exchange",
    "device/token",  # Trakt, Dex
    "user_access_token",  # DingTalk
    "access_token/json",  # Stack Exchange
)

REVOCATION_ENDS: Final = (
    "revoke",  # RFC 7009 examples
    "revocation",  # Duende, Xero
    "token/revoke",  # Discord, Keycloak
    "revoke_token",  # PingFederate, Yandex
    "revoke_access_token",
    "revoke_refresh_token",
    "revoke_authorization",  # Webflow
    "revoke_oauth2",  # Weibo
    "token_revocation",
    "token_revoke",
    "token/terminate",  # PayPal
    "invalidate_token",  # X
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
            "GRANT OWN JSON OAUTH CLIENT",
            "grant_type SECRET FORM ALONE",  # RFC 6749 section 4.5: a grant of one's own
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
            "grant_type ALONE",
            "GRANT OWN",
            "grant_type OAUTH",
            "code CLIENT",
            "code code_verifier",
            "refresh_token CLIENT",
            "device_code",
            "subject_token",
            "OAUTH client_id client_secret",
            "OAUTH assertion",
            "OAUTH username password",
            "OAUTH SECRET EMPTY",
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
            "authorize/device",  # WorkOS
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
            "oidc/request",  # oidc-provider
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
        (
            "client_id TYPES FORM !grant_type !password !LOGOUT",
            "client_id PUSHED FORM !grant_type !password !LOGOUT",
        ),
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
            "client_id OAUTH !SECRET !grant_type !code",  # GitHub: no response_type
        ),
        "RFC 6749 section 3.1, RFC 9101 section 5",
    ),
    Shape(
        Endpoint.REVOCATION,
        "POST",
        REVOCATION_ENDS,
        (
            "token FORM !FOREIGN !THING",
            "token CLIENT !THING",
            "token OAUTH !THING",
            "access_token CLIENT !THING",
            "access_token OAUTH !THING",
            "refresh_token CLIENT !THING",
            "refresh_token OAUTH !THING",
            "OAUTH BEARER !THING",
            "OAUTH CLIENT FORM !THING",
            "OAUTH UNREAD !THING",
        ),
        "RFC 7009 section 2.1",
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
        "GET DELETE",
        REVOCATION_ENDS,
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
            "client_name grant_type",  # WSO2
            "client_name OAUTH",
            "software_id",  # SMART, Epic
            "jwks OAUTH",
            "JOSE OAUTH",  # UK Open Banking
            "OAUTH UNREAD !FORM",
        ),
        "RFC 7591 section 3.1",
    ),
    Shape(
        Endpoint.REGISTRATION,
        "POST",
        ("clients", "reg", "apps", "client"),
        ("OAUTH JSON redirect_uris !ADMIN", "OAUTH JSON software_statement !ADMIN"),
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
        Endpoint.JWKS,
        "GET",
        (
            *("jwks", "jwks/*", "jwk", "jwk_set", "jwks_uri", "jwk_uri"),
            *("openid_connect/certs", "discovery/keys"),
        ),
        ("!FOREIGN",),
        "RFC 7517 section 5; Keycloak: certs; Entra, AD FS: discovery/keys",
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
        ("certs", "keys", "public_keys", "cert", "jwk/*"),
        (
            "OAUTH !BEARER !BASIC !FOREIGN !ADMIN",
            "ISSUER !BEARER !BASIC !FOREIGN !ADMIN",
        ),
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

_TABLES: Final = (*providers.SHAPES, *SHAPES)
RULES: Final = rules(_TABLES)
"""By method, every row in the order in which it is tried."""

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
