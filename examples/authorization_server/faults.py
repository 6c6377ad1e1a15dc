"""Outages on demand: `POST /_faults` sets one, `DELETE /_faults` clears them all.

    {"endpoint": "token", "status": 503, "times": 3, "headers": {"Retry-After": "2"},
     "body": "<html>busy</html>", "content_type": "text/html"}
    {"endpoint": "token", "grant_type": "refresh_token", "hang": 1.5, "times": 1}
    {"endpoint": "token", "drop": true}
    {"endpoint": "token", "redirect": "/token2"}

`times` is how often it strikes (without it: until cleared), `grant_type` narrows it down, `hang`
waits before whatever else the fault does, and a fault that does nothing else lets the request
through. Of several that fit, the oldest strikes.
"""

import json
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from waitress.channel import ClientDisconnected

from .counting import App, StartResponse, grant_type_of
from .paths import ENDPOINTS, canonical, endpoint_of


@dataclass
class Fault:
    endpoint: str
    grant_type: str | None = None
    times: int | None = None
    hang: float = 0
    drop: bool = False
    redirect: str | None = None
    status: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    content_type: str | None = None

    def __post_init__(self) -> None:
        if self.endpoint not in ENDPOINTS.values():
            raise ValueError(f"no such endpoint: {self.endpoint}")

    def fits(self, path: str, grant_type: str | None) -> bool:
        return (
            endpoint_of(path) == self.endpoint
            and self.grant_type in (None, grant_type)
            and path != self.redirect  # a redirect is followed to an end
        )

    def answer(self) -> tuple[int, list[tuple[str, str]], bytes] | None:
        """Return what to answer, or None to let the request through."""
        if self.redirect:
            return self.status or 307, [("Location", self.redirect), *self.headers.items()], b""
        if self.status is None and self.body is None:
            return None
        text = isinstance(self.body, str)
        kind = self.content_type or ("text/html" if text else "application/json")
        body = (self.body if text else json.dumps(self.body or {})).encode()
        return self.status or 200, [("Content-Type", kind), *self.headers.items()], body


class Faults:
    def __init__(self, app: App) -> None:
        self._app = app
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/_faults":
            return self._control(environ, start_response)
        answer = None
        if self._faults:
            fault = self._strike(path, grant_type_of(environ))
            if fault:
                time.sleep(fault.hang)
                if fault.drop:
                    # How waitress says that nobody is there any more: it closes without an answer.
                    raise ClientDisconnected
                answer = fault.answer()
        if answer:
            return respond(start_response, *answer)
        environ["PATH_INFO"] = canonical(path)
        return self._app(environ, start_response)

    def _strike(self, path: str, grant_type: str | None) -> Fault | None:
        with self._lock:
            for fault in self._faults:
                if fault.fits(path, grant_type):
                    if fault.times is not None:
                        fault.times -= 1
                        if fault.times <= 0:
                            self._faults.remove(fault)
                    return fault
        return None

    def _control(self, environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        kind = [("Content-Type", "text/plain")]
        if environ["REQUEST_METHOD"] == "DELETE":
            with self._lock:
                self._faults.clear()
            return respond(start_response, 204, [], b"")
        try:
            sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            fault = Fault(**json.loads(sent))
        except (TypeError, ValueError) as error:
            return respond(start_response, 400, kind, str(error).encode())
        with self._lock:
            self._faults.append(fault)
        return respond(start_response, 201, kind, b"")


def respond(
    start_response: StartResponse, status: int, headers: list[tuple[str, str]], body: bytes
) -> list[bytes]:
    headers = [*headers, ("Content-Length", str(len(body)))]
    start_response(f"{status} {HTTPStatus(status).phrase}", headers)
    return [body]
