"""Every name this package emits: metrics, attributes, enum values, events.

These names are a public API. A dashboard, an alert or a query breaks when one changes, so they are
written here and nowhere else: the instruments, the tables of the README and the contract tests are
made from this module. It imports nothing of OpenTelemetry, so that ``protocol`` may use it.

Spelling follows the OpenTelemetry rules (dotted, no unit and no ``_total`` in a name; UCUM units or
annotations), from which every exporter derives the Prometheus names given in ``prometheus_name``.
"""

from typing import Final, Literal, NamedTuple

SCOPE_NAME: Final = "opentelemetry.instrumentation.oauth"

OTHER: Final = "_OTHER"
"""What a value outside its closed set is told as (as OpenTelemetry does it)."""


class Endpoint:
    """Values of ``oauth.endpoint``."""

    TOKEN: Final = "token"  # RFC 6749 section 3.2
    AUTHORIZATION: Final = "authorization"  # RFC 6749 section 3.1
    REVOCATION: Final = "revocation"  # RFC 7009
    INTROSPECTION: Final = "introspection"  # RFC 7662
    DEVICE_AUTHORIZATION: Final = "device_authorization"  # RFC 8628
    PUSHED_AUTHORIZATION_REQUEST: Final = "pushed_authorization_request"  # RFC 9126
    BACKCHANNEL_AUTHENTICATION: Final = "backchannel_authentication"  # OpenID CIBA Core
    REGISTRATION: Final = "registration"  # RFC 7591, RFC 7592
    METADATA: Final = "metadata"  # RFC 8414, RFC 9728, OpenID Connect Discovery
    JWKS: Final = "jwks"  # RFC 7517
    USERINFO: Final = "userinfo"  # OpenID Connect Core section 5.3


ENDPOINTS: Final = (
    Endpoint.TOKEN,
    Endpoint.AUTHORIZATION,
    Endpoint.REVOCATION,
    Endpoint.INTROSPECTION,
    Endpoint.DEVICE_AUTHORIZATION,
    Endpoint.PUSHED_AUTHORIZATION_REQUEST,
    Endpoint.BACKCHANNEL_AUTHENTICATION,
    Endpoint.REGISTRATION,
    Endpoint.METADATA,
    Endpoint.JWKS,
    Endpoint.USERINFO,
)


class GrantType:
    """Values of ``oauth.grant_type``; the URN forms map to these."""

    AUTHORIZATION_CODE: Final = "authorization_code"
    IMPLICIT: Final = "implicit"
    CLIENT_CREDENTIALS: Final = "client_credentials"
    PASSWORD: Final = "password"
    REFRESH_TOKEN: Final = "refresh_token"
    DEVICE_CODE: Final = "device_code"
    JWT_BEARER: Final = "jwt_bearer"
    SAML2_BEARER: Final = "saml2_bearer"
    TOKEN_EXCHANGE: Final = "token_exchange"
    CIBA: Final = "ciba"
    PRE_AUTHORIZED_CODE: Final = "pre_authorized_code"
    UMA_TICKET: Final = "uma_ticket"


GRANT_TYPES: Final = (
    GrantType.AUTHORIZATION_CODE,
    GrantType.IMPLICIT,
    GrantType.CLIENT_CREDENTIALS,
    GrantType.PASSWORD,
    GrantType.REFRESH_TOKEN,
    GrantType.DEVICE_CODE,
    GrantType.JWT_BEARER,
    GrantType.SAML2_BEARER,
    GrantType.TOKEN_EXCHANGE,
    GrantType.CIBA,
    GrantType.PRE_AUTHORIZED_CODE,
    GrantType.UMA_TICKET,
    OTHER,
)


class ClientAuth:
    """Values of ``oauth.client_auth.method``: the IANA names (RFC 7591 section 4.2)."""

    BASIC: Final = "client_secret_basic"
    POST: Final = "client_secret_post"
    SECRET_JWT: Final = "client_secret_jwt"
    PRIVATE_KEY_JWT: Final = "private_key_jwt"
    TLS: Final = "tls_client_auth"
    SELF_SIGNED_TLS: Final = "self_signed_tls_client_auth"
    NONE: Final = "none"


CLIENT_AUTH_METHODS: Final = (
    ClientAuth.BASIC,
    ClientAuth.POST,
    ClientAuth.SECRET_JWT,
    ClientAuth.PRIVATE_KEY_JWT,
    ClientAuth.TLS,
    ClientAuth.SELF_SIGNED_TLS,
    ClientAuth.NONE,
    OTHER,
)


class Outcome:
    """Values of ``oauth.outcome``."""

    SUCCESS: Final = "success"
    FAILURE: Final = "failure"
    PENDING: Final = "pending"


