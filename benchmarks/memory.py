"""What a million exchanges leave behind, with us and without, each in a fresh process.

Everything that could be remembered is new each time: tokens, clients, hosts, error strings, states.
The transport is a ``Session.send`` that answers at once; ours wraps it as it wraps the real one.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from benchmarks.table import Row

MIB = 1024 * 1024
_FILLS_LEDGER = 500_000
"""Exchanges of which a fifth fills every kind of entry in the ledger: from then on it is flat."""


class Sample(NamedTuple):
    """What the process holds: pages, pages after the allocator gave back what it could, blocks."""

    resident: int
    trimmed: int
    blocks: int


_HELD: tuple[tuple[str, Callable[[Sample], int]], ...] = (
    ("memory: RSS", lambda sample: sample.resident),
    ("memory: RSS trimmed", lambda sample: sample.trimmed),
)


def _resident() -> int:
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def _sample() -> Sample:
    gc.collect()
    resident = _resident()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    return Sample(resident, _resident(), sys.getallocatedblocks())


def _program(exchanges: int, *, ours: bool) -> list[Sample]:
    """Run in a process of its own: a sample after each tenth."""
    import requests
    from requests.structures import CaseInsensitiveDict

    from benchmarks.sdk import providers

    answers: dict[str, Any] = {}

    def send(self: Any, request: Any, **kwargs: Any) -> Any:
        return answers["next"]

    requests.Session.send = send  # type: ignore[method-assign]
    told = providers()
    if ours:
        from opentelemetry.instrumentation.oauth import OAuthInstrumentor

        OAuthInstrumentor().instrument(**told)
    session = requests.Session()
    form = CaseInsensitiveDict({"Content-Type": "application/x-www-form-urlencoded"})
    bearer = CaseInsensitiveDict({"Authorization": "Bearer x"})
    typed = CaseInsensitiveDict({"Content-Type": "application/json"})
    challenged = CaseInsensitiveDict({"WWW-Authenticate": 'Bearer error="invalid_token"'})
    samples = [_sample()]
    step = max(1, exchanges // 10)
    for number in range(exchanges):
        method, url, body, status, answer = _exchange(number)
        request = requests.PreparedRequest()
        request.method, request.url, request.body = method, url, body
        request.headers = bearer if status == 401 else form
        response = requests.Response()
        response.status_code, response._content = status, answer
        response.headers = challenged if status == 401 else typed
        response.request = request
        answers["next"] = response
        session.send(request, allow_redirects=True)
        if (number + 1) % step == 0:
            samples.append(_sample())
    return samples


def _exchange(n: int) -> tuple[str, str, bytes | None, int, bytes]:
    """Give method, URL, body, status and answer of the exchange ``n``."""
    host = f"https://login-{n}.example.com"
    token = f"{host}/oauth2/token"
    kind = n % 10
    if kind <= 2:
        body = f"grant_type=client_credentials&client_id=c{n}&client_secret=s{n}&scope=s{n}"
        answer = f'{{"access_token":"at{n}","token_type":"Bearer","expires_in":{n % 7200 + 60}}}'
        return "POST", token, body.encode(), 200, answer.encode()
    if kind <= 5:  # each sends what the one before it was given, or what nobody knows
        body = f"grant_type=refresh_token&refresh_token=rt{n}&client_id=c{n}"
        answer = (
            f'{{"access_token":"at{n}","token_type":"Bearer","expires_in":3600,'
            f'"refresh_token":"rt{n + 1}"}}'
        )
        return "POST", token, body.encode(), 200, answer.encode()
    if kind == 6:
        word = "".join(chr(97 + int(digit)) for digit in str(n))
        body = f"grant_type=authorization_code&code=c{n}&code_verifier=v{n}&client_id=c{n}"
        return "POST", token, body.encode(), 400, f'{{"error":"new_error_{word}"}}'.encode()
    if kind == 7:
        body = f"grant_type=urn:new:grant:{n}&client_id=c{n}&client_secret=s"
        return "POST", token, body.encode(), 503, f"<html>down {n}</html>".encode()
    if kind == 8 and n % 100 == 8:
        answer = f'{{"issuer":"{host}","token_endpoint":"{host}/get-{n}","jwks_uri":"{host}/k{n}"}}'
        return "GET", f"{host}/.well-known/openid-configuration", None, 200, answer.encode()
    if kind == 8:
        return "GET", f"https://api-{n}.example.com/v1/things/{n}", None, 401, b"{}"
    body = (
        f"response_type=code&client_id=c{n}&client_secret=s&state=st{n}"
        f"&code_challenge=ch{n}&code_challenge_method=S256"
    )
    answer = f'{{"request_uri":"urn:ietf:params:oauth:request_uri:{n}","expires_in":60}}'
    return "POST", f"{host}/par", body.encode(), 201, answer.encode()


def _measure(exchanges: int) -> tuple[list[Sample], list[Sample]]:
    """Run both, at once: they share nothing but the machine."""

    def start(kind: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "benchmarks.memory", kind, str(exchanges)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def samples(running: subprocess.Popen[str]) -> list[Sample]:
        told, _ = running.communicate()
        return [Sample(*sample) for sample in json.loads(told)]

    ours, bare = start("ours"), start("bare")
    return samples(ours), samples(bare)


def rows(exchanges: int) -> Iterator[Row]:
    """Measure what is held at the end, and what of it was gained after the first fifth."""
    ours, bare = _measure(exchanges)
    for name, of in _HELD:
        over = [of(mine) - of(other) for mine, other in zip(ours, bare, strict=True)]
        yield Row(f"{name} over the same run without us", over[-1] / MIB, None, "MiB", most=16)
        flat = 1 if exchanges >= _FILLS_LEDGER else None
        gain = (over[-1] - over[2]) / MIB
        yield Row(f"  {name}, gained after the first fifth", gain, None, "MiB", most=flat)
    gained = (ours[-1].blocks - ours[2].blocks) - (bare[-1].blocks - bare[2].blocks)
    yield Row("  Python's blocks, gained after the first fifth", gained, unit="")


if __name__ == "__main__":
    print(json.dumps(_program(int(sys.argv[2]), ours=sys.argv[1] == "ours")))
