"""Drive recorded exchanges through the protocol and score what is told of them, field by field."""

import base64
import json
import re
from collections import Counter
from pathlib import Path

from opentelemetry.instrumentation.oauth.protocol.request import OAuthRequest, recognise
from opentelemetry.instrumentation.oauth.protocol.response import Conclusion, conclude
from opentelemetry.instrumentation.oauth.semconv import OTHER

DATA = Path(__file__).parent.parent / "data"
FIELDS = ("endpoint", "grant_type", "client_auth", "outcome", "error", "refresh_rotated")
SPELLINGS = {"discovery": "metadata", "par": "pushed_authorization_request", "custom": OTHER}
_ALT = re.compile(r"ALT\((\w+)=([^)]*)\)")
_VALUES = {"null": None, "true": True, "false": False}
_WORDS = re.compile(r"[a-z]+(_[a-z]+)*\Z")


class Headers(dict):
    """What a transport's headers are: without case sensitivity."""

    def __init__(self, headers):
        super().__init__({name.lower(): value for name, value in headers.items()})

    def get(self, name, default=None):
        return super().get(name.lower(), default)


def load(name: str) -> list[dict]:
    with (DATA / name).open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def run(exchange: dict) -> tuple[OAuthRequest | None, Conclusion | None]:
    sent, got = exchange["request"], exchange["response"]
    body = sent["body"].encode() if sent["body"] else None
    request = recognise(sent["method"], sent["url"], Headers(sent["headers"]), body)
    if request is None:
        return None, None
    raw = base64.b64decode(got["body_b64"]) if "body_b64" in got else (got["body"] or "").encode()
    return request, conclude(request, got["status"], Headers(got["headers"]), raw)


def told(exchange: dict) -> dict:
    request, conclusion = run(exchange)
    if request is None or conclusion is None:
        return dict.fromkeys(FIELDS) | {"endpoint": "none"}
    error = conclusion.error_type
    if error and not _WORDS.match(error):
        error = None  # a status, or _OTHER
    return {
        "endpoint": request.endpoint,
        "grant_type": request.grant_type,
        "client_auth": request.client_auth_method,
        "outcome": conclusion.outcome,
        "error": None if error == "malformed_response" else error,
        "refresh_rotated": conclusion.rotated,
    }


def allowed(exchange: dict) -> dict[str, set]:
    expect = exchange["expect"]
    found: dict[str, set] = {field: {expect[field]} for field in FIELDS}
    for field, value in _ALT.findall(expect["notes"]):
        found[field].add(_VALUES.get(value, value))
    for field, values in found.items():
        found[field] = {SPELLINGS.get(value, value) if value else value for value in values}
    # a code that is not words of a-z is told as _OTHER, which stands here as None
    if any(value and not _WORDS.match(value) for value in found["error"]):
        found["error"].add(None)
    return found


def score(exchanges: list[dict]) -> tuple[Counter, Counter, list[str]]:
    """Count right and all labels by field, and spell the misses."""
    right, every, misses = Counter(), Counter(), []
    for exchange in exchanges:
        answer, fine = told(exchange), allowed(exchange)
        neither = answer["endpoint"] == "none"
        if neither and "none" in fine["endpoint"]:
            right["endpoint"] += 1
            every["endpoint"] += 1
            continue
        for field in FIELDS:
            every[field] += 1
            if answer[field] in fine[field]:
                right[field] += 1
            else:
                misses.append(f"{exchange['id']}: {field} {answer[field]!r}, not {fine[field]!r}")
            if field == "endpoint" and answer[field] not in fine[field] and neither:
                break
    return right, every, misses


def table(right: Counter, every: Counter) -> str:
    return "\n".join(
        f"{field:16} {right[field]:4}/{every[field]:<4} {right[field] / every[field]:7.2%}"
        for field in FIELDS
    )


def secrets_told(exchange: dict) -> list[str]:
    text = " ".join(map(repr, run(exchange)))
    return [secret for secret in exchange["secrets"] if secret and secret in text]
