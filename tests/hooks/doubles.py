"""What stands in for the other side in these tests, through what users call.

`MockTransport` is httpx's own; requests has an adapter mounted on a session; where real sockets
matter (contrib's httpx instrumentation patches the real transport) a `Server` of the standard
library runs in a thread and counts what reaches it.
"""

from __future__ import annotations

import json
import ssl
import threading
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from typing import Any
from urllib.parse import urlsplit

import httpx
import requests
from requests.adapters import BaseAdapter
from urllib3.response import HTTPResponse

TOKEN = {"access_token": "Cnry-access", "token_type": "Bearer", "expires_in": 3600}
ENDPOINT = "https://as.example/token"
GRANT = {"grant_type": "client_credentials", "client_id": "app", "client_secret": "Cnry-secret"}


def token_span(**changes: Any) -> dict[str, Any]:
    """The whole span of `GRANT` sent to `ENDPOINT` and answered by `TOKEN`, but for ``changes``.

    Keywords that are attributes write a dot as two underscores; None takes one away.
    """
    span: dict[str, Any] = {
        "name": "token client_credentials",
        "kind": "CLIENT",
        "status": "UNSET",
        "description": None,
        "attributes": {
            "oauth.endpoint": "token",
            "oauth.grant_type": "client_credentials",
            "oauth.client_auth.method": "client_secret_post",
            "oauth.outcome": "success",
            "oauth.token.type": "Bearer",
            "oauth.token.expires_in": 3600,
            "http.response.status_code": 200,
            "server.address": "as.example",
            "url.path": "/token",
        },
        "events": [],
        "links": 0,
    }
    for name, value in changes.items():
        if name in span:
            span[name] = value
        elif value is None:
            span["attributes"].pop(name.replace("__", "."))
        else:
            span["attributes"][name.replace("__", ".")] = value
    return span


def unread_span(**changes: Any) -> dict[str, Any]:
    """As `token_span`, where nobody read the answer: its status is all that is known."""
    nothing_read = {"oauth__token__type": None, "oauth__token__expires_in": None}
    return token_span(**nothing_read | changes)


def failed_span(error_type: str, failure_class: str, **changes: Any) -> dict[str, Any]:
    """As `unread_span`, where no answer came: the exchange raised."""
    told: dict[str, Any] = {
        "status": "ERROR",
        "description": error_type,
        "error__type": error_type,
        "oauth__failure__class": failure_class,
        "oauth__outcome": "failure",
        "http__response__status_code": None,
    }
    return unread_span(**told | changes)


def answering(*answers: Any) -> httpx.MockTransport:
    """A transport that gives these answers in turn, the last for ever; an exception is raised."""
    left = list(answers)

    def handle(request: httpx.Request) -> httpx.Response:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, dict):
            return httpx.Response(200, json=answer)
        return answer

    return httpx.MockTransport(handle)


class Adapter(BaseAdapter):
    """Gives these answers in turn, the last for ever: ``(status, headers, body)`` or an exception."""

    def __init__(self, *answers: Any) -> None:
        super().__init__()
        self.answers = list(answers)
        self.seen: list[requests.PreparedRequest] = []

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:  # type: ignore[override]
        self.seen.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = answer(request)
        if isinstance(answer, BaseException):
            raise answer
        status, headers, body = (
            (200, {}, json.dumps(answer)) if isinstance(answer, dict) else answer
        )
        raw = HTTPResponse(
            BytesIO(body.encode()), headers, status, preload_content=False, decode_content=False
        )
        response = requests.Response()
        response.status_code = status
        response.headers = requests.structures.CaseInsensitiveDict(headers)
        response.raw = raw
        response.url = request.url or ""
        response.request = request
        response.connection = self  # type: ignore[attr-defined] - as HTTPAdapter does; Digest needs it
        return response

    def close(self) -> None:
        """Nothing to close."""


def session_with(*answers: Any) -> requests.Session:
    """A session whose every request an `Adapter` answers."""
    session = requests.Session()
    session.mount("https://", Adapter(*answers))
    return session


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients of a `Server`: to load the real certificates takes 20 ms each."""


class Server:
    """A real server on a real socket; ``hits`` counts what reached it, by method and path."""

    def __init__(self) -> None:
        self.hits: Counter[str] = Counter()
        self.routes: dict[str, Callable[[BaseHTTPRequestHandler], None]] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                outer.hits[f"{self.command} {path}"] += 1
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                outer.routes.get(path, _answer_token)(self)

            do_POST = do_GET  # noqa: N815 - http.server wants it so

            def log_message(self, *args: Any) -> None:
                """Be quiet."""

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: Any, client_address: Any) -> None:
                """Be quiet: a client that breaks off is what some tests want."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def answer(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str) -> None:
    """Answer a request of a `Server`."""
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)


def _answer_token(handler: BaseHTTPRequestHandler) -> None:
    answer(handler, 200, json.dumps(TOKEN).encode(), Content_Type="application/json")
