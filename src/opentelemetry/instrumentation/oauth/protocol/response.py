"""Tell how an exchange ended."""

import re
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from types import MappingProxyType
from typing import Final

from ..semconv import MALFORMED_RESPONSE, OTHER, Endpoint, GrantType, Outcome
from . import answers, wire
from .authorization import parse_callback
from .errors import ERROR_CODES, PENDING, failure_class, find_code, flags_error, tell_error
from .exceptions import class_name, exception_class, listed_name
from .request import OAuthRequest

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Conclusion:
    """How an exchange ended. Secret, and in no ``repr``: ``refresh_token``, ``request_uri``."""

    __slots__ = (
        "error_type",
        "expires_in",
        "failure_class",
        "learned",
        "metric_error_type",
        "outcome",
        "refresh_token",
        "request_uri",
        "retry_after",
        "rotated",
        "status",
        "token_type",
    )

    def __init__(
        self,
        outcome: str,
        status: int | None = None,
        error_type: str | None = None,
        metric_error_type: str | None = None,
        failure_class: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.outcome = outcome
        self.status = status
        self.error_type = error_type
        self.metric_error_type = metric_error_type
        self.failure_class = failure_class
        self.retry_after = retry_after
        self.token_type: str | None = None
        self.expires_in: float | None = None
        self.refresh_token: str | None = None
        self.request_uri: str | None = None
        self.rotated: bool | None = None
        self.learned: Mapping[str, str] = _NOTHING

    def __repr__(self) -> str:
        return f"Conclusion({self.outcome!r}, {self.status!r}, {self.error_type!r})"


def conclude(
    request: OAuthRequest, status: int, headers: Mapping[str, str], body: bytes | str | None
) -> Conclusion:
    """Give the conclusion of an answer; ``body`` None means that it was not read."""
    answer = answers.read(body)
    code = _code(request, status, headers, answer)
    wait = retry_after(headers) if status >= 300 else None
    if code is not None:
        span, metric = tell_error(code, (*request.params.values(), request.client_id))
        if span in PENDING:
            return Conclusion(Outcome.PENDING, status, span, metric, None, wait)
        verdict = failure_class(status, span)
        return Conclusion(Outcome.FAILURE, status, span, metric, verdict, wait)
    if _is_success(request, status, answer):
        return _success(request, status, answer, wait)
    if not 200 <= status < 300:
        told = str(status)
        verdict = failure_class(status, None)
    elif flags_error(answer.members):
        told, verdict = OTHER, failure_class(status, OTHER)
    else:
        told, verdict = MALFORMED_RESPONSE, failure_class(status, None)
    return Conclusion(Outcome.FAILURE, status, told, told, verdict, wait)


def conclude_exception(request: OAuthRequest | None, exception: BaseException) -> Conclusion:
    """Give the conclusion of an exchange that raised instead of giving an answer."""
    del request  # an exception says the same at every endpoint
    kind = type(exception)
    return Conclusion(
        Outcome.FAILURE, None, class_name(kind), listed_name(kind), exception_class(exception)
    )


def _code(
    request: OAuthRequest, status: int, headers: Mapping[str, str], answer: answers.Answer
) -> str | None:
    """Give the error code: in the body, in the redirect, or in the challenge."""
    code = find_code(answer.members)
    if code is None and 300 <= status < 400 and request.endpoint == Endpoint.AUTHORIZATION:
        callback = parse_callback(wire.field(headers, "Location"))  # RFC 6749 section 4.1.2.1
        code = callback.error if callback else None
    if code is None and status in (400, 401, 403):  # RFC 6750 section 3
        for _, params in wire.challenges(wire.field(headers, "WWW-Authenticate")):
            code = code or params.get("error")
    return code


def _is_success(request: OAuthRequest, status: int, answer: answers.Answer) -> bool:
    if status == 304:  # RFC 9110 section 15.4.5: what the client has is still right
        return request.method == "GET" and request.endpoint != Endpoint.TOKEN
    if 300 <= status < 400:
        return request.endpoint == Endpoint.AUTHORIZATION
    if not 200 <= status < 300:
        return False
    if answer.kind == "unread":
        return True
    if flags_error(answer.members) and not answers.issued(answer.members).is_something:
        return False
    return answers.is_due(request.endpoint, request.grant_type, answer)


def _success(
    request: OAuthRequest, status: int, answer: answers.Answer, wait: float | None
) -> Conclusion:
    conclusion = Conclusion(Outcome.SUCCESS, status, retry_after=wait)
    if request.endpoint == Endpoint.TOKEN:
        issued = answers.issued(answer.members)
        conclusion.token_type = issued.token_type
        conclusion.expires_in = issued.expires_in
        conclusion.refresh_token = issued.refresh_token
        if request.grant_type == GrantType.REFRESH_TOKEN and answer.kind != "unread":
            sent = request.params.get("refresh_token")
            conclusion.rotated = issued.refresh_token not in (None, sent)
    elif request.endpoint == Endpoint.PUSHED_AUTHORIZATION_REQUEST:  # RFC 9126 section 2.2
        conclusion.request_uri = wire.scalar(answer.members.get("request_uri"))
    else:
        conclusion.learned = MappingProxyType(answers.learned(request.endpoint, answer.members))
    return conclusion


def rejection(status: int, headers: Mapping[str, str]) -> str | None:
    """Give ``error.type`` of a resource server's rejection; None where it is none (RFC 6750)."""
    if status not in (401, 403):
        return None
    found = [
        params.get("error")
        for scheme, params in wire.challenges(wire.field(headers, "WWW-Authenticate"))
        if scheme in ("bearer", "dpop")
    ]
    if not found or "use_dpop_nonce" in found:  # RFC 9449 section 9: the client gives it by itself
        return None
    error = next((each for each in found if each), None)
    if error is None:
        return str(status)
    return error if error in ERROR_CODES else OTHER


# --- Retry-After -------------------------------------------------------------------------------

_DATE: Final = re.compile(
    r"[A-Z][a-z]{2}, (\d{2}) ([A-Z][a-z]{2}) (\d{4}) (\d{2}):(\d{2}):(\d{2}) GMT", re.ASCII
)
_MONTHS: Final[tuple[str, ...]] = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Give Retry-After in seconds (RFC 9110 section 10.2.3); a date counts from ``Date``."""
    value = wire.field(headers, "Retry-After").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return answers.seconds(value)
    due = _timestamp(value)
    if due is None:
        return None
    now = _timestamp(wire.field(headers, "Date").strip())
    return answers.seconds(due - (time.time() if now is None else now))


def _timestamp(date: str) -> float | None:
    """Read an HTTP-date (RFC 9110 section 5.6.7, the form that is sent today)."""
    found = _DATE.fullmatch(date)
    if found is None or found[2] not in _MONTHS:
        return None
    day, year, hour, minute, second = (int(found[group]) for group in (1, 3, 4, 5, 6))
    try:
        month = _MONTHS.index(found[2]) + 1
        return datetime(year, month, day, hour, minute, second, tzinfo=timezone.utc).timestamp()
    except (ValueError, OverflowError):
        return None
