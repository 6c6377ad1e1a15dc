"""The words of paths and hosts by which the facts of ``shapes`` are told."""

from typing import Final

from .shapes import squash

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

OAUTH_PARTS: Final = ("oauth", "oidc", "openid")
OAUTH_SEGMENTS: Final = frozenset(
    (
        "connect",  # Duende, Xero
        "o",  # django-oauth-toolkit, Authentik, Google
        "o2",  # Login with Amazon
        "as",  # PingFederate
        "idp",  # PingFederate
        "ims",  # Adobe
        "dex",  # Dex
        "realms",  # Keycloak
        "adfs",  # AD FS
    )
)
"""Segments of path that say OAuth, beside each that contains one of ``OAUTH_PARTS``."""

ISSUER_SEGMENTS: Final = frozenset(
    (
        *("auth", "authentication", "login", "identity", "sso", "iam", "accounts", "account", "id"),
        "access",  # Cloudflare Access
    )
)
"""Segments of path that say: logins live here."""

ISSUER_LABELS: Final = frozenset(
    (
        *("auth", "oauth", "oauth2", "login", "signin", "accounts", "account", "sso", "id", "idp"),
        *("identity", "iam", "oidc", "openid", "securetoken", "token", "tokens", "keycloak"),
        *("connect", "appleid"),
    )
)
"""Labels of a host that say so."""

LOGOUT_SEGMENTS: Final = frozenset(("logout", "signout", "endsession"))
"""OpenID Connect RP-Initiated Logout section 2; Cognito's takes ``response_type``, too."""

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
