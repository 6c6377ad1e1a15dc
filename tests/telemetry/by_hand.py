"""Tells exchanges through the manual API, which is what these tests are about."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from opentelemetry.instrumentation.oauth import OAuthTelemetry

TOKEN: dict[str, Any] = {"access_token": "Cnry-access", "token_type": "Bearer", "expires_in": 3600}
ENDPOINT = "https://as.example/token"
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def tell(
    telemetry: OAuthTelemetry,
    form: dict[str, str],
    answer: Any = TOKEN,
    status: int = 200,
    *,
    url: str = ENDPOINT,
    headers: dict[str, str] | None = None,
) -> None:
    """Tell one exchange: a form that was posted, and its answer; an exception is raised."""
    with telemetry.exchange("POST", url, FORM, urlencode(form)) as exchange:
        if exchange is not None:
            if isinstance(answer, BaseException):
                raise answer
            exchange.finish(status, headers or {}, json.dumps(answer))


def credentials(**more: str) -> dict[str, str]:
    return {
        "grant_type": "client_credentials",
        "client_id": "app",
        "client_secret": "Cnry-secret",
        **more,
    }


def refresh(token: str = "Cnry-refresh-1", **more: str) -> dict[str, str]:
    return {
        "grant_type": "refresh_token",
        "client_id": "app",
        "refresh_token": token,
        **more,
    }


class Clock:
    """A monotonic clock that a test winds on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now
