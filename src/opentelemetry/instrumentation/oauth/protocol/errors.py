"""The error codes of OAuth, where an answer carries one, and what somebody must do about it."""

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, cast

from ..semconv import OTHER, FailureClass
from . import wire

_SOURCES: Final = {
    "RFC 6749 sections 4.1.2.1, 5.2": (
        "invalid_request invalid_client invalid_grant unauthorized_client unsupported_grant_type"
        " invalid_scope access_denied unsupported_response_type server_error"
        " temporarily_unavailable"
    ),
    "RFC 6750 section 3.1": "invalid_token insufficient_scope",
    "RFC 7009 section 2.2.1": "unsupported_token_type",
    "RFC 7591 section 3.2.2": (
        "invalid_redirect_uri invalid_client_metadata invalid_software_statement"
        " unapproved_software_statement"
    ),
    "RFC 8628 section 3.5": "authorization_pending slow_down expired_token",
    "RFC 8693 section 2.2.2, RFC 8707 section 2": "invalid_target",
    "RFC 9101 section 7, OpenID Connect Core section 3.1.2.6": (
        "invalid_request_uri invalid_request_object request_not_supported request_uri_not_supported"
        " registration_not_supported interaction_required login_required account_selection_required"
        " consent_required"
    ),
    "RFC 9200 section 8.3": "unsupported_pop_key incompatible_ace_profiles",
    "RFC 9396 section 5": "invalid_authorization_details",
    "RFC 9449 sections 5, 7.1, 8": "invalid_dpop_proof use_dpop_nonce",
    "RFC 9470 section 3": "insufficient_user_authentication",
    "OpenID Connect Unmet Authentication Requirements": "unmet_authentication_requirements",
    "UMA 2.0 Grant section 3.3.6": "need_info request_denied request_submitted",
    "OpenID CIBA Core sections 11, 13": (
        "expired_login_hint_token unknown_user_id missing_user_code invalid_user_code"
        " invalid_binding_message transaction_failed"
    ),
    "OpenID Federation section 8.9": (
        "invalid_issuer invalid_subject invalid_trust_anchor invalid_trust_chain invalid_metadata"
        " not_found unsupported_parameter missing_trust_anchor validation_failed"
    ),
    "OpenID4VP section 8.5": (
        "vp_formats_not_supported invalid_request_uri_method invalid_transaction_data"
        " wallet_unavailable"
    ),
    "draft-ietf-oauth-attestation-based-client-auth section 6": (
        "use_attestation_challenge use_fresh_attestation invalid_client_attestation"
    ),
    "draft-ietf-oauth-first-party-apps section 5.2": "insufficient_authorization redirect_to_web",
    "oauthlib: MismatchingStateError": "mismatching_state",
    # --- vendors -------------------------------------------------------------------------------
    "docs.github.com/apps: troubleshooting OAuth access token request errors": (
        "bad_verification_code incorrect_client_credentials redirect_uri_mismatch"
        " unverified_user_email bad_refresh_token incorrect_device_code device_flow_disabled"
        " application_suspended"
    ),
    "learn.microsoft.com/entra: device code flow; on-behalf-of; managed identity": (
        "authorization_declined invalid_resource invalid_instance bad_token"
    ),
    "api.slack.com/methods/oauth.v2.access": (
        "invalid_code code_already_used bad_redirect_uri bad_client_secret invalid_client_id"
        " invalid_client_secret invalid_auth not_authed account_inactive token_revoked"
        " token_expired"
        " invalid_refresh_token invalid_grant_type oauth_authorization_url_mismatch ratelimited"
        " missing_scope invalid_arguments"
    ),
    "developers.google.com/identity: OAuth errors": (
        "deleted_client disabled_client admin_policy_enforced org_internal disallowed_useragent"
        " rate_limit_exceeded invalid_request_scheme"
    ),
    "help.salesforce.com: OAuth error codes": (
        "invalid_client_id invalid_client_credentials invalid_app_access invalid_assertion_type"
        " inactive_user inactive_org invalid_app_url app_must_be_installed"
    ),
    "auth0.com/docs: Authentication API": (
        "mfa_required too_many_attempts password_leaked invalid_user_password too_many_requests"
        " unauthorized blocked_user expired_authorization_code association_required"
    ),
    "shopify.dev: access tokens": "invalid_subject_token application_cannot_be_found",
    "django-oauth-toolkit: device flow": "device_not_found",
}

ERROR_CODES: Final = frozenset(code for codes in _SOURCES.values() for code in codes.split())
"""Every code that a metric may tell: IANA "OAuth Extensions Error", OpenID, and vendors'."""

PENDING: Final = frozenset(("authorization_pending", "slow_down", "request_submitted"))
"""RFC 8628 section 3.5, OpenID CIBA Core section 11, UMA 2.0 Grant section 3.3.6: ask again."""

_REAUTHORIZE: Final = frozenset(
    (
        *("invalid_grant", "invalid_token", "interaction_required", "login_required"),
        *("consent_required", "mfa_required", "expired_token", "access_denied"),
        "mismatching_state",
    )
)
_UNAVAILABLE: Final = frozenset(("temporarily_unavailable", "server_error"))
_CHALLENGE: Final = frozenset(("use_dpop_nonce",))


