"""The same classes, bare, with ours, with contrib's: switched by setting their attributes.

Each instrumentation patches once, as it does in a program; what it left in the classes is kept, and
set and taken away between blocks of calls, so that all three are measured in one process, side by
side, through the very same objects.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import requests
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.instrumentation.requests import RequestsInstrumentor

from benchmarks import floor
from benchmarks.sdk import providers
from opentelemetry.instrumentation.oauth import OAuthInstrumentor

_POINTS = (
    (requests.Session, "send"),
    (httpx.Client, "_send_handling_redirects"),
    (httpx.AsyncClient, "_send_handling_redirects"),
    (httpx.Response, "read"),
    (httpx.Response, "aread"),
    (httpx.Response, "close"),
    (httpx.Response, "aclose"),
    (httpx.HTTPTransport, "handle_request"),
    (httpx.AsyncHTTPTransport, "handle_async_request"),
)

Variant = dict[tuple[type, str], Any]


def _state() -> Variant:
    return {(owner, name): vars(owner)[name] for owner, name in _POINTS}


def install(variant: Variant) -> None:
    """Put a variant's methods into the classes."""
    for (owner, name), method in variant.items():
        if vars(owner)[name] is not method:
            setattr(owner, name, method)


def _patched_by(instrument: Callable[[], None], bare: Variant) -> Variant:
    instrument()
    patched = _state()
    install(bare)
    return patched


def _contrib() -> None:
    told = providers()
    RequestsInstrumentor().instrument(**told)
    HTTPXClientInstrumentor().instrument(**told)


def variants() -> dict[str, Variant]:
    """Give ``bare``, ``ours`` and ``contrib``; the classes are left bare."""
    bare = _state()
    return {
        "bare": bare,
        "ours": _patched_by(lambda: OAuthInstrumentor().instrument(**providers()), bare),
        "contrib": _patched_by(_contrib, bare),
    }


def by_hand(bare: Variant, what: floor.Told) -> Variant:
    """Give ``bare`` with a ``Session.send`` that tells the same at each call, and does no more."""
    point = (requests.Session, "send")
    return {**bare, point: floor.by_hand(bare[point], what)}