OUTCOMES: Final = (Outcome.SUCCESS, Outcome.FAILURE, Outcome.PENDING)


class FailureClass:
    """Values of ``oauth.failure.class``: what somebody must do about a failure."""

    CANCELED: Final = "canceled"
    UNAVAILABLE: Final = "unavailable"
    THROTTLED: Final = "throttled"
    REAUTHORIZE: Final = "reauthorize"
    CHALLENGE: Final = "challenge"
    MISCONFIGURED: Final = "misconfigured"
    MALFORMED: Final = "malformed"


FAILURE_CLASSES: Final = (
    FailureClass.CANCELED,
    FailureClass.UNAVAILABLE,
    FailureClass.THROTTLED,
    FailureClass.REAUTHORIZE,
    FailureClass.CHALLENGE,
    FailureClass.MISCONFIGURED,
    FailureClass.MALFORMED,
)

MALFORMED_RESPONSE: Final = "malformed_response"
"""``error.type`` of a 2xx that is no OAuth answer."""


class RefreshType:
    """Values of ``type`` on ``token.refresh.*`` and of ``oauth.refresh.type`` on a span."""

    PROACTIVE: Final = "proactive"
    REACTIVE: Final = "reactive"
    UNKNOWN: Final = "unknown"


REFRESH_TYPES: Final = (RefreshType.PROACTIVE, RefreshType.REACTIVE, RefreshType.UNKNOWN)


class Result:
    """Values of ``result``; ``skipped`` is a caller's who used another's refresh."""

    SUCCESS: Final = "success"
    FAILURE: Final = "failure"
    SKIPPED: Final = "skipped"


STORE_OPERATIONS: Final = ("get", "set", "delete")
TOKEN_SOURCES: Final = ("identity_provider", "cache", "broker")
REFRESH_REASONS: Final = ("absent", "expired", "aging", "forced", "not_applicable")
PKCE_METHODS: Final = ("S256", "plain", "none", "unknown")
RESPONSE_TYPES: Final = (  # IANA "OAuth Authorization Endpoint Response Types", in registered order
    "code",
    "token",
    "id_token",
    "id_token token",
    "code id_token",
    "code token",
    "code id_token token",
    "none",
)
TOKEN_TYPES: Final = ("Bearer", "DPoP", "PoP", "mac", "N_A")


class Attribute:
    """Attribute names of spans, metric points and events."""

    ENDPOINT: Final = "oauth.endpoint"
    GRANT_TYPE: Final = "oauth.grant_type"
    CLIENT_AUTH: Final = "oauth.client_auth.method"
    OUTCOME: Final = "oauth.outcome"
    FAILURE_CLASS: Final = "oauth.failure.class"
    ROLE: Final = "oauth.role"
    RESPONSE_TYPE: Final = "oauth.response_type"
    PKCE_METHOD: Final = "oauth.pkce.method"
    TOKEN_TYPE: Final = "oauth.token.type"
    TOKEN_EXPIRES_IN: Final = "oauth.token.expires_in"
    TOKEN_SOURCE: Final = "oauth.token.source"
    REFRESH_TYPE: Final = "oauth.refresh.type"
    REFRESH_REASON: Final = "oauth.refresh.reason"
    REFRESH_TOKEN_ROTATED: Final = "oauth.refresh_token.rotated"
    RETRY_AFTER: Final = "oauth.retry_after"
    LIBRARY: Final = "oauth.library"
    SCOPE: Final = "oauth.scope"
    CLIENT_ID: Final = "oauth.client.id"
    PHASE: Final = "oauth.phase"
    VALIDATION_METHOD: Final = "oauth.validation.method"
    SIGNING_ALGORITHM: Final = "oauth.signing.algorithm"
    AUDIT_EVENT: Final = "oauth.audit.event"
    ERROR_TYPE: Final = "error.type"
    SERVER_ADDRESS: Final = "server.address"
    SERVER_PORT: Final = "server.port"
    STATUS_CODE: Final = "http.response.status_code"
    URL_PATH: Final = "url.path"
    CLIENT_ADDRESS: Final = "client.address"
    TYPE: Final = "type"
    RESULT: Final = "result"
    OPERATION: Final = "operation"


class Event:
    """Event names (OpenTelemetry logs with an event name)."""

    FAILURE: Final = "oauth.failure"
    SECURITY: Final = "oauth.security"


Kind = Literal["counter", "histogram", "observable_counter", "observable_gauge"]
Since = Literal["now", "later"]