def failure_class(status: int | None, code: str | None) -> str:
    """Give ``oauth.failure.class`` of an answer that is a failure; the first that fits."""
    if (status is not None and status >= 500) or code in _UNAVAILABLE:
        return FailureClass.UNAVAILABLE
    if status == 429:
        return FailureClass.THROTTLED
    if code in _REAUTHORIZE:
        return FailureClass.REAUTHORIZE
    if code in _CHALLENGE:
        return FailureClass.CHALLENGE
    if code is None and status is not None and status < 400:
        return FailureClass.MALFORMED
    return FailureClass.MISCONFIGURED


_WORDS: Final = re.compile(r"[a-z]+(?:_[a-z]+)*\Z")


def tell_error(code: str, secrets: Iterable[str | None] = ()) -> tuple[str, str]:
    """Give ``error.type`` for a code, as a span may tell it and as a metric may.

    ``secrets`` are the values of the request: a code that echoes one is not told.
    """
    if code in ERROR_CODES:
        return code, code
    listed = code.lower()
    if listed in ERROR_CODES:  # servers that capitalise
        return listed, listed
    told = len(code) <= 48 and _WORDS.match(code) and code not in secrets
    return (code if told else OTHER), OTHER


# --- where an answer carries its error ---------------------------------------------------------


class Place(NamedTuple):
    """Where a code stands: a path into the answer, and whether only a listed code is believed."""

    path: tuple[str | int, ...]
    listed_only: bool
    source: str


PLACES: Final = (
    Place(("error",), False, "RFC 6749 section 5.2"),
    Place(("errors", 0, "errorType"), False, "dev.fitbit.com: error messages"),
    Place(("errors", 0, "code"), True, "JSON:API error objects"),
    Place(("error", "type"), True, "api.stackexchange.com/docs/authentication"),
    Place(("error", "code"), True, "servers with error objects"),
    Place(("error", "error"), True, "servers with error objects"),
    Place(("error", "status"), True, "Google APIs: google.rpc.Status"),
    Place(("error_code",), True, "servers with camelCase or renamed members"),
    Place(("errorCode",), True, "servers with camelCase or renamed members"),
    Place(("errcode",), True, "servers with renamed members"),
    Place(("code",), True, "servers with renamed members"),
    Place(("err",), True, "servers with renamed members"),
    Place(("data", "error"), True, "answers in an envelope"),
    Place(("result", "error"), True, "answers in an envelope"),
    Place(("detail", "error"), True, "FastAPI: HTTPException"),
    Place(("fault", "detail", "errorcode"), True, "docs.apigee.com: OAuth v2 policy errors"),
)

FLAGS: Final = (
    # a member that is a number or a truth value, those that mean no error, where it is documented
    (("error",), ("false", "0"), "wiki.connect.qq.com: error 100019"),
    (("errcode",), ("0",), "developers.weixin.qq.com: errcode"),
    (("error_code",), ("0",), "openapi.baidu.com: error_code"),
    (("errorCode",), ("0",), "oapi.dingtalk.com: errorCode"),
    (("data", "error_code"), ("0",), "open.douyin.com: data.error_code"),
    (("error_response", "code"), ("10000",), "opendocs.alipay.com: error_response"),
    (("code",), ("0", "200", "10000"), "business-api.tiktok.com, open.feishu.cn: code"),
    (("status",), ("0", "200", "201", "true"), "developer.withings.com: status"),
    (("ok",), ("true",), "api.slack.com: ok"),
    (("success",), ("true", "1"), "dev.fitbit.com: success"),
)
"""Members that say "this is an error" beside a status of 200, without an OAuth code."""

_NUMBER: Final = re.compile(r"-?[0-9]{1,20}\Z|true\Z|false\Z")

_PHRASES: Final = frozenset(
    (
        *("bad request", "unauthorized", "forbidden", "not found", "method not allowed"),
        *("not acceptable", "conflict", "gone", "unsupported media type", "too many requests"),
        *("unprocessable entity", "internal server error", "bad gateway", "service unavailable"),
        *("gateway timeout", "gateway time-out", "i'm a teapot", "precondition required"),
    )
)
"""RFC 9110 section 15: the status in words (Spring Boot's ``error``), which is no code."""


def _at(answer: Mapping[str, object], path: Iterable[str | int]) -> object:
    value: object = answer
    for step in path:
        if isinstance(step, int):
            items = cast("list[object]", value) if isinstance(value, list) else []
            value = items[step] if step < len(items) else None
        else:
            value = (wire.as_object(value) or {}).get(step)
    return value


def find_code(answer: Mapping[str, object]) -> str | None:
    """Give the error code that an answer carries, as it stands there."""
    for place in PLACES:
        if place.path[0] not in answer:
            continue
        found = _at(answer, place.path)
        value = found.strip() if isinstance(found, str) else ""
        if not value:
            continue
        if place.listed_only:
            if value.lower() in ERROR_CODES:
                return value.lower()
        elif value[0].isupper() and value.lower() in _PHRASES:
            continue
        elif value.lower() not in ("ok", "false", "none", "null"):
            return value
    return None


def flags_error(answer: Mapping[str, object]) -> bool:
    """Tell whether an answer says that it is an error, though it carries no code."""
    error = wire.as_object(answer.get("error"))
    if error and wire.scalar(error.get("code")) not in ("ok", "0", "200"):  # TikTok: code ok
        return True
    for path, fine, _ in FLAGS:
        if path[0] not in answer:
            continue
        told = wire.scalar(_at(answer, path))
        if told is not None and told not in fine and _NUMBER.match(told):
            return True
    return False
