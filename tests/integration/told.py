"""What the contract says must be told of a list of exchanges: whole spans, points and events.

A test writes down the exchanges that it made, one row each, and `check` compares all that was told
with all that follows from the rows: nothing may be missing, nothing may be there besides.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from recorder import Recorder

SCOPE = "opentelemetry.instrumentation.oauth"
SECURITY = ("ERR_REFRESH_REUSE", "ERR_MISMATCHING_STATE", "ERR_INVALID_REDIRECT")


@dataclass(frozen=True)
class Exchange:
    """One exchange as it is told. The fields up to ``library`` stand on its span."""

    endpoint: str
    path: str | None = None
    grant: str | None = None
    auth: str | None = None
    outcome: str = "success"
    status: int | None = 200
    error: str | None = None
    failure: str | None = None
    token_type: str | None = None
    expires_in: int | None = None
    refresh: str | None = None
    rotated: bool | None = None
    pkce: str | None = None
    retry_after: int | None = None
    library: str | None = None
    # What shows elsewhere.
    linked: bool = False
    """Its span links to the one in which its authorization was begun."""
    waited: bool = False
    """It ends an authorization that was seen to begin."""
    remaining: bool = False
    """It was known what was left of the token that it refreshes."""
    redundant: bool = False
    collides: bool = False
    reuses: bool = False
    audit: str | None = None
    """``oauth.audit.event``; without one ``ERR_`` and the error code."""
    callback: bool = False
    """No exchange at all: an authorization that came back as an error."""

    @property
    def is_challenge(self) -> bool:
        return self.failure == "challenge"

    @property
    def failed(self) -> bool:
        return self.outcome == "failure" and not self.is_challenge

    def attributes(self, address: str, port: int) -> dict[str, Any]:
        return _present(
            {
                "oauth.endpoint": self.endpoint,
                "oauth.grant_type": self.grant,
                "oauth.client_auth.method": self.auth,
                "oauth.outcome": self.outcome,
                "oauth.failure.class": self.failure,
                "error.type": self.error,
                "server.address": address,
                "server.port": port,
                "http.response.status_code": None if self.callback else self.status,
                "url.path": self.path,
                "oauth.token.type": self.token_type,
                "oauth.token.expires_in": self.expires_in,
                "oauth.refresh.type": self.refresh,
                "oauth.refresh_token.rotated": self.rotated,
                "oauth.pkce.method": self.pkce,
                "oauth.retry_after": self.retry_after,
                "oauth.library": self.library,
            }
        )

    def span(self, address: str, port: int) -> dict[str, Any]:
        name = self.endpoint if self.grant is None or self.callback else f"token {self.grant}"
        return {
            "name": name,
            "kind": "INTERNAL" if self.callback else "CLIENT",
            "status": "ERROR" if self.failed else "UNSET",
            "description": self.error if self.failed else None,
            "attributes": self.attributes(address, port),
            "events": [],
            "links": int(self.linked),
        }

    def event(self, address: str, port: int) -> dict[str, Any]:
        audit = self.audit or f"ERR_{(self.error or '').upper()}"
        security = audit in SECURITY
        return {
            "name": "oauth.security" if security else "oauth.failure",
            "severity": "ERROR" if security else "WARN",
            "body": audit,
            "attributes": {**self.attributes(address, port), "oauth.audit.event": audit},
        }

    def points(self, address: str, port: int) -> Iterable[tuple[str, dict[str, Any]]]:
        outcome = _present(
            {
                "oauth.outcome": self.outcome,
                "oauth.failure.class": self.failure,
                "error.type": self.error,
            }
        )
        brief = {key: outcome[key] for key in outcome if key != "oauth.failure.class"}
        server = {"server.address": address}
        grant = {"oauth.grant_type": self.grant}
        result = {"result": self.outcome}
        if not self.callback:
            asked = {"oauth.endpoint": self.endpoint, **outcome, **server, "server.port": port}
            if self.endpoint == "token":
                asked |= grant
            yield "oauth.client.request.duration", asked
        if self.waited:
            yield "oauth.client.authorization.duration", brief
        concludes = self.endpoint == "token" and self.outcome != "pending" and not self.is_challenge
        if concludes or self.callback:
            method = {"oauth.client_auth.method": self.auth or "none"}
            yield "oauth.flow", {"oauth.role": "client", **grant, **method, **outcome, **server}
        if self.expires_in is not None:
            yield "oauth.client.token.lifetime", {**grant, **server}
        if self.redundant:
            yield "oauth.client.token.redundant", {**grant, **server}
        if self.grant == "refresh_token":
            yield "token.refresh.attempts", {"type": self.refresh, **result}
            yield "token.refresh.duration", result
        if self.remaining:
            yield "oauth.client.token.remaining_lifetime", {"type": self.refresh}
        if self.collides:
            yield "oauth.client.refresh.collisions", server
        if self.reuses:
            yield "oauth.client.refresh_token.reuse", {**server, "oauth.outcome": self.outcome}


def check(
    recorder: Recorder,
    url: str,
    exchanges: Sequence[Exchange],
    *,
    started: Sequence[tuple[str, str]] = (),
    rejected: Sequence[str] = (),
) -> None:
    """Compare all that was told with all that follows from the exchanges.

    Args:
        recorder: What was told to.
        url: The server's.
        exchanges: In the order in which they ended.
        started: Authorizations begun: response type and PKCE method.
        rejected: ``error.type`` of what a resource server rejected.
    """
    parts = urlsplit(url)
    where = parts.hostname or "", parts.port or 0
    assert ours(recorder) == [exchange.span(*where) for exchange in exchanges]
    assert recorder.events() == [
        exchange.event(*where) for exchange in exchanges if exchange.failed
    ]

    counted: Counter[tuple[str, str]] = Counter()
    for exchange in exchanges:
        counted.update(_keyed(exchange.points(*where)))
    server = {"server.address": where[0]}
    for kind, pkce in started:
        point = {"oauth.response_type": kind, "oauth.pkce.method": pkce, **server}
        counted.update(_keyed([("oauth.client.authorization.started", point)]))
    for error in rejected:
        point = {"error.type": error, **server}
        counted.update(_keyed([("oauth.client.resource.rejections", point)]))
    assert points(recorder) == counted


def ours(recorder: Recorder) -> list[dict[str, Any]]:
    """The spans that we made, whole; a test's own are left out."""
    return [
        span
        for span, raw in zip(recorder.spans(), recorder.raw_spans(), strict=True)
        if raw.instrumentation_scope and raw.instrumentation_scope.name == SCOPE
    ]


def points(recorder: Recorder) -> Counter[tuple[str, str]]:
    """Every point of every metric: how often it was recorded."""
    told: Counter[tuple[str, str]] = Counter()
    for name in recorder.metrics():
        for point in recorder.points(name):
            key = (name, json.dumps(point["attributes"], sort_keys=True))
            told[key] = point["value"] if "value" in point else point["count"]
    return told


def _keyed(points: Iterable[tuple[str, dict[str, Any]]]) -> list[tuple[str, str]]:
    return [(name, json.dumps(attributes, sort_keys=True)) for name, attributes in points]


def _present(attributes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in attributes.items() if value is not None}