class Metric(NamedTuple):
    """One instrument of the contract.

    ``attributes`` ending in ``?`` may be absent. ``emitted`` is ``"now"`` where this version
    records it (by a hook or through the manual API), ``"later"`` where the name is only reserved.
    ``boundaries`` are in the unit of the metric.
    """

    name: str
    kind: Kind
    unit: str
    description: str
    attributes: tuple[str, ...]
    boundaries: tuple[float, ...] = ()
    emitted: Since = "now"

    @property
    def prometheus_name(self) -> str:
        """The name that the OpenTelemetry Prometheus exporters derive."""
        base = self.name.replace(".", "_")
        if self.unit == "s":
            base += "_seconds"
        return base + "_total" if self.kind in ("counter", "observable_counter") else base


DURATION_BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)

_ONE_PROCESS = (
    " It is one process's view: across prefork workers read it at the server or from events."
)

A = Attribute

FLOW: Final = Metric(
    "oauth.flow",
    "counter",
    "{flow}",
    "Conclusions of OAuth grants: token exchanges that succeeded or failed, and authorizations that"
    " came back as an error. Pending polls and DPoP nonce demands conclude nothing.",
    (
        A.ROLE,
        A.GRANT_TYPE,
        A.OUTCOME,
        A.CLIENT_AUTH,
        A.FAILURE_CLASS + "?",
        A.ERROR_TYPE + "?",
        A.SERVER_ADDRESS + "?",
    ),
)
REFRESH_ATTEMPTS: Final = Metric(
    "token.refresh.attempts",
    "counter",
    "{attempt}",
    "Refresh exchanges that concluded, each retry being one; skipped: another's refresh was used.",
    (A.TYPE, A.RESULT),
)
REFRESH_DURATION: Final = Metric(
    "token.refresh.duration",
    "histogram",
    "s",
    "Duration of a refresh exchange.",
    (A.RESULT,),
    (0.1, 0.5, 1, 2, 5),
)
PENDING_TOKENS_CLAIMED: Final = Metric(
    "pending.tokens.claimed",
    "counter",
    "{token}",
    "Pending tokens claimed by the session that began the login.",
    (),
)
STORE_OPERATIONS_METRIC: Final = Metric(
    "token.store.operations",
    "counter",
    "{operation}",
    "Token store operations.",
    (A.OPERATION, A.RESULT),
)
CLIENT_REQUEST_DURATION: Final = Metric(
    "oauth.client.request.duration",
    "histogram",
    "s",
    "Duration of one exchange with an OAuth endpoint, as the client saw it.",
    (
        A.ENDPOINT,
        A.GRANT_TYPE + "?",
        A.OUTCOME,
        A.FAILURE_CLASS + "?",
        A.ERROR_TYPE + "?",
        A.SERVER_ADDRESS,
        A.SERVER_PORT + "?",
    ),
    DURATION_BOUNDARIES,
)
AUTHORIZATION_STARTED: Final = Metric(
    "oauth.client.authorization.started",
    "counter",
    "{authorization}",
    "Authorization URLs that were built.",
    (A.RESPONSE_TYPE, A.PKCE_METHOD, A.SERVER_ADDRESS),
)
AUTHORIZATION_DURATION: Final = Metric(
    "oauth.client.authorization.duration",
    "histogram",
    "s",
    "From building the authorization URL to the end of the code exchange, as a person waits.",
    (A.OUTCOME, A.ERROR_TYPE + "?"),
    (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600),
)
TOKEN_LIFETIME: Final = Metric(
    "oauth.client.token.lifetime",
    "histogram",
    "s",
    "Lifetime of access tokens as issued (expires_in).",
    (A.GRANT_TYPE, A.SERVER_ADDRESS),
    (60, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400, 604800, 2592000, 7776000),
)
TOKEN_REMAINING_LIFETIME: Final = Metric(
    "oauth.client.token.remaining_lifetime",
    "histogram",
    "s",
    "What was left of the access token when it was refreshed; 0 when it had expired."
    + _ONE_PROCESS,
    (A.TYPE,),
    (0, 1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400, 86400),
)
TOKEN_ACQUISITIONS: Final = Metric(
    "oauth.client.token.acquisitions",
    "observable_counter",
    "{acquisition}",
    "Tokens handed to a caller, by where they came from.",
    (A.TOKEN_SOURCE, A.REFRESH_REASON),
)
TOKEN_REDUNDANT: Final = Metric(
    "oauth.client.token.redundant",
    "counter",
    "{request}",
    "client_credentials requests made though an equivalent token had more than half of its life"
    " left: a missing cache." + _ONE_PROCESS,
    (A.GRANT_TYPE, A.SERVER_ADDRESS),
)
REFRESH_COLLISIONS: Final = Metric(
    "oauth.client.refresh.collisions",
    "counter",
    "{refresh}",
    "Refreshes begun while one with the same refresh token was under way: a missing lock."
    + _ONE_PROCESS,
    (A.SERVER_ADDRESS,),
)
REFRESH_TOKEN_REUSE: Final = Metric(
    "oauth.client.refresh_token.reuse",
    "counter",
    "{refresh}",
    "Refresh tokens sent again after the server had rotated them: a race, or a theft."
    + _ONE_PROCESS,
    (A.SERVER_ADDRESS, A.OUTCOME),
)
RESOURCE_REJECTIONS: Final = Metric(
    "oauth.client.resource.rejections",
    "counter",
    "{response}",
    "Requests with a Bearer or DPoP credential that a resource server answered with 401 or 403 and"
    " such a challenge.",
    (A.ERROR_TYPE, A.SERVER_ADDRESS),
)
SERVER_REQUEST_DURATION: Final = Metric(
    "oauth.server.request.duration",
    "histogram",
    "s",
    "Duration of one request to the authorization server's endpoints.",
    (A.ENDPOINT, A.GRANT_TYPE + "?", A.CLIENT_AUTH + "?", A.OUTCOME, A.ERROR_TYPE + "?"),
    DURATION_BOUNDARIES,
    "later",
)
SERVER_PHASE_DURATION: Final = Metric(
    "oauth.server.phase.duration",
    "histogram",
    "s",
    "A phase's own time in a token request, without the phases inside it.",
    (A.PHASE, A.GRANT_TYPE + "?", A.ERROR_TYPE + "?"),
    DURATION_BOUNDARIES,
    "later",
)
SERVER_CLIENTS: Final = Metric(
    "oauth.server.client_authentication.clients",
    "observable_gauge",
    "{client}",
    "Distinct clients seen to authenticate or fail in the last five minutes." + _ONE_PROCESS,
    (A.OUTCOME,),
    (),
    "later",
)
TOKEN_VALIDATION_DURATION: Final = Metric(
    "oauth.token.validation.duration",
    "histogram",
    "s",
    "Duration of the validation of one access token.",
    (A.VALIDATION_METHOD, A.SIGNING_ALGORITHM + "?", A.OUTCOME, A.ERROR_TYPE + "?"),
    DURATION_BOUNDARIES,
    "later",
)
TOKEN_SIGNING_DURATION: Final = Metric(
    "oauth.token.signing.duration",
    "histogram",
    "s",
    "Duration of signing one token.",
    (A.SIGNING_ALGORITHM, A.ERROR_TYPE + "?"),
    (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5),
    "later",
)

