"""Authlib's Flask client: a callback that is an error raises, with no HTTP at all."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from types import ModuleType
from typing import Any

from opentelemetry.instrumentation.oauth.guard import report
from opentelemetry.instrumentation.oauth.hooks.clients.authlib import (
    LIBRARY,
    Said,
    call_saying,
    tell_mismatch,
)
from opentelemetry.instrumentation.oauth.hooks.patch import Patch, Point
from opentelemetry.instrumentation.oauth.protocol.authorization import Callback, parse_callback
from opentelemetry.instrumentation.oauth.telemetry.handler import OAuthTelemetry
from opentelemetry.instrumentation.oauth.telemetry.scope import hints


def points(module: ModuleType) -> Iterable[Point]:
    """Name the method to wrap in ``authlib.integrations.flask_client.apps``."""
    make = functools.partial(_make_authorize_access_token, module)
    yield Point(module.FlaskOAuth2App, "authorize_access_token", make)


def _make_authorize_access_token(
    module: ModuleType, original: Callable[..., Any], patch: Patch
) -> Callable[..., Any]:
    @functools.wraps(original, updated=())
    def authorize_access_token(self: Any, *args: Any, **kwargs: Any) -> Any:
        telemetry = patch.telemetry
        if telemetry is None:
            return original(self, *args, **kwargs)
        callback, endpoint = None, None
        try:
            callback = _callback(module.request)
            endpoint = self.authorize_url or self.server_metadata.get("authorization_endpoint")
            _tell_error(telemetry, callback, endpoint)
        except Exception as problem:  # noqa: BLE001 - never into the program
            report("reading a callback", problem)
        state = None if callback is None else callback.state
        try:
            return call_saying(Said(state=state), original, self, args, kwargs)
        except Exception as problem:
            tell_mismatch(telemetry, problem, state, endpoint)
            raise

    return authorize_access_token


def _callback(request: Any) -> Callback | None:
    return parse_callback((request.args if request.method == "GET" else request.form).to_dict())


def _tell_error(telemetry: OAuthTelemetry, callback: Callback | None, endpoint: str | None) -> None:
    if callback is not None and callback.error:
        with hints(library=LIBRARY):
            telemetry.authorization_failed(
                callback.error, state=callback.state, authorization_endpoint=endpoint
            )
