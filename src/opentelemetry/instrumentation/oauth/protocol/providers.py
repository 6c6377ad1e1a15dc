"""Rows of single vendors: what they call things, and endpoints that no RFC knows.

A new provider's quirk is a row here, with the page where it is documented.
"""

from typing import Final

from ..semconv import Endpoint
from .shapes import Shape

SHAPES: Final = (
    Shape(
        Endpoint.TOKEN,
        "GET",
        ("token",),
        ("INSTANCE",),
        "cloud.google.com/compute: service-accounts/*/token; Azure: IMDS, App Service",
    ),
    Shape(
        Endpoint.TOKEN,
        "GET POST",
        ("oauth.access", "oauth.v2.access", "oauth.v2.user.access", "openid.connect.token"),
        ("code", "grant_type", "CLIENT", "UNREAD"),
        "api.slack.com/methods/oauth.v2.access",
    ),
    Shape(
        Endpoint.TOKEN,
        "GET",
        ("access_token", "refresh_access_token"),
        ("grant_type access_token",),
        "developers.facebook.com: Instagram ig_exchange_token, ig_refresh_token",
    ),
    Shape(
        Endpoint.TOKEN,
        "GET POST",
        ("stable_token", "jscode2session", "gettoken"),
        ("grant_type client_secret", "client_id client_secret"),
        "developers.weixin.qq.com: getStableAccessToken, code2Session; WeCom, DingTalk: gettoken",
    ),
    Shape(
        Endpoint.TOKEN,
        "POST",
        ("exchange/jwt",),
        ("jwt_token client_secret",),
        "developer.adobe.com: IMS, JWT exchange",
    ),
    Shape(
        Endpoint.TOKEN,
        "POST",
        ("device/login_status",),
        ("access_token code",),
        "developers.facebook.com: Login for Devices, polling",
    ),
    Shape(
        Endpoint.DEVICE_AUTHORIZATION,
        "POST",
        ("device/login",),
        ("access_token scope",),
        "developers.facebook.com: Login for Devices",
    ),
    Shape(
        Endpoint.DEVICE_AUTHORIZATION,
        "GET",
        ("device/code",),
        ("OAUTH client_id !device_code !code",),
        "api.real-debrid.com: authentication for opensource apps",
    ),
    Shape(
        Endpoint.DEVICE_AUTHORIZATION,
        "POST",
        (),
        ("DEVICE client_id !grant_type",),
        "Login with Amazon: create/codepair; Salesforce: the token endpoint",
    ),
    Shape(
        Endpoint.REVOCATION,
        "DELETE",
        ("applications/*/token", "applications/*/grant", "oauth/refresh_tokens/*"),
        ("BASIC access_token", "OAUTH", "BASIC UNREAD"),
        "docs.github.com/rest/apps/oauth-applications; HubSpot: oauth/v1/refresh-tokens",
    ),
    Shape(
        Endpoint.REVOCATION,
        "DELETE",
        ("oauth/token", "oauth2/token", "oauth/tokens", "oauth2/tokens", "access_tokens"),
        ("BEARER OAUTH", "token CLIENT", "access_token CLIENT"),
        "canvas.instructure.com: login/oauth2/token; docs.mollie.com; developer.todoist.com",
    ),
    Shape(
        Endpoint.REVOCATION,
        "POST",
        ("oauth/deauthorize", "oauth2/deauthorize"),
        ("client_id", "access_token", "BEARER", "CLIENT"),
        "docs.stripe.com/connect: OAuth reference; developers.strava.com; Dialpad",
    ),
    Shape(
        Endpoint.REVOCATION,
        "POST",
        ("auth/token",),
        ("action token !grant_type",),
        "developers.home-assistant.io: auth API, action=revoke",
    ),
    Shape(
        Endpoint.REVOCATION,
        "GET POST",
        ("auth.revoke",),
        ("token", "BEARER"),
        "api.slack.com/methods/auth.revoke",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "POST",
        ("applications/*/token",),
        ("BASIC access_token",),
        "docs.github.com/rest/apps/oauth-applications: check a token",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "GET POST",
        ("tokeninfo", "debug_token", "get_token_info", "id_token_info", "token_status"),
        (
            *("access_token", "id_token", "input_token", "token OAUTH"),
            *("BEARER ISSUER", "BEARER OAUTH"),
        ),
        "developers.google.com/identity: tokeninfo; developers.facebook.com: debug_token; Weibo",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "GET POST",
        ("token/info", "oauth2/validate", "token/status", "oauth/verify"),
        ("OAUTH BEARER",),
        "Doorkeeper, GitLab: token/info; dev.twitch.tv: validate; Square: token/status; Epic Games",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "GET",
        ("oauth/access_tokens/*", "oauth/refresh_tokens/*"),
        ("OAUTH",),
        "developers.hubspot.com: the token is the last segment of the path",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "GET",
        ("token/introspect",),
        ("BEARER",),
        "developers.webflow.com: token/introspect",
    ),
    Shape(
        Endpoint.INTROSPECTION,
        "GET POST",
        ("oauth/verify", "oauth2/verify"),
        ("access_token", "id_token client_id"),
        "developers.line.biz: verify access token, verify ID token",
    ),
    Shape(
        Endpoint.REGISTRATION,
        "POST",
        ("api/apps",),
        ("client_name redirect_uris",),
        "docs.joinmastodon.org/methods/apps",
    ),
    Shape(
        Endpoint.METADATA,
        "GET",
        ("discovery/instance",),
        ("authorization_endpoint",),
        "Entra: instance discovery, as MSAL asks it",
    ),
    Shape(
        Endpoint.JWKS,
        "GET",
        (
            "id/keys",
            "signing_cert/jwk",
            "service_accounts/jwk/*",
            ".well_known/keys",
            "token_keys",
            "token_key",
        ),
        ("!BEARER !FOREIGN",),
        "Salesforce: id/keys; Oracle IDCS: SigningCert; Vault: .well-known/keys; UAA: token_keys",
    ),
    Shape(
        Endpoint.USERINFO,
        "GET POST",
        ("oidc/me", "oidc/profile", "oauth2.0/profile", "oauth/user/info"),
        ("BEARER", "access_token"),
        "oidc-provider, OneLogin: oidc/me; apereo.github.io/cas: profile; Zoho: oauth/user/info",
    ),
    Shape(
        Endpoint.USERINFO,
        "GET POST",
        ("openid.connect.userinfo",),
        ("BEARER", "token"),
        "api.slack.com/methods/openid.connect.userInfo",
    ),
)