METRICS: Final = (
    FLOW,
    REFRESH_ATTEMPTS,
    REFRESH_DURATION,
    PENDING_TOKENS_CLAIMED,
    STORE_OPERATIONS_METRIC,
    CLIENT_REQUEST_DURATION,
    AUTHORIZATION_STARTED,
    AUTHORIZATION_DURATION,
    TOKEN_LIFETIME,
    TOKEN_REMAINING_LIFETIME,
    TOKEN_ACQUISITIONS,
    TOKEN_REDUNDANT,
    REFRESH_COLLISIONS,
    REFRESH_TOKEN_REUSE,
    RESOURCE_REJECTIONS,
    SERVER_REQUEST_DURATION,
    SERVER_PHASE_DURATION,
    SERVER_CLIENTS,
    TOKEN_VALIDATION_DURATION,
    TOKEN_SIGNING_DURATION,
)

SPAN_ATTRIBUTES: Final = {
    A.ENDPOINT: "now",
    A.GRANT_TYPE: "now",
    A.CLIENT_AUTH: "now",
    A.OUTCOME: "now",
    A.FAILURE_CLASS: "now",
    A.ERROR_TYPE: "now",
    A.SERVER_ADDRESS: "now",
    A.SERVER_PORT: "now",
    A.STATUS_CODE: "now",
    A.URL_PATH: "now",
    A.TOKEN_TYPE: "now",
    A.TOKEN_EXPIRES_IN: "now",
    A.REFRESH_TYPE: "now",
    A.REFRESH_TOKEN_ROTATED: "now",
    A.PKCE_METHOD: "now",
    A.LIBRARY: "now",
    A.RETRY_AFTER: "now",
    A.SCOPE: "now",  # off by default
    A.CLIENT_ID: "now",  # off by default
    A.CLIENT_ADDRESS: "later",
}
"""Every attribute that a span may carry; ``later`` ones are reserved."""

EVENT_ATTRIBUTES: Final = {**SPAN_ATTRIBUTES, A.AUDIT_EVENT: "now"}
"""An event carries what its span carries, and the name for the audit log."""

ERROR_TYPE_VALUES_NOTE: Final = (
    "the OAuth error code; the HTTP status; malformed_response; the exception's class; _OTHER"
)
