"""The two events, ``oauth.failure`` and ``oauth.security``, which feed the audit log.

Each carries ``oauth.audit.event``, a word of a closed table that a person can grep for.
"""

from __future__ import annotations

from time import time_ns
from typing import Final

from opentelemetry._logs import Logger, LogRecord, SeverityNumber
from opentelemetry.context import Context

from opentelemetry.instrumentation.oauth.protocol.errors import ERROR_CODES
from opentelemetry.instrumentation.oauth.semconv import (
    MALFORMED_RESPONSE,
    Attribute,
    Event,
    FailureClass,
)
from opentelemetry.instrumentation.oauth.telemetry.instruments import Attributes

REFRESH_REUSE: Final = "ERR_REFRESH_REUSE"
INVALID_REDIRECT: Final = "ERR_INVALID_REDIRECT"
MISMATCHING_STATE: Final = "ERR_MISMATCHING_STATE"

_RENAMED: Final = {
    "expired_token": "ERR_TOKEN_EXPIRED",
    # A redirect URI that the server rejects: RFC 7591 section 3.2.2; GitHub and Google.
    "invalid_redirect_uri": INVALID_REDIRECT,
    "redirect_uri_mismatch": INVALID_REDIRECT,
    MALFORMED_RESPONSE: "ERR_MALFORMED_RESPONSE",
}

AUDIT_EVENTS: Final = {
    **{code: f"ERR_{code.upper()}" for code in sorted(ERROR_CODES)},
    **_RENAMED,
}
"""What an ``error.type`` is called in the audit log."""

_SECURITY: Final = frozenset({REFRESH_REUSE, INVALID_REDIRECT, MISMATCHING_STATE})


def audit_event(error_type: str, failure_class: str | None) -> str:
    """Name a failure for the audit log."""
    named = AUDIT_EVENTS.get(error_type)
    if named is not None:
        return named
    return "ERR_UNAVAILABLE" if failure_class == FailureClass.UNAVAILABLE else "ERR_OTHER"


def emit(logger: Logger, audit: str, attributes: Attributes, context: Context) -> None:
    """Emit the event of a failure: ``oauth.security`` where the audit name says so."""
    security = audit in _SECURITY
    now = time_ns()
    logger.emit(
        LogRecord(
            timestamp=now,
            observed_timestamp=now,
            context=context,
            severity_number=SeverityNumber.ERROR if security else SeverityNumber.WARN,
            severity_text="ERROR" if security else "WARN",
            body=audit,
            attributes={**attributes, Attribute.AUDIT_EVENT: audit},
            event_name=Event.SECURITY if security else Event.FAILURE,
        )
    )