PARAMETER_ALIASES: Final = {
    # sent as: (means, where)
    "client_key": ("client_id", "developers.tiktok.com, open.douyin.com"),
    "appid": ("client_id", "developers.weixin.qq.com"),
    "app_id": ("client_id", "business-api.tiktok.com, opendocs.alipay.com, Deezer"),
    "app_key": ("client_id", "open.dingtalk.com"),
    "appkey": ("client_id", "open.dingtalk.com"),
    "corpid": ("client_id", "developer.work.weixin.qq.com"),
    "secret": ("client_secret", "developers.weixin.qq.com, business-api.tiktok.com"),
    "app_secret": ("client_secret", "open.dingtalk.com, open.feishu.cn"),
    "appsecret": ("client_secret", "open.dingtalk.com"),
    "corpsecret": ("client_secret", "developer.work.weixin.qq.com"),
    "auth_code": ("code", "business-api.tiktok.com"),
    "js_code": ("code", "developers.weixin.qq.com: code2Session"),
    "granttype": ("grant_type", "seen without its hump"),
}
"""Parameters under another name; camelCase is folded before (DingTalk, AWS IAM Identity Center)."""

INSTANCE_HEADERS: Final = (
    ("Metadata-Flavor", "cloud.google.com/compute/docs/metadata"),
    ("Metadata", "learn.microsoft.com: Azure Instance Metadata Service"),
    ("X-IDENTITY-HEADER", "learn.microsoft.com: App Service managed identity"),
)

FOREIGN_HEADERS: Final = (
    ("X-Vault-Token", "developer.hashicorp.com/vault: its own tokens, leases and keys"),
    ("X-API-Key", "API gateways"),
    ("Api-Key", "API gateways"),
    ("PRIVATE-TOKEN", "docs.gitlab.com: personal access tokens"),
    ("X-TYPESENSE-API-KEY", "typesense.org/docs"),
    ("BT-API-KEY", "developers.basistheory.com"),
    ("X-Auth-Token", "OpenStack Keystone"),
)
"""Credentials of other kinds of API: what they revoke and list is not OAuth's."""

KNOWN_PARAMETERS: Final = frozenset(
    (
        # RFC 6749, 7636, 8707, 9396, 7521, 8693, 8628, 9449; CIBA; OpenID4VCI; UMA
        *("grant_type", "code", "redirect_uri", "client_id", "client_secret", "scope", "state"),
        *("username", "password", "refresh_token", "code_verifier", "resource", "audience"),
        *("authorization_details", "assertion", "client_assertion", "client_assertion_type"),
        *("subject_token", "subject_token_type", "actor_token", "actor_token_type"),
        *("requested_token_type", "device_code", "auth_req_id", "pre-authorized_code", "tx_code"),
        *("ticket", "claim_token", "claim_token_format", "rpt", "permission", "nonce"),
        # vendors
        *("realm", "connection", "otp", "mfa_token", "oob_code", "account_id", "tenant", "org"),
        *PARAMETER_ALIASES,
    )
)
"""Parameters of token requests, to tell a request from a record that quotes one."""
