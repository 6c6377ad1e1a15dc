"""The server's own truth: what reached an OAuth endpoint, and what was answered.

It stands around everything else, so that a fault counts as what it did to the client. A request is
counted before its answer leaves: who has the answer finds it counted.
"""

import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from io import BytesIO
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from .paths import endpoint_of

StartResponse = Callable[..., Any]
App = Callable[[dict[str, Any], StartResponse], Iterable[bytes]]

#: `GET /_counts` waits this long for requests that are still being answered.
PATIENCE = 10.0
CHALLENGE_ERROR = re.compile(r'error="([^"]+)"')


class Row(NamedTuple):
    endpoint: str
    grant_type: str | None
    #: None where the connection was closed without an answer.
    status: int | None
    error: str | None


class Counting:
    def __init__(self, app: App) -> None:
        self._app = app
        self._changed = threading.Condition()
        self._rows: Counter[Row] = Counter()
        self._under_way = 0

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/_counts":
            return self._control(environ, start_response)
        endpoint = endpoint_of(path)
        if endpoint is None:
            return self._app(environ, start_response)
        with self._changed:
            self._under_way += 1
        row = Row(endpoint, grant_type_of(environ), None, None)
        try:
            status, headers, body = run(self._app, environ)
            row = row._replace(status=int(status[:3]), error=error_of(headers, body))
        finally:
            with self._changed:
                self._rows[row] += 1
                self._under_way -= 1
                self._changed.notify_all()
        start_response(status, headers)
        return [body]

    def _control(self, environ: dict[str, Any], start_response: StartResponse) -> list[bytes]:
        with self._changed:
            self._changed.wait_for(lambda: self._under_way == 0, PATIENCE)
            if environ["REQUEST_METHOD"] == "DELETE":
                self._rows.clear()
            rows = [{**row._asdict(), "count": n} for row, n in sorted(self._rows.items(), key=str)]
        body = json.dumps(rows).encode()
        start_response(
            "200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        )
        return [body]


def run(app: App, environ: dict[str, Any]) -> tuple[str, list[tuple[str, str]], bytes]:
    """Call a WSGI application and return its whole answer."""
    answer: list[Any] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info: object = None) -> None:
        answer[:] = status, headers

    chunks = app(environ, start)
    try:
        body = b"".join(chunks)
    finally:
        if hasattr(chunks, "close"):
            chunks.close()
    return answer[0], answer[1], body


def grant_type_of(environ: dict[str, Any]) -> str | None:
    """Read the grant type as it was sent, and put the body back for the application."""
    sent = environ.get("QUERY_STRING", "")
    if environ.get("CONTENT_TYPE", "").startswith("application/x-www-form-urlencoded"):
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        environ["wsgi.input"] = BytesIO(body)
        sent = f"{sent}&{body.decode('utf-8', 'replace')}"
    return parse_qs(sent).get("grant_type", [None])[0]


def error_of(headers: list[tuple[str, str]], body: bytes) -> str | None:
    """Read the OAuth error that an answer tells: in its JSON, its redirect or its challenge."""
    by_name = {name.lower(): value for name, value in headers}
    if by_name.get("content-type", "").startswith("application/json"):
        try:
            answer = json.loads(body or b"null")
        except ValueError:
            answer = None
        if isinstance(answer, dict) and isinstance(answer.get("error"), str):
            return answer["error"]
    location = urlsplit(by_name.get("location", ""))
    redirected = parse_qs(f"{location.query}&{location.fragment}").get("error")
    if redirected:
        return redirected[0]
    challenge = CHALLENGE_ERROR.search(by_name.get("www-authenticate", ""))
    return challenge[1] if challenge else None
